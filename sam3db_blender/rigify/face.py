"""The face's sliders as bones of the Rigify rig: their shapes, and the drivers from them to the rig's sliders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.rigify.face import PANEL, FacePanel
from native_runtime.errors import Sam3dbError

from ..rig.drivers import drive
from ..rig.properties import slider_path
from ..rig.rigify_pose import FACE, TRACK, pose_face

Array = NDArray[np.float64]

#: What the drivers of sliders read, and how they scale it.
_PLACE, _SCALED = re.compile(r'pose\.bones\["face_[^"]+"\]\.location\[1\]'), re.compile(r"[\d.e+-]+ \* v0")
# m of one track
_KNOB, _TICK, _LETTER = 0.16, 0.1, 0.45


def dress_face(
    metarig: bpy.types.Object, panel: FacePanel, shapes: Mapping[str, bpy.types.Object] = MappingProxyType({})
) -> None:
    """Gives the bones of the panel their shapes and locks; Rigify copies both.

    Args:
        shapes: those that bones had before, by the bones' names; they are taken again.
    """
    first = panel.sliders[0].bone if panel.sliders else ""
    knob = shapes.get(first) or _shape(f"{metarig.name} Knob", *_knob(panel))
    plate = shapes.get(PANEL) or _shape(f"{metarig.name} Face", *_plate(panel))
    bones: Any = metarig.pose.bones
    for name, shape in ((PANEL, plate), *((slider.bone, knob) for slider in panel.sliders)):
        bone = bones[name]
        bone.custom_shape = shape
        bone.use_custom_shape_bone_size = False
        bone.rotation_mode = "XYZ"
        bone.lock_rotation = bone.lock_scale = (name != PANEL,) * 3
        bone.lock_location = (name != PANEL, False, name != PANEL)
    for slider in panel.sliders:
        limit = bones[slider.bone].constraints.new("LIMIT_LOCATION")
        limit.owner_space = "LOCAL"
        limit.use_transform_limit = limit.use_min_y = limit.use_max_y = True
        limit.min_y, limit.max_y = -panel.track, 2.0 * panel.track


def require_undriven(rig: bpy.types.Object, keys: list[str]) -> None:
    """Raises a Sam3dbError where an artist's own driver moves a slider of the face.

    Drivers that a Rigify rig left when it was deleted by hand are none: ``attach_face`` replaces them.
    """
    animation = rig.animation_data
    for key in keys:
        curve = None if animation is None else animation.drivers.find(slider_path(key))
        if curve is not None and not _is_left_over(curve):
            raise Sam3dbError(
                f"A driver of your own moves the slider '{key}' of '{rig.name}', which the face's controls of the "
                "Rigify rig would move as well: remove the driver first."
            )


def attach_face(rig: bpy.types.Object, rigify: bpy.types.Object, panel: FacePanel) -> None:
    """Lets the bones of the panel move the rig's sliders; the bones begin where the sliders are."""
    rigify[FACE] = {slider.key: slider.bone for slider in panel.sliders}
    rigify[TRACK] = panel.track
    pose_face(rigify, {slider.key: float(rig[slider.key]) for slider in panel.sliders})
    for slider in panel.sliders:
        place = f'pose.bones["{slider.bone}"].location[1]'
        rig.driver_remove(slider_path(slider.key))  # of a Rigify rig that was deleted by hand
        drive(rigify, rig, slider_path(slider.key), [(1.0 / panel.track, place)])
    rig.update_tag()


def detach_face(rig: bpy.types.Object, rigify: bpy.types.Object) -> None:
    """Takes the drivers away; the sliders keep their values of the current frame."""
    evaluated = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    values = {key: float(evaluated[key]) for key in dict(rigify.get(FACE, {}))}
    for key, value in values.items():
        rig.driver_remove(slider_path(key))
        rig[key] = value
    rig.update_tag()


def _is_left_over(curve: bpy.types.FCurve) -> bool:
    """Whether a driver is one of ``attach_face``, and the Rigify rig that it reads was deleted."""
    driver = curve.driver
    if driver is None or driver.type != "SCRIPTED" or len(driver.variables) != 1:
        return False
    target = driver.variables[0].targets[0]
    return (
        target.id is None
        and _PLACE.fullmatch(target.data_path) is not None
        and _SCALED.fullmatch(driver.expression) is not None
    )


def _shape(name: str, points: Array, edges: NDArray[np.intp], faces: list[list[int]]) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), edges.tolist(), faces)
    return bpy.data.objects.new(name, mesh)


def _knob(panel: FacePanel) -> tuple[Array, NDArray[np.intp], list[list[int]]]:
    size = _KNOB * panel.track
    points = size * np.array([[-1.3, -0.6, 0.1], [1.3, -0.6, 0.1], [1.3, 0.6, 0.1], [-1.3, 0.6, 0.1]])
    return points, np.empty((0, 2), np.intp), [[0, 1, 2, 3]]


def _plate(panel: FacePanel) -> tuple[Array, NDArray[np.intp], list[list[int]]]:
    """Tracks with a tick at 0 and at 1, labels, and a frame around them, in the panel bone's own axes."""
    points: list[list[float]] = []
    edges: list[tuple[int, int]] = []

    def line(start: tuple[float, float], end: tuple[float, float]) -> None:
        edges.append((len(points), len(points) + 1))
        points.extend([[*start, 0.0], [*end, 0.0]])

    wide, high = panel.size
    corners = [(0.0, 0.0), (wide, 0.0), (wide, -high), (0.0, -high)]
    for i, corner in enumerate(corners):
        line(corner, corners[(i + 1) % 4])
    tick = _TICK * panel.track
    for slider in panel.sliders:
        x, y = slider.place
        line((x, y), (x, y + panel.track))
        for level in (y, y + panel.track):
            line((x - tick, level), (x + tick, level))
    found = [np.array(points)]
    faces: list[list[int]] = []
    count = len(points)
    for slider in panel.sliders:
        if slider.label:
            places, pieces = _text(slider.label, _LETTER * panel.track)
            found.append(places + (*slider.label_place, 0.0))
            faces += [[count + corner for corner in piece] for piece in pieces]
            count += len(places)
    return np.concatenate(found), np.array(edges, np.intp), faces


def _text(text: str, size: float) -> tuple[Array, list[list[int]]]:
    """A line of text about its middle: points (P, 3), and the corners of each face."""
    curve: Any = bpy.data.curves.new("Label", "FONT")
    curve.body, curve.size, curve.align_x, curve.align_y = text, size, "CENTER", "CENTER"
    curve.resolution_u = 2
    carrier = bpy.data.objects.new("Label", curve)
    mesh: Any = bpy.data.meshes.new_from_object(carrier)
    try:
        points = np.array([vertex.co for vertex in mesh.vertices], dtype=np.float64).reshape(-1, 3)
        return points, [list(polygon.vertices) for polygon in mesh.polygons]
    finally:
        bpy.data.meshes.remove(mesh)
        bpy.data.objects.remove(carrier)
        bpy.data.curves.remove(curve)
