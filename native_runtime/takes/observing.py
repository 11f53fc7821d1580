"""Looking at the frames of a take one after the other: who is there, and what is seen of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.beside import Beside
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.engines.evidence import confidence
from native_runtime.errors import EmptyBoxError, NoPersonError
from native_runtime.onnx.sessions import default_threads
from native_runtime.pipeline.boxes import overlap

from .camera_motion import Turn, TurnFinder
from .cuts import CutFinder
from .frames import SeenFrame, SeenPerson
from .looks import torso_look
from .observations import FrameObservation, observe_estimate
from .tracks import Sighting, Tracker, without_doubles

if TYPE_CHECKING:
    from native_runtime.engines.base import Engine, EvidenceReading, FollowingEngine, FoundPerson, Reading
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo

    from .footage import Frame

Array = NDArray[np.float64]

SEARCH_EVERY = 1.0
"""Seconds after which the whole picture is looked at again: for who has entered, and so that errors do not last."""
_SOONER = 0.3
"""The same while somebody is out of sight."""
_GROWN = 0.15
"""Parts of a box by which it is grown on each side: people move from frame to frame."""
_KNOWN = 0.3
"""Overlap (intersection over union) with somebody who is followed, from which a box shows nobody new."""
_SMALL = 480
"""Px that the longer side of a picture has at least in which cuts and the camera's turning are looked for."""
_TORSO = [BODY_POINTS.index(f"{side}_{part}") for part in ("shoulder", "hip") for side in ("left", "right")]
_BODY = slice(11, None)
"""BlazePose's points without those of the face, which crowd in one place."""


