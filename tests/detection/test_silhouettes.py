"""Masks of crops on the photos that they were cut from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.detection.silhouettes import mask_on_photo
from native_runtime.image.reading import Photo

SIDE = 64
CENTRE, RADIUS = np.array([33.0, 30.0]), 17.0  # of a disc in the mask, pixels of it


def _person(mask_from_photo: np.ndarray) -> PersonLandmarks:
    y, x = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(x - CENTRE[0], y - CENTRE[1]) - RADIUS
    return PersonLandmarks(
        bbox=np.zeros(4),
        score=1.0,
        points_2d=np.zeros((33, 2)),
        points_3d=np.zeros((33, 3)),
        visibility=np.ones(33),
        presence=np.ones(33),
        mask=np.clip(0.5 - away, 0, 1),
        mask_from_photo=mask_from_photo,
        left_hand=None,
        right_hand=None,
    )


@pytest.mark.parametrize("turn", [0.0, 0.7])
@pytest.mark.parametrize("reduced", [1, 2])
def test_a_disc_comes_back_where_it_was(turn: float, reduced: int) -> None:
    """Through a crop that is turned and scaled, in photos that are worked on at their own or at half their size."""
    scale = 0.35  # pixels of the mask per working pixel
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    working = np.array([200, 160])
    person = _person(np.column_stack([rotation, CENTRE - rotation @ [90.0, 70.0]]))
    photo = Photo(
        pixels=np.zeros((working[1], working[0], 3), np.uint8),
        path=Path("photo.jpg"),
        original_size=(working[0] * reduced, working[1] * reduced),
    )
    mask = mask_on_photo(person, photo)
    assert mask.shape == (working[1] * reduced, working[0] * reduced)
    y, x = np.nonzero(mask)
    assert (x.mean(), y.mean()) == pytest.approx((np.array([90.0, 70.0]) + 0.5) * reduced - 0.5, abs=0.05 * reduced)
    assert np.sqrt(mask.sum() / np.pi) == pytest.approx(RADIUS / scale * reduced, rel=0.02)


def test_a_person_beyond_the_border_is_cut_off() -> None:
    person = _person(np.array([[0.5, 0.0, CENTRE[0]], [0.0, 0.5, CENTRE[1]]]))  # centred on the photo's first pixel
    mask = mask_on_photo(person, Photo(np.zeros((80, 100, 3), np.uint8), Path("photo.jpg"), (100, 80)))
    assert mask[0, 0]
    assert mask.sum() == pytest.approx(np.pi * (RADIUS / 0.5) ** 2 / 4, rel=0.06)
