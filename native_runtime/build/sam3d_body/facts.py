"""What is publicly known of the released tensors, held against a file of unknown origin.

A file may have all names and shapes and still be damaged, put together from several, or of another rig. What only shows
in what the network answers (weights swapped, scaled, of another training) is left to the proof of the converted model.

Facts of DINOv3-H+ that several people read off the released file: the biases of queries, keys and values and their
masks are zero, the periods of the rotary embedding are 100^(i / 16) in bfloat16, gains of LayerScale reach 13.6. Facts
of the heads: which of MHR's parameters are a hand's, where the rest skeleton has root and wrist.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr import Body, load_rig_facts
from native_runtime.models.sam3d_body_layout import HAND_FREEDOMS, KEYPOINTS, MODEL_PARAMETERS, PLACEMENT

from .layouts.rebuilds import BASE, PERIODS
from .tensors import StoredTensors, TensorSource

Array = NDArray[Any]

_QKV_BIAS, _MASK, _GAIN = ".attn.qkv.bias", ".attn.qkv.bias_mask", ".gamma"
_LARGEST_GAIN = 2 * 13.6
_ROUNDING = 2.0**-7
"""Relative; twice what rounding to bfloat16 does."""
_RELEASED_WITHOUT_BIAS = "dinov3"
_NUMBERED = re.compile(r"\.(?:blocks|layers)\.\d+\.")
_SMALLEST_VECTOR = 32
_PLACE = 1e-4
"""m."""
_TURN = 1e-3
_WEIGHT = 1e-2
_ROUNDINGS = {"bfloat16": 2.0**-8, "float16": 2.0**-11}
_UNCERTAIN = "It is damaged, altered, or put together from several files. Take a published one."


def check_tensors(tensors: TensorSource, variant: str) -> None:
    """Compare small tensors with what is known of them.

    Args:
        variant: name of the released model.

    Raises:
        ModelError: they are not those of a released model.
    """
    for name in tensors.names():
        if name.endswith(_MASK):
            _check_mask(name, tensors.read(name))
        elif name.endswith(_QKV_BIAS) and variant == _RELEASED_WITHOUT_BIAS and name.startswith("backbone.encoder."):
            if tensors.read(name).any():
                raise ModelError(f"{name} is not zero, as it is in the released model. {_UNCERTAIN}")
        elif name.endswith(_GAIN):
            largest = float(np.abs(tensors.read(name)).max(initial=0))
            if largest > _LARGEST_GAIN:
                raise ModelError(
                    f"{name} reaches {largest:.3g}, far beyond the gains of the released model. {_UNCERTAIN}"
                )
        elif name == PERIODS:
            _check_periods(name, tensors.read(name))
    _check_distinct(tensors)


def _check_mask(name: str, mask: Array) -> None:
    third = len(mask) // 3
    expected = np.ones(len(mask))
    expected[third : 2 * third] = 0
    if mask.any() and not np.array_equal(mask, expected):
        raise ModelError(f"{name} does not mask the bias of the keys, and of nothing else. {_UNCERTAIN}")


def _check_periods(name: str, periods: Array) -> None:
    expected = BASE ** (np.arange(len(periods)) / len(periods))
    if np.abs(periods / expected - 1).max() > _ROUNDING:
        raise ModelError(f"{name} is not {BASE:g}^(i / {len(periods)}), as in DINOv3. {_UNCERTAIN}")


def _check_distinct(tensors: TensorSource) -> None:
    """No two layers of a module have learned the same vector: where they have, one was copied over the other."""
    seen: dict[tuple[str, bytes], str] = {}
    for name in tensors.names():
        shape = tensors.shape(name)
        if len(shape) != 1 or shape[0] < _SMALLEST_VECTOR or not _NUMBERED.search(name) or name.endswith(_MASK):
            continue
        vector = tensors.read(name)
        if vector.dtype.kind != "f" or np.all(vector == vector[0]):
            continue
        of_any_layer = _NUMBERED.sub(".", name)
        other = seen.setdefault((of_any_layer, hashlib.sha256(vector.tobytes()).digest()), name)
        if other != name:
            raise ModelError(f"{name} holds the same numbers as {other}. {_UNCERTAIN}")


def rounding_of(tensors: StoredTensors) -> float:
    """What storing the head's buffers may have done to them, relative to their size."""
    kinds = {tensors.kind(f"head_pose.{name}") for name in ("root_coords", "right_wrist_coords")}
    return max(_ROUNDINGS.get(kind, 0.0) for kind in kinds)


