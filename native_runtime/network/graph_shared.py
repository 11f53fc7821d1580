"""A function that a module calls again and again: traced once, then put in for every call.

A decoder predicts a person after each of its layers. Tracing costs minutes for the six predictions together, seconds
for one; a call is traced as a single node of our own domain, which `insert` replaces by what the function does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx_ir as ir
import torch
from torch.utils import _pytree as trees

_DOMAIN = "sam3db"


class Shared:
    """Stands in a module for one of its methods while the module is traced.

    Attributes:
        name: of its nodes.
        count: number of its results, written out.
    """

    def __init__(self, name: str, function: Callable[..., Any], examples: tuple[Any, ...]) -> None:
        """`examples`: arguments of `function`. All its results must have the batch as their first dimension."""
        self.name = name
        results, self._structure = trees.tree_flatten(function(*examples))
        self.count = len(results)
        self._kinds = [(result.dtype, result.shape[1:]) for result in results]

    def __call__(self, *arguments: Any) -> Any:
        inputs = trees.tree_leaves(arguments)
        batch = inputs[0].shape[0]
        results = torch.onnx.ops.symbolic_multi_out(
            f"{_DOMAIN}::{self.name}",
            inputs,
            dtypes=[dtype for dtype, _ in self._kinds],
            shapes=[(batch, *sizes) for _, sizes in self._kinds],
            version=1,
        )
        return trees.tree_unflatten(results, self._structure)


def insert(model: ir.Model, name: str, body: ir.Model) -> None:
    """Replace the nodes `name` in `model` by the graph `body`.

    The first inputs of `body` are those of the node; the others are weights, which become inputs of `model` where they
    are not yet.
    """
    calls = [node for node in model.graph if (node.domain, node.op_type) == (_DOMAIN, name)]
    arguments = len(calls[0].inputs)
    weights = {value.name: value for value in model.graph.inputs}
    for weight in body.graph.inputs[arguments:]:
        if weight.name not in weights:
            weights[weight.name] = ir.Value(name=weight.name, shape=weight.shape, type=weight.type)
            model.graph.inputs.append(weights[weight.name])
    extra = [weights[weight.name] for weight in body.graph.inputs[arguments:]]
    for node in calls:
        call = ir.Node(_DOMAIN, name, [*node.inputs, *extra], outputs=[_like(value) for value in node.outputs])
        model.graph.insert_before(node, call)
        ir.convenience.replace_all_uses_with(node.outputs, call.outputs, replace_graph_outputs=True)
        model.graph.remove(node, safe=True)
    _initializers_to_constants(body.graph)
    function = ir.Function(_DOMAIN, name, graph=body.graph, attributes=())
    model.functions[function.identifier()] = function
    model.opset_imports[_DOMAIN] = 1


def _like(value: ir.Value) -> ir.Value:
    return ir.Value(name=value.name, shape=value.shape, type=value.type)


def _initializers_to_constants(graph: ir.Graph) -> None:
    """A function has no initializers."""
    for value in list(graph.initializers.values()):
        assert value.const_value is not None
        constant = ir.node("Constant", [], {"value": value.const_value})
        graph.insert_before(graph[0], constant)
        ir.convenience.replace_all_uses_with(value, constant.outputs[0])
        del graph.initializers[value.name]
