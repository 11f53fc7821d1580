"""The worker's request that moves models to another folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from native_runtime.models.moving import move_models
from native_runtime.pipeline.reporting import Reporter, progress_to
from native_runtime.pipeline.requests import MoveModelsRequest


def do_move(request: MoveModelsRequest, reporter: Reporter) -> dict[str, Any]:
    """Do a `move_models` (see ``docs/worker.md``); the result of `done`."""
    first, more = Path(request.source), [] if request.more_models is None else [Path(request.more_models)]
    removed = more if request.keep else [first, *more]
    moved = move_models([first, *more], Path(request.to), progress_to(reporter), removed)
    return {"folder": str(moved.folder), "bytes": moved.size, "left": [str(path) for path in moved.left]}
