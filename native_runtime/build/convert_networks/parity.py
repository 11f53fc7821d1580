"""Compares a converted network with the TensorFlow Lite interpreter on the same input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

SMALLEST_MAGNITUDE = 1e-3


def interpret(tflite_file: Path, inputs: Sequence[NDArray[np.float32]]) -> list[list[NDArray[Any]]]:
    """What the interpreter computes for each of `inputs` ((1, S, S, 3) each): the outputs in the order of the model."""
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


def largest_difference(tflite_file: Path, onnx_file: Path, inputs: Sequence[NDArray[np.float32]]) -> float:
    """The largest difference of any output value, relative to the largest magnitude in that output.

    A magnitude under `SMALLEST_MAGNITUDE` counts as that: an output which is all but zero (the probability of a person
    in a picture of noise) has no meaningful relative error.
    """
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    worst = 0.0
    for values, expected in zip(inputs, interpret(tflite_file, inputs), strict=True):
        for got, wanted in zip(session.run(None, {name: values}), expected, strict=True):
            if got.shape != wanted.shape:
                raise ValueError(f"{onnx_file.name}: an output has shape {got.shape} instead of {wanted.shape}")
            worst = max(worst, float(np.abs(got - wanted).max() / max(np.abs(wanted).max(), SMALLEST_MAGNITUDE)))
    return worst


def sample_pictures(size: int, count: int = 4) -> list[NDArray[np.float32]]:
    """Pictures with the statistics of photos (amplitude falls as 1/f), (1, size, size, 3), 0..1; always the same.

    The build has no photos at hand; the tests compare on real crops.
    """
    random = np.random.default_rng(7)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = 1.0 / size
    pictures = []
    for _ in range(count):
        planes = np.empty((size, size, 3), dtype=np.float32)
        for channel in range(3):
            spectrum = np.fft.rfft2(random.standard_normal((size, size))) / frequency
            plane = np.fft.irfft2(spectrum, s=(size, size))
            planes[..., channel] = (plane - plane.min()) / (plane.max() - plane.min())
        pictures.append(planes[None])
    return pictures
