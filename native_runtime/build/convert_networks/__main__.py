"""The converter's command line: `python -m native_runtime.build.convert_networks JOB.json RESULT.json`.

The job names the output folder and, for each network, its .tflite file and the names of its outputs. The result holds
the largest relative difference to the TensorFlow Lite interpreter for each, and the versions of the packages used.
"""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

import onnx

from . import onnx_writer, parity, tflite_reader

INPUT_NAME = "image"
LARGEST_DIFFERENCE_ALLOWED = 1e-3
_PACKAGES = ("ai-edge-litert", "numpy", "onnx", "onnxruntime", "tflite")


def main(job_path: Path, result_path: Path) -> None:
    """Convert and compare every network of the job."""
    job = json.loads(job_path.read_text(encoding="utf-8"))
    differences: dict[str, float] = {}
    for name, network in job["networks"].items():
        source = Path(network["tflite"])
        target = Path(job["output"]) / f"{name}.onnx"
        graph = tflite_reader.read(source)
        onnx.save(onnx_writer.convert(graph, name, INPUT_NAME, network["outputs"]), target)
        size = graph.shapes[graph.inputs[0]][1]
        differences[name] = parity.largest_difference(source, target, parity.sample_pictures(size))
        if not differences[name] <= LARGEST_DIFFERENCE_ALLOWED:
            sys.exit(f"{name}: the converted network differs from its source by {differences[name]:.1e} (relative)")
    result = {"largest_differences": differences, "packages": {name: metadata.version(name) for name in _PACKAGES}}
    result_path.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
