"""Graphs without weights in the dimensions of a recorded case; tracing takes long, so they are kept from run to run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from native_runtime.build.sam3d_body.template import Template
from native_runtime.network.template import make_template, sources_digest


def case_template(
    shapes: Mapping[str, tuple[int, ...]], graph: str, precision: str, settings: Mapping[str, Any], kept: Path
) -> Template:
    """The template, made now unless ``kept`` has one of the same dimensions, settings and code."""
    key = json.dumps([sources_digest(), {name: list(shape) for name, shape in shapes.items()}, settings])
    folder = kept / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not (folder / f"{graph}-{precision}.json").is_file():
        folder.mkdir(exist_ok=True)
        make_template(shapes, graph, precision, settings).save(folder)
    return Template.load(folder, graph, precision)
