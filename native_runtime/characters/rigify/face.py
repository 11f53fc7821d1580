"""The panel of sliders beside the head, which pose the face: one bone for each expression.

A slider's bone lies in its track and moves along its own y axis; one track length is one whole expression. Expressions
of the left and the right side stand beside each other as the character has them, seen from the front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.sliders import Slider

Array = NDArray[np.float64]

#: The bone that carries the panel.
PANEL = "face_panel"
_PREFIX = "face_"
#: The regions of the face in the order of their rows, and how the names of their expressions begin.
_REGIONS: tuple[tuple[str, ...], ...] = (
    ("brow",),
    ("eye",),
    ("cheek", "nose"),
    ("jaw", "tongue"),
    ("mouth",),
)
_SIDES = (("Left", "L"), ("Right", "R"))
_UNITS_A_ROW = 4
# m, for every character alike: what was keyed must not change its meaning with the size of a head
_WIDTH, _HEIGHT, _TRACK = 0.12, 0.068, 0.03
_BESIDE, _ABOVE, _APART, _BELOW = 0.2, 0.25, 0.02, 0.016


@dataclass(frozen=True)
class FaceSlider:
    """A bone of the panel.

    Attributes:
        bone: its name.
        key: the slider of the rig that it moves.
        place: (2,) m from the panel's origin: to the character's left, and up.
        label: what stands below it; "" where its neighbour has the label.
        label_place: (2,) m the middle of the label.
    """

    bone: str
    key: str
    place: tuple[float, float]
    label: str
    label_place: tuple[float, float]


@dataclass(frozen=True)
class FacePanel:
    """The panel of one body.

    Attributes:
        origin: (3,) m its upper corner at the head.
        size: (2,) m.
        track: m that a slider moves from 0 to 1.
        sliders: in the order of their expressions' rows.
    """

    origin: Array
    size: tuple[float, float]
    track: float
    sliders: tuple[FaceSlider, ...]


def face_panel(sliders: Sequence[Slider], head: Array, crown: Array) -> FacePanel:
    """Lays out the panel.

    Args:
        sliders: of the expressions.
        head, crown: (3,) m where the head's bone begins and ends.
    """
    rows = _rows(sliders)
    origin = np.array([head[0] + _BESIDE, head[1], crown[2] + _ABOVE])
    made: list[FaceSlider] = []
    for number, row in enumerate(rows):
        up = -(number + 0.68) * _HEIGHT
        for place, pair in enumerate(row):
            middle = (place + 0.5) * _WIDTH
            apart = _APART if len(pair) == 2 else 0.0
            for i, (slider, side) in enumerate(pair):
                # the character's right is on the left as one faces it
                left = middle + (apart if side == "L" else -apart)
                text = _plain(slider.name) if i == 0 else ""
                made.append(FaceSlider(_bone_name(slider.name), slider.key, (left, up), text, (middle, up - _BELOW)))
    size = (_UNITS_A_ROW * _WIDTH, len(rows) * _HEIGHT)
    return FacePanel(origin, size, _TRACK, tuple(made))


def _bone_name(name: str) -> str:
    side = _side(name)
    return f"{_PREFIX}{_plain(name)}" + (f".{side}" if side else "")


def _side(name: str) -> str:
    return next((side for word, side in _SIDES if name.endswith(word)), "")


def _plain(name: str) -> str:
    """An expression's name without its side."""
    return next((name.removesuffix(word) for word, _ in _SIDES if name.endswith(word)), name)


def _rows(sliders: Sequence[Slider]) -> list[list[list[tuple[Slider, str]]]]:
    """Rows of pairs (or single sliders): each region of the face begins a new one."""
    rest = list(sliders)
    rows: list[list[list[tuple[Slider, str]]]] = []
    for beginnings in (*_REGIONS, ("",)):
        chosen = [slider for slider in rest if slider.name.startswith(beginnings)]
        rest = [slider for slider in rest if slider not in chosen]
        pairs: dict[str, list[tuple[Slider, str]]] = {}
        for slider in chosen:
            pairs.setdefault(_plain(slider.name), []).append((slider, _side(slider.name)))
        units = list(pairs.values())
        rows += [units[i : i + _UNITS_A_ROW] for i in range(0, len(units), _UNITS_A_ROW)]
    return rows
