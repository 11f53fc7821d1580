"""The worker: a command-line program that reads requests on standard input and writes events on standard output.

Run it as a module (``python -m native_runtime.service.worker``) or, isolated from everything, as a file with its
module path spelt out (``python -I .../worker.py --path FOLDER ...``); the second is what the client does.
``docs/worker.md`` describes the lines.

Three threads: the main one works; one reads requests, so that a cancellation is heard during work; one watches for the
parent's death. Where the system does not hold a limit of memory, a fourth one does.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TextIO

if TYPE_CHECKING:
    from native_runtime.pipeline.inference import Inference


class CancelledError(Exception):
    """The request that is being worked on was cancelled."""


class Worker:
    """Answers requests until it is stopped.

    Args:
        requests: lines come from here.
        events: lines go there.
        inference: makes what does the work; called when there is the first, since its libraries may be missing, which
            the doctor can be asked about.
        folder: arrays are written here.
        child: True for a client's child, which ends at once when its input does; otherwise what was asked is finished
            first.
    """

    def __init__(
        self, requests: BinaryIO, events: TextIO, inference: Callable[[], Inference], folder: Path, child: bool
    ) -> None:
        self._requests = requests
        self._events = events
        self._make_inference = inference
        self._inference: Inference | None = None
        self._folder = folder
        self._child = child
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._open: set[Any] = set()
        self._cancelled: set[Any] = set()
        self._newest: dict[str, Any] = {}
        self._written = 0

    def serve(self) -> int:
        """Work until the end; the exit code."""
        from native_runtime import __version__
        from native_runtime.service.protocol import PROTOCOL

        self.send({"id": None, "event": "hello", "protocol": PROTOCOL, "pid": os.getpid(), "version": __version__})
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        threading.Thread(target=self._watch_parent, args=(os.getppid(),), name="parent", daemon=True).start()
        while True:
            request = self._waiting.get()
            if request is None:
                return 0
            if request["do"] == "stop":
                self._finish(request["id"], {"event": "done", "result": {}})
                return 0
            self._work(request)

    def send(self, event: dict[str, Any]) -> None:
        """Write one event; when nobody reads any more, this process has no purpose left."""
        from native_runtime.process.lines import encode
        from native_runtime.process.payload import INTERNAL

        try:
            line = encode(event)
        except (TypeError, ValueError) as error:
            text = f"The worker's answer cannot be sent ({error})."
            line = encode({"id": event["id"], "event": "error", "kind": INTERNAL, "text": text, "detail": ""})
        with self._lock:
            try:
                self._events.write(line.decode("ascii"))
                self._events.flush()
            except (OSError, ValueError):
                self._abandon()

    # --- requests ---

    def _listen(self) -> None:
        for line in self._requests:
            if line.strip():
                self._accept(line)
        if self._child:
            self._abandon()
        self._waiting.put(None)

    def _accept(self, line: bytes) -> None:
        from native_runtime.process.lines import decode
        from native_runtime.service.protocol import IMMEDIATE, KEYS

        try:
            request = decode(line)
        except ValueError:
            shown = line[:80].decode("utf-8", "replace").strip()
            self._refuse(None, f"This line is not a request (one JSON object per line): {shown}")
            return
        number, do = request.get("id"), request.get("do")
        if isinstance(number, bool) or not isinstance(number, (int, str)):
            self._refuse(None, "A request needs an id, which is a whole number or a text.")
            return
        with self._lock:
            known = number in self._open
        if known:
            self._refuse(None, f"There is already an open request with the id {number!r}.")
            return
        if not isinstance(do, str) or do not in KEYS:
            self._refuse(number, f"There is no request {do!r}; there are: {', '.join(KEYS)}.")
            return
        unknown = sorted(set(request) - set(KEYS[do]) - {"id", "do"})
        if unknown:
            self._refuse(number, f"The request {do!r} does not support {', '.join(unknown)}.")
            return
        if do in IMMEDIATE:
            self._answer(number, do, request)
            return
        with self._lock:
            self._open.add(number)
            self._supersede(request)
        self._waiting.put(request)

    def _supersede(self, request: dict[str, Any]) -> None:
        """Cancel what waits in the slot of this request: an artist who keeps dragging wants only the last place."""
        slot = request.get("slot")
        if isinstance(slot, str):
            older = self._newest.get(slot)
            if older in self._open:
                self._cancelled.add(older)
            self._newest[slot] = request["id"]

    def _answer(self, number: Any, do: str, request: dict[str, Any]) -> None:
        result: dict[str, Any]
        if do == "cancel":
            target = request.get("target")
            with self._lock:
                there = isinstance(target, (int, str)) and target in self._open
                if there:
                    self._cancelled.add(target)
            result = {"cancelled": there}
        else:
            made = self._inference
            opened, photos = (False, 0) if made is None else (made.engine_open, made.photos_kept)
            result = {"engine_open": opened, "photos": photos}
        self.send({"id": number, "event": "done", "result": result})

    def _refuse(self, number: Any, text: str) -> None:
        self.send({"id": number, "event": "error", "kind": "UsageError", "text": text, "detail": ""})

    # --- work ---

    def _work(self, request: dict[str, Any]) -> None:
        from native_runtime.process.payload import CANCELLED, ErrorPayload
        from native_runtime.service.forwarding import warnings_forwarded_to

        number = request["id"]
        self._leave_slot(request)
        reporter = _EventReporter(self, number)
        outcome: dict[str, Any]
        try:
            reporter.check()
            with warnings_forwarded_to(reporter):
                result = self._do(request, reporter)
            reporter.check()
            outcome = {"event": "done", "result": result}
        except CancelledError:
            outcome = {"event": "error", "kind": CANCELLED, "text": "Cancelled.", "detail": ""}
        except Exception as error:
            if isinstance(error, MemoryError):
                self._release()
            failure = ErrorPayload.from_exception(error)
            outcome = {"event": "error", **failure.to_json(), "detail": failure.traceback}
        self._finish(number, outcome)

    def _leave_slot(self, request: dict[str, Any]) -> None:
        """Work on a request has begun: what comes into its slot from now on lets it finish."""
        with self._lock:
            slot = request.get("slot")
            if isinstance(slot, str) and self._newest.get(slot) == request["id"]:
                del self._newest[slot]

    def _finish(self, number: Any, outcome: dict[str, Any]) -> None:
        with self._lock:
            self._open.discard(number)
            self._cancelled.discard(number)
        self.send({"id": number, **outcome})

    def is_cancelled(self, number: Any) -> bool:
        """Whether a request was asked to end."""
        with self._lock:
            return number in self._cancelled

    def _do(self, request: dict[str, Any], reporter: _EventReporter) -> dict[str, Any]:
        if request["do"] == "release":
            self._release()
            return {}
        if request["do"] == "doctor":  # which must answer where the libraries of all others are missing
            from native_runtime.pipeline.decoding import decode
            from native_runtime.pipeline.requests import DoctorRequest
            from native_runtime.service.doctor import do_examination

            return do_examination(decode(DoctorRequest, request), reporter)
        from native_runtime.service.requests import answer

        if self._inference is None:
            self._inference = self._make_inference()
        return answer(request, self._inference, self._new_stem, reporter)

    def _release(self) -> None:
        if self._inference is not None:
            self._inference.release()

    def _new_stem(self, person: int) -> Path:
        self._written += 1
        return self._folder / f"{os.getpid()}-{self._written:06d}_person{person}"

    # --- the end ---

    def give_up_memory(self) -> None:
        """More memory is held than allowed: say so to whoever waits, and end, which gives all of it back."""
        from native_runtime.process.payload import ErrorPayload

        failure = ErrorPayload.from_exception(MemoryError())
        with self._lock:
            waiting = list(self._open)
        for number in waiting:
            self.send({"id": number, "event": "error", **failure.to_json(), "detail": ""})
        self._abandon()

    def _watch_parent(self, parent: int) -> None:
        from native_runtime.process.parent import wait_for_its_end

        wait_for_its_end(parent)
        self._abandon()

    def _abandon(self) -> NoReturn:
        """Nobody is there any more: leave at once, whatever the main thread is busy with."""
        if self._child:
            shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)


class _EventReporter:
    """Sends what it hears as events of one request, and stops the work when the request was cancelled."""

    def __init__(self, worker: Worker, number: Any) -> None:
        self._worker = worker
        self._number = number
        self._value = 0.0

    def check(self) -> None:
        if self._worker.is_cancelled(self._number):
            raise CancelledError

    def status(self, text: str) -> None:
        self.check()
        self._worker.send({"id": self._number, "event": "status", "text": text})

    def progress(self, value: float) -> None:
        self.check()
        self._value = max(self._value, min(value, 1.0))
        self._worker.send({"id": self._number, "event": "progress", "value": round(self._value, 4)})

    def warning(self, text: str) -> None:
        self._worker.send({"id": self._number, "event": "warning", "text": text})

    def picture(self, file: Path) -> None:
        self.check()
        self._worker.send({"id": self._number, "event": "picture", "result": {"file": str(file.absolute())}})

    def estimates(self, result: dict[str, Any]) -> None:
        self.check()
        self._worker.send({"id": self._number, "event": "estimates", "result": result})


def main(argv: Sequence[str] | None = None) -> int:
    """Run a worker on this process's standard input and output."""
    parser = argparse.ArgumentParser(
        prog="worker", description="Reads requests (one JSON object per line) and writes events. See docs/worker.md."
    )
    parser.add_argument("--path", action="append", default=[], metavar="DIR", help="module folder; may be given often")
    parser.add_argument("--work", metavar="DIR", help="folder for arrays (default: a temporary one)")
    parser.add_argument("--child", action="store_true", help="end at once when the input ends, and clean up the folder")
    parser.add_argument(
        "--engines", default="native_runtime.engines", metavar="MODULE", help="module with open_engine()"
    )
    arguments = parser.parse_args(argv)
    sys.path[:0] = [path for path in arguments.path if path not in sys.path]

    from native_runtime.errors import UsageError
    from native_runtime.files.streams import take_stdout
    from native_runtime.process.libraries import find_cpp_runtime

    find_cpp_runtime()
    from native_runtime.onnx.limits import hold_memory, limits_of, watch_memory

    try:
        limits = limits_of()
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    held = hold_memory(limits)

    def inference() -> Inference:
        from native_runtime.pipeline.inference import Inference

        return Inference(arguments.engines)

    def serve(folder: Path) -> int:
        worker = Worker(sys.stdin.buffer, events, inference, folder, arguments.child)
        if not held:
            watch_memory(limits, worker.give_up_memory)
        return worker.serve()

    events = take_stdout(sys.stderr)
    if arguments.work:
        return serve(Path(arguments.work))
    with tempfile.TemporaryDirectory(prefix="sam3db-") as folder:
        return serve(Path(folder))


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # The reading thread may still wait for input, and libraries may be slow to wind down: nothing is left to do for
    # them.
    os._exit(code)
