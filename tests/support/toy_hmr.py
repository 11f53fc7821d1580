"""Files with the inputs and outputs of InstantHMR, written without PyTorch and onnx."""

from __future__ import annotations

import numpy as np

from tests.support.toy_graphs import FLOAT, model, node

OUTPUTS = {"mhr_params": 204, "shape_params": 45, "cam_trans": 3}


def network(seed: int = 0, size: int = 224, pose: np.ndarray | None = None, **changed: int) -> bytes:
    """A file with the inputs and outputs of InstantHMR, whose answers follow from the condition alone."""
    rng = np.random.default_rng(seed)
    outputs = OUTPUTS | changed
    weights = {f"w_{name}": rng.normal(size=(3, width)).astype(np.float32) for name, width in outputs.items()}
    if pose is not None:
        weights["w_mhr_params"] = pose
    return model(
        [node("MatMul", ["cliff_cond", f"w_{name}"], [name]) for name in outputs],
        {"image": (FLOAT, ["N", 3, size, size]), "cliff_cond": (FLOAT, ["N", 3])},
        {name: (FLOAT, ["N", width]) for name, width in outputs.items()},
        weights=weights,
    )