class Observer:
    """Looks at frames in order.

    Every second, and where the picture is cut, a frame is *searched*: it needs nothing from the one before but where
    people were, so that a run that was interrupted goes on from there and sees the same.

    Args:
        engine: an open engine.
        intrinsics: (3, 3) px, of all frames.
        inference, sex, age: as for ``engines.base.Reading.estimate``.
        whole: whether each frame is estimated by itself, also by engines that tell their evidence.
        least: who is smaller than this part of the largest person in a frame is left out.
    """

    def __init__(
        self,
        engine: Engine,
        intrinsics: Array,
        *,
        inference: str | None = None,
        sex: str | None = None,
        age: float | None = None,
        whole: bool = False,
        least: float = 0.0,
    ) -> None:
        self._alone, self._least = whole, least
        self._engine, self._intrinsics = engine, intrinsics
        self._inference, self._sex, self._age = inference, sex, age
        self._tracker, self._cuts, self._turns = Tracker(), CutFinder(), TurnFinder(intrinsics)
        self._boxes: list[Array] = []
        self._beside = Beside(default_threads() > 1)
        self._known: dict[int, FoundPerson] = {}
        self._last_search = -np.inf
        self._made: dict[int, Reading] = {}

    @property
    def tracker(self) -> Tracker:
        """Who is who so far."""
        return self._tracker

    @property
    def numbers(self) -> list[int]:
        """The tracks of the people of the last frame, in their order."""
        return list(self._known)

    def recall(self, frame: SeenFrame) -> None:
        """Take a frame in order that was looked at in an earlier run; the next one must be one that was searched."""
        if frame.cut:
            self._tracker.cut()
        self._tracker.update(frame.number, frame.time, frame.sightings)
        if frame.search:
            self._last_search = frame.time
        self._known = {}
        self._boxes = [person.sighting.box for person in frame.people]

    def start(self, number: int, reading: Reading) -> None:
        """A reading of the whole picture of a frame that was made already, so that it is not made twice."""
        self._made = {number: reading}

    def look(self, frame: Frame, pixels_before: NDArray[np.uint8] | None = None) -> SeenFrame:
        """What is seen in the next frame.

        Args:
            pixels_before: the picture before, where this is the first one after ``recall``.
        """
        if pixels_before is not None:
            before = _small(pixels_before)
            self._cuts.is_cut(before)
            self._turns.turn(before, [])
        small = _small(frame.photo.pixels)
        turn = self._beside.begin(lambda: self._turned(frame.photo, small))
        cut = self._cuts.is_cut(small)
        if cut:
            self._tracker.cut()
            self._known = {}
        expected = self._tracker.expected(frame.time)
        lost = any(not seen for _, seen in expected.values())
        waited = frame.time - self._last_search
        search = cut or waited >= SEARCH_EVERY - 1e-6 or (lost and waited >= _SOONER)
        if search:
            self._last_search = frame.time
        if not self._engine.capabilities.follows:
            people = self._searched(frame, search)
        elif search:
            people = self._looked_again(frame, [box for box, _ in expected.values()], first=cut or waited == np.inf)
        else:
            people = self._followed(frame.photo)
        seen = self._seen(frame, self._large(people), cut, search)
        turned = turn()
        self._boxes = [person.sighting.box for person in seen.people]
        return replace(seen, turn=Turn.none(0.0) if cut else turned)

    def _turned(self, photo: Photo, small: NDArray[np.uint8]) -> Turn:
        """How the camera turned; `small`: the photo's pixels, fewer of them."""
        share = np.array(small.shape[1::-1]) / photo.pixels.shape[1::-1]
        boxes = [(photo.to_working(box.reshape(2, 2)) * share).ravel() for box in self._boxes]
        return self._turns.turn(small, boxes, float(np.mean(photo.scale * share)))

    def _large(self, people: list[tuple[Reading, int]]) -> list[tuple[Reading, int]]:
        """Those who are large enough beside the largest one."""
        sizes = [
            float((reading.people[place].bbox[2:] - reading.people[place].bbox[:2]).max()) for reading, place in people
        ]
        return [one for one, size in zip(people, sizes) if size >= self._least * max(sizes)]

    def _searched(self, frame: Frame, search: bool) -> list[tuple[Reading, int]]:
        """By an engine that follows nobody: in the boxes of the frame before, or everywhere."""
        expected = self._tracker.expected(frame.time)
        boxes = [box for box, seen in expected.values() if seen]
        if self._engine.capabilities.boxes and boxes and not search:
            return _all(self._in_boxes(frame.photo, boxes))
        return _all([self._whole(frame)])

    def _whole(self, frame: Frame) -> Reading:
        made = self._made.pop(frame.number, None)
        return self._engine.read(frame.photo, self._intrinsics) if made is None else made

    def _looked_again(self, frame: Frame, boxes: Sequence[Array], first: bool) -> list[tuple[Reading, int]]:
        """Everybody in the boxes where people were, and whoever else is seen at a glance.

        Args:
            first: nobody is known yet: the whole picture is searched.
        """
        engine, photo = cast("FollowingEngine", self._engine), frame.photo
        if first:
            return _all([self._whole(frame)])
        readings = self._in_boxes(photo, boxes)
        found = [person.bbox for reading in readings for person in reading.people]
        largest = max((float((box[2:] - box[:2]).max()) for box in found), default=0.0)
        new = [
            box
            for box in engine.glance(photo)
            if not any(overlap(box.tolist(), known.tolist()) > _KNOWN for known in (*found, *boxes))
            and float((box[2:] - box[:2]).max()) >= self._least * largest
        ]
        return _all([*readings, *self._in_boxes(photo, new)])

    def _followed(self, photo: Photo) -> list[tuple[Reading, int]]:
        engine, known = cast("FollowingEngine", self._engine), list(self._known.values())
        if not known:
            return []
        reading, places = engine.follow(photo, known, self._intrinsics)
        lost = [person.bbox for place, person in enumerate(known) if place not in places]
        return _all([reading, *self._in_boxes(photo, lost)])

    def _in_boxes(self, photo: Photo, boxes: Sequence[Array]) -> list[Reading]:
        """Readings of whoever is in boxes, which are grown; none of those that are empty."""
        width, height = photo.original_size
        rest = []
        for box in boxes:
            margin = _GROWN * np.tile(box[2:] - box[:2], 2) * [-1, -1, 1, 1]
            grown = np.clip(box + margin, 0, [width - 1, height - 1, width - 1, height - 1])
            if min(grown[2] - grown[0], grown[3] - grown[1]) >= 8:
                rest.append(grown)
        while rest:
            try:
                return [self._engine.read(photo, self._intrinsics, np.array(rest))]
            except EmptyBoxError as error:
                rest = [box for number, box in enumerate(rest) if number not in error.numbers]
        return []

    def _seen(self, frame: Frame, people: list[tuple[Reading, int]], cut: bool, search: bool) -> SeenFrame:
        """The frame with its people, each once, after the tracker has said who they are."""
        pixels = frame.photo
        seen: list[tuple[SeenPerson, FoundPerson]] = []
        for reading, place in people:
            person = self._person(frame.number, reading, place, pixels)
            if person is not None:
                seen.append((person, reading.people[place]))
        places = without_doubles([person.sighting for person, _ in seen])
        seen = [seen[place] for place in places]
        numbers = self._tracker.update(frame.number, frame.time, [person.sighting for person, _ in seen])
        self._known = {number: found for number, (_, found) in zip(numbers, seen)}
        return SeenFrame(frame.number, frame.time, tuple(person for person, _ in seen), cut, search)

    def _person(self, number: int, reading: Reading, place: int, photo: Photo) -> SeenPerson | None:
        found = reading.people[place]
        box = np.asarray(found.bbox, np.float64)
        points = weights = None
        can = self._engine.capabilities
        seen = None
        if can.evidence:
            seen = cast("EvidenceReading", reading).evidence(place, sex=self._sex, age=self._age)
        if seen is not None and not self._alone:
            observation = FrameObservation(number, seen)
        else:
            try:
                estimate = self._estimated(reading, place)
            except NoPersonError:
                return None
            if seen is None:
                observation = observe_estimate(self._engine.body, estimate, number, can.pa_mpjpe)
            else:
                observation = FrameObservation(number, seen, estimate.state)
            points, weights = estimate.keypoints_2d, np.isfinite(estimate.keypoints_2d).all(axis=1).astype(float)
            points = np.nan_to_num(points)
        torso = None
        if found.landmarks is not None:
            places = photo.to_original(found.landmarks.points_2d)
            torso = places[_TORSO]
            points, weights = places[_BODY], confidence(found.landmarks.visibility, found.landmarks.presence)[_BODY]
        if points is None or weights is None:
            points, weights = np.zeros((0, 2)), np.zeros(0)
        look = torso_look(photo.pixels, photo.to_working(box.reshape(2, 2)).ravel(), _working(photo, torso))
        return SeenPerson(Sighting(box, np.asarray(points, np.float64), weights, look), observation)

    def _estimated(self, reading: Reading, place: int) -> Estimate:
        given = {"sex": self._sex, "age": self._age}
        stated: dict[str, str | float] = {name: value for name, value in given.items() if value is not None}
        estimate = cast("Callable[..., Estimate]", reading.estimate)
        return estimate(place, inference=self._inference, **stated)


def _all(readings: Sequence[Reading]) -> list[tuple[Reading, int]]:
    return [(reading, place) for reading in readings for place in range(len(reading.people))]


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with a whole number of pixels to a side made one, which is quick, for what needs no details."""
    every = max(max(pixels.shape[:2]) // _SMALL, 1)
    height, width = (max(side // every, 1) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _working(photo: Photo, points: Array | None) -> Array | None:
    return None if points is None else photo.to_working(points)
