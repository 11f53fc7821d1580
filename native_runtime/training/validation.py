"""How wrong a network's answers are, about people from whom it does not learn."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from native_runtime.models.sam3d_body_layout import HIPS

from .models import PromptableModel
from .prompting.keypoints import Prompts
from .rounds import Batch

_M = 1000.0


class Known(Protocol):
    """People whose truth is known, by number: ``trainer.Data``."""

    def __len__(self) -> int: ...

    def batch(self, numbers: list[int]) -> Batch: ...


@torch.no_grad()
def mean_joint_error(model: PromptableModel, data: Known, batch: int, device: torch.device) -> float:
    """MPJPE of the first answers, without prompts or masks, in mm: the 70 keypoints from the middle of the hips, those
    that are known in space.

    Args:
        batch: people at once.
        device: what the model computes on.
    """
    total, weight = 0.0, 0.0
    for start in range(0, len(data), batch):
        numbers, crops, people = data.batch(list(range(start, min(start + batch, len(data))))).to(device)
        none = Prompts.none(len(numbers), people.keypoints_2d).points
        read = model.read(crops, torch.zeros_like(crops.masks), crops.masks.new_zeros(len(numbers)))
        said = model.answer(read, crops, none, None).layers[-1].keypoints_3d
        error = joint_errors(said.float(), people.keypoints_3d)
        known = people.known_3d * (people.known_3d[:, HIPS] > 0).all(1, keepdim=True)
        total += float((error * known).sum())
        weight += float(known.sum())
    return total / weight if weight else float("inf")


def joint_errors(said: Tensor, truth: Tensor) -> Tensor:
    """(B, 70) mm between keypoints (B, 70, 3) m, both from the middle of the hips."""
    said, truth = (points - points[:, HIPS].mean(1, keepdim=True) for points in (said, truth))
    return _M * torch.linalg.vector_norm(said - truth, dim=2)
