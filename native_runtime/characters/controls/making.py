"""The control rig of a body as a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .extremities import add_foot, add_hand, add_roll
from .joints import joints_of
from .limbs import add_limb
from .plan import ControlPlan
from .torso import add_face, add_torso

if TYPE_CHECKING:
    from native_runtime.mhr import Body


def control_plan(body: Body) -> ControlPlan:
    """The plan of a body's control rig; remembered as long as the body is in use (bodies do not change)."""
    found = _remembered.get(body)
    if found is None:
        found = _remembered[body] = _make(body)
    return found


def _make(body: Body) -> ControlPlan:
    plan, joints = ControlPlan(), joints_of(body)
    add_torso(plan, joints)
    add_face(plan, joints)
    for side in "LR":
        low = side.lower()
        shoulder = joints.posed(f"shoulder.{side}", f"{low}_clavicle", "spine.04", f"Arm FK.{side}")
        plan.bones.append(shoulder)
        plan.drives += joints.links(shoulder.name, shoulder.joint)
        plan.follow[shoulder.joint] = shoulder.name
        arm = add_limb(plan, joints, "arm", side, shoulder.name)
        add_hand(plan, joints, arm)
    for side in "LR":
        leg = add_limb(plan, joints, "leg", side, "hips")
        add_foot(plan, joints, leg)
        add_roll(plan, joints, leg, body)
    return plan


_remembered: WeakKeyDictionary[Body, ControlPlan] = WeakKeyDictionary()
