"""The role of each joint of MHR for another skeleton: its title, how its bone is rotated, where its limb ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from native_runtime.mhr import load_rig_facts

#: How a bone follows its joint.
#: ``limb``: its direction is the joint's limb in space. ``hand``, ``foot``: its rest is matched by the palm, by the
#: heading of the sole. ``trunk``: it turns as far from rest as MHR's spine does at its height. ``turn``: it turns as
#: far from rest as the joint does.
Kind = Literal["limb", "hand", "foot", "trunk", "turn"]

SIDES = ("l", "r")
FINGERS = ("index", "middle", "ring", "pinky")
SPINE = ("c_spine0", "c_spine1", "c_spine2", "c_spine3")
#: The chain of the foot without its toes; a bone stands for those joints of it that no other bone is given.
FOOT = ("foot", "talocrural", "subtalar", "transversetarsal")

#: Limbs that twist towards their end: the limb, the joint there that MHR twists it with, and the joint that follows.
TWISTED = (("lowarm", "wrist_twist", "wrist"), ("lowleg", "foot", "foot"))
_HELPERS = 5

_LIMB_ENDS: dict[str, tuple[str, ...]] = {
    "uparm": ("lowarm",),
    "lowarm": ("wrist", "wrist_twist"),
    "upleg": ("lowleg",),
    "lowleg": FOOT,
} | {
    f"{finger}{phalanx}": (*(f"{finger}{later}" for later in range(phalanx + 1, 4)), f"{finger}_null")
    for finger in ("thumb", *FINGERS)
    for phalanx in (1, 2, 3)
}
#: limb -> what it hangs on: where it is stretched out from when two rest poses are compared
_ABOVE = {"lowarm": "uparm", "lowleg": "upleg"} | {
    f"{finger}{phalanx}": f"{finger}{phalanx - 1}" if phalanx > 1 else "wrist"
    for finger in ("thumb", *FINGERS)
    for phalanx in (1, 2, 3)
}
#: Bones within the palm: where they begin is a matter of custom, so they turn as far from rest as their joints.
_PALM = ("pinky0", "thumb0")
_TITLES = {
    "root": "Hips",
    "c_spine0": "Spine 1",
    "c_spine1": "Spine 2",
    "c_spine2": "Spine 3",
    "c_spine3": "Chest",
    "c_neck": "Neck",
    "c_head": "Head",
    "c_jaw": "Jaw",
}
_PART_TITLES = {
    "eye": "Eye",
    "clavicle": "Shoulder",
    "uparm": "Upper Arm",
    "lowarm": "Forearm",
    "wrist": "Hand",
    "upleg": "Thigh",
    "lowleg": "Shin",
    "foot": "Foot",
    "ball": "Toes",
    "thumb0": "Thumb Base",
    "pinky0": "Little Finger Base",
} | {
    f"{finger}{phalanx}": f"{title} {phalanx}"
    for finger, title in (
        ("thumb", "Thumb"),
        ("index", "Index Finger"),
        ("middle", "Middle Finger"),
        ("ring", "Ring Finger"),
        ("pinky", "Little Finger"),
    )
    for phalanx in (1, 2, 3)
}

#: The joints that an artist is asked for, from the hips outwards.
ASKED: tuple[str, ...] = (
    *_TITLES,
    *(f"{side}_{part}" for side in SIDES for part in _PART_TITLES),
)
#: Without these a pose says little; a character that lacks them (a bust, a rig without hands) is posed all the same.
EXPECTED: tuple[str, ...] = (
    "root",
    "c_head",
    *(f"{side}_{part}" for side in SIDES for part in ("uparm", "lowarm", "wrist", "upleg", "lowleg", "foot")),
)


def split(joint: str) -> tuple[str, str]:
    """The side (``l``, ``r`` or ``c``) and the part of a joint's name; ``c`` for ``root`` and ``body_world``."""
    side, _, part = joint.partition("_")
    return (side, part) if side in ("l", "r", "c") else ("c", joint)


def kind_of(joint: str) -> Kind:
    """How a bone follows this joint."""
    _, part = split(joint)
    if part in _LIMB_ENDS:
        return "limb"
    if part == "wrist":
        return "hand"
    if part in FOOT or part == "ball":
        return "foot"
    return "trunk" if joint in SPINE else "turn"


def limb_ends(joint: str) -> tuple[str, ...]:
    """Where the limb that begins at a joint may end, the nearest first."""
    side, part = split(joint)
    return tuple(f"{side}_{end}" for end in _LIMB_ENDS[part])


def above(joint: str) -> str | None:
    """The joint whose limb, or hand, carries this limb; None where it hangs on the trunk."""
    side, part = split(joint)
    carrier = _ABOVE.get(part)
    return None if carrier is None else f"{side}_{carrier}"


def carrier_of(joint: str) -> str | None:
    """What a twist helper, the tip of a finger or a bone of the palm belongs to; None for other joints."""
    side, part = split(joint)
    if part in _PALM:
        return f"{side}_wrist"
    if part == "wrist_twist":
        return f"{side}_lowarm"
    if part.endswith("_null") and f"{part.removesuffix('_null')}3" in _LIMB_ENDS:
        return f"{side}_{part.removesuffix('_null')}3"
    limb = part.partition("_twist")[0]
    return f"{side}_{limb}" if part.endswith("_proc") and limb in _LIMB_ENDS else None


def twist_part(helper: str, limb: str) -> float | None:
    """How much of the twist at a limb's end (see ``TWISTED``) reaches a helper; None where it is none of this limb."""
    if helper.endswith("_wrist_twist"):
        return 1.0 if helper == f"{limb[0]}_wrist_twist" and limb.endswith("_lowarm") else None
    number = helper.removeprefix(f"{limb}_twist").removesuffix("_proc")
    return int(number) / _HELPERS if helper.startswith(f"{limb}_twist") and number.isdigit() else None


def spine_of(bones: Sequence[int]) -> dict[str, int]:
    """MHR joint -> bone, for the bones between hips and chest, from below; those in the middle of a long spine are left
    out, since they follow by themselves.
    """
    known = [*bones[:3], bones[-1]] if len(bones) > len(SPINE) else bones
    joints = {1: SPINE[1:2], 2: SPINE[1::2], 3: SPINE[1:], 4: SPINE}.get(len(known), ())
    return dict(zip(joints, known))


def mirrored(joint: str) -> str:
    """The same joint of the other side."""
    side, part = split(joint)
    return joint if side == "c" else f"{'r' if side == 'l' else 'l'}_{part}"


def title_of(joint: str) -> str:
    """What a joint is called in lists, e.g. "Left Forearm"."""
    if joint in _TITLES:
        return _TITLES[joint]
    side, part = split(joint)
    name = _PART_TITLES.get(part) or part.removesuffix("_proc").replace("_", " ").title()
    return name if side == "c" else f"{'Left' if side == 'l' else 'Right'} {name}"


def is_joint(name: str) -> bool:
    """Whether MHR has a joint of this name."""
    return name in _JOINTS


_JOINTS = frozenset(load_rig_facts().joint_names)
