"""Work that runs in the worker process while Blender stays awake.

``ImportJob`` knows nothing of operators or windows: whoever owns it calls ``poll`` now and then. There is one
worker per Blender; it stays warm between jobs until ``stop_worker``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from native_runtime.service.client import Event, WorkerClient

from . import places

State = Literal["running", "done", "failed", "cancelled"]

#: Opening the networks for the first time on a slow disk takes a while; beyond this something is wrong.
TIMEOUT_S = 600.0
_POLL_S = 0.02


class Client(Protocol):
    """The part of ``WorkerClient`` that a job uses."""

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int: ...
    def poll(self) -> list[Event]: ...
    def cancel(self, number: int) -> None: ...


@dataclass(frozen=True)
class ImportRequest:
    """What to estimate.

    Attributes:
        photo: the photo's path.
        engine: name of the engine.
        body: name of the body.
        persons: the largest person only, or all of them.
        focal_px, fov_deg: the lens, where it is known better than the photo's own data; at most one of them.
        models: the models folder, None for the usual one.
        inference: how closely the engine looks, where it has a choice.
        providers: what to compute on, None for the best that works.
    """

    photo: Path
    engine: str = "landmarks"
    body: str = "default"
    persons: Literal["largest", "all"] = "largest"
    focal_px: float | None = None
    fov_deg: float | None = None
    models: Path | None = None
    inference: Literal["full", "body"] | None = None
    providers: list[str] | None = None


@dataclass
class ImportJob:
    """One photo on its way through the worker.

    Attributes:
        state: ``running`` until the last event.
        progress: 0..1.
        status: what is being done, for people.
        warnings: what the artist should know.
        error, detail: one line that tells what to do, and the traceback for a log; set when failed.
        estimates: the files of the people's estimates; set when done.
    """

    client: Client
    request: ImportRequest
    state: State = "running"
    progress: float = 0.0
    status: str = "Starting the worker"
    warnings: list[str] = field(default_factory=list)
    error: str = ""
    detail: str = ""
    estimates: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        wish = self.request
        self._number = self.client.request(
            "estimate",
            timeout_s=TIMEOUT_S,
            photo=str(wish.photo),
            engine=wish.engine,
            models=None if wish.models is None else str(wish.models),
            body=wish.body,
            persons=wish.persons,
            focal_px=wish.focal_px,
            fov_deg=wish.fov_deg,
            inference=wish.inference,
            providers=wish.providers,
        )

    def poll(self) -> bool:
        """Takes in what the worker has said since the last call; whether the job is over."""
        for event in self.client.poll():
            if event.id == self._number and self.state == "running":
                self._take(event)
        return self.state != "running"

    def wait(self, on_change: Callable[[ImportJob], None] | None = None) -> None:
        """Polls until the job is over; for processes without a window."""
        while not self.poll():
            if on_change is not None:
                on_change(self)
            time.sleep(_POLL_S)

    def cancel(self) -> None:
        """Gives the job up; nothing that arrives later counts."""
        if self.state == "running":
            self.client.cancel(self._number)
            self.state = "cancelled"

    def _take(self, event: Event) -> None:
        if event.kind == "status":
            self.status = event.text
        elif event.kind == "progress":
            self.progress = event.value
        elif event.kind == "warning":
            self.warnings.append(event.text)
        elif event.kind == "done":
            self.progress = 1.0
            self.warnings += event.result.get("warnings", [])
            self.estimates = [Path(p["estimate"]) for p in event.result.get("people", []) if p.get("estimate")]
            self.state = "done"
        elif event.error == "Cancelled":
            self.state = "cancelled"
        else:
            self.error, self.detail = event.text, event.detail
            self.state = "failed"


_worker: WorkerClient | None = None


def worker() -> WorkerClient:
    """Blender's one worker. No process is started before the first request."""
    global _worker
    if _worker is None:
        _worker = WorkerClient()
    _worker.start(python=sys.executable, paths=places.worker_paths())
    return _worker


def worker_runs() -> bool:
    """Whether a worker process is alive, holding memory."""
    return _worker is not None and _worker.running


def stop_worker() -> None:
    """Ends the worker process, if there is one; its memory is free and its files are gone."""
    global _worker
    if _worker is not None:
        _worker.stop()
        _worker = None
