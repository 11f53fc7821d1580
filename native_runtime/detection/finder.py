"""Finding everybody in a photo: the detector proposes, the landmark network decides."""

from __future__ import annotations

import itertools
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import detector, pose, sighted, sightings
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.detector import Candidate, Scene
from native_runtime.detection.multipose import Sighting
from native_runtime.detection.pose import PoseReading
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

# What the detector must be sure of before the landmark network is asked. Low, since the latter decides: the mirror
# image of a real person gives the same points, while what the network makes of a texture falls apart.
_CANDIDATE_SCORES = (0.35, 0.35, 0.4)  # by level
_BESIDE = 2  # levels for people beside those whom MultiPose sees
_FINE_SCORE = 0.5  # in small windows, which are many
# Largest window of anybody found, as a share of the photo's longer side, up to which each finer level is searched.
_SMALL_SHARES = (0.3, 0.15)
# Somebody said where a person is: the window around their box, relative to its longer side, what the detector must be
# sure of, how many windows are tried, and the least quality times overlap (intersection over union) with the box.
_BOX_WINDOW = 1.25
_BOX_SCORE = 0.2
_BOX_CROPS = 8
_LEAST_FIT = 0.1
_SMALL = 0.5  # who is smaller in the detector's window is looked at closer first
_TURNED_SCORE = 0.6  # where somebody upright was found, somebody who is not must be clear
_PERSON_SCORE = 0.5
_LEAST_QUALITY = 0.25
_HOPELESS_QUALITY = 0.15  # of a first, often ill-placed, reading
# The least share of the window that the person's mask covers, and of the mask that belongs to nobody found before.
_MASK_COVER = 0.02
_MASK_NEW = 0.5
# Two readings are of one person if their points are closer than this fraction of their windows' sizes.
_SAME_DISTANCE = 0.06
# The points of the face; two faces nearer to each other than this fraction of the smaller window are one.
_FACE, _SAME_HEAD = slice(0, 11), 0.07
# A window is searched only if this share of it shows something that is not yet explained.
_FREE_SHARE = 0.2
# Readings below this quality (mostly of people cut by the frame) are doubtful: other windows around the mask are tried
# and the best is taken. At least one of them must show the same person, and the detector must see the shoulders there.
_DOUBTFUL_QUALITY = 0.6
_CONSISTENT = 0.85
_CUT_QUALITY = 0.5
_CLEAR_QUALITY = 0.75
_CONFIRMING_SCORE = 0.35
_CONFIRMING_WINDOWS = (0.8, 0.9, 1.0, 1.2)
_WINDOW_SIZES = (1.1, 1.4)
_WINDOW_SHIFT = 0.35
# Side of a person's window, in px; about the height of the body.
_SMALLEST_PERSON = 40.0
# More people than this are not read: each takes a quarter of a second or more.
_MOST_PEOPLE = 100

_TURNS = (math.pi, math.pi / 2, -math.pi / 2)


def find_people(
    pose_detection: Network, pose_landmark: Network, multipose: Network | None, picture: Picture
) -> list[PoseReading]:
    """One reading for each person in the photo, in the order in which they were found.

    Args:
        multipose: MoveNet MultiPose; None where it could not be built: then fewer people are found.
    """
    search = _Search(pose_detection, pose_landmark, picture, multipose)
    if multipose is not None:
        search.add(sightings.find(multipose, picture))
    return search.by_detector()


def find_people_in(
    pose_detection: Network, pose_landmark: Network, picture: Picture, boxes: Array
) -> list[PoseReading | None]:
    """The reading of whoever fills each of the boxes ((N, 4) x0 y0 x1 y1 photo px); None where nobody is seen."""
    return [_Search(pose_detection, pose_landmark, picture).in_box(np.asarray(box, float)) for box in boxes]


