"""Knees are bent further, the way knees bend, and nothing else moves."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.detection.bent_knees import bent
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.detection.lifting import POINTS, SEGMENTS, Lifted

Array = NDArray[Any]

LEGS = [
    SEGMENTS.index((f"{side}_{start}", f"{side}_{end}"))
    for side in ("left", "right")
    for start, end in (("hip", "knee"), ("knee", "ankle"))
]
BELOW = [k for k, name in enumerate(POINTS) if name.endswith(("knee", "ankle", "heel", "foot_index"))]
SEEN, HIDDEN = np.ones(len(BODY_POINTS)), np.zeros(len(BODY_POINTS))


def somebody(flexion: float, lengths: float = 0.9) -> Lifted:
    """Somebody who faces the camera and bends both knees (degrees); directions of the legs of a given length."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(SEGMENTS), 3))
    vectors[SEGMENTS.index(("left_hip", "right_hip"))] = (-1.0, 0.0, 0.0)
    half = math.radians(flexion) / 2
    for row, sign in zip(LEGS, (-1, 1, -1, 1)):  # thighs come nearer, shanks go back
        vectors[row] = lengths * np.array([0.0, math.cos(half), sign * math.sin(half)])
    places = rng.normal(size=(len(POINTS), 3))
    return Lifted(vectors, np.ones((len(SEGMENTS), 3)), places, np.ones((len(POINTS), 3)))


def flexion(found: Lifted, side: str) -> float:
    thigh, shank = LEGS[:2] if side == "left" else LEGS[2:]
    a, b = found.vectors[thigh], found.vectors[shank]
    return math.degrees(math.acos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))


@pytest.mark.parametrize("angle", [0.0, 10.0, 50.0, 110.0])
def test_knees_bend_further_and_hidden_ones_more(angle: float) -> None:
    only_left = SEEN.copy()
    only_left[BODY_POINTS.index("right_knee")] = 0.1
    after = bent(somebody(angle), only_left)
    assert angle + 3 < flexion(after, "left") < angle + 10
    assert flexion(after, "left") + 3 < flexion(after, "right") < angle + 20


def test_knees_go_forwards_and_feet_backwards() -> None:
    before = somebody(0.0)
    after = bent(before, HIDDEN)
    moved = after.places - before.places
    for side in ("left", "right"):
        assert moved[POINTS.index(f"{side}_knee"), 2] < -0.02  # towards the camera
        for name in ("ankle", "heel", "foot_index"):
            assert moved[POINTS.index(f"{side}_{name}"), 2] > moved[POINTS.index(f"{side}_knee"), 2] + 0.02
    np.testing.assert_allclose(np.linalg.norm(after.vectors, axis=1), np.linalg.norm(before.vectors, axis=1))


def test_nothing_but_the_legs_moves() -> None:
    before = somebody(30.0)
    after = bent(before, HIDDEN)
    others = np.setdiff1d(np.arange(len(SEGMENTS)), LEGS)
    np.testing.assert_array_equal(after.vectors[others], before.vectors[others])
    above = np.setdiff1d(np.arange(len(POINTS)), BELOW)
    np.testing.assert_array_equal(after.places[above], before.places[above])


def test_it_turns_with_the_person_and_nothing_known_is_no_error() -> None:
    before = somebody(30.0)
    c, s = math.cos(0.7), math.sin(0.7)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    turned = bent(replace(before, vectors=before.vectors @ turn.T, places=before.places @ turn.T), HIDDEN)
    np.testing.assert_allclose(turned.vectors, bent(before, HIDDEN).vectors @ turn.T, atol=1e-9)
    np.testing.assert_allclose(turned.places, bent(before, HIDDEN).places @ turn.T, atol=1e-9)
    nothing = replace(before, vectors=np.zeros_like(before.vectors))
    np.testing.assert_array_equal(bent(nothing, HIDDEN).vectors, nothing.vectors)
