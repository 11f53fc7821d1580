"""What the worker is asked about photos: first estimates, poses of one person, masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .worker import TIMEOUT_S, Job

if TYPE_CHECKING:
    from native_runtime.engines.edits import Edits
    from native_runtime.pipeline.turned import Turn
    from native_runtime.prompts.prompt import Prompt


@dataclass(frozen=True)
class ImportRequest:
    """What to estimate.

    Attributes:
        photo: the photo's path.
        engine: name of the engine.
        body: name of the body.
        persons: the largest person only, all of them, or some by their numbers.
        focal_px, fov_deg: the lens, where it is known better than the photo's own data; at most one of them.
        models: the models folder, None for the usual one.
        inference: how closely the engine looks, where it has a choice.
        providers: what to compute on, None for the best that works.
    """

    photo: Path
    engine: str = "landmarks"
    body: str = "default"
    persons: Literal["largest", "all"] | list[int] = "largest"
    focal_px: float | None = None
    fov_deg: float | None = None
    models: Path | None = None
    inference: Literal["full", "body"] | None = None
    providers: list[str] | None = None
    turn: Turn = 0


@dataclass(frozen=True)
class PoseRequest:
    """One person again, with what the artist says about them. Pixels are those of the photo's file.

    Attributes:
        photo: the photo's path.
        slot: whose pose it is: of the requests of a slot that wait, only the newest is done.
        intrinsics: (3, 3) px.
        box: x0 y0 x1 y1 px, where the person was found.
        pins: what is said about keypoints.
        mask: a picture that shows where the person is.
        edits: what the artist set by hand and keeps.
        snap: whether what an engine leaves between pins and keypoints is closed by a fit.
        engine, body, models, inference, providers: as in ``ImportRequest``.
    """

    photo: Path
    slot: str
    intrinsics: list[list[float]]
    box: list[float]
    pins: list[Prompt]
    mask: Path | None = None
    edits: Edits | None = None
    snap: bool = False
    engine: str = "landmarks"
    body: str = "default"
    models: Path | None = None
    inference: str | None = None
    providers: list[str] | None = None

    def keys(self) -> dict[str, Any]:
        """The keys of the worker's request ``pose``."""
        return {
            "photo": str(self.photo),
            "engine": self.engine,
            "models": _text(self.models),
            "body": self.body,
            "providers": self.providers,
            "inference": self.inference,
            "intrinsics": self.intrinsics,
            "box": self.box,
            "pins": [list(pin) for pin in self.pins],
            "mask": _text(self.mask),
            "edits": None if self.edits is None else self.edits.to_json(),
            "snap": self.snap,
            "slot": self.slot,
        }


@dataclass
class ReadJob(Job):
    """Who is in a photo. What the worker reads for it serves the ``ImportJob`` of the same request.

    Attributes:
        boxes: x0 y0 x1 y1 px of the people in the photo, by their numbers; set when done.
        heads: x y px, the middle of each one's head; None where it is not known yet.
        turn: degrees clockwise by which the photo was turned for it.
    """

    request: ImportRequest
    boxes: list[list[float]] = field(default_factory=list)
    heads: list[list[float] | None] = field(default_factory=list)
    turn: int = 0

    def __post_init__(self) -> None:
        self._number = self.client.request("read", timeout_s=TIMEOUT_S, **_photo_keys(self.request))

    def _receive(self, result: dict[str, Any]) -> None:
        self.boxes = [person["bbox"] for person in result["people"]]
        self.turn = result["turn"]
        self.heads = [person.get("head") for person in result["people"]]


@dataclass
class ImportJob(Job):
    """One photo on its way to the first estimates of its people.

    Attributes:
        estimates: the files of the people's estimates; set when done.
    """

    request: ImportRequest
    estimates: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        wish = self.request
        keys = _photo_keys(wish) | {"persons": wish.persons, "inference": wish.inference}
        self._number = self.client.request("estimate", timeout_s=TIMEOUT_S, **keys)

    def _receive(self, result: dict[str, Any]) -> None:
        self.warnings += result.get("warnings", [])
        self.estimates = [Path(p["estimate"]) for p in result.get("people", []) if p.get("estimate")]


@dataclass
class PoseJob(Job):
    """A person's next pose on its way.

    Attributes:
        estimate: the file of the estimate; set when done.
    """

    request: PoseRequest
    estimate: Path | None = None

    def __post_init__(self) -> None:
        self._number = self.client.request("pose", timeout_s=TIMEOUT_S, **self.request.keys())

    def _receive(self, result: dict[str, Any]) -> None:
        self.estimate = Path(result["estimate"])


@dataclass
class SegmentJob(Job):
    """The pixels that show a person, on their way.

    Attributes:
        photo: the photo's path.
        box: x0 y0 x1 y1 px of the photo's file, where the person was found.
        models: the models folder, None for the usual one.
        mask: the picture that shows where the person is; set when done.
    """

    photo: Path
    box: list[float]
    models: Path | None = None
    mask: Path | None = None

    def __post_init__(self) -> None:
        self._number = self.client.request(
            "segment", timeout_s=TIMEOUT_S, photo=str(self.photo), box=self.box, models=_text(self.models)
        )

    def _receive(self, result: dict[str, Any]) -> None:
        self.mask = Path(result["mask"])


def _photo_keys(wish: ImportRequest) -> dict[str, Any]:
    """What the worker's requests about a photo share."""
    return {
        "photo": str(wish.photo),
        "engine": wish.engine,
        "models": _text(wish.models),
        "body": wish.body,
        "focal_px": wish.focal_px,
        "fov_deg": wish.fov_deg,
        "providers": wish.providers,
        "turn": wish.turn,
    }


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
