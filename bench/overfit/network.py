"""A small network of SAM 3D Body's kind that has learnt nothing yet, on the default body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from native_runtime.build.sam3d_body.keypoint_support import keypoint_support
from native_runtime.files.templates import load_json
from native_runtime.mhr import Body
from native_runtime.models.sam3d_body_layout import BODY_ANGLES, BODY_ROTATIONS, ESTIMATE, HAND, SCALE, SHAPE
from native_runtime.network.backbones import Patches
from native_runtime.network.conditioning import ChannelNorm
from native_runtime.network.configuration import MAPPED_KEYPOINTS, ModelConfiguration
from native_runtime.network.mhr import KeypointSupport
from native_runtime.network.network import KINDS, SAM3DBody
from native_runtime.synthetic.builds import random_build
from native_runtime.training.models import BodyBranch
from native_runtime.training.surface import surface_support, surface_vertices

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_BUILDS = 400
"""Random builds whose principal components are the network's bone lengths."""


@dataclass(frozen=True)
class Size:
    """How large the network is.

    Attributes:
        side, patch: pixels of a crop and of a feature.
        channels, width, depth, heads, hidden: of features and decoder.
        camera: of the initial estimate: scale (negated), x, y.
        surface: whether answers have points of the surface.
    """

    side: int = 128
    patch: int = 16
    channels: int = 128
    width: int = 128
    depth: int = 2
    heads: int = 4
    hidden: int = 256
    camera: tuple[float, float, float] = (-0.7, 0.0, 0.0)
    surface: bool = True


def with_few_shapes(body: Body) -> Body:
    """The body with as many coefficients of identity as the network predicts."""
    count = SHAPE.stop - SHAPE.start
    return replace(
        body,
        identity_basis=body.identity_basis[:count],
        identity_names=body.identity_names[:count],
        identity_groups=body.identity_groups[:count],
        identity_min=body.identity_min[:count],
        identity_max=body.identity_max[:count],
        ages=None,
    )


def new_branch(body: Body, size: Size) -> BodyBranch:
    """A body branch that learns from its first layer on; the same body and size give the same weights.

    Args:
        body: with 45 coefficients of identity (``with_few_shapes``).
    """
    mapping = np.zeros((MAPPED_KEYPOINTS, body.vertex_count + len(body.joint_names)), np.float32)
    rows = body.keypoint_rows
    mapping[rows.rows, rows.columns] = rows.values
    configuration = ModelConfiguration(
        image_size=(size.side, size.side),
        margin=0,
        patch=size.patch,
        channels=size.channels,
        width=size.width,
        depth=size.depth,
        heads=size.heads,
        inner=size.width,
        hidden=size.hidden,
        vertices=body.vertex_count,
        faces=1,
        hand_camera_scale=10.0,
    )
    torch.manual_seed(0)
    network = SAM3DBody(configuration, Patches(size.channels, size.patch))
    _fill(network, body, size)
    support = KeypointSupport.of(keypoint_support(body, mapping))
    surface = surface_support(body, surface_vertices(body)) if size.surface else None
    return BodyBranch(network, support, train_encoder=True, surface=surface)


@torch.no_grad()
def _fill(network: SAM3DBody, body: Body, size: Size) -> None:
    """Constants as in the release where they are public, and what a new network begins with."""
    known = load_json("mhr", "sam3d_body_numbers.json")
    scales = torch.from_numpy(_scale_components(body)).float()
    initial = torch.zeros(1, ESTIMATE)
    turns, angles = 6 * len(BODY_ROTATIONS), 2 * len(BODY_ANGLES)
    initial[0, : 6 + turns] = torch.tensor(_IDENTITY).repeat(1 + len(BODY_ROTATIONS))
    initial[0, 7 + turns : 6 + turns + angles : 2] = 1.0  # cosines
    for kind in KINDS:
        head = network.part("head_pose", kind)
        for buffer in head.buffers():
            buffer.zero_()
        head.scale_comps.copy_(scales)
        head.hand_pose_comps.copy_(torch.eye(HAND))
        head.hand_pose_mean.copy_(torch.tensor(known["hand_pose_mean"]))
        for name in ("hand_joint_idxs_left", "hand_joint_idxs_right"):
            getattr(head, name).copy_(torch.tensor(known[name]))
        network.part("init_pose", kind).weight.copy_(initial)
        network.part("init_camera", kind).weight.copy_(torch.tensor([size.camera]))
    for module in network.modules():
        if isinstance(module, nn.Embedding) and module.weight.shape[1] in (size.width, size.channels):
            module.weight.mul_(0.1)
        if isinstance(module, ChannelNorm):
            module.weight.fill_(1.0)
            module.bias.zero_()
    for encoding in (network.hand_pe_layer, network.prompt_encoder.pe_layer):
        encoding.positional_encoding_gaussian_matrix.normal_()


def _scale_components(body: Body) -> NDArray[np.float64]:
    """(28, 68) the directions in which random builds differ most, in standard deviations."""
    rng = np.random.default_rng(0)
    builds = np.array([random_build(body, rng)[2][136:] for _ in range(_BUILDS)])
    _, sizes, directions = np.linalg.svd(builds, full_matrices=False)
    count = SCALE.stop - SCALE.start
    return np.asarray(directions[:count] * sizes[:count, None] / np.sqrt(_BUILDS))
