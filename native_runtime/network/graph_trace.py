"""A PyTorch module as an ONNX graph whose weights are inputs, by PyTorch's own exporter.

Modules are built under `weightless`, where tensors have shapes and types but no memory: the graph of an encoder of
0.84 billion numbers is made in half a gigabyte. As inputs the weights are safe from constant folding, so the optimiser
can be let loose on everything else; `graph_weights` then says what each one is made of.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any

import onnx_ir as ir
import onnxscript.optimizer
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from .graph_shared import insert

OPSET = 21
IR_VERSION = 10
"""What opset 21 needs; ONNX Runtime 1.23 and later read both."""


def weightless() -> AbstractContextManager[Any]:
    """A context in which new tensors take no memory; give `trace` modules and arguments made in one and the same."""
    return FakeTensorMode()


def trace(
    module: nn.Module,
    arguments: Mapping[str, Any],
    free: Mapping[str, Any],
    inputs: Sequence[str],
    outputs: Sequence[str],
    shared: Mapping[str, ir.Model] = MappingProxyType({}),
) -> ir.Model:
    """Return the graph of `module`.

    Args:
        module: made under `weightless`.
        arguments: example of each argument of ``forward`` by its name there, made under `weightless`; nested where
            ``forward`` wants nested ones.
        free: for each of them, nested likewise, the dimensions that are free: {axis: ``torch.export.Dim``}.
        inputs, outputs: names of the graph's inputs and outputs; nested arguments written out.
        shared: graphs of functions that `module` calls through a `Shared`, by name, as this function gives them; each
            is used up.

    Returns:
        the model; its weights are graph inputs behind the others, under their names in ``module.state_dict()``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            inspect.BoundArguments(inspect.signature(module.forward), OrderedDict(arguments)).args,
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=dict(free),
            input_names=list(inputs),
            output_names=list(outputs),
            optimize=False,
            verbose=False,
        )
    assert program is not None
    model = program.model
    _weights_to_inputs(model, module.state_dict().keys())
    for name, body in shared.items():
        insert(model, name, body)
    onnxscript.optimizer.optimize_ir(model)
    _tidy(model)
    return model


def _weights_to_inputs(model: ir.Model, names: Iterable[str]) -> None:
    graph = model.graph
    for name in names:
        weight = graph.initializers.pop(name, None)
        if weight is not None:
            weight.const_value = None
            graph.inputs.append(weight)


def _tidy(model: ir.Model) -> None:
    """Drop what only records where a node came from, and renumber nodes and values: equal graphs, equal bytes."""
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "sam3db", None
    model.metadata_props.clear()
    model.opset_imports.setdefault("com.microsoft", 1)
    graph = model.graph
    graph.name, graph.doc_string = "graph", None
    graph.metadata_props.clear()
    kept = {id(value) for value in (*graph.inputs, *graph.outputs)}
    count = 0
    for value in [*graph.initializers.values(), *(value for node in graph for value in node.outputs)]:
        value.metadata_props.clear()
        if id(value) not in kept:
            value.name = f"t{count}"
            count += 1
    for value in graph.outputs:
        if value.shape is not None:
            value.shape = ir.Shape(_named(size) for size in value.shape)
    for index, node in enumerate(graph):
        node.name, node.doc_string = f"{node.op_type}_{index}", None
        node.metadata_props.clear()


def _named(size: ir.SymbolicDim | int) -> str | int | None:
    """A dimension without the tracer's own symbols ("8*s15"), which say nothing: then it is free."""
    if isinstance(size, int):
        return size
    return None if size.value is None or re.search(r"\bs\d", size.value) else size.value
