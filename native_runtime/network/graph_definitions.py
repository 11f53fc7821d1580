"""The five graphs of a model: which module each is, what goes in and comes out, and which dimensions are free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import onnx_ir as ir
import torch
from torch import nn
from torch.export import Dim
from torch.utils import _pytree as trees

from native_runtime.models import sam3d_body_layout as layout

from .backbones import Encoder, build_backbone
from .configuration import CONDITION, JOINTS, ModelConfiguration, Shapes
from .context import Context
from .decoder import Decoder
from .graph_half import halve
from .graph_shared import Shared
from .graph_trace import trace, weightless
from .heads import View
from .mhr import KeypointSupport
from .network import KINDS, SAM3DBody

Precision = Literal["fp32", "fp16"]
ENCODER = "encoder"
GRAPHS = (ENCODER, *(f"{kind}_{part}" for kind in KINDS for part in ("context", "decoder")))

_PEOPLE, _PROMPTS, _PAIRS = Dim("B"), Dim("P"), Dim("pairs")
_FEATURES, _COMPONENTS = Dim("features"), Dim("components")
_SIDE, _PATCHES = Dim("side"), Dim("patches")
_EXAMPLES = {"B": 2, "P": 3, "pairs": 211, "features": 29, "components": 13, "side": 5, "patches": 37}
"""Sizes of what is free, for tracing only; 0 and 1 would not be taken for free."""


@dataclass(frozen=True)
class Argument:
    """An argument of a graph: its sizes, with a ``Dim`` where one is free, and its type."""

    shape: tuple[Any, ...]
    dtype: torch.dtype = torch.float32

    def example(self) -> torch.Tensor:
        """An array of this kind."""
        return torch.zeros([_example(size) for size in self.shape], dtype=self.dtype)

    def free(self) -> dict[int, Any]:
        """The free dimensions by axis."""
        return {axis: size for axis, size in enumerate(self.shape) if not isinstance(size, int)}


def _example(size: Any) -> int:
    """A size, or an example of a free one: ``Dim("B")`` or a multiple of one, whose name is then like "3*B"."""
    if isinstance(size, int):
        return size
    factor, _, name = size.__name__.rpartition("*")
    return int(factor or 1) * _EXAMPLES[name]


def _people(*sizes: Any, dtype: torch.dtype = torch.float32) -> Argument:
    return Argument((_PEOPLE, *sizes), dtype)


# Shapes as in ``keypoint_support``. What depends on the checkpoint is free, so that one template serves them all.
_SUPPORT: dict[str, Argument] = {
    "parameter_transform": Argument((layout.MODEL_PARAMETERS, 7 * JOINTS)),
    "joint_offsets": Argument((JOINTS, 3)),
    "joint_prerotations": Argument((JOINTS, 3, 3)),
    "pair_joints": Argument((_PAIRS,), torch.int64),
    "pair_sums": Argument((layout.KEYPOINTS, _PAIRS)),
    "pair_weights": Argument((_PAIRS, 1)),
    "pair_places": Argument((3 * _PAIRS,)),
    "pair_identity": Argument((layout.SHAPE.stop - layout.SHAPE.start, 3 * _PAIRS)),
    "corrective_features": Argument((_FEATURES,), torch.int64),
    "corrective_activation": Argument((_FEATURES, _COMPONENTS)),
    "corrective_places": Argument((_COMPONENTS, 3 * _PAIRS)),
}


@dataclass(frozen=True)
class Traced:
    """A graph whose weights are inputs behind its own.

    Attributes:
        name: one of ``GRAPHS``.
        model: as `graph_trace.trace` gives it.
        inputs: names of its own inputs.
    """

    name: str
    model: ir.Model
    inputs: tuple[str, ...]


def traced(
    shapes: Shapes, graph: str, precision: Precision = "fp32", settings: Mapping[str, Any] | None = None
) -> Traced:
    """Return one of ``GRAPHS``.

    Args:
        shapes: of all tensors of the model, by official name.
        settings: the reference's configuration; None where it is as released.

    Raises:
        ModelError: these are not the tensors of a SAM 3D Body model.
    """
    configuration = ModelConfiguration.of(shapes, settings)
    half = precision == "fp16"
    mode = weightless()
    with mode:
        module, arguments = _defined(configuration, shapes, graph, torch.float16 if half else torch.float32)
    if half:
        halve(module)
    shared = {}
    if isinstance(module, Decoder):
        shared["predict"] = _share_prediction(module, arguments, mode)
    model = _traced(mode, module, arguments, module.input_names, module.output_names, shared)
    return Traced(graph, model, tuple(name for name in module.input_names if not name.startswith("mhr.")))


def _traced(
    mode: AbstractContextManager[Any],
    module: nn.Module,
    arguments: Mapping[str, Any],
    inputs: Sequence[str],
    outputs: Sequence[str],
    shared: Mapping[str, ir.Model] = MappingProxyType({}),
) -> ir.Model:
    with mode:
        examples = trees.tree_map(Argument.example, dict(arguments))
    return trace(module, examples, trees.tree_map(Argument.free, dict(arguments)), inputs, outputs, shared)


class _Prediction(nn.Module):
    """A decoder's prediction after a layer, as a graph of its own; weights keep their names."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.network = decoder.network
        self._predict = decoder.predict

    def forward(self, token: torch.Tensor, view: View, support: KeypointSupport) -> list[torch.Tensor]:
        return trees.tree_leaves(self._predict(token, view, support))


