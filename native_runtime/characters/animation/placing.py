"""The motion of a person before a camera that moves, as one before a camera that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import CM_PER_M, MHR_TO_CAMERA, camera_to_mhr
from native_runtime.characters.channels import nearest_angles
from native_runtime.mhr.rotations import matrix_to_euler

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

_ROTATION = slice(3, 6)
_ROOT = "root"


def in_one_camera(
    body: Body, model_parameters: ArrayLike, camera_translation: ArrayLike, camera_to_world: ArrayLike
) -> tuple[Array, Array]:
    """Poses in the axes of each frame's camera as poses in world axes, as if one camera at the world's origin saw all.

    A point of the body is ``p / 100 * (1, -1, -1) + t`` in camera axes (``native_runtime.camera``); with the camera's
    rotation R and place c it is ``R (...) + c`` in world axes. The turn about MHR's origin becomes one of the root
    about its own place, and the rest a translation, as for a character that was moved as a whole.

    Args:
        model_parameters: (F, 204) with a root translation of 0.
        camera_translation: (F, 3) m.
        camera_to_world: (F, 4, 4) rotations and translations (m), OpenCV axes.

    Returns:
        (F, 204) model parameters and (F, 3) m translations. Where no camera is turned, the parameters are the same.
    """
    parameters = np.array(model_parameters, dtype=np.float64)
    translation = np.asarray(camera_translation, dtype=np.float64)
    cameras = np.asarray(camera_to_world, dtype=np.float64)
    turns, places = cameras[:, :3, :3], cameras[:, :3, 3]
    moved = np.einsum("fij,fj->fi", turns, translation) + places
    if np.array_equal(turns, np.broadcast_to(np.eye(3), turns.shape)):
        return parameters, moved
    root = body.joint_index(_ROOT)
    pose = body.pose(parameters)
    centre, rotation = pose.translations[:, root], pose.rotations[:, root]
    above = pose.rotations[:, int(body.joint_parents[root])] @ body.skeleton.prerotation_matrices[root]
    inward = MHR_TO_CAMERA @ turns @ MHR_TO_CAMERA
    local = np.swapaxes(above, 1, 2) @ inward @ rotation
    parameters[:, _ROTATION] = nearest_angles(matrix_to_euler(local), parameters[:, _ROTATION])
    return parameters, moved + (np.einsum("fij,fj->fi", inward, centre) - centre) @ MHR_TO_CAMERA / CM_PER_M


def rooted_joints(body: Body, model_parameters: ArrayLike, translation: ArrayLike, home: ArrayLike) -> Array:
    """(F, J, 7) joint parameters (cm, radians, log2) of a person who moves through the axes of one camera, seen from a
    fixed place: the root takes the way from there.

    Args:
        model_parameters: (F, 204); translation: (F, 3) m, see ``in_one_camera``.
        home: (3,) m, camera axes: where MHR's origin stays.
    """
    joints = np.array(body.joint_parameters(np.asarray(model_parameters, dtype=np.float64)))
    root = body.joint_index(_ROOT)
    above = body.skeleton.forward(joints).joints[:, int(body.joint_parents[root]), :3, :3]
    way = camera_to_mhr(np.asarray(translation, dtype=np.float64), home)
    joints[:, root, :3] += np.linalg.solve(above, way[..., None])[..., 0]
    return joints
