"""The templates of a model: all its graphs without weights, in every precision, and the list of its tensors."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from native_runtime.build.sam3d_body import layer_choice
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.variants import FILE, FORMAT
from native_runtime.files.atomic import write_atomically
from native_runtime.models import sam3d_body_layout as layout
from native_runtime.onnx import rotation

from .configuration import ModelConfiguration, Shapes
from .graph_definitions import ENCODER, GRAPHS, traced
from .graph_int8 import quantise
from .graph_trace import OPSET
from .graph_weights import template_of
from .network import TRAINING_ONLY

PRECISIONS: Mapping[str, tuple[str, ...]] = {
    graph: ("fp32", "fp16", "int8") if graph == ENCODER else ("fp32", "fp16") for graph in GRAPHS
}
"""The precisions that there are of each graph."""


_EXPORTERS = ("torch", "onnxscript", "onnx-ir")


def sources_digest() -> str:
    """A hash of what graphs are made by: the code without comments and imports, and the exporters' versions.

    To make all graphs takes minutes; whether they would still come out the same is known at once.
    """
    digest = hashlib.sha256()
    others = [Path(module.__file__) for module in (layout, layer_choice, rotation) if module.__file__]
    for path in sorted(Path(__file__).parent.rglob("*.py")) + others:
        digest.update(_code(path).encode())
    for package in _EXPORTERS:
        digest.update(f"{package} {version(package)}".encode())
    return digest.hexdigest()


def _code(path: Path) -> str:
    """A module's code without comments, docstrings and imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _says_nothing(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _says_nothing(line: ast.stmt) -> bool:
    """Whether a statement is a docstring or an import: what no graph depends on."""
    text = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    return text or isinstance(line, ast.Import | ast.ImportFrom)


def make_template(shapes: Shapes, graph: str, precision: str, settings: Mapping[str, Any] | None = None) -> Template:
    """Return one graph in one precision.

    Args:
        shapes: of all tensors of the model, by official name.
        settings: the reference's configuration; None where it is as released.

    Raises:
        ModelError: these are not the tensors of a SAM 3D Body model.
    """
    found = traced(shapes, graph, "fp16" if precision == "fp16" else "fp32", settings)
    if precision == "int8":
        quantise(found.model)
    return template_of(found.model, graph, precision, found.inputs)


def write_variant(
    folder: Path,
    name: str,
    tensors: Mapping[str, tuple[tuple[int, ...], str]],
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write ``variant.json``, the list of a model's tensors.

    Args:
        tensors: shape and type by official name.
        settings: as in `make_template`.
    """
    configuration = ModelConfiguration.of({key: shape for key, (shape, _) in tensors.items()}, settings)
    height, width = configuration.image_size
    lines = ",\n  ".join(
        f"{json.dumps(key)}: {json.dumps([list(shape), kind])}" for key, (shape, kind) in tensors.items()
    )
    head = {
        "format": str(FORMAT),
        "variant": name,
        "made_by": sources_digest(),
        "optional": [key for key in TRAINING_ONLY if key in tensors],
        "constants": {
            "image_size": [width, height],
            "size_step": configuration.size_step,
            "feature_size": list(configuration.feature_size),
            "opset": OPSET,
        },
    }
    write_atomically(folder / FILE, f'{json.dumps(head)[:-1]}, "tensors": {{\n  {lines}\n}}}}\n'.encode())
