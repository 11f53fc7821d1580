"""MHR's pose correctives on the mesh: shape keys with the corrections of one pose, or of many.

The official bodies' corrections are a small network's answer to the pose: thousands of components that are not linear
in anything an artist could turn, so they cannot be drivers (the default body's can, see ``driven``). What they come to
in one pose is one set of offsets before skinning, which is exactly a shape key. For a range of frames the offsets are
compressed into as few shape keys as keep every vertex within a tolerance (a principal component analysis), each with
its weight keyed on every frame: the file stays small, plays at full speed, and needs no extension.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import bpy

from native_runtime.errors import Sam3dbError

from .. import compat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from native_runtime.mhr import Body

    Array = NDArray[np.float64]

#: All keys that this module makes begin so.
PREFIX = "Pose Corrective"


def bake_pose(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body) -> bpy.types.ShapeKey:
    """The corrections of the pose as it stands in one shape key; earlier ones are replaced."""
    from native_runtime.characters.corrections import corrections

    from .pose import read_joint_parameters

    require_free(mesh)
    offsets = corrections(body, read_joint_parameters(rig, body))
    keys = _keys(mesh)
    if len(keys) != 1 or _is_keyed(mesh):
        remove(mesh)
    key = write_correction(mesh, offsets)
    correct_worn(rig, mesh)
    return key


def require_free(mesh: bpy.types.Object) -> None:
    """Raises Sam3dbError where a mesh's correctives follow the pose by drivers: others would be added to them."""
    from .driven import has_driven_correctives

    if has_driven_correctives(mesh):
        raise Sam3dbError(f"The pose correctives of '{mesh.name}' follow the pose already, by drivers.")


def write_correction(mesh: bpy.types.Object, offsets: NDArray[np.float32]) -> bpy.types.ShapeKey:
    """Puts offsets (V, 3) m into the shape key of the current pose; it is made where it does not exist."""
    from .arrays import add_shape_key, fill, take

    basis = take(mesh.data.shape_keys.reference_key.points, "co", 3)
    keys = _keys(mesh)
    if not keys:
        key = add_shape_key(mesh, PREFIX, basis + offsets)
        key.value = 1.0
        return key
    fill(keys[0].points, "co", basis + offsets)
    # points are not watched: without this Blender goes on showing the old ones
    mesh.data.update_tag()
    return keys[0]


def bake_range(
    rig: bpy.types.Object,
    mesh: bpy.types.Object,
    body: Body,
    frames: Iterable[int],
    tolerance_mm: float,
) -> int:
    """The corrections of a range of frames as shape keys with keyed weights; earlier ones are replaced.

    Args:
        tolerance_mm: how far any vertex may lie from its exact correction on any of the frames.

    Returns:
        The number of shape keys.
    """
    import numpy as np

    from native_runtime.characters.corrections import compress, corrections

    from .arrays import add_shape_key, take
    from .pose import read_joint_parameters

    require_free(mesh)
    scene = bpy.context.scene
    numbers = list(frames)
    if not numbers:
        raise Sam3dbError("The frame range is empty.")
    current = scene.frame_current
    offsets = np.empty((len(numbers), body.vertex_count, 3), np.float32)
    try:
        for row, frame in enumerate(numbers):
            scene.frame_set(frame)
            offsets[row] = corrections(body, read_joint_parameters(rig, body))
    finally:
        scene.frame_set(current)
    shapes, weights = compress(offsets, tolerance_mm / 1000.0)
    remove(mesh)
    basis = take(mesh.data.shape_keys.reference_key.points, "co", 3)
    for number, (shape, course) in enumerate(zip(shapes, weights.T), start=1):
        key = add_shape_key(mesh, f"{PREFIX} {number:02d}", basis + shape)
        key.slider_min, key.slider_max = -1.0, 1.0
        for frame, weight in zip(numbers, course.tolist()):
            key.value = weight
            key.keyframe_insert("value", frame=frame)
    correct_worn(rig, mesh)
    scene.frame_set(current)
    return len(shapes)


def correct_worn(rig: bpy.types.Object, mesh: bpy.types.Object) -> None:
    """Gives what a character wears the corrections that its body's mesh has, as far as they move it."""
    from .arrays import add_shape_key, fill, take
    from .worn import carried, worn_by

    keys: Any = mesh.data.shape_keys
    if keys is None:
        return
    made = _keys(mesh)
    basis = take(keys.reference_key.points, "co", 3)
    for worn in worn_by(rig):
        own: Any = worn.data.shape_keys  # type: ignore[union-attr]
        if own is None or {key.name for key in _keys(worn)} - {key.name for key in made}:
            remove(worn)
        for key in made:
            offsets = carried(worn, take(key.points, "co", 3) - basis)
            if offsets is None:
                break
            points = take(own.reference_key.points, "co", 3) + offsets
            copy = own.key_blocks.get(key.name) or add_shape_key(worn, key.name, points)
            fill(copy.points, "co", points)
            copy.slider_min, copy.slider_max = key.slider_min, key.slider_max
            if _is_keyed(mesh):
                _follow(copy, keys, key.name)
            else:
                copy.value = key.value
        worn.data.update_tag()  # type: ignore[union-attr]


def _follow(key: bpy.types.ShapeKey, keys: bpy.types.Key, name: str) -> None:
    """Drives a shape key by the one of that name among other shape keys."""
    key.driver_remove("value")
    driver: Any = key.driver_add("value").driver  # type: ignore[union-attr]
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.name = "value"
    target = variable.targets[0]
    target.id_type = "KEY"
    target.id = keys
    target.data_path = f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'


def remove(mesh: bpy.types.Object) -> int:
    """Takes all corrections and their animation away, from what is worn as well; returns how many shape keys of the
    mesh they were.
    """
    from .worn import is_worn, worn_by

    if mesh.parent is not None and not is_worn(mesh):
        for worn in worn_by(mesh.parent):
            remove(worn)
    if mesh.data.shape_keys is None:
        return 0
    keys = _keys(mesh)
    for curves, curve in list(compat.animation_curves(mesh.data.shape_keys)):
        if curve.data_path.startswith(f'key_blocks["{PREFIX}'):
            curves.remove(curve)
    for key in keys:
        mesh.shape_key_remove(key)
    return len(keys)


def _keys(mesh: bpy.types.Object) -> list[bpy.types.ShapeKey]:
    return [key for key in mesh.data.shape_keys.key_blocks if key.name.startswith(PREFIX)]


def _is_keyed(mesh: bpy.types.Object) -> bool:
    return any(
        curve.data_path.startswith(f'key_blocks["{PREFIX}')
        for _, curve in compat.animation_curves(mesh.data.shape_keys)
    )
