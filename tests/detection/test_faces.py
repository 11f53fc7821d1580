"""Faces: the geometry of their crops, and the networks against the package that they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.detection import faces
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.faces import FaceNetworks, face_crop, read_face, turn_of
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.image.reading import read_photo
from native_runtime.models import store

STRAIGHT = np.array([[40.0, 50.0], [80.0, 50.0], [60.0, 72.0], [60.0, 91.0], [28.0, 60.0], [92.0, 60.0]])
"""The six points of a face that looks at the camera; the person's right is on the left."""


@pytest.fixture(scope="module")
def networks() -> FaceNetworks:
    if not store.lists_network("face_sex"):
        pytest.skip("no networks of faces: run `sam3db models build` (make models)")
    opened = LandmarkNetworks(providers=["cpu"]).face_networks
    assert opened is not None
    return opened


@pytest.fixture(scope="module")
def by_dlib() -> list[dict[str, Any]]:
    """What the package finds, in the order of the photos."""
    found: list[dict[str, Any]] = json.loads(Path(__file__).with_name("faces_by_dlib.json").read_text())["faces"]
    return found


def turned(points: np.ndarray, angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    """Points (n, 2) turned clockwise as seen, scaled and moved."""
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(scale * points @ np.array([[c, s], [-s, c]]) + shift)


def test_the_crop_moves_with_the_face() -> None:
    crop = face_crop(STRAIGHT)
    assert crop.angle == pytest.approx(0.0, abs=1e-3)  # dlib's mean face is not quite symmetric
    assert 1.5 < crop.size / 40 < 3  # the face with some room: twice the distance of the eyes and more
    other = face_crop(turned(STRAIGHT, 0.4, 2.5, (30.0, -7.0)))
    assert other.angle == pytest.approx(0.4 + crop.angle)
    assert other.size == pytest.approx(2.5 * crop.size)
    expected = turned(np.array([[crop.x, crop.y]]), 0.4, 2.5, (30.0, -7.0))[0]
    np.testing.assert_allclose((other.x, other.y), expected)


def test_eyes_and_mouth_lie_where_dlib_has_them(by_dlib: list[dict[str, Any]]) -> None:
    """dlib aligns by other points, so its crop is only nearly the same."""
    for face in by_dlib:
        corners = np.array(face["landmarks"], float)
        right, left = corners[[2, 3]].mean(axis=0), corners[[0, 1]].mean(axis=0)  # as the person has them
        line = left - right
        down = np.array([-line[1], line[0]])
        mouth = (right + left) / 2 + 1.03 * down
        crop = face_crop(np.array([right, left, corners[4], mouth]))
        assert np.hypot(crop.x - face["centre"][0], crop.y - face["centre"][1]) < 0.12 * face["side"]
        assert crop.size == pytest.approx(face["side"], rel=0.2)
        assert crop.angle == pytest.approx(face["angle"], abs=0.1)


def test_the_turn_is_that_of_the_nose() -> None:
    assert turn_of(STRAIGHT) == pytest.approx(0.0)
    aside = STRAIGHT.copy()
    aside[2, 0] += 20.0  # above the outer eye
    assert turn_of(aside) == pytest.approx(0.5)
    assert turn_of(turned(aside, 1.1, 3.0, (5.0, 5.0))) == pytest.approx(0.5)


def test_the_networks_answer_as_in_their_package(
    networks: FaceNetworks, by_dlib: list[dict[str, Any]], photos: Path
) -> None:
    """Through dlib's own crops: colours, scaling and the way of reducing are as the networks were trained with."""
    for face in by_dlib:
        picture = Picture(read_photo(photos / face["photo"]).pixels)
        crop = [(Crop(*face["centre"], face["side"], face["angle"]), False)]
        ages = networks.age.run(images=faces._chips(picture, crop, faces.AGE_INPUT))["probabilities"]
        assert float(ages[0] @ faces.AGES) == pytest.approx(face["age"], abs=1.0)
        man = float(networks.sex.run(images=faces._chips(picture, crop, faces.SEX_INPUT))["probabilities"][0, 1])
        if not 0.1 < face["man"] < 0.9:  # where the network is unsure, the last bit of sharpness decides
            assert man == pytest.approx(face["man"], abs=0.1)


def _body_points(face: dict[str, Any]) -> np.ndarray:
    """(33, 2) px: about what BlazePose sees of a face."""
    corners = np.array(face["landmarks"], float)
    right, left = corners[[2, 3]].mean(axis=0), corners[[0, 1]].mean(axis=0)
    line = left - right
    down = np.array([-line[1], line[0]])
    points = np.tile((right + left) / 2, (33, 1))
    points[1:4], points[4:7], points[7], points[8] = left, right, left + 0.3 * line, right - 0.3 * line
    points[0], points[9:11] = corners[4], (right + left) / 2 + 1.03 * down
    return points


def test_a_face_is_read_at_the_body_that_it_belongs_to(
    networks: FaceNetworks, by_dlib: list[dict[str, Any]], photos: Path
) -> None:
    photo = read_photo(photos / "sofa.jpg").pixels
    women = [face for face in by_dlib if face["photo"] == "sofa.jpg"]
    assert len(women) == 5
    for woman in women:
        found = read_face(networks, Picture(photo), _body_points(woman))
        assert found is not None
        assert found.score > 0.75
        assert np.hypot(*(found.points[2] - woman["landmarks"][4])) < 0.3 * found.size
        assert found.male.max() < 0.5
        assert found.male.shape == found.ages.shape == (len(faces._CROPS),)


def test_where_no_face_is_none_is_read(networks: FaceNetworks, by_dlib: list[dict[str, Any]], photos: Path) -> None:
    photo = read_photo(photos / "sofa.jpg").pixels
    points = _body_points(by_dlib[0])
    on_the_wall = points + (np.array([640.0, 60.0]) - points[0])
    assert read_face(networks, Picture(photo), on_the_wall) is None
    assert read_face(networks, Picture(photo), points + 5000.0) is None
    assert read_face(networks, Picture(photo), np.full((33, 2), 100.0)) is None  # no size
    noise = np.random.default_rng(0).integers(0, 256, photo.shape, dtype=np.uint8)
    assert read_face(networks, Picture(noise), points) is None


def test_a_mirrored_photo_shows_the_same_face(
    networks: FaceNetworks, by_dlib: list[dict[str, Any]], photos: Path
) -> None:
    photo = read_photo(photos / "sofa.jpg").pixels
    points = _body_points(by_dlib[0])
    plain = read_face(networks, Picture(photo), points)
    back = points.copy()
    back[:, 0] = photo.shape[1] - 1 - back[:, 0]
    pairs = [(1, 4), (2, 5), (3, 6), (7, 8), (9, 10)]
    for left, right in pairs:
        back[[left, right]] = back[[right, left]]
    mirrored = read_face(networks, Picture(np.ascontiguousarray(cv2.flip(photo, 1))), back)
    assert plain is not None
    assert mirrored is not None
    assert mirrored.male.mean() == pytest.approx(plain.male.mean(), abs=0.1)
    assert mirrored.ages.mean() == pytest.approx(plain.ages.mean(), abs=4.0)
    assert mirrored.turn == pytest.approx(plain.turn, abs=0.1)
