"""The user's SAM 3D Body checkpoint as a network to go on training, and back into a file for ``convert-checkpoint``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from native_runtime.build.sam3d_body.facts import rounding_of
from native_runtime.build.sam3d_body.keypoint_support import keypoint_support
from native_runtime.build.sam3d_body.layouts import official_names
from native_runtime.build.sam3d_body.opening import opened_files
from native_runtime.build.sam3d_body.rig_buffers import check_against, read_buffers
from native_runtime.build.sam3d_body.rig_source import find_rig
from native_runtime.build.sam3d_body.variants import TEMPLATES, known_variants, recognise
from native_runtime.errors import ModelError
from native_runtime.files.atomic import atomic_file
from native_runtime.mhr import Body
from native_runtime.network.backbones import build_backbone
from native_runtime.network.configuration import ModelConfiguration
from native_runtime.network.mhr import KeypointSupport
from native_runtime.network.network import TRAINING_ONLY, SAM3DBody, load_tensors

from .averaging import first_not_finite, trained
from .models import BodyBranch
from .surface import Surface, surface_support, surface_vertices

MODEL = "model.safetensors"
"""What ``convert-checkpoint --own-weights`` takes."""


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that can be trained.

    Attributes:
        branch: its encoder and body decoder; the decoder of hands stays as it is.
        surface: MHR, for the truth of what the branch is held to.
        body: MHR, with the identity that the network predicts.
        title: what people call the released model.
        files: the files that it was read from.
    """

    branch: BodyBranch
    surface: Surface
    body: Body
    title: str
    files: tuple[Path, ...]


def load_checkpoint(
    checkpoint: Sequence[Path], mhr: Path | None, models: Path, train_encoder: bool, templates: Path = TEMPLATES
) -> Loaded:
    """Read a checkpoint in any form that ``convert-checkpoint`` takes.

    Args:
        checkpoint: its files, folder or archive.
        mhr: MHR's file; None to look for it beside the checkpoint.
        models: the models folder.
        templates: where the lists of the released models' tensors lie.

    Raises:
        ModelError: a file is missing, damaged, or no whole checkpoint.
    """
    with opened_files(checkpoint, models) as opened:
        title, variants = opened.path.name, known_variants(templates)
        laid = official_names(
            opened, {name: shape for known in variants for name, (shape, _) in known.tensors.items()}, title
        )
        found = recognise(laid.tensors, variants, title)
        if not found.hands:
            raise ModelError(f"{title} lacks the parts for hands. Training goes on from a whole checkpoint.")
        buffers = read_buffers(found.tensors)
        body, _ = find_rig(mhr, opened.path.parent, laid.rig, models).read(opened, buffers["faces"], models)
        check_against(body, buffers, rounding_of(found.tensors))
        names = [name for name in found.tensors.names() if name not in TRAINING_ONLY]
        tensors = {name: torch.from_numpy(np.array(found.tensors.read(name))) for name in names}
        files = opened.files
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    network = SAM3DBody(ModelConfiguration.of(shapes), build_backbone(shapes))
    load_tensors(network, tensors)
    support = KeypointSupport.of(keypoint_support(body, buffers["keypoint_mapping"]))
    points = surface_support(body, surface_vertices(body))
    branch = BodyBranch(network, support, train_encoder, points)
    return Loaded(branch, Surface(support, points), body, found.variant.title, files)


def save_model(branch: BodyBranch, path: Path) -> None:
    """Write all tensors under their official names, completely or not at all.

    Raises:
        ModelError: what was trained holds values that are not finite.
    """
    from safetensors.torch import save_file

    bad = first_not_finite(trained(branch))
    if bad is not None:
        raise ModelError(f"The weights '{bad}' of the trained model are not finite. No model was written.")
    tensors: dict[str, Tensor] = {
        name: tensor.detach().cpu().clone().contiguous() for name, tensor in branch.network.state_dict().items()
    }
    with atomic_file(path) as part:
        save_file(tensors, part, {"format": "pt"})
