"""What is asked for of a body that stands before several cameras already. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from native_runtime.errors import UsageError
from native_runtime.pipeline.boxes import Box
from native_runtime.pipeline.decoding import decode, encode, read_by
from native_runtime.pipeline.requests import EngineChoice, FilePath, Intrinsics, Refinement, Sex, Up

if TYPE_CHECKING:
    from native_runtime.prompts.prompt import Prompt

Numbers = tuple[float, ...]
Matrix = tuple[tuple[float, float, float, float], ...]


def _numbers(key: str, value: object) -> Numbers:
    if isinstance(value, (list, tuple)) and all(type(one) in (int, float) and math.isfinite(one) for one in value):
        return tuple(float(one) for one in value)
    raise UsageError(f"{key!r} must be a list of numbers.")


def _matrix(key: str, value: object) -> Matrix:
    rows = value if isinstance(value, (list, tuple)) and len(value) == 4 else ()
    out = [_numbers(key, row) for row in rows]
    if [len(row) for row in out] != [4, 4, 4, 4] or out[3] != (0.0, 0.0, 0.0, 1.0):
        raise UsageError(f"{key!r} must be four rows of four numbers, the last one 0, 0, 0, 1.")
    return tuple((a, b, c, d) for a, b, c, d in out)


@dataclass(frozen=True, kw_only=True)
class ViewPhoto:
    """One of the photos. Pixels are those of the photo's file.

    Attributes:
        number: what the answer calls it.
        photo: the file.
        box: x0 y0 x1 y1 px, where the person was found.
        intrinsics: of its camera, without distortion.
        up: which way is up for the camera; None for what the picture shows.
        camera: (4, 4) from its camera's axes to those of the first photo's, m, a rotation and a translation.
        pins: what an artist says about keypoints.
    """

    number: int
    photo: FilePath
    box: Box
    intrinsics: Intrinsics
    up: Up | None = None
    camera: Matrix = field(metadata=read_by(_matrix))
    pins: tuple[Prompt, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``decode`` reads it."""
        return encode(self)


@dataclass(frozen=True, kw_only=True)
class BodyNumbers:
    """A body before the first photo's camera, as an estimate has it.

    Attributes:
        model_parameters, identity, expression: its numbers.
        camera_translation: (3,) m.
    """

    model_parameters: Numbers = field(metadata=read_by(_numbers))
    identity: Numbers = field(metadata=read_by(_numbers))
    expression: Numbers = field(metadata=read_by(_numbers))
    camera_translation: Numbers = field(metadata=read_by(_numbers))

    def to_json(self) -> dict[str, Any]:
        """As ``decode`` reads it."""
        return encode(self)


def _views(key: str, value: object) -> tuple[ViewPhoto, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, Mapping) for one in value):
        raise UsageError(f"{key!r} must be a list of photos.")
    return tuple(decode(ViewPhoto, one) for one in value)


def _body(key: str, value: object) -> BodyNumbers:
    if not isinstance(value, Mapping):
        raise UsageError(f"{key!r} must have the numbers of a body.")
    return decode(BodyNumbers, value)


@dataclass(frozen=True, kw_only=True)
class PoseViewsRequest(EngineChoice, Refinement):
    """A body in several photos of one moment again, with what an artist says on each.

    Attributes:
        views: the photos; the first one's camera has the axes in which the cameras and the answer are given.
        start: the body without what is said now, which the fit goes on from. Its shape stays.
        calibrated: whether the cameras are of a calibration; else they followed from the person, and so does what
            counts in the photos (``fit.by_triangulation``).
        inference: as in `PhotoReading`.
        sex, age, height_cm: as in `ViewsRequest`.
        slot: as in `PoseRequest`.

    Raises:
        UsageError: there are no photos.
    """

    do: ClassVar = "pose_views"

    views: tuple[ViewPhoto, ...] = field(metadata=read_by(_views))
    start: BodyNumbers = field(metadata=read_by(_body))
    calibrated: bool = False
    inference: str | None = None
    sex: Sex | None = None
    age: float | None = None
    height_cm: float | None = None
    slot: str | None = None

    def __post_init__(self) -> None:
        Refinement.__post_init__(self)
        if not self.views:
            raise UsageError("A body in several photos needs the photos.")
