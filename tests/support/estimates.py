"""Estimates for tests that need somebody to stand there, not anybody in particular."""

from __future__ import annotations

import numpy as np

from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState


def neutral_estimate(body: Body) -> Estimate:
    """A person in the zero pose and shape, four metres before a small camera."""
    return Estimate.from_state(
        body,
        PlacedState(
            np.zeros(204), np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([0.0, 1.0, 4.0])
        ),
        np.diag([500.0, 500.0, 1.0]),
        image_size=np.array([320, 240]),
        bbox=np.array([0.0, 0.0, 320.0, 240.0]),
        engine="landmarks",
    )
