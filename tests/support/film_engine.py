"""An engine for tests of takes: people are upright rectangles of one colour each on black."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from native_runtime.camera import intrinsics_for
from native_runtime.engines.base import Capabilities
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import EmptyBoxError
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.boxes import overlap

COLOURS = ((230, 40, 40), (40, 60, 230), (40, 200, 60))


def film(ways: list[Any], count: int, size: tuple[int, int] = (320, 240)) -> list[np.ndarray]:
    """Pictures in which each way, a function of the frame, says where the left edge of a person is; None: nowhere."""
    pictures = []
    for frame in range(count):
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        for colour, way in zip(COLOURS, ways):
            left = way(frame)
            if left is not None:
                picture[40:220, max(int(left), 0) : max(int(left) + 60, 0)] = colour
        pictures.append(picture)
    return pictures


@dataclass
class Person:
    bbox: np.ndarray
    head: None = None
    landmarks: None = None


@dataclass
class Reading:
    engine: FilmEngine
    photo: Any
    intrinsics: np.ndarray
    people: list[Person]

    def estimate(self, person: int = 0, keypoints: Any = (), mask: Any = None, **more: Any) -> Estimate:
        body, box = self.engine.body, self.people[person].bbox
        self.engine.estimated += 1
        parameters = np.zeros(204)
        parameters[body.parameter_index("l_elbow_bend")] = 0.4
        middle = (box[:2] + box[2:]) / 2
        x, y = (middle - self.intrinsics[:2, 2]) / self.intrinsics[0, 0] * 5.0
        state = PlacedState(
            parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([x, y + 0.9, 5.0])
        )
        return Estimate.from_state(
            body, state, self.intrinsics, image_size=np.array(self.photo.original_size), bbox=box, engine="film"
        )


@dataclass
class FilmEngine:
    """Counts what it is asked for, to show what a run saves."""

    body: Body
    follows: bool = False
    searched: int = 0
    boxed: int = 0
    followed: int = 0
    glanced: int = 0
    estimated: int = 0
    name: str = "film"
    seen_sizes: set[tuple[int, int]] = field(default_factory=set)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(boxes=True, fits=True, follows=self.follows)

    def read(self, photo: Any, intrinsics: Any = None, boxes: Any = None) -> Reading:
        found = self._found(photo)
        if boxes is None:
            self.searched += 1
        else:
            self.boxed += 1
            matched = [max(found, key=lambda b: overlap(b.tolist(), box.tolist()), default=None) for box in boxes]
            empty = tuple(
                k
                for k, (box, one) in enumerate(zip(boxes, matched))
                if one is None or overlap(one.tolist(), box.tolist()) < 0.1
            )
            if empty:
                raise EmptyBoxError("Nobody there.", empty)
            found = [one for one in matched if one is not None]
        return self._reading(photo, found, intrinsics)

    def follow(self, photo: Any, people: Any, intrinsics: Any = None) -> tuple[Reading, list[int]]:
        self.followed += 1
        found, seen = self._found(photo), []
        for number, person in enumerate(people):
            best = max(found, key=lambda b: overlap(b.tolist(), person.bbox.tolist()), default=None)
            if best is not None and overlap(best.tolist(), person.bbox.tolist()) > 0.2:
                seen.append((number, best))
        return self._reading(photo, [box for _, box in seen], intrinsics), [number for number, _ in seen]

    def glance(self, photo: Any) -> np.ndarray:
        self.glanced += 1
        return np.array(self._found(photo)).reshape(-1, 4)

    def _reading(self, photo: Any, boxes: list[np.ndarray], intrinsics: Any) -> Reading:
        self.seen_sizes.add(photo.original_size)
        matrix = intrinsics_for(photo.original_size) if intrinsics is None else intrinsics
        return Reading(self, photo, matrix, [Person(box) for box in boxes])

    @staticmethod
    def _found(photo: Any) -> list[np.ndarray]:
        boxes = []
        for colour in COLOURS:
            rows, columns = np.nonzero((np.abs(photo.pixels.astype(int) - colour).sum(axis=2)) < 100)
            if len(rows) > 200:
                boxes.append(np.array([columns.min(), rows.min(), columns.max(), rows.max()], float))
        return sorted(boxes, key=lambda box: -float(np.prod(box[2:] - box[:2])))


@dataclass
class FilmInference:
    """Opens the engine above, whatever is asked for."""

    engine: FilmEngine

    def open(self, choice: Any, reporter: Any) -> FilmEngine:
        return self.engine
