"""Where a video cuts from one scene to another: nobody is followed across."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_BINS = (8, 4, 4)
"""Of hue, saturation and brightness in the histogram of colours."""
_THUMBNAIL = (32, 18)
"""Pixels of the small pictures that are compared."""
_GRID = (3, 3)
"""Parts of the picture whose histograms are compared one by one: a pan moves colours, a cut exchanges them."""

_COLOURS = 0.45
_BRIGHTNESS = 0.10
_LAYOUT = 0.55
_OUTSTANDING = 2.5


@dataclass(frozen=True)
class CutVotes:
    """How far a frame differs from the one before, in three ways; two that agree are a cut.

    Attributes:
        colours: 0..1 distance of the histograms of colour (Bhattacharyya), the median over parts of the picture.
        brightness: 0..1 mean difference of the small grey pictures.
        layout: -1..1 correlation of the small grey pictures.
    """

    colours: float
    brightness: float
    layout: float


class CutFinder:
    """Looks at frames in order. What counts as much follows the footage: a camera that is waved about makes neighbours
    differ more than one on a tripod does, and only what stands out from that is a cut.
    """

    def __init__(self) -> None:
        self._histograms: NDArray[np.float32] | None = None
        self._thumbnail: NDArray[np.float64] | None = None
        self._usual = CutVotes(0.0, 0.0, 1.0)

    def is_cut(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether a frame (H, W, 3) RGB begins another scene than the frame before; the first one does not."""
        histograms, thumbnail = _histograms(pixels), _grey(pixels)
        known, before = self._histograms, self._thumbnail
        self._histograms, self._thumbnail = histograms, thumbnail
        if known is None or before is None:
            return False
        seen = _votes(known, before, histograms, thumbnail)
        usual = self._usual
        votes = (
            seen.colours > max(_COLOURS, min(_OUTSTANDING * usual.colours, 0.8)),
            seen.brightness > max(_BRIGHTNESS, _OUTSTANDING * usual.brightness),
            1.0 - seen.layout > max(1.0 - _LAYOUT, min(_OUTSTANDING * (1.0 - usual.layout), 0.9)),
        )
        cut = sum(votes) >= 2
        if cut:
            self._usual = CutVotes(0.0, 0.0, 1.0)
        else:
            self._usual = CutVotes(
                *(0.8 * old + 0.2 * new for old, new in zip(vars(usual).values(), vars(seen).values()))
            )
        return cut


def _votes(
    known: NDArray[np.float32], before: NDArray[np.float64], histograms: NDArray[np.float32], now: NDArray[np.float64]
) -> CutVotes:
    shared = np.sqrt(known * histograms).sum(axis=1)
    distances = np.sqrt(np.clip(1.0 - shared, 0.0, 1.0))
    first, second = before - before.mean(), now - now.mean()
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    # flat pictures have no layout that could differ
    layout = float((first * second).sum()) / size if size > 1e-3 else 1.0
    return CutVotes(float(np.median(distances)), float(np.abs(before - now).mean()), layout)


def _histograms(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(parts, bins) of the colours in each part of the picture, each with the sum 1."""
    small = cv2.resize(pixels, (96, 54), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    parts = [part for row in np.array_split(hsv, _GRID[0]) for part in np.array_split(row, _GRID[1], axis=1)]
    return np.stack([_histogram(np.ascontiguousarray(part)) for part in parts])


def _histogram(hsv: NDArray[np.uint8]) -> NDArray[np.float32]:
    counts = cv2.calcHist([hsv], [0, 1, 2], None, list(_BINS), [0, 180, 0, 256, 0, 256]).ravel()
    return np.asarray(counts / max(float(counts.sum()), 1.0), np.float32)


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A small grey picture, 0..1."""
    small = cv2.resize(pixels, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float64) / 255.0
