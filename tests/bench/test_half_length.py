"""What the bench of people whose lower parts are not seen calls a lean."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.half_length import judged
from native_runtime.mhr.rotations import rotation_vector_to_matrix

Array = NDArray[np.float64]

UP = np.array([0.0, -1.0, 0.0])
_UPPER = {
    "neck": (0.0, -0.5, 3.0), "nose": (0.0, -0.7, 2.9), "left_ear": (0.07, -0.7, 3.0), "right_ear": (-0.07, -0.7, 3.0),
    "left_shoulder": (0.17, -0.5, 3.0), "right_shoulder": (-0.17, -0.5, 3.0), "left_elbow": (0.2, -0.2, 3.0),
    "right_elbow": (-0.2, -0.2, 3.0), "left_wrist": (0.2, 0.0, 2.8), "right_wrist": (-0.2, 0.0, 2.8),
    "left_hip": (0.1, 0.0, 3.0), "right_hip": (-0.1, 0.0, 3.0),
}  # fmt: skip


def person(turn: Array) -> dict[str, Array]:
    """Somebody upright before the camera, turned about the middle of the hips by a rotation vector (3,)."""
    matrix, pivot = rotation_vector_to_matrix(turn), np.array([0.0, 0.0, 3.0])
    return {name: matrix @ (np.array(place) - pivot) + pivot for name, place in _UPPER.items()}


@pytest.mark.parametrize("degrees", [-30.0, 0.0, 12.0])
def test_a_lean_is_measured_along_the_view(degrees: float) -> None:
    """A positive turn about x (right) brings what is up nearer to a camera that looks along z."""
    upright, leaning = person(np.zeros(3)), person(np.array([np.radians(degrees), 0.0, 0.0]))
    found = judged(leaning, upright, UP, whole=False)
    assert found["lean"] == pytest.approx(-degrees)
    assert found["trunk"] == pytest.approx(abs(degrees), abs=1e-4)
    assert found["truly"] == pytest.approx(0.0, abs=1e-4)
    assert found["pa"] == pytest.approx(0.0, abs=1e-6)
    assert judged(upright, leaning, UP, whole=False)["truly"] == pytest.approx(abs(degrees), abs=1e-4)


def test_a_lean_across_the_view_is_none_along_it() -> None:
    found = judged(person(np.array([0.0, 0.0, 0.4])), person(np.zeros(3)), UP, whole=False)
    assert found["lean"] == pytest.approx(0.0, abs=1e-6)
    assert found["trunk"] == pytest.approx(np.degrees(0.4))
