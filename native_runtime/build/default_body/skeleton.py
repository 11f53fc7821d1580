"""Places MHR's 127 joints in a MakeHuman mesh and works out how that mesh turns into MHR's zero pose.

Two skeletons are made from one mesh. The *source* skeleton lies in the mesh as MakeHuman poses it: joints stand in the
centres of MakeHuman's joint cubes where it has one, otherwise where MHR has them relative to their neighbours. The
*rest* skeleton has the same segment lengths but MHR's directions and MHR's joint axes, so that equal parameters give
equal poses on both bodies. Each joint then carries an affine map from the source to the rest pose; the skin weights
blend them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from native_runtime.build.default_body.geometry import (
    MIRROR,
    Array,
    mirror_name,
    stretch,
    unit,
)
from native_runtime.mhr import RigFacts
from native_runtime.mhr.rotations import (
    nearest_rotation,
    rotation_about,
    rotation_between,
    rotation_between_planes,
    signed_angle,
)

FINGERS = ("index", "middle", "ring", "pinky")
#: MHR's finger joints and the MakeHuman cubes in which they stand, from the knuckle to the tip.
FINGER_CUBES = {
    "thumb": ("thumb1", "thumb2", "thumb3", "thumb_null"),
    "index": ("index1", "index2", "index3", "index_null"),
    "middle": ("middle1", "middle2", "middle3", "middle_null"),
    "ring": ("ring1", "ring2", "ring3", "ring_null"),
    "pinky": ("pinky1", "pinky2", "pinky3", "pinky_null"),
}
_SPINE = ("c_spine0", "c_spine1", "c_spine2", "c_spine3")
_SPINE_CUBES = ("pelvis", "spine-4", "spine-3", "spine-2", "spine-1", "neck")
_TONGUE = tuple(f"c_tongue{k}" for k in range(5))
_TWIST_FRACTIONS = {
    "uparm": [(f"uparm_twist{k}_proc", 0.25 * k) for k in range(5)],
    "lowarm": [(f"lowarm_twist{k}_proc", 0.2 * k) for k in range(1, 5)],
    "upleg": [(f"upleg_twist{k}_proc", 0.25 * k) for k in range(5)],
    "lowleg": [(f"lowleg_twist{k}_proc", 0.2 * k) for k in range(1, 5)],
}


@dataclass(frozen=True)
class ReferenceSkeleton:
    """Names, parents, rest axes and rest directions of MHR's joints.

    Attributes:
        names: the 127 joint names.
        parents: (127,) index of the parent, -1 for the first.
        axes: (127, 3, 3) columns are the joint's axes at zero parameters.
        offsets: (127, 3) MHR's own rest translation from the parent, in world axes and cm; only directions and
            proportions of it are used, see ``rig_templates/default_body/skeleton.json``.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    axes: Array
    offsets: Array

    def index(self, name: str) -> int:
        """Return the index of a joint."""
        return self.names.index(name)

    def offset(self, name: str) -> Array:
        """Return the (3,) world offset from the parent, cm."""
        return self.offsets[self.index(name)]

    @classmethod
    def from_facts(cls, facts: RigFacts, directions: Mapping) -> ReferenceSkeleton:
        """Build it from MHR's rig facts and the parsed ``default_body/skeleton.json``, made exactly symmetric."""
        axes = np.array([nearest_rotation(matrix) for matrix in facts.rest_axes])
        offsets = np.array([directions["offsets"][name] for name in facts.joint_names], dtype=np.float64)
        flip = np.diag(MIRROR)
        for joint, name in enumerate(facts.joint_names):
            if name.startswith("l_"):
                other = facts.joint_names.index(mirror_name(name))
                # Most right joints have all three axes reversed after mirroring, so that equal parameters give mirrored
                # poses; the eyes keep pointing forward.
                candidates = (-flip @ axes[joint], flip @ axes[joint] @ flip)
                axes[other] = min(candidates, key=lambda axis: float(np.abs(axis - axes[other]).max()))
                offsets[other] = offsets[joint] * MIRROR
        return cls(facts.joint_names, tuple(int(p) for p in facts.joint_parents), axes, offsets)


