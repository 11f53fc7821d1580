"""A release made of recorded weights: the decoders of the recorded case, behind the recorded DINOv3 backbone.

The backbone is not that of the case (its features are wider), so that nothing can be inferred with it; but every kind
of tensor of the release is there, with numbers that nobody made up for this test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.build.sam3d_body.convert import GRAPHS
from native_runtime.build.sam3d_body.template import Template, Weight
from tests.support.checkpoints import BFloat16
from tests.support.official_release import torchscript_content
from tests.support.parity import recording, standin_body
from tests.support.toy_graphs import FLOAT, model, node

BACKBONE = "backbone.encoder."
_NOT_RELEASED = ("mask_token", "hand_pose_comps_ori")


def case_release(shared: Path, case: Path, with_bias: bool = False) -> dict[str, Any]:
    """The tensors by official names, the backbone in bfloat16.

    Args:
        with_bias: keep the recorded biases of queries, keys and values and their masks; else zero, as in the release.
    """
    backbone = recording(shared / "parity" / "backbones", "dinov3_tiny_a")
    found: dict[str, Any] = {}
    for name, values in backbone.items():
        if name.startswith("w.") and not name.endswith(_NOT_RELEASED):
            of_bias = ".attn.qkv.bias" in name
            found[BACKBONE + name[2:]] = BFloat16(np.zeros_like(values) if of_bias and not with_bias else _near(values))
    weights = recording(case, "weights")
    others = {name: values for name, values in weights.items() if not name.startswith("backbone.")}
    return found | {name: values for name, values in others.items() if not name.endswith(_NOT_RELEASED)}


def case_rig(shared: Path, case: Path, folder: Path) -> dict[str, Any]:
    """The content of ``mhr_model.pt``: the recording's stand-in, with made-up correctives."""
    body = standin_body(shared, case)
    content = torchscript_content(body, folder)
    texture = np.random.default_rng(3).uniform(size=(len(body.uvs), 2)).astype(np.float32)
    content["character_torch"]["mesh"]["texcoords"] = texture
    return content


def write_whole_templates(folder: Path, tensors: Mapping[str, Any], variant: str = "dinov3") -> Path:
    """Templates in every precision whose graphs together ask for every tensor that the released graphs ask for.

    They compute nothing: what is compared are the files that come out.
    """
    shapes = {name: _values(value).shape for name, value in tensors.items()}
    floats = {name: _values(value).dtype.kind == "f" for name, value in tensors.items()}
    place = folder / variant
    made = model([node("Identity", ["w"], ["out"])], {}, {"out": (FLOAT, [1])})
    for graph in GRAPHS:
        own = [name for name in shapes if floats[name] and _graph_of(name) == graph]
        for precision in ("fp32", "fp16", *(["int8"] if graph == "encoder" else [])):
            weights = [weight for name in own for weight in _weights(name, shapes[name], precision)]
            if graph.endswith("decoder"):
                weights += [Weight(f"mhr:{part}", "float32", f"mhr:{part}") for part in _MHR]
            Template(graph, precision, made, tuple(weights)).save(place)
    listed = {
        name: [list(shape), "float16" if name.startswith(BACKBONE) else str(_values(tensors[name]).dtype)]
        for name, shape in shapes.items()
    }
    constants = {"image_size": [512, 512], "feature_size": [32, 32], "opset": 17}
    content = {"variant": variant, "tensors": listed, "optional": [], "constants": constants}
    (place / "variant.json").write_text(json.dumps(content))
    return folder


_MHR = ("parameter_transform", "joint_offsets", "pair_places", "pair_identity", "corrective_activation")


def _graph_of(name: str) -> str:
    if name.startswith("backbone."):
        return "encoder"
    first = name.partition(".")[0]
    kind = "hand" if first.endswith("_hand") or first == "hand_pe_layer" else "body"
    return f"{kind}_{'context' if first.startswith('ray_cond') else 'decoder'}"


def _weights(name: str, shape: tuple[int, ...], precision: str) -> list[Weight]:
    if precision == "int8" and len(shape) == 2:
        return [
            Weight(f"{name}:values", "int8", name, "int8-values", shape[::-1]),
            Weight(f"{name}:scales", "float32", name, "int8-scales", shape[:1]),
        ]
    operation = "transpose" if len(shape) == 2 else "copy"
    return [Weight(name, "float16" if precision == "fp16" else "float32", name, operation)]


def _values(value: Any) -> np.ndarray:
    return value.values if isinstance(value, BFloat16) else value


def _near(values: np.ndarray) -> np.ndarray:
    """The nearest numbers that bfloat16 can hold (``BFloat16`` cuts off)."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
