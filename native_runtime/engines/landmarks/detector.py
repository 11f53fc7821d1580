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

from native_runtime.engines.landmarks import anchors
from native_runtime.engines.landmarks.crops import Crop, Picture, upright_angle
from native_runtime.engines.landmarks.pose import crop_around
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

INPUT_SIZE = 224
_ANCHORS = anchors.anchor_centres(INPUT_SIZE, (8, 16, 32, 32, 32))
_OVERLAP = 0.3
# The detector's points: middle of the hips, end of the circle around the body, middle of the shoulders.
_HIPS, _CIRCLE, _SHOULDERS = 0, 1, 2

# The side of the windows of each level as a fraction of the photo's longer side, and the share that neighbours have in
# common. The first level is the whole photo with a margin, so that somebody at the border is not at the window's border.
_LEVELS = (1.15, 0.6, 0.34)
_COMMON = 0.4

# Bounds of a person's window relative to the window in which the detector saw it, and of the angle between them.
_SMALLEST, _LARGEST = 0.12, 2.2
_LARGEST_TURN = math.radians(100)

# The picture in which people are searched need not be finer than what the smallest windows are sampled at.
_SCENE_SIDE = round(INPUT_SIZE / _LEVELS[-1])


@dataclass(frozen=True)
class Candidate:
    """Where somebody may be: a window for the landmark network, and the detector's probability."""

    crop: Crop
    score: float


LEVELS = range(len(_LEVELS))


def windows(width: int, height: int, level: int) -> Iterator[Crop]:
    """The windows of a level over a photo of `width` x `height` px, row by row."""
    side = _LEVELS[level] * max(width, height)

    def centres(length: int) -> Array:
        if length <= side:
            return np.array([(length - 1) / 2])
        count = math.ceil((length - side) / (side * (1 - _COMMON))) + 1
        return np.linspace(side / 2, length - side / 2, count) - 0.5

    for y in centres(height):
        for x in centres(width):
            yield Crop(float(x), float(y), side)


def detect(network: Network, picture: Picture, window: Crop, threshold: float) -> list[Candidate]:
    """People in one window, most certain first."""
    pixels = picture.sample(window, INPUT_SIZE, cv2.BORDER_CONSTANT).astype(np.float32) / 127.5 - 1.0
    output = network.run(image=pixels[None])
    found = anchors.decode(output["boxes"][0], output["scores"][0, :, 0], _ANCHORS, INPUT_SIZE, threshold)
    _, points, probabilities = anchors.weighted_suppression(*found, _OVERLAP)
    candidates = []
    for fractions, probability in zip(points, probabilities):
        person = window.from_fractions(fractions)
        around = crop_around(person[_HIPS], person[_CIRCLE])
        # The shoulders say better than the circle's end which way the person is turned: it leans towards upright.
        crop = Crop(around.x, around.y, around.size, upright_angle(person[_HIPS], person[_SHOULDERS]))
        if _is_plausible(crop, person, window, picture):
            candidates.append(Candidate(crop, float(probability)))
    return candidates


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
    """The photo, reduced to what the detector needs, in which people can be painted over."""

    def __init__(self, picture: Picture) -> None:
        self._scale = min(1.0, _SCENE_SIDE / max(picture.width, picture.height))
        width = max(1, round(picture.width * self._scale))
        height = max(1, round(picture.height * self._scale))
        self._steps = np.array([width / picture.width, height / picture.height])
        self._pixels = np.asarray(
            cv2.resize(picture.pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
        self._removed = np.zeros((height, width), dtype=np.float32)
        self._picture = Picture(self._pixels)

    def detect(self, network: Network, window: Crop, threshold: float) -> list[Candidate]:
        """As the function of this name, for a window in pixels of the photo; so are the results."""
        step = float(self._steps.mean())
        x, y = (np.array([window.x, window.y]) + 0.5) * self._steps - 0.5
        small = Crop(float(x), float(y), window.size * step, window.angle)
        found = []
        for candidate in detect(network, self._picture, small, threshold):
            crop = candidate.crop
            x, y = (np.array([crop.x, crop.y]) + 0.5) / self._steps - 0.5
            found.append(Candidate(Crop(float(x), float(y), crop.size / step, crop.angle), candidate.score))
        return found

    def free_share(self, window: Crop) -> float:
        """The share of the window that shows neither a painted-over person nor what lies outside the photo."""
        x, y = (np.array([window.x, window.y]) + 0.5) * self._steps - 0.5
        small = Crop(float(x), float(y), window.size * float(self._steps.mean()), window.angle)
        free = cv2.warpAffine(
            1.0 - self._removed, small.photo_from_pixels(32), (32, 32), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        )
        return float(free.mean())

    def erase(self, mask: Array, mask_from_photo: Array) -> None:
        """Paint over where `mask` ((m, m) 0..1) is, with the colours of what surrounds it."""
        height, width = self._removed.shape
        photo_from_scene = np.column_stack([np.diag(1 / self._steps), 0.5 / self._steps - 0.5])
        there = cv2.warpAffine(
            mask, _compose(mask_from_photo, photo_from_scene), (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        reach = 2 * max(1, round(0.01 * max(width, height))) + 1
        there = cv2.dilate((there > 0.3).astype(np.float32), np.ones((reach, reach), np.uint8))
        self._removed = np.maximum(self._removed, there)
        keep = 1.0 - self._removed[..., None]
        # A blur of the kept pixels alone; twice, so that the middle of a large hole is filled as well.
        filled = np.full(3, 127.0, np.float32)
        for sigma in (0.12 * max(width, height), 0.03 * max(width, height)):
            weights = cv2.GaussianBlur(np.ascontiguousarray(keep), (0, 0), sigma)[..., None]
            colours = cv2.GaussianBlur(self._pixels * keep, (0, 0), sigma)
            filled = (colours + 1e-2 * filled) / (weights + 1e-2)
        self._picture = Picture((self._pixels * keep + filled * (1 - keep)).astype(np.uint8))


def _compose(outer: Array, inner: Array) -> Array:
    """The (2, 3) affine map that applies `inner`, then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])
