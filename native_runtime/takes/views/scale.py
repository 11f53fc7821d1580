"""How large a unit of a calibration is, by the people whom its cameras see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Remedy, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .cameras import ViewCamera
from .joint import root_place

Array = NDArray[np.float64]

_SAME = 3.0
"""By what factor a person's size may seem to be another than that of people before it is a matter of units."""
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
"""Metres of the units that a calibration may be in."""


def metres_per_unit(body: Body, cameras: Sequence[ViewCamera], starts: Sequence[PlacedState]) -> float:
    """How many metres a unit of a calibration is, if people are as large as fits to single views say.

    Each view alone puts the body's root at a place p_v (m, camera axes). With the cameras at c_v (units), rotations R_v
    and the root at x (m, world), s c_v + R_v^T p_v = x for all of them: linear least squares in s and x.

    Raises:
        UsageError: the cameras do not see the same person.
    """
    pivot = root_place(body)
    left, right = np.zeros((3 * len(cameras), 4)), np.zeros(3 * len(cameras))
    for number, (camera, start) in enumerate(zip(cameras, starts, strict=True)):
        rows = slice(3 * number, 3 * number + 3)
        left[rows, 0], left[rows, 1:] = camera.place, -np.eye(3)
        right[rows] = -camera.rotation.T @ (pivot + start.camera_translation)
    scale = float(np.linalg.lstsq(left, right, rcond=None)[0][0])
    if not scale > 0:
        raise UsageError(
            "The photos do not fit the calibration: its cameras do not see the same person. See whether each photo is "
            "with its camera, and whether they show the same moment."
        )
    return scale


def in_metres(
    body: Body, cameras: Sequence[ViewCamera], starts: Sequence[PlacedState], unit: str | None
) -> list[ViewCamera]:
    """Cameras in metres.

    Args:
        body: whose size says how large a unit is, where the calibration does not know it.
        cameras: as a file has them.
        starts: the body before each, by fits to single views.
        unit: one of ``UNITS`` or "unknown", as somebody said; None: metres, or unknown where the kind of file knows
            none.

    Raises:
        UsageError: lengths are not what they are said to be.
    """
    if unit in UNITS:
        cameras = [camera.scaled(UNITS[str(unit)]) for camera in cameras]
    scale = metres_per_unit(body, cameras, starts)
    if unit == "unknown" or (unit is None and not all(camera.metric for camera in cameras)):
        return [camera.scaled(scale) for camera in cameras]
    if not 1.0 / _SAME < scale < _SAME:
        raise UsageError(
            f"The lengths of the calibration are not in {unit or 'm'}: by the size of the person a unit is about "
            f"{scale * UNITS[unit or 'm']:.2g} m. Say the unit, or that it is unknown.",
            Remedy.SAY_UNIT,
        )
    return list(cameras)
