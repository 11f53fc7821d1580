"""People are followed from picture to picture as well as they are found, and lost where they are gone."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.image.reading import read_photo
from native_runtime.models import manifest, store
from native_runtime.pipeline.boxes import overlap

STEP, COUNT = 9, 6


@pytest.fixture(scope="module")
def networks() -> LandmarkNetworks:
    folder = store.models_dir() / store.NETWORKS_FOLDER
    if not (folder / manifest.NAME).is_file():
        pytest.skip(f"no networks at {folder}: run `sam3db models build` (make models)")
    return LandmarkNetworks(providers=["cpu"])


@pytest.fixture(scope="module")
def pan(request: pytest.FixtureRequest) -> list[np.ndarray]:
    """A camera that moves over a photo of somebody, 9 px a picture to the right and down."""
    photos: Path = request.getfixturevalue("photos")
    pixels = read_photo(photos / "lunge.jpg").pixels
    scale = 720 / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    wide = cv2.copyMakeBorder(small, 60, 60, 60, 60, cv2.BORDER_REPLICATE)
    height, width = small.shape[:2]
    return [np.ascontiguousarray(wide[STEP * k : STEP * k + height, STEP * k : STEP * k + width]) for k in range(COUNT)]


@pytest.fixture(scope="module")
def followed(networks: LandmarkNetworks, pan: list[np.ndarray]) -> list[PersonLandmarks]:
    people = networks.people(pan[0])[:1]
    row = [people[0]]
    for picture in pan[1:]:
        (person,) = networks.follow(picture, [row[-1]])
        assert person is not None
        row.append(person)
    return row


def test_points_move_with_the_picture(followed: list[PersonLandmarks]) -> None:
    size = float(np.ptp(followed[0].bbox.reshape(2, 2), axis=0).max())
    for number, person in enumerate(followed):
        moved = person.points_2d + STEP * number
        sure = followed[0].visibility > 0.7
        apart = np.linalg.norm(moved - followed[0].points_2d, axis=1)[sure]
        assert np.median(apart) < 0.01 * size
        assert np.linalg.norm(person.points_3d - followed[0].points_3d, axis=1)[sure].mean() < 0.05


def test_who_is_followed_is_seen_as_well_as_who_is_searched(
    networks: LandmarkNetworks, pan: list[np.ndarray], followed: list[PersonLandmarks]
) -> None:
    (searched,) = networks.people_in(pan[-1], followed[-1].bbox[None])
    assert searched is not None
    size = float(np.ptp(searched.bbox.reshape(2, 2), axis=0).max())
    sure = searched.visibility > 0.7
    apart = np.linalg.norm(followed[-1].points_2d - searched.points_2d, axis=1)[sure]
    assert np.median(apart) < 0.015 * size
    np.testing.assert_allclose(followed[-1].bbox, searched.bbox, atol=0.04 * size)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_seen_does_not_depend_on_what_runs_side_by_side(
    networks: LandmarkNetworks, pan: list[np.ndarray], followed: list[PersonLandmarks], threads: int
) -> None:
    alone = LandmarkNetworks(providers=["cpu"], threads=threads)
    (person,) = alone.follow(pan[1], [followed[0]])
    assert person is not None
    assert person.second is not None
    assert followed[1].second is not None
    np.testing.assert_array_equal(person.points_2d, followed[1].points_2d)
    np.testing.assert_array_equal(person.mask, followed[1].mask)
    np.testing.assert_array_equal(person.second.points, followed[1].second.points)
    for side in ("left", "right"):
        hand, other = getattr(person, f"{side}_hand"), getattr(followed[1], f"{side}_hand")
        assert (hand is None) == (other is None)
        if hand is not None:
            np.testing.assert_array_equal(hand.points_2d, other.points_2d)


def test_the_second_opinion_moves_with_the_picture(followed: list[PersonLandmarks]) -> None:
    first, last = followed[0].second, followed[-1].second
    assert first is not None
    assert last is not None
    sure = np.minimum(first.scores, last.scores) > 0.5
    size = float(np.ptp(followed[0].bbox.reshape(2, 2), axis=0).max())
    moved = last.points + STEP * (COUNT - 1)
    assert np.median(np.linalg.norm(moved - first.points, axis=1)[sure]) < 0.015 * size


def test_hands_are_followed(followed: list[PersonLandmarks]) -> None:
    for side in ("left", "right"):
        first = getattr(followed[0], f"{side}_hand")
        if first is not None:
            last = getattr(followed[-1], f"{side}_hand")
            assert last is not None
            extent = float(np.ptp(first.points_2d, axis=0).max())
            moved = last.points_2d + STEP * (COUNT - 1)
            assert np.median(np.linalg.norm(moved - first.points_2d, axis=1)) < 0.15 * extent


def test_who_is_gone_is_lost(
    networks: LandmarkNetworks, followed: list[PersonLandmarks], pan: list[np.ndarray]
) -> None:
    assert networks.follow(np.zeros_like(pan[0]), [followed[0], followed[0]]) == [None, None]
    assert networks.follow(pan[0], []) == []


def test_a_glance_sees_who_is_there(
    networks: LandmarkNetworks, followed: list[PersonLandmarks], pan: list[np.ndarray]
) -> None:
    boxes = networks.glance(pan[0])
    shared = [overlap(box.tolist(), followed[0].bbox.tolist()) for box in boxes]
    assert max(shared) > 0.5
    assert networks.glance(np.zeros_like(pan[0])).shape == (0, 4)
