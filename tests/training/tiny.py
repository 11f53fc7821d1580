"""A tiny SAM 3D Body network with weights of its own, and people that it can learn by heart. Import where torch is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from native_runtime.build.sam3d_body.keypoint_support import keypoint_support
from native_runtime.mhr import Body, load_rig_facts
from native_runtime.models.sam3d_body_layout import (
    BODY_ANGLES,
    BODY_ROTATIONS,
    ESTIMATE,
    HAND,
    HANDS,
    KEYPOINTS,
    SCALE,
    SHAPE,
)
from native_runtime.network.backbones import Patches
from native_runtime.network.conditioning import ChannelNorm
from native_runtime.network.configuration import MAPPED_KEYPOINTS, ModelConfiguration
from native_runtime.network.heads import View
from native_runtime.network.mhr import KeypointSupport
from native_runtime.network.network import KINDS, SAM3DBody
from native_runtime.training.losses.total import TrainingLoss, Weights
from native_runtime.training.models import BodyBranch, Crops
from native_runtime.training.people import People
from native_runtime.training.prompting.keypoints import PromptSettings
from native_runtime.training.randomness import generator
from native_runtime.training.rounds import Batch
from native_runtime.training.settings import TrainingSettings

SIDE, PATCH, WIDTH = 64, 16, 64
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_AWAY = 3.0


def tiny_branch(body: Body) -> BodyBranch:
    """A network of two layers on MHR's skeleton; the same body gives the same weights."""
    mapping = np.zeros((MAPPED_KEYPOINTS, body.vertex_count + len(body.joint_names)), np.float32)
    rows = body.keypoint_rows
    mapping[rows.rows, rows.columns] = rows.values
    configuration = ModelConfiguration(
        image_size=(SIDE, SIDE),
        margin=0,
        patch=PATCH,
        channels=WIDTH,
        width=WIDTH,
        depth=2,
        heads=4,
        inner=WIDTH,
        hidden=2 * WIDTH,
        vertices=body.vertex_count,
        faces=1,
        hand_camera_scale=10.0,
    )
    torch.manual_seed(0)
    network = SAM3DBody(configuration, Patches(WIDTH, PATCH))
    _fill(network)
    fewer = replace(
        body,
        identity_basis=body.identity_basis[:45],
        identity_names=body.identity_names[:45],
        identity_groups=body.identity_groups[:45],
        identity_min=body.identity_min[:45],
        identity_max=body.identity_max[:45],
        ages=None,
    )
    return BodyBranch(network, KeypointSupport.of(keypoint_support(fewer, mapping)), train_encoder=True)


def _fill(network: SAM3DBody) -> None:
    random = generator("tiny")
    for kind in KINDS:
        head = network.part("head_pose", kind)
        for name, buffer in head.named_buffers():
            if buffer.is_floating_point():
                size = 0.05 if name in ("scale_comps", "hand_pose_comps") else 0.0
                buffer.copy_(size * torch.randn(buffer.shape, generator=random))
            else:
                buffer.copy_(torch.arange(buffer.numel()).view(buffer.shape) % 27)
        head.hand_joint_idxs_left.copy_(torch.arange(68, 95))
        head.hand_joint_idxs_right.copy_(torch.arange(95, 122))
        pose = torch.zeros(1, ESTIMATE)
        pose[0, 6 : 6 + 6 * len(BODY_ROTATIONS)] = torch.tensor(_IDENTITY).repeat(len(BODY_ROTATIONS))
        pose[0, :6] = torch.tensor(_IDENTITY)
        start = 6 + 6 * len(BODY_ROTATIONS)
        pose[0, start + 1 : start + 2 * len(BODY_ANGLES) : 2] = 1.0
        network.part("init_pose", kind).weight.data.copy_(pose)
        network.part("init_camera", kind).weight.data.copy_(torch.tensor([[-0.7, 0.0, 0.0]]))
    for module in network.modules():
        if isinstance(module, nn.Embedding) and module.weight.shape[1] == WIDTH:
            module.weight.data.mul_(0.1)
        if isinstance(module, ChannelNorm):
            module.weight.data.fill_(1.0)
            module.bias.data.zero_()
    for module in (network.hand_pe_layer, network.prompt_encoder.pe_layer):
        module.positional_encoding_gaussian_matrix.copy_(
            torch.randn(module.positional_encoding_gaussian_matrix.shape, generator=random)
        )


@dataclass
class LearntByHeart:
    """People whose true answers the network could give, and pictures of their skeletons."""

    crops: Crops
    people: People

    def __len__(self) -> int:
        return len(self.crops.pixels)

    def batch(self, numbers: Sequence[int]) -> Batch:
        """See ``trainer.Data``."""
        index = torch.tensor(list(numbers))
        view = View(*(array[index] for array in self.crops.view))
        crops = Crops(*(array[index] for array in self.crops[:-1]), view)
        return Batch(list(numbers), crops, People(*(array[index] for array in self.people)))


@torch.no_grad()
def tiny_people(branch: BodyBranch, count: int) -> LearntByHeart:
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
    )
    assert estimate[:, HANDS].shape[1] == 2 * HAND
    return LearntByHeart(crops, people)


def _drawn(points: np.ndarray) -> np.ndarray:
    picture = np.full((SIDE, SIDE, 3), 16, np.uint8)
    for number, (x, y) in enumerate(points):
        colour = (int(40 + 3 * number), int(255 - 3 * number), int(90 + 2 * number))
        cv2.circle(picture, (round(float(x)), round(float(y))), 1, colour, -1)
    return picture


def _box(points: Tensor) -> Tensor:
    low, high = points.amin(1), points.amax(1)
    return torch.cat([(low + high) / 2 + 0.5, high - low], dim=1)


@torch.no_grad()
def mean_joint_error(model: BodyBranch, data: LearntByHeart) -> float:
    """MPJPE of the first answer, mm, from the middle of the hips."""
    none = torch.zeros(len(data), 1, 3)
    none[..., 2] = -2
    crops = data.crops
    read = model.read(crops, torch.zeros_like(crops.masks), torch.zeros(len(data)))
    said = model.answer(read, crops, none, None).layers[-1].keypoints_3d
    truth = data.people.keypoints_3d
    error = (said - said[:, 9:11].mean(1, keepdim=True)) - (truth - truth[:, 9:11].mean(1, keepdim=True))
    return float(1000 * torch.linalg.vector_norm(error, dim=2).mean())


def objective() -> TrainingLoss:
    """The objective with MHR's limits."""
    parameters = load_rig_facts().parameterisation
    low, high = (torch.tensor(limit, dtype=torch.float32) for limit in (parameters.limit_min, parameters.limit_max))
    return TrainingLoss(Weights(), low, high)


def few_steps(**changes: Any) -> TrainingSettings:
    """Settings of a training that is over soon."""
    settings = TrainingSettings(
        steps=6, batch=4, learning_rate=2e-3, warm_up=2, save_every=100, prompts=PromptSettings(rounds=2)
    )
    return replace(settings, **changes)