def mirrored(points: dict[str, Array]) -> dict[str, Array]:
    """Return ``points`` completed by the mirror images of those whose name starts with ``l_``."""
    result = dict(points)
    for name, point in points.items():
        if name.startswith("l_"):
            result[mirror_name(name)] = point * MIRROR
    return result


class JointPlacer:
    """Finds MHR's joints in a MakeHuman mesh, consistently between the default shape and shaped variants of it.

    On the default shape every joint is placed by rule. The placement is then remembered as an offset from a combination
    of MakeHuman's joint cubes, and a variant moves its joints as its cubes move.
    """

    def __init__(self, reference: ReferenceSkeleton, cubes: Mapping[str, Array], settings: Mapping) -> None:
        """Place the joints on the default shape.

        Args:
            reference: MHR's skeleton.
            cubes: centre (3,) of each joint cube by its name without ``joint-``, cm, on a symmetric mesh.
            settings: ``scale`` (our stature over MHR's), ``hip_inset`` (factor on the hip cube's distance from the
                middle), ``shoulder_back`` (cm that the shoulders are drawn back in the rest pose), ``knuckle_shift``
                (cm by finger: MakeHuman's first finger cubes stand at the web, the knuckles lie further up the hand).
        """
        self.reference = reference
        self._combinations = self._cube_combinations()
        self.base = self._place(cubes, settings)
        self._offsets = {
            name: point - self._combined(self._combinations[name], cubes)
            for name, point in self.base.items()
            if name in self._combinations
        }

    @staticmethod
    def _combined(combination: list[tuple[str, float]], cubes: Mapping[str, Array]) -> Array:
        return np.sum([cubes[name] * weight for name, weight in combination], axis=0)

    @staticmethod
    def _cube_combinations() -> dict[str, list[tuple[str, float]]]:
        """Return which cubes move which (left or middle) joint."""
        hips = [("l-upper-leg", 0.5), ("r-upper-leg", 0.5)]
        eyes = [("l-eye", 0.5), ("r-eye", 0.5)]
        result: dict[str, list[tuple[str, float]]] = {
            "root": hips,
            "l_upleg": [("l-upper-leg", 1.0)],
            "l_lowleg": [("l-knee", 1.0)],
            "l_foot": [("l-ankle", 1.0)],
            "l_subtalar": [("l-ankle", 1.0)],
            "l_transversetarsal": [("l-ankle", 0.5), ("l-toe-3-1", 0.5)],
            "l_ball": [("l-toe-1-1", 0.4), ("l-toe-3-1", 0.6)],
            "l_clavicle": [("l-clavicle", 1.0)],
            "l_uparm": [("l-shoulder", 1.0)],
            "l_lowarm": [("l-elbow", 1.0)],
            "l_wrist": [("l-hand", 1.0)],
            "l_pinky0": [("l-hand", 0.6), ("l-finger-5-1", 0.4)],
            "l_thumb0": [("l-hand", 0.6), ("l-finger-1-1", 0.4)],
            "c_neck": [("neck", 1.0)],
            # The head is held by the eyes: a larger skull grows backwards and up, the gaze stays where it is.
            "c_head": eyes,
            "c_head_null": eyes,
            "l_eye": [("l-eye", 1.0)],
        }
        for number, joints in enumerate(FINGER_CUBES.values(), start=1):
            for k, joint in enumerate(joints, start=1):
                result[f"l_{joint}"] = [(f"l-finger-{number}-{k}", 1.0)]
        for name in ("c_jaw", "c_teeth", "c_jaw_null", *_TONGUE):
            result[name] = eyes
        return result

    def _place(self, cubes: Mapping[str, Array], settings: Mapping) -> dict[str, Array]:
        """Return the left and middle source joints on the default shape (twist joints follow later)."""
        ref, scale = self.reference, float(settings["scale"])
        joints: dict[str, Array] = {}
        hip = cubes["l-upper-leg"] * np.array([settings["hip_inset"], 1.0, 1.0])
        joints["l_upleg"] = hip
        # MHR's root lies a little above and behind the middle of the hips.
        joints["root"] = hip * np.array([0.0, 1.0, 1.0]) - ref.offset("l_upleg") * np.array([0.0, scale, scale])
        eyes = cubes["l-eye"] * np.array([0.0, 1.0, 1.0])
        joints["l_eye"] = cubes["l-eye"]
        joints["c_head"] = eyes - ref.offset("l_eye") * np.array([0.0, scale, scale])
        joints["c_neck"] = joints["c_head"] - ref.offset("c_head") * scale
        # The spine keeps MHR's curve, scaled in height and slid forward or back with height to meet hips and neck.
        curve = np.cumsum([ref.offset(name) for name in (*_SPINE, "c_neck")], axis=0)
        whole = joints["c_neck"] - joints["root"]
        share = curve[:, 1] / curve[-1, 1]
        for name, point, s in zip(_SPINE, curve, share, strict=False):
            forward = point[2] * scale + s * (whole[2] - curve[-1, 2] * scale)
            joints[name] = joints["root"] + np.array([0.0, s * whole[1], forward])
        for name in _SPINE:
            self._combinations[name] = self._between_cubes(joints[name][1], cubes)
        joints["l_uparm"] = cubes["l-shoulder"]
        back = np.array([0.0, 0.0, float(settings["shoulder_back"])])
        joints["l_clavicle"] = cubes["l-shoulder"] - back - ref.offset("l_uparm") * scale
        joints["l_lowarm"] = cubes["l-elbow"]
        joints["l_wrist"] = cubes["l-hand"]
        for number, names in enumerate(FINGER_CUBES.values(), start=1):
            for k, name in enumerate(names, start=1):
                joints[f"l_{name}"] = cubes[f"l-finger-{number}-{k}"]
        for finger, shift in settings["knuckle_shift"].items():
            knuckle = joints[f"l_{finger}1"]
            joints[f"l_{finger}1"] = knuckle + unit(joints["l_wrist"] - knuckle) * float(shift)
        joints["l_lowleg"] = cubes["l-knee"]
        joints["l_foot"] = cubes["l-ankle"]
        joints["l_ball"] = self._combined(self._combinations["l_ball"], cubes)
        # Inside the foot MHR's joints keep their places relative to ankle, ball and sole.
        chain = np.cumsum([ref.offset(f"l_{n}") for n in ("subtalar", "transversetarsal", "ball")], axis=0)
        foot = joints["l_ball"] - joints["l_foot"]
        for name, point in zip(("l_subtalar", "l_transversetarsal"), chain, strict=False):
            joints[name] = joints["l_foot"] + point / chain[-1] * foot
        for name in ("c_jaw", "c_head_null"):
            joints[name] = joints["c_head"] + ref.offset(name) * scale
        for name in ("c_teeth", "c_jaw_null"):
            joints[name] = joints["c_jaw"] + ref.offset(name) * scale
        tongue = [cubes[f"tongue-{k}"] for k in (1, 2, 3, 4)]
        joints.update(zip(_TONGUE, [tongue[0] - (tongue[1] - tongue[0]) * 0.35, *tongue], strict=True))
        knuckle = joints["l_pinky1"] - joints["l_wrist"]
        joints["l_pinky0"] = joints["l_wrist"] + 0.4 * knuckle
        # Behind the thumb's root, at MHR's distance from it.
        reach = joints["l_wrist"] - joints["l_thumb1"]
        joints["l_thumb0"] = joints["l_thumb1"] + unit(reach) * np.linalg.norm(ref.offset("l_thumb1")) * scale
        return joints

    @staticmethod
    def _between_cubes(height: float, cubes: Mapping[str, Array]) -> list[tuple[str, float]]:
        """Return the two neighbouring spine cubes and their weights at a height."""
        heights = [float(cubes[name][1]) for name in _SPINE_CUBES]
        k = int(np.clip(np.searchsorted(heights, height) - 1, 0, len(heights) - 2))
        t = (height - heights[k]) / (heights[k + 1] - heights[k])
        return [(_SPINE_CUBES[k], 1.0 - t), (_SPINE_CUBES[k + 1], t)]

    def source_joints(self, cubes: Mapping[str, Array]) -> dict[str, Array]:
        """Return all source joints (both sides, with twist joints) of a mesh whose cubes are given."""
        joints = {
            name: self._combined(self._combinations[name], cubes) + offset for name, offset in self._offsets.items()
        }
        joints["body_world"] = np.zeros(3)
        joints["l_talocrural"] = joints["l_foot"]
        joints["l_wrist_twist"] = joints["l_wrist"]
        joints["l_eye_null"] = joints["l_eye"] + self.reference.offset("l_eye_null")
        joints["c_neck_twist0_proc"] = joints["c_neck"]
        joints["c_neck_twist1_proc"] = 0.5 * (joints["c_neck"] + joints["c_head"])
        add_twist_joints(joints)
        return mirrored(joints)


