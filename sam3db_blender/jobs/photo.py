"""What the worker is asked about photos: first estimates, poses of one person, masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .worker import TIMEOUT_S, Job, State

if TYPE_CHECKING:
    from native_runtime.pipeline.requests import EstimateRequest, LookRequest, PoseRequest, SegmentRequest
    from native_runtime.takes.views.pose_request import PoseViewsRequest
    from native_runtime.texture.files import TextureFiles


@dataclass
class _PhotoJob(Job):
    """A job that is asked for by a request of the pipeline."""

    def _ask(self, request: LookRequest | PoseRequest | PoseViewsRequest | SegmentRequest) -> None:
        from native_runtime.pipeline.decoding import encode

        self._number = self.client.request(request.do, timeout_s=TIMEOUT_S, **encode(request))


@dataclass
class ReadJob(_PhotoJob):
    """Who is in a photo. What the worker reads for it serves the ``ImportJob`` of the same request.

    Attributes:
        boxes: x0 y0 x1 y1 px of the people in the photo, by their numbers; set when done.
        heads: x y px, the middle of each one's head; None where it is not known yet.
        turn: degrees clockwise by which the photo was turned for it.
    """

    request: EstimateRequest
    boxes: list[list[float]] = field(default_factory=list)
    heads: list[list[float] | None] = field(default_factory=list)
    turn: int = 0

    def __post_init__(self) -> None:
        from native_runtime.pipeline.decoding import part_of
        from native_runtime.pipeline.requests import LookRequest

        self._ask(part_of(LookRequest, self.request))

    def _receive(self, result: dict[str, Any]) -> None:
        self.boxes = [person["bbox"] for person in result["people"]]
        self.turn = result["turn"]
        self.heads = [person.get("head") for person in result["people"]]


@dataclass
class ImportJob(_PhotoJob):
    """One photo on its way to the first estimates of its people.

    Attributes:
        estimates: the files of the people's estimates; set when done.
        textures: the files of their textures; None for whoever got none.
        early: those of rougher estimates of the same people, as soon as there are any.
    """

    request: EstimateRequest
    estimates: list[Path] = field(default_factory=list)
    textures: list[TextureFiles | None] = field(default_factory=list)
    early: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ask(self.request)

    def _receive(self, result: dict[str, Any]) -> None:
        from ..files import speeds

        self.warnings += result.get("warnings", [])
        self.estimates = _files(result)
        self.textures = _textures(result)
        took = [person["seconds"] for person in result.get("people", []) if person.get("seconds")]
        if len(took) == 1:  # of several people, stages that they share are counted for each
            speeds.remember(self.request.engine, took[0])

    def _receive_early(self, result: dict[str, Any]) -> None:
        self.early = _files(result)


def _files(result: dict[str, Any]) -> list[Path]:
    """The people's estimates in a result."""
    return [Path(person["estimate"]) for person in result.get("people", []) if person.get("estimate")]


def _textures(result: dict[str, Any]) -> list[TextureFiles | None]:
    """The textures of the people whose estimates are in a result."""
    from native_runtime.texture.files import TextureFiles

    made = (person.get("texture") for person in result.get("people", []) if person.get("estimate"))
    return [None if files is None else TextureFiles.from_json(files) for files in made]


class AnswerJob(Protocol):
    """A job that ends with the estimate of one person.

    Attributes:
        state, status, error, kind: as of ``Job``.
        estimate: the file; set when done.
        texture: the files of the person's texture, where one was made along with it; set when done.
    """

    @property
    def state(self) -> State: ...

    @property
    def status(self) -> str: ...

    @property
    def error(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def estimate(self) -> Path | None: ...

    @property
    def texture(self) -> TextureFiles | None: ...

    def poll(self) -> bool: ...


@dataclass(frozen=True)
class LastStep:
    """What an import that has shown its rougher estimates still brings for one of its people.

    Attributes:
        job: the import.
        place: of the person among those of the import.
    """

    job: ImportJob
    place: int

    @property
    def state(self) -> State:
        return self.job.state

    @property
    def status(self) -> str:
        return self.job.status

    @property
    def error(self) -> str:
        return self.job.error

    @property
    def kind(self) -> str:
        return self.job.kind

    @property
    def estimate(self) -> Path | None:
        return self.job.estimates[self.place] if self.job.estimates else None

    @property
    def texture(self) -> TextureFiles | None:
        return self.job.textures[self.place] if self.job.textures else None

    def poll(self) -> bool:
        return self.job.poll()


@dataclass
class PoseJob(_PhotoJob):
    """A person's next pose on its way.

    Attributes:
        estimate: the file of the estimate; set when done.
    """

    request: PoseRequest | PoseViewsRequest
    estimate: Path | None = None
    texture: TextureFiles | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._ask(self.request)

    def _receive(self, result: dict[str, Any]) -> None:
        self.estimate = Path(result["estimate"])


@dataclass
class SegmentJob(_PhotoJob):
    """The pixels that show a person, on their way.

    Attributes:
        mask: the picture that shows where the person is; set when done.
    """

    request: SegmentRequest
    mask: Path | None = None

    def __post_init__(self) -> None:
        self._ask(self.request)

    def _receive(self, result: dict[str, Any]) -> None:
        self.mask = Path(result["mask"])
