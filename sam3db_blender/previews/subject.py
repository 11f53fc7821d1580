"""The people to be rendered, read from the scene as plain arrays: rendering never changes the scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CAMERA_TO_BLENDER_CAMERA
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import Photo, read_photo
from native_runtime.render.paint import Paint
from native_runtime.render.pictures import PhotoView
from native_runtime.render.raster import Surface, View
from native_runtime.render.studio import TINTS

from ..rig.arrays import evaluated_surface, evaluated_uvs
from ..rig.mesh import BODY_PROPERTY
from ..rig.worn import is_worn
from ..scene.belongings import belongings_of
from ..scene.camera import camera_of, camera_settings
from ..scene.materials import USUAL
from ..scene.person_colours import colours_of
from ..scene.provenance import is_character
from ..scene.readback import units_of
from ..scene.source import photo_of
from ..scene.textured import picture_of, pixels_of
from ..scene.viewpoints import viewpoint_of
from .colours import own_colours, shades

Pixels = NDArray[np.uint8]

#: Hair and clothes keep their colours, but black ones would hide their shape.
_DARKEST_WORN = 0.03


def groups_of(scene: bpy.types.Scene) -> list[list[bpy.types.Object]]:
    """The rigs of a scene whose characters are to be seen, those of one photo together, in the order of their names."""
    groups: dict[str, list[bpy.types.Object]] = {}
    for rig in sorted((obj for obj in scene.objects if is_character(obj)), key=lambda obj: obj.name):
        if meshes_of(rig):
            try:
                camera = camera_of(rig).name_full
            except Sam3dbError:
                camera = ""
            groups.setdefault(camera, []).append(rig)
    return list(groups.values())


def meshes_of(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """A character's meshes, clothes and props included, less what is hidden from view or from renders."""
    scene: Any = bpy.context.scene
    meshes, _ = belongings_of(rig, scene.objects)
    return [mesh.obj for mesh in meshes if not mesh.is_hidden]


def surface_of(rigs: Sequence[bpy.types.Object], textured: bool = True) -> Surface:
    """All characters as Blender evaluates them now, in metres, each in its own colours, or in a tint where these are
    not known; what was made for them to wear has its colours.

    Args:
        textured: with their own colours and the pictures that their materials show; else in tints.

    Raises:
        Sam3dbError: there is nothing to be seen of them.
    """
    depsgraph, units = bpy.context.evaluated_depsgraph_get(), units_of(rigs[0])
    vertices, triangles, colours, edges, two_sided, count = [], [], [], [], [], 0
    pictures = _Pictures()
    for number, rig in enumerate(rigs):
        own = _has_own_colours(rig)
        for mesh in meshes_of(rig):
            points, faces, materials, sides = evaluated_surface(mesh, depsgraph)
            points /= units
            if not len(faces):
                continue
            vertices.append(points)
            triangles.append(faces + count)
            edges.append(sides)
            two_sided.append(np.full(len(faces), mesh.get(BODY_PROPERTY) is None))
            tint = TINTS[number % len(TINTS)]
            if is_worn(mesh):
                colours.append(np.maximum(own_colours(mesh, len(points), faces, materials), _DARKEST_WORN))
            elif textured and (own or any(picture_of(slot.material) for slot in mesh.material_slots)):
                colours.append(own_colours(mesh, len(points), faces, materials))
            else:
                colours.append(shades(mesh, len(points), faces, materials)[:, None] * tint)
            count += len(points)
            if textured:
                pictures.add(mesh, depsgraph, materials)
    if not vertices:
        raise Sam3dbError("The characters are hidden: show them, and their meshes, in the outliner.")
    return Surface(
        np.concatenate(vertices),
        np.concatenate(triangles),
        np.concatenate(colours),
        np.concatenate(edges),
        np.concatenate(two_sided),
        pictures.paint(),
    )


