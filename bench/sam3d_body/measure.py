"""Times and memory: each stage in a process of its own, which says what it took as JSON."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PAUSE = 0.2
"""Seconds of rest between two calls: threads of BLAS and PyTorch spin for a while after their work."""
_KILOBYTES = 1 if sys.platform == "darwin" else 1024
"""The unit of ru_maxrss, in bytes."""
_MARK = "RESULT "


@dataclass(frozen=True)
class Times:
    """Seconds of repeated calls.

    Attributes:
        all: by the clock.
        busy: of the processor, over all cores; where it is far below the clock times the threads, other programs took
            the cores, or the calls could not use them all.
    """

    all: tuple[float, ...]
    busy: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.all)

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        busy = statistics.median(self.busy)
        return {"seconds": self.median, "best": min(self.all), "processor": busy, "runs": len(self.all)}


def repeated(call: Callable[[], object], count: int, warm_up: int = 1) -> Times:
    """Time ``count`` calls after ``warm_up`` that do not count."""
    for _ in range(warm_up):
        call()
    return in_turns({"": call}, count)[""]


def in_turns(calls: Mapping[str, Callable[[], object]], count: int) -> dict[str, Times]:
    """Time each call ``count`` times, one after the other again and again: they all see the same machine."""
    clock: dict[str, list[float]] = {name: [] for name in calls}
    busy: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(count):
        for name, call in calls.items():
            time.sleep(_PAUSE)
            start, worked = time.perf_counter(), time.process_time()
            call()
            clock[name].append(time.perf_counter() - start)
            busy[name].append(time.process_time() - worked)
    return {name: Times(tuple(clock[name]), tuple(busy[name])) for name in calls}


def peak_megabytes() -> float | None:
    """The most memory that this process has held so far, pages of mapped files included; None where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTES / 1e6


def resident_megabytes() -> float | None:
    """The memory that this process holds now; None where that is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run_stage(name: str, settings: dict[str, Any], threads: int) -> dict[str, Any]:
    """Run a stage in a fresh process and return what it reports, or {"error": its last words}."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    command = [sys.executable, "-m", "bench.sam3d_body.stages", name, json.dumps(settings)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, env=os.environ | limits, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if done.returncode or not lines:
        return {"error": f"the stage ended with {done.returncode}"}
    found: dict[str, Any] = json.loads(lines[-1][len(_MARK) :])
    return found


def report(facts: dict[str, Any]) -> None:
    """What a stage's process says at its end."""
    print(_MARK + json.dumps({**facts, "peak_mb": peak_megabytes(), "resident_mb": resident_megabytes()}))
