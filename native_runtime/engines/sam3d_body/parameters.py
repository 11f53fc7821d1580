"""The model's compact form of a person as MHR's 204 model parameters (facts: ``models/heads/mhr_head.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.rotations import columns_to_euler
from native_runtime.models import sam3d_body_layout as layout

Array = NDArray[Any]
Constants = Mapping[str, Array]
"""A converted model's ``constants.npz``, official names: ``scale_mean`` (68,), ``scale_comps`` (28, 68),
``hand_pose_mean`` (54,), ``hand_pose_comps`` (54, 54), ``hand_joint_idxs_left`` and ``_right`` (27,), ..."""


def model_parameters(
    constants: Constants, global_rotation: Array, body_pose: Array, hand: Array, scale: Array
) -> NDArray[np.float64]:
    """Model parameters (B, 204) of global rotations (B, 3), body poses (B, 133), hands (B, 108) and scales (B, 28).

    The root translation is 0. The global rotation goes in as it is: the model's three angles are MHR's rx, ry, rz.
    """
    out = np.zeros((len(body_pose), layout.MODEL_PARAMETERS))
    out[:, 3 : layout.PLACEMENT] = global_rotation
    out[:, layout.PLACEMENT : layout.POSED] = body_pose[:, : layout.POSED - layout.PLACEMENT]
    for side, numbers in zip(("left", "right"), np.split(np.asarray(hand, np.float64), 2, axis=1)):
        out[:, constants[f"hand_joint_idxs_{side}"]] = hand_angles(constants, numbers)
    out[:, layout.POSED :] = constants["scale_mean"] + np.asarray(scale, np.float64) @ constants["scale_comps"]
    return out


def hand_angles(constants: Constants, numbers: Array) -> NDArray[np.float64]:
    """A hand's 27 angles (B, 27), joint by joint, of its compact 54 numbers (B, 54)."""
    continuous = constants["hand_pose_mean"] + np.asarray(numbers, np.float64) @ constants["hand_pose_comps"]
    out = np.empty((len(continuous), layout.HAND_ANGLES))
    ends = accumulate(layout.HAND_FREEDOMS)
    for freedoms, end in zip(layout.HAND_FREEDOMS, ends):
        part = continuous[:, 2 * (end - freedoms) : 2 * end]
        if freedoms == 3:
            out[:, end - 3 : end] = columns_to_euler(part)
        else:  # sine and cosine of each angle
            out[:, end - freedoms : end] = np.arctan2(part[:, ::2], part[:, 1::2])
    return out
