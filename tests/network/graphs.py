"""Graphs of a recorded case, made the way that a checkpoint is converted, and run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.attach import attach_weights
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.tensors import MappingSource
from tests.support.case_templates import case_template
from tests.support.parity import recording
from tests.support.recorded_network import case_settings


class Graphs:
    """Makes and opens graphs of a case; templates are kept from run to run, as long as the code that makes them is."""

    def __init__(self, case: Path, support: Mapping[str, NDArray], templates: Path, models: Path) -> None:
        self._case, self._templates, self._models = case, templates, models
        self._tensors = recording(case, "weights")
        self._source = MappingSource(self._tensors | {f"mhr:{name}": array for name, array in support.items()})
        self._sessions: dict[tuple[str, str], onnxruntime.InferenceSession] = {}

    def scaled(self, weight: str, factor: float, models: Path) -> Graphs:
        """The same with one of its tensors multiplied, made in another folder."""
        other = copy(self)
        arrays = {name: self._source.read(name) for name in self._source.names()}
        arrays[weight] = arrays[weight] * np.float32(factor)
        other._source, other._models, other._sessions = MappingSource(arrays), models, {}
        return other

    def template(self, graph: str, precision: str) -> Template:
        """The template, made now if it is not there yet."""
        shapes = {name: array.shape for name, array in self._tensors.items()}
        return case_template(shapes, graph, precision, case_settings(self._case), self._templates)

    def path(self, graph: str, precision: str) -> Path:
        """The graph with its weights."""
        folder = self._models / precision
        path = folder / f"{graph}.onnx"
        if not path.is_file():
            folder.mkdir(exist_ok=True)
            attach_weights(self.template(graph, precision), self._source, folder)
        return path

    def run(self, graph: str, precision: str, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """Outputs by name on the processor; inputs that the graph lacks are left out."""
        key = graph, precision
        if key not in self._sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self._sessions[key] = onnxruntime.InferenceSession(
                self.path(graph, precision), options, providers=["CPUExecutionProvider"]
            )
        session = self._sessions[key]
        names = {node.name for node in session.get_inputs()}
        outputs = session.run(None, {name: np.asarray(array) for name, array in inputs.items() if name in names})
        return {node.name: array for node, array in zip(session.get_outputs(), outputs, strict=True)}
