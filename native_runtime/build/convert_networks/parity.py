"""Compares a converted network with the runtime that it was made for, on the same input."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnxruntime
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import flexbuffers
from numpy.typing import NDArray

from .mediapipe_operators import OPERATORS

SMALLEST_MAGNITUDE = 1e-3
_UNPACKING = (schema.BuiltinOperator.DENSIFY, schema.BuiltinOperator.DEQUANTIZE)

Outputs = list[NDArray[Any]]
"""What a network computes from one input, in the order of the model's outputs."""


def interpret(tflite_file: Path, inputs: Sequence[NDArray[np.float32]]) -> list[Outputs]:
    """What the TensorFlow Lite interpreter computes for each of `inputs` ((1, S, S, 3) each); operators of MediaPipe's
    that it lacks are computed by numpy between its turns.
    """
    parts = _Parts(tflite_file.read_bytes())
    (entry,) = parts.inputs
    results = []
    for values in inputs:
        tensors = {entry: values}
        for step in parts.steps:
            step(tensors)
        results.append([tensors[index] for index in parts.outputs])
    return results


Step = Callable[[dict[int, NDArray[Any]]], None]
"""Computes further tensors from those that are known."""


class _Parts:
    """A model as steps in turn: one for as many operators as the interpreter can do at once, one for each other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._model = schema.ModelT.InitFromPackedBuf(content, 0)
        (graph,) = self._model.subgraphs
        self._operators = [(self._kind(o), [int(t) for t in o.inputs], [int(t) for t in o.outputs], o)
                           for o in graph.operators]  # fmt: skip
        self.inputs, self.outputs = [int(t) for t in graph.inputs], [int(t) for t in graph.outputs]
        self._constants = {
            index for index, tensor in enumerate(graph.tensors) if self._model.buffers[tensor.buffer].data is not None
        }
        # Which operator unpacks which constant: each part does that for itself.
        self._unpacked = {
            made[0]: index for index, (kind, _, made, _) in enumerate(self._operators) if kind in _UNPACKING
        }
        self.steps: list[Step] = []
        run: list[int] = []
        for index, (kind, read, made, operator) in enumerate(self._operators):
            if kind in OPERATORS:
                self.steps += [self._interpreted(run)] if run else []
                self.steps.append(_computed(str(kind), read, made[0], operator.customOptions))
                run = []
            elif kind not in _UNPACKING:
                run.append(index)
        self.steps += [self._interpreted(run)] if run else []

    def _kind(self, operator: Any) -> str | int:
        """The name of one of MediaPipe's own operators, or the number of one of the schema."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        number = max(int(code.builtinCode), int(code.deprecatedBuiltinCode))
        return code.customCode.decode() if number == schema.BuiltinOperator.CUSTOM else number

    def _interpreted(self, run: Sequence[int]) -> Step:
        """The interpreter's turn for the operators `run`."""
        unpacking: set[int] = set()
        pending = [tensor for index in run for tensor in self._operators[index][1]]
        while pending:
            tensor = pending.pop()
            if tensor in self._unpacked:
                unpacking.add(self._unpacked[tensor])
                pending.extend(self._operators[self._unpacked[tensor]][1])
        chosen = [*sorted(unpacking), *run]
        made = {tensor for index in chosen for tensor in self._operators[index][2]}
        read = {tensor for index in chosen for tensor in self._operators[index][1]}
        elsewhere = {
            t for index, (_, inputs, _, _) in enumerate(self._operators) if index not in chosen for t in inputs
        }
        entries = sorted(tensor for tensor in read - made - self._constants if tensor >= 0)
        exits = sorted((made - set(self._unpacked)) & (elsewhere | set(self.outputs)))
        model = schema.ModelT.InitFromPackedBuf(self._content, 0)
        (graph,) = model.subgraphs
        graph.operators = [graph.operators[index] for index in chosen]
        graph.inputs, graph.outputs = entries, exits
        model.signatureDefs = None
        builder = flatbuffers.Builder(len(self._content))
        builder.Finish(model.Pack(builder), b"TFL3")
        interpreter = Interpreter(model_content=bytes(builder.Output()), num_threads=2)
        interpreter.allocate_tensors()

        def step(tensors: dict[int, NDArray[Any]]) -> None:
            for index in entries:
                interpreter.set_tensor(index, tensors[index])
            interpreter.invoke()
            for index in exits:
                tensors[index] = interpreter.get_tensor(index)

        return step


