"""The camera of a take, told from one frame and kept for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.engines.base import Engine, Reading
from native_runtime.errors import NoPersonError
from native_runtime.pipeline.camera import read_with_camera
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import Lens

from .footage import Footage, Frame, FrameRange
from .request import TakeRequest

Array = NDArray[np.float64]

_LOOKED_AT = 12
"""Frames, at most, in which somebody is looked for."""


@dataclass(frozen=True)
class TakeCamera:
    """The camera of all frames.

    Attributes:
        intrinsics: (3, 3) px.
        gravity: which way is up.
        details, text: as ``lens.estimate.LensEstimate`` gives them.
    """

    intrinsics: Array
    gravity: Gravity
    details: Mapping[str, Any]
    text: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "intrinsics": self.intrinsics.tolist(),
            "up": list(map(float, self.gravity.up)),
            "up_sigma": float(self.gravity.sigma),
            "details": dict(self.details),
            "text": self.text,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any] | None) -> TakeCamera | None:
        """What ``to_json`` gave; None where it is something else."""
        try:
            if content is None:
                return None
            up = np.asarray(content["up"], np.float64).reshape(3)
            matrix = np.asarray(content["intrinsics"], np.float64).reshape(3, 3)
            return TakeCamera(matrix, Gravity(up, float(content["up_sigma"])), content["details"], content["text"])
        except (KeyError, TypeError, ValueError):
            return None


def find_camera(
    request: TakeRequest, footage: Footage, engine: Engine, wanted: FrameRange, reporter: Reporter
) -> tuple[TakeCamera, tuple[int, Reading]]:
    """The camera of all frames, from the first one in which somebody is seen; with that frame's number and reading."""
    total = len(wanted.numbers(footage.frame_count))
    step = wanted.every * max(total // _LOOKED_AT, 1)
    sparse = FrameRange(wanted.first, wanted.stop, step)
    reporter.status("Looking for people")
    for frame in turned(footage.frames(sparse), request.turn):
        given = Lens(focal_px=request.focal_px, fov_deg=request.fov_deg).matrix(frame.photo)
        try:
            reading, lens = read_with_camera(engine, frame.photo, given)
        except NoPersonError:
            continue
        if reading.people:
            size = frame.photo.original_size
            camera = TakeCamera(lens.intrinsics, lens.gravity, lens.details(size), lens.text(max(size)))
            return camera, (frame.number, reading)
    raise NoPersonError(
        f"{request.footage}: nobody was found in {_LOOKED_AT} frames spread over the footage. A person should be at "
        "least 40 pixels tall."
    )


def turned(frames: Iterator[Frame], turn: Any) -> Iterator[Frame]:
    for frame in frames:
        yield replace(frame, photo=frame.photo.turned_by(turn)) if turn else frame
