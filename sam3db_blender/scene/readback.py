"""From a character's current state to an estimate: the artist's result in the engines' form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_BLENDER, blender_camera_matrix, camera_to_blender, mhr_to_camera
from native_runtime.characters.channels import nearest_angles
from native_runtime.characters.state import CharacterState
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import Sam3dbError
from native_runtime.mhr.rotations import matrix_to_euler

from ..rig.pose import read_settings
from .camera import camera_of
from .provenance import Origin, read_origin
from .units import units_per_metre

if TYPE_CHECKING:
    import bpy

    from native_runtime.mhr import Body

Array = NDArray[np.float64]

_UNSCALED = 1e-4
# camera axes (m) -> Blender axes (m): a constant turn
_CAMERA_TO_BLENDER = camera_to_blender(np.eye(3)).T


def units_of(rig: bpy.types.Object) -> float:
    """How many world units make a metre of a character.

    That is the scale at which it was put into its scene; or, where the scene counts in other units since and the
    character was scaled to them, theirs.
    """
    then = units_when_placed(read_origin(rig))
    now = float(_scale_of(np.array(rig.matrix_world, dtype=np.float64)).mean())
    known = [then, *(units_per_metre(scene) for scene in rig.users_scene)]
    return next((units for units in known if abs(now / units - 1.0) < _UNSCALED), then)


def place_before_camera(rig: bpy.types.Object, translation: Array) -> Array:
    """(4, 4) the world matrix of a rig whose person its photo's camera sees with this ``camera_translation`` (m).

    Raises:
        Sam3dbError: the camera was deleted.
    """
    eye = np.array(camera_of(rig).matrix_world.normalized(), dtype=np.float64)
    eye[:3, :3] *= units_of(rig)
    return eye @ np.linalg.inv(blender_camera_matrix(translation))


def units_when_placed(origin: Origin) -> float:
    """How many world units made a metre when a character was put into its scene."""
    # rounded, for matrices in single precision would let it drift from pose to pose
    return 1.0 if origin.placed is None else float(f"{_scale_of(origin.placed).mean():.6g}")


def _scale_of(matrix: Array) -> Array:
    """(3,) the lengths of the axes of a (4, 4) matrix."""
    return np.asarray(np.linalg.norm(matrix[:3, :3], axis=0))


def estimate_of(rig: bpy.types.Object, body: Body) -> Estimate:
    """The character's estimate with pose, skeleton, shape, expression and place as they are now.

    Raises:
        Sam3dbError: the rig carries no record of a photo, is scaled, or the body does not fit.
    """
    return read_origin(rig).estimate(body, current_state(rig, body))


def current_state(
    rig: bpy.types.Object, body: Body, origin: Origin | None = None, scaled: bool = False
) -> CharacterState:
    """What a character is now.

    Posing the root, and moving or turning the whole rig, change where the person stands before the photo's camera.
    As in every estimate the root's own translation is 0 and ``camera_translation`` holds the place.

    Args:
        origin: what the place is compared with; the character's own record where it is not given.
        scaled: ignore the scale of the object.

    Raises:
        Sam3dbError: the rig carries no record of a photo, is scaled, or the body does not fit.
    """
    origin = origin or read_origin(rig)
    settings = read_settings(rig, body)
    parameters, translation = settings.model_parameters.copy(), origin.arrays["camera_translation"].copy()

    root = body.joint_index("root")
    if parameters[:3].any():
        place = body.pose(parameters).translations[root]
        parameters[:3] = 0.0
        translation += mhr_to_camera(place - body.pose(parameters).translations[root])

    turn, shift = _moved(rig, origin, scaled)
    if not np.allclose(turn, np.eye(3), atol=1e-7) or shift.any():
        inward = MHR_TO_BLENDER.T @ turn @ MHR_TO_BLENDER
        pose = body.pose(parameters)
        rotations, centre = pose.rotations, pose.translations[root]
        above = rotations[body.joint_parents[root]] @ body.skeleton.prerotation_matrices[root]
        local = above.T @ inward @ rotations[root]
        parameters[3:6] = nearest_angles(matrix_to_euler(local), parameters[3:6])
        translation = _CAMERA_TO_BLENDER.T @ (turn @ _CAMERA_TO_BLENDER @ translation + shift)
        translation += mhr_to_camera(inward @ centre - centre)
    beyond = settings.beyond if len(settings.beyond) else np.zeros((len(body.joint_names), 7))
    return CharacterState(parameters, settings.identity, settings.expression, translation, beyond)


def _moved(rig: bpy.types.Object, origin: Origin, scaled: bool) -> tuple[Array, Array]:
    """How the rig was moved since it was put in its place: a turn (3, 3) and a shift (3,) m, both about the photo's
    camera and in the rig's axes of then.
    """
    if origin.placed is None:
        return np.eye(3), np.zeros(3)
    now = np.array(rig.matrix_world, dtype=np.float64)
    then = units_when_placed(origin)
    now[:3] *= then / units_of(rig)  # the scene may count in other units since
    scale = _scale_of(now) / then
    if scaled:
        now[:3, :3] /= scale
    elif np.abs(scale - 1.0).max() > _UNSCALED:
        raise Sam3dbError(
            f"'{rig.name}' is scaled as an object, which estimates do not support: clear its scale (Alt+S) and use the "
            "sliders of the skeleton."
        )
    # seen from where the rig was put, whose axes the estimate's are; there the camera stands at minus the translation
    motion = np.linalg.inv(origin.placed) @ now
    camera = -_CAMERA_TO_BLENDER @ origin.arrays["camera_translation"]
    turn = motion[:3, :3]
    return turn, turn @ camera + motion[:3, 3] - camera


def floor_below(rig: bpy.types.Object) -> tuple[float, Array] | None:
    """The floor in a rig's own axes, that on which it was placed, which moves along with the object: its height, cm,
    and the direction (3,) upwards in which that is measured from the rig's origin, MHR's axes.

    None where it was built outside a photo's scene.
    """
    placed = read_origin(rig).placed
    if placed is None:
        return None
    scale = float(np.linalg.norm(placed[2, :3]))
    return float(-100.0 * placed[2, 3] / scale), placed[2, :3] / scale @ MHR_TO_BLENDER
