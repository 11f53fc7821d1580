"""The twist of an upper arm or a thigh, for the helper joints that take shares of it.

Beneath its parent such a limb turns by ``Rx(a) Rz(b) Ry(t)``; the helpers need ``t``. A rotation has two triples of
angles, ``(a, b, t)`` and ``(a + 180, 180 - b, t + 180)`` degrees, and none that is defined where ``b`` is a quarter
turn: there a thigh is lifted sideways to the horizontal, which MHR's limits reach. So the rotation alone does not say
the twist; what is meant does as well:

* in FK, while the control turns by MHR's own angles, its channel about y;
* otherwise the twist of the pose that was last set by numbers or by a snap, which the mechanism keeps.

From the rotation comes ``t`` up to a period: half a turn in FK, and of a thigh in IK too, as MHR's limits of ``t`` span
less than that; a whole turn of an upper arm in IK, whose limits of ``b`` are within a quarter. Of the values the one is
taken that is nearest to the middle of the limits, or, for a pose beyond them, to what is meant. Where ``cos b`` is so
small that single precision no longer says ``t``, it goes over into what is meant.

The forearm's twist ``t`` is the same question for a hand, which turns by ``Ry(t) Rx(b) Rz(c)``: MHR's limits let a
wrist bend past a quarter turn. In IK it is read within half a turn, as hands are twisted far; where the pose that was
last set has whole or half turns more than that, it is the value nearest to the one of that pose.
"""

from __future__ import annotations

import math

from .joints import Joints, upright
from .plan import ControlBone, ControlPlan, Drive, Limb, Variable

#: Of ``cos b``: below it the twist goes over into what is meant. Single precision has 3e-7 of the rotation there.
_UNCLEAR = 0.02
#: Radians by which a twist that is meant is at least within the period about the middle.
_MARGIN = 0.2
#: Blender's numbers of the rotation modes YZX and ZXY.
_MODE, _HAND_MODE = 4, 5


def add_twist(plan: ControlPlan, joints: Joints, limb: Limb) -> None:
    """The bones whose locations hold the twist of a limb's upper joint: what the rotation says of it, what is meant,
    and the result.

    Raises:
        ValueError: the joint does not turn by ``Rx Rz Ry``.
    """
    upper = limb.joints[0]
    if joints.mode(upper) != "YZX":
        raise ValueError(f"the twist of {upper} is not its bone's first angle")
    said, aim, span, twist = (limb.part(word) for word in ("turn", "aim", "span", "twist"))
    for name in (said, aim, span, twist):
        plan.bones.append(ControlBone(name, "root", upright(joints.head(upper)), 0.01, "XYZ"))
    chosen = f"ORG-{'upper_arm' if limb.name == 'arm' else 'thigh'}.{limb.side}"
    w, x, y, z = (Variable(v, "rotation", chosen, v) for v in "wxyz")
    plan.drives.append(Drive(said, "location", 0, "2*(x*z+w*y)", (w, x, y, z)))  # cos b sin t
    plan.drives.append(Drive(said, "location", 1, "1-2*(y*y+z*z)", (y, z)))  # cos b cos t

    # what is meant; the middle of the period, and the period
    low, high = joints.limits(upper, 1)
    by_angles = (
        Variable("v", "switch", path=limb.switch),
        Variable("o", "channel", limb.fk[0], "rotation_mode"),
    )
    fk = f"v<0.5 and o=={_MODE}"
    angle = Variable("c", "channel", limb.fk[0], "rotation_euler[1]")
    kept = Variable("k", "channel", limb.part("reach"), "location[1]")
    plan.drives.append(Drive(aim, "location", 0, f"c if {fk} else k", (angle, kept, *by_angles)))
    middle = 0.0 if math.isinf(high - low) else (low + high) / 2
    within = math.pi / 2 - _MARGIN
    meant = Variable("q", "channel", aim, "location[0]")
    centre = f"max(q-{within:.9g},min({middle:.9g},q+{within:.9g}))"
    plan.drives.append(Drive(span, "location", 0, centre, (meant,)))
    if high - low > math.pi - _MARGIN:
        period = f"{math.pi:.9g} if {fk} else {2 * math.pi:.9g}"
        plan.drives.append(Drive(span, "location", 1, period, by_angles))
    else:
        plan.drives.append(Drive(span, "location", 1, constant=math.pi))

    inputs = (
        meant,
        Variable("h", "channel", span, "location[0]"),
        Variable("p", "channel", span, "location[1]"),
        Variable("a", "channel", said, "location[0]"),
        Variable("b", "channel", said, "location[1]"),
    )
    nearest = "atan2(a,b)-p*floor((atan2(a,b)-h)/p+0.5)"
    plan.drives.append(Drive(twist, "location", 0, f"lerp({nearest},q,max(0,1-sqrt(a*a+b*b)/{_UNCLEAR:g}))", inputs))
    plan.twists[upper] = twist


def add_hand_twist(plan: ControlPlan, joints: Joints, limb: Limb, twist: str, hand: str) -> None:
    """Lets a bone turn about its y axis by the twist of the forearm.

    Args:
        twist: that bone.
        hand: the bone that stands as the hand does, beneath the forearm.
    """
    said = limb.part("hand_turn")
    plan.bones.append(ControlBone(said, "root", upright(joints.head(limb.joints[2])), 0.01, "XYZ"))
    w, x, y, z = (Variable(v, "rotation", hand, v) for v in "wxyz")
    plan.drives.append(Drive(said, "location", 0, "2*(x*z+w*y)", (w, x, y, z)))  # cos b sin t
    plan.drives.append(Drive(said, "location", 1, "1-2*(x*x+y*y)", (x, y)))  # cos b cos t
    mode = Variable("o", "channel", limb.fk[2], "rotation_mode")
    switch = Variable("v", "switch", path=limb.switch)
    angle = Variable("c", "channel", limb.fk[2], "rotation_euler[1]")
    kept = Variable("m", "channel", limb.part("p"), "rotation_euler[1]")
    fk = f"v<0.5 and o=={_HAND_MODE}"
    plan.drives.append(Drive(said, "location", 2, f"c if {fk} else m", (angle, kept, mode, switch)))
    unclear = f"max(0,1-sqrt(a*a+b*b)/{_UNCLEAR:g})"
    half = f"{math.pi:.9g}"
    nearest = f"lerp(atan2(a,b)-{half}*floor((atan2(a,b)-q)/{half}+0.5),q,{unclear})"
    inputs = (
        Variable("a", "channel", said, "location[0]"),
        Variable("b", "channel", said, "location[1]"),
        Variable("q", "channel", said, "location[2]"),
        Variable("k", "channel", limb.part("p"), "rotation_euler[0]"),
        mode,
        switch,
    )
    text = f"{nearest} if ({fk}) or abs(k)>0.1 else lerp(atan2(a,b),q,{unclear})"
    plan.drives.append(Drive(twist, "rotation_euler", 1, text, inputs))
