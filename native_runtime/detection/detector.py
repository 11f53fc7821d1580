"""Finding people of any size: BlazePose's detector on overlapping windows of several scales.

The detector was made for one person who fills the picture: of several it reports the most prominent one or two, and it
misses small ones. So it looks through windows of several sizes, and people that were found are painted over
(`Scene`), so that the next look shows whoever is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import anchors
from native_runtime.detection.crops import Crop, Picture, upright_angle
from native_runtime.detection.pose import crop_around
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

INPUT_SIZE = 224
_ANCHORS = anchors.anchor_centres(INPUT_SIZE, (8, 16, 32, 32, 32))
_OVERLAP = 0.3
# The detector's points: middle of the hips, end of the circle around the body, middle of the shoulders.
_HIPS, _CIRCLE, _SHOULDERS = 0, 1, 2

# The side of the windows of each level as a fraction of the photo's longer side, and how far they reach beyond the
# photo (as a fraction of their side), so that somebody cut by the border is not at the window's border. The first level
# is the whole photo.
_LEVELS = (1.15, 0.6, 0.34, 0.17, 0.085)
_BEYOND = (0.0, 0.2, 0.1, 0.1, 0.1)
# The share that neighbouring windows have in common.
_COMMON = (0.0, 0.55, 0.4, 0.4, 0.4)
# The first of the levels for people who are small in a large photo. They cost many times what the others do, and what
# looks like a person for an instant lies everywhere: they are searched where there is a reason.
_FIRST_FINE = 3
# Standard deviation of colours, of 255, below which a window shows an empty sky or wall.
_PLAIN = 2.0
# Pixels of the photo along a window below which its level shows nothing that a coarser one does not.
_FINEST_WINDOW = 150.0

# Bounds of a person's window relative to the window in which the detector saw it, and of the angle between them.
_SMALLEST, _LARGEST = 0.12, 2.2
_LARGEST_TURN = math.radians(100)

# The window for a closer look, relative to the person's.
_CLOSER = 1.4

# How far shoulders may lie from where they are expected, as a fraction of the window.
_SHOULDER_DISTANCE = 0.25


@dataclass(frozen=True)
class Candidate:
    """Where somebody may be: a window for the landmark network, and the detector's probability."""

    crop: Crop
    score: float
    window: Crop
    """The window in which the detector saw it."""


LEVELS = range(_FIRST_FINE)


def fine_levels(width: int, height: int) -> list[int]:
    """The further levels that show more of a photo of `width` x `height` px, coarser ones first."""
    longest = max(width, height)
    return [level for level in range(_FIRST_FINE, len(_LEVELS)) if _LEVELS[level] * longest >= _FINEST_WINDOW]


def windows(width: int, height: int, level: int) -> Iterator[Crop]:
    """The windows of a level over a photo of `width` x `height` px, row by row."""
    side = _LEVELS[level] * max(width, height)
    inset = side * (0.5 - _BEYOND[level])

    def centres(length: int) -> Array:
        if length <= 2 * inset:
            return np.array([(length - 1) / 2])
        count = math.ceil((length - 2 * inset) / (side * (1 - _COMMON[level]))) + 1
        return np.linspace(inset, length - inset, count) - 0.5

    for y in centres(height):
        for x in centres(width):
            yield Crop(float(x), float(y), side)


def detect(
    network: Network, picture: Picture, window: Crop, threshold: float, border: int = cv2.BORDER_REPLICATE
) -> list[Candidate]:
    """People in one window, most certain first.

    `border`: what the detector sees beyond the photo. MediaPipe leaves it black; continuing the border's colours finds
    other people whom the border cuts.
    """
    candidates = []
    for person, probability in _run(network, picture, window, threshold, border):
        around = crop_around(person[_HIPS], person[_CIRCLE])
        # The shoulders say better than the circle's end which way the person is turned: it leans towards upright.
        crop = Crop(around.x, around.y, around.size, upright_angle(person[_HIPS], person[_SHOULDERS]))
        if _is_plausible(crop, person, window, picture):
            candidates.append(Candidate(crop, probability, window))
    return candidates


def look_closer(network: Network, picture: Picture, candidate: Candidate) -> Candidate:
    """What the detector makes of the candidate in a window of its own, if that makes it surer; else the candidate."""
    crop = candidate.crop
    window = Crop(crop.x, crop.y, _CLOSER * crop.size, candidate.window.angle)
    closer = detect(network, picture, window, candidate.score)
    return closer[0] if closer else candidate


def sees_shoulders(
    network: Network, picture: Picture, window: Crop, shoulders: Array, threshold: float, border: int
) -> bool:
    """Whether the detector sees the middle of somebody's shoulders near `shoulders` ((2,) px) in the window."""
    return any(
        math.dist(person[_SHOULDERS], shoulders) < _SHOULDER_DISTANCE * window.size
        for person, _ in _run(network, picture, window, threshold, border)
    )


