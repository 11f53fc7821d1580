"""What lies between the layers of an encoder: its residual stream, looked at while the network runs.

A transformer normalises its residual stream in front of each block; so the inputs of those normalisations are what the
blocks before them left. They are found by the names of the normalisations' weights, and become outputs of the network:
protocol buffers merge by concatenation, so a few bytes behind the file's own suffice. Numbers of fields are those of
onnx.proto (https://github.com/onnx/onnx, ``onnx/onnx.proto``).
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from native_runtime.errors import ModelError, Remedy

from .model_file import fields, weights_size

_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_OUTPUT, _VALUE_NAME = 7, 1, 12, 1
_NODE_INPUT, _NODE_OUTPUT, _NODE_KIND = 1, 2, 4
_FIRST = re.compile(r"\.blocks\.(\d+)\.norm1\.weight$")
_LAST = re.compile(r"(?<!\d)\.(?:last_)?norm\.weight$")
_WEIGHTS_BESIDE = "session.model_external_initializers_file_folder_path"


def residual_stream(path: Path) -> dict[str, str]:
    """Names of values in a graph by stage: ``tokens`` in front of the first block, ``block00``, ... behind each, and
    ``norm``, the last normalisation. Empty where the graph has no such layers.

    Raises:
        ModelError: it is no ONNX file, or its weights are missing.
    """
    weights_size(path)
    before: dict[int, str] = {}
    last: tuple[str, str] | None = None
    for kind, inputs, outputs in _nodes(path):
        if kind != "LayerNormalization" or len(inputs) < 2:
            continue
        if block := _FIRST.search(inputs[1]):
            before[int(block.group(1))] = inputs[0]
        elif _LAST.search(inputs[1]) and ".blocks." not in inputs[1]:
            last = inputs[0], outputs[0]
    if not before or last is None:
        return {}
    stages = {f"block{number - 1:02d}" if number else "tokens": name for number, name in sorted(before.items())}
    return stages | {f"block{max(before):02d}": last[0], "norm": last[1]}


def run_with_stages(path: Path, stages: dict[str, str], **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Run a network on the processor; its outputs by their names, and the values of `stages` by theirs.

    Raises:
        ModelError: it cannot be opened in this way.
    """
    added = b"".join(_field(_GRAPH_OUTPUT, _field(_VALUE_NAME, name.encode())) for name in stages.values())
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(_WEIGHTS_BESIDE, str(path.parent))
    options.log_severity_level = 3
    try:
        content = path.read_bytes() + _field(_MODEL_GRAPH, added)
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        names = [str(output.name) for output in session.get_outputs()]
        found = dict(zip(names, session.run(names, inputs)))
    except Exception as error:  # ONNX Runtime's errors share no public base class
        raise ModelError(f"The network {path} cannot be looked into ({error}).", Remedy.REMAKE_NETWORK) from error
    known: dict[str, str] = {name: stage for stage, name in stages.items()}
    return {known.get(name, name): np.asarray(value) for name, value in found.items()}


def _nodes(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Type, inputs and outputs of each node of the main graph."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for graph, start, stop in fields(data, 0, len(data)):
            if graph != _MODEL_GRAPH:
                continue
            for node, begin, end in fields(data, start, stop):
                if node != _GRAPH_NODE:
                    continue
                texts: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_KIND: []}
                for number, first, last in fields(data, begin, end):
                    if number in texts:
                        texts[number].append(data[first:last].decode())
                yield texts[_NODE_KIND][0], texts[_NODE_INPUT], texts[_NODE_OUTPUT]


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes as protocol buffers write it."""
    length, size = bytearray(), len(content)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes([number << 3 | 2]) + bytes(length) + content
