"""What is asked for of several photos of one person. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from native_runtime.errors import UsageError
from native_runtime.pipeline.boxes import Box
from native_runtime.pipeline.decoding import one_of, read_by
from native_runtime.pipeline.requests import (
    LEAST_TALL,
    MOST_TALL,
    FilePath,
    Lens,
    LookRequest,
    PhotoReading,
    Refinement,
    Sex,
    check_age,
)

if TYPE_CHECKING:
    from native_runtime.prompts.prompt import Prompt

Unit = Literal["m", "cm", "mm", "unknown"]
"""Of lengths in a calibration."""


@dataclass(frozen=True, kw_only=True)
class ViewLook(LookRequest, Lens):
    """Who is in one of the photos."""


def _paths(key: str, value: object) -> tuple[FilePath, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise UsageError(f"{key!r} must be a list of files.")
    return tuple(value)


def _numbers(key: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in value
    ):
        raise UsageError(f"{key!r} must be a list of whole numbers from 0 on, one for each photo.")
    return tuple(value)


def _pins(key: str, value: object) -> tuple[tuple[Prompt, ...], ...]:
    from .prompts import check_view_prompts

    return check_view_prompts(value)


@dataclass(frozen=True, kw_only=True)
class ViewsRequest(PhotoReading, Refinement):
    """One body for several photos of a person.

    Attributes:
        photos: the files, two or more.
        people: the person's number in each photo, the largest being 0; None: the largest, and whom known cameras see at
            the same place.
        boxes: x0 y0 x1 y1 px of the person in each photo instead.
        synchronised: whether the photos were taken at the same moment, so that they show one pose.
        calibration: file of the cameras, whose photos are synchronised; None where they are not known.
        cameras: the calibration's name for the camera of each photo; None: by the photos' names, else by their order.
        unit: of the calibration's lengths; "unknown": the person's size says it; None: metres, but of COLMAP unknown.
        sex: what the body's shape shows; None: what the faces say.
        age: years; None: an adult, or a child where the faces say so clearly.
        height_cm: how tall the person is; None: as the cameras measure it, or as people are.
        prompts: a JSON file of prompts by photo (``views.prompts``).
        pins: prompts by photo, one list for each, besides those of the file.
        start: NAME_views.json of an earlier run with the same photos: the fit goes on from its body.
        out: folder for the results, for whoever does not say by other means where they go.
        texture: whether the person's texture is made of all photos as well, for whoever makes some.

    Raises:
        UsageError: these do not fit together.
    """

    do: ClassVar = "views"

    photos: tuple[FilePath, ...] = field(metadata=read_by(_paths))
    people: tuple[int, ...] | None = field(default=None, metadata=read_by(_numbers))
    boxes: tuple[Box, ...] | None = None
    synchronised: bool = False
    calibration: FilePath | None = None
    cameras: tuple[str, ...] | None = None
    unit: Unit | None = field(default=None, metadata=read_by(one_of(*get_args(Unit))))
    sex: Sex | None = None
    age: float | None = None
    height_cm: float | None = None
    prompts: FilePath | None = None
    pins: tuple[tuple[Prompt, ...], ...] | None = field(default=None, metadata=read_by(_pins))
    start: FilePath | None = None
    out: FilePath | None = None
    texture: bool = False

    def __post_init__(self) -> None:
        Refinement.__post_init__(self)
        if len(self.photos) < 2:
            raise UsageError("Several views need two photos or more. For one photo make a character of it alone.")
        for one, several, given in (
            ("person was", "people were", self.people),
            ("box was", "boxes were", self.boxes),
            ("camera was", "cameras were", self.cameras),
            ("list of pins was", "lists of pins were", self.pins),
        ):
            if given is not None and len(given) != len(self.photos):
                what = one if len(given) == 1 else several
                raise UsageError(f"{len(given)} {what} given for {len(self.photos)} photos. Give one for each.")
        if self.people is not None and self.boxes is not None:
            raise UsageError("Say who is meant either by numbers or by boxes, not by both.")
        if self.cameras is not None and self.calibration is None:
            raise UsageError("Names of cameras need the calibration that they are from.")
        if self.unit is not None and self.calibration is None:
            raise UsageError("A unit needs the calibration whose lengths it is of.")
        if self.age is not None:
            check_age(self.age)
        if self.height_cm is not None and not LEAST_TALL <= self.height_cm <= MOST_TALL:
            raise UsageError(
                f"A height lies between {LEAST_TALL:g} and {MOST_TALL:g} cm, not at {self.height_cm:g} cm."
            )
        if self.calibration is not None and self.height_cm is not None:
            raise UsageError("Known cameras measure how tall the person is. Leave the height out, or the calibration.")
        if self.calibration is not None and (self.focal_px is not None or self.fov_deg is not None):
            raise UsageError("The calibration knows the lenses. Leave the focal length and the field of view out.")

    @property
    def one_pose(self) -> bool:
        """Whether all photos show the same moment."""
        return self.synchronised or self.calibration is not None
