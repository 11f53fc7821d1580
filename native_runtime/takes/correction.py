"""A take that was made, with what an artist says about its frames: fitted again there, by what is kept of its frames.

No picture is read, and no network runs. What is said goes into ``NAME_prompts.json`` beside the take, with which
`sam3db take --prompts` makes the same take of the video.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from native_runtime.camera import Gravity
from native_runtime.errors import ModelError, NewerFormatError, UsageError
from native_runtime.models.store import load_body
from native_runtime.pipeline.reporting import Reporter
from native_runtime.prompts.prompt import Prompt

from .camera import TakeCamera
from .frames import FrameStore
from .hints import read_hints, write_hints
from .kept import KeptFits, observer_of
from .prompted import prompted
from .request import CorrectTakeRequest, FramePrompt
from .run import CAMERA, held
from .take import LOOK, Take, prompts_by_frame

_NAME = re.compile(r"(.+)_person(\d+)_take\.npz")
_VERSIONS = 4
"""Takes with other prompts that are kept for each person: going back to one of them takes no fit."""


@dataclass(frozen=True)
class CorrectedTake:
    """What became of it.

    Attributes:
        take: the file of the take, with the prompts.
        before: a file of the take with the prompts of before.
        prompts: the file of prompts.
    """

    take: Path
    before: Path
    prompts: Path


def correct_take(request: CorrectTakeRequest, reporter: Reporter) -> CorrectedTake:
    """Fit a take again around the frames of which something is said, or no longer is.

    Args:
        request: what is said.
        reporter: hears of progress, and may raise to stop the work; files stay as they are then.

    Raises:
        UsageError: what was seen in the frames is not kept any more, or a prompt is for a frame that the take lacks.
        ModelError: the take or the body cannot be read, or do not belong together.
        PromptError: the prompts beside the take are damaged.
        OSError: a file cannot be written.
    """
    name, person = _named(request.take)
    folder = request.take.with_name(f"{name}_frames")
    beside = prompts_beside(request.take.with_name(name))
    known = read_hints(beside) if beside.exists() else {}
    with held(request.take.parent):
        made = _Corrections(request, folder, person)
        reporter.status("Fitting again")
        before = made.version(made_hints(request.before), reporter, 0.0)
        now = made.version(made_hints(request.prompts), reporter, 0.5)
        made.forget_but(before, now)
        take = _looking_as(Take.load(now), request.take)
        reporter.progress(0.99)
        take.save(request.take.with_suffix(""))
        write_hints(beside, {**known, person: made_hints(request.prompts)})
    reporter.progress(1.0)
    return CorrectedTake(request.take, before, beside)


def _looking_as(take: Take, before: Path) -> Take:
    """A take with what the file that it replaces tells of the person's look."""
    try:
        look = Take.load(before).details.get(LOOK)
    except (ModelError, NewerFormatError):
        return take
    return take if look is None else replace(take, details=take.details | {LOOK: look})


def prompts_beside(stem: Path) -> Path:
    """The file of what was said of the frames of takes whose files begin with a stem."""
    return stem.with_name(f"{stem.name}_prompts.json")


def made_hints(given: Sequence[FramePrompt]) -> dict[int, list[Prompt]]:
    """Prompts by frame."""
    hints: dict[int, list[Prompt]] = {}
    for frame, *said in given:
        hints.setdefault(int(frame), []).append(tuple(said))
    return hints


def _named(take: Path) -> tuple[str, int]:
    match = _NAME.fullmatch(take.name)
    if match is None:
        raise UsageError(
            f"{take}: the file of a take is called NAME_personK_take.npz; give it the name back that it was written by."
        )
    return match[1], int(match[2])


class _Corrections:
    """The versions of one person's take."""

    def __init__(self, request: CorrectTakeRequest, folder: Path, person: int) -> None:
        kept = KeptFits(folder).find(person)
        self._frames = FrameStore(folder, None)
        camera = TakeCamera.from_json(self._frames.kept(CAMERA))
        if kept is None or camera is None or kept[1].made_of.get("frames") != self._frames.settings:
            raise UsageError(
                f"What was seen in the frames of {request.take.name} is not kept in {folder}. Make the take of the "
                "video again; then it can be corrected."
            )
        self._folder, self._person, self._base, self._places = folder, person, kept[0], kept[1].places
        self._gravity: Gravity = camera.gravity
        self._request = request

    def version(self, hints: Mapping[int, Sequence[Prompt]], reporter: Reporter, done: float) -> Path:
        """A file of the take with prompts."""
        if not hints:
            return self._folder / f"person{self._person}.npz"
        said = prompts_by_frame({frame: list(prompts) for frame, prompts in hints.items()})
        text = json.dumps([[frame, given.keypoints] for frame, given in said.items()])
        path = self._folder / f"person{self._person}_{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"
        if not self._is_known(path, said):
            body = load_body(self._request.body or self._base.body_name, self._request.models)
            if body.hash != self._base.body_hash:
                raise ModelError(
                    f"The take was made with another build of the body {self._base.body_name!r} than is installed. "
                    "Make the take of the video again."
                )
            made = prompted(
                self._base,
                body,
                observer_of(self._frames, self._places),
                hints,
                self._gravity,
                progress=lambda part: reporter.progress(done + 0.49 * part),
            )
            made.save(path.with_suffix(""))
        return path

    def _is_known(self, path: Path, said: Mapping[int, Any]) -> bool:
        try:
            take = Take.load(path)
        except (ModelError, NewerFormatError):
            return False
        path.touch()
        return take.prompts == said and _same_base(take, self._base)

    def forget_but(self, *needed: Path) -> None:
        """Remove the versions that were not used for longest."""
        versions = [path for path in self._folder.glob(f"person{self._person}_*.npz") if path not in needed]
        versions.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in versions[: max(len(versions) + len(needed) - _VERSIONS, 0)]:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)


def _same_base(take: Take, base: Take) -> bool:
    """Whether a take is a version of another: what prompts do not change is the same."""
    return (
        take.seconds.get("fit") == base.seconds.get("fit")
        and take.frames.shape == base.frames.shape
        and bool((take.identity == base.identity).all() and (take.seen == base.seen).all())
    )