def add_twist_joints(joints: dict[str, Array]) -> None:
    """Add the left twist joints at MHR's fractions of their segments, in place."""
    ends = {"uparm": "l_lowarm", "lowarm": "l_wrist", "upleg": "l_lowleg", "lowleg": "l_foot"}
    for segment, twists in _TWIST_FRACTIONS.items():
        start, end = joints[f"l_{segment}"], joints[ends[segment]]
        for name, fraction in twists:
            joints[f"l_{name}"] = start + fraction * (end - start)


@dataclass(frozen=True)
class RestSkeleton:
    """The body's joints in MHR's zero pose.

    Attributes:
        positions: (127, 3) cm, world.
        axes: (127, 3, 3) columns are the joint axes; MHR's own.
        offsets: (127, 3) cm, in the parent's frame.
        prerotations: (127, 3, 3) rotation from the joint's to the parent's frame.
    """

    positions: Array
    axes: Array
    offsets: Array
    prerotations: Array


def rest_positions(
    reference: ReferenceSkeleton, source: Mapping[str, Array], scale: float, thumb_shift: Sequence[float]
) -> dict[str, Array]:
    """Return the joints in the rest pose: the source's segment lengths along MHR's directions.

    Torso and head keep their place; limbs are laid out from shoulder and hip. The palm stays rigid (only turned), so
    the knuckles keep the body's own arrangement.

    Args:
        source: the joints in the source pose, cm.
        scale: our stature over MHR's; sets the clavicle's length.
        thumb_shift: cm in the wrist's frame by which the thumb's root moves (MHR's resting thumb stands further into
            the palm than MakeHuman's).
    """
    ref = reference
    rest = {name: point for name, point in source.items() if not name.startswith("r_")}

    def length(a: str, b: str) -> float:
        return float(np.linalg.norm(source[b] - source[a]))

    def follow(parent: str, child: str, direction: Array) -> None:
        rest[child] = rest[parent] + unit(direction) * length(parent, child)

    rest["l_uparm"] = rest["l_clavicle"] + ref.offset("l_uparm") * scale
    follow("l_uparm", "l_lowarm", ref.offset("l_lowarm"))
    follow("l_lowarm", "l_wrist", ref.offset("l_wrist_twist"))
    rest["l_wrist_twist"] = rest["l_wrist"]
    palm = palm_rotation(ref, source)
    for name in ("thumb0", "thumb1", "pinky0", *(f"{finger}1" for finger in FINGERS)):
        rest[f"l_{name}"] = rest["l_wrist"] + palm @ (source[f"l_{name}"] - source["l_wrist"])
    rest["l_thumb1"] = rest["l_thumb1"] + ref.axes[ref.index("l_wrist")] @ np.asarray(thumb_shift, dtype=np.float64)
    for chain in FINGER_CUBES.values():
        for a, b in pairwise(chain):
            follow(f"l_{a}", f"l_{b}", ref.offset(f"l_{b}"))
    # thumb0 has no cube: it goes where MHR has it, straight behind thumb1.
    rest["l_thumb0"] = rest["l_thumb1"] - unit(ref.offset("l_thumb1")) * length("l_thumb0", "l_thumb1")
    rest["l_pinky0"] = rest["l_pinky1"] - unit(ref.offset("l_pinky1")) * length("l_pinky0", "l_pinky1")
    follow("l_upleg", "l_lowleg", ref.offset("l_lowleg"))
    follow("l_lowleg", "l_foot", ref.offset("l_foot"))
    rest["l_talocrural"] = rest["l_foot"]
    for a, b in (("foot", "subtalar"), ("subtalar", "transversetarsal"), ("transversetarsal", "ball")):
        follow(f"l_{a}", f"l_{b}", ref.offset(f"l_{b}"))
    add_twist_joints(rest)
    return mirrored(rest)


