"""Small pictures of the frames as they are read, with who is followed drawn in, for whoever waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.files.atomic import write_atomically
from native_runtime.pipeline.reporting import PictureReporter, Reporter

from .footage import Frame
from .frames import SeenFrame
from .tracks import Sighting

EVERY_S = 1.0
"""Seconds between two pictures at least."""
SIDE = 480
"""Px, the longer side of a picture."""
NAME = "latest.jpg"

_COLOURS = ((255, 170, 40), (70, 190, 255), (120, 225, 90), (255, 110, 160), (190, 140, 255), (245, 225, 70))
"""RGB, of people by the numbers of their tracks."""
_AROUND, _LEAST = 1.3, 0.4
"""How much larger than everybody's box the part of a frame is that is shown, and its least part of the frame's shorter
side."""
_SEEN = 0.3
"""Weight from which a point is drawn."""
_TRUNK = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
_LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
_BONES = [
    *zip(_TRUNK, (*_TRUNK[1:], _TRUNK[0])),
    *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for limb in _LIMBS for a, b in pairwise(limb)),
]


class Watcher:
    """Shows a reporter what is seen, where it hears of pictures.

    Args:
        reporter: who is told.
        folder: where the picture is written, each over the last.
        keypoints: names of the points of engines whose estimates are what is seen.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        reporter: Reporter,
        folder: Path,
        keypoints: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told = reporter.picture if isinstance(reporter, PictureReporter) else None
        self._file, self._clock, self._next = folder / NAME, clock, -np.inf
        self._names = {len(names): list(names) for names in (BODY_POINTS[11:], keypoints)}

    def show(self, frame: Frame, seen: SeenFrame, numbers: Sequence[int]) -> None:
        """A frame was read; ``numbers``: of the tracks of its people."""
        if self._told is None or self._clock() < self._next:
            return
        self._next = self._clock() + EVERY_S
        drawn = picture_of(frame.photo.pixels, frame.photo.original_size, seen.sightings, numbers, self._names)
        written, data = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
        if written:
            write_atomically(self._file, data.tobytes())
            self._told(self._file)


def picture_of(
    pixels: NDArray[np.uint8],
    size: tuple[int, int],
    sightings: Sequence[Sighting],
    numbers: Sequence[int],
    names: dict[int, list[str]],
) -> NDArray[np.uint8]:
    """The small picture (h, w, 3) RGB.

    Args:
        pixels: (H, W, 3) RGB, of the frame.
        size: (w, h) px in which sightings are.
        sightings, numbers: of each person.
        names: of the points of sightings, by their count.
    """
    left, top, right, bottom = _shown(sightings, size)
    scale = np.array(pixels.shape[1::-1]) / size
    x0, y0, x1, y1 = np.round(np.array([left, top, right, bottom]) * np.tile(scale, 2)).astype(int)
    part = pixels[y0:y1, x0:x1]
    share = min(SIDE / max(part.shape[:2]), 1.0)
    small = np.ascontiguousarray(cv2.resize(part, None, fx=share, fy=share, interpolation=cv2.INTER_AREA))
    corner, scale = np.array([left, top]), scale * share
    for sighting, number in zip(sightings, numbers, strict=True):
        colour = _COLOURS[number % len(_COLOURS)]
        box = np.round((sighting.box.reshape(2, 2) - corner) * scale).astype(int)
        cv2.rectangle(small, box[0].tolist(), box[1].tolist(), colour, 1, cv2.LINE_AA)
        points = np.round((np.nan_to_num(sighting.points) - corner) * scale).astype(int)
        known = {
            name: point.tolist()
            for name, point, weight in zip(names.get(len(points), ()), points, sighting.weights)
            if weight >= _SEEN
        }
        for start, end in _BONES:
            if start in known and end in known:
                cv2.line(small, known[start], known[end], colour, 2, cv2.LINE_AA)
    return small


def _shown(sightings: Sequence[Sighting], size: tuple[int, int]) -> NDArray[np.float64]:
    """(4,) x0 y0 x1 y1 px: the part of a frame with everybody in it, square where it can be; all of it if nobody is."""
    whole = np.array(size, np.float64)
    if not sightings:
        return np.array([0.0, 0.0, *whole])
    boxes = np.array([sighting.box for sighting in sightings])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    side = max(_AROUND * float((high - low).max()), _LEAST * float(whole.min()))
    sides = np.minimum(side, whole)
    corner = np.clip((low + high - sides) / 2, 0.0, whole - sides)
    return np.concatenate([corner, corner + sides])
