"""How long an engine takes, each in a process of its own, so that its memory is its own.

``python -m native_runtime.doctor.speed ENGINE`` is that process; it reads its settings, JSON, from standard input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from native_runtime.errors import Sam3dbError

_ELBOW, _DRAG_PX = 8, 12.0
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Pass:
    """One photo from its pixels to an estimate.

    Attributes:
        stages: seconds of each.
        first: seconds until a pose can be shown; the engine's rougher one where it has one.
        whole: seconds until the last one.
    """

    stages: dict[str, float]
    first: float
    whole: float


@dataclass(frozen=True)
class Speed:
    """What was measured of an engine.

    Attributes:
        engine: its name.
        title: what ran: networks, precision, hardware.
        opening: seconds until it takes photos.
        cold, warm: its first photo, and the same one again as if never seen.
        drag: seconds of a pose for one moved keypoint.
        peak_bytes: the most memory of its process; None where the system does not tell.
        error: why it could not be measured; then all else is empty.
    """

    engine: str
    title: str = ""
    opening: float = 0.0
    cold: Pass = field(default_factory=lambda: Pass({}, 0.0, 0.0))
    warm: Pass = field(default_factory=lambda: Pass({}, 0.0, 0.0))
    drag: float = 0.0
    peak_bytes: int | None = None
    error: str = ""

    def described(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @staticmethod
    def from_json(content: dict[str, Any]) -> Speed:
        """What ``described`` gave."""
        passes = {name: Pass(**content[name]) for name in ("cold", "warm")}
        return Speed(**(content | passes))


def time_engine(name: str, models: str | os.PathLike[str] | None, providers: Sequence[str] | None) -> Speed:
    """Measure an engine in a process of its own. What goes wrong there is the result's ``error``."""
    settings = {"models": None if models is None else os.fspath(models), "providers": providers and list(providers)}
    done = subprocess.run(
        [sys.executable, "-m", "native_runtime.doctor.speed", name],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])},
        check=False,
    )
    try:
        return Speed.from_json(json.loads(done.stdout))
    except (ValueError, TypeError, KeyError):
        last = done.stderr.strip().splitlines()[-1:] or [f"its process ended with {done.returncode}"]
        return Speed(name, error=last[0])


def measure(name: str, models: str | None, providers: Sequence[str] | None) -> Speed:
    """Measure an engine in this process, on the first of the bundled pictures.

    Raises:
        Sam3dbError: it cannot be opened, or fails.
    """
    from native_runtime.engines import engine_status, open_engine
    from native_runtime.proof.pictures import bundled_pictures

    picture = bundled_pictures()[0]
    started = time.perf_counter()
    engine = open_engine(name, models=models, providers=providers)
    opening = time.perf_counter() - started
    cold, warm = _pass(engine, picture.photo), _pass(engine, picture.photo)
    reading = engine.read(picture.photo)
    estimate = reading.estimate(0)
    x, y = (float(number) for number in estimate.keypoints_2d[_ELBOW])
    started = time.perf_counter()
    reading.estimate(0, [(_ELBOW, x + _DRAG_PX, y)])
    drag = time.perf_counter() - started
    title = engine_status(name, models, providers).text
    return Speed(name, title, opening, cold, warm, drag, _peak_bytes())


def _pass(engine: Any, photo: Any) -> Pass:
    started = time.perf_counter()
    reading = engine.read(photo)
    steps = reading.estimate_steps(0) if engine.capabilities.steps else iter([reading.estimate(0)])
    estimates = [next(steps)]
    first = time.perf_counter() - started
    estimates += steps
    whole = time.perf_counter() - started
    return Pass({stage: float(seconds) for stage, seconds in estimates[-1].seconds.items()}, first, whole)


def _peak_bytes() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Measure the engine that the command line names; one JSON object on standard output."""
    from native_runtime.files.streams import take_stdout

    answer = take_stdout(sys.stderr)
    settings = json.load(sys.stdin)
    try:
        found = measure(sys.argv[1], settings["models"], settings["providers"])
    except Sam3dbError as error:
        found = Speed(sys.argv[1], error=str(error))
    answer.write(json.dumps(found.described()))
    answer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
