"""Two networks about one person: who is asked about whom, and when BlazePose is read again, and when not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.detection import second_opinion
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import COCO_IN_BODY, COCO_POINTS
from native_runtime.detection.movenet import MoveNetPoints
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.detection.pose import PoseReading
from native_runtime.models import manifest, store

Array = NDArray[Any]

PICTURE = Picture(np.zeros((400, 300, 3), np.uint8))

# Somebody upright, 300 px tall, in the middle of the picture: COCO's points.
STANDING = np.array(
    [
        [150, 60], [155, 55], [145, 55], [162, 58], [138, 58],
        [180, 105], [120, 105], [190, 155], [110, 155], [192, 200], [108, 200],
        [168, 200], [132, 200], [168, 270], [132, 270], [168, 340], [132, 340],
    ],
    float,
)  # fmt: skip


def blaze(points: Array = STANDING, **facts: Any) -> PoseReading:
    """A reading of BlazePose with COCO's points where they are given; the others lie on the nose."""
    crop = Crop(150.0, 200.0, 375.0)
    body = np.tile(points[0], (33, 1))
    body[list(COCO_IN_BODY)] = points
    reading = PoseReading(
        crop, 1.0, crop.to_fractions(body), crop, np.zeros((33, 3)), np.full(33, 0.9), np.ones(33), np.zeros((256, 256))
    )
    return replace(reading, **facts)


def opinion(points: Array = STANDING, score: float = 0.8) -> MoveNetPoints:
    return MoveNetPoints(points, np.full(17, score))


def moved(names: Sequence[str], by: tuple[float, float]) -> Array:
    """Standing, with some points elsewhere."""
    points = STANDING.copy()
    points[[COCO_POINTS.index(name) for name in names]] += by
    return points


LEGS = [f"{side}_{joint}" for side in ("left", "right") for joint in ("knee", "ankle")]


def test_disagreement_is_the_share_of_sure_joints_that_are_elsewhere() -> None:
    def measured(points: Array, score: float = 0.8) -> float:
        return second_opinion.disagreement(blaze(), opinion(points, score), PICTURE)

    assert measured(STANDING) == pytest.approx(0.0)
    assert measured(moved(LEGS, (90, 0))) == pytest.approx(4 / 12, abs=0.01)
    assert measured(moved(LEGS, (90, 0)), score=0.2) == 0.0  # unsure joints say nothing
    assert measured(moved(LEGS, (5, 0))) < 0.02
    grown = second_opinion.disagreement(
        blaze(2 * STANDING), opinion(2 * moved(LEGS, (30, 0))), Picture(np.zeros((800, 600, 3), np.uint8))
    )
    assert grown == pytest.approx(measured(moved(LEGS, (30, 0))))


