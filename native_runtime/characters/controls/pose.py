"""From a pose of the body to the channels of its controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.channels import nearest_angles
from native_runtime.characters.rig_map import RigMap
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_euler, matrix_to_quaternion

from .joints import joints_of
from .limbs import POLE_DISTANCE, end_frame, line_frame
from .making import control_plan
from .plan import ControlPlan, Limb
from .spaces import switch_name
from .torso import EYE_DISTANCE

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: The axes in the order in which a rotation mode applies them.
_RIGHT_HANDED = {"XYZ": [0, 1, 2], "YZX": [1, 2, 0], "ZXY": [2, 0, 1]}


@dataclass
class ControlPose:
    """Channels of some bones of a control rig.

    Attributes:
        location: (3,) m, own rest axes.
        euler: (3,) radians about the bone's own axes, in the rotation mode of the plan.
        modes: these modes.
        exact: the bones of which the angles matter, not just the rotation: whole turns and half turns, too.
        quaternion: (4,) w, x, y, z, of bones in that mode.
        scale: even.
    """

    location: dict[str, Array]
    euler: dict[str, Array]
    quaternion: dict[str, Array]
    scale: dict[str, float]
    modes: dict[str, str]
    exact: frozenset[str]


def bone_globals(body: Body, joint_parameters: ArrayLike) -> Array:
    """(J, 4, 4) where the bones of a pose stand, in armature space, m, scale included; for (J, 7) joint parameters."""
    joints = joints_of(body)
    motion = joints.beneath @ RigMap.of(body).channels.local_matrices(joint_parameters)
    stand = motion.copy()
    for i, parent in enumerate(joints.layout.parents.tolist()):
        if parent >= 0:
            stand[i] = stand[parent] @ motion[i]
    return stand


class _Posing:
    """The work on one pose."""

    def __init__(self, body: Body, joint_parameters: ArrayLike, switches: Mapping[str, float]) -> None:
        self.plan: ControlPlan = control_plan(body)
        self.bones = {bone.name: bone for bone in self.plan.bones}
        self.joints = joints_of(body)
        self.parameters = np.asarray(joint_parameters, dtype=np.float64)
        self.channels = RigMap.of(body).channels.channels(self.parameters)
        self.stand = bone_globals(body, self.parameters)
        self.switches = switches
        self.ik_stand: dict[str, Array] = {}
        self.kept_twist = self.end_twist = 0.0
        self.end_turn: Array = np.eye(3)
        modes = {bone.name: bone.rotation_mode for bone in self.plan.bones}
        exact = {name for limb in self.plan.limbs for name in (limb.fk[0], *limb.kept)}
        exact |= {limb.fk[2] for limb in self.plan.limbs if limb.name == "arm"}
        self.result = ControlPose({}, {}, {}, {}, modes, frozenset(exact))
        #: the joint whose bone a control or a bone of the mechanism moves with
        self.owner = {name: joint for joint, name in self.plan.follow.items()}

    def pose(self) -> ControlPose:
        for bone in self.plan.bones:
            if bone.joint:
                self._as_joint(bone.name, bone.joint)
            elif bone.kind == "master":  # what adds to other controls
                self.result.euler[bone.name] = np.zeros(3)
                self.result.location[bone.name] = np.zeros(3)
        for name in ("neck", "head"):
            self._point(name)
        self._eyes()
        for limb in self.plan.limbs:
            self._end(limb)
            self._target(limb)
            self._pole(limb)
        return self.result

    def at(self, joint: str) -> Array:
        """(4, 4) where a joint's bone stands."""
        return self.stand[self.joints.index[joint]]

    def turn(self, joint: str) -> Array:
        """(3, 3) its rotation."""
        return _rotation(self.at(joint))

    def _as_joint(self, name: str, joint: str) -> None:
        i = self.joints.index[joint]
        self.result.euler[name] = self.channels.rotation[i]
        if not any(self.joints.location_terms(joint)):  # drivers move the others, or their sockets
            self.result.location[name] = self.channels.location[i]
        self.result.scale[name] = float(self.channels.scale[i])

    def moved(self, anchor: str) -> Array:
        """(4, 4) how a bone of the control rig has moved from its rest, in armature space."""
        if anchor in self.result.quaternion:  # an IK control
            return self.ik_stand[anchor] @ np.linalg.inv(self.bones[anchor].rest)
        joint = self.owner[anchor]
        return self.at(joint) @ self.joints.inverse[self.joints.index[joint]]

    def _point(self, name: str) -> None:
        """The angles of a control that keeps its direction with something else than its parent."""
        choice = round(self.switches.get(f"{name}_follow", 0))
        if not choice:
            return
        joint = next(joint for joint, control in self.plan.follow.items() if control == name)
        anchor = self.plan.anchors[name][choice]
        base = _rotation(self.moved(anchor)) @ self.joints.axes(joint)
        angles = to_euler(base.T @ self.turn(joint), self.bones[name].rotation_mode, self.result.euler[name])
        self.result.euler[name] = angles

    def _eyes(self) -> None:
        head = self.moved("head")
        for side in "LR":
            target = f"eye_target.{side}"
            goal = self.at(f"{side.lower()}_eye") @ np.array([0.0, EYE_DISTANCE, 0.0, 1.0])
            rest = self.bones[target].rest
            local = np.linalg.inv(rest) @ np.linalg.inv(head) @ goal
            self.result.location[target] = local[:3]
        self.result.euler["eyes"] = np.zeros(3)
        self.result.location["eyes"] = np.zeros(3)

    def _end(self, limb: Limb) -> None:
        """The hand or the foot in FK, and what its mechanism keeps."""
        self.kept_twist = self.end_twist = 0.0
        low = limb.side.lower()
        above, name = limb.joints[1], limb.fk[2]
        own = self.joints.axes(end_frame(limb))
        base = self.turn(above) @ self.joints.axes(above).T @ own
        if limb.name == "arm":
            end = self.turn(f"{low}_wrist")
            wrist, twist = self.channels.rotation[[self.joints.index[f"{low}_{w}"] for w in ("wrist", "wrist_twist")]]
            near = np.array([wrist[0], twist[1], wrist[2]])
            local = base.T @ end
            # what the mechanism reads, against what is meant: whole and half turns, whatever single precision adds
            kept = twist[1] - float(np.arctan2(local[0, 2], local[2, 2]))
            self.kept_twist = np.pi * round(kept / np.pi)
            self.end_twist = float(twist[1])
        else:
            foot, ankle = self.channels.rotation[[self.joints.index[f"{low}_{w}"] for w in ("foot", "talocrural")]]
            near = np.array([ankle[0], foot[1], foot[2]])
            # the ankle turns by Rx Rz Ry; behind the foot's control, Rx, it keeps the others
            kept_turn = from_euler(np.array([0.0, ankle[1], ankle[2]]), "YZX")
            local = base.T @ self.turn(f"{low}_talocrural") @ (own.T @ self.joints.axes(f"{low}_talocrural")).T
            local = local @ kept_turn.T
            self.result.euler[f"MCH-talus.{limb.side}"] = np.array([0.0, ankle[1], ankle[2]])
        self.result.euler[name] = to_euler(local, self.bones[name].rotation_mode, near)
        self.end_turn = base @ local

    def _target(self, limb: Limb) -> None:
        """The IK control stands where the hand or the ankle is."""
        name = limb.target
        control = self.bones[name]
        stand = np.eye(4)
        stand[:3, 3] = self._reached(limb)
        stand[:3, :3] = self.end_turn @ self.joints.axes(end_frame(limb)).T @ control.rest[:3, :3]
        local = np.linalg.inv(self._base(name)) @ stand
        self.result.location[name] = local[:3, 3]
        x, y, z, w = matrix_to_quaternion(_rotation(local))
        self.result.quaternion[name] = np.array([w, x, y, z])
        self.ik_stand[name] = stand

    def _reached(self, limb: Limb) -> Array:
        """(3,) m where the solver puts the limb's tip: the ankle as if the foot did not lean."""
        _, lower, end = limb.joints
        level = self.turn(lower) @ self.joints.axes(lower).T @ self.joints.axes(end)
        beyond = (self.at(limb.tip) - self.at(end))[:3, 3]
        return np.asarray(self.at(end)[:3, 3] + level @ self.turn(end).T @ beyond)

    def _base(self, name: str) -> Array:
        """(4, 4) where the base of a control with spaces stands: the control at zero."""
        anchor = self.plan.anchors[name][round(self.switches.get(switch_name(name), 0))]
        rest = self.bones[name].rest.copy()
        rest[:3, 3] += self._slid(name)
        return self.moved(anchor) @ rest

    def _slid(self, name: str) -> Array:
        """(3,) m how far sliders have moved a control's base, armature axes."""
        limb = next(limb for limb in self.plan.limbs if name in (limb.target, limb.pole))
        if name == limb.target:
            joint = limb.tip
        elif limb.name == "arm":
            joint = limb.joints[1]
        else:
            return np.zeros(3)
        total = np.zeros(3)
        i = self.joints.index[joint]
        while i >= 0:
            bone = self.joints.layout.names[i]
            if bone not in ("body_world", "root"):
                total += self.joints.axes(bone) @ self.channels.location[i]
            i = int(self.joints.layout.parents[i])
        return total

    def _pole(self, limb: Limb) -> None:
        """The pole stands before the joint, in the plane of the line's z axis; and the sense of the bend."""
        upper, lower, _ = limb.joints
        hinge = self.channels.rotation[self.joints.index[lower]]
        # p and q as they are, with lengths by the sliders, in the lower joint's rest axes
        axes = self.turn(upper) @ self.joints.axes(upper).T @ self.joints.axes(lower)
        p = axes.T @ (self.at(lower) - self.at(upper))[:3, 3]
        bent = from_euler(np.array([hinge[0], 0.0, 0.0]), "YZX")
        lower_part: Array = self._reached(limb) - self.at(lower)[:3, 3]
        q = np.asarray(bent.T @ axes.T @ lower_part, dtype=np.float64)
        straight = np.arctan2(p[2], p[1]) - np.arctan2(q[2], q[1])
        past = np.remainder(hinge[0] - straight + np.pi, 2 * np.pi) - np.pi
        sense = 1.0 if past >= 0 else -1.0
        line = axes @ line_frame(p, q, float(hinge[0])).T
        reach = float(np.linalg.norm(p) + np.linalg.norm(q))
        elbow = self.at(lower)[:3, 3]
        # of the elbow, the part along the line; the pole then lies exactly in the plane of the line's y and z
        start = self.at(upper)[:3, 3]
        along = float((elbow - start) @ line[:, 1])
        goal = start + along * line[:, 1] - limb.bend * POLE_DISTANCE * reach * line[:, 2]
        local = np.linalg.inv(self._base(limb.pole)) @ np.append(goal, 1.0)
        self.result.location[limb.pole] = local[:3]
        twist = float(self.channels.rotation[self.joints.index[upper], 1])
        self.result.location[limb.part("reach")] = np.array([0.0, twist, sense])
        self.result.euler[limb.part("lower_ik")] = np.array([0.0, hinge[1], hinge[2]])
        self.result.euler[limb.part("p")] = np.array([self.kept_twist, self.end_twist, hinge[2]])


