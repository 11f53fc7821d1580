"""Losses of the boxes around the hands, and of whether a hand is to be seen."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SMALLEST = 1e-9


def corners(boxes: Tensor) -> Tensor:
    """Boxes (..., 4) of centre and size as x0, y0, x1, y1."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """(...) ``IoU - |C \\ (A u B)| / |C|`` of boxes (..., 4), x0, y0, x1, y1, with C the smallest box around both: -1
    for boxes that are far apart, 1 for equal ones (Rezatofighi et al., CVPR 2019, algorithm 1).
    """
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp_min(0.0).prod(-1)
    union = _area(a) + _area(b) - shared
    around = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    return shared / union.clamp_min(_SMALLEST) - (around - union) / around.clamp_min(_SMALLEST)


def hand_box_loss(predicted: Tensor, truth: Tensor, seen: Tensor, iou_weight: float = 1.0) -> Tensor:
    """(B,) ``mean over the hands that are seen of |p - t|_1 + w (1 - GIoU(p, t))``.

    Args:
        predicted, truth: (B, 2, 4) centre and size, 0..1 of the crop.
        seen: (B, 2) as in ``People.hand_seen``.
    """
    there = (seen > 0).to(predicted.dtype)
    one = (predicted - truth).abs().sum(-1) + iou_weight * (1 - generalised_iou(corners(predicted), corners(truth)))
    return (one * there).sum(1) / there.sum(1).clamp_min(1.0)


def presence_loss(logits: Tensor, seen: Tensor) -> Tensor:
    """(B,) the cross-entropy of whether each hand is seen, over the hands of which somebody knows.

    Args:
        logits: (B, 2, 2) of each hand: not seen, seen.
        seen: (B, 2) as in ``People.hand_seen``.
    """
    known = (seen >= 0).to(logits.dtype)
    target = (seen > 0).long()
    one = functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view_as(known)
    return (one * known).sum(1) / known.sum(1).clamp_min(1.0)


def _area(box: Tensor) -> Tensor:
    return (box[..., 2:] - box[..., :2]).clamp_min(0.0).prod(-1)
