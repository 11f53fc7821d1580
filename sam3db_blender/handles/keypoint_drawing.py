"""Drawing a take's keypoints over its footage, while one of them is chosen and dragged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from numpy.typing import NDArray

from native_runtime.prompts.prompt import keypoint_names, keypoint_titles
from native_runtime.prompts.spots import Spots

from . import look
from .spot_pictures import draw_pictures

Array = NDArray[np.float64]

_PINNED: tuple[look.Picture, look.Colour] = "dot", look.PINNED
_HOVERED = 1.35
_TEXT = 12.0
_LINE = (1.0, 1.0, 1.0, 0.8)


def draw_spots(
    region: Any, spots: Spots, said: Mapping[int, tuple[Any, ...]], hovered: int | None, dragged: Array | None
) -> None:
    """Draws into a region.

    Args:
        spots: the keypoints.
        said: by keypoint, what is said of the frame already.
        hovered: the keypoint under the mouse, whose name is written.
        dragged: (2,) px, where it is dragged to.
    """
    scale = bpy.context.preferences.system.ui_scale
    drawn: list[tuple[look.Picture, look.Colour, Array, float]] = []
    for keypoint, centre, radius in zip(spots.keypoints, spots.centres, spots.radii):
        place = dragged if dragged is not None and keypoint == hovered else centre
        looks = _PINNED if place is dragged else _appearance(keypoint, said.get(keypoint))
        drawn.append((*looks, place, radius * (_HOVERED if keypoint == hovered else 1.0)))
        if keypoint != hovered:
            continue
        if dragged is not None:
            _line(region, centre, dragged, 1.5 * scale)
        _write(keypoint_titles()[keypoint], place + np.array([radius + 6 * scale, -4 * scale]), _TEXT * scale)
    draw_pictures(drawn)


def _appearance(keypoint: int, prompt: tuple[Any, ...] | None) -> tuple[look.Picture, look.Colour]:
    if prompt is not None:
        return _PINNED if len(prompt) == 4 else ("cross", look.IGNORED)
    name = keypoint_names()[keypoint]
    side = look.LEFT if name.startswith("left_") else look.RIGHT if name.startswith("right_") else look.MIDDLE
    return "ring", side


def _line(region: Any, start: Array, end: Array, width: float) -> None:
    gpu.state.blend_set("ALPHA")
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.uniform_float("viewportSize", (region.width, region.height))
    shader.uniform_float("lineWidth", width)
    shader.uniform_float("color", _LINE)
    places: Any = {"pos": [(float(x), float(y), 0.0) for x, y in (start, end)]}
    batch_for_shader(shader, "LINES", places).draw(shader)
    gpu.state.blend_set("NONE")


def _write(text: str, place: Array, size: float) -> None:
    blf.size(0, size)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 1.0)
    blf.color(0, 1.0, 1.0, 1.0, 1.0)
    blf.position(0, float(place[0]), float(place[1]), 0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)
