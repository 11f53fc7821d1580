"""The rig's numbers in a checkpoint: both pose heads have a copy, and both must match each other and MHR."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr import Body
from native_runtime.mhr.sparse import sorted_rows
from native_runtime.models.sam3d_body_layout import KEYPOINTS

from .facts import check_rig
from .tensors import TensorSource

_BUFFERS = (
    "joint_rotation", "scale_mean", "scale_comps", "hand_pose_mean", "hand_pose_comps", "hand_joint_idxs_left",
    "hand_joint_idxs_right", "right_wrist_coords", "root_coords", "local_to_world_wrist", "nonhand_param_idxs",
)  # fmt: skip
_MAPPING, _FACES = "keypoint_mapping", "faces"
_MISMATCH = "The checkpoint and mhr_model.pt must come from the same release."


def read_buffers(tensors: TensorSource, hands: bool = True) -> dict[str, NDArray[Any]]:
    """The rig's numbers by their official names without ``head_pose.``; ``keypoint_mapping`` (308, V + J) among them.

    Args:
        hands: whether the checkpoint has a head for hands.

    Raises:
        ModelError: body head and hand head do not agree.
    """
    found = {}
    for name in (*_BUFFERS, _MAPPING, _FACES):
        body = tensors.read(f"head_pose.{name}")
        if hands and not np.array_equal(body, tensors.read(f"head_pose_hand.{name}")):
            raise ModelError(
                f"The checkpoint's heads for body and hands disagree about {name}. It is damaged, or put together "
                "from different models. Download it again."
            )
        found[name] = body
    return found


def check_against(body: Body, buffers: Mapping[str, NDArray[Any]], rounding: float = 0.0) -> None:
    """Make sure that the checkpoint was made with this mesh and skeleton.

    Args:
        rounding: see ``facts.rounding_of``.

    Raises:
        ModelError: it was not.
    """
    joints, vertices = len(body.joint_names), body.vertex_count
    rows, width = buffers[_MAPPING].shape
    if rows < KEYPOINTS or width != vertices + joints:
        raise ModelError(
            f"The checkpoint places its keypoints on {width - joints} vertices, but MHR's mesh has {vertices}. "
            + _MISMATCH
        )
    if len(buffers["joint_rotation"]) != joints:
        raise ModelError(f"The checkpoint has {len(buffers['joint_rotation'])} joints, MHR {joints}. {_MISMATCH}")
    faces = buffers[_FACES]
    if faces.min() < 0 or faces.max() != vertices - 1:
        raise ModelError(f"The checkpoint's mesh has {faces.max() + 1} vertices, MHR's {vertices}. {_MISMATCH}")
    check_rig(body, buffers, rounding)


def with_exact_keypoints(body: Body, mapping: NDArray[Any], origin: Mapping[str, Any]) -> Body:
    """The body with the checkpoint's own 70 keypoints instead of those derived from public outputs.

    Args:
        mapping: (>= 70, V + J) weights over vertices, then joints.
        origin: where they come from, for the body's provenance.
    """
    weights = mapping[:KEYPOINTS]
    rows, columns = np.nonzero(weights)
    provenance = json.dumps({**json.loads(body.provenance), "keypoints": dict(origin)}, sort_keys=True)
    keypoints = sorted_rows(KEYPOINTS, rows, columns, weights[rows, columns])
    return replace(body, keypoint_rows=keypoints, provenance=provenance)


def constants(
    tensors: TensorSource, buffers: Mapping[str, NDArray[Any]], hands: bool = True
) -> dict[str, NDArray[Any]]:
    """What ``constants.npz`` holds for the engine.

    ``initial_estimate_body`` and, with hands, ``initial_estimate_hand`` (522,): pose layout, then camera; the others by
    their official names.
    """
    estimates = {}
    for kind, suffix in (("body", ""), ("hand", "_hand"))[: 1 + hands]:
        parts = [tensors.read(f"init_{what}{suffix}.weight")[0] for what in ("pose", "camera")]
        estimates[f"initial_estimate_{kind}"] = np.concatenate(parts)
    return estimates | {name: buffers[name] for name in _BUFFERS}
