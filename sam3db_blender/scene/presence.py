"""When a character of a video is in the picture: on other frames its meshes are hidden.

A custom property of the rig says so, which its action keys, so that it goes wherever the action goes, NLA strips
included. Drivers hide the meshes by it, in the viewport and in renders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import compat
from ..rig.arrays import fill

if TYPE_CHECKING:
    import bpy

#: The custom property of a rig: 1 while the character is not in the picture.
AWAY = "sam3db_away"
#: Its data path.
PATH = f'["{AWAY}"]'
_SWITCHES = ("hide_viewport", "hide_render")
#: Blender's number of the interpolation that holds a value.
_CONSTANT = 0


def key_presence(rig: bpy.types.Object, meshes: Sequence[bpy.types.Object], frames: range, shown: range) -> None:
    """Hides meshes of a character on the frames on which it is not in the picture, by keys in the action of its rig.

    Nothing is keyed where it is in the picture all the time.

    Args:
        frames: on which it is; shown: those of all characters of its footage.
    """
    keys = [(frames.start, 0.0)]
    if frames.start > shown.start:
        keys.insert(0, (frames.start - 1, 1.0))
    if frames.stop < shown.stop:
        keys.append((frames.stop, 1.0))
    if len(keys) == 1:
        return
    rig[AWAY] = 0.0
    rig.property_overridable_library_set(PATH, True)
    points = compat.curve_of(rig, PATH, 0, "").keyframe_points
    points.add(len(keys))
    fill(points, "co", np.array(keys, dtype=np.float64))
    fill(points, "interpolation", np.full(len(keys), _CONSTANT), np.int32)
    for mesh in meshes:
        _hide_by(rig, mesh)


def hide_alike(obj: bpy.types.Object, mesh: bpy.types.Object) -> None:
    """Hides a mesh whenever another one of the character is hidden because it is not in the picture."""
    rig = next((curve.driver.variables[0].targets[0].id for curve in _drivers(mesh) if curve.driver is not None), None)
    if rig is not None:
        _hide_by(rig, obj)


def _hide_by(rig: Any, mesh: bpy.types.Object) -> None:
    for switch in _SWITCHES:
        driver: Any = mesh.driver_add(switch).driver  # type: ignore[union-attr]
        driver.type = "AVERAGE"  # no script, which Blender may be told not to run
        variable = driver.variables.new()
        variable.name = "away"
        variable.targets[0].id, variable.targets[0].data_path = rig, PATH


def is_away(mesh: bpy.types.Object) -> bool:
    """Whether a mesh is hidden because its character is not in the picture on this frame."""
    return any(
        curve.driver.variables[0].targets[0].id.get(AWAY, 0.0) > 0.0  # type: ignore[union-attr]
        for curve in _drivers(mesh)
    )


def show_always(mesh: bpy.types.Object, undo: ExitStack) -> None:
    """Keeps keys from hiding a mesh until ``undo``."""
    for curve in _drivers(mesh):
        curve.mute = True
        undo.callback(mesh.update_tag)
        undo.callback(setattr, curve, "mute", False)
    mesh.update_tag()


def _drivers(mesh: bpy.types.Object) -> Iterator[bpy.types.FCurve]:
    animation = mesh.animation_data
    for curve in () if animation is None else animation.drivers:
        if curve.data_path in _SWITCHES and not curve.mute and curve.driver is not None:
            targets: list[Any] = [target for variable in curve.driver.variables for target in variable.targets]
            if len(targets) == 1 and targets[0].data_path == PATH and targets[0].id is not None:
                yield curve
