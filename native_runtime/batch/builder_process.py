"""The Blender that builds characters beside the inference: a child process that stays warm.

It says hello, then reads one job a line on standard input and answers with one line on standard output. What Blender
itself prints there is ignored. ``docs/batch.md`` describes what a job contains.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from native_runtime.errors import Remedy, WorkerError
from native_runtime.process.child import Child

PROTOCOL = 1
"""Of jobs and answers; to be raised when either changes its meaning."""
TIMEOUT_S = 900.0
"""A job that takes longer is stuck: the longest known, twenty people with turntables and exports, takes a tenth."""
MOST_JOBS = 500
"""Building keeps Blender's memory flat (docs/figures.md); this is for exporters that may not. A new Blender costs two
seconds."""
MOST_MEMORY_MB = 3000.0
_LOG_TAIL_BYTES = 2000
_LAST_WORDS = 3  # lines; Blender's own last line only says that the script failed
_STOP_GRACE_S = 5.0
# NumPy's and Blender's own threads would fight with those of the networks for the cores.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class BuilderClosedError(Exception):
    """The run was given up; nothing is wrong with the job."""


class BuilderProcess:
    """One builder. It starts with the first job, and again after it died, did many jobs or grew too large.

    Args:
        command: Python with the bpy module, or a Blender, and the script (``sam3db_blender.jobs.builder_command``).
        log: a file that takes what Blender prints.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = list(command)
        self._log = log
        self._process: Child | None = None
        self._jobs = 0
        self._closed = False
        self._guard = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Of the process that runs, for diagnosis."""
        process = self._process
        return process.pid if process is not None and process.running else None

    def start(self) -> None:
        """Start the process now rather than with the first job.

        Raises:
            WorkerError: it cannot be started.
            BuilderClosedError: it was killed.
        """
        with self._guard:
            if self._closed:
                raise BuilderClosedError
            if self._process is not None and self._process.running:
                return
            self._jobs = 0
            try:
                self._process = Child(self._command, self._log, environment=self._environment())
            except OSError as error:
                raise WorkerError(f"Blender cannot be started with {self._command[0]} ({error}).") from error

    def build(self, job: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """Do one job and wait for its answer.

        Raises:
            WorkerError: Blender died over it, or took too long.
            BuilderClosedError: it was killed.
        """
        self.start()
        process = self._process
        assert process is not None
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout_s, give_up)
        timer.daemon = True
        timer.start()
        try:
            process.send(job)
            answer = self._answer(process)
        finally:
            timer.cancel()
        if answer is None:
            if self._closed:
                raise BuilderClosedError
            raise WorkerError(
                f"Blender took longer than {timeout_s:g} seconds for this character and was stopped."
                if late.is_set()
                else self._death(process)
            )
        self._jobs += 1
        if self._jobs >= MOST_JOBS or float(answer.get("memory_mb", 0.0)) > MOST_MEMORY_MB:
            self.stop()
        return answer

    def stop(self) -> None:
        """End the process in good order; the next job starts another one."""
        process, self._process = self._process, None
        if process is not None:
            process.end(_STOP_GRACE_S)

    def kill(self) -> None:
        """End the process at once, whatever it does, and never start another one. Any thread may call this."""
        with self._guard:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def _environment(self) -> dict[str, str]:
        """A Blender with factory settings finds none of the user's extensions enabled, and would remove the modules
        that they have installed, from under a Blender that runs: it gets a user's folder of its own.
        """
        own = {name: value for name, value in os.environ.items() if not name.startswith("BLENDER_USER_")}
        return own | _ONE_THREAD | {"BLENDER_USER_RESOURCES": str(self._log.with_suffix(".user").absolute())}

    def _answer(self, process: Child) -> dict[str, Any] | None:
        """Its next answer; None when it ended without.

        Raises:
            WorkerError: it is of another version.
        """
        for message in process.messages():
            if message.get("event") == "hello" and message.get("protocol") != PROTOCOL:
                process.kill()
                raise WorkerError(
                    f"The builder is of another version: it speaks protocol {message.get('protocol')}, this program "
                    f"protocol {PROTOCOL}.",
                    Remedy.REINSTALL,
                )
            if message.get("event") in ("done", "error"):
                return message
        return None

    def _death(self, process: Child) -> str:
        how = process.how_it_ended()
        said = process.log_tail(_LOG_TAIL_BYTES).strip().splitlines()
        last = " | ".join(line.strip() for line in said[-_LAST_WORDS:])
        return f"Blender {how} while it built this character." + (f" Its last words: {last}" if last else "")
