"""The worker's client: posts requests to the child process and collects its events, without ever blocking.

Made for a window's thread: every method returns at once, except `WorkerClient.stop`. Standard library only.
``docs/worker.md`` is its manual.
"""

from __future__ import annotations

import atexit
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from native_runtime.errors import Remedy, UsageError
from native_runtime.gpu_runtime import VARIABLE
from native_runtime.onnx.limits import NO_LIMITS, Limits, limits_of
from native_runtime.process.child import Child
from native_runtime.process.payload import CANCELLED, ErrorPayload
from native_runtime.service.protocol import PATH_KEYS, PROTOCOL

# A cancelled request may finish the step it is in; after this many seconds the worker is ended instead.
CANCEL_GRACE_S = 5.0
# How long `stop` waits for a worker that was asked to end, and then for one that was terminated.
_STOP_GRACE_S = 1.0
_LOG_TAIL_BYTES = 4000
_WORKER_FILE = Path(__file__).with_name("worker.py")

Kind = Literal["status", "progress", "warning", "estimates", "picture", "error", "done"]


@dataclass(frozen=True)
class Event:
    """Something that happened to a request, or (``id`` None) to the worker itself."""

    id: int | None
    kind: Kind
    text: str = ""
    value: float = 0.0
    error: str = ""
    detail: str = ""
    failure: ErrorPayload | None = None
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether no more events follow for this request."""
        return self.kind in ("error", "done")


@dataclass
class _Request:
    """A request that has no final event yet."""

    message: dict[str, Any]
    child: int
    timeout_s: float | None
    deadline: float | None
    cancel_text: str = ""
    kill_at: float | None = None


@dataclass
class _Worker:
    """A running child process; ``number`` distinguishes it from earlier ones."""

    number: int
    process: Child
    reader: threading.Thread


class WorkerClient:
    """Owns at most one worker process, and starts a new one when there is none."""

    def __init__(self, engines: str | None = None, cancel_grace_s: float = CANCEL_GRACE_S) -> None:
        self._engines = engines
        self._cancel_grace_s = cancel_grace_s
        self._python = sys.executable
        self._paths: list[str] | None = None
        self._gpu_support: str | None = None
        self._limits = NO_LIMITS
        self._folder: Path | None = None
        self._child: _Worker | None = None
        self._children = 0
        self._numbers = 0
        self._requests: dict[int, _Request] = {}
        self._arrived: queue.SimpleQueue[tuple[int, dict[str, Any] | None]] = queue.SimpleQueue()
        self._events: list[Event] = []

    # --- what a window calls ---

    def start(
        self,
        python: str | os.PathLike[str] | None = None,
        paths: Iterable[str | os.PathLike[str]] | None = None,
        gpu_support: str | os.PathLike[str] | None = None,
        limits: Limits = NO_LIMITS,
    ) -> None:
        """Remember how to start the child: its interpreter (default: this one), its module path (default: this
        one's), the folder of libraries for graphics cards (default: none), and how much of the machine it may take.

        A running child is ended when one of them has changed. No process is started yet; `request` does that.
        """
        chosen = os.fspath(python) if python else sys.executable
        folders = None if paths is None else [os.path.abspath(path) for path in paths]
        gpu = None if gpu_support is None else os.path.abspath(gpu_support)
        if (chosen, folders, gpu, limits) != (self._python, self._paths, self._gpu_support, self._limits):
            self.stop()
        self._python, self._paths, self._gpu_support, self._limits = chosen, folders, gpu, limits

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        """Post a request and return its number. Never fails: whatever goes wrong arrives as an ``error`` event.

        Args:
            do: ``read``, ``estimate``, ``ping``, ``release``.
            timeout_s: seconds after which the request is given up.
            keys: as the table in ``docs/worker.md``; those that are None are left out.
        """
        self._numbers += 1
        number = self._numbers
        message: dict[str, Any] = {"id": number, "do": do}
        for key, value in keys.items():
            if value is not None:
                message[key] = _absolute(value) if key in PATH_KEYS.get(do, ()) else value
        body = message.get("body")
        if isinstance(body, os.PathLike) or (isinstance(body, str) and body.endswith(".npz")):
            message["body"] = os.path.abspath(body)
        now = time.monotonic()
        request = _Request(message, 0, timeout_s, None if timeout_s is None else now + timeout_s)
        self._requests[number] = request
        self._post(number, request)
        return number

    def poll(self) -> list[Event]:
        """All events since the last call, oldest first."""
        while True:
            try:
                child, message = self._arrived.get_nowait()
            except queue.Empty:
                break
            if message is None:
                self._child_ended(child)
            else:
                self._take(child, message)
        self._look_at_the_clock()
        events, self._events = self._events, []
        return events

    def cancel(self, number: int) -> None:
        """Ask for a request to be given up; its last event will be an error ``Cancelled``. Nothing happens if it is
        over.
        """
        request = self._requests.get(number)
        if request is not None:
            self._cancel(number, request, "Cancelled.")

    @property
    def busy(self) -> bool:
        """Whether some request has no final event yet."""
        return bool(self._requests)

    @property
    def running(self) -> bool:
        """Whether a child process is alive."""
        return self._child is not None and self._child.process.running

    @property
    def pid(self) -> int | None:
        """The child's process id, for diagnosis."""
        return self._child.process.pid if self._child is not None and self.running else None

    def stop(self) -> None:
        """End the child and remove its files. Open requests get ``Cancelled``. Safe to call twice; takes two seconds
        at worst.
        """
        child, self._child = self._child, None
        if child is not None:
            self._numbers += 1
            child.process.send({"id": self._numbers, "do": "stop"})
            child.process.end(_STOP_GRACE_S)
            child.reader.join(_STOP_GRACE_S)
        for number in list(self._requests):
            self._fail(number, ErrorPayload(CANCELLED, "Cancelled."))
        self._remove_folder()
        atexit.unregister(self.stop)

    # --- requests ---

    def _post(self, number: int, request: _Request) -> None:
        """Send a request to the running child, or to a new one."""
        if not self.running:
            try:
                self._child = self._spawn()
            except UsageError as error:
                self._fail(number, ErrorPayload.from_exception(error))
                return
            except OSError as error:
                text = f"The worker could not be started with {self._python} ({error.strerror or error})."
                self._fail(number, ErrorPayload("WorkerError", text))
                return
        assert self._child is not None
        request.child = self._child.number
        try:
            self._child.process.send(request.message)
        except (TypeError, ValueError) as error:
            text = f"The worker cannot be asked for this: {error}. Numbers must be finite."
            self._fail(number, ErrorPayload("UsageError", text))

    def _take(self, child: int, message: dict[str, Any]) -> None:
        """Turn a line from the child into an event."""
        number = message.get("id")
        kind = message.get("event")
        if kind == "hello" and message.get("protocol") != PROTOCOL:
            self._refuse_version(child, message)
        if kind == "error" and number is None:
            # it could not tell which request a line was meant to be: none that is open may wait for it
            self._fail_all(child, ErrorPayload.from_json(message))
            return
        request = self._requests.get(number) if isinstance(number, int) else None
        if request is None or request.child != child or not isinstance(number, int):
            # A hello, answers to our own cancellations, and the last words of a child that was given up.
            return
        if kind == "error":
            failure = ErrorPayload.from_json(message)
            self._fail(number, _cancellation(request) if failure.kind == CANCELLED else failure)
        elif kind == "done":
            if request.cancel_text:
                self._fail(number, _cancellation(request))
                return
            del self._requests[number]
            self._events.append(Event(number, "done", result=message.get("result") or {}))
        elif request.cancel_text:
            return
        elif kind == "progress":
            self._events.append(Event(number, "progress", value=float(message.get("value", 0.0))))
        elif kind in ("estimates", "picture"):
            self._events.append(Event(number, kind, result=message.get("result") or {}))
        elif kind in ("status", "warning"):
            self._events.append(Event(number, kind, text=str(message.get("text", ""))))

    def _fail(self, number: int, failure: ErrorPayload) -> None:
        del self._requests[number]
        self._events.append(Event(number, "error", failure.text, 0.0, failure.kind, failure.traceback, failure))

    def _refuse_version(self, child: int, hello: dict[str, Any]) -> None:
        """End a worker of another version: its answers would mean something else."""
        text = (
            f"The worker is of another version: it speaks protocol {hello.get('protocol')} (version "
            f"{hello.get('version', 'unknown')}), this program protocol {PROTOCOL}."
        )
        if self._child is not None and self._child.number == child:
            self._child.process.kill()
        self._lose(child, ErrorPayload("WorkerError", text, Remedy.REINSTALL))

    def _lose(self, child: int, failure: ErrorPayload) -> None:
        """Forget a child, and report the reason to its requests."""
        if self._child is not None and self._child.number == child:
            self._child = None
        self._fail_all(child, failure)

    def _fail_all(self, child: int, failure: ErrorPayload) -> None:
        for number, request in list(self._requests.items()):
            if request.child == child:
                self._fail(number, _cancellation(request) if request.cancel_text else failure)

    def _cancel(self, number: int, request: _Request, text: str) -> None:
        if request.cancel_text:
            return
        request.cancel_text = text
        request.kill_at = time.monotonic() + self._cancel_grace_s
        if self._child is not None and request.child == self._child.number:
            self._numbers += 1
            self._child.process.send({"id": self._numbers, "do": "cancel", "target": number})

    def _look_at_the_clock(self) -> None:
        """Give up requests that take too long, and end a child that does not obey a cancellation."""
        now = time.monotonic()
        for number, request in list(self._requests.items()):
            if request.deadline is not None and now >= request.deadline and not request.cancel_text:
                self._cancel(number, request, f"This took longer than {request.timeout_s:g} seconds and was cancelled.")
            if request.kill_at is not None and now >= request.kill_at:
                self._replace_child(number, request)

    def _replace_child(self, number: int, request: _Request) -> None:
        """End a child that is stuck in one request, and post the other requests to a new one."""
        self._fail(number, _cancellation(request))
        child, self._child = self._child, None
        if child is not None:
            child.process.kill()
        for other, waiting in list(self._requests.items()):
            if waiting.cancel_text:
                self._fail(other, _cancellation(waiting))
            else:
                self._post(other, waiting)

    # --- the child ---

    def _spawn(self) -> _Worker:
        self._children += 1
        folder = self._work_folder()
        command = [self._python, "-I", "-X", "utf8", str(_WORKER_FILE), "--child", "--work", str(folder)]
        for path in self._module_paths():
            command += ["--path", path]
        if self._engines:
            command += ["--engines", self._engines]
        process = Child(command, folder / f"worker-{self._children}.log", folder, self._environment())
        reader = threading.Thread(
            target=self._listen, args=(self._children, process), name="worker events", daemon=True
        )
        reader.start()
        return _Worker(self._children, process, reader)

    def _listen(self, number: int, process: Child) -> None:
        """Runs in a thread of its own, as long as the child lives."""
        for message in process.messages():
            self._arrived.put((number, message))
        process.how_it_ended()
        self._arrived.put((number, None))

    def _child_ended(self, number: int) -> None:
        """Report the end of a child to each of its requests."""
        child = self._child if self._child is not None and self._child.number == number else None
        how = child.process.how_it_ended() if child is not None else "ended"
        text = f"The worker {how}. Blender is not affected; try again, and a new worker will start."
        log = child.process.log_tail(_LOG_TAIL_BYTES) if child is not None else ""
        self._lose(number, ErrorPayload("WorkerError", text, traceback=log))

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
        environment |= self._limits.environment()
        limits_of(environment)  # or the child ends before it can say what is wrong
        return environment if self._gpu_support is None else environment | {VARIABLE: self._gpu_support}

    def _module_paths(self) -> list[str]:
        if self._paths is not None:
            return self._paths
        root = str(_WORKER_FILE.parents[2])
        return [root, *(path for path in sys.path if path and path != root and os.path.exists(path))]

    def _work_folder(self) -> Path:
        if self._folder is None:
            # mkdtemp makes a folder that only this user can enter.
            self._folder = Path(tempfile.mkdtemp(prefix="sam3db-"))
            atexit.register(self.stop)
        return self._folder

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _absolute(value: Any) -> Any:
    return [os.path.abspath(one) for one in value] if isinstance(value, (list, tuple)) else os.path.abspath(value)


def _cancellation(request: _Request) -> ErrorPayload:
    """How a request ends that was given up: by the clock is the worker's failure, by a person is not."""
    by_clock = request.cancel_text not in ("", "Cancelled.")
    return ErrorPayload("WorkerError" if by_clock else CANCELLED, request.cancel_text or "Cancelled.")
