"""A character's texture from its photo, as both stand in the scene now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.texture.alignment import FACE_POINTS
from native_runtime.texture.making import make_texture
from native_runtime.texture.projection import Shot
from native_runtime.texture.request import DEFAULT_SIZE

from ..masks import store as masks
from ..previews.subject import groups_of, meshes_of, photo_view_of
from ..rig.arrays import evaluated_surface, evaluated_vertices
from ..scene.bodies import body_mesh
from ..scene.lookup import require_own
from ..scene.provenance import read_origin
from ..scene.readback import units_of
from ..scene.textured import record_of, wear

if TYPE_CHECKING:
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body
    from native_runtime.texture.making import Texture

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class TextureHints:
    """What is known of where a person is in the photo, besides the body. All are (H, W) of the original photo.

    Attributes:
        segmentation: the person, by a coarse segmentation.
        strangers: other people.
        mask: the person, as somebody drew it.
        face: (4, 2) px, where the points of ``alignment.FACE_POINTS`` are seen.
    """

    segmentation: Bools | None = None
    strangers: Bools | None = None
    mask: Bools | None = None
    face: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Projection:
    """Everything that a texture is made from, without Blender.

    Attributes:
        sources: what the record says of it.
    """

    body: Body
    shot: Shot
    sources: dict[str, Any]
    size: int = DEFAULT_SIZE
    light: bool = True

    def make(self) -> Texture:
        """The texture; it may be made in another thread."""
        return make_texture(self.body, [self.shot], self.size, self.light)


def projection_of(
    rig: bpy.types.Object,
    body: Body,
    size: int = DEFAULT_SIZE,
    light: bool = True,
    photo: Photo | None = None,
    hints: TextureHints = TextureHints(),
) -> Projection:
    """What a character's texture would be made from now: pose, shape, camera and mask as they are.

    Args:
        body: the character's.
        photo: as it was read, where it is at hand; else it is found by the .blend.
        hints: a mask that the character has comes before theirs.

    Raises:
        Sam3dbError: photo, camera or mesh are gone, or the mesh has other vertices than the body.
    """
    require_own(rig)
    mesh = body_mesh(rig)
    seen = photo_view_of(rig, photo)
    units = units_of(rig)
    points = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
    if len(points) != body.vertex_count:
        raise Sam3dbError(
            f"'{mesh.name}' has {len(points)} vertices now, and its body {body.vertex_count}: switch off modifiers "
            "that add or remove vertices while the texture is made."
        )
    own = masks.read_own_mask(rig) if masks.has_mask(rig) else hints.mask
    given = [
        None if mask is None else _as_large(mask, seen.pixels) for mask in (own, hints.segmentation, hints.strangers)
    ]
    face = _known_face(mesh) if hints.face is None else hints.face
    width, height = (int(n) for n in read_origin(rig).arrays["image_size"])
    scale = np.array([seen.view.width / width, seen.view.height / height])
    shot = Shot(
        seen.pixels,
        seen.view.intrinsics,
        seen.view.local(points / units),
        _others(rig, seen.view),
        mask=given[0],
        hint=given[1],
        strangers=given[2],
        face=None if face is None else (face + 0.5) * scale - 0.5,
    )
    details = read_origin(rig).details
    sources = {
        "photos": [{"name": str(details.get("photo", ""))}],
        "body_name": body.name,
        "body_hash": body.hash,
        "files": {},
    }
    if face is not None:
        sources["face_points"] = np.round(face, 2).tolist()
    return Projection(body, shot, sources, size, light)


def put_on(rig: bpy.types.Object, made: Projection, texture: Texture) -> None:
    """Lays a texture on a character.

    Raises:
        Sam3dbError: it has no mesh any more.
    """
    wear(body_mesh(rig), texture, rig.name.removesuffix(" Rig"), made.sources, units_of(rig))


def texture_people(
    rigs: Sequence[bpy.types.Object], body: Body, photo: Photo, hints: Sequence[TextureHints]
) -> list[dict[str, Any]]:
    """Gives the people of one photo their textures; what was done for each.

    Args:
        hints: for each of them.

    Raises:
        Sam3dbError: see ``projection_of``.
    """
    facts = []
    for rig, known in zip(rigs, hints, strict=True):
        made = projection_of(rig, body, photo=photo, hints=known)
        texture = made.make()
        put_on(rig, made, texture)
        facts.append(texture.facts)
    return facts


def _others(rig: bpy.types.Object, view: Any) -> tuple[tuple[NDArray[np.float64], NDArray[np.int32]], ...]:
    """Everybody else of the same photo, as its camera sees them."""
    scene: Any = bpy.context.scene
    depsgraph = bpy.context.evaluated_depsgraph_get()
    found = []
    for group in groups_of(scene):
        if rig not in group:
            continue
        for other in group:
            for mesh in () if other == rig else meshes_of(other):
                points, triangles, *_ = evaluated_surface(mesh, depsgraph)
                if len(triangles):
                    found.append((view.local(points / units_of(rig)), triangles))
    return tuple(found)


def _known_face(mesh: bpy.types.Object) -> NDArray[np.float64] | None:
    """Where the photo shows the face, as the record of an earlier texture has it."""
    points = np.array((record_of(mesh) or {}).get("face_points", ()), np.float64)
    return points if points.shape == (len(FACE_POINTS), 2) else None


def _as_large(mask: Bools, pixels: NDArray[np.uint8]) -> Bools:
    """A mask of the original photo as one of its working pixels."""
    if mask.shape == pixels.shape[:2]:
        return mask
    size = (pixels.shape[1], pixels.shape[0])
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5)
