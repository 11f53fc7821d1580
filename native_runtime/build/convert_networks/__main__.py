"""The converter's command line: `python -m native_runtime.build.convert_networks JOB.json RESULT.json`.

The job names the output folder and, for each network, its files (a .tflite file, or the .json and the .bin of a
TensorFlow.js model) and the names of its outputs; `tensorflow_js` says how to run TensorFlow.js, if any network needs
it. The result holds the largest relative difference to the original runtime for each, and the versions of the packages
used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from . import parity, tensorflow_writer, tfjs_reader, tflite_reader, tflite_writer

INPUT_NAME = "image"
LARGEST_DIFFERENCE_ALLOWED = 1e-3
_PACKAGES = ("ai-edge-litert", "numpy", "onnx", "onnxruntime", "tflite")

# MoveNet's features are at 1/32 of the picture's size at the coarsest.
_STRIDE = 32
# Heights and widths for inputs of any size; of the same kind of pictures, few, as TensorFlow.js computes for seconds.
_FREE_SIZES = ((160, 256), (256, 192))
_PICTURES_FOR_TENSORFLOW_JS = 2

Pictures = list[NDArray[np.float32]]


def main(job_path: Path, result_path: Path) -> None:
    """Convert and compare every network of the job."""
    job = json.loads(job_path.read_text(encoding="utf-8"))
    differences: dict[str, float] = {}
    for name, network in job["networks"].items():
        target = Path(job["output"]) / f"{name}.onnx"
        files = [Path(file) for file in network["files"]]
        if files[0].suffix == ".tflite":
            model, pictures = _from_tflite(name, files[0], network["outputs"], network["maps"])
            expected = parity.interpret(files[0], pictures)
        else:
            model, pictures = _from_tensorflow_js(name, files, network["outputs"], network["maps"])
            expected = parity.interpret_with_tensorflow_js(files, pictures, **job["tensorflow_js"])
        onnx.save(model, target)
        differences[name] = parity.largest_difference(target, pictures, expected)
        if not differences[name] <= LARGEST_DIFFERENCE_ALLOWED:
            sys.exit(f"{name}: the converted network differs from its source by {differences[name]:.1e} (relative)")
    result = {"largest_differences": differences, "packages": {name: metadata.version(name) for name in _PACKAGES}}
    result_path.write_text(json.dumps(result), encoding="utf-8")


def _from_tflite(
    name: str, file: Path, outputs: Sequence[str], maps: Mapping[str, str]
) -> tuple[onnx.ModelProto, Pictures]:
    """The converted model, and pictures to compare it on."""
    inner = {output: int(tensor) for output, tensor in maps.items()}
    graph = tflite_reader.read(file)
    size = graph.shapes[graph.inputs[0]][1]
    return tflite_writer.convert(graph, name, INPUT_NAME, outputs, inner), parity.sample_pictures(size, size)


def _from_tensorflow_js(
    name: str, files: Sequence[Path], outputs: Sequence[str], maps: Mapping[str, str]
) -> tuple[onnx.ModelProto, Pictures]:
    """As `_from_tflite`; the pictures are of whole numbers 0..255."""
    graph = tfjs_reader.read(*files)
    (output,) = outputs
    model = tensorflow_writer.convert(graph, name, INPUT_NAME, output, _STRIDE, maps)
    height, width = graph.input_shape[1:3]
    if height is None or width is None:
        pictures = [picture for sizes in _FREE_SIZES for picture in parity.sample_pictures(*sizes, count=1)]
    else:
        pictures = parity.sample_pictures(height, width, count=_PICTURES_FOR_TENSORFLOW_JS)
    return model, [np.rint(picture * 255) for picture in pictures]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
