"""What a scene already contains: boxes around the people of its photos, their cameras' views, and other things."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import blender_camera_matrix
from native_runtime.characters.beside import Footprint, View

from .camera import CAMERA
from .provenance import is_character, read_origin
from .units import metres_per_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

Array = NDArray[np.float64]

#: How far to the side, per m, a camera may look for it to count as looking along +y.
_AHEAD = 1e-3
#: The types of objects that can hide somebody.
_SOLID = ("MESH", "CURVE", "SURFACE", "META", "FONT", "VOLUME", "POINTCLOUD", "CURVES")


def footprints(scene: bpy.types.Scene) -> list[Footprint]:
    """What each photo of a scene takes up now, m; people without a camera count as a photo of their own."""
    photos: dict[bpy.types.Object | None, list[bpy.types.Object]] = {}
    for rig in scene.objects:
        if is_character(rig):
            photos.setdefault(rig.get(CAMERA), []).append(rig)
    found = []
    for camera, rigs in photos.items():
        corners = [points for rig in rigs if len(points := _corners(rig))]
        if corners:
            box = metres_per_unit(scene) * np.concatenate(corners)
            found.append(Footprint(box.min(axis=0), box.max(axis=0), _view(scene, camera, rigs[0])))
    return found


def things(scene: bpy.types.Scene) -> list[Footprint]:
    """What else is to be seen in a scene, m: the artist's own objects, each with its box."""
    people = {rig for rig in scene.objects if is_character(rig)}
    own = {part for rig in people for part in rig.children_recursive}
    others = (obj for obj in scene.objects if obj.type in _SOLID and obj not in own and obj.visible_get())
    boxes = [metres_per_unit(scene) * _box_corners([obj]) for obj in others]
    return [Footprint(box.min(axis=0), box.max(axis=0)) for box in boxes]


def _corners(rig: bpy.types.Object) -> Array:
    """The corners (N, 3) of the boxes around what hangs on a rig, world units."""
    return _box_corners(child for child in rig.children_recursive if child.type == "MESH")


def _box_corners(objects: Iterable[bpy.types.Object]) -> Array:
    """The corners (N, 3) of the boxes around objects, world units."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    corners = [np.zeros((0, 3))]
    for mesh in objects:
        seen = mesh.evaluated_get(depsgraph)
        world = np.array(seen.matrix_world, dtype=np.float64)
        corners.append(np.array(seen.bound_box, dtype=np.float64) @ world[:3, :3].T + world[:3, 3])
    return np.concatenate(corners)


def _view(scene: bpy.types.Scene, camera: bpy.types.Object | None, rig: bpy.types.Object) -> View | None:
    """What a photo's camera sees; None where it is gone, or looks elsewhere than along +y, level or tilted."""
    if camera is None:
        return None
    matrix = np.array(camera.matrix_world.normalized(), dtype=np.float64)
    turn = matrix[:3, :3] @ blender_camera_matrix(np.zeros(3))[:3, :3].T
    if abs(turn[0, 1]) > _AHEAD or turn[1, 1] <= 0.0:
        return None
    arrays = read_origin(rig).arrays
    return View.of(metres_per_unit(scene) * matrix[:3, 3], arrays["intrinsics"], arrays["image_size"], turn)
