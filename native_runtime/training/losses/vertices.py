"""Loss of the surface."""

from __future__ import annotations

from torch import Tensor


def vertex_loss(predicted: Tensor, truth: Tensor, origin: Tensor, true_origin: Tensor) -> Tensor:
    """(B,) ``mean_v |(p_v - p_0) - (t_v - t_0)|_1``, m: per-vertex error without the place of the person.

    Args:
        predicted, truth: (B, V, 3) m.
        origin, true_origin: (B, 3) m, where each is seen from: the middle of the hips.
    """
    error = (predicted - origin[:, None]) - (truth - true_origin[:, None])
    return error.abs().sum(2).mean(1)