class _Pictures:
    """The pictures of meshes, one mesh after the other."""

    def __init__(self) -> None:
        self._uvs: list[NDArray[np.float32]] = []
        self._numbers: list[NDArray[np.int64]] = []
        self._images: list[bpy.types.Image] = []

    def add(self, mesh: bpy.types.Object, depsgraph: bpy.types.Depsgraph, materials: NDArray[np.int32]) -> None:
        """A mesh whose triangles have these material slots (T,)."""
        shown = [picture_of(slot.material) for slot in mesh.material_slots]
        uvs = evaluated_uvs(mesh, depsgraph) if any(shown) else None
        numbers = np.full(max(len(shown), 1), -1)
        for slot, image in enumerate(shown):
            if image is not None and uvs is not None:
                if image not in self._images:
                    self._images.append(image)
                numbers[slot] = self._images.index(image)
        self._uvs.append(np.zeros((len(materials), 3, 2), np.float32) if uvs is None else uvs)
        self._numbers.append(numbers[np.clip(materials, 0, len(numbers) - 1)])

    def paint(self) -> Paint | None:
        """All of them together; None where there is no picture."""
        if not self._images:
            return None
        pictures = tuple(pixels_of(image) for image in self._images)
        return Paint(np.concatenate(self._uvs), np.concatenate(self._numbers), pictures)


def _has_own_colours(rig: bpy.types.Object) -> bool:
    """Whether it is known what colours a person has."""
    try:
        return colours_of(rig) != USUAL
    except (Sam3dbError, KeyError, TypeError):
        return False


def photo_view_of(rig: bpy.types.Object, photo: Photo | None = None, view: int = 0) -> PhotoView:
    """The photo of a character and its camera as they stand in the scene now.

    Args:
        photo: as it was read, where it is at hand; else it is found by the .blend.
        view: the photo's number, where the character has several.

    Raises:
        Sam3dbError: the camera or the photo is gone, or the camera shows no perspective any more.
    """
    seen = viewpoint_of(rig, view)  # without a camera, that is the error to report
    width, height = (int(n) for n in seen.image_size)
    pixels = (photo or read_photo(photo_of(rig, (width, height), view).path)).pixels
    return PhotoView(pixels, camera_view(rig, pixels.shape[1], pixels.shape[0], view))


def camera_view(rig: bpy.types.Object, width: int, height: int, view: int = 0) -> View:
    """What the camera of a character's photo sees, as ``width`` x ``height`` pixels.

    Args:
        view: the photo's number, where the character has several.

    Raises:
        Sam3dbError: there is no camera any more, or it shows no perspective.
    """
    seen = viewpoint_of(rig, view)
    camera: Any = seen.camera
    if camera.type != "CAMERA" or camera.data.type != "PERSP":
        raise Sam3dbError(f"'{camera.name}' is no longer a perspective camera, which the photo needs.")
    depsgraph = bpy.context.evaluated_depsgraph_get()
    aspects = camera_settings(seen.intrinsics, seen.image_size)
    # Blender's own matrix, so that whatever decides about it is heeded: lens, shift, sensor, drivers
    projection = np.array(
        camera.evaluated_get(depsgraph).calc_matrix_camera(
            depsgraph, x=width, y=height, scale_x=aspects.pixel_aspect_x, scale_y=aspects.pixel_aspect_y
        ),
        dtype=np.float64,
    )
    # its pixels are counted from the picture's corner, ours from the centre of the first pixel
    intrinsics = np.array(
        [
            [projection[0, 0] * width / 2, 0.0, (1 - projection[0, 2]) * width / 2 - 0.5],
            [0.0, projection[1, 1] * height / 2, (1 + projection[1, 2]) * height / 2 - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )
    matrix = np.array(camera.evaluated_get(depsgraph).matrix_world, dtype=np.float64)
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0) @ CAMERA_TO_BLENDER_CAMERA
    return View(intrinsics, axes, matrix[:3, 3] / units_of(rig), width, height)


def heading_of(rig: bpy.types.Object) -> float:
    """In which direction the photo was taken: radians about the vertical, 0 along +y; 0 too where nobody knows."""
    try:
        forward = camera_view(rig, 1, 1).axes[:, 2]
    except Sam3dbError:
        return 0.0
    return float(np.arctan2(-forward[0], forward[1])) if np.hypot(forward[0], forward[1]) > 1e-3 else 0.0
