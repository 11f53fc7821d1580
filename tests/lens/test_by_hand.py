"""The camera by lines that somebody drew."""

from __future__ import annotations

import math

import numpy as np
import pytest

from native_runtime.camera import intrinsics_for
from native_runtime.errors import UsageError
from native_runtime.lens.by_hand import camera_by_lines, horizon, lines_of_camera
from native_runtime.lens.cameras import Cameras, up_vector

SIZE = (1200, 800)


def pairs(true: Cameras, first: int, second: int, centre: tuple[float, float] = (599.5, 399.5)) -> np.ndarray:
    """(2, 2, 2, 2) px: lines along two axes of a camera's world."""
    lines = []
    for axis in (first, second):
        along = true.axes[0][axis]
        for middle in ([-300.0, -150.0], [250.0, 180.0]):
            way = true.focal[0] * along[:2] - along[2] * np.array(middle)
            half = 120 * way / np.linalg.norm(way)
            lines.append([np.array(middle) + centre - half, np.array(middle) + centre + half])
    return np.array(lines).reshape(2, 2, 2, 2)


@pytest.mark.parametrize(("pitch", "roll", "yaw"), [(-12.0, 2.0, 30.0), (20.0, -5.0, -40.0), (-6.0, 0.0, 45.0)])
def test_exact_lines_give_the_camera(pitch: float, roll: float, yaw: float) -> None:
    true = Cameras(np.array([[math.log(950.0), *np.radians([pitch, roll, yaw])]]))
    guess = intrinsics_for(SIZE, focal_px=400.0)
    for lines, vertical in ((pairs(true, 0, 1), True), (pairs(true, 1, 2), False)):
        found = camera_by_lines(lines, vertical, guess, SIZE)
        assert found.focal_px == pytest.approx(950.0, rel=1e-6)
        assert found.up == pytest.approx(true.up[0], abs=1e-6)
        swapped = camera_by_lines(lines[:, ::-1, ::-1], vertical, guess, SIZE)
        assert swapped.up == pytest.approx(found.up, abs=1e-9)


def test_another_principal_point_is_respected() -> None:
    true = Cameras(np.array([[math.log(950.0), *np.radians([-12.0, 2.0, 30.0])]]))
    shifted = intrinsics_for(SIZE, focal_px=400.0)
    shifted[:2, 2] = (500.0, 300.0)
    found = camera_by_lines(pairs(true, 0, 1, (500.0, 300.0)), True, shifted, SIZE)
    assert found.focal_px == pytest.approx(950.0, rel=1e-6)


def test_lines_that_are_parallel_in_the_photo_leave_the_lens_open() -> None:
    upright = [[[100, 100], [100, 500]], [[900, 100], [900, 500]]]
    level = [[[100, 200], [700, 200]], [[100, 600], [700, 600]]]
    found = camera_by_lines([upright, level], True, intrinsics_for(SIZE, focal_px=700.0), SIZE)
    assert found.focal_px is None
    assert found.up == pytest.approx([0, -1, 0])
    leaning = [[[100, 100], [120, 500]], [[900, 100], [920, 500]]]
    tilted = camera_by_lines([leaning, level], True, intrinsics_for(SIZE, focal_px=700.0), SIZE)
    assert tilted.up == pytest.approx(np.array([-20, -400, 0]) / math.hypot(20, 400), abs=1e-6)


@pytest.mark.parametrize(
    "lines",
    [
        # both pairs meet on the same side of the middle
        [[[[0, 0], [100, 90]], [[0, 200], [100, 110]]], [[[0, 10], [90, 100]], [[0, 210], [90, 120]]]],
        [[[[5, 5], [5, 5]], [[9, 9], [90, 80]]], [[[0, 10], [90, 100]], [[0, 210], [90, 120]]]],
        [[[[0, 0], [0, 100]], [[50, 0], [50, 100]]], [[[10, 0], [10, 100]], [[70, 0], [70, 100]]]],
    ],
)
def test_what_no_camera_sees_is_refused(lines: list) -> None:
    with pytest.raises(UsageError):
        camera_by_lines(lines, False, intrinsics_for(SIZE), SIZE)


def test_lines_to_begin_with_are_those_of_the_camera() -> None:
    matrix, up = intrinsics_for(SIZE, focal_px=800.0), up_vector(-0.2, 0.05)
    found = camera_by_lines(lines_of_camera(matrix, up, SIZE), True, intrinsics_for(SIZE, focal_px=500.0), SIZE)
    assert found.focal_px == pytest.approx(800.0, rel=1e-6)
    assert found.up == pytest.approx(up, abs=1e-6)


def test_the_horizon_lies_where_directions_are_level() -> None:
    matrix = intrinsics_for(SIZE, focal_px=800.0)
    ends = horizon(matrix, up_vector(math.radians(-10.0), 0.0), SIZE[0])
    assert ends is not None
    assert ends[:, 1] == pytest.approx(399.5 - 800 * math.tan(math.radians(10.0)))
    rolled = horizon(matrix, up_vector(0.0, math.radians(5.0)), SIZE[0])
    assert rolled is not None
    assert rolled[1, 1] - rolled[0, 1] == pytest.approx(1200 * math.tan(math.radians(5.0)))
    assert horizon(matrix, up_vector(math.radians(90.0), 0.0), SIZE[0]) is None
