"""One person of the body decoder's last pass and the hands that are believed (facts: ``run_inference``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.mhr.rotations import matrix_to_xzy, rotation_angle

from .hands import HAND_SCALE, LOWER_ARMS, SIDES, WRIST_ANGLES, Hands, Validity, first_wrists, local_wrists
from .parameters import Constants, model_parameters
from .prediction import Prediction

Array = NDArray[Any]

# A wrist's range about x, z and y, radians (``fix_wrist_euler`` of the reference).
_WRIST_LOWEST = np.array([-2.2, -2.2, -1.2])
_WRIST_HIGHEST = np.array([1.0, 1.5, 1.5])

#: Where the numbers that belong to hands begin: finger lengths among the scales, hand shapes among the shapes.
FINGER_SCALES = 18
HAND_SHAPES = 40


@dataclass(frozen=True, eq=False)
class Merged:
    """B people's numbers after the hands were taken over.

    Attributes:
        body_pose: (B, 133); hand: (B, 108); scale: (B, 28); shape: (B, 45).
        model_parameters: (B, 204).
        used: (B, 2) whether the left and the right hand were taken over.
    """

    body_pose: Array
    hand: Array
    scale: Array
    shape: Array
    model_parameters: Array
    used: NDArray[np.bool_]


def body_alone(prediction: Prediction) -> Merged:
    """The body decoder's own people."""
    return Merged(
        body_pose=np.asarray(prediction.body_pose, np.float64),
        hand=np.asarray(prediction.hand, np.float64),
        scale=np.asarray(prediction.scale, np.float64),
        shape=np.asarray(prediction.shape, np.float64),
        model_parameters=np.asarray(prediction.model_parameters, np.float64),
        used=np.zeros((len(prediction), 2), bool),
    )


def merge(
    body: Body, constants: Constants, first: Prediction, last: Prediction, left: Hands, right: Hands, validity: Validity
) -> Merged:
    """Take over the hands that are believed.

    Args:
        first: the body decoder's first pass, to whose wrists the hands are compared once more.
        last: its last pass, which gives everything else.
    """
    alone = body_alone(last)
    rotation = np.asarray(last.global_rotation, np.float64)
    # The lower arms do not hang on the hands, so their pose need not be known to find them.
    arms = body.pose(model_parameters(constants, rotation, alone.body_pose, alone.hand, alone.scale)).rotations
    local = local_wrists(constants, arms[:, LOWER_ARMS], left, right)
    turned = rotation_angle(first_wrists(first), local)
    used = np.asarray(validity.valid & (turned < validity.criteria.wrist_angle))

    body_pose, hand, scale, shape = (a.copy() for a in (alone.body_pose, alone.hand, alone.scale, alone.shape))
    body_pose[:, WRIST_ANGLES] = np.where(
        used[..., None], within_wrist_range(matrix_to_xzy(local)), body_pose[:, WRIST_ANGLES]
    )
    for index, (side, hands) in enumerate(zip(SIDES, (left, right))):
        mine = used[:, index]
        hand[mine, 54 * index : 54 * (index + 1)] = hands.pose[mine]
        scale[mine, HAND_SCALE[side]] = hands.size_scale(constants)[mine]
    any_used = used.any(axis=1)
    scale[any_used, FINGER_SCALES:] = _mean_of_used("scale", left, right, used)[any_used, FINGER_SCALES:]
    shape[any_used, HAND_SHAPES:] = _mean_of_used("shape", left, right, used)[any_used, HAND_SHAPES:]
    parameters = model_parameters(constants, rotation, body_pose, hand, scale)
    return Merged(body_pose, hand, scale, shape, parameters, used)


def _mean_of_used(name: str, left: Hands, right: Hands, used: NDArray[np.bool_]) -> Array:
    """(B, n) mean over the hands that are used; 0 where none is."""
    both = np.stack([getattr(hands.prediction, name) for hands in (left, right)], axis=1).astype(np.float64)
    return np.asarray((both * used[..., None]).sum(axis=1) / np.maximum(used.sum(axis=1), 1)[:, None])


def within_wrist_range(xzy: Array) -> Array:
    """Of the two ways to write a rotation as x, z, y angles (..., 3), the one that a wrist can do better.

    The other way is (x + pi, -(z + pi), y + pi). The squared distance to the wrist's range decides; the given angles
    stay where both are as good.
    """
    given = np.asarray(xzy, np.float64)
    other = (given + np.pi) * np.array([1.0, -1.0, 1.0])
    other = np.arctan2(np.sin(other), np.cos(other))
    return np.where((_violation(other) < _violation(given))[..., None], other, given)


def _violation(xzy: Array) -> Array:
    outside = np.maximum(_WRIST_LOWEST - xzy, 0.0) ** 2 + np.maximum(xzy - _WRIST_HIGHEST, 0.0) ** 2
    return np.asarray(outside.sum(axis=-1))
