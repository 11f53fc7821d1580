"""Drawing the lines that are dragged onto a photo's edges, their ends, the horizon and what follows from them."""

from __future__ import annotations

from typing import Any

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from numpy.typing import NDArray

Array = NDArray[np.float64]

_UPRIGHT, _FIRST, _SECOND = (0.35, 0.6, 1.0, 1.0), (0.4, 0.9, 0.4, 1.0), (1.0, 0.4, 0.35, 1.0)
_HORIZON = (1.0, 0.85, 0.2, 0.9)
_LONG = 4000.0
#: At the usual size of the user interface, px.
_END, _TEXT, _MARGIN = 5.0, 13.0, 40.0


def draw_lines(region: bpy.types.Region, ends: Array, across: Array | None, vertical: bool, text: str) -> None:
    """Draws into a region.

    Args:
        ends: (8, 2) px of the region: two pairs of two lines with two ends.
        across: (2, 2) px: two points of the horizon; None where it is not known.
        vertical: whether the first pair is vertical.
        text: what is written below.
    """
    scale = bpy.context.preferences.system.ui_scale
    gpu.state.blend_set("ALPHA")
    if across is not None and np.isfinite(across).all():
        _strip(region, across, 1.5 * scale, _HORIZON)
    for number, line in enumerate(ends.reshape(4, 2, 2)):
        if not np.isfinite(line).all():
            continue
        colour = _SECOND if number >= 2 else _UPRIGHT if vertical else _FIRST
        way = line[1] - line[0]
        length = float(np.linalg.norm(way))
        if length:
            beyond = way / length * _LONG
            _strip(region, np.array([line[0] - beyond, line[1] + beyond]), 1.0 * scale, (*colour[:3], 0.35))
        _strip(region, line, 2.5 * scale, colour)
        for end in line:
            corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
            _strip(region, end + np.array(corners) * _END * scale, 2.0 * scale, colour)
    gpu.state.blend_set("NONE")
    _write(text, _MARGIN * scale, _TEXT * scale)


def _strip(region: bpy.types.Region, points: Array, width: float, colour: tuple[float, ...]) -> None:
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.uniform_float("viewportSize", (region.width, region.height))
    shader.uniform_float("lineWidth", width)
    shader.uniform_float("color", colour)
    places: Any = {"pos": [(float(x), float(y), 0.0) for x, y in points]}
    batch_for_shader(shader, "LINE_STRIP", places).draw(shader)


def _write(text: str, margin: float, size: float) -> None:
    blf.size(0, size)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 5, 0.0, 0.0, 0.0, 1.0)
    blf.color(0, 1.0, 1.0, 1.0, 1.0)
    blf.position(0, margin, margin, 0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)
