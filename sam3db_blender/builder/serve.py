"""Takes jobs and gives answers, one line each."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TextIO

from native_runtime.batch.builder_process import PROTOCOL
from native_runtime.process.lines import decode, encode


def serve(jobs: BinaryIO, answers: TextIO) -> NoReturn:
    """Work until the input ends; then end at once, whatever is under way: whoever closes it wants nothing more, or has
    been killed.
    """
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        for line in jobs:
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=listen, name="jobs", daemon=True).start()

    def send(message: dict[str, Any]) -> None:
        answers.write(encode(message).decode("ascii"))
        answers.flush()

    send({"event": "hello", "protocol": PROTOCOL})
    # Blender takes a second to start, which the first job should not wait for.
    from .make import described, make_files

    while True:
        job = decode(waiting.get())
        try:
            answer: dict[str, Any] = {"event": "done", "result": make_files(job)}
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            answer = {"event": "error", **described(error, Path(job["scratch"]))}
        send({"id": job["id"], "memory_mb": memory_mb(), **answer})


def memory_mb() -> float:
    """What this process holds in memory, MB; 0 where the system does not say."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    return 0.0
