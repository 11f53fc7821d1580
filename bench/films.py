"""Recordings of a screen as animated WebP: frames are taken while somebody works, and still moments are shortened."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

_EVERY_S = 0.12
#: A pixel that changes by less is the same; fewer changed pixels are no new frame.
_STEP, _FEWEST = 12, 12
_SHORTEST_MS, _LONGEST_MS, _LAST_MS = 60, 700, 2500


@dataclass
class Film:
    """Takes frames in a thread of its own while it is entered.

    Args:
        look: the screen as it is now, (height, width, 3) BGR.
        longest_ms: how long a frame that is taken from now on is shown at most. Changed on the way, it makes slow
            parts quick.
    """

    look: Callable[[], Pixels]
    longest_ms: int = _LONGEST_MS
    frames: list[tuple[float, int, Pixels]] = field(default_factory=list)
    _running: bool = False

    def __enter__(self) -> Film:
        self._running = True
        self._thread = threading.Thread(target=self._take)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running = False
        self._thread.join()

    def _take(self) -> None:
        while self._running:
            start = time.monotonic()
            frame = self.look()
            if not self.frames or _differs(frame, self.frames[-1][-1]):
                self.frames.append((start, self.longest_ms, frame))
            time.sleep(max(0.0, _EVERY_S - (time.monotonic() - start)))

    def save(self, path: Path, size: tuple[int, int], bytes_at_most: int, crop: tuple[int, int, int, int]) -> None:
        """Writes the frames, in the best quality that fits.

        Args:
            size: width and height of the film, px.
            crop: the part of the screen that is shown: x0, y0, x1, y1, px.
        """
        x0, y0, x1, y1 = crop
        pictures = [
            Image.fromarray(cv2.resize(frame[y0:y1, x0:x1, ::-1], size, interpolation=cv2.INTER_AREA))
            for *_, frame in self.frames
        ]
        times = [when for when, *_ in self.frames]
        lasting = [int(1000 * (after - before)) for before, after in pairwise(times)]
        longest = [most for _, most, _ in self.frames]
        durations = [*(min(max(one, _SHORTEST_MS), most) for one, most in zip(lasting, longest)), _LAST_MS]
        for quality in range(84, 20, -8):
            options = {"quality": quality, "method": 4, "minimize_size": True, "loop": 0, "duration": durations}
            pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
            if path.stat().st_size <= bytes_at_most:
                break
        print(path, path.stat().st_size, f"{len(pictures)} frames, {sum(durations) / 1000:.1f} s, quality {quality}")


def _differs(one: Pixels, other: Pixels) -> bool:
    return int((np.abs(one.astype(np.int16) - other).max(axis=2) > _STEP).sum()) >= _FEWEST
