"""A person's pose on another skeleton: how each of its bones is rotated, and where its hips go.

For a bone that stands for an MHR joint: the joint has turned by D since MHR's rest; A takes MHR's rest into the
skeleton's (``directions``); so the bone turns by D A^-1 since its own rest. Limbs then point exactly where the
person's do, elbows and knees bend about their own hinges, and the rest is carried over from rest to rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.mhr.rotations import mean_rotation, rotation_about, rotation_between, twist_about, unit

from .directions import RestMatch, match_rest
from .place import ground_of, hip_joints, scale_of, shift_of, to_floor
from .roles import EXPECTED, FOOT, SPINE, TWISTED, is_joint, kind_of, limb_ends, split, title_of, twist_part
from .skeletons import SourcePose, TargetSkeleton, standing_frame

Array = NDArray[np.float64]

#: What of the wrist's and the ankle's twist a forearm and a shin take over that have no twist bones.
TWIST_SHARE = 0.5
#: Joints that no bone of another skeleton follows: MHR's own origin, and helpers that would twist a neck to and fro.
_PASSED_OVER = ("body_world", "c_neck_twist0_proc", "c_neck_twist1_proc")


@dataclass(frozen=True)
class TargetPose:
    """What to do with a skeleton, in its own space and units.

    Attributes:
        rotations: bone -> its rotation (3, 3); bones that are not named keep theirs beneath their parents.
        hips: the bone that carries all.
        shift: (3,) how far its head moves from rest.
        ground: (3,) the point of the floor beneath the hips at rest.
        standing: (3, 3) turns the skeleton's space to Blender's axes (Z up, facing -Y).
        scale: units of the skeleton for a metre of the person, by the heights of their hips.
        notes: what the artist should know.
    """

    rotations: Mapping[int, Array]
    hips: int
    shift: Array
    ground: Array
    standing: Array
    scale: float
    notes: tuple[str, ...] = ()


def solve(
    source: SourcePose,
    target: TargetSkeleton,
    assigned: Mapping[str, str],
    floor: bool = True,
    twist_share: float = TWIST_SHARE,
) -> TargetPose:
    """Poses a skeleton as a person.

    Args:
        assigned: MHR joint -> name of the bone that stands for it.
        floor: bring what is lowest of the person as near to the floor as it is there, whatever the proportions;
            otherwise only the hips' way from rest is scaled.
        twist_share: see ``TWIST_SHARE``.

    Raises:
        UsageError: a joint or bone does not exist, a bone is used twice, or too few are assigned.
    """
    bones = _checked(target, assigned)
    standing = standing_frame(target, bones)
    upright = target.turned(standing)
    match = match_rest(source, upright, bones)
    turns = _turns(source, upright, bones, match, twist_share)
    rotations = {bone: turn @ upright.rest[bone, :3, :3] for bone, turn in turns.items()}
    scale = scale_of(source, upright, bones)
    ground = ground_of(source, upright, bones, scale)
    shift = shift_of(source, upright, bones, turns, scale)
    if floor:
        shift[2] += to_floor(source, upright, bones, rotations, shift, ground[2], scale)
    return TargetPose(
        rotations={bone: standing.T @ rotation for bone, rotation in rotations.items()},
        hips=bones["root"],
        shift=standing.T @ shift,
        ground=standing.T @ ground,
        standing=standing,
        scale=scale,
        notes=tuple(_notes(upright, bones)),
    )


def missing(assigned: Mapping[str, str]) -> list[str]:
    """The titles of the bones that a whole body should have and that are not assigned."""
    return [title_of(joint) for joint in EXPECTED if not assigned.get(joint)]


def _checked(target: TargetSkeleton, assigned: Mapping[str, str]) -> dict[str, int]:
    bones: dict[str, int] = {}
    used: dict[str, str] = {}
    for joint, name in assigned.items():
        if joint in _PASSED_OVER or not name:
            continue
        if not is_joint(joint):
            raise UsageError(f"MHR has no joint '{joint}', which '{name}' should stand for.")
        if name not in target.index:
            raise UsageError(f"The armature has no bone '{name}', which should be its {title_of(joint)}.")
        if name in used:
            raise UsageError(f"'{name}' cannot be both {title_of(used[name])} and {title_of(joint)}.")
        used[name] = joint
        bones[joint] = target.index[name]
    if "root" not in bones:
        raise UsageError("No bone is assigned to the hips; nothing can be posed without them.")
    return bones


def _turns(
    source: SourcePose, target: TargetSkeleton, bones: Mapping[str, int], match: RestMatch, twist_share: float
) -> dict[int, Array]:
    """Bone -> how far (3, 3) it turns from its rest, Blender's axes."""
    turns = _spine(source, target, bones)
    for joint, bone in bones.items():
        kind = kind_of(joint)
        if kind == "trunk":
            continue
        turn = _foot(source, joint, bones) if kind == "foot" else source.turns[source.index[joint]]
        turns[bone] = turn @ match.turns[joint].T
        limb = match.limbs.get(joint)
        if limb is not None:
            start, end = (source.posed[source.index[name]] for name in (joint, limb.end))
            along = unit(end - start)
            if along is not None:
                turns[bone] = rotation_between(turns[bone] @ limb.rest, along) @ turns[bone]
    for part, twisting, end in TWISTED:
        for side in "lr":
            joints = (f"{side}_{part}", f"{side}_{twisting}", f"{side}_{end}")
            if joints[0] in match.limbs and joints[2] in bones:
                _twist(source, bones, match, turns, joints, twist_share)
    return turns


