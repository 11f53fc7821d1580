"""Random builds of people: identity, lengths of bones, faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

Array = NDArray[np.float64]


def random_build(body: Body, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Identity (n_id,), expression (n_ex,) and skeleton scales (204,); sizes of both sides are the same."""
    low, high = np.maximum(body.identity_min, -1.0), np.minimum(body.identity_max, 1.0)
    identity = np.zeros(body.identity_count)
    identity[body.ageless] = rng.normal(0.0, 0.45, int(body.ageless.sum()))
    identity = np.clip(identity, low, high)
    scales = np.zeros(len(body.parameter_names))
    for index, name in enumerate(body.parameter_names):
        limit = body.limit_max[index]
        if name.startswith("scale_") and np.isfinite(limit) and limit > 0 and not name.startswith("scale_l_"):
            in_hand = name.startswith("scale_r_") and name != "scale_r_hands"
            sd = (0.08 if in_hand else 0.2) * limit
            scales[index] = np.clip(sd * rng.normal(), -limit, limit)
    for index, name in enumerate(body.parameter_names):
        if name.startswith("scale_l_"):
            scales[index] = scales[body.parameter_index("scale_r_" + name[len("scale_l_") :])]
    return identity, _expression(body, rng), scales


def _expression(body: Body, rng: np.random.Generator) -> Array:
    """A calm face, a smile or an open mouth."""
    result = np.zeros(body.expression_count)

    def add(value: float, *names: str) -> None:
        for name in names:
            if name in body.expression_names:
                result[body.expression_names.index(name)] = value

    kind = rng.random()
    if kind < 0.35:
        add(float(rng.uniform(0.3, 0.9)), "mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft", "cheekSquintRight")
    elif kind < 0.5:
        add(float(rng.uniform(0.1, 0.5)), "jawOpen")
    elif kind < 0.6:
        add(float(rng.uniform(0.2, 0.7)), "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    add(float(rng.uniform(0.0, 0.25)), "eyeBlinkLeft", "eyeBlinkRight")
    return result