def _computed(name: str, read: Sequence[int], made: int, packed: Any) -> Step:
    options = {} if packed is None or not len(packed) else flexbuffers.Loads(bytearray(bytes(packed)))

    def step(tensors: dict[int, NDArray[Any]]) -> None:
        tensors[made] = OPERATORS[name](*(tensors[index] for index in read), options)

    return step


def interpret_with_tensorflow_js(
    files: Sequence[Path], inputs: Sequence[NDArray[np.float32]], node: Sequence[str], folder: str
) -> list[Outputs]:
    """What TensorFlow.js computes for each of `inputs` ((1, H, W, 3) whole numbers) with a model's two files.

    Args:
        node: the command that starts Node.js.
        folder: where `tensorflow_js/` was copied to and its packages installed.
    """
    with tempfile.TemporaryDirectory() as work:
        paths = [Path(work) / f"input{number}" for number in range(len(inputs))]
        for path, values in zip(paths, inputs, strict=True):
            path.write_bytes(values.astype("<i4").tobytes())
        job = Path(work) / "job.json"
        listed = [{"file": str(p), "shape": list(v.shape)} for p, v in zip(paths, inputs, strict=True)]
        job.write_text(json.dumps({"topology": str(files[0]), "weights": str(files[1]), "inputs": listed}))
        subprocess.run([*node, str(Path(folder) / "interpret.mjs"), str(job)], check=True, stdin=subprocess.DEVNULL)
        return [
            [np.fromfile(f"{p}.output", "<f4").reshape(json.loads(Path(f"{p}.shape.json").read_text()))] for p in paths
        ]


def largest_difference(onnx_file: Path, inputs: Sequence[NDArray[np.float32]], expected: Sequence[Outputs]) -> float:
    """The largest difference of any output value from what is `expected` for each of `inputs`, relative to the largest
    magnitude in that output. Outputs beyond those that are expected are what these were computed from.

    A magnitude under `SMALLEST_MAGNITUDE` counts as that: an output which is all but zero (the probability of a person
    in a picture of noise) has no meaningful relative error.
    """
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    worst = 0.0
    for values, wanted_outputs in zip(inputs, expected, strict=True):
        outputs = [output.name for output in session.get_outputs()][: len(wanted_outputs)]
        for got, wanted in zip(session.run(outputs, {name: values}), wanted_outputs, strict=True):
            if got.shape != wanted.shape:
                raise ValueError(f"{onnx_file.name}: an output has shape {got.shape} instead of {wanted.shape}")
            worst = max(worst, float(np.abs(got - wanted).max() / max(np.abs(wanted).max(), SMALLEST_MAGNITUDE)))
    return worst


def sample_pictures(height: int, width: int, count: int = 4) -> list[NDArray[np.float32]]:
    """Pictures with the statistics of photos (amplitude falls as 1/f), (1, height, width, 3), 0..1; always the same.

    The build has no photos at hand; the tests compare on real crops.
    """
    random = np.random.default_rng(7)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1.0 / max(height, width)
    pictures = []
    for _ in range(count):
        planes = np.empty((height, width, 3), dtype=np.float32)
        for channel in range(3):
            spectrum = np.fft.rfft2(random.standard_normal((height, width))) / frequency
            plane = np.fft.irfft2(spectrum, s=(height, width))
            planes[..., channel] = (plane - plane.min()) / (plane.max() - plane.min())
        pictures.append(planes[None])
    return pictures
