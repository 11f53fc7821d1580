"""Reads a TensorFlow.js graph model (a JSON topology and one file of weights) into plain values.

The format is TensorFlow's GraphDef in protobuf's JSON form, with the weights beside it
(https://github.com/tensorflow/tfjs/blob/master/tfjs-converter/README.md).
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMPY_TYPES: dict[str, Any] = {"float32": np.float32, "float16": np.float16, "int32": np.int32}


@dataclass(frozen=True)
class Node:
    """One operator: its kind, its name, the tensors that it reads, and its attributes as plain values.

    A node's first output goes by the node's name, further ones by NAME:1 and so on.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A graph model with one input and one output; nodes stand in an order in which they can be computed.

    Attributes:
        input_shape, output_shape: None where a dimension is free.
        constants: by name; weights of half precision stay so.
    """

    input: str
    input_shape: tuple[int | None, ...]
    output: str
    output_shape: tuple[int | None, ...]
    constants: dict[str, NDArray[Any]]
    nodes: list[Node]


def read(topology: Path, weights: Path) -> Graph:
    """Parse a model. Raises ValueError for anything beyond one input, one output and weights of known types."""
    model = json.loads(topology.read_text(encoding="utf-8"))
    if model.get("format") != "graph-model":
        raise ValueError(f"{topology.name}: not a graph model of TensorFlow.js")
    constants = _constants(model["weightsManifest"], weights.read_bytes())
    given = [n for n in model["modelTopology"]["node"] if n["op"] != "Const"]
    inputs = [n for n in given if n["op"] == "Placeholder"]
    outputs = list(model["signature"]["outputs"].values())
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"{topology.name}: expected one input and one output")
    nodes = [
        Node(n["op"], n["name"], tuple(n.get("input", ())), {k: _plain(v) for k, v in n.get("attr", {}).items()})
        for n in given
        if n["op"] != "Placeholder"
    ]
    return Graph(
        inputs[0]["name"],
        _shape(inputs[0]["attr"]["shape"]["shape"]),
        outputs[0]["name"].removesuffix(":0"),
        _shape(outputs[0]["tensorShape"]),
        constants,
        _ordered(nodes, {inputs[0]["name"], *constants}),
    )


def _constants(manifest: list[dict[str, Any]], data: bytes) -> dict[str, NDArray[Any]]:
    constants: dict[str, NDArray[Any]] = {}
    start = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        stored = entry.get("quantization", entry)["dtype"]
        if stored not in _NUMPY_TYPES:
            raise ValueError(f"the weight {entry['name']} has the unsupported type {stored}")
        count = math.prod(entry["shape"])
        values = np.frombuffer(data, np.dtype(_NUMPY_TYPES[stored]).newbyteorder("<"), count, start)
        constants[entry["name"]] = values.astype(_NUMPY_TYPES[stored]).reshape(entry["shape"])
        start += values.nbytes
    if start != len(data):
        raise ValueError(f"the weights take {start} bytes of {len(data)}")
    return constants


def _shape(value: dict[str, Any]) -> tuple[int | None, ...]:
    sizes = [int(dimension["size"]) for dimension in value.get("dim", [])]
    return tuple(None if size < 0 else size for size in sizes)


def _plain(value: dict[str, Any]) -> Any:
    """The Python value of an attribute; numbers are strings in this JSON, and strings are base64."""
    ((kind, content),) = value.items()
    if kind == "i":
        return int(content)
    if kind == "s":
        return base64.b64decode(content).decode()
    if kind == "list":
        return [item for key, items in content.items() for item in (_plain({key: i}) for i in items)]
    return content


def _ordered(nodes: list[Node], known: set[str]) -> list[Node]:
    """The nodes such that each comes after what it reads."""
    ordered: list[Node] = []
    waiting = nodes
    known = set(known)
    while waiting:
        ready = [node for node in waiting if all(tensor.partition(":")[0] in known for tensor in node.inputs)]
        if not ready:
            raise ValueError("the graph has a circle, or a node reads what no node computes")
        ordered += ready
        known |= {node.name for node in ready}
        waiting = [node for node in waiting if node.name not in known]
    return ordered
