"""Cuts are found, and nothing that a camera does is one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.image.reading import read_photo
from native_runtime.takes.cuts import CutFinder


def _scene(seed: int, colour: tuple[int, int, int], size: tuple[int, int] = (640, 360)) -> np.ndarray:
    """Soft blobs on a ground of some colour."""
    rng = np.random.default_rng(seed)
    picture = np.full((size[1], size[0], 3), colour, np.uint8)
    for _ in range(25):
        place = tuple(int(rng.integers(0, side)) for side in size)
        cv2.circle(picture, place, int(rng.integers(15, 70)), [int(v) for v in rng.integers(0, 255, 3)], -1)
    return cv2.GaussianBlur(picture, (9, 9), 0)


def _cuts(frames: Iterable[np.ndarray]) -> list[int]:
    finder = CutFinder()
    return [number for number, frame in enumerate(frames) if finder.is_cut(np.ascontiguousarray(frame))]


def _pan(picture: np.ndarray, count: int, step: int, width: int = 320) -> list[np.ndarray]:
    return [picture[:, step * k : step * k + width] for k in range(count)]


def test_each_cut_is_found_at_its_frame() -> None:
    scenes = [
        _pan(_scene(seed, colour), 8, 6) for seed, colour in enumerate([(200, 180, 160), (30, 60, 40), (90, 90, 150)])
    ]
    assert _cuts(frame for scene in scenes for frame in scene) == [8, 16]


@pytest.mark.parametrize("step", [1, 8, 25])
def test_a_pan_is_no_cut(step: int) -> None:
    assert _cuts(_pan(_scene(3, (120, 110, 100), (1000, 360)), 25, step)) == []


def test_neither_a_zoom_nor_a_light_that_dims_is_a_cut() -> None:
    picture = _scene(4, (150, 140, 120))
    zoom = [cv2.resize(picture[9 * k : 360 - 9 * k, 16 * k : 640 - 16 * k], (320, 180)) for k in range(12)]
    dim = [(picture * (1 - 0.05 * k)).astype(np.uint8) for k in range(15)]
    assert _cuts(zoom) == []
    assert _cuts(dim) == []


def test_noise_and_somebody_who_walks_past_are_no_cut() -> None:
    rng = np.random.default_rng(0)
    frames = []
    for k in range(20):
        frame = _scene(5, (130, 130, 130)).astype(float) + rng.normal(0, 12, (360, 640, 3))
        frame[40:, 30 * k : 30 * k + 120] = (40, 50, 120)
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    assert _cuts(frames) == []


def test_one_picture_repeated_has_no_cut() -> None:
    assert _cuts([np.zeros((90, 160, 3), np.uint8)] * 5) == []


def test_cuts_between_photos_of_people_are_found(photos: Path) -> None:
    names = ("dancing.jpg", "skier.jpg", "sofa.jpg", "lunge.jpg", "bus.jpg")
    frames = []
    for name in names:
        pixels = cv2.resize(read_photo(photos / name).pixels, (640, 360), interpolation=cv2.INTER_AREA)
        frames += _pan(pixels, 10, 8, 480)
    assert _cuts(frames) == [10, 20, 30, 40]
