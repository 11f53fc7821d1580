"""MHR in PyTorch, as far as a decoder needs it: joints and the 70 keypoints, in few operations over whole batches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from native_runtime.mhr import load_rig_facts
from native_runtime.mhr.correctives import FIRST_JOINT

from .rotations import first_columns, rotation

_METRES_CAMERA = (0.01, -0.01, -0.01)
"""From MHR's centimetres, y up, to metres in camera axes."""


class KeypointSupport(NamedTuple):
    """What ``keypoint_support`` makes of a body; see there for shapes and meaning.

    These are inputs of an exported graph: how many pairs, features and components there are depends on the checkpoint.
    """

    parameter_transform: Tensor
    joint_offsets: Tensor
    joint_prerotations: Tensor
    pair_joints: Tensor
    pair_sums: Tensor
    pair_weights: Tensor
    pair_places: Tensor
    pair_identity: Tensor
    corrective_features: Tensor
    corrective_activation: Tensor
    corrective_places: Tensor

    @staticmethod
    def of(arrays: Mapping[str, np.ndarray]) -> KeypointSupport:
        """Take over the arrays of ``keypoint_support``."""
        return KeypointSupport(**{name: torch.from_numpy(arrays[name]) for name in KeypointSupport._fields})


def ancestor_steps() -> list[list[int]]:
    """For each round, the ancestor 1, 2, 4, ... steps above each of MHR's joints; beyond the root one past the last.

    After round r a joint's matrix holds the product over its 2^(r + 1) nearest joints, so that the depth of the tree
    costs rounds only by its logarithm.
    """
    parents = load_rig_facts().joint_parents.tolist()
    outside = len(parents)
    step = [parent if parent >= 0 else outside for parent in parents] + [outside]
    rounds = []
    while any(ancestor != outside for ancestor in step):
        rounds.append(step[:-1])
        step = [step[ancestor] for ancestor in step]
    return rounds


class PosedJoints(NamedTuple):
    """MHR's joints under some model parameters.

    Attributes:
        transforms: (B, J, 4, 4) joint frame to world, cm, scale included.
        turns: (B, J, 3, 3) each joint's own rotation Rz Ry Rx, without its rest rotation.
    """

    transforms: Tensor
    turns: Tensor

    @property
    def rotations(self) -> Tensor:
        """(B, J, 3, 3) global rotations, scale removed."""
        linear = self.transforms[..., :3, :3]
        return linear / torch.linalg.vector_norm(linear, dim=-2, keepdim=True)

    @property
    def positions(self) -> Tensor:
        """(B, J, 3) metres, camera axes."""
        return self.transforms[..., :3, 3] * self.transforms.new_tensor(_METRES_CAMERA)


def pose_joints(support: KeypointSupport, model_parameters: Tensor) -> PosedJoints:
    """Forward kinematics of model parameters (B, P)."""
    joint_parameters = (model_parameters @ support.parameter_transform).unflatten(1, (-1, 7))
    turns = rotation(joint_parameters[..., 3:6])
    scales = (joint_parameters[..., 6] * math.log(2.0)).exp()[..., None, None]
    places = (support.joint_offsets + joint_parameters[..., :3])[..., None]
    upper = torch.cat([support.joint_prerotations @ turns * scales, places], dim=-1)
    transforms = functional.pad(upper, (0, 0, 0, 1)) + functional.pad(upper.new_ones(1, 1), (3, 0, 3, 0))
    nowhere = torch.eye(4, device=upper.device).expand(upper.shape[0], 1, 4, 4)
    for ancestors in ancestor_steps():
        above = torch.tensor(ancestors, device=upper.device)
        transforms = torch.cat([transforms, nowhere], dim=1).index_select(1, above) @ transforms
    return PosedJoints(transforms, turns)


def keypoints(support: KeypointSupport, joints: PosedJoints, shape: Tensor) -> Tensor:
    """The 70 keypoints (B, 70, 3), metres in camera axes, with identity coefficients ``shape`` (B, n_id)."""
    columns = first_columns(joints.turns[:, FIRST_JOINT:])
    features = (columns - columns.new_tensor((1.0, 0.0, 0.0, 0.0, 1.0, 0.0))).flatten(1)
    components = (features.index_select(1, support.corrective_features) @ support.corrective_activation).relu()
    places = support.pair_places + shape @ support.pair_identity + components @ support.corrective_places
    transforms = joints.transforms.index_select(1, support.pair_joints)
    moved = (transforms[..., :3, :3] @ places.unflatten(1, (-1, 3))[..., None])[..., 0]
    shares = moved + transforms[..., :3, 3] * support.pair_weights
    return (support.pair_sums @ shares) * shares.new_tensor(_METRES_CAMERA)
