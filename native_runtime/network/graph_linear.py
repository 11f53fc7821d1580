"""Linear layers in a traced graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir


@dataclass(frozen=True)
class Linear:
    """``result = x @ transposed(weight) + bias`` in a graph; `weight` (N, K) and `bias` (N,) do not depend on inputs.

    Attributes:
        x, weight, bias, result: values of the graph.
        nodes: what computes it: a transpose, a matrix product, and a sum.
    """

    x: ir.Value
    weight: ir.Value
    bias: ir.Value
    result: ir.Value
    nodes: tuple[ir.Node, ir.Node, ir.Node]


def linears(graph: ir.Graph) -> Iterator[Linear]:
    """Find the linear layers with a bias, in the graph's order."""
    for product in [node for node in graph if node.op_type == "MatMul"]:
        x, factor = product.inputs
        transpose = None if factor is None else factor.producer()
        users = [node for node, _ in product.outputs[0].uses()]
        if x is None or transpose is None or transpose.op_type != "Transpose":
            continue
        if len(users) != 1 or users[0].op_type != "Add" or x.shape is None:
            continue
        (weight,) = transpose.inputs
        bias = users[0].inputs[1]
        if weight is None or not weight.is_graph_input() or bias is None or bias.shape is None or len(bias.shape) != 1:
            continue
        yield Linear(x, weight, bias, users[0].outputs[0], (transpose, product, users[0]))


def constant(graph: ir.Graph, name: str, array: np.ndarray) -> ir.Value:
    """An initializer; made once for each name."""
    if name not in graph.initializers:
        tensor = ir.tensor(array, name=name)
        graph.register_initializer(
            ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor)
        )
    return graph.initializers[name]