class _Search:
    """The state of one search: who was found, and the scene in which they are painted over."""

    def __init__(
        self, pose_detection: Network, pose_landmark: Network, picture: Picture, multipose: Network | None = None
    ) -> None:
        self._detection = pose_detection
        self._landmark = pose_landmark
        self._multipose = multipose
        self._picture = picture
        self._scene = Scene(picture)
        self._found: list[PoseReading] = []
        self._tried: list[Crop] = []

    def add(self, seen: list[Sighting]) -> None:
        """Add whom MultiPose and the landmark network see."""
        for person in sighted.read_all(self._landmark, self._picture, seen[:_MOST_PEOPLE]):
            # Two sightings that differ may turn out to be one person.
            twice = any(
                _agree(person.reading, other)
                or (_share_head(person.reading, other) and _is_same(person.reading, other))
                for other in self._found
            )
            if person.reading.crop.size >= _SMALLEST_PERSON and not twice:
                self._found.append(person.reading)
                self._tried.append(person.reading.crop)
                self._erase(person.reading)

    def by_detector(self) -> list[PoseReading]:
        """Everybody who was added, and those besides whom the detector finds.

        MultiPose sees small people better than the detector, which then looks in large windows only.
        """
        levels = detector.LEVELS if self._multipose is None or not self._found else detector.LEVELS[:_BESIDE]
        for level, threshold in zip(levels, _CANDIDATE_SCORES):
            self._look(self._windows(level), threshold)
        # Somebody upside down or lying: the detector only knows people who are more or less upright.
        for level in (0,) if self._found else (0, 1):
            turned = [window.turned(turn) for turn in _TURNS for window in self._windows(level)]
            self._look(turned, _TURNED_SCORE if self._found else _CANDIDATE_SCORES[level])
        if self._multipose is None:
            self._look_closer_everywhere()
        return self._found

    def in_box(self, box: Array) -> PoseReading | None:
        """The person whose outline fits a box best, of all that are seen around it; somebody said that one is there, so
        that little is asked of a reading.
        """
        readings = [
            self._average(self._picture, pose.read_on(self._landmark, self._picture, first))
            for crop in self._crops_in(box)
            if (first := pose.read_pose(self._landmark, self._picture, crop)).score > _PERSON_SCORE / 2
        ]
        fits = [(self._quality(reading) * _overlap(pose.mask_box(reading), box), reading) for reading in readings]
        fit, best = max(fits, key=lambda pair: pair[0], default=(0.0, None))
        return best if fit >= _LEAST_FIT else None

    def _crops_in(self, box: Array) -> list[Crop]:
        """Windows for the landmark network: what the detector sees whose middle lies in the box, and the box itself,
        for somebody upright and lying.
        """
        middle, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        plain = Crop(float(middle[0]), float(middle[1]), _BOX_WINDOW * float(size.max()))
        found: list[Candidate] = []
        for turn in (0.0, *_TURNS):
            for window in (plain.turned(turn), plain.turned(turn).scaled(_BOX_WINDOW)):
                found += detector.detect(self._detection, self._picture, window, _BOX_SCORE)
        inside = [c for c in found if (np.abs((c.crop.x, c.crop.y) - middle) <= size / 2).all()]
        crops: list[Crop] = [plain] if size[1] >= size[0] else [plain.turned(turn) for turn in (0.0, *_TURNS[1:])]
        for candidate in sorted(inside, key=lambda candidate: -candidate.score):
            if not any(_is_similar(candidate.crop, crop) for crop in crops):
                crops.append(candidate.crop)
        return crops[:_BOX_CROPS]

    def _look_closer_everywhere(self) -> None:
        """Search small windows where nobody was found, or all are so small that others may be smaller still."""
        longest = max(self._picture.width, self._picture.height)
        for level, small in zip(detector.fine_levels(self._picture.width, self._picture.height), _SMALL_SHARES):
            if any(reading.crop.size > small * longest for reading in self._found):
                return
            self._scene = Scene(self._picture, level)
            for reading in self._found:
                self._erase(reading)
            self._look(self._windows(level), _FINE_SCORE)

    def _erase(self, reading: PoseReading) -> None:
        self._scene.erase(reading.mask, reading.crop.pixels_from_photo(pose.INPUT_SIZE))

    def _windows(self, level: int) -> list[Crop]:
        return list(detector.windows(self._picture.width, self._picture.height, level))

    def _look(self, windows: list[Crop], threshold: float) -> None:
        """Add whoever can be seen through `windows`; look again where somebody was found and painted over."""
        pending = windows
        # Who is cut by the frame may be seen with one kind of border and not the other: each look has the next kind.
        borders = itertools.cycle((cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT))
        while pending and len(self._found) < _MOST_PEOPLE:
            border = next(borders)
            candidates: list[Candidate] = []
            for window in pending:
                if not self._found or self._scene.free_share(window) > _FREE_SHARE:
                    candidates += detector.detect(self._detection, self._scene.picture, window, threshold, border)
            candidates.sort(key=lambda candidate: -candidate.score)
            news: list[PoseReading] = []
            for candidate in candidates:
                if candidate.crop.size < _SMALL * candidate.window.size:
                    candidate = detector.look_closer(self._detection, self._scene.picture, candidate)
                if candidate.crop.size < _SMALLEST_PERSON:
                    continue
                if any(_is_similar(candidate.crop, crop) for crop in self._tried):
                    continue
                self._tried.append(candidate.crop)
                reading = self._read(candidate.crop)
                if reading is not None and self._is_seen(reading):
                    news.append(reading)
                    self._found.append(reading)
                    self._erase(reading)
            pending = [window for window in windows if any(_touch(window, reading.crop) for reading in news)]

    def _read(self, crop: Crop) -> PoseReading | None:
        """The reading of the person at `crop`, or None if there is none, or only one who was found before.

        Beside somebody more prominent the network may see only him; then the scene shows it who else is there.
        """
        first = pose.read_pose(self._landmark, self._picture, crop)
        if not self._is_known(first):
            return self._read_on(self._picture, first)
        return self._read_on(self._scene.picture, pose.read_pose(self._landmark, self._scene.picture, crop))

    def _read_on(self, picture: Picture, first: PoseReading) -> PoseReading | None:
        if first.score < _PERSON_SCORE / 2 or self._quality(first) < _HOPELESS_QUALITY:
            return None
        reading = pose.read_on(self._landmark, picture, first)
        if reading.score < _PERSON_SCORE or self._is_known(reading):
            return None
        plain, reading = reading, self._average(picture, reading)
        if self._quality(reading) < _CONSISTENT * self._quality(plain):
            # The mirror image says otherwise on some limbs; a slightly different window often settles it.
            again = self._average(picture, pose.read_pose(self._landmark, picture, plain.next_crop))
            reading = max(reading, again, key=self._quality)
        if self._quality(reading) < _DOUBTFUL_QUALITY:
            return self._best_of_others(picture, reading)
        return reading if self._is_somebody(reading) else None

    def _best_of_others(self, picture: Picture, reading: PoseReading) -> PoseReading | None:
        """The best reading of a doubtful person through other windows; None where no two windows show the same."""
        readings = [reading]
        for crop in _windows_around(pose.mask_box(reading), reading.crop.angle, picture):
            other = pose.read_pose(self._landmark, picture, crop)
            if self._is_somebody(other) and not self._is_known(other):
                readings.append(self._average(picture, other))
        best = max(readings, key=self._quality)
        if not self._is_somebody(best) or self._is_known(best):
            return None
        agreeing = [other for other in readings if other is not best and _agree(best, other)]
        if self._quality(best) <= _CLEAR_QUALITY and (
            self._quality(best) < _CUT_QUALITY or not agreeing or not self._is_confirmed(best)
        ):
            return None
        # A tight window can make the network squeeze a cut body into it. Of readings that agree where they see
        # something, the one whose mask covers more of the photo explains more of it.
        fitting = [r for r in (best, *agreeing) if self._is_somebody(r) and not self._is_known(r)]
        return max(fitting, key=lambda r: self._quality(r) * math.sqrt(_covered(r)))

    def _is_confirmed(self, reading: PoseReading) -> bool:
        """Whether the detector sees somebody's shoulders where the reading has them."""
        shoulders = pose.middle_of_shoulders(reading)
        return any(
            detector.sees_shoulders(
                self._detection, self._scene.picture, reading.crop.scaled(factor), shoulders, _CONFIRMING_SCORE, border
            )
            for factor in _CONFIRMING_WINDOWS
            for border in (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)
        )

    def _is_seen(self, reading: PoseReading) -> bool:
        """Whether MultiPose, where there is one, does not contradict: coats on stands please one network only."""
        return self._multipose is None or sighted.is_seen(self._multipose, self._picture, reading)

    def _average(self, picture: Picture, reading: PoseReading) -> PoseReading:
        return pose.average(reading, pose.read_pose(self._landmark, picture, reading.crop, mirrored=True))

    def _quality(self, reading: PoseReading) -> float:
        """How much of a person a reading shows, 0..1. Points that it guesses beyond the photo count half against it."""
        inside = self._picture.contains(reading.points)
        return reading.score * float((reading.visibility * inside).sum() / (len(inside) + inside.sum())) * 2

    def _is_somebody(self, reading: PoseReading) -> bool:
        return (
            reading.score >= _PERSON_SCORE
            and self._quality(reading) >= _LEAST_QUALITY
            and float((reading.mask > 0.5).mean()) >= _MASK_COVER
        )

    def _is_known(self, reading: PoseReading) -> bool:
        return any(_is_same(reading, other) for other in self._found)