def _run(
    network: Network, picture: Picture, window: Crop, threshold: float, border: int
) -> Iterator[tuple[Array, float]]:
    """The detector's points ((4, 2) photo px) and probability for each person in the window, most certain first."""
    pixels = picture.sample(window, INPUT_SIZE, border)
    if cv2.meanStdDev(pixels)[1].max() < _PLAIN:
        return
    output = network.run(image=(pixels.astype(np.float32) / 127.5 - 1.0)[None])
    found = anchors.decode(output["boxes"][0], output["scores"][0, :, 0], _ANCHORS, INPUT_SIZE, threshold)
    _, points, probabilities = anchors.weighted_suppression(*found, _OVERLAP)
    for fractions, probability in zip(points, probabilities):
        yield window.from_fractions(fractions), float(probability)


def _is_plausible(crop: Crop, person: Array, window: Crop, picture: Picture) -> bool:
    """Whether a detection can be somebody: most of what the detector makes of a texture is far too large or outside.

    `person`: (4, 2) px, the detector's points.
    """
    if not _SMALLEST * window.size < crop.size < _LARGEST * window.size:
        return False
    turn = abs(math.remainder(crop.angle - window.angle, 2 * math.pi))
    trunk = (person[_HIPS] + person[_SHOULDERS]) / 2
    across, down = window.to_fractions(trunk)
    inside = -0.5 < trunk[0] < picture.width - 0.5 and -0.5 < trunk[1] < picture.height - 0.5
    return bool(turn < _LARGEST_TURN and inside and 0 < across < 1 and 0 < down < 1)


class Scene:
    """The photo, reduced to what the detector needs for windows of a level, in which people can be painted over."""

    def __init__(self, picture: Picture, level: int = LEVELS[-1]) -> None:
        self._size = (picture.width, picture.height)
        # It need not be finer than what the smallest windows are sampled at.
        scale = min(1.0, round(INPUT_SIZE / _LEVELS[level]) / max(self._size))
        small = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        self._pixels = np.asarray(cv2.resize(picture.pixels, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        self._removed = np.zeros(self._pixels.shape[:2], dtype=np.float32)
        self.picture = Picture(self._pixels, self._size)
        """What remains visible; in coordinates of the photo."""

    def free_share(self, window: Crop) -> float:
        """The share of the window that shows neither a painted-over person nor what lies outside the photo."""
        free = cv2.warpAffine(
            1.0 - self._removed,
            _compose(self._scene_from_photo(), window.photo_from_pixels(32)),
            (32, 32),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        )
        return float(free.mean())

    def erase(self, mask: Array, mask_from_photo: Array) -> None:
        """Paint over where `mask` ((m, m) 0..1) is, with the colours of what surrounds it."""
        height, width = self._removed.shape
        there = cv2.warpAffine(
            mask,
            _compose(mask_from_photo, cv2.invertAffineTransform(self._scene_from_photo())),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        reach = 2 * max(1, round(0.01 * max(width, height))) + 1
        there = cv2.dilate((there > 0.3).astype(np.float32), np.ones((reach, reach), np.uint8))
        self._removed = np.maximum(self._removed, there)
        self.picture = Picture(filled(self._pixels, self._removed), self._size)

    def _scene_from_photo(self) -> Array:
        """(2, 3) affine map between the pixels of the photo and those of the reduced copy."""
        height, width = self._removed.shape
        scale = np.array([width / self._size[0], height / self._size[1]])
        return np.column_stack([np.diag(scale), 0.5 * scale - 0.5])


def filled(pixels: Array, holes: Array) -> NDArray[np.uint8]:
    """`pixels` (H, W, 3) uint8 with smooth surroundings' colours where `holes` (H, W) is 1."""
    height, width = holes.shape
    # Smooth colours need no resolution: blur the kept pixels alone on a small copy.
    step = min(1.0, 96 / max(width, height))
    size = (max(1, round(width * step)), max(1, round(height * step)))
    keep = cv2.resize(1.0 - holes, size, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(pixels * (1.0 - holes[..., None]), size, interpolation=cv2.INTER_AREA)
    filled = np.full((*keep.shape, 3), 127.0, np.float32)
    # Wide, then narrow: the middle of a large hole is filled as well, its rim with what is next to it.
    for sigma in (12.0, 3.0):
        weights = cv2.GaussianBlur(keep, (0, 0), sigma)[..., None]
        filled = (cv2.GaussianBlur(colours, (0, 0), sigma) + 1e-2 * filled) / (weights + 1e-2)
    filled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(holes[..., None] > 0.5, filled, pixels).astype(np.uint8)


def _compose(outer: Array, inner: Array) -> Array:
    """The (2, 3) affine map that applies `inner`, then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])
