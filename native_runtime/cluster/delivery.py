"""Moving what a worker made of a photo to its place."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from native_runtime.batch.outputs import Staging
from native_runtime.batch.record import FileState, Record
from native_runtime.cluster.job import Answer
from native_runtime.cluster.seeing import seen
from native_runtime.errors import FileError


def deliver(answer: Answer, out: Path, staging: Staging, patience_s: float) -> Record:
    """Move the files of an answer that has a record; the record, with the files as they are seen here.

    Args:
        out: the output folder.
        patience_s: how long they may take to be seen.

    Raises:
        FileError: a file is not there, or not whole.
        OSError: one cannot be moved.
    """
    assert answer.record is not None
    parcel = out / answer.folder
    files = {path: parcel / path for path in answer.files}
    states = {path: _as_seen_here(files[path], state, patience_s) for path, state in answer.files.items()}
    if files:
        staging.move_in(files, states)
    shutil.rmtree(parcel, ignore_errors=True)
    stages = {
        name: replace(stage, outputs={path: states.get(path, state) for path, state in stage.outputs.items()})
        for name, stage in answer.record.stages.items()
    }
    return replace(answer.record, stages=stages)


def _as_seen_here(file: Path, state: FileState, patience_s: float) -> FileState:
    """The state of a file, with the time that this machine sees: drives round it differently on different systems."""
    if not seen(file.parent, lambda: file.stat().st_size == state.size, patience_s):
        raise FileError(f"{file} was written by a worker and cannot be seen here. Is the drive the same on both?")
    return replace(state, mtime_ns=file.stat().st_mtime_ns)
