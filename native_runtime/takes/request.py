"""The requests for takes: a video and what is made of it, and what is said of its frames. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from native_runtime.errors import UsageError
from native_runtime.pipeline.decoding import read_by, text
from native_runtime.pipeline.requests import Appearance, ModelsFolder, Persons, PhotoReading, Size

Range = tuple[int, int | None]
"""First frame, counted from 0, and the one behind the last; None: up to the end."""


def parse_range(given: str) -> Range:
    """The range written ``A:B``: frame A up to before frame B, counted from 0; each may be left out.

    Raises:
        UsageError: it is none.
    """
    first, colon, stop = given.strip().partition(":")
    plain = all(part == "" or (part.isascii() and part.isdigit()) for part in (first, stop))
    if not colon or not plain:
        raise UsageError(f"A range of frames is written A:B, such as 0:100, not {given!r}.")
    found = int(first or 0), int(stop) if stop else None
    if found[1] is not None and found[1] <= found[0]:
        raise UsageError(f"A range of frames goes from one frame to a later one, not {given}.")
    return found


def _range(key: str, value: Any) -> Range:
    if isinstance(value, (list, tuple)) and len(value) == 2:
        first, stop = value
        return parse_range(f"{'' if first is None else first}:{'' if stop is None else stop}")
    return parse_range(text(key, value))


@dataclass(frozen=True, kw_only=True)
class TakeRequest(PhotoReading, Appearance, Size):
    """One person or several over the frames of a video.

    Attributes:
        footage: a video, or a folder of pictures.
        out: folder for the results; made where it does not exist.
        persons: of whom; numbers are those of the tracks, who is seen most first.
        range: which frames.
        every: each how manyth of them.
        fps: frames a second of the footage; None: as it says.
        plain: estimates of single frames and a filter over them, instead of one fit over all frames.
        prompts: a JSON file of hints on frames (``hints``).
        restart: whether frames that were read before are read again.
        texture: whether each person's texture is made as well, and the colours of skin and hair are told.

    Raises:
        UsageError: something is out of range, or belongs to single photos.
    """

    do: ClassVar = "take"

    footage: Path
    out: Path
    persons: Persons = "largest"
    range: Range = field(default=(0, None), metadata=read_by(_range))
    every: int = 1
    fps: float | None = None
    plain: bool = False
    prompts: Path | None = None
    restart: bool = False
    texture: bool = False

    def __post_init__(self) -> None:
        Appearance.__post_init__(self)
        Size.__post_init__(self)
        if self.every < 1:
            raise UsageError(f"Every first, second or later frame can be used, not every {self.every}th.")
        if self.plain and self.prompts is not None:
            raise UsageError("Prompts act in the fit over all frames, which 'plain' leaves out.")
        if self.turn == "auto":
            raise UsageError("A video is rotated by 90, 180 or 270 degrees, not by 'auto'.")
        for what, given in (("age", self.age), ("height", self.height_cm)):
            if isinstance(given, tuple) or (given is not None and self.persons == "all"):
                raise UsageError(f"One {what} belongs to one person: choose the largest, or one by number.")


FramePrompt = tuple[Any, ...]
"""The footage's number of a frame, and a prompt (``prompts.prompt.Prompt``)."""


def _frame_prompts(key: str, value: Any) -> tuple[FramePrompt, ...]:
    """``[[frame, index or name, x, y], ...]``, with a fifth entry for the kind."""
    from native_runtime.prompts.prompt import check_prompts

    by_frame: dict[int, list[Any]] = {}
    for entry in value if isinstance(value, (list, tuple)) else [value]:
        if not isinstance(entry, (list, tuple)) or len(entry) < 4 or type(entry[0]) is not int or entry[0] < 0:
            raise UsageError(f"{key!r} is a list of [frame, keypoint, x, y] or [frame, keypoint, x, y, kind].")
        by_frame.setdefault(entry[0], []).append(tuple(entry[1:]))
    return tuple((frame, *said) for frame, given in sorted(by_frame.items()) for said in check_prompts(given))


@dataclass(frozen=True, kw_only=True)
class CorrectTakeRequest(ModelsFolder):
    """What an artist says about frames of a take that was made.

    Attributes:
        take: its file, ``NAME_personK_take.npz``.
        prompts: all that is said of this person, pixels of the footage; empty to take everything back.
        before: all that was said before, so that what changes can be told.
        body: name or file of the take's body; None for its name.
    """

    do: ClassVar = "correct_take"

    take: Path
    prompts: tuple[FramePrompt, ...] = field(default=(), metadata=read_by(_frame_prompts))
    before: tuple[FramePrompt, ...] = field(default=(), metadata=read_by(_frame_prompts))
    body: str | None = None