def check_buffers(buffers: Mapping[str, Array], rounding: float = 0.0) -> None:
    """Compare the head's lists of MHR's parameters, and its rotations, with what they must be.

    Args:
        buffers: of ``rig_buffers.read_buffers``.
        rounding: relative, of how they are stored (``rounding_of``).

    Raises:
        ModelError: they are something else.
    """
    left, right = (_hand_parameters(side) for side in "lr")
    wanted = {
        "hand_joint_idxs_left": left,
        "hand_joint_idxs_right": right,
        "nonhand_param_idxs": _not_of_the_right_hand(right),
    }
    for name, expected in wanted.items():
        if not np.array_equal(buffers[name], expected):
            raise ModelError(f"head_pose.{name} does not list the parameters of the released model. {_UNCERTAIN}")
    joints = load_rig_facts().joint_names
    # The engine uses the turns of these joints alone.
    used = [joints.index(f"{side}_wrist_twist") for side in "lr"]
    for name, rows in (("joint_rotation", used), ("local_to_world_wrist", [0])):
        turns = np.asarray(buffers[name], np.float64).reshape(-1, 3, 3)[rows]
        if (
            np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max() > _TURN + 4 * rounding
            or (np.linalg.det(turns) < 0).any()
        ):
            raise ModelError(f"head_pose.{name} holds no rotations. {_UNCERTAIN}")
    sums = np.asarray(buffers["keypoint_mapping"][:KEYPOINTS], np.float64).sum(axis=1)
    if np.abs(sums - 1).max() > _WEIGHT:
        raise ModelError(f"The weights of head_pose.keypoint_mapping do not sum to 1. {_UNCERTAIN}")


def check_rig(body: Body, buffers: Mapping[str, Array], rounding: float = 0.0) -> None:
    """Make sure that a head was made with this skeleton at rest: root and right wrist. Arguments as above.

    Raises:
        ModelError: it was made with another one.
    """
    rest = body.skeleton.rest
    wrist = body.joint_index("r_wrist")
    places = {"root_coords": body.joint_index("root"), "right_wrist_coords": wrist}
    for name, joint in places.items():
        expected = rest.translations[joint] / 100
        apart = float(np.abs(buffers[name] - expected).max())
        if apart > _PLACE + rounding * float(np.abs(expected).max()):
            raise ModelError(
                f"The rig's {body.joint_names[joint]} is {1000 * apart:.3g} mm from where the checkpoint expects it. "
                "The checkpoint and the rig must come from the same release."
            )
    if np.abs(buffers["local_to_world_wrist"] - rest.rotations[wrist].T).max() > _TURN + rounding:
        raise ModelError(
            "The rig's right wrist is turned otherwise than the checkpoint expects it. The checkpoint and the rig must "
            "come from the same release."
        )


def _hand_parameters(side: str) -> Array:
    """(27,) the pose parameters of a hand's joints, in SAM 3D Body's order: little finger to index, then thumb."""
    names = load_rig_facts().parameterisation.names
    joints = [f"{finger}{k}" for finger in ("pinky", "ring", "middle", "index") for k in (1, 2, 3)]
    joints += [f"thumb{k}" for k in range(4)]
    axes = {3: ("rx", "ry", "rz"), 2: ("ry", "rz"), 1: ("rz",)}
    return np.array(
        [names.index(f"{side}_{joint}_{axis}") for joint, count in zip(joints, HAND_FREEDOMS) for axis in axes[count]]
    )


def _not_of_the_right_hand(right: Array) -> Array:
    """(145,) all parameters but the placement, the right hand's angles and its scales."""
    names = load_rig_facts().parameterisation.names
    scales = {i for i, name in enumerate(names) if name == "scale_r_hands" or name.startswith("scale_r_")}
    kept = {*range(PLACEMENT), *right.tolist(), *scales}
    return np.array([i for i in range(MODEL_PARAMETERS) if i not in kept])
