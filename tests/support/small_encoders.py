"""Encoders of recorded small backbones, and their graphs.

Tracing a graph takes seconds: those of the recordings in the shared folder are part of the checkout, as the templates
of the recorded case are (``case_templates``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.attach import attach_weights
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.tensors import MappingSource
from native_runtime.network.backbones import Encoder, build_backbone
from native_runtime.network.graph_half import halve
from native_runtime.network.graph_int8 import quantise
from native_runtime.network.graph_trace import trace, weightless
from native_runtime.network.graph_weights import template_of
from native_runtime.onnx.sessions import session_options
from tests.support.case_templates import KEPT, Shapes, Wanted, folder_name

BACKBONES = {"dinov3": ("dinov3*.npz", "backbone.encoder.", (96, 128)), "vit": ("vit*.npz", "backbone.", (96, 64))}
# Root mean square error of the features, to their spread.
ERRORS = {"fp32": 1e-5, "fp16": 5e-3, "int8": 5e-2}


class SmallEncoder:
    """A recorded backbone as an encoder of small crops."""

    def __init__(self, folder: Path, name: str) -> None:
        pattern, prefix, self.size = BACKBONES[name]
        recording = np.load(sorted(folder.glob(pattern))[0])
        self.tensors = {
            prefix + key.removeprefix("w."): recording[key]
            for key in recording
            if key.startswith("w.") and not key.endswith("mask_token")
        }
        self.shapes: Shapes = {key: array.shape for key, array in self.tensors.items()}
        self.module = _module(self.shapes)
        self.module.load_state_dict({key: torch.from_numpy(array) for key, array in self.tensors.items()})
        self.module.eval()

    def template(self, precision: str, free: bool = True) -> Template:
        """`free`: for crops of every size of whole patches. It depends on no tensor's numbers."""
        settings = {"size": list(self.size), "free": free}
        folder = KEPT / folder_name(self.shapes, settings)
        if (folder / f"encoder-{precision}.json").is_file():
            return Template.load(folder, "encoder", precision)
        return _of_other_recordings(tuple(self.shapes.items()), precision, self.size, free)

    def traced(self, precision: str, free: bool = True) -> Template:
        """The same, made now."""
        return encoder_template(self.shapes, "encoder", precision, {"size": self.size, "free": free})

    def session(self, precision: str, folder: Path, free: bool = True) -> onnxruntime.InferenceSession:
        folder.mkdir(exist_ok=True)
        attach_weights(self.template(precision, free), MappingSource(self.tensors), folder)
        return opened(folder)

    def scale(self, weights: str, factor: float) -> None:
        """Multiply the tensors whose names end so."""
        for name in [name for name in self.tensors if name.endswith(weights)]:
            self.tensors[name] = self.tensors[name] * np.float32(factor)
        self.module.load_state_dict({key: torch.from_numpy(array) for key, array in self.tensors.items()})

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What PyTorch makes of crops."""
        with torch.inference_mode():
            result: NDArray[np.float32] = self.module(torch.from_numpy(crops)).numpy()
        return result

    def peak(self, crops: NDArray[np.uint8]) -> float:
        """The largest number of the residual stream behind any block."""
        largest = [0.0]
        transformer = getattr(self.module.backbone, "encoder", self.module.backbone)
        hooks = [
            block.register_forward_hook(lambda _module, _inputs, out: largest.append(float(out.abs().max())))
            for block in transformer.blocks
        ]
        self.features(crops)
        for hook in hooks:
            hook.remove()
        return max(largest)


def encoder_template(shapes: Shapes, graph: str, precision: str, settings: Mapping[str, Any]) -> Template:
    """A small encoder's graph without weights.

    Args:
        graph: "encoder", of which alone there are recordings.
        settings: ``size``, (height, width) of the crops; ``free``: for crops of every size of whole patches.
    """
    assert graph == "encoder"
    with weightless():
        module = _module(shapes)
        crops = torch.zeros(2, *settings["size"], 3, dtype=torch.uint8)
    if precision == "fp16":
        halve(module)
    sizes = {0: torch.export.Dim("N")}
    if settings["free"]:
        sizes |= {1: 16 * torch.export.Dim("rows"), 2: 16 * torch.export.Dim("columns")}
    model = trace(module, {"crops": crops}, {"crops": sizes}, module.input_names, module.output_names)
    if precision == "int8":
        quantise(model)
    return template_of(model, "encoder", precision, module.input_names)


def _module(shapes: Shapes) -> Encoder:
    # The recording's README: four heads, and six rows of positions, which no tensor shows.
    options = {"heads": 4, "rows": 6} if "backbone.pos_embed" in shapes else {}
    return Encoder(build_backbone(shapes, **options))


@cache
def _of_other_recordings(
    shapes: tuple[tuple[str, tuple[int, ...]], ...], precision: str, size: tuple[int, int], free: bool
) -> Template:
    return encoder_template(dict(shapes), "encoder", precision, {"size": size, "free": free})


def wanted_encoders(folder: Path) -> Iterator[Wanted]:
    """All graphs that the tests make of the recordings in a folder."""
    for name in BACKBONES:
        small = SmallEncoder(folder, name)
        for precision, free in (*((precision, True) for precision in ERRORS), ("fp32", False)):
            yield small.shapes, "encoder", precision, {"size": list(small.size), "free": free}, encoder_template


def opened(folder: Path) -> onnxruntime.InferenceSession:
    """As the program opens it: with other options, products of eight bits overflow on some processors."""
    return onnxruntime.InferenceSession(folder / "encoder.onnx", session_options(), providers=["CPUExecutionProvider"])


def error(features: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Root mean square error of features, to their spread."""
    return float(np.sqrt(np.mean((features.astype(np.float32) - wanted) ** 2)) / wanted.std())
