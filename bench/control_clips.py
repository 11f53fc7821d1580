"""Two clips that are animated through a character's controls by plain keys: a walk and a sit-down.

Feet are in IK with their roll, arms in FK; the head keeps its direction with the root. The character faces -Y; lengths
are of an adult of ordinary height, in m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bpy
import numpy as np
from mathutils import Matrix, Vector

from native_runtime.mhr import Body
from sam3db_blender.controls.build import build_controls
from sam3db_blender.controls.snapping import limbs_of
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.control_pose import set_controls
from sam3db_blender.rig.mesh import build_mesh

Axis = Literal["X", "Y", "Z"]
Point = tuple[float, float, float]

#: Frames of one step, its length, and how far a foot is from the middle.
STEP, LENGTH, ASIDE = 12, 0.64, 0.085
#: Frames after its heel strikes at which a foot is flat, and at which it leaves the floor.
_FLAT, _TOE_OFF = 3, 13
#: Of a foot: (frames after the strike, share of the way, height m, degrees about the ankle), and degrees of its roll.
_SWING = (
    (0, 0.0, 0.0, 0.0),
    (_TOE_OFF, 0.0, 0.0, 0.0),
    (15, 0.09, 0.035, 0.0),
    (18, 0.42, 0.06, 4.0),
    (22, 0.93, 0.03, 0.0),
)
_ROLL = ((0, -20.0), (_FLAT, 0.0), (6, 0.0), (_TOE_OFF, 46.0), (15, 50.0), (20, 0.0), (21, 0.0))
#: MHR's numbers of an arm that hangs, radians.
_HANGING = {
    "clavicle_rz": 0.085,
    "uparm_twist": 0.48,
    "uparm_ry": -0.506,
    "uparm_rz": -0.348,
    "elbow_bend": -0.404,
    "lowarm_twist": -0.421,
    "wrist_ry": 0.027,
    "wrist_rz": -0.145,
}
_ARM = ("shoulder", "upper_arm_fk", "forearm_fk", "hand_fk")
_SEAT = 0.44


@dataclass(frozen=True)
class Planted:
    """A part of a foot that stays on the floor from one frame to another."""

    side: str
    part: Literal["ball", "heel"]
    first: float
    last: float


@dataclass(frozen=True)
class Clip:
    """What was keyed.

    Attributes:
        last: frame; the first is 1.
        planted: where feet must not slide.
        seat: height of a seat, m, and its middle along y; None without.
    """

    name: str
    last: int
    planted: Sequence[Planted]
    seat: tuple[float, float] | None = None


class Actor:
    """A character with controls, and keys on them."""

    def __init__(self, body: Body) -> None:
        stage = bpy.context.scene.collection
        self.body = body
        self.rig: Any = build_rig("Clip Rig", body, stage)
        materials = [bpy.data.materials.new(name) for name in body.material_names]
        self.mesh = build_mesh("Clip Body", body, self.rig, stage, materials)
        self.controls: Any = build_controls(self.rig, body)
        for limb in limbs_of(body):
            self.controls[limb.switch] = float(limb.name == "leg")
        self.controls["head_follow"] = 3
        parameters = np.zeros(len(body.parameter_names))
        for side in "LR":
            for name, angle in _HANGING.items():
                parameters[body.parameter_index(f"{side.lower()}_{name}")] = angle
        arms = [f"{name}.{side}" for name in _ARM for side in "LR"]
        set_controls(self.controls, body, body.joint_parameters(parameters), arms)
        for side in "LR":
            self.bone(f"fingers.{side}").rotation_euler = (0.35, 0.0, 0.0)
        self.controls.update_tag()
        bpy.context.view_layer.update()
        #: Where the channels of each control are 0, and the channels, in the pose from which all is keyed.
        self._frames = {b.name: b.matrix @ b.matrix_basis.inverted() for b in self.controls.pose.bones}
        self._start = {b.name: b.matrix_basis.copy() for b in self.controls.pose.bones}

    def bone(self, name: str) -> Any:
        """A control."""
        return self.controls.pose.bones[name]

    def key(self, frame: float, name: str, turns: Sequence[tuple[Axis, float]] = (), move: Point | None = None) -> None:
        """Keys a control.

        Args:
            turns: degrees about the armature's axes, one after the other, from the pose at the start.
            move: m, along the armature's axes, from the pose at the start; None where it is not to be keyed.
        """
        bone, frame_of = self.bone(name), self._frames[name]
        start = frame_of @ self._start[name]
        turn = Matrix.Identity(3)
        for axis, degrees in turns:
            turn = Matrix.Rotation(degrees * 0.017453292519943295, 3, axis) @ turn
        goal = (turn @ start.to_3x3()).to_4x4()
        goal.translation = start.translation + Vector(move or (0.0, 0.0, 0.0))
        local = frame_of.inverted() @ goal
        if move is not None:
            bone.location = local.translation
            bone.keyframe_insert("location", frame=frame, group=name)
        if bone.rotation_mode == "QUATERNION":
            quaternion: Any = local.to_quaternion()
            bone.rotation_quaternion = -quaternion if quaternion.dot(bone.rotation_quaternion) < 0 else quaternion
            bone.keyframe_insert("rotation_quaternion", frame=frame, group=name)
        else:
            bone.rotation_euler = local.to_euler(bone.rotation_mode, bone.rotation_euler)
            bone.keyframe_insert("rotation_euler", frame=frame, group=name)

    def bend(self, frame: float, name: str, degrees: float, axis: int = 0) -> None:
        """Keys one angle of a control, in addition to that at the start."""
        bone = self.bone(name)
        begin = self._start[name].to_euler(bone.rotation_mode)[axis]
        bone.rotation_euler[axis] = begin + degrees * 0.017453292519943295
        bone.keyframe_insert("rotation_euler", index=axis, frame=frame, group=name)

    def foot(self, side: str, y: float, height: float = 0.0, aside: float = ASIDE) -> Point:
        """The move of a foot's control that puts it aside of the middle, m."""
        start = self._frames[f"foot_ik.{side}"].translation
        return ((aside if side == "L" else -aside) - start.x, y, height)