def _spine(source: SourcePose, target: TargetSkeleton, bones: Mapping[str, int]) -> dict[int, Array]:
    """The rotations of the bones between hips and neck; there may be fewer or more than MHR has: each rotates as
    the stretch of MHR's spine that lies at its height does on average.
    """
    known = [joint for joint in SPINE if joint in bones]
    if not known:
        return {}
    chain = target.path(bones[known[-1]], bones["root"])
    if chain is None:
        raise UsageError("The spine's bones are not below the hips' bone; correct one of them.")
    chain = _without_doubles(target, chain[-2::-1], set(bones.values()))  # from the hips upwards, without them
    theirs = _heights(target.heads, bones, target.heads[chain])
    ours = _heights(source.rest, source.index, source.rest[[source.index[joint] for joint in SPINE]])
    bottoms, tops = np.append(-np.inf, ours), np.append(ours, np.inf)
    segments = source.turns[[source.index[joint] for joint in ("root", *SPINE)]]
    ends = np.append(theirs[1:], max(1.0, theirs[-1] + 1e-6))
    turns = {}
    for bone, low, high in zip(chain, theirs, ends):
        overlap = np.maximum(np.minimum(tops, high) - np.maximum(bottoms, low), 0.0)
        if not overlap.any():  # a bone that lies no higher than the one before it
            overlap[np.searchsorted(ours, low, side="right")] = 1.0
        turns[bone] = mean_rotation(segments, overlap)
    return turns


def _without_doubles(target: TargetSkeleton, chain: list[int], known: set[int]) -> list[int]:
    """The chain without bones that begin where a known one does: such serve the mechanism of a rig."""
    near = 1e-3 * float(np.ptp(target.heads, axis=0).max())
    at = [bone for bone in chain if bone in known]
    return [
        bone
        for bone in chain
        if bone in known or min(np.linalg.norm(target.heads[bone] - target.heads[other]) for other in at) > near
    ]


def _heights(heads: Array, index: Mapping[str, int], points: Array) -> Array:
    """Where points lie between the hip joints (0) and the neck (1)."""
    low = [heads[index[joint]] for joint in hip_joints(index)]
    high = [heads[index[joint]] for joint in ("c_neck",) if joint in index] or [
        heads[index[joint]] for joint in ("l_uparm", "r_uparm", "c_head") if joint in index
    ]
    bottom, top = np.mean(low, axis=0)[2], np.mean(high, axis=0)[2]
    return (points[:, 2] - bottom) / max(top - bottom, 1e-9)


def _foot(source: SourcePose, joint: str, bones: Mapping[str, int]) -> Array:
    """How far the part of the foot has turned that a bone stands for: MHR's foot has several joints behind the toes."""
    side, part = split(joint)
    if part not in FOOT:
        return source.turns[source.index[joint]]
    chain = [f"{side}_{name}" for name in (*FOOT, "ball")]
    index = [source.index[name] for name in chain]
    first = chain.index(joint)
    # those up to the next joint that has a bone of its own, each as long as it reaches
    last = next(i for i in range(first + 1, len(chain)) if chain[i] in bones or i == len(chain) - 1)
    lengths = np.linalg.norm(np.diff(source.rest[index[first : last + 1]], axis=0), axis=1)
    if lengths.sum() < 1e-6:
        return source.turns[index[first]]
    return mean_rotation(source.turns[index[first:last]], lengths)


def _twist(
    source: SourcePose,
    bones: Mapping[str, int],
    match: RestMatch,
    turns: dict[int, Array],
    joints: tuple[str, str, str],
    share: float,
) -> None:
    """Spreads the twist between a forearm (shin) and its hand (foot) over the bones that there are for it.

    The other skeleton's hand may rest twisted against its forearm as MHR's does not. Twist helpers take over of that
    what is theirs at their place; a limb without helpers takes ``share`` of it and of what MHR twists.

    Args:
        joints: the limb, the joint that MHR twists it with, and the hand or foot.
    """
    limb, twisting, end = joints
    axis = match.limbs[limb].rest
    added = twist_about(match.turns[limb] @ match.turns[end].T, axis)
    helpers = {bones[name]: part for name in bones if (part := twist_part(name, limb)) is not None}
    for helper, part in helpers.items():
        turns[helper] = turns[helper] @ rotation_about(axis, part * added)
    if not helpers:
        inner, outer = source.turns[source.index[limb]], source.turns[source.index[twisting]]
        own = twist_about(inner.T @ outer, match.turns[limb].T @ axis)
        turns[bones[limb]] = turns[bones[limb]] @ rotation_about(axis, share * (own + added))


def _notes(target: TargetSkeleton, bones: Mapping[str, int]) -> list[str]:
    notes = []
    absent = [title_of(joint) for joint in EXPECTED if joint not in bones]
    if absent:
        notes.append(f"No bone is assigned to: {', '.join(absent)}.")
    backwards = [
        side
        for side in "lr"
        if (foot := bones.get(f"{side}_foot")) is not None
        and (toes := bones.get(f"{side}_ball")) is not None
        and target.heads[toes, 1] > target.heads[foot, 1] + 1e-6
    ]
    if len(backwards) == 2:
        notes.append("The toes point backwards: left and right seem to be swapped in the list.")
    limbs = [(joint, limb_ends(joint)[0]) for joint in bones if kind_of(joint) == "limb"]
    notes += [
        f"{title_of(end)} ('{target.names[bones[end]]}') is not below {title_of(joint)}."
        for joint, end in limbs
        if end in bones and target.path(bones[end], bones[joint]) is None
    ]
    return notes
