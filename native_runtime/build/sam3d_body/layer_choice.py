"""Which layers of an encoder compute in whole numbers: a template that holds them twice becomes one that does not.

In the template "int8" the nodes of a layer's two forms bear its name and their form (`mark`), and a result of the whole
numbers is called like that of float32, with ``:int8`` behind (`whole_name`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from native_runtime.onnx.eight_bits import WEIGHT_BITS

from .graph_bytes import Graph, Node, used_by
from .template import Template

EXACT, WHOLE = "float32", "int8"
"""The two forms."""
BITS = (8, 7)
"""What a weight may have. Sums of products of 8 bits and 7 fit into 16 bits, in which some processors add them."""
_WHOLE_RESULT = ":int8"
_OPERATION = "int8-"


def mark(form: str, layer: str, index: int) -> str:
    """The name of a node of one form of a layer."""
    return f"{form}:{layer}:{index}"


def whole_name(result: str) -> str:
    """What the result of a layer in whole numbers is called."""
    return result + _WHOLE_RESULT


def exact_name(result: str) -> str | None:
    """What `whole_name` was made of; None if the name is no such result's."""
    return result.removesuffix(_WHOLE_RESULT) if result.endswith(_WHOLE_RESULT) else None


def form_of(node: Node) -> tuple[str, str] | None:
    """The form and the layer that a node belongs to; None if it belongs to none."""
    form, _, rest = node.name.partition(":")
    return (form, rest.rpartition(":")[0]) if form in (EXACT, WHOLE) else None


def layers_of(template: Template) -> tuple[str, ...]:
    """Names of the layers that there is a choice for, in their order."""
    forms = (form_of(node) for node in Graph.parse(template.model).nodes)
    return tuple(dict.fromkeys(form[1] for form in forms if form is not None))


def with_bits(template: Template, bits: int) -> Template:
    """The template with weights of so many bits, one of ``BITS``, where it computes in whole numbers."""
    weights = (
        replace(weight, operation=weight.operation.replace(_OPERATION, f"int{bits}-")) for weight in template.weights
    )
    graph = Graph.parse(template.model).with_metadata(WEIGHT_BITS, str(bits))
    return replace(template, model=graph.model(), weights=tuple(weights))


def chosen(template: Template, exact: Collection[str]) -> Template:
    """The template with one form of each layer: of those in `exact` float32, of all others whole numbers."""
    graph = Graph.parse(template.model)
    nodes = []
    for node in graph.nodes:
        form = form_of(node)
        if form is None:
            nodes.append(node)
        elif (form[0] == EXACT) == (form[1] in exact):
            nodes.append(node.with_outputs({name: exact_name(name) or name for name in node.outputs}))
    used = used_by(nodes)
    weights = tuple(weight for weight in template.weights if weight.name in used)
    return replace(template, model=replace(graph, nodes=tuple(nodes)).model(), weights=weights)
