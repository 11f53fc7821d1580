"""Arms and legs: FK, IK in closed form, and the choice between them.

Names in the formulas, all in the rest axes of the lower joint (elbow, knee), about whose x axis it turns:

* ``p``: from the upper joint to the lower one; it is constant in these axes as long as only the hinge turns;
* ``q``: from the lower joint to the end (of a leg the ankle, as if the foot did not lean), with the lower joint's
  second axis (MHR's slider for knock knees) applied;
* ``w(t) = p + Rx(t) q``: from the upper joint to the end, in axes fixed to the upper bone, at the bend ``t``.

The hinge's own component of ``w`` does not depend on ``t``, so that the distance ``d`` between the ends gives the bend:

    ``d^2 = (px + qx)^2 + |pyz|^2 + |qyz|^2 + 2 |pyz| |qyz| cos(t - t0)``,  ``t0 = angle(pyz) - angle(qyz)``

which is the law of cosines in the plane of the hinge. The limb is straight at ``t0``; the sense in which it bends is
known from its rest. The upper bone is then turned by ``Rz(g) Rx(-a)`` beneath the line from the shoulder to the target,
with ``a`` and ``g`` such that ``w`` comes to lie on the line's y axis. The line's z axis points to the pole or away
from it; as it belongs to the hinge and not to the plane of three points, it is defined for straight limbs as well.

Towards its reach ``r`` a limb straightens faster and faster, ``t - t0`` being about the root of ``r - d``. A soft one
(``_SOFT``, with ``s`` from 0 to 1) bends for a distance that nears ``r`` exponentially, with the same slope where that
begins, and is stretched by the quotient of the two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .joints import Joints, merged, upright
from .plan import ControlBone, ControlPlan, Drive, Limb, Switch, Tie, Variable
from .spaces import based
from .twists import add_twist

Array = NDArray[np.float64]

#: How far before elbow or knee a pole lies, as a part of the limb's length.
POLE_DISTANCE = 0.8
#: The y axes of the line bones at rest (left side: towards the other side, backwards, up): away from where limbs point,
#: because Blender's Damped Track loses precision close to the direction that a bone has at rest.
_LINE_REST = {"arm": (-0.5, 0.75, 0.45), "leg": (-0.55, 0.7, 0.45)}
_PARTS = {"arm": ("upper_arm", "forearm", "hand"), "leg": ("thigh", "shin", "foot")}
_JOINTS = {"arm": ("uparm", "lowarm", "wrist_twist"), "leg": ("upleg", "lowleg", "foot")}
#: hand_fk: Ry Rx Rz; foot_fk: Rz Ry Rx.
_END_MODE = {"arm": "ZXY", "leg": "XYZ"}
_BEND = "atan2(c,b)-atan2(k,h)+s*acos(max(-1,min(1,(d*d-(a+g)*(a+g)-b*b-c*c-h*h-k*k)/(2*sqrt((b*b+c*c)*(h*h+k*k))))))"
_ALONG = "b+h*cos(t)-k*sin(t)"
_ACROSS = "c+h*sin(t)+k*cos(t)"
_REACH = "sqrt((a+g)*(a+g)+pow(sqrt(b*b+c*c)+sqrt(h*h+k*k),2))"
#: The part of its reach within which a limb that is wholly soft straightens.
SOFT_PART = 0.1
_IS_FAR = f"d>r*(1-{SOFT_PART}*s)"
#: The distance that the limb bends for: that of the target, or a distance which nears the reach exponentially.
_SOFT = f"r*(1-{SOFT_PART}*s*exp((1-{SOFT_PART}*s-d/r)/max({SOFT_PART}*s,0.000001))) if {_IS_FAR} else d"
#: Soft limbs stretch by what they bend too much, so that they reach their target as long as others do.
_STRETCH = f"min(d/r,1+e*max(0,d/r-1))*r/t if s>0 and {_IS_FAR} else 1+e*max(0,d/r-1)"


def add_limb(plan: ControlPlan, joints: Joints, name: str, side: str, parent: str) -> Limb:
    """FK, IK, and the mechanism of one limb.

    Args:
        name: ``arm`` or ``leg``.
        parent: the control that it hangs on.
    """
    limb = limb_of(joints, name, side)
    group = {"arm": "Arm", "leg": "Leg"}[name]
    upper, lower, _end = limb.joints
    words = _PARTS[name]
    socket = limb.part("socket")
    plan.bones.append(ControlBone(socket, parent, joints.rest(upper), joints.length(upper)))
    plan.drives += joints.links(socket, upper, ("location",))
    _add_fk(plan, joints, limb, socket, f"{group} FK.{side}")
    _add_target(plan, joints, limb, f"{group} IK.{side}")
    _add_solver(plan, joints, limb, socket)

    plan.switches.append(Switch(limb.switch, 0.0, f"FK (0) or IK (1) of the {side} {name}"))
    plan.switches.append(Switch(limb.stretch, 0.0, f"How far the {side} {name} stretches to its IK target"))
    plan.switches.append(
        Switch(limb.soft, 0.0, f"How softly the {side} {name} straightens under IK, by stretching a little before it")
    )
    above = socket
    solved = (limb.part("upper_ik"), limb.part("lower_stretched"), limb.part("end_ik"))
    rests = (joints.rest(upper), joints.rest(lower), end_rest(joints, limb))
    for word, rest, joint, fk, ik in zip(words, rests, (upper, lower, end_frame(limb)), limb.fk, solved):
        chosen = f"ORG-{word}.{side}"
        plan.bones.append(ControlBone(chosen, above, rest, joints.length(joint)))
        plan.ties.append(Tie(chosen, "COPY_TRANSFORMS", fk))
        variables = (Variable("v", "switch", path=limb.switch),)
        plan.ties.append(Tie(chosen, "COPY_TRANSFORMS", ik, influence="v", variables=variables))
        above = chosen
    plan.follow |= {upper: f"ORG-{words[0]}.{side}", lower: f"ORG-{words[1]}.{side}"}
    add_twist(plan, joints, limb)
    plan.limbs.append(limb)
    return limb


def limb_of(joints: Joints, name: str, side: str) -> Limb:
    """What a limb is on a body."""
    ends = [f"{side.lower()}_{word}" for word in _JOINTS[name]]
    limb = Limb(name, side, (ends[0], ends[1], ends[2]), 1.0)
    p, q = limb_vectors(joints, limb)
    straight = np.arctan2(p[2], p[1]) - np.arctan2(q[2], q[1])
    return Limb(name, side, limb.joints, 1.0 if straight < 0 else -1.0)  # the rest is bent, by 0


def end_frame(limb: Limb) -> str:
    """The joint whose frame the hand or the foot has."""
    return f"{limb.side.lower()}_wrist" if limb.name == "arm" else limb.joints[2]


def end_rest(joints: Joints, limb: Limb) -> Array:
    """(4, 4) the rest of the hand's or foot's controls: the axes of the wrist or the foot, where the limb ends."""
    rest = joints.rest(end_frame(limb))
    rest[:3, 3] = joints.head(limb.joints[2])
    return rest


def limb_vectors(joints: Joints, limb: Limb) -> tuple[Array, Array]:
    """``p`` and ``q`` (3,) m at rest, all sliders 0."""
    upper, lower, _ = limb.joints
    axes = joints.axes(lower)
    return axes.T @ (joints.head(lower) - joints.head(upper)), axes.T @ (joints.head(limb.tip) - joints.head(lower))


def _add_fk(plan: ControlPlan, joints: Joints, limb: Limb, socket: str, group: str) -> None:
    upper, lower, end = limb.joints
    for name, joint, parent in zip(limb.fk[:2], (upper, lower), (socket, limb.fk[0])):
        plan.bones.append(joints.posed(name, joint, parent, group))
        if joint != upper:  # the socket moves the upper one
            plan.drives += joints.links(name, joint)
    plan.bones.append(
        ControlBone(
            limb.fk[2],
            limb.fk[1],
            end_rest(joints, limb),
            joints.length(end_frame(limb)),
            _END_MODE[limb.name],
            "fk",
            group,
            frozenset((0, 1, 2)),
        )
    )
    plan.drives += joints.links(limb.fk[2], end, ("location",))


def _add_target(plan: ControlPlan, joints: Joints, limb: Limb, group: str) -> None:
    """The IK control and the pole."""
    lower = limb.joints[1]
    everything = frozenset((0, 1, 2))
    if limb.name == "arm":
        rest, length = end_rest(joints, limb), joints.length(end_frame(limb))
        spaces = [("root", "root"), ("hips", "hips"), ("chest", "spine.04")]
    else:
        rest, length = upright(joints.head(limb.tip)), 0.1
        spaces = [("root", "root"), ("hips", "hips")]
    control = ControlBone(limb.target, "", rest, length, "QUATERNION", "ik", group, everything, moves=True)
    based(plan, control, spaces, joints.shifted("", limb.tip, rest[:3, :3]))
    p, q = limb_vectors(joints, limb)
    frame = line_frame(p, q, 0.0)
    line = joints.rest(lower)[:3, :3] @ frame.T
    away = -limb.bend * POLE_DISTANCE * float(np.linalg.norm(p) + np.linalg.norm(q))
    at = joints.head(lower) + away * line[:, 2]
    pole = ControlBone(limb.pole, "", upright(at), 0.05, "XYZ", "pole", group, moves=True)
    follows = ("chest", "spine.04") if limb.name == "arm" else ("foot", limb.target)
    based(plan, pole, [("root", "root"), follows], joints.shifted("", lower) if limb.name == "arm" else [], default=1)


def line_frame(p: Array, q: Array, bend: float) -> Array:
    """(3, 3) ``Rz(g) Rx(-a)``: the turn of the upper bone beneath the line, for ``p``, ``q`` and a bend in radians."""
    w = p + _about_x(bend) @ q
    a = np.arctan2(w[2], w[1])
    g = np.arctan2(w[0], np.hypot(w[1], w[2]))
    turn = np.array([[np.cos(g), -np.sin(g), 0], [np.sin(g), np.cos(g), 0], [0, 0, 1.0]])
    return turn @ _about_x(-float(a))


def _about_x(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0, 0], [0, c, -s], [0, s, c]])


def _add_solver(plan: ControlPlan, joints: Joints, limb: Limb, socket: str) -> None:
    """The bones that solve IK, and those that hold its numbers in their locations."""
    upper, lower, end = limb.joints
    p, q = limb_vectors(joints, limb)
    axes, at = joints.axes(lower), joints.head(upper)
    target = limb.target if limb.name == "arm" else f"MCH-foot_target.{limb.side}"
    lengths = joints.length(upper), joints.length(lower)

    # The numbers: p, q, (distance, twist that is kept, sense of the bend), the reach of the straight limb, the distance
    # that it bends for, and the stretch. What is computed from a number of a bone
    # lies on another bone, since Blender evaluates all channels of one bone together.
    names = {word: limb.part(word) for word in ("p", "q_straight", "q", "reach", "full", "soft", "stretch")}
    for name in names.values():
        plan.bones.append(ControlBone(name, "root", upright(at), 0.01, "XYZ"))
    inward = axes.T @ joints.axes(end)
    moved_p = joints.location_terms(lower)
    moved_q = [(axes.T @ joints.axes(joint), joints.location_terms(joint)) for joint in dict.fromkeys((end, limb.tip))]
    for axis in range(3):
        plan.drives.append(Drive(names["p"], "location", axis, constant=float(p[axis]), terms=tuple(moved_p[axis])))
        terms = [(f * float(turn[axis, k]), i) for turn, along in moved_q for k in range(3) for f, i in along[k]]
        plan.drives.append(Drive(names["q_straight"], "location", axis, constant=float(q[axis]), terms=merged(terms)))
    hinge = limb.part("lower_ik")
    straight = [Variable(v, "channel", names["q_straight"], f"location[{i}]") for i, v in enumerate("xyz")]
    second = Variable("r", "channel", names["p"], "rotation_euler[2]")
    plan.drives += [d for d in joints.links(names["p"], lower, ("rotation_euler",)) if d.axis == 2]
    for axis, text in enumerate(("cos(r)*x-sin(r)*y", "sin(r)*x+cos(r)*y", "z")):
        plan.drives.append(Drive(names["q"], "location", axis, text, (*straight, second)))
    numbers = [Variable(v, "channel", names["p"], f"location[{i}]") for i, v in enumerate("abc")]
    numbers += [Variable(v, "channel", names["q"], f"location[{i}]") for i, v in enumerate("ghk")]
    distance, size = Variable("d", "distance", socket, target), Variable("u", "scale", "root")
    plan.drives.append(Drive(names["reach"], "location", 0, "d/max(u,0.000001)", (distance, size)))
    reached = Variable("d", "channel", names["reach"], "location[0]")
    full = Variable("r", "channel", names["full"], "location[0]")
    softness, amount = Variable("s", "switch", path=limb.soft), Variable("e", "switch", path=limb.stretch)
    plan.drives.append(Drive(names["full"], "location", 0, _REACH, tuple(numbers)))
    plan.drives.append(Drive(names["soft"], "location", 0, _SOFT, (full, reached, softness)))
    bending = Variable("d", "channel", names["soft"], "location[0]")
    softened = Variable("t", "channel", names["soft"], "location[0]")
    plan.drives.append(Drive(names["stretch"], "location", 0, _STRETCH, (full, reached, softened, softness, amount)))
    factor = Variable("f", "channel", names["stretch"], "location[0]")
    sense = Variable("s", "channel", names["reach"], "location[2]")

    # the line, and the upper and lower bone beneath it
    line = limb.part("line")
    along_line = np.array(_LINE_REST[limb.name]) * np.array((1.0 if limb.side == "L" else -1.0, 1.0, 1.0))
    rest = upright(at)
    rest[:3, :3] = _frame_along(along_line)
    plan.bones.append(ControlBone(line, socket, rest, lengths[0]))
    plan.ties.append(Tie(line, "DAMPED_TRACK", target, {"track_axis": "TRACK_Y"}))
    facing = "TRACK_NEGATIVE_Z" if limb.bend > 0 else "TRACK_Z"
    plan.ties.append(Tie(line, "LOCKED_TRACK", limb.pole, {"track_axis": facing, "lock_axis": "LOCK_Y"}))
    turned = limb.part("turned")
    plan.bones.append(ControlBone(turned, line, rest, lengths[0], "XYZ"))
    bend = Variable("t", "channel", hinge, "rotation_euler[0]")
    inputs = (*numbers[1:3], *numbers[4:6], bend)
    plan.drives.append(Drive(turned, "rotation_euler", 0, f"-atan2({_ACROSS},{_ALONG})", inputs))
    lean = f"atan2(a+g,sqrt(pow({_ALONG},2)+pow({_ACROSS},2)))"
    plan.drives.append(Drive(turned, "rotation_euler", 2, lean, (*numbers, bend)))

    beneath = rest.copy()
    beneath[:3, :3] = rest[:3, :3] @ axes.T @ joints.axes(upper)
    plan.bones.append(ControlBone(limb.part("upper_ik"), turned, beneath, lengths[0]))
    plan.drives.append(Drive(limb.part("upper_ik"), "scale", 1, "f", (factor,)))
    low = rest.copy()
    low[:3, 3] = at + rest[:3, :3] @ p
    plan.bones.append(ControlBone(hinge, turned, low, lengths[1]))
    for axis in range(3):
        text = f"f*v-{p[axis]:.9g}" if p[axis] >= 0 else f"f*v+{-p[axis]:.9g}"
        plan.drives.append(Drive(hinge, "location", axis, text, (factor, _entry("v", names["p"], axis))))
    plan.drives.append(Drive(hinge, "rotation_euler", 0, _BEND, (*numbers, bending, sense)))
    plan.drives += [d for d in joints.links(hinge, lower, ("rotation_euler",)) if d.axis != 0]
    plan.bones.append(ControlBone(limb.part("lower_stretched"), hinge, low, lengths[1]))
    plan.drives.append(Drive(limb.part("lower_stretched"), "scale", 1, "f", (factor,)))

    last = low.copy()
    last[:3, :3] = rest[:3, :3] @ axes.T @ joints.axes(end_frame(limb))
    last[:3, 3] = low[:3, 3] + rest[:3, :3] @ q
    name = limb.part("end_ik")
    plan.bones.append(ControlBone(name, hinge, last, joints.length(end_frame(limb))))
    outward = inward.T if limb.name == "leg" else (axes.T @ joints.axes(end_frame(limb))).T
    for axis in range(3):
        parts = [f"{outward[axis, k]:.9g}*{v}" for k, v in enumerate("xyz") if abs(outward[axis, k]) > 1e-9]
        text = f"f*({'+'.join(parts)})-{float(outward[axis] @ q):.9g}".replace("+-", "-").replace("--", "+")
        plan.drives.append(Drive(name, "location", axis, text, (factor, *straight)))
    plan.ties.append(Tie(name, "COPY_ROTATION", target))


def _entry(name: str, bone: str, axis: int) -> Variable:
    return Variable(name, "channel", bone, f"location[{axis}]")


def _frame_along(direction: Array) -> Array:
    """(3, 3) any axes with y in a direction."""
    y = direction / np.linalg.norm(direction)
    x = np.cross(y, (0.0, 0.0, 1.0))
    x /= np.linalg.norm(x)
    return np.stack([x, y, np.cross(x, y)], axis=1)
