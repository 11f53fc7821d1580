"""The record of one photo's results, and its line in the manifest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

State = Literal["begun", "done", "failed"]

_WORKED_ON = ".blend"
"""What artists open, change and save under the same name."""


@dataclass(frozen=True)
class FileState:
    """What shows whether a file is unchanged.

    Attributes:
        size: bytes.
        mtime_ns: when it was last written, ns.
        sha256: of its content, hexadecimal.
    """

    size: int
    mtime_ns: int
    sha256: str

    @staticmethod
    def of(path: Path) -> FileState:
        """The state of a file; OSError where it cannot be read."""
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileState(status.st_size, status.st_mtime_ns, digest)

    def untouched(self, path: Path) -> bool:
        """Whether size and time of change are as they were, which takes no reading."""
        try:
            status = path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.mtime_ns)

    def holds(self, path: Path) -> bool:
        """Whether the file has the same content; one that was only copied or touched has."""
        if self.untouched(path):
            return True
        try:
            return path.stat().st_size == self.size and FileState.of(path).sha256 == self.sha256
        except OSError:
            return False


@dataclass(frozen=True)
class Stage:
    """A step of a photo's work that is finished.

    Attributes:
        fingerprint: of the photo and of every setting that the outputs depend on (``settings.Settings``).
        estimate: the fingerprint of the estimate that it was made from; its own where it is the estimate.
        outputs: by path from the output folder, with "/".
        seconds: what it took.
        notes: what the user should know.
    """

    fingerprint: str
    estimate: str
    outputs: Mapping[str, FileState]
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def whole(self, folder: Path) -> bool:
        """Whether every output is there as it was written; a .blend may have been worked on since."""
        return all(
            state.holds(folder / path) or (path.endswith(_WORKED_ON) and (folder / path).is_file())
            for path, state in self.outputs.items()
        )


@dataclass(frozen=True)
class Fault:
    """Why a photo failed.

    Attributes:
        kind: a class of ``native_runtime.errors``, or ``Internal``.
        text: one line that says what to do.
        fingerprint: of the stage that failed, where the fault is the photo's own and would come again
            (``faults.hopeless_mark``).
    """

    kind: str
    text: str
    fingerprint: str = ""


@dataclass(frozen=True)
class Record:
    """One photo's state.

    Attributes:
        photo: relative path, with "/".
        name: path of its results without ending, with "/".
        file: the photo's own file, None where it could not be read.
        state: ``begun`` until everything requested is there.
        image_size: (w, h) px.
        turn: degrees clockwise by which it was turned after reading.
        found: how many people the photo shows.
        people: of each chosen person ``person``, ``bbox``, ``seconds`` and ``warnings``.
        notes: what was done to the photo in reading it.
        stages: those that are finished, by their names (``settings.Settings.stages``).
        fault: why it failed.
        changed: when this was written, ISO 8601 with time zone.
    """

    photo: str
    name: str
    file: FileState | None = None
    state: State = "begun"
    image_size: tuple[int, int] | None = None
    turn: int = 0
    found: int = 0
    people: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    stages: Mapping[str, Stage] = field(default_factory=dict)
    fault: Fault | None = None
    changed: str = ""

    @property
    def seconds(self) -> float:
        """What its stages took."""
        return round(sum(stage.seconds for stage in self.stages.values()), 3)

    @property
    def outputs(self) -> dict[str, FileState]:
        """Of all stages, by path."""
        return {path: state for stage in self.stages.values() for path, state in stage.outputs.items()}

    def with_stages(self, stages: Mapping[str, Stage]) -> Record:
        """The same with further stages, which take the place of those of their names."""
        return replace(self, stages={**self.stages, **stages})

    def to_json(self) -> dict[str, Any]:
        """As in the manifest."""
        return {
            "photo": self.photo,
            "name": self.name,
            "state": self.state,
            "file": None if self.file is None else vars(self.file),
            "image_size": None if self.image_size is None else list(self.image_size),
            "turn": self.turn,
            "found": self.found,
            "people": list(self.people),
            "notes": list(self.notes),
            "stages": {
                name: vars(stage)
                | {"outputs": {path: vars(state) for path, state in stage.outputs.items()}, "notes": list(stage.notes)}
                for name, stage in self.stages.items()
            },
            "error": None if self.fault is None else vars(self.fault),
            "changed": self.changed,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Record:
        """The opposite; ValueError, KeyError or TypeError where it is not a record."""
        if content["state"] not in ("begun", "done", "failed"):
            raise ValueError(f"there is no state {content['state']!r}")
        size, file, fault = content["image_size"], content["file"], content["error"]
        return Record(
            photo=str(content["photo"]),
            name=str(content["name"]),
            file=None if file is None else FileState(**file),
            state=content["state"],
            image_size=None if size is None else (int(size[0]), int(size[1])),
            turn=int(content.get("turn", 0)),  # not in files of earlier versions
            found=int(content["found"]),
            people=tuple(dict(person) for person in content["people"]),
            notes=tuple(content["notes"]),
            stages={
                str(name): Stage(
                    fingerprint=str(stage["fingerprint"]),
                    estimate=str(stage["estimate"]),
                    outputs={str(path): FileState(**state) for path, state in stage["outputs"].items()},
                    seconds=float(stage["seconds"]),
                    notes=tuple(stage["notes"]),
                )
                for name, stage in content["stages"].items()
            },
            fault=None if fault is None else Fault(**fault),
            changed=str(content["changed"]),
        )
