"""What a worker is told: once of a run, then of each photo; and what it answers. Plain values only, so that versions
can be compared before anything else of the other side's is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from native_runtime.batch.record import FileState, Record
from native_runtime.process.payload import ErrorPayload

PROTOCOL = 1
"""Of jobs and answers; to be raised when either changes its meaning."""


@dataclass(frozen=True)
class Job:
    """A run, as its workers see it.

    Attributes:
        version: of the program that asks; `PROTOCOL` behind it.
        run: its name.
        request: JSON of the ``BatchRequest``, with the workers' paths.
        private: the folder, from the output folder, in which workers put what is not finished.
        token: what the file ``token`` in it holds.
        photo: relative path and size, in bytes, of a photo that must be there.
        fingerprints: of a photo whose SHA-256 is empty: equal where engine, networks, body and settings are.
        engines: the module that opens engines.
        sharing: how many workers share the cores of the worker's machine.
        patience_s: how long files of other machines may take to be seen.
    """

    version: str
    run: str
    request: Mapping[str, Any]
    private: str
    token: str
    photo: tuple[str, int]
    fingerprints: Mapping[str, str]
    engines: str
    sharing: int
    patience_s: float

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return dict(vars(self))

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Job:
        """The job of a program of this version."""
        return Job(**content)


@dataclass(frozen=True)
class Answer:
    """What became of a photo.

    Attributes:
        record: its record; None where the worker could not work on it.
        folder: where its files lie, from the output folder.
        files: the states of those, by path from ``folder``, which is that from the output folder as well.
        estimated: whether there are new estimates.
        error: what is wrong with the worker, or with the whole run.
        left: the worker knows nothing of this run, or no more.
        worker: its address.
    """

    record: Record | None = None
    folder: str = ""
    files: Mapping[str, FileState] = field(default_factory=dict)
    estimated: bool = False
    error: ErrorPayload | None = None
    left: bool = False
    worker: str = ""

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "record": None if self.record is None else self.record.to_json(),
            "folder": self.folder,
            "files": {path: vars(state) for path, state in self.files.items()},
            "estimated": self.estimated,
            "error": None if self.error is None else self.error.to_json(),
            "left": self.left,
            "worker": self.worker,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Answer:
        """The answer of a worker of this version."""
        record, error = content["record"], content["error"]
        return Answer(
            record=None if record is None else Record.from_json(record),
            folder=content["folder"],
            files={path: FileState(**state) for path, state in content["files"].items()},
            estimated=content["estimated"],
            error=None if error is None else ErrorPayload.from_json(error),
            left=content["left"],
            worker=content["worker"],
        )