class Answers:
    """Stands for the networks: `movenet.read_points` and `pose.read_pose` get what is listed, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.points: list[MoveNetPoints] = []
        self.readings: list[PoseReading] = []
        self.windows: list[Crop] = []
        monkeypatch.setattr(second_opinion.movenet, "read_points", self._read_points)
        monkeypatch.setattr(second_opinion.pose, "read_pose", self._read_pose)

    def _read_points(self, network: Any, picture: Picture, crop: Crop) -> MoveNetPoints:
        self.windows.append(crop)
        return self.points.pop(0) if len(self.points) > 1 else self.points[0]

    def _read_pose(self, network: Any, picture: Picture, crop: Crop, mirrored: bool = False) -> PoseReading:
        self.windows.append(crop)
        return self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


BOX = np.array([100.0, 50.0, 200.0, 350.0])
NETWORK: Any = None


def test_a_neighbour_is_not_taken_for_the_person(answers: Answers) -> None:
    beside = opinion(STANDING + (110, 0), 0.9)
    answers.points = [beside]
    assert second_opinion.ask(NETWORK, PICTURE, blaze(), BOX) is None
    # in a window around the trunk it may see the right one after all
    answers.points = [beside, opinion(score=0.5)]
    found = second_opinion.ask(NETWORK, PICTURE, blaze(), BOX)
    assert found is not None
    np.testing.assert_array_equal(found.points, STANDING)


def test_beside_somebody_else_movenet_is_sure_of_nothing(answers: Answers) -> None:
    answers.points = [opinion(STANDING + (110, 0), 0.9)]
    ((reading, second),) = second_opinion.consult(NETWORK, NETWORK, PICTURE, [blaze()], [BOX])
    np.testing.assert_allclose(reading.points[list(COCO_IN_BODY)], STANDING)
    assert not second.scores.any()


def test_the_second_look_counts_where_it_is_surer(answers: Answers) -> None:
    answers.points = [opinion(score=0.5), opinion(STANDING + 1, 0.7)]
    found = second_opinion.ask(NETWORK, PICTURE, blaze(), BOX)
    assert found is not None
    np.testing.assert_array_equal(found.points, STANDING + 1)
    answers.points = [opinion(score=0.5), opinion(STANDING + 1, 0.4)]
    found = second_opinion.ask(NETWORK, PICTURE, blaze(), BOX)
    assert found is not None
    np.testing.assert_array_equal(found.points, STANDING)


def test_who_agrees_is_not_read_again(answers: Answers) -> None:
    reading = blaze()
    assert second_opinion.reconsider(NETWORK, PICTURE, reading, opinion(), []) is reading
    assert answers.windows == []


def test_a_reading_that_agrees_far_better_replaces_a_wrong_one(answers: Answers) -> None:
    wrong = blaze(moved(LEGS, (90, 0)))
    answers.readings = [blaze()]
    again = second_opinion.reconsider(NETWORK, PICTURE, wrong, opinion(), [])
    np.testing.assert_allclose(again.points[list(COCO_IN_BODY)], STANDING, atol=1e-9)
    # the window holds the whole person, upright
    window = answers.windows[0]
    assert abs(window.angle) < 0.05
    assert np.all(np.abs(window.to_fractions(STANDING) - 0.5) < 0.5)


@pytest.mark.parametrize(
    ("facts", "points"),
    [
        ({}, moved(LEGS, (70, 0))),  # hardly better
        ({"score": 0.3}, STANDING),  # nobody
        ({"visibility": np.full(33, 0.5)}, STANDING),  # shows much less
    ],
    ids=["no better", "nobody", "sees less"],
)
def test_a_worse_reading_is_refused(answers: Answers, facts: dict[str, Any], points: Array) -> None:
    wrong = blaze(moved(LEGS, (90, 0)))
    answers.readings = [blaze(points, **facts)]
    assert second_opinion.reconsider(NETWORK, PICTURE, wrong, opinion(), []) is wrong


def test_a_reading_of_somebody_else_is_refused(answers: Answers) -> None:
    wrong = blaze(moved(LEGS, (90, 0)))
    answers.readings = [blaze()]
    assert second_opinion.reconsider(NETWORK, PICTURE, wrong, opinion(), [blaze(STANDING + 2)]) is wrong


def test_an_opinion_without_anything_sure_asks_for_nothing(answers: Answers) -> None:
    wrong = blaze(moved(LEGS, (90, 0)))
    unsure = MoveNetPoints(STANDING, np.full(17, 0.1))
    assert second_opinion.reconsider(NETWORK, PICTURE, wrong, unsure, []) is wrong


@pytest.fixture(scope="module")
def networks() -> LandmarkNetworks:
    folder = store.models_dir() / store.NETWORKS_FOLDER
    if not (folder / manifest.NAME).is_file():
        pytest.skip(f"no networks at {folder}: run `sam3db models build` (make models)")
    return LandmarkNetworks(providers=["cpu"])


def test_people_have_a_second_opinion_that_moves_with_them(networks: LandmarkNetworks, photos: Path) -> None:
    skier = np.asarray(cv2.cvtColor(cv2.imread(str(photos / "skier.jpg")), cv2.COLOR_BGR2RGB))
    (person,) = networks.people(skier, with_hands=False)
    assert person.second is not None
    away = np.linalg.norm(person.second.points - person.points_2d[list(COCO_IN_BODY)], axis=1) / 347.0
    assert away.max() < 0.1
    shifted = cv2.copyMakeBorder(skier, 30, 0, 50, 0, cv2.BORDER_REPLICATE)
    (same,) = networks.people(shifted, with_hands=False)
    assert same.second is not None
    assert np.median(np.linalg.norm(same.second.points - (50, 30) - person.second.points, axis=1)) < 0.02 * 347
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert networks.people(grey) == []
