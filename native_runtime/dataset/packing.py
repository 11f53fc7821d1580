"""From MHR's parameters to the numbers that SAM 3D Body's heads predict, and what of a body these cannot say.

The inverse of ``native_runtime.network.heads.MHRHead.unpack``; the layout is ``models.sam3d_body_layout``. Rotations
become the first two columns of their matrices, single angles sine and cosine. Fingers and scales are then written as
combinations of the checkpoint's components, by least squares: what the components do not reach is left out, and told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.models import sam3d_body_layout as layout

Array = NDArray[np.float64]

SCALES = layout.MODEL_PARAMETERS - layout.POSED
"""MHR's own scales, 68."""

#: Components smaller than this, to the largest, say nothing: a tiny difference would become an enormous number.
_SMALLEST_COMPONENT = 1e-5


@dataclass(frozen=True, eq=False)
class HeadConstants:
    """What a checkpoint's heads hold beside their weights, under the official names.

    Attributes:
        scale_mean, scale_comps: (68,) and (28, 68).
        hand_pose_mean, hand_pose_comps: (54,) and (54, 54).
        hand_joint_idxs_left, hand_joint_idxs_right: (27,) model parameters of each hand's angles, joint by joint.
    """

    scale_mean: Array
    scale_comps: Array
    hand_pose_mean: Array
    hand_pose_comps: Array
    hand_joint_idxs_left: NDArray[np.int64]
    hand_joint_idxs_right: NDArray[np.int64]

    @staticmethod
    def of(constants: Mapping[str, ArrayLike]) -> HeadConstants:
        """By official name, as a converted model's ``constants.npz`` or a head's buffers have them.

        Raises:
            ValueError: one is missing, or has another shape.
        """
        found: dict[str, Any] = {}
        for name, shape in _SHAPES.items():
            if name not in constants:
                raise ValueError(f"the heads' constants lack '{name}'")
            array = np.asarray(constants[name])
            if array.shape != shape:
                raise ValueError(f"the heads' constant '{name}' has shape {array.shape} instead of {shape}")
            found[name] = array.astype(np.int64 if "idxs" in name else np.float64)
        return HeadConstants(**found)


_COMPONENTS = layout.SCALE.stop - layout.SCALE.start
_SHAPES = {
    "scale_mean": (SCALES,),
    "scale_comps": (_COMPONENTS, SCALES),
    "hand_pose_mean": (layout.HAND,),
    "hand_pose_comps": (layout.HAND, layout.HAND),
    "hand_joint_idxs_left": (layout.HAND_ANGLES,),
    "hand_joint_idxs_right": (layout.HAND_ANGLES,),
}


@dataclass(frozen=True, eq=False)
class HeadNumbers:
    """B people as the heads say them.

    Attributes:
        pose: (B, 266) global rotation and body pose, continuous.
        hands: (B, 108) components of the left and the right hand's pose.
        scale: (B, 28) components of the scales.
        translation: (B, 3) m, camera axes: MHR's root translation, which the heads leave to the camera; to be added to
            the camera's translation.
        hands_left_out: (B, 2) of the left and the right hand: the largest error of a sine, a cosine or an entry of a
            rotation that the components cannot say; near zero this is an angle's error in radians.
        scale_left_out: (B,) the largest error of a scale (a power of two).
    """

    pose: Array
    hands: Array
    scale: Array
    translation: Array
    hands_left_out: Array
    scale_left_out: Array


def pack(model_parameters: ArrayLike, constants: HeadConstants) -> HeadNumbers:
    """The heads' numbers of MHR's model parameters (B, 204).

    Angles come back as the same rotations, not as the same numbers: whole turns are forgotten, and of the two ways to
    write a rotation as rx, ry, rz the one with ry within a quarter turn is kept.

    Raises:
        ValueError: these are not (B, 204) finite numbers.
    """
    parameters = np.asarray(model_parameters, np.float64)
    if parameters.ndim != 2 or parameters.shape[1] != layout.MODEL_PARAMETERS or not np.isfinite(parameters).all():
        raise ValueError(f"model parameters are (B, {layout.MODEL_PARAMETERS}) numbers, not {parameters.shape}")
    # What the network reads as rotations about z, y and x goes to MHR's rx, ry and rz: so it was trained.
    turned = parameters[:, layout.PLACEMENT - 3 : layout.PLACEMENT][:, ::-1]
    hands, left_out = zip(
        *(
            _components(_fingers(parameters[:, index]), constants.hand_pose_mean, constants.hand_pose_comps)
            for index in (constants.hand_joint_idxs_left, constants.hand_joint_idxs_right)
        )
    )
    scale, scale_left_out = _components(parameters[:, layout.POSED :], constants.scale_mean, constants.scale_comps)
    return HeadNumbers(
        pose=np.concatenate([_columns(turned), _body(parameters)], axis=1),
        hands=np.concatenate(hands, axis=1),
        scale=scale,
        translation=parameters[:, :3] / layout.TRANSLATION_UNITS * (1.0, -1.0, -1.0),
        hands_left_out=np.stack(left_out, axis=1),
        scale_left_out=scale_left_out,
    )


def _body(parameters: Array) -> Array:
    """(B, 260) the body pose's continuous numbers. Fingers and jaw, which have no place in it, stay at rest."""
    pose = np.zeros((len(parameters), layout.BODY_POSE))
    pose[:, : layout.POSED - layout.PLACEMENT] = parameters[:, layout.PLACEMENT : layout.POSED]
    pose[:, layout.BODY_POSE_FINGERS] = 0.0
    rotations = _columns(pose[:, layout.BODY_ROTATIONS].reshape(-1, 3)).reshape(len(pose), -1)
    angles, lengths = pose[:, layout.BODY_ANGLES], pose[:, layout.BODY_LENGTHS]
    return np.concatenate([rotations, _circle(angles), lengths], axis=1)


def _fingers(angles: Array) -> Array:
    """(B, 54) a hand's continuous numbers of its angles (B, 27), joint by joint."""
    ends = accumulate(layout.HAND_FREEDOMS)
    return np.concatenate(
        [
            (_columns if freedoms == 3 else _circle)(angles[:, end - freedoms : end])
            for freedoms, end in zip(layout.HAND_FREEDOMS, ends)
        ],
        axis=1,
    )


def _columns(angles: Array) -> Array:
    """(n, 6) the first two columns, one after the other, of R = Rz Ry Rx of angles (n, 3)."""
    return euler_to_matrix(angles)[..., :2].swapaxes(1, 2).reshape(len(angles), 6)


def _circle(angles: Array) -> Array:
    """(n, 2k) sine and cosine of each of k angles."""
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(angles), -1)


def _components(values: Array, mean: Array, components: Array) -> tuple[Array, Array]:
    """x (B, n) for which ``mean + x @ components`` is nearest to values (B, m), and (B,) the largest error that
    remains.
    """
    found = (values - mean) @ np.linalg.pinv(components, rcond=_SMALLEST_COMPONENT)
    return found, np.abs(mean + found @ components - values).max(axis=1)
