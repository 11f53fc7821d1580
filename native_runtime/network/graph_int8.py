"""Linear layers in whole numbers of eight bits, for processors: the encoder's variant "int8".

The template holds each linear layer twice, in float32 and in int8, and the conversion drops one of the two
(``build.sam3d_body.layer_choice``): which layers bear it is seen on the user's own weights. Layers that share their
input are one layer in this respect. The graph computes with the float32 ones; the results of the others go nowhere.

Inputs and weights go through the same rotation (``onnx.rotation``), which spreads outliers. Weights are whole numbers
with a scale to each output channel; inputs become eight-bit numbers while the graph runs (``DynamicQuantizeMatMul``,
which has one scale for a whole array). Behind a layer norm all tokens are about equally large, so that this suffices.
Elsewhere a vision transformer's tokens differ in size by orders of magnitude, and one scale would leave most of them a
handful of levels: each token is divided by its largest number before, and its results are multiplied by it. What is not
a linear layer (norms, attention, activations, the patch convolution) stays float32.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np
import onnx_ir as ir

from native_runtime.build.sam3d_body.layer_choice import EXACT, WHOLE, mark, whole_name
from native_runtime.onnx.rotation import rotation

from .graph_linear import Linear, constant, linears
from .graph_weights import ORIGIN

_SMALLEST = 1e-20
"""Instead of 0 for a token that is 0 throughout."""


def quantise(model: ir.Model) -> None:
    """Add an int8 form of all linear layers to a traced graph."""
    graph = model.graph
    for _, group in groupby(list(linears(graph)), lambda linear: id(linear.x)):
        together = list(group)
        layer = str(together[0].weight.name).removesuffix(".weight")
        nodes = _whole(graph, together)
        graph.insert_before(together[0].nodes[1], nodes)
        for index, node in enumerate(nodes):
            node.name = mark(WHOLE, layer, index)
        exact = [node for linear in together for node in linear.nodes[1:]]
        for index, node in enumerate(exact):
            node.name = mark(EXACT, layer, index)


def _whole(graph: ir.Graph, together: list[Linear]) -> list[ir.Node]:
    """The nodes of layers with the same input."""
    x = together[0].x
    assert x.shape is not None
    channels = x.shape[-1]
    assert isinstance(channels, int)
    nodes = _rotated(graph, x, channels)
    producer = x.producer()
    size = None
    if producer is None or producer.op_type != "LayerNormalization":
        scaling = _scaled(graph, nodes[-1].outputs[0])
        size = scaling[2].outputs[0]
        nodes += scaling
    tokens = nodes[-1].outputs[0]
    for linear in together:
        values, scales = _weights(graph, linear.weight)
        bias = [None, linear.bias] if size is None else []
        nodes.append(ir.node("DynamicQuantizeMatMul", [tokens, values, scales, *bias], domain="com.microsoft"))
        if size is not None:
            nodes.append(ir.node("Mul", [nodes[-1].outputs[0], size]))
            nodes.append(ir.node("Add", [nodes[-1].outputs[0], linear.bias]))
        nodes[-1].outputs[0].name = whole_name(str(linear.result.name))
    return nodes


def _rotated(graph: ir.Graph, x: ir.Value, channels: int) -> list[ir.Node]:
    """Nodes whose last one gives the rotated tokens."""
    block = rotation(channels)
    factor = constant(graph, f"rotation {len(block)}", block)
    apart = ir.node("Reshape", [x, constant(graph, f"blocks {channels}", _shape(channels // len(block), len(block)))])
    turned = ir.node("MatMul", [apart.outputs[0], factor])
    return [
        apart,
        turned,
        ir.node("Reshape", [turned.outputs[0], constant(graph, f"row {channels}", _shape(channels))]),
    ]


def _shape(*sizes: int) -> np.ndarray:
    """For a Reshape that keeps the first two dimensions."""
    return np.array([0, 0, *sizes], np.int64)


def _scaled(graph: ir.Graph, x: ir.Value) -> list[ir.Node]:
    """Nodes that divide each token by its largest number; the third gives these, the last one the tokens."""
    magnitude = ir.node("Abs", [x])
    largest = ir.node("ReduceMax", [magnitude.outputs[0], constant(graph, "last axis", np.array([-1], np.int64))])
    size = ir.node("Max", [largest.outputs[0], constant(graph, "smallest", np.array(_SMALLEST, np.float32))])
    return [magnitude, largest, size, ir.node("Div", [x, size.outputs[0]])]


def _weights(graph: ir.Graph, weight: ir.Value) -> tuple[ir.Value, ir.Value]:
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
