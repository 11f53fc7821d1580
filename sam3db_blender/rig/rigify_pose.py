"""Setting the controls of a generated Rigify rig, for FK and for IK, so that the character stands in a given pose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.rigify.controls import (
    CONTROLS,
    LIMBS,
    Control,
    Limb,
    channel_matrix,
    motions,
    pole_place,
    posed_bones,
)
from native_runtime.characters.rigify.metarig import SOCKET
from native_runtime.mhr.rotations import twist_about, unit

from .arrays import take
from .followed import followed
from .turning import set_rotation

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: Custom property of a generated rig and of its metarig: which of the two it is.
PART = "sam3db_rigify"
RIG, METARIG = "rig", "metarig"
#: Custom properties of a generated rig: which bone moves which slider of the face, and the way (m) from 0 to 1.
FACE, TRACK = "sam3db_rigify_face", "sam3db_rigify_track"
#: How often the scene is evaluated again until controls below follow switches, and IK, stand right.
_ROUNDS = 12
#: Radians and m within which a control stands right.
_TURNED, _PLACED = 2e-5, 1e-5
#: Radians within which IK bends a limb in the right plane; sockets take the rest.
_SWIVEL = 2e-4
#: Channels of sockets that differ from rest by less are rounding errors.
_REST = 1e-6


def followed_rigify(rig: bpy.types.Object) -> bpy.types.Object | None:
    """The Rigify rig that a character follows; None where it follows none, or another armature."""
    armature = followed(rig)
    return armature if armature is not None and armature.get(PART) == RIG else None


def pose_controls(
    rigify: bpy.types.Object, body: Body, joint_parameters: ArrayLike, limbs: Iterable[Limb] | None = None
) -> None:
    """Poses all controls, FK and IK, so that the character's bones stand as its joint parameters (127, 7) say.

    What the controls cannot do (lengths of another skeleton, a foot that rolls within) is left in the sockets'
    channels, so that the bones stand exactly there. Settings of the rig (switches, follow, parents) are not changed.
    An action of the rig is neither asked nor changed.

    Args:
        limbs: only the controls of these limbs; all controls where they are not given.
    """
    poser = _Poser(rigify, body, posed_bones(body, joint_parameters), limbs)
    with quiet(rigify):
        poser.pose()


@contextmanager
def quiet(armature: bpy.types.Object) -> Iterator[None]:
    """An armature without what its actions and strips do."""
    animation: Any = armature.animation_data
    if animation is None:
        yield
        return
    action, slot, nla = animation.action, getattr(animation, "action_slot", None), animation.use_nla
    animation.action, animation.use_nla = None, False
    try:
        yield
    finally:
        animation.use_nla = nla
        if action is not None:
            animation.action = action
            if slot is not None:
                animation.action_slot = slot


class _Poser:
    """One pose for the controls of one rig."""

    def __init__(self, rigify: bpy.types.Object, body: Body, posed: Array, limbs: Iterable[Limb] | None = None) -> None:
        self._rigify = rigify
        self._bones: Any = rigify.pose.bones
        self._number = {bone.name: i for i, bone in enumerate(self._bones)}
        self._rest = {bone.name: np.array(bone.bone.matrix_local, dtype=np.float64) for bone in self._bones}
        self._posed = {str(name): posed[i] for i, name in enumerate(body.joint_names)}
        joints = [name for name in self._posed if SOCKET + name in self._number]
        motion = motions(
            np.stack([self._posed[joint] for joint in joints]), np.stack([self._rest[SOCKET + j] for j in joints])
        )
        self._motion = dict(zip(joints, motion))
        self._sockets = joints
        self._controls = [c for c in CONTROLS if c.name in self._number and c.joint in self._motion]
        self._limbs = [limb for limb in LIMBS if limb.master in self._number]
        if limbs is not None:
            self._limbs = [limb for limb in self._limbs if limb in set(limbs)]
            names = {name for limb in self._limbs for name in limb.controls}
            reach = {joint for limb in self._limbs for joint in limb.moved}
            self._controls = [control for control in self._controls if control.name in names]
            self._sockets = [joint for joint in joints if joint in reach]

    def pose(self) -> None:
        root = self._root()
        for control in self._controls:
            base = self._motion[control.base] if control.base else root
            self._write(control, channel_matrix(self._rest[control.name], self._motion[control.joint], base))
        seen = self._seen()
        for _ in range(_ROUNDS):
            if not self._settle(seen):
                break
            seen = self._seen()
        self._place_poles(seen)
        self._fill_sockets()

    def _root(self) -> Array:
        """How the rig's own root has moved, which the artist may have posed."""
        if "root" not in self._number:
            return np.eye(4)
        rest = self._rest["root"]
        return np.asarray(rest @ np.array(self._bones["root"].matrix_basis) @ np.linalg.inv(rest))

    def _seen(self) -> Array:
        """(N, 4, 4) where all bones stand, constraints included."""
        self._rigify.update_tag()
        evaluated = self._rigify.evaluated_get(bpy.context.evaluated_depsgraph_get())
        matrices = take(evaluated.pose.bones, "matrix", 16).reshape(-1, 4, 4)
        return np.swapaxes(matrices, 1, 2).astype(np.float64)  # Blender hands matrices out column by column

    def _settle(self, seen: Array) -> bool:
        """Corrects what does not stand right though everything above it does; whether anything was corrected."""
        wrong: set[str] = set()
        corrected = False
        for control in self._controls:
            wanted = self._motion[control.joint] @ self._rest[control.name]
            now = seen[self._number[control.name]]
            if not _differs(now, wanted, control.placed):
                continue
            above = {bone.name for bone in self._bones[control.name].parent_recursive}
            wrong.add(control.name)
            if above & wrong:
                continue
            basis = np.array(self._bones[control.name].matrix_basis, dtype=np.float64)
            self._write(control, np.linalg.inv(now @ np.linalg.inv(basis)) @ wanted)
            corrected = True
        for limb in self._limbs:
            if not {bone.name for bone in self._bones[limb.base].parent_recursive} & wrong:
                corrected |= self._turn(limb, seen)
        return corrected

    def _turn(self, limb: Limb, seen: Array) -> bool:
        """Turns a limb's IK into the right plane; whether that was needed."""
        if self._bones[limb.master].get("pole_vector"):
            return False
        start, end = self._posed[limb.joints[0]][:3, 3], self._posed[limb.joints[2]][:3, 3]
        line = unit(end - start)
        wanted = self._motion[limb.joints[0]] @ self._rest[limb.base]
        if line is None:
            return False
        error = twist_about(_rotation(wanted) @ _rotation(seen[self._number[limb.base]]).T, line)
        if abs(error) < _SWIVEL:
            return False
        self._bones[limb.base].rotation_euler[1] += error
        return True

    def _place_poles(self, seen: Array) -> None:
        for limb in self._limbs:
            rest = np.stack([self._rest[SOCKET + joint][:3, 3] for joint in limb.joints])
            places = np.stack([self._posed[joint][:3, 3] for joint in limb.joints])
            now, home = seen[self._number[limb.pole]], self._rest[limb.pole]
            wanted = now.copy()
            wanted[:3, 3] = pole_place(places, self._motion[limb.joints[0]][:3, :3], rest, home[:3, 3])
            bone = self._bones[limb.pole]
            basis = np.array(bone.matrix_basis, dtype=np.float64)
            bone.location = (np.linalg.inv(now @ np.linalg.inv(basis)) @ wanted)[:3, 3].tolist()

    def _fill_sockets(self) -> None:
        """Puts what the controls leave into the channels of the sockets; those that take a twist come last, for they
        take it from others.
        """
        twists = [name for name in self._sockets if self._bones[SOCKET + name].constraints]
        for joints in ([name for name in self._sockets if name not in twists], twists):
            seen = self._seen()
            for joint in joints:
                bone = self._bones[SOCKET + joint]
                basis = np.array(bone.matrix_basis, dtype=np.float64)
                under = seen[self._number[bone.name]] @ np.linalg.inv(basis)
                left = np.linalg.inv(under) @ self._posed[joint]
                if joint in twists:  # its constraint turns it and does not turn the way to it
                    above = bone.parent.name
                    start = seen[self._number[above]] @ np.linalg.inv(self._rest[above]) @ self._rest[bone.name]
                    left[:3, 3] = (np.linalg.inv(start) @ self._posed[joint])[:3, 3]
                left = np.eye(4) if np.abs(left - np.eye(4)).max() < _REST else left
                write_channels(bone, left)
        self._rigify.update_tag()

    def _write(self, control: Control, matrix: Array) -> None:
        channels = np.eye(4)
        channels[:3, :3] = _rotation(matrix)
        if control.placed:
            channels[:3, 3] = matrix[:3, 3]
        write_channels(self._bones[control.name], channels)


def pose_face(rigify: bpy.types.Object, values: Mapping[str, float]) -> None:
    """Moves the bones of the face's sliders to the values of these sliders; others are passed over."""
    bones: Any = rigify.pose.bones
    for key, bone in dict(rigify.get(FACE, {})).items():
        if key in values and bone in bones:
            bones[bone].location[1] = values[key] * float(rigify[TRACK])
    rigify.update_tag()


def write_channels(bone: bpy.types.PoseBone, matrix: Array) -> None:
    """Sets location, rotation and scale of a bone to a matrix (4, 4) in its own rest axes, in its own rotation mode and
    without whole turns away from what it was.
    """
    location, turn, scale = Matrix(matrix.tolist()).decompose()
    bone.location, bone.scale = location, scale
    set_rotation(bone, turn)


def _rotation(matrix: Array) -> Array:
    return np.asarray(matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0))


def _differs(now: Array, wanted: Array, placed: bool) -> bool:
    if np.abs(_rotation(now) - _rotation(wanted)).max() > _TURNED:
        return True
    return placed and bool(np.abs(now[:3, 3] - wanted[:3, 3]).max() > _PLACED)
