"""What the network is shown: against the publisher's recipe, written down independently."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from native_runtime.engines.instanthmr.crop import assumed_lens, condition, cut_out

BOXES = {
    "inside": (210.3, 120.8, 330.1, 371.2),
    "left": (-40.0, 90.0, 55.5, 380.0),
    "corner": (500.2, 300.0, 599.0, 399.0),
    "wide": (20.0, 150.0, 580.0, 240.0),
    "all": (0.0, 0.0, 599.0, 399.0),
    "small": (300.0, 200.0, 309.0, 221.0),
    "beyond": (900.0, 100.0, 990.0, 180.0),
}


def by_the_recipe(pixels: np.ndarray, box: tuple[float, ...], size: int) -> np.ndarray:
    """A black frame around the whole photo, then a slice of it; pixel (0, 0) is a corner."""
    x0, y0, x1, y1 = (value + 0.5 for value in box)
    side = 1.2 * max(x1 - x0, y1 - y0)
    left, top = (x0 + x1) / 2 - side / 2, (y0 + y1) / 2 - side / 2
    frame = 1200
    padded = cv2.copyMakeBorder(pixels, *[frame] * 4, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    rows = slice(math.floor(top) + frame, math.ceil(top + side) + frame)
    columns = slice(math.floor(left) + frame, math.ceil(left + side) + frame)
    small = cv2.resize(padded[rows, columns], (size, size), interpolation=cv2.INTER_LINEAR)
    normal = (small / np.float32(255) - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    return np.moveaxis(normal, 2, 0)


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("size", [224, 288])
def test_the_picture_is_the_publishers(box: tuple[float, ...], size: int, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (400, 600, 3), dtype=np.uint8)
    crop = cut_out(pixels, np.array(box), size)
    assert crop.picture.shape == (3, size, size)
    assert crop.picture.dtype == np.float32
    np.testing.assert_array_equal(crop.picture, by_the_recipe(pixels, box, size))


@pytest.mark.parametrize("name", ["inside", "left", "wide"])
def test_its_places_are_the_photos(name: str) -> None:
    """A spot in the photo is found in the crop, and led back by `to_photo`."""
    spot = {"inside": (260.4, 200.7), "left": (40.2, 300.3), "wide": (333.3, 180.6)}[name]
    y, x = np.mgrid[:400, :600]
    blob = 200.0 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * 9.0**2))
    crop = cut_out(np.repeat(np.round(blob).astype(np.uint8)[..., None], 3, 2), np.array(BOXES[name]), 224)
    weight = crop.picture[1] - crop.picture[1].min()
    rows, columns = np.mgrid[:224, :224]
    middle = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    found = crop.to_photo((middle + 0.5) / 224 * 2 - 1)
    np.testing.assert_allclose(found, spot, atol=0.1)


def test_conditions_of_both_forms() -> None:
    box = np.array([99.5, 49.5, 299.5, 449.5])  # from corner (100, 50) to (300, 450)
    np.testing.assert_allclose(condition(box, (800, 600), None), [-0.5, 2 * 250 / 600 - 1, 0.5], rtol=1e-6)
    angles = [math.atan(-200 / 900), math.atan(-50 / 900), 400 / 900]
    np.testing.assert_allclose(condition(box, (800, 600), 900.0), angles, rtol=1e-6)
    np.testing.assert_allclose(assumed_lens((800, 600), None), [[1000, 0, 399.5], [0, 1000, 299.5], [0, 0, 1]])
    assert assumed_lens((800, 600), 900.0)[1, 1] == 900.0
