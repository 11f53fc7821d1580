"""How far whole numbers move each layer of an encoder, on pictures: the template "int8" is run block by block.

A block at a time is given its weights, run and let go, so that memory holds one of them and what is handed on. The
graph computes in float32; beside each layer stands its form in whole numbers, with the same inputs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from native_runtime.onnx.sessions import default_threads, session_options

from . import operations
from .graph_bytes import Graph, Node, used_by
from .initializers import Inline, data_type, model_of
from .layer_choice import exact_name, form_of
from .template import Template, Weight
from .tensors import TensorSource

Arrays = dict[str, NDArray]

_BLOCK = re.compile(r"\.blocks\.(\d+)\.")
_TINY = 1e-20


@dataclass(frozen=True)
class Measured:
    """What running the pictures showed.

    Attributes:
        errors: of each layer's results in whole numbers: the root mean square of a token's error, relative to that of
            its results, on average over tokens; of layers that share their input, the largest.
        features: (N, C, h, w) float32 of the encoder in float32.
    """

    errors: Mapping[str, float]
    features: NDArray[np.float32]


def measure(
    template: Template,
    tensors: TensorSource,
    crops: NDArray[np.uint8],
    advance: Callable[[float], None] | None = None,
) -> Measured:
    """Run N crops through a template that holds its layers in both forms.

    Args:
        crops: (N, side, side, 3).
        advance: called with the fraction done; what it raises stops the work.
    """
    graph = Graph.parse(template.model)
    weights = {weight.name: weight for weight in template.weights}
    blocks = list(pieces(graph.nodes, weights))
    (taken,), (given,) = graph.inputs, graph.outputs
    live: Arrays = {taken: crops}
    errors: dict[str, float] = {}
    for index, nodes in enumerate(blocks):
        if advance is not None:
            advance(index / len(blocks))
        later = used_by(node for block in blocks[index + 1 :] for node in block) | {given}
        made = {name for node in nodes for name in node.outputs}
        pairs = _pairs(nodes)
        wanted = sorted((made & later) | {name for pair in pairs for name in pair[1:]})
        results = _run(graph, nodes, weights, tensors, live, wanted)
        for layer, exact, whole in pairs:
            errors[layer] = max(errors.get(layer, 0.0), _error(results[exact], results[whole]))
        live = {name: array for name, array in (live | results).items() if name in later}
    return Measured(errors, live[given])


def pieces(nodes: Iterable[Node], weights: Mapping[str, Weight]) -> Iterable[list[Node]]:
    """The nodes before the first block, of each block, the last one with what follows."""
    piece: list[Node] = []
    current = -1
    for node in nodes:
        found = (_BLOCK.search(name) for name in node.inputs if name in weights)
        block = max((int(match[1]) for match in found if match), default=-1)
        if block > current:
            current = block
            yield piece
            piece = []
        piece.append(node)
    yield piece


def _pairs(nodes: Iterable[Node]) -> list[tuple[str, str, str]]:
    """Layer, and the names of its result in float32 and in whole numbers."""
    found = []
    for node in nodes:
        form = form_of(node)
        found += [(form[1], exact, name) for name in node.outputs if form and (exact := exact_name(name))]
    return found


def _run(
    graph: Graph,
    nodes: list[Node],
    weights: Mapping[str, Weight],
    tensors: TensorSource,
    live: Arrays,
    wanted: list[str],
) -> Arrays:
    used = used_by(nodes)
    own = [weights[name] for name in weights if name in used]
    inputs = {name: array for name, array in live.items() if name in used}
    part = graph.part(nodes, {name: (data_type(array.dtype), array.shape) for name, array in inputs.items()}, wanted)
    options = session_options()
    options.intra_op_num_threads = default_threads()
    model = part.model() + model_of(_initializers(own, tensors))
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return dict(zip(wanted, session.run(wanted, inputs), strict=True))


def _initializers(weights: list[Weight], tensors: TensorSource) -> Iterable[Inline]:
    read: Arrays = {}
    for weight in weights:
        if weight.source not in read:
            read[weight.source] = tensors.read(weight.source)
        yield Inline(weight.name, operations.apply(weight.operation, read[weight.source], weight.dtype, weight.name))


def _error(exact: NDArray, whole: NDArray) -> float:
    """Results (.., N): the tokens' relative errors, averaged."""
    moved = np.sqrt(np.mean(np.square(whole - exact, dtype=np.float32), axis=-1))
    size = np.sqrt(np.mean(np.square(exact, dtype=np.float32), axis=-1))
    return float(np.mean(moved / np.maximum(size, _TINY), dtype=np.float64))
