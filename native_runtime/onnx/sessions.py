"""A network that is ready to run: opened on the best provider that works, called by names.

Threads: each network has its own, as many as there are cores that nobody else needs (`spare_cores`), or, of large
networks, as many as are fastest (`threads`). Networks run one after the other, and threads that have nothing to do
sleep, so that several open networks do not get in each other's way.

Memory: on the processor, weights are mapped from their files, and those of products of matrices are copied into the
order that is quickest to compute with. Where memory is short they are not: then they stay mapped, the system may drop
and read them again, and the network opens at once, but computes a fifth slower.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from native_runtime.errors import ModelError, Remedy
from native_runtime.onnx import memory
from native_runtime.onnx import providers as provider_choice
from native_runtime.onnx.device_array import NUMPY_TYPES, DeviceArray
from native_runtime.onnx.eight_bits import WEIGHT_BITS, products_are_exact
from native_runtime.onnx.model_file import metadata_of, weights_size
from native_runtime.onnx.probe import create_session, in_short, why_not
from native_runtime.onnx.processor import usable_cores
from native_runtime.onnx.providers import Candidate
from native_runtime.onnx.threads import threads_for

_log = logging.getLogger(__name__)

_spared_cores = 0
_COPIED_SHARE = 0.5
"""Of the free memory: networks whose weights take more are computed from their mapped files."""

Values = NDArray[Any] | DeviceArray


class Network:
    """An open ONNX network.

    Attributes:
        path: the file.
        provider: ONNX Runtime's name of what computes it.
        notes: which better providers were tried in vain and why, for people.
        size: bytes of the network with its weights.
        input_shapes, input_types, output_names: as in the file; a free dimension is None.
        metadata: what its makers wrote into the file, by name.
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, path: Path, chosen: Candidate, size: int, notes: Sequence[str]
    ) -> None:
        self._session = session
        self._title = chosen.provider.title
        # Where results may stay; None where they come back to the host in any case.
        self._memory = None if chosen.provider.memory == "cpu" else (chosen.provider.memory, chosen.device_number)
        self.path = path
        self.provider = chosen.provider.name
        self.size = size
        self.notes = tuple(notes)
        self.output_names: tuple[str, ...] = tuple(output.name for output in session.get_outputs())
        self.metadata: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        self.input_types = {entry.name: np.dtype(NUMPY_TYPES[entry.type]) for entry in session.get_inputs()}
        self.input_shapes: dict[str, tuple[int | None, ...]] = {
            entry.name: tuple(n if isinstance(n, int) else None for n in entry.shape) for entry in session.get_inputs()
        }

    @property
    def on_processor(self) -> bool:
        """Whether it is computed by the processor, and not by a card."""
        return self.provider == provider_choice.CPU

    def run(self, outputs: Sequence[str] | None = None, /, **inputs: Values) -> dict[str, NDArray[Any]]:
        """Compute `outputs` (names; None: all) from the named `inputs` and bring them to the host.

        Raises:
            ModelError: there is not enough memory.
        """
        names = list(self.output_names if outputs is None else outputs)
        if self._memory is None:
            feed = {name: v.numpy() if isinstance(v, DeviceArray) else v for name, v in inputs.items()}
            return dict(zip(names, self._guarded(self._session.run, names, feed), strict=True))
        return {name: DeviceArray(value).numpy() for name, value in self._run_bound(names, inputs, "cpu", 0).items()}

    def run_on_device(self, outputs: Sequence[str] | None = None, /, **inputs: Values) -> dict[str, DeviceArray]:
        """As `run`, but what is computed stays where it was computed, as input for other networks.

        Inputs that lie in this network's memory are used there; others are copied to it.
        """
        if self._memory is None:
            return {name: DeviceArray(array) for name, array in self.run(outputs, **inputs).items()}
        names = list(self.output_names if outputs is None else outputs)
        return {name: DeviceArray(value) for name, value in self._run_bound(names, inputs, *self._memory).items()}

    def try_out(self) -> None:
        """Compute once on small zeros: only that proves that a card and its libraries work."""
        self.run_on_device(
            **{
                entry.name: np.zeros([_smallest(n) for n in entry.shape], NUMPY_TYPES[entry.type])
                for entry in self._session.get_inputs()
            }
        )

    def _run_bound(
        self, names: Sequence[str], inputs: dict[str, Values], where: str, number: int
    ) -> dict[str, onnxruntime.OrtValue]:
        """Run with inputs taken from where they are, and outputs left in the memory `where` of device `number`."""
        assert self._memory is not None
        binding = self._session.io_binding()
        for name, value in inputs.items():
            if isinstance(value, DeviceArray) and value.device == self._memory[0]:
                binding.bind_ortvalue_input(name, value.ort_value())
            else:
                array = value.numpy() if isinstance(value, DeviceArray) else value
                binding.bind_cpu_input(name, np.ascontiguousarray(array))
        for name in names:
            binding.bind_output(name, where, number)
        self._guarded(self._session.run_with_iobinding, binding)
        return dict(zip(names, binding.get_outputs(), strict=True))

    def _guarded(self, compute: Any, *arguments: Any) -> Any:
        """Call `compute`; say it plainly when memory runs out."""
        try:
            return compute(*arguments)
        except Exception as error:  # ONNX Runtime's errors share no public base class
            if not memory.is_out_of_memory(error):
                raise
            place = None if self.on_processor else self._title
            raise memory.no_room(self.path.name, place, self.size, memory.shortage(error)) from error


