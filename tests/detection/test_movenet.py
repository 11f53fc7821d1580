"""MoveNet's readers: points move as the picture does, and hostile windows give numbers, not failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.detection import movenet
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import COCO_POINTS
from native_runtime.models import manifest, store
from native_runtime.onnx.sessions import Network, open_network

Array = NDArray[Any]

SKIER = Crop(391.0, 218.0, 430.0)
"""A window of skier.jpg around the skier, who is 347 px tall."""


def _network(name: str) -> Network:
    folder = store.models_dir() / store.NETWORKS_FOLDER
    if not (folder / manifest.NAME).is_file():
        pytest.skip(f"no networks at {folder}: run `sam3db models build` (make models)")
    return open_network(store.network_path(name), ["cpu"])


@pytest.fixture(scope="module")
def thunder() -> Network:
    return _network("movenet_thunder")


@pytest.fixture(scope="module")
def skier(photos: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(cv2.imread(str(photos / "skier.jpg")), cv2.COLOR_BGR2RGB))


@pytest.fixture(scope="module")
def skier_points(photos: Path) -> dict[str, Array]:
    """Where people marked the skier's points, by COCO's names, px."""
    marked = json.loads((photos / "skier.json").read_text(encoding="utf-8"))["people"][0]["points_px"]
    return {name: np.array(values[:2]) for name, values in marked.items()}


def test_thunder_finds_the_points_that_people_marked(
    thunder: Network, skier: NDArray[np.uint8], skier_points: dict[str, Array]
) -> None:
    found = movenet.read_points(thunder, Picture(skier), SKIER)
    marked = np.array([skier_points[name] for name in COCO_POINTS])
    away = np.linalg.norm(found.points - marked, axis=1) / 347.0
    assert np.median(away) < 0.03
    assert away.max() < 0.1
    assert found.scores.min() > 0.2


def test_points_move_and_grow_with_the_picture(thunder: Network, skier: NDArray[np.uint8]) -> None:
    plain = movenet.read_points(thunder, Picture(skier), SKIER)
    moved = cv2.copyMakeBorder(skier, 40, 0, 70, 0, cv2.BORDER_CONSTANT)
    shifted = movenet.read_points(thunder, Picture(moved), Crop(SKIER.x + 70, SKIER.y + 40, SKIER.size))
    np.testing.assert_allclose(shifted.points - (70, 40), plain.points, atol=0.01 * SKIER.size)
    large = cv2.resize(skier, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    grown = movenet.read_points(thunder, Picture(large), Crop(2 * SKIER.x + 0.5, 2 * SKIER.y + 0.5, 2 * SKIER.size))
    assert np.median(np.linalg.norm((grown.points - 0.5) / 2 - plain.points, axis=1)) < 0.01 * SKIER.size


def test_the_mirror_image_has_the_sides_exchanged(thunder: Network, skier: NDArray[np.uint8]) -> None:
    plain = movenet.read_points(thunder, Picture(skier), SKIER)
    width = skier.shape[1]
    flipped = np.ascontiguousarray(skier[:, ::-1])
    mirrored = movenet.read_points(thunder, Picture(flipped), Crop(width - 1 - SKIER.x, SKIER.y, SKIER.size))
    partner = [
        COCO_POINTS.index(n.replace("left", "*").replace("right", "left").replace("*", "right")) for n in COCO_POINTS
    ]
    back = np.column_stack([width - 1 - mirrored.points[partner, 0], mirrored.points[partner, 1]])
    assert np.median(np.linalg.norm(back - plain.points, axis=1)) < 0.01 * SKIER.size


def test_the_next_window_holds_the_person_and_stays(thunder: Network, skier: NDArray[np.uint8]) -> None:
    first = movenet.read_points(thunder, Picture(skier), SKIER).window()
    assert first is not None
    again = movenet.read_points(thunder, Picture(skier), first)
    assert np.all(np.abs(first.to_fractions(again.points) - 0.5) < 0.5)
    second = again.window()
    assert second is not None
    assert abs(second.size / first.size - 1.0) < 0.15


def test_there_is_no_window_without_a_torso() -> None:
    unseen = movenet.MoveNetPoints(np.zeros((17, 2)), np.full(17, 0.1))
    assert unseen.window() is None


@pytest.mark.parametrize(
    "picture", [np.zeros((1, 1, 3), np.uint8), np.full((50, 70, 3), 128, np.uint8)], ids=["one pixel", "grey"]
)
@pytest.mark.parametrize("crop", [Crop(0, 0, 1), Crop(20, 20, 300, 1.0), Crop(-500, -500, 100)])
def test_where_nobody_is_the_scores_are_low(thunder: Network, picture: NDArray[np.uint8], crop: Crop) -> None:
    found = movenet.read_points(thunder, Picture(picture), crop)
    assert np.isfinite(found.points).all()
    assert found.scores.max() < 0.3
