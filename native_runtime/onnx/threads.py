"""How many threads a large network gets on the processor: tried out once, and remembered in the user's cache.

As many threads as cores is right for most machines, but not for all: where two threads share a core, where some cores
are slower than others, or where a container has fewer cores than it sees, fewer are faster. The trial multiplies
matrices of the size that the encoder of SAM 3D Body has, with a few numbers of threads, for about a second.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from native_runtime.errors import NewerFormatError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.folders import user_cache
from native_runtime.files.formats import Format

from .processor import processor_name

FORMAT = Format("sam3db-threads")
LARGE_BYTES = 200_000_000
"""Weights of a network for which it is worth a trial; of smaller ones nobody would notice."""
FEWEST_CORES = 4
"""With fewer there is nothing to choose from."""

_ROWS, _INNER, _COLUMNS = 1029, 1280, 5120
_RUNS = 5
_SECONDS_EACH = 0.6
"""After which no further run of a number of threads is begun."""
_AS_FAST = 1.03
"""Fewer threads are taken where they need at most this much longer."""

# An ONNX model (opset 17): y = a @ b, float32.
_PRODUCT = (
    b'\x08\x08:7\n\x11\n\x01a\n\x01b\x12\x01y"\x06MatMul\x12\x01gZ\t\n\x01a\x12\x04\n\x02\x08\x01Z\t\n\x01b\x12\x04'
    b"\n\x02\x08\x01b\t\n\x01y\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11"
)

_log = logging.getLogger(__name__)

Trial = Callable[[int], float]
"""Seconds of the work with a number of threads."""


def threads_for(size: int, cores: int, trial: Trial | None = None) -> int:
    """How many threads a network with `size` bytes of weights is to have on `cores` cores.

    Args:
        trial: instead of `try_out`.
    """
    if size < LARGE_BYTES or cores < FEWEST_CORES:
        return cores
    key = f"{processor_name()}; cpu; onnxruntime {onnxruntime.__version__}; {cores} cores"
    known = None
    with suppress(NewerFormatError):
        known = read(_file()).get(key)
    if isinstance(known, int) and 1 <= known <= cores:
        return known
    chosen = fastest(candidates(cores), trial or try_out)
    _log.info("Large networks get %d threads on %d cores.", chosen, cores)
    _remember(key, chosen)
    return chosen


def candidates(cores: int) -> list[int]:
    """The numbers of threads that are tried: all cores, and shares of them that make sense somewhere."""
    return sorted({cores, cores - 1, max(1, 3 * cores // 4), cores // 2})


def fastest(numbers: Iterable[int], trial: Trial) -> int:
    """The least of some numbers of threads that is about as fast as any."""
    seconds = {number: trial(number) for number in numbers}
    bound = min(seconds.values()) * _AS_FAST
    return min(number for number, taken in seconds.items() if taken <= bound)


def try_out(threads: int) -> float:
    """Seconds that the quickest of a few products of matrices takes with so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.force_spinning_stop", "1")  # as large networks run
    session = onnxruntime.InferenceSession(_PRODUCT, options, providers=["CPUExecutionProvider"])
    feed = {"a": np.full((_ROWS, _INNER), 0.5, np.float32), "b": np.full((_INNER, _COLUMNS), 0.5, np.float32)}
    session.run(None, feed)
    taken: list[float] = []
    while len(taken) < _RUNS and sum(taken) < _SECONDS_EACH:
        started = time.perf_counter()
        session.run(None, feed)
        taken.append(time.perf_counter() - started)
    return min(taken)


def read(path: Path) -> dict[str, Any]:
    """What was remembered in a file, by processor, provider, ONNX Runtime and cores; {} where there is none.

    Raises:
        NewerFormatError: a newer version of the program wrote it; it is left alone.
    """
    try:
        threads = FORMAT.parsed(path.read_text(encoding="utf-8"), path)["threads"]
    except (OSError, ValueError, KeyError):
        return {}
    return threads if isinstance(threads, dict) else {}


def _remember(key: str, threads: int) -> None:
    path = _file()
    with suppress(OSError, NewerFormatError):
        content = {"format": str(FORMAT), "threads": read(path) | {key: threads}}
        write_atomically(path, json.dumps(content, indent=1).encode())


def _file() -> Path:
    return user_cache() / "threads.json"
