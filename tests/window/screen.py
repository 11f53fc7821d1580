"""A screen that nobody sees, with a mouse and a keyboard: Xvfb and xdotool."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

#: What must be on PATH.
TOOLS = ("Xvfb", "xdotool")
Picture = NDArray[np.uint8]


class Screen:
    """An X server without a monitor. Coordinates are pixels from the top left.

    Attributes:
        clicks: how often a mouse button was pressed.
    """

    def __init__(self, width: int, height: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="screen-")
        reading, writing = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-fbdir", self._folder.name,
             "-nolisten", "tcp"],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise RuntimeError(f"Xvfb did not start (exit {self._server.wait(5)})")
        self.size = (width, height)
        self.clicks = 0
        self.environment = {"DISPLAY": f":{number}"}

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.terminate()
        self._server.wait(10)
        self._folder.cleanup()

    def picture(self) -> Picture:
        """(height, width, 3) BGR: what the screen shows now."""
        content = self._dump()
        # the X window dump's header: 25 big-endian words, the window's name, the colour table of 12 bytes an entry
        header = np.frombuffer(content, ">u4", 25)
        size, width, height, row, colours = (int(header[i]) for i in (0, 4, 5, 12, 19))
        pixels = np.frombuffer(content, np.uint8, height * row, size + 12 * colours)
        return pixels.reshape(height, row)[:, : 4 * width].reshape(height, width, 4)[..., :3].copy()

    def _dump(self) -> bytes:
        return (Path(self._folder.name) / "Xvfb_screen0").read_bytes()

    def save(self, path: Path) -> Picture:
        """Writes what the screen shows as a PNG."""
        picture = self.picture()
        cv2.imwrite(str(path), picture)
        return picture

    def settle(self, quiet: float = 0.9, limit: float = 120.0) -> None:
        """Waits until nothing has changed for ``quiet`` seconds.

        Raises:
            TimeoutError: it never came to rest.
        """
        end, since, before = time.monotonic() + limit, time.monotonic(), self._dump()
        while time.monotonic() - since < quiet:
            if time.monotonic() > end:
                raise TimeoutError(f"The screen did not come to rest within {limit} s.")
            time.sleep(0.1)
            now = self._dump()
            if now != before:
                since, before = time.monotonic(), now

    # --- the artist's hands ---

    def move(self, x: float, y: float) -> None:
        """Moves the mouse to a pixel."""
        self._do("mousemove", round(x), round(y))

    def press(self, button: int = 1) -> None:
        """Holds a mouse button down."""
        self.clicks += 1
        self._do("mousedown", button)

    def release(self, button: int = 1) -> None:
        """Lets it go."""
        self._do("mouseup", button)

    def click(self, x: float, y: float, button: int = 1) -> None:
        """Moves there and clicks."""
        self.move(x, y)
        time.sleep(0.1)
        self.clicks += 1
        self._do("click", button)

    def key(self, name: str) -> None:
        """Presses a key: "g", "ctrl+z", "KP_0"."""
        self._do("key", name)

    def _do(self, *words: object) -> None:
        subprocess.run(
            ["xdotool", *map(str, words)],
            env=os.environ | self.environment,
            check=True,
            timeout=20,
            capture_output=True,
        )
