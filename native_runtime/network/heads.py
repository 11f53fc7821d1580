"""From a decoder's pose token to a person: MHR's parameters, joints and keypoints, and the camera."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from native_runtime.models import sam3d_body_layout as layout

from .configuration import JOINTS, MAPPED_KEYPOINTS, ModelConfiguration
from .layers import FeedForward
from .mhr import KeypointSupport, PosedJoints, keypoints, pose_joints
from .parameters import BODY_AND_HANDS
from .rotations import euler, first_columns, pick, rotation

_BODY_SCALES = 68
_SCALES = 28
_NOT_HAND = 145


class PosePrediction(NamedTuple):
    """A pose head's output for B people; shapes as in ``native_runtime.models.sam3d_body_layout``.

    Attributes:
        raw: (B, 266) global rotation and body, continuous.
        global_rotation: (B, 3) about z, y, x: what MHR gets as its root's rx, ry, rz.
        body_pose: (B, 133) without fingers and jaw.
        shape, scale, hand, face: (B, 45), (B, 28), (B, 108), (B, 72).
        model_parameters: (B, 204)
        joints: MHR's joints.
        keypoints: (B, 70, 3) metres, camera axes, the root at its rest place.
    """

    raw: Tensor
    global_rotation: Tensor
    body_pose: Tensor
    shape: Tensor
    scale: Tensor
    hand: Tensor
    face: Tensor
    model_parameters: Tensor
    joints: PosedJoints
    keypoints: Tensor


class MHRHead(nn.Module):
    """The pose head and the constants that come with the checkpoint.

    The hand's head predicts a right hand seen alone: its wrist lies at the origin and turns with the global rotation,
    all that is not the right hand's is zero.
    """

    scale_mean: Tensor
    scale_comps: Tensor
    hand_pose_mean: Tensor
    hand_pose_comps: Tensor
    hand_joint_idxs_left: Tensor
    hand_joint_idxs_right: Tensor
    right_wrist_coords: Tensor
    root_coords: Tensor
    local_to_world_wrist: Tensor
    nonhand_param_idxs: Tensor

    def __init__(self, configuration: ModelConfiguration, hand: bool) -> None:
        super().__init__()
        self.hand = hand
        self.proj = FeedForward(configuration.width, configuration.width, layout.ESTIMATE, nn.ReLU())
        numbers = {
            "joint_rotation": (JOINTS, 3, 3),
            "scale_mean": (_BODY_SCALES,),
            "scale_comps": (_SCALES, _BODY_SCALES),
            "hand_pose_mean": (layout.HAND,),
            "hand_pose_comps": (layout.HAND, layout.HAND),
            "keypoint_mapping": (MAPPED_KEYPOINTS, configuration.vertices + JOINTS),
            "right_wrist_coords": (3,),
            "root_coords": (3,),
            "local_to_world_wrist": (3, 3),
        }
        indices = {
            "faces": (configuration.faces, 3),
            "hand_joint_idxs_left": (layout.HAND_ANGLES,),
            "hand_joint_idxs_right": (layout.HAND_ANGLES,),
            "nonhand_param_idxs": (_NOT_HAND,),
        }
        for name, size in numbers.items():
            self.register_buffer(name, torch.empty(size))
        for name, size in indices.items():
            self.register_buffer(name, torch.empty(size, dtype=torch.int64))

    def forward(self, token: Tensor, initial: Tensor, support: KeypointSupport) -> PosePrediction:
        """Predict people from their tokens (B, width), as a change of the initial estimate (1, 519)."""
        return self.unpack(self.proj(token) + initial, support)

    def unpack(self, estimate: Tensor, support: KeypointSupport) -> PosePrediction:
        """What an estimate (B, 519) stands for."""
        # The angles about z, y, x go, in this order, to MHR's rx, ry, rz: so the network was trained.
        global_rotation = pick(euler(estimate[:, layout.GLOBAL_ROTATION], spare="x"), (2, 1, 0))
        shape, scale, hands = (estimate[:, part] for part in (layout.SHAPE, layout.SCALE, layout.HANDS))
        pose, fingers = self.angles(estimate[:, layout.BODY], hands)
        parameters = self.model_parameters(torch.zeros_like(global_rotation), global_rotation, pose, fingers, scale)
        joints = pose_joints(support, parameters)
        return PosePrediction(
            raw=estimate[:, : layout.BODY.stop],
            global_rotation=global_rotation,
            body_pose=pose,
            shape=shape,
            scale=scale,
            hand=hands,
            face=torch.zeros_like(estimate[:, layout.FACE]),
            model_parameters=parameters,
            joints=joints,
            keypoints=self.kept_keypoints(keypoints(support, joints, shape)),
        )

    def angles(self, body: Tensor, hands: Tensor) -> tuple[Tensor, Tensor]:
        """The body pose (B, 133) and the fingers' angles (B, 54), left and right, of continuous numbers.

        Args:
            body: (B, 260)
            hands: (B, 108) components of the hands' poses.
        """
        numbers = self.hand_pose_mean + hands.unflatten(1, (2, layout.HAND)) @ self.hand_pose_comps
        unpacked = BODY_AND_HANDS.unpack(torch.cat([body, numbers.flatten(1)], dim=1))
        return unpacked[:, : layout.BODY_POSE] * _kept_pose(body), unpacked[:, layout.BODY_POSE :]

    def model_parameters(
        self, translation: Tensor, global_rotation: Tensor, pose: Tensor, fingers: Tensor, scale: Tensor
    ) -> Tensor:
        """MHR's model parameters (B, 204).

        Args:
            translation: (B, 3) metres.
            global_rotation: (B, 3) the root's rx, ry, rz; for the hand's head the wrist's.
            pose, fingers, scale: (B, 133), (B, 54), (B, 28).
        """
        if self.hand:
            global_rotation = euler(first_columns(rotation(global_rotation) @ self.local_to_world_wrist))
            arm = self.right_wrist_coords - self.root_coords
            translation = translation - (rotation(global_rotation) @ arm + self.root_coords)
        placed = torch.cat(
            [translation * layout.TRANSLATION_UNITS, global_rotation, pose[:, : layout.BODY_POSE_JAW.start]], dim=1
        )
        places = _places(torch.cat([self.hand_joint_idxs_left, self.hand_joint_idxs_right]), layout.POSED)
        posed = placed * (1 - places.sum(0)) + fingers @ places
        parameters = torch.cat([posed, self.scale_mean + scale @ self.scale_comps], dim=1)
        if self.hand:
            parameters = parameters * (1 - _places(self.nonhand_param_idxs, layout.MODEL_PARAMETERS).sum(0))
        return parameters

    def kept_keypoints(self, points: Tensor) -> Tensor:
        """Of the hand's keypoints (B, 70, 3) only the right hand's, the others at the origin; all of the body's."""
        if not self.hand:
            return points
        hand = points[:, layout.RIGHT_HAND_KEYPOINTS]
        before, after = layout.RIGHT_HAND_KEYPOINTS.start, layout.KEYPOINTS - layout.RIGHT_HAND_KEYPOINTS.stop
        return functional.pad(hand, (0, 0, before, after))