def palm_rotation(reference: ReferenceSkeleton, source: Mapping[str, Array]) -> Array:
    """Return the rotation that lays the left palm's knuckles in MHR's directions as well as a rigid palm can."""
    knuckles = [f"l_{finger}1" for finger in FINGERS]
    ours = np.array([unit(source[name] - source["l_wrist"]) for name in knuckles])
    start = {name: reference.offset(name) for name in knuckles}
    start["l_pinky1"] = reference.offset("l_pinky0") + reference.offset("l_pinky1")
    theirs = np.array([unit(start[name]) for name in knuckles])
    return nearest_rotation(theirs.T @ ours)


def rest_skeleton(reference: ReferenceSkeleton, rest: Mapping[str, Array]) -> RestSkeleton:
    """Return offsets and prerotations of joints at ``rest`` with MHR's axes."""
    positions = np.array([rest[name] for name in reference.names])
    axes = reference.axes.copy()
    # The tongue lies as it lies in the mouth: its frames turn onto its own chain (no parameter moves it).
    for a, b in pairwise(_TONGUE):
        joint = reference.index(a)
        axes[joint] = rotation_between(axes[joint][:, 0], rest[b] - rest[a]) @ axes[joint]
    axes[reference.index(_TONGUE[-1])] = axes[reference.index(_TONGUE[-2])]
    offsets = positions.copy()
    prerotations = axes.copy()
    for joint, parent in enumerate(reference.parents):
        if parent >= 0:
            offsets[joint] = axes[parent].T @ (positions[joint] - positions[parent])
            prerotations[joint] = axes[parent].T @ axes[joint]
    return RestSkeleton(positions, axes, offsets, prerotations)


