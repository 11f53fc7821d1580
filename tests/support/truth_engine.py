"""A stand-in for good networks: an engine that looks nothing up in a picture, but answers from what was rendered in it.

It shows what a proof does with an engine that is right, and with one that is wrong in a stated way; it shows nothing
about any network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from native_runtime.engines.base import Capabilities, EngineDescriptor, FilePath
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.status import EngineStatus
from native_runtime.files.templates import load_json
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models import store
from native_runtime.proof.pictures import FILE, FOLDER

Change = Callable[[Estimate, Body], Estimate]


@dataclass
class Person:
    bbox: Any
    head: None = None
    landmarks: None = None


@dataclass
class TruthReading:
    photo: Any
    intrinsics: Any
    boxes: Any
    engine: TruthEngine

    @property
    def people(self) -> list[Person]:
        return [Person(box) for box in self.boxes]

    def estimate(
        self, person: int = 0, keypoints: Any = (), mask: Any = None, *, inference: Any = None, edits: Any = None
    ) -> Estimate:
        entries = load_json(FOLDER, FILE)["pictures"].values()
        entry = next(entry for entry in entries if entry["file"] == self.photo.path.name)
        body = self.engine.body
        # what later bodies have besides comes last
        identity = np.zeros(body.identity_count)
        identity[: len(entry["identity"])] = entry["identity"]
        numbers = (entry["model_parameters"], identity, np.zeros(body.expression_count))
        estimate = Estimate.from_state(
            body,
            PlacedState(*(np.array(part) for part in numbers), np.array(entry["camera_translation"])),
            self.intrinsics,
            image_size=np.array(self.photo.original_size),
            bbox=self.boxes[person],
            engine=self.engine.name,
            photo=self.photo.path.name,
            person=person,
        )
        if inference in (None, "fit") and self.engine.capabilities.inferences:
            return estimate  # a fit hides what the network got wrong
        return self.engine.change(estimate, body)

    def estimate_all(self, people: Any = None, *, inference: Any = None) -> list[Estimate]:
        return [self.estimate(person) for person in (people or range(len(self.people)))]


@dataclass
class TruthEngine:
    body: Body
    name: str
    change: Change
    capabilities: Capabilities

    def read(self, photo: Any, intrinsics: Any = None, boxes: Any = None) -> TruthReading:
        return TruthReading(photo, intrinsics, boxes, self)


def truth_engine(
    name: str = "standin", change: Change | None = None, folder: str = "", inferences: tuple[str, ...] = ()
) -> EngineDescriptor:
    """The stand-in, which a `change` makes wrong; `folder` is where its networks would be.

    Where there are kinds of inference, "fit" hides the change.
    """
    capabilities = Capabilities(boxes=True, model_folders=(folder,) if folder else (), inferences=inferences)

    def open_engine(models: FilePath | None, providers: Sequence[str] | None, body: FilePath) -> TruthEngine:
        loaded = store.load_body("default-lod2" if body == "default" else body, models)
        return TruthEngine(loaded, name, change or (lambda estimate, body: estimate), capabilities)

    def status(models: FilePath | None, providers: Sequence[str] | None) -> EngineStatus:
        return EngineStatus(True, "answers from the truth")

    return EngineDescriptor(name, name.title(), "A stand-in", capabilities, open_engine, status)


def moved(change: Callable[[PlacedState, Body], PlacedState]) -> Change:
    """A change of the state, from which all else follows."""
    return lambda estimate, body: estimate.with_state(body, change(estimate.state, body))


def replaced(**arrays: Callable[[Any], Any]) -> Change:
    """A change of some arrays alone."""
    return lambda estimate, body: replace(
        estimate, **{name: make(np.array(getattr(estimate, name))) for name, make in arrays.items()}
    )
