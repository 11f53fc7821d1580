"""Who faces which way, where two networks contradict each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.detection import facing
from native_runtime.detection.crops import Crop
from native_runtime.detection.landmarks import BODY_POINTS, COCO_IN_BODY, FaceReading, SecondOpinion
from native_runtime.detection.pose import MIRRORED, PoseReading

Array = NDArray[Any]

LEFT_SHOULDER, RIGHT_SHOULDER = (BODY_POINTS.index(f"{side}_shoulder") for side in ("left", "right"))


def seen(head: float = 60.0) -> PoseReading:
    """Somebody who faces the camera, with a head of so many px."""
    places = {"shoulder": (40, -100), "elbow": (60, -50), "wrist": (70, 0), "hip": (25, 0), "knee": (27, 90),
              "ankle": (28, 180), "heel": (28, 190), "index": (75, 20), "ear": (head / 2, -150)}  # fmt: skip
    points = np.zeros((33, 2)) + (0, -150)
    for k, name in enumerate(BODY_POINTS):
        side = {"left": 1, "right": -1}.get(name.split("_")[0], 0)
        for part, (x, y) in places.items():
            if part in name:
                points[k] = side * x, y
    crop, world = Crop(200.0, 250.0, 500.0), np.concatenate([points / 200, np.full((33, 1), -0.1)], axis=1)
    return PoseReading(
        crop, 1.0, crop.to_fractions(points + (200, 250)), crop, world, np.full(33, 0.9), np.ones(33), np.zeros((8, 8))
    )


def opinion(reading: PoseReading, crossed: bool, score: float = 0.8) -> SecondOpinion:
    points = reading.points[MIRRORED] if crossed else reading.points
    return SecondOpinion(points[list(COCO_IN_BODY)] + 1.0, np.full(17, score))


def face(score: float) -> FaceReading:
    return FaceReading(np.zeros((6, 2)), 50.0, score, 0.0, np.zeros(6), np.zeros(6))


def test_only_a_clear_torso_with_the_sides_exchanged_contradicts() -> None:
    reading = seen()
    assert facing.contradict(reading, opinion(reading, crossed=True))
    assert not facing.contradict(reading, opinion(reading, crossed=False))
    assert not facing.contradict(reading, opinion(reading, crossed=True, score=0.3))
    narrow = replace(reading, fractions=0.5 + (reading.fractions - 0.5) * (0.1, 1.0))  # from the side
    assert not facing.contradict(narrow, opinion(narrow, crossed=True))


@pytest.mark.parametrize("turn", [0.0, 1.2, 3.1])
def test_which_way_somebody_faces_does_not_depend_on_which_way_up(turn: float) -> None:
    points = seen().points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    assert facing.faces_camera(points)
    assert not facing.faces_camera(points[MIRRORED])


def test_a_body_that_is_turned_about_keeps_its_place_and_its_handedness() -> None:
    reading = seen()
    other = facing.turned_about(reading)
    np.testing.assert_allclose(other.points[LEFT_SHOULDER], reading.points[RIGHT_SHOULDER])
    np.testing.assert_allclose(other.world[:, 2], -reading.world[MIRRORED][:, 2])
    assert not facing.faces_camera(other.points)
    assert other.visibility[0] < 0.2 < other.visibility[LEFT_SHOULDER]  # the nose is on the far side now
    again = facing.turned_about(other)
    np.testing.assert_allclose(again.fractions, reading.fractions)
    np.testing.assert_allclose(again.world, reading.world)


@pytest.mark.parametrize(("score", "front"), [(None, False), (0.6, None), (0.8, True)])
@pytest.mark.parametrize("about", [False, True])
def test_the_face_decides(score: float | None, front: bool | None, about: bool) -> None:
    reading = facing.turned_about(seen()) if about else seen()
    settled = facing.settled(reading, None if score is None else face(score))
    assert facing.faces_camera(settled.points) is (not about if front is None else front)


def test_a_head_too_small_for_the_face_detector_decides_nothing() -> None:
    reading = seen(head=8)
    assert facing.settled(reading, None) is reading


def test_in_a_video_nobody_turns_about_from_one_picture_to_the_next() -> None:
    reading = seen()
    back = facing.turned_about(reading)
    assert facing.continued(reading, reading.points + 3) is reading
    np.testing.assert_allclose(facing.continued(reading, back.points + 3).points, back.points)
