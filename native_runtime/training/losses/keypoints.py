"""Losses of keypoints in the image and in space, with an uncertainty that is learnt for each joint."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from native_runtime.models.sam3d_body_layout import HIPS, KEYPOINTS

#: MHR-70: the keypoints of each hand, its wrist last.
RIGHT_HAND, LEFT_HAND = slice(21, 42), slice(42, 63)
_RIGHT_WRIST, _LEFT_WRIST = 41, 62
_MOST_CERTAIN, _LEAST_CERTAIN = -7.0, 7.0


class JointUncertainty(nn.Module):
    """The logarithm of the scale of each joint's error: (70,), learnt with the network's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(KEYPOINTS))

    def forward(self) -> Tensor:
        """(70,)"""
        return self.log_scale


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """The mean over all but the first axis, (B,), of values weighted by weights (B, ...); 0 where no weight is."""
    values, weights = values.flatten(1), weights.flatten(1)
    return (values * weights).sum(1) / weights.sum(1).clamp_min(1e-9)


def laplace(error: Tensor, log_scale: Tensor) -> Tensor:
    """The negative log-likelihood of errors under a Laplace distribution, but for a constant.

    ``exp(-s) |e|_1 + n s``, for a vector e of n coordinates: an L1 loss that counts less where large errors are usual,
    and that has to pay for saying so (Kendall and Gal, NeurIPS 2017, equation 8, with a Laplace in place of a normal
    distribution).

    Args:
        error: (..., K, n)
        log_scale: s, (K,) or (..., K).
    """
    scale = log_scale.clamp(_MOST_CERTAIN, _LEAST_CERTAIN)
    return torch.exp(-scale) * error.abs().sum(-1) + error.shape[-1] * scale


def keypoint_loss_2d(
    predicted: Tensor, truth: Tensor, known: Tensor, log_scale: Tensor, prompted: Tensor, prompt_weight: float
) -> Tensor:
    """(B,) ``sum_k w_k laplace(p_k - t_k, s_k) / sum_k w_k``; a keypoint that a prompt names has ``prompt_weight``
    times its weight, so that the answer keeps to what it was told.

    Args:
        predicted, truth: (B, 70, 2) in the crop, sides at -0.5 and 0.5.
        known: (B, 70) weights.
        log_scale: (70,) or (B, 70).
        prompted: (B, 70) 1 where a prompt says where the keypoint is, otherwise 0.
    """
    weight = known * (1 + (prompt_weight - 1) * prompted)
    return weighted_mean(laplace(predicted - truth, log_scale), weight)


def keypoint_loss_3d(predicted: Tensor, truth: Tensor, known: Tensor, log_scale: Tensor) -> Tensor:
    """(B,) ``sum_k w_k laplace(p_k - t_k, s_k) / sum_k w_k``, the keypoints of the body seen from the middle of the
    hips and those of each hand from its wrist.

    A group whose origin is unknown does not count: its places mean nothing.

    Args:
        predicted, truth: (B, 70, 3) m.
        known: (B, 70) weights.
        log_scale: (70,) or (B, 70).
    """
    error = from_origins(predicted) - from_origins(truth)
    return weighted_mean(laplace(error, log_scale), known * _known_origins(known))


def from_origins(keypoints: Tensor) -> Tensor:
    """Keypoints (B, 70, 3) from the middle of the hips, those of the hands but their wrists from their wrists.

    The wrists themselves belong to the body: otherwise nothing would say where the hands are.
    """
    origins = keypoints[:, HIPS].mean(1, keepdim=True).expand_as(keypoints)
    parts = [origins[:, : RIGHT_HAND.start]]
    for wrist in (_RIGHT_WRIST, _LEFT_WRIST):
        parts += [keypoints[:, wrist : wrist + 1].expand(-1, 20, -1), origins[:, wrist : wrist + 1]]
    parts.append(origins[:, LEFT_HAND.stop :])
    return keypoints - torch.cat(parts, dim=1)


def _known_origins(known: Tensor) -> Tensor:
    """(B, 70) 1 where the origin that ``from_origins`` takes is known."""
    hips = (known[:, HIPS] > 0).all(1, keepdim=True).to(known.dtype).expand_as(known)
    parts = [hips[:, : RIGHT_HAND.start]]
    for wrist in (_RIGHT_WRIST, _LEFT_WRIST):
        there = (known[:, wrist : wrist + 1] > 0).to(known.dtype)
        parts += [there.expand(-1, 20), hips[:, wrist : wrist + 1]]
    parts.append(hips[:, LEFT_HAND.stop :])
    return torch.cat(parts, dim=1)
