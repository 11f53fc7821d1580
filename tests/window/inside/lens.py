"""The lines by which an artist sets the lens, while they are dragged."""

from __future__ import annotations

from typing import Any

import bpy

from .scene import _region, _view, _window, in_viewport, part, rigs


def begin() -> None:
    """Starts the operator as its button does."""
    with in_viewport():
        bpy.ops.sam3db.draw_lens("INVOKE_DEFAULT")


def _operator() -> Any:
    return next((op for op in _window().modal_operators if op.bl_idname == "SAM3DB_OT_draw_lens"), None)


def running() -> bool:
    """Whether lines are being dragged."""
    return _operator() is not None


def ends() -> list[list[float]]:
    """Where the eight ends of the lines are on the screen, px from the top left."""
    rig, region = part("scene.lookup").rig_with(next(iter(rigs()))), _region("WINDOW")
    lines = list(_operator().properties.lines)
    places = part("handles.lens_lines").in_region(rig, region, _view().spaces.active.region_3d, lines)
    return [[region.x + float(x), _window().height - (region.y + float(y))] for x, y in places]


def state() -> dict[str, Any]:
    """Focal length, tilt and source of the lens, and where camera and rigs are."""
    rig = part("scene.lookup").rig_with(next(iter(rigs())))
    lens = part("handles.lens")
    camera = part("scene.camera").camera_of(rig)
    return {
        "focal": lens.focal_of(rig),
        "source": lens.lens_of(rig).get("source"),
        "up": [float(x) for x in lens.up_seen(camera.matrix_world.normalized())],
        "camera": [list(row) for row in camera.matrix_world],
        "rigs": [[list(row) for row in part("scene.lookup").rig_with(name).matrix_world] for name in rigs()],
    }
