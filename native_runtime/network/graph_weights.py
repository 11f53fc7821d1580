"""Parts a traced graph from its weights: a template that says what each of them is made of."""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir as ir

from native_runtime.build.sam3d_body.template import Template, Weight

_MODULE = "network."
"""The attribute under which graphs hold the network; official names start behind it."""
_SUPPORT = "mhr."

ORIGIN = "origin"
"""Key in a value's ``meta``: (source, operation) of a weight that a pass has substituted for another."""


def template_of(model: ir.Model, graph: str, precision: str, inputs: Collection[str]) -> Template:
    """Return `model` (as `graph_trace.trace` gives it; it is changed) without weights.

    Args:
        inputs: what stays an input; every other input of the graph is a weight, or a tensor that is computed from
            the body (named ``mhr.NAME``).
    """
    weights = []
    for value in list(model.graph.inputs):
        if value.name in inputs:
            continue
        model.graph.inputs.remove(value)
        if value.uses():
            weights.append(_weight(value))
    _forget_types(model.graph)
    return Template(graph, precision, ir.to_proto(model).SerializeToString(deterministic=True), tuple(weights))


def _weight(value: ir.Value) -> Weight:
    """The recipe of a weight; where it is only used transposed, it is stored so."""
    assert value.name is not None
    assert value.dtype is not None
    source, operation = value.meta.get(ORIGIN) or (value.name, "transpose" if _fold_transposes(value) else "copy")
    value.name = _official(value.name)
    shape = None if value.shape is None or value.shape.is_dynamic() else value.shape.numpy()
    return Weight(value.name, value.dtype.numpy().name, _official(source), operation, shape)


def _official(name: str) -> str:
    """The checkpoint's name, or ``mhr:NAME``, of a module's tensor."""
    name = name.removeprefix(_MODULE)
    return f"mhr:{name.removeprefix(_SUPPORT)}" if name.startswith(_SUPPORT) else name


def _fold_transposes(weight: ir.Value) -> bool:
    """Let `weight` take the place of its transposes, if it has no other use; say whether it does."""
    users = [node for node, _ in weight.uses()]
    if not all(node.op_type == "Transpose" and list(node.attributes["perm"].as_ints()) == [1, 0] for node in users):
        return False
    for node in users:
        ir.convenience.replace_all_uses_with(node.outputs[0], weight)
        assert node.graph is not None
        node.graph.remove(node, safe=True)
    assert weight.shape is not None
    weight.shape = ir.Shape(reversed(weight.shape.dims))
    return True


def _forget_types(graph: ir.Graph) -> None:
    """Drop the types of inner values: ONNX Runtime infers them, and they are half of a graph's bytes."""
    outputs = set(map(id, graph.outputs))
    for node in graph:
        for value in node.outputs:
            if id(value) not in outputs:
                value.type, value.shape = None, None
