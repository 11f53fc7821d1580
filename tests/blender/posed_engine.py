"""An engine for tests of the add-on: sees no picture, but gives whole estimates of the body that it is asked to fit.

A photo's file name says how it behaves: ``nobody``, ``two``, ``crash``, ``slow``, ``broken``, ``foreign``.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from native_runtime.camera import intrinsics_for
from native_runtime.engines.base import Capabilities
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models.store import body_path


@dataclass
class Person:
    bbox: np.ndarray
    head: None = None
    landmarks: None = None


@dataclass
class Reading:
    photo: Any
    intrinsics: np.ndarray
    body: Body
    engine: str = "posed"

    @property
    def people(self) -> list[Person]:
        name = self.photo.path.stem
        count = 0 if "nobody" in name else 2 if "two" in name else 1
        width, height = self.photo.original_size
        return [Person(np.array([0.0, 0.0, width / (k + 1), height])) for k in range(count)]

    def estimate(
        self, person: int = 0, keypoints: Any = (), mask: Any = None, *, inference: Any = None, edits: Any = None
    ) -> Estimate:
        name = self.photo.path.stem
        if "crash" in name:
            os._exit(7)
        if "slow" in name:
            time.sleep(30)
        parameters = np.zeros(len(self.body.parameter_names))
        parameters[self.body.parameter_index("l_elbow_bend")] = 0.7 + person
        estimate = Estimate.from_state(
            self.body,
            PlacedState(
                parameters,
                np.zeros(self.body.identity_count),
                np.zeros(self.body.expression_count),
                np.array([-0.8 * person, 0.9, 4.0 + person]),
            ),
            self.intrinsics,
            image_size=np.array(self.photo.original_size),
            bbox=self.people[person].bbox,
            engine=self.engine,
            photo=self.photo.path.name,
            person=person,
            warnings=("the left foot is a guess",),
        )
        if "foreign" in name:
            return replace(estimate, body_hash="sha256:0", body_name="another")
        if "broken" in name:
            return replace(estimate, intrinsics=np.diag([-1.0, 1.0, 1.0]))
        return estimate

    def estimate_all(self, people: Any = None, *, inference: Any = None) -> list[Estimate]:
        return [self.estimate(person) for person in (range(len(self.people)) if people is None else people)]


@dataclass
class Engine:
    body: Body
    name: str = "posed"
    capabilities: ClassVar[Capabilities] = Capabilities(fits=True)

    def read(self, photo: Any, intrinsics: np.ndarray | None = None, boxes: Any = None) -> Reading:
        known = intrinsics_for(photo.original_size, photo=photo) if intrinsics is None else intrinsics
        return Reading(photo, known, self.body, self.name)


def open_engine(name: str, models: str | None = None, providers: Any = None, body: str = "default") -> Engine:
    return Engine(Body.load(body_path(body, models)))