def repose_maps(
    reference: ReferenceSkeleton, source: Mapping[str, Array], rest: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Return for each joint the affine map from the source pose to the rest pose.

    Limb segments turn onto their new direction; the upper arm also turns about itself until the plane of the bent elbow
    matches, the forearm takes over the palm's turn little by little. Where segment lengths differ (a shaped variant
    brought back onto the default skeleton) the map stretches along the segment and leaves its thickness alone.

    Returns:
        linear: (127, 3, 3); translation: (127, 3) cm, so that ``x' = linear @ x + translation``.
    """
    turn: dict[str, Array] = {}
    scale: dict[str, Array] = {}

    def segment(a: str, b: str) -> tuple[Array, Array]:
        return source[b] - source[a], rest[b] - rest[a]

    def minimal(name: str, a: str, b: str, start: Array | None = None) -> None:
        before, after = segment(a, b)
        first = np.eye(3) if start is None else start
        turn[name] = rotation_between(first @ before, after) @ first
        scale[name] = stretch(before, float(np.linalg.norm(after) / np.linalg.norm(before)))

    for a, b in zip((*_SPINE, "c_neck"), (*_SPINE[1:], "c_neck", "c_head"), strict=True):
        minimal(a, a, b)
    minimal("l_clavicle", "l_clavicle", "l_uparm")

    upper, fore = segment("l_uparm", "l_lowarm"), segment("l_lowarm", "l_wrist")
    bend = np.cross(upper[0], fore[0]), np.cross(upper[1], fore[1])
    whole = rotation_between_planes((upper[0], bend[0]), (upper[1], bend[1]))
    swing = rotation_between(upper[0], upper[1])
    twist = signed_angle(unit(upper[1]), swing @ bend[0], bend[1])
    turn["l_uparm"] = whole
    for name, fraction in _TWIST_FRACTIONS["uparm"]:
        turn[f"l_{name}"] = rotation_about(unit(upper[1]), fraction * twist) @ swing
    turn["l_lowarm"] = rotation_between_planes((fore[0], bend[0]), (fore[1], bend[1]))
    palm_before = np.cross(source["l_index1"] - source["l_wrist"], source["l_pinky1"] - source["l_wrist"])
    palm_after = np.cross(rest["l_index1"] - rest["l_wrist"], rest["l_pinky1"] - rest["l_wrist"])
    knuckles = [f"l_{finger}1" for finger in FINGERS]
    theirs, ours = (np.array([unit(at[name] - at["l_wrist"]) for name in knuckles]) for at in (rest, source))
    palm = nearest_rotation(theirs.T @ ours)
    roll = signed_angle(unit(fore[1]), turn["l_lowarm"] @ palm_before, palm_after)
    for name, fraction in (*_TWIST_FRACTIONS["lowarm"], ("wrist_twist", 1.0)):
        turn[f"l_{name}"] = rotation_about(unit(fore[1]), fraction * roll) @ turn["l_lowarm"]
    turn["l_wrist"] = turn["l_pinky0"] = turn["l_thumb0"] = palm
    reach = np.mean(
        [np.linalg.norm(rest[n] - rest["l_wrist"]) / np.linalg.norm(source[n] - source["l_wrist"]) for n in knuckles]
    )
    across = source["l_middle1"] - source["l_wrist"]
    for name in ("l_wrist", "l_pinky0", "l_thumb0"):
        scale[name] = stretch(across, float(reach))
    for chain in FINGER_CUBES.values():
        start = palm
        for a, b in pairwise(chain):
            minimal(f"l_{a}", f"l_{a}", f"l_{b}", start)
            start = turn[f"l_{a}"]
        turn[f"l_{chain[-1]}"] = start

    for bone, end, twists in (("upleg", "lowleg", "upleg"), ("lowleg", "foot", "lowleg")):
        minimal(f"l_{bone}", f"l_{bone}", f"l_{end}")
        scale.pop(f"l_{bone}")  # the twist joints along the segment stretch it already
        for name, _ in _TWIST_FRACTIONS[twists]:
            turn[f"l_{name}"] = turn[f"l_{bone}"]
    # The sole stays on the floor: the foot only turns about the vertical, onto MHR's toe direction.
    before, after = segment("l_foot", "l_ball")
    yaw = signed_angle(np.array([0.0, 1.0, 0.0]), before, after)
    foot = rotation_about(np.array([0.0, 1.0, 0.0]), yaw)
    for name in ("l_foot", "l_talocrural", "l_subtalar", "l_transversetarsal", "l_ball"):
        turn[name] = foot

    linear = np.tile(np.eye(3), (len(reference.names), 1, 1))
    translation = np.zeros((len(reference.names), 3))
    flip = np.diag(MIRROR)
    for joint, name in enumerate(reference.names):
        key = mirror_name(name) if name.startswith("r_") else name
        matrix = turn.get(key, np.eye(3)) @ scale.get(key, np.eye(3))
        linear[joint] = flip @ matrix @ flip if name.startswith("r_") else matrix
        translation[joint] = rest[name] - linear[joint] @ source[name]
    return linear, translation
