"""A serialized graph, taken apart into nodes and put together again, without the onnx package.

Field numbers are those of onnx.proto (https://github.com/onnx/onnx, ``onnx/onnx.proto``). Only graphs without functions
and without subgraphs are meant: those of encoders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from .protobuf import content, number, parts

# ModelProto, GraphProto, NodeProto, ValueInfoProto / TensorProto, TypeProto with its Tensor, shape and dimension
_GRAPH, _METADATA = 7, 14
_KEY, _TEXT = 1, 2
_NODE, _GRAPH_NAME, _CONSTANT, _INPUT, _OUTPUT = 1, 2, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME = 1, 2, 3
_VALUE_NAME, _VALUE_TYPE, _TENSOR_NAME = 1, 2, 8
_TYPE_TENSOR, _ELEMENT, _SHAPE, _DIMENSION, _SIZE = 1, 1, 2, 1, 1


@dataclass(frozen=True)
class Node:
    """An operation.

    Attributes:
        name: its own.
        inputs, outputs: names of values; "" where one is left out.
        data: the serialized NodeProto.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    data: bytes

    @staticmethod
    def parse(data: bytes) -> Node:
        """Read a NodeProto."""
        found: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_NAME: []}
        for field, value, _ in parts(data):
            if field in found and isinstance(value, bytes):
                found[field].append(value.decode())
        name = found[_NODE_NAME][-1] if found[_NODE_NAME] else ""
        return Node(name, tuple(found[_NODE_INPUT]), tuple(found[_NODE_OUTPUT]), data)

    def with_outputs(self, names: Mapping[str, str]) -> Node:
        """The same node with some of its outputs named otherwise."""
        outputs = [names.get(name, name) for name in self.outputs]
        others = b"".join(raw for field, _, raw in parts(self.data) if field != _NODE_OUTPUT)
        data = others + b"".join(content(_NODE_OUTPUT, name.encode()) for name in outputs)
        return Node(self.name, self.inputs, tuple(outputs), data)


@dataclass(frozen=True)
class Graph:
    """A model with one graph.

    Attributes:
        head: the model's other fields, serialized: versions and the like.
        nodes: in an order in which they can be computed.
        constants: serialized TensorProto by name.
        inputs, outputs: serialized ValueInfoProto by name.
    """

    head: bytes
    nodes: tuple[Node, ...]
    constants: Mapping[str, bytes]
    inputs: Mapping[str, bytes]
    outputs: Mapping[str, bytes]

    @staticmethod
    def parse(model: bytes) -> Graph:
        """Read a ModelProto.

        Raises:
            ValueError: it is none.
        """
        top = list(parts(model))
        graph = b"".join(value for field, value, _ in top if field == _GRAPH and isinstance(value, bytes))
        nodes: list[Node] = []
        named: dict[int, dict[str, bytes]] = {_CONSTANT: {}, _INPUT: {}, _OUTPUT: {}}
        for field, value, _ in parts(graph):
            if isinstance(value, int):
                continue
            if field == _NODE:
                nodes.append(Node.parse(value))
            elif field in named:
                named[field][_name(value, _TENSOR_NAME if field == _CONSTANT else _VALUE_NAME)] = value
        head = b"".join(raw for field, _, raw in top if field != _GRAPH)
        return Graph(head, tuple(nodes), named[_CONSTANT], named[_INPUT], named[_OUTPUT])

    def model(self) -> bytes:
        """The serialized ModelProto; constants that no node uses are left out."""
        used = used_by(self.nodes)
        body = [content(_GRAPH_NAME, b"graph"), *(content(_NODE, node.data) for node in self.nodes)]
        body += [content(_CONSTANT, data) for name, data in self.constants.items() if name in used]
        body += [content(_INPUT, data) for data in self.inputs.values()]
        body += [content(_OUTPUT, data) for data in self.outputs.values()]
        return self.head + content(_GRAPH, b"".join(body))

    def with_metadata(self, key: str, text: str) -> Graph:
        """The same model with one more entry of its metadata."""
        entry = content(_KEY, key.encode()) + content(_TEXT, text.encode())
        return replace(self, head=self.head + content(_METADATA, entry))

    def part(
        self, nodes: Iterable[Node], inputs: Mapping[str, tuple[int, Iterable[int]]], outputs: Collection[str]
    ) -> Graph:
        """A graph of some of the nodes.

        Args:
            inputs: type (TensorProto.DataType) and shape of each value that it gets, by name.
            outputs: names of the values that it gives.
        """
        taken = {name: _value(name, kind, shape) for name, (kind, shape) in inputs.items()}
        given = {name: content(_VALUE_NAME, name.encode()) for name in outputs}
        return replace(self, nodes=tuple(nodes), inputs=taken, outputs=given)


def used_by(nodes: Iterable[Node]) -> set[str]:
    """Names of all values that the nodes take."""
    return {name for node in nodes for name in node.inputs if name}


def _value(name: str, kind: int, shape: Iterable[int]) -> bytes:
    sizes = b"".join(content(_DIMENSION, number(_SIZE, size)) for size in shape)
    tensor = number(_ELEMENT, kind) + content(_SHAPE, sizes)
    return content(_VALUE_NAME, name.encode()) + content(_VALUE_TYPE, content(_TYPE_TENSOR, tensor))


def _name(message: bytes, wanted: int) -> str:
    return next(value.decode() for field, value, _ in parts(message) if field == wanted and isinstance(value, bytes))