def control_channels(body: Body, joint_parameters: ArrayLike, switches: Mapping[str, float]) -> ControlPose:
    """The channels of all controls, FK and IK, that show a pose.

    Args:
        joint_parameters: (J, 7) cm, radians, log2.
        switches: the values of the control rig's properties; those that say what a control follows matter.
    """
    return _Posing(body, joint_parameters, switches).pose()


def nearest_euler(angles: ArrayLike, mode: str, near: ArrayLike) -> Array:
    """(3,) of the Euler angles about x, y, z that give the same rotation in a mode those nearest to ``near``."""
    if np.abs(np.subtract(angles, near)).max() < np.pi / 2:  # the other triple is farther
        return np.asarray(angles, dtype=np.float64)
    order = ["XYZ".index(letter) for letter in mode]
    result = np.empty(3)
    result[order] = nearest_angles(np.asarray(angles)[order], np.asarray(near)[order])
    return result


def to_euler(rotation: Array, mode: str, near: ArrayLike) -> Array:
    """(3,) the Euler angles about a bone's x, y, z of a rotation (3, 3), in one of Blender's right-handed modes (XYZ,
    YZX, ZXY); of the triples that give it the one nearest to ``near``.
    """
    order = _RIGHT_HANDED[mode]
    result = np.empty(3)
    result[order] = nearest_angles(matrix_to_euler(rotation[np.ix_(order, order)]), np.asarray(near)[order])
    return result


def from_euler(angles: Array, mode: str) -> Array:
    """(3, 3) the rotation of a bone in one of Blender's right-handed rotation modes."""
    order = _RIGHT_HANDED[mode]
    result = np.empty((3, 3))
    result[np.ix_(order, order)] = euler_to_matrix(angles[order])
    return result


def _rotation(matrix: Array) -> Array:
    """(3, 3) the rotation of a matrix (4, 4) with a uniform scale."""
    turn = matrix[:3, :3]
    return turn / np.cbrt(np.linalg.det(turn))