def walk(actor: Actor, last: int = 240) -> Clip:
    """Walks ahead from frame 1, a step each ``STEP`` frames; the left heel strikes first."""
    planted = []
    steps = last // STEP + 3
    for number in range(-2, steps):
        side = "L" if number % 2 == 0 else "R"
        at, strike = -LENGTH * number, 1 + STEP * number
        ik, roll = f"foot_ik.{side}", f"foot_roll.{side}"
        for frame, share, height, pitch in _SWING:
            actor.key(strike + frame, ik, [("X", pitch)], actor.foot(side, at - 2 * LENGTH * share, height))
        for frame, angle in _ROLL:
            actor.bend(strike + frame, roll, angle)
        planted.append(Planted(side, "heel", strike, strike + _FLAT))
        planted.append(Planted(side, "ball", strike + _FLAT, strike + _TOE_OFF))
        _upper_body(actor, strike, number, 1.0 if side == "L" else -1.0)
    inside = [
        Planted(p.side, p.part, max(p.first, 1), min(p.last, last)) for p in planted if p.first < last and p.last > 1
    ]
    return Clip("walk", last, inside)


def _upper_body(actor: Actor, strike: int, number: int, ahead: float) -> None:
    """Hips, spine and arms of a step; ``ahead`` is 1 where the left foot is in front."""
    y = -LENGTH * (number - 0.5)
    for frame, share, drop, side in ((0, 0.0, -0.038, 0.0), (3, 0.25, -0.042, 0.4), (8, 2 / 3, -0.008, 1.0)):
        sway = 0.022 * side * ahead
        roll = 4.0 * ahead * (0.3, 1.0, 0.5)[(0, 3, 8).index(frame)]
        yaw = -7.0 * ahead * (1 - 2 * share)
        place = (sway, y - LENGTH * share, drop)
        actor.key(strike + frame, "hips", [("Y", -roll), ("Z", yaw), ("X", 5.0)], place)
    actor.key(strike, "chest", [("Z", 12.0 * ahead)])
    for side, sign in (("L", 1.0), ("R", -1.0)):
        forward = -sign * ahead  # the arm of the other side swings ahead
        actor.key(strike, f"upper_arm_fk.{side}", [("X", -3.0 - 22.0 * forward), ("Y", -4.0 * sign)])
        actor.bend(strike, f"forearm_fk.{side}", 12.0 + 9.0 * forward)


def sit(actor: Actor, last: int = 120) -> Clip:
    """Sits down on a seat behind, and looks to the left."""
    for side in "LR":
        place = actor.foot(side, 0.0, aside=0.11)
        for frame in (1, last):
            actor.key(frame, f"foot_ik.{side}", [("Z", 8.0 if side == "L" else -8.0)], place)
            actor.bend(frame, f"foot_roll.{side}", 0.0)
    down = 60
    for frame, lean, chest, back, drop in (
        (1, 0.0, 0.0, 0.0, -0.02),
        (12, 2.0, 4.0, -0.01, -0.022),
        (30, 24.0, 34.0, 0.16, -0.14),
        (48, 20.0, 36.0, 0.34, -0.34),
        (down, 4.0, 26.0, 0.385, -0.395),
        (down + 16, -10.0, 12.0, 0.375, -0.40),
        (last, -10.0, 12.0, 0.375, -0.40),
    ):
        actor.key(frame, "hips", [("X", lean)], (0.0, back, drop))
        actor.key(frame, "chest", [("X", chest)])
    for side in "LR":
        sign = 1.0 if side == "L" else -1.0
        for frame, swing, bend in (
            (1, 0.0, 8.0),
            (12, 4.0, 10.0),
            (34, -34.0, 22.0),
            (down, -22.0, 40.0),
            (down + 16, -8.0, 46.0),
            (last, -8.0, 46.0),
        ):
            actor.key(frame, f"upper_arm_fk.{side}", [("X", swing), ("Y", -4.0 * sign)])
            actor.bend(frame, f"forearm_fk.{side}", bend)
    for frame, nod, turn in ((1, 0.0, 0.0), (20, 14.0, 0.0), (down, 8.0, 0.0), (84, 0.0, 0.0), (100, 0.0, 38.0)):
        actor.key(frame, "head", [("X", nod), ("Z", turn)])
        actor.key(frame, "neck", [("Z", turn * 0.4)])
    planted = [Planted(side, part, 1, last) for side in "LR" for part in ("ball", "heel")]
    return Clip("sit", last, planted, (_SEAT, 0.42))
