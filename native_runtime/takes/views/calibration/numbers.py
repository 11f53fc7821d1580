"""Numbers of calibration files, which may hold anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import FileError
from native_runtime.takes.views.cameras import ViewCamera

Array = NDArray[np.float64]

MOST_BYTES = 64_000_000
"""Calibrations are small; what is larger is something else."""
_LARGEST_SIDE = 100_000
_SKEW = 1e-3
"""How far a rotation matrix of a file may be from a rotation: they are written with few digits."""


def numbers(value: Any, count: int | Sequence[int], what: str) -> Array:
    """(count,) finite numbers.

    Args:
        value: what a file has, of any type.
        count: how many there are, or those numbers of them that are possible.
        what: the words for them.

    Raises:
        FileError: they are none, or too few or many.
    """
    try:
        found = np.asarray(value, np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise FileError(f"{what} should be numbers, not {str(value)[:60]!r}.") from error
    wanted = (count,) if isinstance(count, int) else tuple(count)
    if len(found) not in wanted:
        raise FileError(f"{what} should be {' or '.join(map(str, wanted))} numbers, not {len(found)}.")
    if not np.isfinite(found).all():
        raise FileError(f"{what} has a number that is not finite.")
    return found


def rotation_of(value: Any, what: str) -> Array:
    """A rotation (3, 3) from nine numbers by rows, or from a rotation vector of three.

    Raises:
        FileError: it is neither.
    """
    found = numbers(value, (3, 9), what)
    if len(found) == 3:
        return np.asarray(cv2.Rodrigues(found)[0], np.float64)
    matrix = found.reshape(3, 3)
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > _SKEW or np.linalg.det(matrix) < 0:
        raise FileError(f"{what} is no rotation: its rows are not of length 1 and square to each other.")
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)


def intrinsics_of(value: Any, what: str) -> Array:
    """A camera matrix (3, 3) from nine numbers by rows.

    Raises:
        FileError: it is none.
    """
    matrix = numbers(value, 9, what).reshape(3, 3)
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise FileError(f"{what} has a focal length that is not above zero.")
    if np.abs(matrix[[1, 2, 2], [0, 0, 1]]).max() > 0 or abs(matrix[2, 2] - 1) > 1e-9:
        raise FileError(f"{what} is no camera matrix: [fx 0 cx; 0 fy cy; 0 0 1] is expected.")
    return matrix


def size_of(value: Any, what: str) -> tuple[int, int]:
    """A picture's (width, height) px.

    Raises:
        FileError: it is none.
    """
    width, height = numbers(value, 2, what)
    if not (1 <= width <= _LARGEST_SIDE and 1 <= height <= _LARGEST_SIDE):
        raise FileError(f"{what} is {width:g} x {height:g} pixels, which no picture has.")
    return round(width), round(height)


def distinct(cameras: list[ViewCamera]) -> list[ViewCamera]:
    """Cameras of which no two have one name.

    Raises:
        FileError: two have, or there are none.
    """
    names = [camera.name for camera in cameras]
    if not names:
        raise FileError("it has no cameras.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FileError(f"two cameras are called {twice!r}.")
    return cameras
