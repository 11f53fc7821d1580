"""Linear layers in whole numbers of eight bits, for processors: the encoder's variant "int8".

Weights are int8 with a scale to each output channel; activations become eight-bit numbers while the graph runs
(``DynamicQuantizeMatMul``, which has one scale for a whole array). A vision transformer's tokens differ in size by
orders of magnitude, a few of them by far, so that one scale would leave the others a handful of levels: each token is
divided by its largest number before, and its results are multiplied by it. What is not a linear layer (norms,
attention, activations, the patch convolution) stays float32.
"""

from __future__ import annotations

import onnx_ir as ir

from .graph_linear import constant, linears, replace
from .graph_weights import ORIGIN

_SMALLEST = 1e-20
"""Instead of 0 for a token that is 0 throughout."""


def quantise(model: ir.Model) -> None:
    """Compute all linear layers of a traced graph in int8."""
    graph = model.graph
    scaled: dict[ir.Value, tuple[ir.Value, ir.Value]] = {}
    for linear in linears(graph):
        nodes: list[ir.Node] = []
        if linear.x not in scaled:
            nodes, scaled[linear.x] = _scaled(graph, linear.x)
        tokens, sizes = scaled[linear.x]
        values, scales = _quantised(graph, linear.weight)
        product = ir.node("DynamicQuantizeMatMul", [tokens, values, scales], domain="com.microsoft")
        restored = ir.node("Mul", [product.outputs[0], sizes])
        result = ir.node("Add", [restored.outputs[0], linear.bias])
        replace(graph, linear, [*nodes, product, restored, result])


def _scaled(graph: ir.Graph, x: ir.Value) -> tuple[list[ir.Node], tuple[ir.Value, ir.Value]]:
    """Nodes that divide each token by its largest number; their results: tokens, and largest numbers."""
    magnitude = ir.node("Abs", [x])
    largest = ir.node("ReduceMax", [magnitude.outputs[0], constant(graph, [-1])])
    size = ir.node("Max", [largest.outputs[0], constant(graph, _SMALLEST)])
    tokens = ir.node("Div", [x, size.outputs[0]])
    return [magnitude, largest, size, tokens], (tokens.outputs[0], size.outputs[0])


def _quantised(graph: ir.Graph, weight: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Weights that take the place of a linear layer's: int8 values (K, N) and float32 scales (N,)."""
    assert weight.name is not None
    assert weight.shape is not None
    outputs, inputs = weight.shape.numpy()
    made = []
    for operation, dtype, shape in (
        ("int8-values", ir.DataType.INT8, (inputs, outputs)),
        ("int8-scales", ir.DataType.FLOAT, (outputs,)),
    ):
        name = f"{weight.name}:{operation}"
        value = ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype))
        value.meta[ORIGIN] = (weight.name, operation)
        graph.inputs.append(value)
        made.append(value)
    return made[0], made[1]
