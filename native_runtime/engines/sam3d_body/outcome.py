"""One person's result with everything that led to it, and as the reference's own dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.mhr import Body

from .hands import SIDES, Hands, Side, Validity
from .merge import Merged
from .prediction import Prediction

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Outcome:
    """One person; every array inside has a first axis of length 1.

    Attributes:
        first: the body decoder's first, unprompted pass; last: its last (the same where there was but one).
        hands: what the hand decoder said; empty where it was not asked.
        validity: which hands to believe, None where there are none.
        merged: the person's numbers.
        notes: what could not be done as requested, in plain words.
    """

    first: Prediction
    last: Prediction
    hands: dict[Side, Hands]
    validity: Validity | None
    merged: Merged
    notes: tuple[str, ...] = ()

    def hand_details(self) -> dict[str, Any]:
        """For each hand whether the hand decoder's was taken, and if not, why."""
        if self.validity is None:
            return {}
        details: dict[str, Any] = {}
        for index, side in enumerate(SIDES):
            used = bool(self.merged.used[0, index])
            reasons = self.validity.reasons(0, side)
            if not used and not reasons:
                reasons = ["after the arm was moved to it, it is rotated too far from the wrist as the arm has it"]
            box = np.round(self.hands[side].boxes[0], 2).tolist()
            details[side] = {"used": used, "reasons": reasons, "box": box}
        return details


@dataclass(frozen=True, eq=False)
class FullResult:
    """What the reference's ``process_one_image`` returns for one person, under its own names.

    As there: after the hands were taken over, ``pred_pose_raw`` is 0, ``pred_global_rots`` is still that of the last
    decoder pass, and ``pred_keypoints_2d`` are projected with the photo's middle in place of the principal point.
    Lengths are metres in camera axes without ``pred_cam_t``; ``lhand_bbox`` and ``rhand_bbox`` are None where the hand
    decoder was not asked.
    """

    bbox: Array
    focal_length: float
    pred_keypoints_3d: Array
    pred_keypoints_2d: Array
    pred_vertices: Array
    pred_cam_t: Array
    pred_pose_raw: Array
    global_rot: Array
    body_pose_params: Array
    hand_pose_params: Array
    scale_params: Array
    shape_params: Array
    expr_params: Array
    pred_joint_coords: Array
    pred_global_rots: Array
    mhr_model_params: Array
    lhand_bbox: Array | None
    rhand_bbox: Array | None


def full_result(
    outcome: Outcome, body: Body, bbox: Array, intrinsics: Array, image_size: tuple[int, int]
) -> FullResult:
    """The reference's dictionary of an outcome.

    Args:
        bbox: (4,) x0 y0 x1 y1 px.
        intrinsics: (3, 3) px.
        image_size: (width, height) px of the photo.
    """
    merged, last = outcome.merged, outcome.last
    pose = body.pose(merged.model_parameters[0])
    vertices = body.vertices(merged.model_parameters[0], merged.shape[0])
    keypoints = mhr_to_camera(body.keypoints(pose, vertices))
    translation = np.asarray(last.camera_translation[0], np.float64)
    if outcome.hands:
        placed = keypoints + translation
        keypoints_2d = placed[:, :2] * intrinsics[0, 0] / placed[:, 2:] + np.array(image_size) / 2
        boxes = [outcome.hands[side].boxes[0] for side in SIDES]
    else:
        keypoints_2d, boxes = last.keypoints_2d[0], [None, None]
    return FullResult(
        bbox=bbox,
        focal_length=float(intrinsics[0, 0]),
        pred_keypoints_3d=keypoints,
        pred_keypoints_2d=keypoints_2d,
        pred_vertices=mhr_to_camera(vertices),
        pred_cam_t=translation,
        pred_pose_raw=np.zeros_like(last.pose_raw[0]) if outcome.hands else last.pose_raw[0],
        global_rot=last.global_rotation[0],
        body_pose_params=merged.body_pose[0],
        hand_pose_params=merged.hand[0],
        scale_params=merged.scale[0],
        shape_params=merged.shape[0],
        expr_params=last.face[0],
        pred_joint_coords=mhr_to_camera(pose.translations),
        pred_global_rots=last.joint_rotations[0],
        mhr_model_params=merged.model_parameters[0],
        lhand_bbox=boxes[0],
        rhand_bbox=boxes[1],
    )
