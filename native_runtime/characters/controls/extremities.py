"""Hands with their fingers, and feet with their roll."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_blender

from .joints import Joints, upright
from .limbs import end_frame
from .plan import ControlBone, ControlPlan, Drive, Limb, Tie, Variable
from .torso import added
from .twists import add_hand_twist

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: Radians by which a foot on its heel or its edge, and one on the tip of its toes, is usually turned.
_ROLLED, _TIPPED = 0.35, 0.8
_FINGERS = ("index", "middle", "ring", "pinky")
#: How far the hand's spread turns each finger, and its sense on the left hand.
_SPREAD = {"index": 1.0, "middle": 0.35, "ring": -0.4, "pinky": -1.0}
#: The parts of the rotation Rz Ry Rx of a foot.
_FOOT_X = "atan2(2*(y*z+w*x),1-2*(x*x+y*y))"
_FOOT_Y = "asin(max(-1,min(1,2*(w*y-x*z))))"
_FOOT_Z = "atan2(2*(x*y+w*z),1-2*(y*y+z*z))"


def add_hand(plan: ControlPlan, joints: Joints, limb: Limb) -> None:
    """The wrist's twist, the fingers' joints, and controls that curl and spread them."""
    side, low = limb.side, limb.side.lower()
    hand = f"ORG-hand.{side}"
    twist = f"MCH-wrist_twist.{side}"
    joint = f"{low}_wrist_twist"
    plan.bones.append(ControlBone(twist, f"ORG-forearm.{side}", joints.rest(joint), joints.length(joint)))
    plan.drives += joints.links(twist, joint, ("location",))
    add_hand_twist(plan, joints, limb, twist, hand)
    wrist, chosen = f"{low}_wrist", hand
    hand = f"MCH-hand.{side}"
    plan.bones.append(ControlBone(hand, twist, joints.rest(wrist), joints.length(wrist)))
    plan.drives += joints.links(hand, wrist, ("location", "scale"))
    plan.ties.append(Tie(hand, "COPY_ROTATION", chosen))
    plan.follow |= {joint: twist, wrist: hand}

    masters = f"Fingers.{side}"
    everyone = f"fingers.{side}"
    rest = joints.rest(f"{low}_middle1")
    rest[:3, 3] += 0.02 * rest[:3, 2] * _back(joints, low)
    plan.bones.append(ControlBone(everyone, hand, rest, 0.06, "YZX", "master", masters, frozenset((0, 2))))
    for finger in (*_FINGERS, "thumb"):
        first = 0 if finger == "thumb" else 1
        prefix = "thumb" if finger == "thumb" else f"f_{finger}"
        chain = [f"{low}_{finger}{n}" for n in range(first, 4)]
        master = f"{prefix}.{side}"
        at = joints.rest(chain[0])
        at[:3, 3] += 0.012 * at[:3, 2] * _back(joints, low)
        plan.bones.append(
            ControlBone(master, hand, at, joints.length(chain[0]), "YZX", "master", masters, frozenset((0, 2)))
        )
        plan.drives += joints.links(master, chain[0], ("location",))
        above = hand
        for number, joint in enumerate(chain, 1):
            name = f"{prefix}.{number:02d}.{side}"
            plan.bones.append(joints.posed(name, joint, above, f"Finger Joints.{side}", kind="detail"))
            plan.drives += joints.links(name, joint)
            # the thumb's first joint only spreads: it turns the thumb on its saddle
            both = "z" if finger == "thumb" and number == 1 else ("xz" if number == 1 else "x")
            plan.ties.append(added(name, master, joints.mode(joint), axes=both))
            if finger != "thumb":
                plan.ties.append(added(name, everyone, joints.mode(joint), axes="x"))
                if number == 1:
                    share = _SPREAD[finger]
                    invert = "z" if share < 0 else ""
                    plan.ties.append(
                        added(name, everyone, joints.mode(joint), f"{abs(share):.9g}", axes="z", invert=invert)
                    )
            plan.follow[joint] = name
            above = name


def _back(joints: Joints, low: str) -> float:
    """The sense of a finger's z axis in which the back of the hand lies: away from where the thumb's tip bends to."""
    middle = joints.rest(f"{low}_middle1")
    curled = middle[:3, :3] @ np.array([0.0, 0.0, 1.0])  # a turn about +x moves the fingertip (y) towards +z
    return -1.0 if curled @ middle[:3, 2] > 0 else 1.0


def _rotation(bone: str) -> tuple[Variable, ...]:
    return tuple(Variable(v, "rotation", bone, v) for v in "wxyz")


def add_foot(plan: ControlPlan, joints: Joints, limb: Limb) -> None:
    """The joints of the ankle and the foot behind the choice between FK and IK; the roll is made by ``add_roll``."""
    side, low = limb.side, limb.side.lower()
    group = f"Foot.{side}"
    foot, talus = f"MCH-foot.{side}", f"MCH-talus.{side}"
    chosen = f"ORG-foot.{side}"
    joint = end_frame(limb)
    plan.bones.append(ControlBone(foot, f"ORG-shin.{side}", joints.rest(joint), joints.length(joint)))
    plan.drives += joints.links(foot, joint, ("location",))
    plan.drives.append(Drive(foot, "rotation_euler", 1, _FOOT_Y, _rotation(chosen)))
    plan.drives.append(Drive(foot, "rotation_euler", 2, _FOOT_Z, _rotation(chosen)))
    ankle = f"{low}_talocrural"
    plan.bones.append(ControlBone(talus, foot, joints.rest(ankle), joints.length(ankle)))
    plan.drives += joints.links(talus, ankle, ("location",))
    plan.drives.append(Drive(talus, "rotation_euler", 0, _FOOT_X, _rotation(chosen)))
    plan.follow |= {joint: foot, ankle: talus}
    above = talus
    for joint, name in ((f"{low}_subtalar", f"foot_tilt.{side}"), (f"{low}_transversetarsal", f"foot_arch.{side}")):
        plan.bones.append(joints.posed(name, joint, above, f"Foot Details.{side}", kind="detail"))
        plan.drives += joints.links(name, joint)
        plan.follow[joint] = name
        above = name
    ball, socket, toe = f"{low}_ball", f"MCH-toe.{side}", f"toe.{side}"
    plan.bones.append(ControlBone(socket, above, joints.rest(ball), joints.length(ball)))
    plan.drives += joints.links(socket, ball, ("location",))
    roll = Variable("r", "channel", f"foot_roll.{side}", "rotation_euler[0]")
    switch = Variable("v", "switch", path=limb.switch)
    plan.drives.append(Drive(socket, "rotation_euler", 0, "-v*max(r,0)", (roll, switch)))
    plan.bones.append(joints.posed(toe, ball, socket, group))
    plan.follow[ball] = toe


def add_roll(plan: ControlPlan, joints: Joints, limb: Limb, body: Body) -> None:
    """Heel, edges, toe tip and ball, about which the foot rolls under IK, above the target of the leg."""
    side, low = limb.side, limb.side.lower()
    group = f"Leg IK.{side}"
    # the sliders of the foot move what it rolls over: the heel goes along with the tarsus, the rest with the ball
    foot, tarsus, front = limb.tip, f"{low}_transversetarsal", f"{low}_ball"
    ankle, ball = joints.head(foot), joints.head(front)
    heel, tip, outer, inner = foot_marks(joints, low, body)
    roll, lift = f"foot_roll.{side}", f"foot_tip.{side}"
    turning = frozenset((0, 1, 2))
    behind = upright(np.array([ankle[0], heel[1] + 0.06, ankle[2] * 0.5]))
    plan.bones.append(ControlBone(roll, limb.target, behind, 0.08, "XYZ", "master", group, turning))
    plan.drives += joints.shifted(roll, tarsus, base=foot)
    ahead = upright(np.array([tip[0], tip[1] - 0.04, tip[2]]))
    plan.bones.append(ControlBone(lift, limb.target, ahead, 0.05, "XYZ", "master", group, turning))
    plan.drives += joints.shifted(lift, front, base=foot)
    outward = 1 if side == "L" else -1  # the sign of the armature's x, and of a bank to the outer edge
    ends = ("max(r,0)", "min(r,0)") if outward > 0 else ("min(r,0)", "max(r,0)")
    above = limb.target
    for word, at, drives in (
        ("heel", heel, {0: "min(r,0)"}),
        ("outer", outer, {1: ends[0]}),
        ("inner", inner, {1: ends[1]}),
        ("tip", tip, {}),
        ("ball", ball, {}),
    ):
        name = f"MCH-foot_{word}.{side}"
        rest = joints.rest(front) if word == "ball" else upright(at)
        plan.bones.append(ControlBone(name, above, rest, 0.03, "XYZ"))
        if word == "heel":
            plan.drives += joints.shifted(name, tarsus, base=foot)
        elif word == "outer":  # the others are beneath it
            plan.drives += joints.shifted(name, front, base=tarsus)
        for axis, text in drives.items():
            variable = Variable("r", "channel", roll, f"rotation_euler[{axis}]")
            plan.drives.append(Drive(name, "rotation_euler", axis, text, (variable,)))
        above = name
    for axis in range(3):
        variable = Variable("r", "channel", lift, f"rotation_euler[{axis}]")
        plan.drives.append(Drive(f"MCH-foot_tip.{side}", "rotation_euler", axis, "r", (variable,)))
    plan.drives.append(
        Drive(above, "rotation_euler", 0, "max(r,0)", (Variable("r", "channel", roll, "rotation_euler[0]"),))
    )
    # the ball's z axis points to the floor: a twist about the upright axis of the control is one against it
    plan.drives.append(Drive(above, "rotation_euler", 2, "-r", (Variable("r", "channel", roll, "rotation_euler[2]"),)))
    target = f"MCH-foot_target.{side}"
    rest = joints.rest(limb.joints[2])
    rest[:3, 3] = ankle
    plan.bones.append(ControlBone(target, above, rest, joints.length(limb.joints[2])))
    plan.drives += joints.shifted(target, foot, rest[:3, :3], base=front)


def foot_marks(joints: Joints, low: str, body: Body) -> tuple[Array, Array, Array, Array]:
    """The heel, the tip of the toes, and the outer and inner edge of a foot on the floor, (3,) m, at rest."""
    parts = [joints.index[f"{low}_{word}"] for word in ("talocrural", "subtalar", "transversetarsal", "ball")]
    main = body.skin_indices[np.arange(len(body.skin_indices)), body.skin_weights.argmax(axis=1)]
    points = mhr_to_blender(np.asarray(body.rest_vertices, dtype=np.float64))[np.isin(main, parts)]
    ball = joints.head(f"{low}_ball")
    if len(points) < 8:  # a body without feet of its own: a shoe box about the joints
        ankle = joints.head(f"{low}_foot")
        points = np.array(
            [[x, y, 0.0] for x in (ball[0] - 0.04, ball[0] + 0.04) for y in (ankle[1] + 0.05, ball[1] - 0.06)]
        )
    floor = float(points[:, 2].min())
    sole = points[points[:, 2] < floor + 0.03] - (0.0, 0.0, floor)
    edges = sole[np.abs(sole[:, 1] - ball[1]) < 0.04]
    edges = sole if len(edges) == 0 else edges
    outward = np.array([1.0 if low == "l" else -1.0, 0.0])
    marks = (
        _touching(sole, np.array([0.0, 1.0]), _ROLLED),
        _touching(sole, np.array([0.0, -1.0]), _TIPPED),
        _touching(edges, outward, _ROLLED),
        _touching(edges, -outward, _ROLLED),
    )
    heel, tip, outer, inner = (np.append(mark, floor) for mark in marks)
    return heel, tip, outer, inner


def _touching(sole: Array, way: Array, angle: float) -> Array:
    """(2,) the point about which a rounded sole is to turn towards a way (2,) so that turned by an angle it touches the
    floor, and neither hovers nor sinks; for (N, 3) points of the sole, m above the floor.
    """
    along = sole[:, :2] @ way
    reach = along - sole[:, 2] / np.tan(angle)
    last = int(reach.argmax())
    return np.asarray(sole[last, :2] + (reach[last] - along[last]) * way)
