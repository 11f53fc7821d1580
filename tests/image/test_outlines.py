"""Pixels within outlines, and outlines out of edges."""

from __future__ import annotations

import numpy as np

from native_runtime.image.outlines import chains, fill_outlines

SIZE = (320, 240)
SQUARE = np.array([[40.0, 30], [139, 30], [139, 109], [40, 109]])


def _square() -> np.ndarray:
    mask = np.zeros(SIZE[::-1], bool)
    mask[30:110, 40:140] = True
    return mask


def test_outlines_are_filled_to_their_pixels() -> None:
    """Pixel (0, 0) is the centre of the top-left pixel, and pixels on the outline belong to it."""
    assert np.array_equal(fill_outlines([SQUARE], SIZE), _square())
    two = fill_outlines([SQUARE, SQUARE + (20, 0)], SIZE)
    assert two.sum() == 80 * 120  # overlapping outlines add up
    beyond = fill_outlines([[[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]]], SIZE)
    assert beyond.all()
    assert not fill_outlines([SQUARE + (1000, 0)], SIZE).any()


def test_chains() -> None:
    assert chains([(0, 1), (1, 2), (2, 3), (3, 0)]) == [[0, 1, 2, 3]]
    assert chains([(1, 2), (0, 1), (5, 4)]) == [[2, 1, 0], [5, 4]]
    assert chains([]) == []
