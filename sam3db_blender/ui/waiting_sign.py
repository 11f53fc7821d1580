"""A sign in the viewport as long as a pose is awaited: what is being done, beside the handle that was dragged."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import bpy

from ..handles.handles import is_handle, keypoint_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: At the usual size of the user interface, px: the ring's least radius and stroke, the text, and its place where no
#: handle is seen.
_RADIUS, _STROKE, _TEXT, _MARGIN = 15.0, 3.0, 13.0, 40.0
#: Seconds of a turn, and the share of the ring that turns.
_TURN_S, _ARC = 1.2, 0.3
_DARK, _LIGHT = (0.0, 0.0, 0.0, 0.55), (1.0, 0.85, 0.2, 1.0)
_STEPS = 32

_drawing: Any = None


def _draw() -> None:
    from ..handles.people import active_character

    context = bpy.context
    rig = active_character(context)
    if rig is None or context.region is None:
        return
    from ..handles import watch

    status = watch.status(rig)
    if status.state != "waiting":
        return
    scale = context.preferences.system.ui_scale
    centre, radius = _place(context, scale)
    turn = time.monotonic() / _TURN_S % 1.0
    _draw_arc(centre, radius, _STROKE * scale, 0.0, 1.0, _DARK)
    _draw_arc(centre, radius, _STROKE * scale, turn, turn + _ARC, _LIGHT)
    # below the handle's name, which the tool writes
    _write(f"{status.text} …", centre + (radius, -1.9 * _TEXT * scale), _TEXT * scale)


def _place(context: bpy.types.Context, scale: float) -> tuple[NDArray[np.float64], float]:
    """The sign's centre (2,) and radius, px of the region: about the handle that is worked with, else below."""
    import numpy as np

    from ..handles.choice import chosen_handle
    from ..handles.spots import spots_of

    active = context.object
    handle = active if active is not None and is_handle(active) else chosen_handle(context)
    region: Any = context.region
    least = _RADIUS * scale
    if handle is not None and context.region_data is not None:
        view: Any = context.region_data.perspective_matrix
        spots = spots_of({keypoint_of(handle): handle}, view, (region.width, region.height), 0.0)
        if spots.keypoints:
            return spots.centres[0], max(1.6 * float(spots.radii[0]), least)
    return np.array([region.width / 2.0, _MARGIN * scale]), least


def _draw_arc(
    centre: NDArray[np.float64], radius: float, stroke: float, begin: float, end: float, colour: tuple[float, ...]
) -> None:
    """Draws a part of a ring; begin and end in turns, clockwise from the top."""
    import gpu
    import numpy as np
    from gpu_extras.batch import batch_for_shader

    angles = np.linspace(begin, end, max(2, round((end - begin) * _STEPS) + 1)) * math.tau
    along = np.column_stack([np.sin(angles), np.cos(angles)])
    edges = np.stack([along * (radius - stroke / 2), along * (radius + stroke / 2)], axis=1) + centre
    corners: Any = {"pos": edges.reshape(-1, 2).astype(np.float32)}
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    gpu.state.blend_set("ALPHA")
    shader.uniform_float("color", colour)
    batch_for_shader(shader, "TRI_STRIP", corners).draw(shader)
    gpu.state.blend_set("NONE")


def _write(text: str, place: NDArray[np.float64], size: float) -> None:
    import blf

    blf.size(0, size)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 5, 0.0, 0.0, 0.0, 1.0)
    blf.color(0, 1.0, 1.0, 1.0, 1.0)
    blf.position(0, float(place[0]), float(place[1]), 0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)


def attach() -> None:
    """Begins to draw in all 3D views."""
    global _drawing
    if not bpy.app.background:
        _drawing = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def detach() -> None:
    """Ends it."""
    global _drawing
    if _drawing is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_drawing, "WINDOW")
        _drawing = None