def _overlap(a: Array, b: Array) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1; 0 where one is not a number."""
    shared = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    both = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    return float(shared / both) if both > 0 else 0.0


def _is_similar(a: Crop, b: Crop) -> bool:
    """Whether two windows would show the landmark network much the same."""
    near = math.hypot(a.x - b.x, a.y - b.y) < 0.12 * max(a.size, b.size)
    turn = abs(math.remainder(a.angle - b.angle, 2 * math.pi))
    return near and max(a.size, b.size) < 1.4 * min(a.size, b.size) and turn < 0.5


def _touch(window: Crop, other: Crop) -> bool:
    """Whether the square window comes near the person seen through `other`."""
    return max(abs(window.x - other.x), abs(window.y - other.y)) < (window.size + other.size) / 2


def _windows_around(box: Array, angle: float, picture: Picture) -> list[Crop]:
    """Windows for somebody whose visible part fills `box` (x0 y0 x1 y1 px).

    They lie around it and, where the photo's border cuts it, also shifted over that border.
    """
    if not np.isfinite(box).all():
        return []
    low, high = box[:2], box[2:]
    side = float((high - low).max())
    near = 0.02 * side
    limits = np.array([picture.width - 1, picture.height - 1])
    outward: Array = np.asarray(high > limits - near, dtype=float) - np.asarray(low < near, dtype=float)
    middle = (low + high) / 2
    centres = [middle]
    if outward.any():
        centres.append(middle + _WINDOW_SHIFT * outward * (high - low))
    return [
        Crop(float(centre[0]), float(centre[1]), size * side, angle) for centre in centres for size in _WINDOW_SIZES
    ]


def _covered(reading: PoseReading) -> float:
    """The area of the person's mask, in square px of the photo."""
    return float((reading.mask > 0.5).mean()) * reading.crop.size**2


