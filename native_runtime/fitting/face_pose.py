"""The turn of a head, as its face shows it, given to neck and head of a fitted body.

Neck and head share the turn: Gauss-Newton over their six angles within MHR's limits. What the body's fit had is a
Gaussian about its own angles, what the face says another about its direction; derivatives by differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_CAMERA, mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import nearest_rotation
from native_runtime.mhr.state import PlacedState

from .solver import solve

Array = NDArray[np.float64]

ANGLES = ("neck_twist", "neck_lean", "neck_bend", "head_twist", "head_lean", "head_bend")
_HEAD = "c_head"
_IRISES = ("l_eye_null", "r_eye_null")
"""The joints at the front of the eyeballs."""
_STEP = 1e-4


@dataclass(frozen=True)
class TurnTrust:
    """How far the face's and the body's direction of the head are believed. Our own choice.

    Attributes:
        face: degrees, sigma of the direction that the face shows when it looks at the camera.
        aside: degrees, added to it for each degree of yaw.
        place: sigma of the place between the eyes, as a part of the face's size.
        body: degrees, sigma of each of the body's own angles.
        most: degrees: a face that looks elsewhere by more is somebody else's, or the fit is wrong: nothing is turned.
    """

    face: float = 4.0
    aside: float = 0.15
    place: float = 0.05
    body: float = 10.0
    most: float = 30.0


TRUST = TurnTrust()


def turned_head(
    body: Body,
    state: PlacedState,
    intrinsics: Array,
    rotation: Array,
    yaw: float,
    error: float,
    eyes: Array,
    size: float,
    trust: TurnTrust = TRUST,
) -> tuple[Array, float]:
    """Model parameters (204,) of the same body with its head turned as the face shows, and by how many degrees the two
    differed.

    Args:
        state: of the body.
        intrinsics: (3, 3) px.
        rotation: (3, 3) from the resting head's axes (x to its left, y down, z backwards) to the camera's.
        yaw: degrees by which the face is turned from the line of sight.
        error: of the face's points (``face.FaceFit.error``): the sigmas grow with it.
        eyes: (2,) px, the middle between both irises.
        size: px, side of the face.
    """
    parameters = np.asarray(state.model_parameters, np.float64)
    wanted = MHR_TO_CAMERA @ rotation @ MHR_TO_CAMERA.T
    which = [body.parameter_index(name) for name in ANGLES]
    joint = body.joint_index(_HEAD)
    rest = nearest_rotation(body.inverse_bind[joint][:3, :3])
    low, high = body.limit_min[which], body.limit_max[which]

    irises = [body.joint_index(name) for name in _IRISES]
    doubt = max(1.0, error)
    face, place = np.radians(doubt * (trust.face + trust.aside * abs(yaw))), doubt * trust.place * size

    def off(angles: Array) -> Array:
        """(5,) in sigmas: the rotation vector from the head's direction to the wanted one, and how far the eyes are
        off their place.
        """
        moved = parameters.copy()
        moved[which] = angles
        pose = body.pose(moved)
        turn = _vector(wanted @ (pose.rotations[joint] @ rest).T)
        middle = mhr_to_camera(pose.translations[irises].mean(axis=0), state.camera_translation)
        return np.r_[turn / face, (project(middle, intrinsics) - eyes) / place]

    before = parameters[which]
    apart = float(np.degrees(face * np.linalg.norm(off(before)[:3])))
    if apart > trust.most:
        return parameters, apart
    stiffness = np.radians(trust.body) ** -2
    angles = before.copy()
    for _ in range(4):
        residual = off(angles)
        slopes = np.stack([(off(angles + step) - residual) / _STEP for step in _STEP * np.eye(len(which))], axis=1)
        hessian = slopes.T @ slopes + stiffness * np.eye(len(which))
        pull = slopes.T @ residual + stiffness * (angles - before)
        # A body's fit may stand on a limit already, or beyond it by a hair.
        angles = np.clip(angles - solve(hessian, pull), np.minimum(low, before), np.maximum(high, before))
    turned = parameters.copy()
    turned[which] = angles
    return turned, apart


def _vector(rotation: Array) -> Array:
    """(3,) the rotation vector of a rotation matrix (3, 3)."""
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine, cosine = float(np.linalg.norm(axis)) / 2, (float(np.trace(rotation)) - 1) / 2
    if sine < 1e-9:
        return np.asarray(axis / 2)
    return np.asarray(axis / (2 * sine) * np.arctan2(sine, cosine))
