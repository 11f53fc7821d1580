"""How long a take takes, and whether memory stays flat over many frames."""

from __future__ import annotations

import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from bench.accuracy.truth import BODY_FILE
from native_runtime.pipeline.inference import Inference
from native_runtime.takes.request import TakeRequest
from native_runtime.takes.run import make_take

from .answers import StageClock


def memory_mib() -> float:
    """The process's resident memory now (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("This system does not tell a process's memory.")


class _MemoryClock(StageClock):
    """Notes the most memory in each tenth of a run, by its progress: six tenths are reading, four the fit."""

    def __init__(self) -> None:
        super().__init__()
        self.most: dict[int, float] = {}
        self._part = 0

    def status(self, text: str) -> None:
        super().status(text)
        self.most[self._part] = max(self.most.get(self._part, 0.0), round(memory_mib(), 1))

    def progress(self, value: float) -> None:
        self._part = min(int(10 * value), 9)
        self.most[self._part] = max(self.most.get(self._part, 0.0), round(memory_mib(), 1))


def timed(video: Path, out: Path, engine: str, frames: int = 100) -> dict[str, Any]:
    """From a video's file to the take's file: wall and processor seconds by stage, of the first ``frames`` frames, the
    engine being open."""
    body = video.parent / BODY_FILE
    inference = Inference()
    warm = TakeRequest(footage=video, out=out / "warm", engine=engine, body=str(body), range=(0, 8), restart=True)
    make_take(warm, inference, StageClock())
    clock, wall = StageClock(), time.perf_counter()
    request = TakeRequest(footage=video, out=out, engine=engine, body=str(body), range=(0, frames), restart=True)
    result = make_take(request, inference, clock)
    wall, seconds = time.perf_counter() - wall, clock.stop()
    total = sum(seconds.values())
    count = result.frame_count
    return {
        "frames": count, "wall_s": round(wall, 2), "frames_a_second": round(count / wall, 2),
        "processor_s": round(total, 2), "frames_a_processor_second": round(count / total, 2), "stages": seconds,
        "load": Path("/proc/loadavg").read_text().split()[0],
    }  # fmt: skip


def long_take(video: Path, out: Path, engine: str, frames: int, width: int = 640) -> dict[str, Any]:
    """The most memory in each tenth of a run over a video that goes back and forth over a take's frames: MiB.

    Args:
        width: px to which the pictures are reduced.
    """
    out.mkdir(parents=True, exist_ok=True)
    longer = out / f"long_{frames}_{width}.mp4"
    if not longer.exists():
        # in a process of its own, whose memory does not count
        maker = get_context("spawn").Process(target=_back_and_forth, args=(video, longer, frames, width))
        maker.start()
        maker.join()
    clock = _MemoryClock()
    request = TakeRequest(footage=longer, out=out, engine=engine, body=str(video.parent / BODY_FILE), restart=True)
    before = memory_mib()
    result = make_take(request, Inference(), clock)
    most = [clock.most.get(part, float("nan")) for part in range(10)]
    return {"frames": result.frame_count, "before_mib": round(before, 1), "most_mib_by_tenth": most,
            "after_mib": round(memory_mib(), 1), "stages": clock.stop()}  # fmt: skip


def _back_and_forth(video: Path, out: Path, frames: int, width: int) -> None:
    reader = cv2.VideoCapture(str(video))
    pictures = []
    while True:
        read, picture = reader.read()
        if not read:
            break
        height = round(width * picture.shape[0] / picture.shape[1] / 2) * 2
        pictures.append(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
    fps = reader.get(cv2.CAP_PROP_FPS)
    reader.release()
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    period = 2 * len(pictures) - 2
    for number in range(frames):
        place = number % period
        writer.write(pictures[min(place, period - place)])
    writer.release()
