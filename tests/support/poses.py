"""Poses that people take, made up: within MHR's limits and as likely as the fit's prior has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.fitting.prior import PosePrior
from native_runtime.mhr import Body


def likely_poses(body: Body, count: int, seed: int = 0) -> NDArray[np.float64]:
    """Model parameters (count, 204) drawn from the pose prior, with the person turned any way; fingers included."""
    rng = np.random.default_rng(seed)
    prior = PosePrior.load(body)
    out = np.zeros((count, len(body.parameter_names)))
    out[:, prior.parameters] = prior.means + prior.deviations * rng.normal(size=(count, len(prior.parameters)))
    fingers = [i for i, name in enumerate(body.parameter_names) if any(f in name for f in ("index", "middle", "ring"))]
    fingers += [i for i, name in enumerate(body.parameter_names) if name[2:].startswith(("pinky", "thumb"))]
    fingers = [i for i in fingers if i < 136]
    low, high = (np.clip(limit[fingers], -1.0, 1.0) for limit in (body.limit_min, body.limit_max))
    out[:, fingers] = rng.uniform(low, high, (count, len(fingers)))
    out = body.parameterisation.clamp(out)
    out[:, 3:6] = rng.uniform(-1, 1, (count, 3)) * (0.4, np.pi, 0.4)
    return out
