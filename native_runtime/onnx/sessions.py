"""A network that is ready to run: opened on the best provider that really works, warmed up, called by names."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.onnx import providers as provider_choice

_log = logging.getLogger(__name__)

_NUMPY_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


class Network:
    """An open ONNX network.

    `provider` is where it runs; `notes` says which better providers were tried in vain, for people.
    `input_shapes` and `output_names` follow the file; a free dimension is None.
    """

    def __init__(self, session: onnxruntime.InferenceSession, path: Path, provider: str, notes: Sequence[str]) -> None:
        self._session = session
        self.path = path
        self.provider = provider
        self.notes = tuple(notes)
        self.output_names: tuple[str, ...] = tuple(output.name for output in session.get_outputs())
        self.input_shapes: dict[str, tuple[int | None, ...]] = {
            entry.name: tuple(n if isinstance(n, int) else None for n in entry.shape) for entry in session.get_inputs()
        }

    def run(self, outputs: Sequence[str] | None = None, /, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Compute `outputs` (names; None: all) from the named `inputs`."""
        names = list(self.output_names if outputs is None else outputs)
        return dict(zip(names, self._session.run(names, inputs), strict=True))

    def warm_up(self) -> None:
        """Compute once on zeros (free dimensions are 1), so that the first real run is as quick as the next."""
        zeros = {
            entry.name: np.zeros([n if isinstance(n, int) else 1 for n in entry.shape], _NUMPY_TYPES[entry.type])
            for entry in self._session.get_inputs()
        }
        self._session.run(None, zeros)


def default_threads() -> int:
    """How many threads one network may use: the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def open_network(path: Path, providers: Sequence[str] | None = None, threads: int | None = None) -> Network:
    """Open the ONNX file `path` on the first of `providers` that works (None: the best that works here, CPU last).

    Each candidate must create its session, keep the network (ONNX Runtime silently moves to the CPU when a library is
    missing) and compute once.

    Raises:
        ModelError: the file cannot be used, or none of the providers works.
        UsageError: a requested provider does not exist here.
    """
    notes: list[str] = []
    for provider in provider_choice.candidates(providers):
        try:
            return _open_on(path, provider, threads or default_threads(), notes)
        except Exception as error:  # ONNX Runtime's errors share no public base class
            first_line = str(error).strip().partition("\n")[0]
            notes.append(f"{path.name} does not run on {provider}: {first_line}")
            _log.warning(notes[-1])
    raise ModelError(
        f"The network {path} cannot be run. {' '.join(notes)} If the file is damaged, build it anew with "
        "`sam3db models build`; if a graphics card is at fault, choose the provider cpu."
    )


def _open_on(path: Path, provider: str, threads: int, notes: Sequence[str]) -> Network:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads spin for a while in case of another run. Within a run that pays; after it, they would eat the cores
    # that the fit (and, on an artist's machine, Blender) needs.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3  # warnings about nodes placed on the CPU are not for users
    session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
    if provider not in session.get_providers():
        raise RuntimeError("its driver or one of its libraries is missing")
    network = Network(session, path, provider, notes)
    network.warm_up()
    return network
