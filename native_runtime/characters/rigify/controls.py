"""Which joints the controls of a generated Rigify rig carry, and how the controls stand for a pose of the joints.

A control stands right when it has moved from its rest as its joint has. Most controls hang on another control (or on
helpers that rest upon one) that carries a joint of its own; their channels then follow from the two joints alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.rig_map import RigMap

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

_FINGERS = ("index", "middle", "ring", "pinky")


@dataclass(frozen=True)
class Control:
    """A control of the generated rig.

    Attributes:
        name: of the bone.
        joint: the MHR joint that it moves as; "" for one that rests.
        base: the joint that what it hangs on moves as; "" for the rig's own root.
        placed: whether its location is set, not only its rotation.
    """

    name: str
    joint: str
    base: str = ""
    placed: bool = False


@dataclass(frozen=True)
class Limb:
    """An arm or a leg.

    Attributes:
        master: the bone with the limb's settings (``IK_FK`` and the like).
        base: the control that turns the limb about the line from its start to its target.
        bend: the helper bone that IK bends, behind ``base``.
        target: the control at its end.
        pole: the control that its middle points to where ``pole_vector`` is on.
        joints: the MHR joints of its start, middle and end.
        controls: all controls of the limb, FK and IK, which a pose sets.
        moved: all MHR joints that follow it, except fingers.
    """

    master: str
    base: str
    bend: str
    target: str
    pole: str
    joints: tuple[str, str, str]
    controls: tuple[str, ...]
    moved: tuple[str, ...]


def _torso() -> list[Control]:
    spine = [f"c_spine{number}" for number in range(4)]
    chain = [
        Control(f"spine_fk.{number:03d}", joint, base)
        for number, (joint, base) in enumerate(zip(spine, ["root", *spine]), start=1)
    ]
    return [
        Control("root", ""),
        Control("torso", "root", placed=True),
        Control("hips", "root", "root", placed=True),
        Control("chest", "root", "root", placed=True),
        Control("spine_fk", "root", "root", placed=True),
        *chain,
        Control("neck", "c_neck", "c_spine3"),
        Control("head", "c_head", "c_neck"),
        Control("jaw", "c_jaw", "c_head"),
    ]


def _side(letter: str, side: str) -> list[Control]:
    def joint(name: str) -> str:
        return f"{letter}_{name}"

    found = [
        Control(f"eye.{side}", joint("eye"), "c_head"),
        Control(f"shoulder.{side}", joint("clavicle"), "c_spine3"),
        Control(f"upper_arm_fk.{side}", joint("uparm"), joint("clavicle")),
        Control(f"forearm_fk.{side}", joint("lowarm"), joint("uparm")),
        Control(f"hand_fk.{side}", joint("wrist"), joint("lowarm")),
        Control(f"hand_ik.{side}", joint("wrist"), placed=True),
        Control(f"thumb.00.{side}", joint("thumb0"), joint("wrist")),
        Control(f"thigh_fk.{side}", joint("upleg"), "root"),
        Control(f"shin_fk.{side}", joint("lowleg"), joint("upleg")),
        Control(f"foot_fk.{side}", joint("talocrural"), joint("lowleg")),
        Control(f"toe_fk.{side}", joint("ball"), joint("talocrural")),
        Control(f"foot_ik.{side}", joint("talocrural"), placed=True),
        Control(f"foot_spin_ik.{side}", joint("talocrural"), joint("talocrural"), placed=True),
        Control(f"foot_heel_ik.{side}", joint("talocrural"), joint("talocrural"), placed=True),
        Control(f"toe_ik.{side}", joint("ball"), joint("talocrural")),
    ]
    for finger, first in [*((finger, "wrist") for finger in _FINGERS), ("thumb", "thumb0")]:
        name = "thumb" if finger == "thumb" else f"f_{finger}"
        chain = [joint(f"{finger}{number}") for number in (1, 2, 3)]
        found.append(Control(f"{name}.01_master.{side}", joint(first), joint(first), placed=True))
        found += [
            Control(f"{name}.{number:02d}.{side}", here, base)
            for number, (here, base) in enumerate(zip(chain, [joint(first), *chain]), start=1)
        ]
    return found


#: All controls that a pose sets; what another hangs on stands before it.
CONTROLS: tuple[Control, ...] = (*_torso(), *_side("l", "L"), *_side("r", "R"))


def _arm(letter: str, side: str) -> Limb:
    joints = (f"{letter}_uparm", f"{letter}_lowarm", f"{letter}_wrist")
    return Limb(
        master=f"upper_arm_parent.{side}",
        base=f"upper_arm_ik.{side}",
        bend=f"MCH-forearm_ik.{side}",
        target=f"hand_ik.{side}",
        pole=f"upper_arm_ik_target.{side}",
        joints=joints,
        controls=tuple(f"{name}.{side}" for name in ("upper_arm_fk", "forearm_fk", "hand_fk", "hand_ik")),
        moved=(*joints, f"{letter}_wrist_twist"),
    )


def _leg(letter: str, side: str) -> Limb:
    joints = (f"{letter}_upleg", f"{letter}_lowleg", f"{letter}_talocrural")
    foot = ("foot_fk", "toe_fk", "foot_ik", "foot_spin_ik", "foot_heel_ik", "toe_ik")
    return Limb(
        master=f"thigh_parent.{side}",
        base=f"thigh_ik.{side}",
        bend=f"MCH-shin_ik.{side}",
        target=f"foot_ik.{side}",
        pole=f"thigh_ik_target.{side}",
        joints=joints,
        controls=tuple(f"{name}.{side}" for name in ("thigh_fk", "shin_fk", *foot)),
        moved=(*joints, f"{letter}_foot", f"{letter}_ball"),
    )


LIMBS: tuple[Limb, ...] = (_arm("l", "L"), _leg("l", "L"), _arm("r", "R"), _leg("r", "R"))


def posed_bones(body: Body, joint_parameters: ArrayLike) -> Array:
    """(J, 4, 4) where the MHR bones stand, m, armature space, scales included, for joint parameters (J, 7)."""
    rig_map = RigMap.of(body)
    rest, parents = rig_map.layout.rest, rig_map.layout.parents
    local = rig_map.channels.local_matrices(joint_parameters)
    posed = np.empty_like(local)
    for i, parent in enumerate(parents):
        posed[i] = (
            rest[i] @ local[i] if parent < 0 else posed[parent] @ np.linalg.inv(rest[parent]) @ rest[i] @ local[i]
        )
    return posed


def motions(posed: Array, rest: Array) -> Array:
    """(J, 4, 4) the rigid motion of each joint from its rest frame (J, 4, 4) to where it stands (J, 4, 4)."""
    rigid = posed.copy()
    rigid[:, :3, :3] /= np.linalg.norm(posed[:, :3, :3], axis=1, keepdims=True)
    return np.asarray(rigid @ np.linalg.inv(rest))


def channel_matrix(rest: Array, motion: Array, base: Array) -> Array:
    """(4, 4) the channels, as one matrix, of a control with this rest frame whose joint has moved so, while what it
    hangs on has moved as ``base``.
    """
    return np.asarray(np.linalg.inv(rest) @ np.linalg.inv(base) @ motion @ rest)


def pole_place(places: Array, start: Array, rest_places: Array, rest_pole: Array) -> Array:
    """(3,) where a limb's pole belongs: in the plane of the limb, on the side to which it bends.

    Args:
        places: (3, 3) of start, middle and end.
        start: (3, 3) the rotation of the limb's start from its rest.
        rest_places, rest_pole: (3, 3) and (3,) the same at rest, and the pole there.
    """
    reach = rest_pole - rest_places[1]
    line = places[2] - places[0]
    bend = places[1] - places[0]
    length = float(line @ line)
    if length > 0.0:
        bend = bend - line * float(bend @ line) / length
    size = float(np.linalg.norm(bend))
    turned = start @ reach
    if size > 1e-3 * float(np.linalg.norm(reach)) and float(bend @ turned) > 0.0:
        return np.asarray(places[1] + bend / size * float(np.linalg.norm(reach)))
    return np.asarray(places[1] + turned)
