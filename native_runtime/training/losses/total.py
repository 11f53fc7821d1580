"""The training objective: all terms, of every layer of a decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import torch
from torch import Tensor, nn

from native_runtime.mhr import load_rig_facts
from native_runtime.models.sam3d_body_layout import HAND, HIPS
from native_runtime.training.losses.schedule import Weight
from native_runtime.training.people import People

from .hand_boxes import hand_box_loss, presence_loss
from .keypoints import JointUncertainty, keypoint_loss_2d, keypoint_loss_3d
from .parameters import limit_loss, parameter_loss, pose_loss
from .vertices import vertex_loss


class Answer(NamedTuple):
    """What one layer of a decoder says of B people; shapes as in ``People`` and ``network.heads.PosePrediction``.

    ``vertices``: None for models without a surface, and for layers in which it is not looked at.
    """

    keypoints_2d: Tensor
    keypoints_3d: Tensor
    pose: Tensor
    hands: Tensor
    scale: Tensor
    shape: Tensor
    model_parameters: Tensor
    vertices: Tensor | None = None


class HandAnswer(NamedTuple):
    """Where the last layer sees hands: (B, 2, 4) boxes, centre and size in 0..1, and (B, 2, 2) logits."""

    boxes: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Weights:
    """What each term counts. The keypoints in space set in slowly, as in the paper (section 4.4); the values are ours.

    Attributes:
        prompted: factor on the 2D error of a keypoint that a prompt names.
        earlier_layers: factor on all terms of the layers before the last.
    """

    keypoints_2d: Weight = Weight(1.0)
    keypoints_3d: Weight = Weight(1.0, warm_up=500)
    pose: Weight = Weight(5.0)
    hands: Weight = Weight(0.2)
    scale: Weight = Weight(0.5)
    shape: Weight = Weight(0.05)
    limits: Weight = Weight(1.0, warm_up=500)
    vertices: Weight = Weight(1.0, warm_up=500)
    hand_boxes: Weight = Weight(1.0)
    hand_presence: Weight = Weight(0.2)
    prompted: float = 4.0
    earlier_layers: float = 0.5

    @staticmethod
    def terms() -> list[str]:
        """The names of the terms."""
        return [each.name for each in fields(Weights) if isinstance(each.default, Weight)]


@dataclass(frozen=True)
class Loss:
    """A batch's loss.

    Attributes:
        total: scalar, to be minimised.
        terms: each term's mean over the batch in the last layer, not weighted, for reports.
    """

    total: Tensor
    terms: dict[str, Tensor] = field(default_factory=dict)


class TrainingLoss(nn.Module):
    """The objective, with the joints' uncertainties that are learnt beside the network."""

    limit_low: Tensor
    limit_high: Tensor

    def __init__(self, weights: Weights, limit_low: Tensor, limit_high: Tensor) -> None:
        """``limit_low``, ``limit_high``: (P,) MHR's limits of the model parameters."""
        super().__init__()
        self.weights = weights
        self.uncertainty_2d, self.uncertainty_3d = JointUncertainty(), JointUncertainty()
        self.register_buffer("limit_low", limit_low)
        self.register_buffer("limit_high", limit_high)

    @staticmethod
    def of_mhr(weights: Weights) -> TrainingLoss:
        """The objective with the limits of MHR's own parameterisation."""
        parameters = load_rig_facts().parameterisation
        limits = (torch.from_numpy(limit).float() for limit in (parameters.limit_min, parameters.limit_max))
        return TrainingLoss(weights, *limits)

    def forward(
        self, layers: Sequence[Answer], hands: HandAnswer | None, people: People, prompted: Tensor, step: int
    ) -> Loss:
        """The loss of a batch of B people.

        Args:
            layers: the answers of a decoder's layers, the last one last.
            hands: None for a decoder that does not look for hands.
            prompted: (B, 70) which keypoints a prompt names.
            step: of the training, from 0.
        """
        total = people.pose.new_zeros(())
        terms: dict[str, Tensor] = {}
        for number, answer in enumerate(layers):
            last = number == len(layers) - 1
            terms = self._terms(answer, people, prompted)
            if last and hands is not None:
                terms["hand_boxes"] = hand_box_loss(hands.boxes, people.hand_boxes, people.hand_seen)
                terms["hand_presence"] = presence_loss(hands.logits, people.hand_seen)
            factor = 1.0 if last else self.weights.earlier_layers
            for name, values in terms.items():
                weight: Weight = getattr(self.weights, name)
                total = total + factor * weight.at(step) * values.mean()
        return Loss(total, {name: values.detach().mean() for name, values in terms.items()})

    def _terms(self, answer: Answer, people: People, prompted: Tensor) -> dict[str, Tensor]:
        """(B,) each."""
        weights = self.weights
        known_hands = people.known_hands.repeat_interleave(HAND, dim=1)
        hands = (answer.hands - people.hands).square() * known_hands
        terms = {
            "keypoints_2d": keypoint_loss_2d(
                answer.keypoints_2d,
                people.keypoints_2d,
                people.known_2d,
                self.uncertainty_2d(),
                prompted,
                weights.prompted,
            ),
            "keypoints_3d": keypoint_loss_3d(
                answer.keypoints_3d, people.keypoints_3d, people.known_3d, self.uncertainty_3d()
            ),
            "pose": people.known_pose * pose_loss(answer.pose, people.pose),
            "hands": hands.sum(1) / known_hands.sum(1).clamp_min(1.0),
            "scale": people.known_shape * parameter_loss(answer.scale, people.scale),
            "shape": people.known_shape * parameter_loss(answer.shape, people.shape),
            "limits": limit_loss(answer.model_parameters, self.limit_low, self.limit_high),
        }
        if answer.vertices is not None and people.vertices is not None and people.known_vertices is not None:
            hips = answer.keypoints_3d[:, HIPS].mean(1)
            surface = vertex_loss(answer.vertices, people.vertices, hips, torch.zeros_like(hips))
            terms["vertices"] = people.known_vertices * surface
        return terms
