"""Where the bones lie: MHR joint frames turned into Blender bones, without Blender.

An MHR joint carries its limb along its own x axis (+x on the left side and in the middle of the body, -x on the
right side; the feet the other way round), and turns by ``R = Rz(rz) Ry(ry) Rx(rx)`` behind its prerotation. A
Blender bone lies along its y axis. Each bone therefore gets a constant turn C with entries 0 and +-1 (``bone frame
= joint frame @ C``): a turn about a joint axis is then the same turn, up to its sign, about one bone axis, and the
three angles of a joint are the three Euler channels of its bone in a suitable rotation order. Nothing is
approximated on the way (see ``channels``).

The turns are chosen so that the bones of the two sides are mirror images in Blender's own sense (y and z mirrored,
x reversed), which is what X-mirror and "Paste Pose Flipped" need, and so that hinges (elbow, knee, fingers) bend
about the bone's x axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_BLENDER, mhr_to_blender

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: Shortest bone in metres: Blender removes bones that are nearly points.
MIN_LENGTH = 1e-3

#: Joints whose frames stand as the character does (x left, y up, z front).
_UPRIGHT = frozenset({"body_world", "root"})
#: Joints with the same frame that look to the front: their bones lie along z.
_FORWARD = frozenset({"c_jaw", "c_teeth", "c_jaw_null", "r_eye", "r_eye_null", "l_eye", "l_eye_null"})
#: Behind the ankle MHR's foot frames point from the toes to the heel on the left side.
_REVERSED = ("_subtalar", "_transversetarsal", "_ball")

# Columns: the bone's x, y and z axis in joint axes.
_TURN_UPRIGHT: Array = np.eye(3)
_TURN_FORWARD: Array = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
_TURN_ALONG_X: Array = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
_TURN_AGAINST_X: Array = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])

#: The child that a bone reaches for where it has several; the others are found by looking along the bone.
_MAIN_CHILD = {"c_spine3": "c_neck", "c_head": "c_head_null", "c_jaw": "c_jaw_null"}
#: Bones without a child in front of them (or with one in the same place): length as a part of the named bone's.
_BORROWED_LENGTH = {
    "_wrist_twist": ("_lowarm", 0.25),
    "_foot": ("_lowleg", 0.12),
    "_pinky_null": ("_pinky3", 0.4),
    "_ring_null": ("_ring3", 0.4),
    "_middle_null": ("_middle3", 0.4),
    "_index_null": ("_index3", 0.4),
    "_thumb_null": ("_thumb3", 0.4),
    "_ball": ("_transversetarsal", 0.7),
    "_eye_null": ("_eye", 0.5),
    "c_head_null": ("c_head", 0.2),
    "c_jaw_null": ("c_jaw", 0.3),
    "c_teeth": ("c_jaw", 0.3),
    "c_tongue4": ("c_tongue3", 1.0),
}
_TWIST_LENGTH = 0.2
_ROOT_LENGTH = {"body_world": 0.30, "root": 0.14}

#: The bone collections in the order in which Blender lists them: (name, colour theme, shown at first).
COLLECTIONS: tuple[tuple[str, str, bool], ...] = (
    ("Root", "THEME09", True),
    ("Torso", "THEME09", True),
    ("Head", "THEME09", True),
    ("Left Arm", "THEME04", True),
    ("Right Arm", "THEME01", True),
    ("Left Hand", "THEME03", True),
    ("Right Hand", "THEME02", True),
    ("Left Leg", "THEME04", True),
    ("Right Leg", "THEME01", True),
    ("Face", "THEME07", True),
    ("Twist", "THEME10", False),
    ("Mechanism", "THEME10", False),
)


@dataclass(frozen=True)
class BoneLayout:
    """The bones of one body at zero parameters, in armature space (metres, Blender axes).

    Attributes:
        names: the 127 joint names; a parent stands before its children.
        parents: (127,) index of the parent, -1 for the first.
        rest: (127, 4, 4) rest matrix of each bone, rigid.
        turns: (127, 3, 3) signed permutation C of each bone: bone frame = joint frame @ C.
        lengths: (127,) m.
        collections: the bone collection that each bone belongs to.
    """

    names: tuple[str, ...]
    parents: NDArray[np.int32]
    rest: Array
    turns: Array
    lengths: Array
    collections: tuple[str, ...]

    @property
    def heads(self) -> Array:
        """(127, 3) m."""
        return self.rest[:, :3, 3]

    @property
    def tails(self) -> Array:
        """(127, 3) m."""
        return self.heads + self.rest[:, :3, 1] * self.lengths[:, None]


def bone_layout(body: Body) -> BoneLayout:
    """Lays the bones of a body out at zero parameters."""
    names = tuple(str(name) for name in body.joint_names)
    parents = np.asarray(body.joint_parents, dtype=np.int32)
    joints = np.asarray(body.pose(np.zeros(len(body.parameter_names))).joints, dtype=np.float64)
    turns = np.stack([bone_turn(name) for name in names])
    rest = np.tile(np.eye(4), (len(names), 1, 1))
    rest[:, :3, :3] = MHR_TO_BLENDER @ joints[:, :3, :3] @ turns
    rest[:, :3, 3] = mhr_to_blender(joints[:, :3, 3])
    return BoneLayout(
        names=names,
        parents=parents,
        rest=rest,
        turns=turns,
        lengths=_lengths(names, parents, rest),
        collections=tuple(bone_collection(name) for name in names),
    )


def bone_turn(name: str) -> Array:
    """The constant turn C (3, 3) of a bone: the columns are its axes in joint axes."""
    if name in _UPRIGHT:
        return _TURN_UPRIGHT
    if name in _FORWARD:
        return _TURN_FORWARD
    against = name.startswith("r_") != name.endswith(_REVERSED)
    return _TURN_AGAINST_X if against else _TURN_ALONG_X


def bone_collection(name: str) -> str:
    """The bone collection in which an artist finds a bone."""
    if name in _UPRIGHT:
        return "Root"
    if name.endswith("_proc"):
        return "Twist"
    if name.endswith("_null") or name == "c_teeth":
        return "Mechanism"
    if name in ("c_neck", "c_head"):
        return "Head"
    if name == "c_jaw" or name.endswith("_eye") or name.startswith("c_tongue"):
        return "Face"
    if name.startswith("c_"):
        return "Torso"
    side = "Left" if name.startswith("l_") else "Right"
    part = name[2:]
    if part in ("clavicle", "uparm", "lowarm", "wrist_twist", "wrist"):
        return f"{side} Arm"
    if part.startswith(("pinky", "ring", "middle", "index", "thumb")):
        return f"{side} Hand"
    return f"{side} Leg"


def _lengths(names: tuple[str, ...], parents: NDArray[np.int32], rest: Array) -> Array:
    """Bone lengths (127,) in metres: to the child in front where there is one, else a part of a neighbour's length."""
    index = {name: i for i, name in enumerate(names)}
    heads, along = rest[:, :3, 3], rest[:, :3, 1]
    lengths = np.zeros(len(names))
    below: dict[int, list[int]] = {}
    for i, parent in enumerate(parents.tolist()):
        if not names[i].endswith("_proc"):
            below.setdefault(parent, []).append(i)
    for i, name in enumerate(names):
        if name in _ROOT_LENGTH:
            lengths[i] = _ROOT_LENGTH[name]
            continue
        if name.endswith("_proc"):
            lengths[i] = _TWIST_LENGTH * lengths[parents[i]]
            continue
        borrowed = _borrowed_length(name, index, lengths)
        if borrowed is not None:
            lengths[i] = borrowed
            continue
        if name in _MAIN_CHILD:
            children = [index[_MAIN_CHILD[name]]]
        else:
            children = below.get(i, [])
        lengths[i] = max((float((heads[c] - heads[i]) @ along[i]) for c in children), default=0.0)
    return np.maximum(lengths, MIN_LENGTH)


def _borrowed_length(name: str, index: dict[str, int], lengths: Array) -> float | None:
    for ending, (lender, part) in _BORROWED_LENGTH.items():
        if name == ending or (ending.startswith("_") and name[1:] == ending):
            prefix = name[0] if ending.startswith("_") else ""
            return part * float(lengths[index[prefix + lender]])
    return None