def _smallest(size: int | str | None) -> int:
    """A dimension; of a free one the smallest size: 1, or 16 if it is called "16*side"."""
    if isinstance(size, int):
        return size
    factor, _, _ = (size or "").partition("*")
    return int(factor) if factor.isdigit() else 1


def default_threads() -> int:
    """How many threads one network may use: the cores that this process may run on, but for those that are spared."""
    return max(1, usable_cores() - _spared_cores)


@contextmanager
def spare_cores(count: int) -> Iterator[None]:
    """Networks that are opened within the block leave this many cores to other processes that work at the same time.

    A network that shares all cores with others is slower for it and burns more time: its threads wait for one another.
    """
    global _spared_cores
    before, _spared_cores = _spared_cores, count
    try:
        yield
    finally:
        _spared_cores = before


def open_network(path: Path, providers: Sequence[str] | None = None, threads: int | None = None) -> Network:
    """Open the ONNX file `path` on the first of `providers` that works (None: the best that works here, CPU last).

    Each candidate must compute a network of a few bytes (`probe`), take this one, and (all but the CPU, which needs no
    proof) compute it once.

    Raises:
        ModelError: the file cannot be used, there is not enough memory, or none of the providers works.
        UsageError: a requested provider does not exist here.
    """
    chosen = provider_choice.candidates(providers)
    size = weights_size(path)
    notes: list[str] = []
    remedy: Remedy | None = Remedy.REMAKE_NETWORK
    for candidate in chosen:
        fault = why_not(candidate)
        if fault is not None:
            notes.append(fault)
            continue
        try:
            return _open_on(path, candidate, threads or _threads(candidate, size), size, notes)
        except Exception as error:  # ONNX Runtime's errors share no public base class
            why = _why_not(path, candidate, size, error)
            notes.append(str(why))
            remedy = why.remedy or Remedy.REMAKE_NETWORK
            _log.warning(notes[-1])
    cards = any(candidate.provider.name != provider_choice.CPU for candidate in chosen)
    hint = " If a graphics card is the cause, choose the CPU." if cards else ""
    raise ModelError(f"The network {path} cannot be run. {' '.join(notes)}{hint}", remedy)


def _threads(candidate: Candidate, size: int) -> int:
    on_cpu = candidate.provider.name == provider_choice.CPU
    return threads_for(size, default_threads()) if on_cpu else default_threads()


def session_options(exact_products: bool = True) -> onnxruntime.SessionOptions:
    """What every network here is run with, whatever computes it.

    Args:
        exact_products: there may be weights of eight bits, whose products must be exact; those of seven always are.
    """
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    # Idle threads spin for a while in case of another run. Within a run that pays; after it, they would eat the cores
    # that the fit (and, on an artist's machine, Blender) needs.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # On processors without VNNI, sums of two products of eight bits overflow in the quicker kernel, and results are
    # wrong without a word (ONNX Runtime, kOrtSessionOptionsAvx2PrecisionMode). With VNNI the quicker kernel is exact,
    # and the other one takes more than twice as long, about as long as float32.
    slow_kernel = exact_products and not products_are_exact()
    options.add_session_config_entry("session.x64quantprecision", str(int(slow_kernel)))
    options.log_severity_level = 3  # warnings about nodes placed on the CPU are not for users
    return options


def _open_on(path: Path, candidate: Candidate, threads: int, size: int, notes: Sequence[str]) -> Network:
    provider = candidate.provider.name
    on_cpu = provider == provider_choice.CPU
    free = memory.available_bytes() if on_cpu else None
    if free is not None and size > free:
        raise memory.no_room(path.name, None, size, f"only {memory.in_words(free)} are free")
    options = session_options(exact_products=metadata_of(path).get(WEIGHT_BITS) != "7")
    options.intra_op_num_threads = threads
    if free is not None and size > free * _COPIED_SHARE:
        options.add_session_config_entry("session.disable_prepacking", "1")
    options.enable_mem_pattern = candidate.provider.short != "directml"  # which does not support it
    session = create_session(str(path), candidate, options)
    network = Network(session, path, candidate, size, notes)
    if not on_cpu:
        network.try_out()
    return network


def _why_not(path: Path, candidate: Candidate, size: int, error: Exception) -> ModelError:
    if isinstance(error, ModelError):
        return error
    title = candidate.provider.title
    if memory.is_out_of_memory(error):
        place = None if candidate.provider.name == provider_choice.CPU else title
        return memory.no_room(path.name, place, size, memory.shortage(error))
    return ModelError(f"{path.name} does not run on {title}: {in_short(error)}.")
