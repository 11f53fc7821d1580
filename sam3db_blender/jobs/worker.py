"""Work that runs in the worker process while Blender stays responsive.

Jobs know nothing of operators or windows: whoever owns one calls ``poll`` now and then. There is one worker per
Blender; it stays warm between jobs until ``stop_worker``.
"""

from __future__ import annotations

import sys
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from .. import places

if TYPE_CHECKING:
    from native_runtime.service.client import Event, WorkerClient

State = Literal["running", "done", "failed", "cancelled"]

#: Opening the networks for the first time on a slow disk takes a while; beyond this something is wrong.
TIMEOUT_S = 600.0
_POLL_S = 0.02


class Client(Protocol):
    """The part of ``WorkerClient`` that a job uses."""

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int: ...
    def poll(self) -> list[Event]: ...
    def cancel(self, number: int) -> None: ...


@dataclass
class Job:
    """Something on its way through the worker.

    Attributes:
        state: ``running`` until the last event.
        progress: 0..1.
        status: what is being done, for people.
        warnings: what the artist should know.
        error, detail: one line that says what to do, and the traceback for a log; set when failed.
        kind: of the error, as the worker names it.
    """

    client: Client
    state: State = field(default="running", kw_only=True)
    progress: float = field(default=0.0, kw_only=True)
    status: str = field(default="Starting", kw_only=True)
    warnings: list[str] = field(default_factory=list, kw_only=True)
    error: str = field(default="", kw_only=True)
    detail: str = field(default="", kw_only=True)
    kind: str = field(default="", kw_only=True)
    _number: int = field(default=0, init=False, repr=False)

    def poll(self) -> bool:
        """Takes in what the worker has said since the last call; whether the job is over."""
        for event in self.client.poll():
            if event.id == self._number and self.state == "running":
                self._take(event)
        return self.state != "running"

    def wait(self) -> None:
        """Polls until the job is over; for processes without a window."""
        while not self.poll():
            time.sleep(_POLL_S)

    def cancel(self) -> None:
        """Gives the job up; nothing that arrives later counts."""
        if self.state == "running":
            self.client.cancel(self._number)
            self.state = "cancelled"

    def _take(self, event: Event) -> None:
        from native_runtime.process.payload import ErrorPayload

        from ..remedies import in_words

        if event.kind == "status":
            self.status = event.text
        elif event.kind == "progress":
            self.progress = event.value
        elif event.kind == "warning":
            self.warnings.append(event.text)
        elif event.kind == "estimates":
            self._receive_early(event.result)
        elif event.kind == "picture":
            self._receive_picture(Path(event.result["file"]))
        elif event.kind == "done":
            self.progress = 1.0
            self._receive(event.result)
            self.state = "done"
        elif event.error == "Cancelled":
            self.state = "cancelled"
        else:
            failure = event.failure or ErrorPayload(event.error, event.text, traceback=event.detail)
            self.error, self.detail, self.kind = in_words(failure), failure.traceback, failure.kind
            self.state = "failed"

    def _receive(self, result: dict[str, Any]) -> None:
        """Takes in the answer."""
        raise NotImplementedError

    def _receive_early(self, result: dict[str, Any]) -> None:
        """Takes in what there is of the answer on the way."""
        raise NotImplementedError

    def _receive_picture(self, file: Path) -> None:
        """Takes in a picture of what is being looked at."""


class Subscription:
    """A job's subscription to the shared worker: it gets the events of its own requests alone."""

    _open: ClassVar[weakref.WeakSet[Subscription]] = weakref.WeakSet()

    def __init__(self, client: Client) -> None:
        self._client = client
        self._numbers: set[int] = set()
        self._events: list[Event] = []
        self._open.add(self)

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        """As ``WorkerClient.request``."""
        number = self._client.request(do, timeout_s=timeout_s, **keys)
        self._numbers.add(number)
        return number

    def poll(self) -> list[Event]:
        """As ``WorkerClient.poll``."""
        for event in self._client.poll():
            for subscription in self._open:
                if subscription._client is self._client and event.id in subscription._numbers:
                    subscription._events.append(event)
        mail, self._events = self._events, []
        return mail

    def cancel(self, number: int) -> None:
        """As ``WorkerClient.cancel``."""
        self._client.cancel(number)


_worker: WorkerClient | None = None


def worker() -> Subscription:
    """A new subscription to Blender's one worker. No process is started before the first request."""
    from native_runtime.service.client import WorkerClient

    global _worker
    if _worker is None:
        _worker = WorkerClient()
    _worker.start(
        python=sys.executable,
        paths=places.worker_paths(),
        gpu_support=places.gpu_folder(),
        limits=places.worker_limits(),
    )
    return Subscription(_worker)


def worker_runs() -> bool:
    """Whether a worker process is alive, holding memory."""
    return _worker is not None and _worker.running


def stop_worker() -> None:
    """Ends the worker process, if there is one; its memory is free and its files are gone."""
    global _worker
    if _worker is not None:
        _worker.stop()
        _worker = None


def detach() -> None:
    """Leaves nothing behind."""
    stop_worker()
