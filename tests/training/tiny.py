"""A tiny SAM 3D Body network with weights of its own, and people that it can learn by heart. Import where torch is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from bench.overfit.network import Size, new_branch, with_few_shapes
from bench.overfit.people import Learnt
from native_runtime.mhr import Body
from native_runtime.models.sam3d_body_layout import HANDS, KEYPOINTS, SCALE, SHAPE
from native_runtime.network.heads import View
from native_runtime.training.losses.total import TrainingLoss, Weights
from native_runtime.training.models import BodyBranch, Crops
from native_runtime.training.people import People
from native_runtime.training.prompting.keypoints import PromptSettings
from native_runtime.training.randomness import generator
from native_runtime.training.settings import TrainingSettings
from native_runtime.training.surface import Surface
from native_runtime.training.validation import mean_joint_error

SIDE, PATCH, WIDTH = 64, 16, 64
_AWAY = 3.0


def tiny_branch(body: Body) -> BodyBranch:
    """A network of two layers on MHR's skeleton; the same body gives the same weights."""
    return new_branch(
        with_few_shapes(body), Size(side=SIDE, patch=PATCH, channels=WIDTH, width=WIDTH, hidden=2 * WIDTH)
    )


@torch.no_grad()
def tiny_people(branch: BodyBranch, count: int) -> Learnt:
    """People in random poses, seen from the front; their pictures are drawn from their keypoints."""
    random = generator("people")
    network = branch.network
    head, camera_head = network.part("head_pose", "body"), network.part("head_camera", "body")
    estimate = network.part("init_pose", "body").weight.repeat(count, 1)
    noise = torch.randn(estimate.shape, generator=random)
    estimate[:, :6] += 0.15 * noise[:, :6]
    estimate[:, 6:266] += 0.15 * noise[:, 6:266]
    estimate[:, 260:266] = 0.0
    estimate[:, SHAPE] = 0.5 * noise[:, SHAPE]
    estimate[:, SCALE], estimate[:, HANDS] = 0.3 * noise[:, SCALE], 0.3 * noise[:, HANDS]
    pose = head.unpack(estimate, branch.support)
    side = 500.0
    affine = torch.tensor([[SIDE / side, 0.0, 0.0], [0.0, SIDE / side, 0.0]]).expand(count, -1, -1)
    intrinsics = torch.tensor([[600.0, 0.0, 250.0], [0.0, 600.0, 250.0], [0.0, 0.0, 1.0]]).expand(count, -1, -1)
    view = View(torch.full((count, 2), side / 2), torch.full((count,), side), affine, intrinsics)
    middle = pose.keypoints.mean(1)
    place = torch.tensor([0.0, 0.0, _AWAY]) - middle + 0.1 * torch.randn(count, 3, generator=random)
    seen = camera_head.project(torch.zeros(count, 3), place, pose.keypoints, view)
    pixels = torch.stack([torch.from_numpy(_drawn(points)) for points in (seen.crop.numpy() + 0.5) * SIDE])
    masks = (pixels.sum(-1) > 60).float()[:, None]
    cells = (torch.arange(SIDE // PATCH) + 0.5) * PATCH * side / SIDE
    x, y = torch.meshgrid((cells - 250) / 600, (cells - 250) / 600, indexing="xy")
    crops = Crops(
        pixels=pixels,
        masks=masks,
        other_masks=torch.zeros_like(masks),
        rays=torch.stack([x, y]).expand(count, -1, -1, -1).contiguous(),
        condition=torch.tensor([0.0, 0.0, side / 600]).expand(count, -1),
        view=view,
    )
    boxes = torch.stack([_box(seen.crop[:, 42:63]), _box(seen.crop[:, 21:42])], dim=1)
    people = People(
        keypoints_2d=seen.crop,
        keypoints_3d=pose.keypoints,
        known_2d=torch.ones(count, KEYPOINTS),
        known_3d=torch.ones(count, KEYPOINTS),
        pose=estimate[:, :266],
        hands=estimate[:, HANDS],
        scale=estimate[:, SCALE],
        shape=estimate[:, SHAPE],
        known_pose=torch.ones(count),
        known_hands=torch.ones(count, 2),
        known_shape=torch.ones(count),
        hand_boxes=boxes,
        hand_seen=torch.ones(count, 2),
        vertices=Surface(branch.support, branch.surface).true(pose.model_parameters, pose.shape),
        known_vertices=torch.ones(count),
    )
    return Learnt(crops, people)


def _drawn(points: np.ndarray) -> np.ndarray:
    picture = np.full((SIDE, SIDE, 3), 16, np.uint8)
    for number, (x, y) in enumerate(points):
        colour = (int(40 + 3 * number), int(255 - 3 * number), int(90 + 2 * number))
        cv2.circle(picture, (round(float(x)), round(float(y))), 1, colour, -1)
    return picture


def _box(points: Tensor) -> Tensor:
    low, high = points.amin(1), points.amax(1)
    return torch.cat([(low + high) / 2 + 0.5, high - low], dim=1)


def first_error(model: BodyBranch, data: Learnt) -> float:
    """MPJPE of the first answer, mm."""
    return mean_joint_error(model, data, len(data), torch.device("cpu"))


def objective() -> TrainingLoss:
    """The objective with MHR's limits."""
    return TrainingLoss.of_mhr(Weights())


def few_steps(**changes: Any) -> TrainingSettings:
    """Settings of a training that is over soon."""
    settings = TrainingSettings(
        steps=6, batch=4, learning_rate=2e-3, warm_up=2, save_every=100, prompts=PromptSettings(rounds=2)
    )
    return replace(settings, **changes)