def _share_prediction(decoder: Decoder, arguments: Mapping[str, Any], mode: AbstractContextManager[Any]) -> ir.Model:
    """Let `decoder` call its prediction through a `Shared`; return the prediction's graph."""
    own = {
        "token": _people(decoder.network.configuration.width),
        "view": View(*(arguments[name] for name in View._fields)),
        "support": arguments["support"],
    }
    module = _Prediction(decoder)
    with mode:
        examples = trees.tree_map(Argument.example, own)
        call = Shared("predict", decoder.predict, tuple(examples.values()))
    names = [f"argument_{index}" for index in range(len(trees.tree_leaves(own)))]
    results = [f"result_{index}" for index in range(call.count)]
    graph = _traced(mode, module, own, names, results)
    # On the instance, in front of the method.
    decoder.__dict__["predict"] = call
    return graph


def _defined(
    configuration: ModelConfiguration, shapes: Shapes, graph: str, handed_on: torch.dtype
) -> tuple[Encoder | Context | Decoder, dict[str, Any]]:
    """The module of a graph and the arguments of its ``forward``; `handed_on` is the type of what other graphs made."""
    (height, width), (rows, columns) = _free_sizes(configuration)
    if graph == ENCODER:
        encoder = Encoder(build_backbone(shapes), configuration.margin)
        return encoder, {"crops": _people(height, width, 3, dtype=torch.uint8)}
    kind = next(kind for kind in KINDS if graph.startswith(kind))
    network = SAM3DBody(configuration)
    if graph.endswith("context"):
        return Context(network, kind), {
            "features": _people(configuration.channels, rows, columns, dtype=handed_on),
            "rays": _people(2, rows, columns),
            "mask": _people(1, height, width),
            "mask_score": _people(),
        }
    return Decoder(network, kind), {
        "keypoints": Argument((_PEOPLE, _PROMPTS, 3)),
        "previous": _people(layout.ESTIMATE + layout.CAMERA),
        "condition": _people(CONDITION),
        "bbox_center": _people(2),
        "bbox_scale": _people(),
        "affine": _people(2, 3),
        "intrinsics": _people(3, 3),
        "support": KeypointSupport(**_SUPPORT),  # type: ignore[arg-type]
        "context": _people(configuration.channels, rows, columns),
        "keys_and_values": (_people(_PATCHES, configuration.inner, dtype=handed_on),) * 2 * configuration.depth,
    }


def _free_sizes(configuration: ModelConfiguration) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Height and width of crops, rows and columns of features, all multiples of one free dimension.

    It is a crop's height in steps of ``size_step``.
    """
    sizes = configuration.image_size, configuration.feature_size
    steps = configuration.image_size[0] // configuration.size_step
    (height, width), (rows, columns) = ([side // steps * _SIDE for side in pair] for pair in sizes)
    return (height, width), (rows, columns)
