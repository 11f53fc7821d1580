"""Times the body, the engine and the whole command.

    python -m bench.speed [--photo PHOTO] [--only body,engine,command,fresh] [--json FILE]

* ``body``: `Body.pose`, `Body.vertices` of the finest default body, and poses in a batch against one by one;
* ``engine``: networks and fit on one photo, the stages apart;
* ``command``: ``sam3db character`` as a process of its own, twice: seconds by the clock and peak memory;
* ``fresh``: clone the project, and run ``make character`` there with an empty models folder (downloads, minutes).

What is repeated is given as the median and the best; on a machine with other work the best is the truer one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.mhr import Body
from native_runtime.models import store

ROOT = Path(__file__).resolve().parents[1]
_BATCH = 256


def timed(action: Callable[[], Any], at_least: float = 1.0) -> dict[str, float]:
    """Median and best of the seconds that ``action`` takes, repeated for about ``at_least`` seconds after a warm-up."""
    action()
    seconds: list[float] = []
    while sum(seconds) < at_least or len(seconds) < 3:
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return {"median": float(np.median(seconds)), "best": float(np.min(seconds)), "runs": len(seconds)}


def body_figures(body: Body) -> dict[str, dict[str, float]]:
    """Seconds of the body model's work; of batches, per pose."""
    rng = np.random.default_rng(0)
    low = np.where(np.isfinite(body.limit_min), body.limit_min, -1.0)
    high = np.where(np.isfinite(body.limit_max), body.limit_max, 1.0)
    batch = rng.uniform(low, high, (_BATCH, len(low)))
    identity = rng.normal(0.0, 0.3, body.identity_count)
    expression = np.zeros(body.expression_count)
    one, shape = batch[0], body.rest_shape(identity)

    def one_by_one() -> None:
        for row in batch:
            body.pose(row)

    result = {
        "load the body": timed(lambda: Body.load(store.body_path("default"))),
        "pose, 127 joints": timed(lambda: body.pose(one)),
        f"vertices, {body.vertex_count} with {body.identity_count} identity coefficients": timed(
            lambda: body.vertices(one, identity, expression)
        ),
        "vertices, shape known": timed(lambda: body.skin(body.pose(one), shape)),
    }
    for name, action in (
        (f"pose, {_BATCH} one by one, each", one_by_one),
        (f"pose, batch of {_BATCH}, each", lambda: body.pose(batch)),
        ("vertices, batch of 32, each", lambda: body.vertices(batch[:32])),
    ):
        count = 32 if "32" in name else _BATCH
        figures = timed(action)
        result[name] = {key: value / count if key != "runs" else value for key, value in figures.items()}
    return result


def engine_figures(photo: Path) -> dict[str, dict[str, float]]:
    """Seconds of the engine's stages on one photo, after the networks were opened."""
    from native_runtime.engines import open_engine
    from native_runtime.image.reading import read_photo

    started = time.perf_counter()
    engine = open_engine()
    engine.read(read_photo(photo))
    result = {"open the engine, first photo": {"best": time.perf_counter() - started}}
    stages: dict[str, list[float]] = {"read the file": [], "detection + landmarks": [], "fit": [], "mesh": []}
    for _ in range(5):
        started = time.perf_counter()
        picture = read_photo(photo)
        stages["read the file"].append(time.perf_counter() - started)
        estimate = engine.read(picture).estimate(0)
        for stage, key in (("detection + landmarks", "landmarks"), ("fit", "fit"), ("mesh", "mesh")):
            stages[stage].append(estimate.seconds[key])
    for stage, seconds in stages.items():
        result[stage] = {"median": float(np.median(seconds)), "best": min(seconds), "runs": len(seconds)}
    together = np.sum([stages["detection + landmarks"], stages["fit"]], axis=0)
    result["detection + landmarks + fit"] = {"median": float(np.median(together)), "best": float(together.min())}
    return result


def run_measured(command: Sequence[str], **options: Any) -> tuple[float, float]:
    """Run a program. Returns seconds and the peak memory, MB, of the largest of its processes.

    Raises:
        SystemExit: the program failed; its errors were shown.
    """
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}.")
    scale = 1e6 if sys.platform == "darwin" else 1e3  # macOS counts bytes, Linux kilobytes
    return time.perf_counter() - started, usage.ru_maxrss / scale


def command_figures(photo: Path) -> dict[str, dict[str, float]]:
    """``sam3db character`` twice: files not yet in the system's memory may slow the first."""
    result = {}
    for name in ("sam3db character, first", "sam3db character, again"):
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, "-m", "native_runtime.cli", "character", str(photo), "-o", out]
            seconds, memory = run_measured(command, cwd=ROOT)
        result[name] = {"best": seconds, "memory_mb": memory}
    return result


def fresh_figures(photo: Path) -> dict[str, dict[str, float]]:
    """A clone of the last commit, without models and without an environment: all that a new user waits for."""
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
        environment["SAM3DB_MODELS"] = str(Path(folder) / "models")
        command = ["make", "character", f"PHOTO={photo}", f"OUT={folder}/out"]
        for name in ("make character on a fresh clone", "make character, again"):
            seconds, memory = run_measured(command, cwd=clone, env=environment)
            result[name] = {"best": seconds, "memory_mb": memory}
    return result


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures as a table in Markdown, in milliseconds below a second."""

    def shown(seconds: float | None) -> str:
        if seconds is None:
            return ""
        if seconds < 1e-4:
            return f"{seconds * 1e6:.1f} µs"
        return f"{seconds * 1e3:.2f} ms" if seconds < 1.0 else f"{seconds:.2f} s"

    lines = ["| what | median | best | peak memory |", "| --- | ---: | ---: | ---: |"]
    for name, entry in figures.items():
        memory = f"{entry['memory_mb']:.0f} MB" if "memory_mb" in entry else ""
        lines.append(f"| {name} | {shown(entry.get('median'))} | {shown(entry.get('best'))} | {memory} |")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=ROOT / "examples" / "standing.jpg")
    parser.add_argument("--only", default="body,engine,command", help="body, engine, command, fresh; comma separated")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    unknown = set(chosen) - {"body", "engine", "command", "fresh"}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are body, engine, command and fresh")
    photo = arguments.photo.resolve()
    figures: dict[str, dict[str, float]] = {}
    if "body" in chosen:
        figures |= body_figures(Body.load(store.body_path("default")))
        name = f"pose, {_BATCH} one by one, each", f"pose, batch of {_BATCH}, each"
        print(
            f"A batch is {figures[name[0]]['best'] / figures[name[1]]['best']:.1f} times faster a pose.",
            file=sys.stderr,
        )
    if "engine" in chosen:
        figures |= engine_figures(photo)
    if "command" in chosen:
        figures |= command_figures(photo)
    if "fresh" in chosen:
        figures |= fresh_figures(photo)
    print(table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
