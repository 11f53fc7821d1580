"""An engine that sees no picture: for tests of what stands around engines. A photo's file name says how it behaves.

``nobody``, ``three``, ``crash``, ``abort``, ``slow``, ``slower``, ``stuck``, ``memory``, ``hoard``, ``bug``, ``noise``
in the name choose what happens. The engine ``sam3d_body`` supports boxes and inference; its warnings repeat what it was
given. Nobody is in boxes narrower than ``NARROW``.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.engines.base import ROUGH, Capabilities
from native_runtime.errors import EmptyBoxError

NARROW = 4
"""Px."""
HOARD = 1_000_000_000
"""Bytes."""


@dataclass
class FakePerson:
    bbox: np.ndarray
    head: None = None
    landmarks: None = None


@dataclass
class FakeEstimate:
    person: int
    keypoints: list[tuple[int, float, float]]
    mask: Any
    intrinsics: np.ndarray
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: {"fit": 0.001})
    details: dict[str, Any] = field(default_factory=lambda: {"suggested_keypoints": []})
    keypoints_2d: np.ndarray = field(default_factory=lambda: np.full((70, 2), np.nan))
    body_hash: str = ""

    def save(self, stem: Path) -> None:
        masked = 0 if self.mask is None else int(self.mask.sum())
        np.savez(f"{stem}.npz", intrinsics=self.intrinsics, keypoints=np.array(self.keypoints), masked=masked)
        Path(f"{stem}.json").write_text(json.dumps({"person": self.person, "pid": os.getpid()}))


class FakeReading:
    def __init__(self, photo: Any, intrinsics: np.ndarray) -> None:
        self._photo, self.intrinsics, self._name = photo, intrinsics, photo.path.stem
        count = 0 if "nobody" in self._name else 3 if "three" in self._name else 1
        width, height = photo.original_size
        self.people = [FakePerson(np.array([0.0, 0.0, width / (k + 1), height / (k + 1)])) for k in range(count)]

    def estimate(
        self, person: int = 0, keypoints: Any = (), mask: Any = None, *, inference: Any = None, edits: Any = None
    ) -> FakeEstimate:
        name = self._name
        if "crash" in name:
            os._exit(7)
        if "abort" in name:
            os.abort()
        if "stuck" in name:
            time.sleep(60)
        if "slow" in name:
            time.sleep(0.4)
        if "hoard" in name:
            kept = np.ones(HOARD // 8)
            time.sleep(60)
            del kept
        if "memory" in name:
            raise MemoryError
        if "slower" in name:
            logging.getLogger("native_runtime.onnx.sessions").warning("encoder.onnx does not fit; the CPU takes over")
        if "bug" in name:
            raise RuntimeError("the fake engine fails here")
        if "noise" in name:
            print("noise from Python")
            os.write(1, b"noise past Python\n")
            ctypes.CDLL(None).puts(b"noise from C")
            ctypes.CDLL(None).fflush(None)
            sys.stdout.flush()
        return FakeEstimate(person, list(keypoints), mask, self.intrinsics, warnings=["the left foot is a guess"])

    def estimate_all(self, people: Any = None, *, inference: Any = None) -> list[FakeEstimate]:
        raise AssertionError("this engine computes one person at a time")


class FakeEngine:
    name, capabilities = "landmarks", Capabilities(fits=True, agrees=True)
    body = None

    def read(self, photo: Any, intrinsics: np.ndarray | None = None, boxes: Any = None) -> FakeReading:
        return FakeReading(photo, np.zeros((3, 3)) if intrinsics is None else intrinsics)


class FakeBodyReading(FakeReading):
    """Supports everything; the warnings of its estimates repeat it."""

    def __init__(self, photo: Any, intrinsics: np.ndarray, boxes: Any, providers: Any) -> None:
        super().__init__(photo, intrinsics)
        self._providers = providers
        if boxes is not None:
            self.people = [FakePerson(np.array(box)) for box in boxes]

    def estimate(
        self, person: int = 0, keypoints: Any = (), mask: Any = None, *, inference: Any = None, edits: Any = None
    ) -> FakeEstimate:
        estimate = super().estimate(person, [prompt[:3] for prompt in keypoints], mask)
        kinds = [prompt[3] for prompt in keypoints if len(prompt) == 4]
        estimate.warnings = [json.dumps({"alone": inference or "full", "kinds": kinds, "providers": self._providers})]
        return estimate

    def estimate_all(self, people: Any = None, *, inference: Any = None) -> list[FakeEstimate]:
        estimates = [super(FakeBodyReading, self).estimate(person) for person in people]
        for estimate in estimates:
            estimate.warnings = [json.dumps({"together": inference or "full", "providers": self._providers})]
        return estimates

    def estimate_steps(self, person: int = 0, *rest: Any, **more: Any) -> Iterator[FakeEstimate]:
        yield self._rough(self.estimate(person, *rest, **more))
        yield self.estimate(person, *rest, **more)

    def estimate_all_steps(self, people: Any = None, *, inference: Any = None) -> Iterator[list[FakeEstimate]]:
        yield [self._rough(estimate) for estimate in self.estimate_all(people, inference=inference)]
        yield self.estimate_all(people, inference=inference)

    def _rough(self, estimate: FakeEstimate) -> FakeEstimate:
        estimate.warnings, estimate.details = ["too early to tell"], {ROUGH: "hands"}
        return estimate


class FakeBodyEngine:
    name = "sam3d_body"
    capabilities = Capabilities(
        boxes=True, several=True, agrees=True, steps=True, fits=True, inferences=("full", "body")
    )
    body = None

    def __init__(self, providers: Any) -> None:
        self._providers = providers

    def read(self, photo: Any, intrinsics: Any = None, boxes: Any = None) -> FakeBodyReading:
        empty = tuple(number for number, box in enumerate(() if boxes is None else boxes) if box[2] - box[0] < NARROW)
        if empty:
            raise EmptyBoxError(f"Nobody was detected in the box {list(boxes[empty[0]])}.", empty)
        return FakeBodyReading(photo, np.zeros((3, 3)), boxes, self._providers)


def open_engine(name: str, models: str | None = None, providers: Any = None, body: str = "default") -> Any:
    return FakeBodyEngine(providers) if name == "sam3d_body" else FakeEngine()
