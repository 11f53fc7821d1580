"""Compares a converted network with the runtime that it was made for, on the same input."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

SMALLEST_MAGNITUDE = 1e-3

Outputs = list[NDArray[Any]]
"""What a network computes from one input, in the order of the model's outputs."""


def interpret(tflite_file: Path, inputs: Sequence[NDArray[np.float32]]) -> list[Outputs]:
    """What the TensorFlow Lite interpreter computes for each of `inputs` ((1, S, S, 3) each)."""
    interpreter = Interpreter(str(tflite_file), num_threads=2)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    # The interpreter lists outputs in the order of the subgraph's outputs.
    exits = [detail["index"] for detail in interpreter.get_output_details()]
    results = []
    for values in inputs:
        interpreter.set_tensor(entry, values)
        interpreter.invoke()
        results.append([interpreter.get_tensor(index) for index in exits])
    return results


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