def _kept_pose(like: Tensor) -> Tensor:
    """(133,) 1, but 0 for fingers and jaw."""
    dropped = (layout.BODY_POSE_FINGERS, layout.BODY_POSE_JAW)
    kept = [float(not any(part.start <= i < part.stop for part in dropped)) for i in range(layout.BODY_POSE)]
    return like.new_tensor(kept)


def _places(index: Tensor, count: int) -> Tensor:
    """(n, count): row i is 1 at index[i]. Multiplying with it puts values where ``index`` says, exactly."""
    return (index[:, None] == torch.arange(count, device=index.device)).float()


class CameraPrediction(NamedTuple):
    """Where a camera head sees B people.

    Attributes:
        camera: (B, 3) the raw prediction.
        translation: (B, 3) metres, camera axes.
        depth: (B, 70) of the keypoints, metres.
        photo: (B, 70, 2) keypoints, pixels of the photo.
        crop: (B, 70, 2) keypoints in the crop, its sides at -0.5 and 0.5.
    """

    camera: Tensor
    translation: Tensor
    depth: Tensor
    photo: Tensor
    crop: Tensor


class View(NamedTuple):
    """The crops of B people in their photos.

    Attributes:
        bbox_center: (B, 2) px of the photo.
        bbox_scale: (B,) the crop's side, px of the photo.
        affine: (B, 2, 3) photo to crop pixels.
        intrinsics: (B, 3, 3)
    """

    bbox_center: Tensor
    bbox_scale: Tensor
    affine: Tensor
    intrinsics: Tensor


class PerspectiveHead(nn.Module):
    """Predicts where in front of the camera the person is, from the crop's place in the photo."""

    def __init__(self, width: int, crop_size: tuple[int, int], factor: float) -> None:
        super().__init__()
        self.crop_size = crop_size
        self.factor = factor
        self.proj = FeedForward(width, width, layout.CAMERA, nn.ReLU())

    def forward(self, token: Tensor, initial: Tensor, points: Tensor, view: View) -> CameraPrediction:
        """Place keypoints (B, 70, 3), metres, by the tokens (B, width), as a change of the initial camera (1, 3)."""
        camera = self.proj(token) + initial
        translation = self.translation(camera, view)
        return self.project(camera, translation, points, view)

    def translation(self, camera: Tensor, view: View) -> Tensor:
        """(B, 3) metres of a camera (B, 3): scale (negated), x, y (negated)."""
        focal, principal = view.intrinsics[:, 0, 0], view.intrinsics[:, :2, 2]
        size = view.bbox_scale * -camera[:, 0] * self.factor + 1e-8
        shift = 2 * (view.bbox_center - principal) / size[:, None]
        return torch.stack([camera[:, 1] + shift[:, 0], shift[:, 1] - camera[:, 2], 2 * focal / size], dim=1)

    def project(self, camera: Tensor, translation: Tensor, points: Tensor, view: View) -> CameraPrediction:
        """See keypoints (B, 70, 3) from where ``translation`` (B, 3) puts the camera."""
        seen = points + translation[:, None]
        depth = seen[..., 2]
        photo = seen / depth[..., None] @ view.intrinsics[:, :2].mT
        height, width = self.crop_size
        crop = photo @ view.affine[..., :2].mT + view.affine[:, None, :, 2]
        return CameraPrediction(camera, translation, depth, photo, crop / crop.new_tensor((width, height)) - 0.5)
