"""From a character as it stands now to an estimate: what the artist made of it, in the words of the engines."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_BLENDER, camera_to_blender, mhr_to_camera
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import Sam3dbError
from native_runtime.mhr.rotations import matrix_to_euler

from ..rig.channels import nearest_angles
from ..rig.pose import read_settings
from .provenance import Origin, read_origin

if TYPE_CHECKING:
    import bpy

    from native_runtime.mhr import Body

Array = NDArray[np.float64]

_UNSCALED = 1e-4
# camera axes (m) -> Blender axes (m): a constant turn
_CAMERA_TO_BLENDER = camera_to_blender(np.eye(3)).T


@dataclass(frozen=True)
class Standing:
    """What a character is now, in the numbers of an estimate.

    Attributes:
        parameters: (204,) MHR model parameters; the root's translation is 0.
        identity, expression: coefficients.
        camera_translation: (3,) m, where MHR's origin lies in camera axes.
    """

    parameters: Array
    identity: Array
    expression: Array
    camera_translation: Array

    @classmethod
    def recorded(cls, origin: Origin) -> Standing:
        """What the character was when it was last inferred."""
        arrays = origin.arrays
        return cls(arrays["model_parameters"], arrays["identity"], arrays["expression"], arrays["camera_translation"])

    def is_close(self, other: Standing) -> bool:
        """Whether both are the same but for the rounding of what Blender stores in 32 bits."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return all(a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in pairs)


def estimate_of(rig: bpy.types.Object, body: Body) -> Estimate:
    """The character's estimate with pose, skeleton, shape, expression and place as they are now.

    Raises:
        Sam3dbError: the rig carries no record of a photo, is scaled, or the body does not fit.
    """
    now = standing_of(rig, body)
    return read_origin(rig).estimate(body, now.parameters, now.identity, now.expression, now.camera_translation)


def standing_of(rig: bpy.types.Object, body: Body) -> Standing:
    """What a character is now.

    Posing the root, and moving or turning the whole rig, change where the person stands before the photo's camera.
    As in every estimate the root's own translation is 0 and ``camera_translation`` holds the place.

    Raises:
        Sam3dbError: the rig carries no record of a photo, is scaled, or the body does not fit.
    """
    origin = read_origin(rig)
    settings = read_settings(rig, body)
    parameters, translation = settings.parameters.copy(), origin.arrays["camera_translation"].copy()

    rest = parameters.copy()
    rest[:3] = 0.0
    root = body.joint_index("root")
    place, centre = (body.pose(p).translations[root] for p in (parameters, rest))
    translation += mhr_to_camera(place - centre)
    parameters = rest

    turn, shift = _moved(rig, origin)
    if not np.allclose(turn, np.eye(3), atol=1e-7) or shift.any():
        inward = MHR_TO_BLENDER.T @ turn @ MHR_TO_BLENDER
        rotations = body.pose(parameters).rotations
        above = rotations[body.joint_parents[root]] @ body.skeleton.prerotation_matrices[root]
        local = above.T @ inward @ rotations[root]
        parameters[3:6] = nearest_angles(matrix_to_euler(local), parameters[3:6])
        translation = _CAMERA_TO_BLENDER.T @ (turn @ _CAMERA_TO_BLENDER @ translation + shift)
        translation += mhr_to_camera(inward @ centre - centre)
    return Standing(parameters, settings.identity, settings.expression, translation)


def _moved(rig: bpy.types.Object, origin: Origin) -> tuple[Array, Array]:
    """How the rig was moved since it was put in its place: a turn (3, 3) and a shift (3,) m, both about the photo's
    camera and in the rig's axes of then.
    """
    if origin.placed is None:
        return np.eye(3), np.zeros(3)
    now = np.array(rig.matrix_world, dtype=np.float64)
    scale = np.linalg.norm(now[:3, :3], axis=0)
    if np.abs(scale - 1.0).max() > _UNSCALED:
        raise Sam3dbError(
            f"'{rig.name}' is scaled as an object, which an estimate cannot say: clear its scale (Alt+S) and use the "
            "sliders of the skeleton."
        )
    # seen from where the rig was put, whose axes the estimate's are; there the camera stands at minus the translation
    motion = np.linalg.inv(origin.placed) @ now
    camera = -_CAMERA_TO_BLENDER @ origin.arrays["camera_translation"]
    turn = motion[:3, :3]
    return turn, turn @ camera + motion[:3, 3] - camera
