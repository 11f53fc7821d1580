"""What a person took on this machine, by engine: one small file in the user's own folder.

The median of the last few, since the first one of a session also warms things up. What was computed on another machine
is not in it: only imports of photos remember.
"""

from __future__ import annotations

import contextlib
import json
import math
import statistics
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from native_runtime.errors import NewerFormatError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format

from .. import places

#: How many are remembered of each engine.
COUNT = 5
FORMAT = Format("sam3db-engine-seconds")


def measured(engine: str) -> float | None:
    """Seconds that a person takes with an engine; None where none was measured. Panels ask at each redraw."""
    last = _known(_file()).get(engine)
    return statistics.median(last) if last else None


def remember(engine: str, seconds: Mapping[str, float]) -> None:
    """Notes the stages of a person's estimate. If that cannot be written, nothing is: no photo should fail for it."""
    took, file = math.fsum(seconds.values()), _file()
    if not took > 0.0:
        return
    with contextlib.suppress(OSError, NewerFormatError):
        known = _read(file)
        content = known | {engine: [*known.get(engine, ()), round(took, 3)][-COUNT:]}
        write_atomically(file, json.dumps({"format": str(FORMAT), "seconds": content}, indent=1).encode())
    _known.cache_clear()


@cache
def _known(file: Path) -> Mapping[str, list[float]]:
    with contextlib.suppress(NewerFormatError):
        return _read(file)
    return {}


def _read(file: Path) -> dict[str, list[float]]:
    """By engine; empty where the file is damaged.

    Raises:
        NewerFormatError: a newer version wrote it.
    """
    try:
        listed = FORMAT.parsed(file.read_text(encoding="utf-8"), file)["seconds"]
        return {str(engine): [float(value) for value in last] for engine, last in listed.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _file() -> Path:
    return places.user_folder("recent") / "engine_seconds.json"
