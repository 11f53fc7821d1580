"""What is under way for a character, as the loop keeps it and as people are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from native_runtime.engines.estimate import Estimate

from ..photo_jobs import PoseJob
from .session import Before


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
        job: the question, ``asked`` then; ``live`` where it came in the middle of a drag.
        answer: that was read, and not yet taken over.
        held: an answer to an earlier question that came in the middle of a drag, and is only previewed.
        repeated: the worker has died of this question once.
        before: the character before it was previewed otherwise.
        places: of the handles that were last asked about in the middle of a drag.
    """

    changed: float | None = None
    wanted: bool = False
    job: PoseJob | None = None
    answer: Estimate | None = None
    held: Estimate | None = None
    asked: float = 0.0
    live: bool = False
    repeated: bool = False
    before: Before | None = None
    places: tuple[Any, ...] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def rests(self) -> bool:
        waits = (self.changed, self.job, self.answer, self.held)
        return not self.wanted and all(thing is None for thing in waits)
