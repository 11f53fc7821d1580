"""A small encoder, named as DINOv3's: two blocks over one token, with weights in a file beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from native_runtime.build.sam3d_body.attach import attach_weights
from native_runtime.build.sam3d_body.template import Template, Weight
from native_runtime.build.sam3d_body.tensors import MappingSource
from tests.support.toy_graphs import FLOAT, UINT8, model, node

_BACKBONE = "backbone.encoder"


def tensors(size: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Its weights for crops of ``size`` px."""
    rng = np.random.default_rng(seed)
    width = size * size * 3
    names = [f"{_BACKBONE}.blocks.{k}.{part}" for k in (0, 1) for part in ("norm1.weight", "norm1.bias", "ls1.gamma")]
    names += [f"{_BACKBONE}.norm.weight", f"{_BACKBONE}.norm.bias"]
    return {"one": np.ones(1, np.float32), "shape": np.array([0, -1])} | {
        name: rng.normal(1.0 if name.endswith("weight") else 0.0, 0.5, width).astype(np.float32) for name in names
    }


def write_encoder(folder: Path, size: int, weights: dict[str, np.ndarray]) -> Path:
    """``encoder.onnx`` and ``encoder.weights``."""
    width = size * size * 3
    nodes = [node("CastLike", ["crops", "one"], ["pixels"]), node("Reshape", ["pixels", "shape"], ["r0"])]
    for k in (0, 1):
        block = f"{_BACKBONE}.blocks.{k}"
        nodes += [
            node("LayerNormalization", [f"r{k}", f"{block}.norm1.weight", f"{block}.norm1.bias"], [f"n{k}"]),
            node("Mul", [f"n{k}", f"{block}.ls1.gamma"], [f"m{k}"]),
            node("Add", [f"r{k}", f"m{k}"], [f"r{k + 1}"]),
        ]
    nodes += [
        node("LayerNormalization", ["r2", f"{_BACKBONE}.norm.weight", f"{_BACKBONE}.norm.bias"], ["last"]),
        node("Identity", ["last"], ["features"]),
    ]
    made = model(nodes, {"crops": (UINT8, ["B", size, size, 3])}, {"features": (FLOAT, ["B", width])})
    kinds = {name: str(array.dtype) for name, array in weights.items()}
    recipe = tuple(Weight(name, kind, name, "copy", weights[name].shape) for name, kind in kinds.items())
    attach_weights(Template("encoder", "fp32", made, recipe), MappingSource(weights), folder)
    return folder / "encoder.onnx"


def stream(weights: dict[str, np.ndarray], crop: np.ndarray) -> dict[str, np.ndarray]:
    """What its stages must be for one crop."""

    def normalised(x: np.ndarray, name: str) -> np.ndarray:
        scale, bias = (weights[f"{_BACKBONE}.{name}.{part}"] for part in ("weight", "bias"))
        return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * scale + bias

    x = crop.reshape(-1).astype(np.float64)
    found = {"tokens": x}
    for k in (0, 1):
        x = x + normalised(x, f"blocks.{k}.norm1") * weights[f"{_BACKBONE}.blocks.{k}.ls1.gamma"]
        found[f"block{k:02d}"] = x
    return found | {"norm": normalised(x, "norm")}
