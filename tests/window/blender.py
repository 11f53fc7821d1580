"""A windowed Blender on a ``Screen``, with a line to what runs inside it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.real_blender import environment_with

from .screen import Screen

_INSIDE = Path(__file__).parent
#: Starting takes some seconds, and longer while the machine has other work.
_START_S = 180.0
_ANSWER_S = 600.0


class Blender:
    """A running Blender. What it prints goes to a file.

    Args:
        command: the executable.
        environment: of its user.
        screen: where its window covers everything.
        log: the file for what it prints.
    """

    def __init__(self, command: str, environment: dict[str, str], screen: Screen, log: Path, *words: str) -> None:
        self.screen, self.log = screen, log
        self._folder = tempfile.TemporaryDirectory(prefix="blender-")
        address = str(Path(self._folder.name) / "line")
        begin = (
            f"import sys; sys.path.insert(0, {str(_INSIDE)!r}); from inside import server; server.start({address!r})"
        )
        width, height = screen.size
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [command, "--window-geometry", "0", "0", str(width), str(height), *words, "--python-expr", begin],
                env=environment_with(environment | screen.environment),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._line = socket.socket(socket.AF_UNIX)
        self._line.settimeout(_ANSWER_S)
        self.wait(lambda: self._connects(address), _START_S)
        self._answers = self._line.makefile("rb")
        self.call("scene.ready")

    def __enter__(self) -> Blender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        self._folder.cleanup()

    def call(self, do: str, **keys: Any) -> Any:
        """Has ``module.function`` of ``inside`` called in Blender's event loop; its result.

        Raises:
            AssertionError: it raised something; the message has its traceback.
            ConnectionError: Blender is gone.
        """
        self._line.sendall(json.dumps({"do": do, "with": keys}).encode() + b"\n")
        line = self._answers.readline()
        if not line:
            raise ConnectionError(f"Blender ended (exit {self._process.wait(10)}): {self.console[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{do} failed inside Blender:\n{answer['error']}")
        return answer["result"]

    def wait(self, condition: Callable[[], bool], limit: float) -> None:
        """Waits for something.

        Raises:
            TimeoutError: it did not happen in ``limit`` seconds.
            ConnectionError: Blender is gone.
        """
        end = time.monotonic() + limit
        while not condition():
            if self._process.poll() is not None:
                raise ConnectionError(f"Blender ended (exit {self._process.returncode}): {self.console[-2000:]}")
            if time.monotonic() > end:
                raise TimeoutError(f"Waited {limit} s in vain. Blender printed: {self.console[-2000:]}")
            time.sleep(0.05)

    def quit(self) -> int:
        """Closes Blender as an artist does who has saved; its exit status."""
        self.call("scene.leave")
        return self._process.wait(30)

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        return self._process.pid

    @property
    def console(self) -> str:
        """All that it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def complaints(self) -> list[str]:
        """The lines of the console that tell of a failure."""
        signs = ("Traceback (most recent call last)", "Error:", "Exception", "SEGV", "EXCEPTION")
        return [line for line in self.console.splitlines() if any(sign in line for sign in signs)]

    def _connects(self, address: str) -> bool:
        try:
            self._line.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True
