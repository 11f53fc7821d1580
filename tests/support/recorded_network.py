"""The network of a recorded case in PyTorch, and the recorded calls of its decoders. Import only where torch is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from native_runtime.build.sam3d_body.keypoint_support import keypoint_support
from native_runtime.network.backbones import build_backbone
from native_runtime.network.configuration import ModelConfiguration
from native_runtime.network.context import Context
from native_runtime.network.decoder import Decoder
from native_runtime.network.heads import View
from native_runtime.network.mhr import KeypointSupport
from native_runtime.network.network import Kind, SAM3DBody, load_tensors

from .parity import recording, standin_body


def case_tensors(case: Path) -> dict[str, Tensor]:
    """The case's weights by their official names."""
    return {name: torch.from_numpy(array) for name, array in recording(case, "weights").items()}


def case_settings(case: Path) -> dict:
    """The reference's configuration of the case."""
    return json.loads((case / "config.json").read_text(encoding="utf-8"))


def case_network(case: Path) -> SAM3DBody:
    """The case's network with its weights."""
    tensors = case_tensors(case)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    network = SAM3DBody(ModelConfiguration.of(shapes, case_settings(case)), build_backbone(shapes))
    load_tensors(network, tensors)
    return network.eval()


def case_support(shared: Path, case: Path) -> KeypointSupport:
    """The stand-in body of the case, reduced to the keypoints of its weights."""
    mapping = recording(case, "weights")["head_pose.keypoint_mapping"]
    return KeypointSupport.of(keypoint_support(standin_body(shared, case), mapping))


@dataclass(frozen=True)
class Call:
    """One recorded call of a decoder.

    Attributes:
        kind: which decoder.
        stage: everything that was recorded around its layers.
        features: (B, C, h, w) such that with no mask the decoder gets what it got then.
        rays, keypoints, previous, condition, view: as ``Context`` and ``Decoder`` take them.
    """

    kind: Kind
    stage: dict[str, NDArray]
    features: Tensor
    rays: Tensor
    keypoints: Tensor
    previous: Tensor
    condition: Tensor
    view: View

    @staticmethod
    def read(case: Path, name: str, network: SAM3DBody) -> Call:
        """The call ``name``, e.g. ``body_offcrop``."""
        kind: Kind = "hand" if name.startswith("hand") else "body"
        stage = recording(case, f"stage_{name}")
        arrays = {key: torch.from_numpy(array) for key, array in recording(case, "inputs").items()}
        if name.endswith("_offcrop"):
            own = {key.removeprefix("offcrop."): array for key, array in arrays.items() if key.startswith("offcrop.")}
            arrays |= own
        given = {key.removeprefix("in."): torch.from_numpy(stage[key]) for key in stage if key.startswith("in.")}
        people = len(given["keypoints"])
        initial = torch.cat([network.part("init_pose", kind).weight, network.part("init_camera", kind).weight], dim=1)
        previous = given["prev_estimate"].flatten(1) if "prev_estimate" in given else initial.expand(people, -1)
        return Call(
            kind,
            stage,
            arrays["image_embeddings"] - network.prompt_encoder.no_mask_embed.weight[0][:, None, None],
            reduced_rays(arrays["ray_cond"], network.configuration.patch),
            given["keypoints"],
            previous,
            given["condition_info"],
            View(
                arrays["bbox_center"].flatten(0, 1),
                arrays["bbox_scale"].flatten(0, 1)[:, 0],
                arrays["affine_trans"].flatten(0, 1),
                arrays["cam_int"].repeat_interleave(people // len(arrays["cam_int"]), dim=0),
            ),
        )

    def without_mask(self) -> tuple[Tensor, Tensor]:
        """Mask and score that mean that there is none."""
        people = len(self.features)
        return torch.zeros(people, 1, 512, 512), torch.zeros(people)

    def contexts(self, network: SAM3DBody) -> tuple[Tensor, ...]:
        """What ``Context`` makes of the features."""
        out: tuple[Tensor, ...] = Context(network, self.kind)(self.features, self.rays, *self.without_mask())
        return out

    def decoder_inputs(self, support: KeypointSupport, contexts: tuple[Tensor, ...]) -> tuple:
        """All arguments of ``Decoder``."""
        return (self.keypoints, self.previous, self.condition, *self.view, support, *contexts)

    def token_order(self) -> list[int]:
        """Where the reference has each of our tokens."""
        prompts = self.keypoints.shape[1]
        boxes = 2 + prompts
        return [0, *range(boxes, boxes + 142), 1, *range(2, 2 + prompts)]

    def run(self, network: SAM3DBody, support: KeypointSupport) -> dict[str, NDArray[np.float32]]:
        """The decoder's outputs by name."""
        decoder = Decoder(network, self.kind)
        outputs = decoder(*self.decoder_inputs(support, self.contexts(network)))
        return {name: output.numpy() for name, output in zip(decoder.output_names, outputs, strict=True)}


def reduced_rays(rays: Tensor, patch: int) -> Tensor:
    """Rays (B, 2, H, W) at the resolution of the features, as the reference reduces them."""
    return torch.nn.functional.interpolate(rays, scale_factor=1 / patch, mode="bilinear", antialias=True)
