"""Videos, in a separate worker; and corrections of takes, which take seconds, in the one that stays warm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .long import JobSlot, LongJob
from .worker import TIMEOUT_S, Job

if TYPE_CHECKING:
    from native_runtime.takes.request import CorrectTakeRequest


class TakeJob(LongJob):
    """A video on its way to take files.

    Attributes:
        picture: of the frame that was read last, as the worker sees it; None before the first one.
        pictures: how many there were.
    """

    picture: Path | None = None
    pictures: int = 0

    @property
    def files(self) -> list[Path]:
        """The take files, one per person, once the job is done."""
        return [Path(file) for file in self.result.get("takes", ())]

    @property
    def tracks(self) -> Path | None:
        """The file of who was followed, once the job is done."""
        return Path(self.result["tracks"]) if "tracks" in self.result else None

    @property
    def achievement(self) -> str:
        count, frames = len(self.files), int(self.result.get("frames", 0))
        people = "1 person" if count == 1 else f"{count} people"
        return f"{people} over {frames} frames"

    @property
    def summary(self) -> str:
        if self.state == "cancelled":
            return "Cancelled. The frames that were read are kept; start again to continue."
        return super().summary

    def _receive_picture(self, file: Path) -> None:
        self.picture = file
        self.pictures += 1


#: The one of this Blender.
slot = JobSlot(TakeJob)


@dataclass
class CorrectionJob(Job):
    """A take on its way to being fitted again.

    Attributes:
        take: the file of it; before: a file of the take as it was; set when done.
    """

    request: CorrectTakeRequest
    take: Path | None = None
    before: Path | None = None

    def __post_init__(self) -> None:
        from native_runtime.pipeline.decoding import encode

        self._number = self.client.request(self.request.do, timeout_s=TIMEOUT_S, **encode(self.request))

    def _receive(self, result: dict[str, Any]) -> None:
        self.take, self.before = Path(result["take"]), Path(result["before"])
