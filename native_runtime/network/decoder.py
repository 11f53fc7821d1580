"""The graphs ``body_decoder`` and ``hand_decoder``: prompts and a context to a person.

Tokens stand in this order: pose, two hand boxes, 70 keypoints in the image, 70 in space, previous estimate, prompts.
Attention does not care; so all but the prompts have fixed places, and what the last layer is needed for stands first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from native_runtime.models.sam3d_body_layout import HIPS, KEYPOINTS

from .context import key_value_names
from .heads import CameraPrediction, MHRHead, PerspectiveHead, PosePrediction, View
from .layers import PromptableDecoder
from .mhr import KeypointSupport
from .network import HANDS, Kind, SAM3DBody

_BEHIND = 1e-5
"""Metres: keypoints nearer to the camera plane, or behind it, are taken to be unseen."""

POSE = 0
HAND_BOXES = slice(1, 1 + HANDS)
IN_IMAGE = slice(HAND_BOXES.stop, HAND_BOXES.stop + KEYPOINTS)
IN_SPACE = slice(IN_IMAGE.stop, IN_IMAGE.stop + KEYPOINTS)
GIVEN = IN_SPACE.stop
"""From here on: the previous estimate, then the prompts."""
WANTED = HAND_BOXES.stop
"""The tokens that the last layer is run for."""


class LayerState(NamedTuple):
    """What one layer began with and came to.

    Attributes:
        tokens, positions: (B, N, width) as they entered the layer.
        result: (B, N or fewer, width) as they left it.
        pose, camera: the prediction from the result.
    """

    tokens: Tensor
    positions: Tensor
    result: Tensor
    pose: PosePrediction
    camera: CameraPrediction


class Decoder(nn.Module):
    """One promptable decoder with its heads."""

    output_names = (
        "pose_raw",
        "global_rotation",
        "body_pose",
        "shape",
        "scale",
        "hand",
        "face",
        "camera",
        "camera_translation",
        "keypoints_3d",
        "keypoints_2d",
        "model_parameters",
        "joint_rotations",
        "joint_coordinates",
        "hand_boxes",
        "hand_logits",
        "layer_keypoints_2d",
        "layer_keypoints_3d",
    )

    def __init__(self, network: SAM3DBody, kind: Kind) -> None:
        super().__init__()
        self.network = network
        self.kind = kind

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of ``forward``'s arguments, in order, with those of the support and of the layers written out."""
        return (
            *("keypoints", "previous", "condition", "bbox_center", "bbox_scale", "affine", "intrinsics"),
            *(f"mhr.{name}" for name in KeypointSupport._fields),
            "context",
            *key_value_names(self.network),
        )

    def forward(
        self,
        keypoints: Tensor,
        previous: Tensor,
        condition: Tensor,
        bbox_center: Tensor,
        bbox_scale: Tensor,
        affine: Tensor,
        intrinsics: Tensor,
        support: KeypointSupport,
        context: Tensor,
        *keys_and_values: Tensor,
    ) -> tuple[Tensor, ...]:
        """Predict B people.

        Args:
            keypoints: (B, P, 3) prompts, P >= 1: x, y in 0..1 of the crop, and a label (``PromptEncoder``).
            previous: (B, 522) the estimate and camera to go on from; the initial ones where there are none.
            condition: (B, 3) place and size of the crop, to the focal length.
            bbox_center, bbox_scale, affine, intrinsics: as in ``View``.
            support: MHR, reduced to the keypoints.
            context, keys_and_values: outputs of ``Context``.

        Returns:
            ``output_names``.
        """
        view = View(bbox_center, bbox_scale, affine, intrinsics)
        tokens, positions = self.first_tokens(keypoints, previous, condition)
        states = list(self.layers(tokens, positions, view, support, context, keys_and_values))
        pose, camera = states[-1].pose, states[-1].camera
        boxes, logits = self.hands(states[-1].result)
        return (
            pose.raw,
            pose.global_rotation,
            pose.body_pose,
            pose.shape,
            pose.scale,
            pose.hand,
            pose.face,
            camera.camera,
            camera.translation,
            pose.keypoints,
            camera.photo,
            pose.model_parameters,
            pose.joints.rotations,
            pose.joints.positions,
            boxes,
            logits,
            torch.stack([state.camera.photo for state in states]),
            torch.stack([state.pose.keypoints for state in states]),
        )

    def first_tokens(self, keypoints: Tensor, previous: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """The tokens and their positions (B, 144 + P, width) that enter the first layer."""
        network = self.network
        batch = condition.shape[0]
        initial = torch.cat([self._initial("pose"), self._initial("camera")], dim=1).expand(batch, -1)
        pose = self._part("init_to_token_mhr")(torch.cat([condition, initial], dim=1))[:, None]
        before = self._part("prev_to_token_mhr")(previous)[:, None]
        prompts = network.prompt_to_token(network.prompt_encoder(keypoints))
        embeddings = (network.hand_box_embedding, self._part("keypoint_embedding"), self._part("keypoint3d_embedding"))
        learnt = torch.cat([embedding.weight for embedding in embeddings]).expand(batch, -1, -1)
        given = torch.cat([before, prompts], dim=1)
        return torch.cat([pose, learnt, given], dim=1), functional.pad(given, (0, 0, GIVEN, 0))

    def layers(
        self,
        tokens: Tensor,
        positions: Tensor,
        view: View,
        support: KeypointSupport,
        context: Tensor,
        keys_and_values: tuple[Tensor, ...],
    ) -> Iterator[LayerState]:
        """Run the layers, with a prediction after each; the last one for the first ``WANTED`` tokens only."""
        decoder: PromptableDecoder = self._part("decoder")
        last = len(decoder.layers) - 1
        for index, layer in enumerate(decoder.layers):
            keys, values = keys_and_values[2 * index : 2 * index + 2]
            result = layer(tokens, positions, keys, values, WANTED if index == last else None)
            pose, camera = self.predict(decoder.norm_final(result[:, POSE]), view, support)
            yield LayerState(tokens, positions, result, pose, camera)
            if index < last:
                tokens, positions = self.updated(result, positions, pose, camera, context)

    def predict(self, token: Tensor, view: View, support: KeypointSupport) -> tuple[PosePrediction, CameraPrediction]:
        """The heads' view of normed pose tokens (B, width)."""
        pose_head: MHRHead = self._part("head_pose")
        camera_head: PerspectiveHead = self._part("head_camera")
        pose = pose_head(token, self._initial("pose"), support)
        return pose, camera_head(token, self._initial("camera"), pose.keypoints, view)

    def updated(
        self, tokens: Tensor, positions: Tensor, pose: PosePrediction, camera: CameraPrediction, context: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tokens and positions for the next layer: each keypoint's now know where it is, and what is seen there."""
        inside = (camera.crop.abs() <= 0.5).all(-1) & (camera.depth >= _BEHIND)
        seen = inside[..., None]
        place = torch.where(seen, camera.crop, 0.0)
        image_positions = self._part("keypoint_posemb_linear")(place) * seen
        features = functional.grid_sample(
            context, self._grid(place)[:, :, None], mode="bilinear", padding_mode="zeros", align_corners=False
        )
        found = self._part("keypoint_feat_linear")(features.squeeze(3).mT * seen)
        centre = pose.keypoints[:, HIPS].mean(1, keepdim=True)
        space_positions = self._part("keypoint3d_posemb_linear")(pose.keypoints - centre)
        tokens = torch.cat(
            [tokens[:, : IN_IMAGE.start], tokens[:, IN_IMAGE] + found, tokens[:, IN_IMAGE.stop :]], dim=1
        )
        positions = torch.cat(
            [positions[:, : IN_IMAGE.start], image_positions, space_positions, positions[:, GIVEN:]], dim=1
        )
        return tokens, positions

    def hands(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Hand boxes (B, 2, 4), centre and size in crop units, and logits (B, 2, 2): left, right."""
        normed = self._part("decoder").norm_final(tokens[:, HAND_BOXES])
        return self.network.bbox_embed(normed).sigmoid(), self.network.hand_cls_embed(normed)

    def _grid(self, place: Tensor) -> Tensor:
        """Crop coordinates in -0.5..0.5 as the sampler wants them: the features' sides at -1 and 1."""
        configuration = self.network.configuration
        width = configuration.image_size[1]
        return 2 * place * place.new_tensor((width / (width - 2 * configuration.margin), 1.0))

    def _part(self, name: str) -> Any:
        return self.network.part(name, self.kind)

    def _initial(self, what: str) -> Tensor:
        weight: Tensor = self._part(f"init_{what}").weight
        return weight
