"""A body's numbers onto a rig, and whatever an artist has made of the rig back into numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.channels import Channels
from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.settings import CharacterSettings, solve_parameters
from native_runtime.characters.sliders import SHAPE_KEY_LIMIT, Section
from native_runtime.errors import Sam3dbError

from .arrays import fill, take
from .control_pose import controls_of, require_posable, set_controls
from .followed import followed
from .properties import read_sliders, slider_path, write_sliders
from .releasing import release_deserted
from .rigify_pose import followed_rigify, pose_controls, pose_face
from .shared_controls import own_controls, shares_controls
from .twist import shown_twists

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: The custom property that keeps the model parameters last written, see ``settings.solve_parameters``.
REFERENCE = "sam3db_parameters"
#: Channels hold 32-bit numbers; smaller differences (cm, radians, log2) are their rounding, not an artist's intent.
ROUNDING = 2e-5
#: A bone farther than this (m, or an entry of its rotation) from its own channels is held by a constraint or by IK.
_CONSTRAINED = 1e-4


def apply_settings(rig: bpy.types.Object, body: Body, settings: CharacterSettings) -> None:
    """Sets pose, skeleton, shape and expression."""
    settings.check(body)
    apply_parameters(rig, body, settings.model_parameters, settings.beyond)
    set_shape(rig, body, settings.identity, settings.expression)


def read_settings(rig: bpy.types.Object, body: Body, near: ArrayLike | None = None) -> CharacterSettings:
    """All that the character is now: posed by hand, by keys, by constraints or by sliders.

    Args:
        near: (204,) see ``settings.solve_parameters``; the parameters last written where it is not given.
    """
    return _read(rig, body, near)[0]


def apply_parameters(
    rig: bpy.types.Object, body: Body, model_parameters: ArrayLike, beyond: ArrayLike | None = None
) -> None:
    """Poses the rig by the 204 model parameters; skeleton lengths and scales are part of them.

    The bones of the spine take their whole angles, and the spine's sliders go to 0, so that "Clear Rotation"
    straightens the spine as it does everything else.

    The controls of a character that has some, its own or Rigify's, are set to the same pose, FK and IK.

    Args:
        beyond: (J, 7) what the joints do on top, see ``CharacterSettings``.
    """
    parameters = np.asarray(model_parameters, dtype=np.float64)
    rig_map = RigMap.of(body)
    bones = _pose_bones(rig, body)
    release_deserted(rig, body)
    if shares_controls(rig):  # which are posed for the original
        own_controls(rig)
    controls = controls_of(rig)
    if controls is not None:
        require_posable(controls)
    joints = np.asarray(body.joint_parameters(parameters), dtype=np.float64)
    if beyond is not None and len(np.asarray(beyond)):
        joints = joints + np.asarray(beyond, dtype=np.float64)
    sliders = rig_map.section("pose", "skeleton")
    write_sliders(rig, sliders, [0.0 if s.section == "pose" else parameters[s.index] for s in sliders])
    new = rig.get(REFERENCE) is None
    rig[REFERENCE] = parameters.tolist()
    if new:  # saved with a library override, as the bones that it explains are
        rig.property_overridable_library_set(slider_path(REFERENCE), True)
    channels = rig_map.channels.channels(joints)
    for bone, mode in zip(bones, rig_map.channels.rotation_modes):
        if bone.rotation_mode != mode:
            bone.rotation_mode = mode
    fill(bones, "location", channels.location)
    fill(bones, "rotation_euler", channels.rotation)
    fill(bones, "scale", np.repeat(channels.scale[:, None], 3, axis=1))
    rig.update_tag()
    if controls is not None:
        set_controls(controls, body, joints)
    rigify = followed_rigify(rig)
    if rigify is not None:
        pose_controls(rigify, body, joints)


def read_parameters(rig: bpy.types.Object, body: Body, near: ArrayLike | None = None) -> tuple[Array, float]:
    """The 204 model parameters of the rig as it stands, and the largest part of a joint's motion (cm, radians, log2)
    that no parameter expresses; see ``read_settings``.
    """
    settings, rest = _read(rig, body, near)
    return settings.model_parameters, rest


def read_joint_parameters(rig: bpy.types.Object, body: Body) -> Array:
    """The (127, 7) joint parameters of the rig as it stands: sliders, drivers, constraints and IK included."""
    return _joint_parameters(rig.evaluated_get(bpy.context.evaluated_depsgraph_get()), body)


def take_over(rig: bpy.types.Object, body: Body) -> None:
    """Writes where the bones of a character with controls stand into their own channels, which these override."""
    channels = RigMap.of(body).channels.channels(read_joint_parameters(rig, body))
    bones = _pose_bones(rig, body)
    fill(bones, "location", channels.location)
    fill(bones, "rotation_euler", channels.rotation)
    fill(bones, "scale", np.repeat(channels.scale[:, None], 3, axis=1))


def set_shape(rig: bpy.types.Object, body: Body, identity: ArrayLike | None, expression: ArrayLike | None) -> None:
    """Sets the identity (n_id,) and expression (n_ex,) coefficients; None leaves a set as it is."""
    given: tuple[tuple[Section, ArrayLike | None], ...] = (("shape", identity), ("expression", expression))
    for section, values in given:
        if values is None:
            continue
        sliders = RigMap.of(body).section(section)
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != (len(sliders),):
            raise Sam3dbError(f"This body has {len(sliders)} {section} coefficients, but {numbers.size} were given.")
        for slider, value in zip(sliders, numbers.tolist()):
            if not abs(value) <= SHAPE_KEY_LIMIT:
                raise Sam3dbError(
                    f"The coefficient '{slider.name}' is {value:g}; Blender's sliders end at ±{SHAPE_KEY_LIMIT:g}."
                )
        write_sliders(rig, sliders, numbers)
        rigify = followed_rigify(rig)
        if rigify is not None and section == "expression":
            pose_face(rigify, dict(zip((slider.key for slider in sliders), numbers.tolist())))


def read_shape(rig: bpy.types.Object, body: Body) -> tuple[Array, Array]:
    """The identity (n_id,) and expression (n_ex,) coefficients as the sliders stand."""
    rig_map = RigMap.of(body)
    return read_sliders(rig, rig_map.section("shape")), read_sliders(rig, rig_map.section("expression"))


def _read(rig: bpy.types.Object, body: Body, near: ArrayLike | None) -> tuple[CharacterSettings, float]:
    """The settings, and the largest part of a joint's motion that no parameter expresses.

    Of that part the settings hold only what can be put back: channels without drivers. Helpers that twist with a limb
    take no part at all: behind a limb that a constraint turns they stay with its channels.
    """
    evaluated = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    rig_map = RigMap.of(body)
    sliders = rig_map.section("pose", "skeleton")
    by_index = dict(zip((slider.index for slider in sliders), read_sliders(evaluated, sliders)))
    if near is None:
        near = np.array(rig[REFERENCE]) if rig.get(REFERENCE) is not None else np.zeros(len(body.parameter_names))
    parameters, beyond = solve_parameters(
        rig_map.homes, _joint_parameters(evaluated, body), [by_index[i] for i in rig_map.homes.sliders], near
    )
    beyond[[name.endswith("_proc") for name in body.joint_names]] = 0.0
    rest = float(np.abs(beyond).max())
    beyond[rig_map.homes.driven | (np.abs(beyond) < ROUNDING)] = 0.0
    identity, expression = read_shape(evaluated, body)
    settings = CharacterSettings(parameters, identity, expression)
    return (replace(settings, beyond=beyond) if beyond.any() else settings), rest


def _joint_parameters(evaluated: bpy.types.Object, body: Body) -> Array:
    """Joint parameters (J, 7) of an evaluated rig.

    Where a bone stands as its channels and sliders say, its angles are taken from these, so that whole turns are kept;
    where something else holds it, they are read from where it stands.
    """
    rig_map = RigMap.of(body)
    bones = _pose_bones(evaluated, body)
    rotation = take(bones, "rotation_euler", 3).astype(np.float64)
    for i, (bone, mode) in enumerate(zip(bones, rig_map.channels.rotation_modes)):
        if bone.rotation_mode != mode:
            rotation[i] = bone.matrix_basis.to_euler(mode)
    scale = np.maximum(take(bones, "scale", 3).astype(np.float64), 1e-9)
    joints = rig_map.channels.joint_parameters(
        Channels(
            location=take(bones, "location", 3).astype(np.float64),
            rotation=rotation,
            scale=np.exp(np.log(scale).mean(axis=1)),
        )
    )
    shared = [slider for slider in rig_map.section("pose") if slider.index in rig_map.homes.shared]
    columns = rig_map.homes.transform[:, [slider.index for slider in shared]]
    joints += (columns @ read_sliders(evaluated, shared)).reshape(joints.shape)

    motion = _local_motion(evaluated, rig_map)
    held = np.abs(motion - rig_map.channels.local_matrices(joints)).max(axis=(1, 2)) > _CONSTRAINED
    if held.any():
        # the channels of a rig that follows controls are old, and no measure of which angles are meant
        follows = followed(evaluated) is not None
        joints[held] = rig_map.channels.from_local_matrices(motion, None if follows else joints)[held]
        if follows:
            _read_twists(joints, motion, held, evaluated, body)
    return joints


def _read_twists(
    joints: Array, motion: Array, held: NDArray[np.bool_], evaluated: bpy.types.Object, body: Body
) -> None:
    """Of the angles that give the same rotation, those with the twist that the helpers of a limb show are meant."""
    channels = RigMap.of(body).channels
    for name, twist in shown_twists(evaluated, body).items():
        i = body.joint_index(name)
        if not held[i]:
            continue
        turn = motion[i, :3, :3] / np.cbrt(np.linalg.det(motion[i, :3, :3]))
        angles = channels.turned_by(i, turn, twist)
        if angles is not None:
            joints[i, 3:6] = angles


def _local_motion(evaluated: bpy.types.Object, rig_map: RigMap) -> Array:
    """(J, 4, 4) how each bone has moved from its rest place beneath its parent, own rest axes, m."""
    # Blender hands matrices out column by column
    now = np.swapaxes(take(evaluated.pose.bones, "matrix", 16).reshape(-1, 4, 4), 1, 2).astype(np.float64)
    rest, parents = rig_map.layout.rest, rig_map.layout.parents
    below = parents >= 0
    rest_local, now_local = rest.copy(), now.copy()
    rest_local[below] = np.linalg.inv(rest[parents[below]]) @ rest[below]
    now_local[below] = np.linalg.inv(now[parents[below]]) @ now[below]
    return np.linalg.inv(rest_local) @ now_local


def _pose_bones(rig: bpy.types.Object, body: Body):
    """The rig's pose bones, which stand in the order of the body's joints."""
    bones = rig.pose.bones
    if len(bones) != len(body.joint_names) or any(bone.name != name for bone, name in zip(bones, body.joint_names)):
        raise ValueError(f"the bones of '{rig.name}' are not the joints of the body '{body.name}'")
    return bones