def _agree(a: PoseReading, b: PoseReading) -> bool:
    """Whether the points of two readings lie at the same places of the photo."""
    weights = np.minimum(a.visibility, b.visibility) + 1e-3
    distance = np.hypot(*(a.points - b.points).T)
    return bool(weights @ distance / weights.sum() < _SAME_DISTANCE * max(a.crop.size, b.crop.size))


def _share_head(a: PoseReading, b: PoseReading) -> bool:
    """Whether two readings have the face at about the same place."""
    apart = math.dist(a.points[_FACE].mean(axis=0), b.points[_FACE].mean(axis=0))
    return apart < _SAME_HEAD * min(a.crop.size, b.crop.size)


def _is_same(a: PoseReading, b: PoseReading) -> bool:
    """Whether two readings are of one person: their points agree, or `a`'s mask lies mostly within `b`'s."""
    if _agree(a, b):
        return True
    size = pose.INPUT_SIZE
    a_from_b = a.crop.pixels_from_photo(size) @ np.vstack([b.crop.photo_from_pixels(size), [0.0, 0.0, 1.0]])
    other = cv2.warpAffine(b.mask, a_from_b, (size, size), flags=cv2.INTER_LINEAR) > 0.5
    own = a.mask > 0.5
    return bool((own & other).sum() > (1 - _MASK_NEW) * max(own.sum(), 1))
