"""A character's texture from its photos, as all stand in the scene now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.bounds import TEXTURE_SIZE
from native_runtime.errors import Sam3dbError
from native_runtime.texture.alignment import FACE_POINTS
from native_runtime.texture.files import EncodedTexture
from native_runtime.texture.hints import read_hints, with_hints
from native_runtime.texture.making import make_texture
from native_runtime.texture.projection import Shot

from ..masks import store as masks
from ..previews.subject import groups_of, meshes_of, photo_view_of
from ..rig.arrays import evaluated_surface, evaluated_vertices
from ..scene.bodies import body_mesh
from ..scene.camera import cameras_of
from ..scene.lookup import require_own
from ..scene.provenance import read_origin
from ..scene.readback import units_of
from ..scene.textured import put_on, record_of
from ..scene.viewpoints import characters_of_body, numbers_of, read_views, viewpoint_of

if TYPE_CHECKING:
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body
    from native_runtime.render.raster import View
    from native_runtime.texture.making import Texture

Bools = NDArray[np.bool_]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """Everything that a texture is made from, without Blender.

    Attributes:
        shots: the photos, at least one.
        sources: what the record says of it.
    """

    body: Body
    shots: tuple[Shot, ...]
    sources: dict[str, Any]
    size: int = TEXTURE_SIZE
    light: bool = True

    def make(self) -> Texture:
        """The texture; it may be made in another thread."""
        return make_texture(self.body, self.shots, self.size, self.light)


def projection_of(
    rig: bpy.types.Object,
    body: Body,
    size: int = TEXTURE_SIZE,
    light: bool = True,
    photo: Photo | None = None,
    mask: Bools | None = None,
) -> Projection:
    """What a character's texture would be made from now: pose, shape, cameras and masks as they are.

    All photos of the body count: the views of a character, and the photos of the other characters of one body. Of the
    other characters those are left out whose mesh, photo or camera cannot be used now.

    Args:
        body: the character's.
        photo: as it was read, where it is at hand; else it is found by the .blend.
        mask: (H, W) of the original photo: the person, as somebody drew it; a mask that the character has comes before
            it.

    Raises:
        Sam3dbError: photo, camera or mesh are gone, or the mesh has other vertices than the body.
    """
    require_own(rig)
    shots, names = [], []
    for other in (rig, *(one for one in characters_of_body(rig) if one != rig)):
        for view in numbers_of(other):
            first = other == rig and view == 0
            if view and view not in cameras_of(other):
                continue
            try:
                shots.append(_shot_of(other, view, body, photo if first else None, mask if first else None))
            except Sam3dbError:
                if first:
                    raise
                continue
            names.append(_photo_name(other, view))
    sources = {
        "photos": [{"name": name} for name in names],
        "body_name": body.name,
        "body_hash": body.hash,
        "files": {},
    }
    return Projection(body, tuple(shots), sources, size, light)


def texture_people(
    rigs: Sequence[bpy.types.Object], body: Body, photo: Photo | None = None, mask: Bools | None = None
) -> tuple[str, ...]:
    """Gives the people of one photo their textures; why somebody got none, for people to read.

    Args:
        photo: as of ``projection_of``.
        mask: as of ``projection_of``, for one person.
    """
    notes = []
    for rig in rigs:
        try:
            made = projection_of(rig, body, photo=photo, mask=mask)
            put_on(rig, EncodedTexture.of(made.make()), made.sources)
        except Sam3dbError as error:
            notes.append(f"'{rig.name}' got no texture: {error}")
    return tuple(notes)


def _shot_of(rig: bpy.types.Object, view: int, body: Body, photo: Photo | None, mask: Bools | None) -> Shot:
    """One photo of a character, as both stand in the scene now."""
    seen, mesh, units = photo_view_of(rig, photo, view), body_mesh(rig), units_of(rig)
    points = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
    if len(points) != body.vertex_count:
        raise Sam3dbError(
            f"'{mesh.name}' has {len(points)} vertices now, and its body {body.vertex_count}: switch off modifiers "
            "that add or remove vertices while the texture is made."
        )
    about = viewpoint_of(rig, view)
    original, size = tuple(int(n) for n in about.image_size), (seen.view.width, seen.view.height)
    hints = read_hints(about.details, original, size)
    if view == 0 and masks.has_mask(rig):
        mask = masks.read_own_mask(rig)
    shot = Shot(
        seen.pixels,
        seen.view.intrinsics,
        seen.view.local(points / units),
        _others(rig, seen.view),
        mask=None if mask is None else _as_large(mask, seen.pixels),
    )
    shot = with_hints(shot, hints)
    earlier = _recorded_face(mesh) if hints.face is None and view == 0 else None
    return shot if earlier is None else replace(shot, face=(earlier + 0.5) * np.divide(size, original) - 0.5)


def _photo_name(rig: bpy.types.Object, view: int) -> str:
    views = read_views(rig)
    return str(read_origin(rig).details.get("photo", "")) if views is None else views.views[view].photo


def _others(rig: bpy.types.Object, view: View) -> tuple[tuple[Array, NDArray[np.int32]], ...]:
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


def _recorded_face(mesh: bpy.types.Object) -> Array | None:
    """Where the photo shows the face, px of the original photo, as textures of earlier versions recorded it."""
    points = np.array((record_of(mesh) or {}).get("face_points", ()), np.float64)
    return points if points.shape == (len(FACE_POINTS), 2) else None


def _as_large(mask: Bools, pixels: NDArray[np.uint8]) -> Bools:
    """A mask of the original photo as one of its working pixels."""
    import cv2

    if mask.shape == pixels.shape[:2]:
        return mask
    size = (pixels.shape[1], pixels.shape[0])
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5)
