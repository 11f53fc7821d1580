"""What is under way for a character, as the loop keeps it and as users see it."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from native_runtime.engines.estimate import Estimate
    from native_runtime.texture.files import TextureFiles

    from ..jobs.photo import AnswerJob
    from .limb_preview import LimbPreview


@dataclass(frozen=True)
class Status:
    """What the loop does about a character.

    Attributes:
        state: nothing, waiting for an answer, or the last answer was a failure.
        text: for people; of a failure, what to do.
        seconds: how long the last answer took.
    """

    state: Literal["idle", "waiting", "error"] = "idle"
    text: str = ""
    seconds: float = 0.0


@dataclass
class Task:
    """What is under way for one character.

    Attributes:
        changed: when a handle last did.
        wanted: a new pose is, whether or not a handle was moved.
        given: a job that brings the wanted pose, so that none is to be sent.
        job: the question, ``asked`` then.
        answer: that was read, and not yet taken over; ``texture`` came with it.
        repeated: the worker has died of this question once.
        reading: the body, which is read aside before the first preview.
        preview: of the handle that is dragged, which was last shown at ``place``.
    """

    changed: float | None = None
    wanted: bool = False
    given: AnswerJob | None = None
    job: AnswerJob | None = None
    answer: Estimate | None = None
    texture: TextureFiles | None = None
    asked: float = 0.0
    repeated: bool = False
    reading: Thread | None = None
    preview: LimbPreview | None = None
    place: tuple[float, float] | None = None
    error: str = ""
    seconds: float = 0.0

    @property
    def rests(self) -> bool:
        waits = (self.changed, self.job, self.answer)
        return not self.wanted and all(thing is None for thing in waits)
