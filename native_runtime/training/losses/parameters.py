"""Losses of MHR's parameters, and of joints beyond their limits."""

from __future__ import annotations

import torch
from torch import Tensor

from native_runtime.models.sam3d_body_layout import (
    BODY,
    BODY_ANGLES,
    BODY_POSE_FINGERS,
    BODY_POSE_JAW,
    BODY_ROTATIONS,
    GLOBAL_ROTATION,
)
from native_runtime.network.rotations import cross, unit

_ROTATIONS = 6 * len(BODY_ROTATIONS)
_PAIRS = 2 * len(BODY_ANGLES)
_UNUSED = {*range(BODY_POSE_FINGERS.start, BODY_POSE_FINGERS.stop), *range(BODY_POSE_JAW.start, BODY_POSE_JAW.stop)}
_USED_ROTATIONS = [index for index, angles in enumerate(BODY_ROTATIONS) if not _UNUSED & set(angles)]
_USED_PAIRS = [index for index, angle in enumerate(BODY_ANGLES) if angle not in _UNUSED]


def pose_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """(B,) the mean squared difference of what the continuous numbers stand for.

    Rotations are compared as matrices: six numbers stand for the same rotation in many ways (Zhou et al., CVPR 2019,
    section 4), and only those that are orthonormal already could be compared as they are. Pairs of sine and cosine are
    scaled to length 1 first, for the same reason; lengths are compared as they are. The numbers of fingers and jaw mean
    nothing in the body pose and are left out.

    Args:
        predicted, truth: (B, 266) global rotation and body pose.
    """
    difference = _canonical(predicted) - _canonical(truth)
    return difference.square().mean(1)


def parameter_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """(B,) ``mean_i (p_i - t_i)^2``: of scales, of the shape, of the hands' components.

    Args:
        predicted, truth: (B, n)
    """
    return (predicted - truth).square().mean(1)


def limit_loss(model_parameters: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """(B,) ``sum_i max(0, l_i - p_i, p_i - h_i)^2``: how far joints are bent beyond their limits, radians squared.

    Args:
        model_parameters: (B, P)
        low, high: (P,) MHR's limits; infinite where there are none.
    """
    over = torch.maximum(low - model_parameters, model_parameters - high).clamp_min(0.0)
    return over.square().sum(1)


def _canonical(pose: Tensor) -> Tensor:
    """(B, n) numbers that are equal exactly where poses are."""
    body = pose[:, BODY]
    rotations = body[:, :_ROTATIONS].unflatten(1, (-1, 6))[:, _USED_ROTATIONS]
    columns = torch.cat([pose[:, None, GLOBAL_ROTATION], rotations], dim=1)
    pairs = body[:, _ROTATIONS : _ROTATIONS + _PAIRS].unflatten(1, (-1, 2))[:, _USED_PAIRS]
    first = unit(columns[..., :3])
    second = cross(unit(cross(first, columns[..., 3:])), first)
    parts = (first, second, unit(pairs), body[:, None, _ROTATIONS + _PAIRS :])
    return torch.cat([part.flatten(1) for part in parts], dim=1)
