"""How well a pose has been transferred, judged only by where joints are: for tests and benches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.rotations import angle_between, unit
from native_runtime.retarget.roles import FINGERS, SIDES, kind_of, limb_ends
from native_runtime.retarget.skeletons import SourcePose, TargetSkeleton

Array = NDArray[np.float64]

#: A limb that is bent less than this says nothing about its hinge (degrees).
_BENT = 20.0


@dataclass(frozen=True)
class Likeness:
    """Angles between a person and a skeleton posed as them, in degrees.

    Attributes:
        limbs: joint -> between the limb's directions, for those that both skeletons show.
        hinges: ``l_lowarm``, ``r_lowleg``, ... -> in the upper limb's own frame, between the axis about which the
            elbow or knee is bent and the one about which it should be; more than 90 is bent the wrong way. Only where
            it is bent.
        palms: side -> between the palms' normals.
        twists: ``l_lowarm``, ... -> how far the hand is twisted against the forearm, compared with the rest pose.
    """

    limbs: Mapping[str, float]
    hinges: Mapping[str, float]
    palms: Mapping[str, float]
    twists: Mapping[str, float]


def likeness(
    source: SourcePose, target: TargetSkeleton, assigned: Mapping[str, str], heads: Array, axes: Array
) -> Likeness:
    """Compares a person with a posed skeleton.

    Args:
        target: the skeleton at rest, in Blender's axes (Z up, facing -Y).
        assigned: MHR joint -> bone.
        heads, axes: (n, 3), (n, 3, 3) the posed skeleton, in the same axes.
    """
    bones = {joint: target.index[name] for joint, name in assigned.items()}

    def ours(joint: str) -> Array:
        return source.posed[source.index[joint]]

    limbs = {}
    for joint, bone in bones.items():
        end = next((end for end in limb_ends(joint) if end in bones), None) if kind_of(joint) == "limb" else None
        if end is not None:
            limbs[joint] = _degrees(ours(end) - ours(joint), heads[bones[end]] - heads[bone])

    hinges, twists, palms = {}, {}, {}
    for side in SIDES:
        for upper, hinge, end, forward in (("uparm", "lowarm", "wrist", 1.0), ("upleg", "lowleg", "foot", -1.0)):
            chain = [bones.get(f"{side}_{part}") for part in (upper, hinge, end)]
            if None not in chain:
                angle = _hinge(target, heads, axes, [bone for bone in chain if bone is not None], forward)
                if angle is not None:
                    hinges[f"{side}_{hinge}"] = angle
        knuckles = [f"{side}_{finger}1" for finger in (FINGERS[0], FINGERS[-1])]
        if all(joint in bones for joint in (f"{side}_wrist", *knuckles)):
            wrist, index, little = (f"{side}_wrist", *knuckles)
            normal = np.cross(ours(index) - ours(wrist), ours(little) - ours(wrist))
            theirs = [heads[bones[joint]] for joint in (wrist, index, little)]
            palms[side] = _degrees(normal, np.cross(theirs[1] - theirs[0], theirs[2] - theirs[0]))
        if f"{side}_lowarm" in bones and f"{side}_wrist" in bones:
            twists[f"{side}_lowarm"] = _twist(target, axes, bones[f"{side}_lowarm"], bones[f"{side}_wrist"])
    return Likeness(limbs, hinges, palms, twists)


def _hinge(target: TargetSkeleton, heads: Array, axes: Array, chain: list[int], forward: float) -> float | None:
    """Degrees between where a limb bends and where it should, seen from the upper limb.

    Elbows bend to the front and knees to the back where arms and legs hang or are stretched out straight; where the
    rest pose shows a bend, it shows the hinge as well.
    """
    upper, lower, end = chain
    bend = np.cross(heads[lower] - heads[upper], heads[end] - heads[lower])
    if _degrees(heads[lower] - heads[upper], heads[end] - heads[lower]) < _BENT:
        return None
    along, beyond = target.heads[lower] - target.heads[upper], target.heads[end] - target.heads[lower]
    seen = np.cross(along, beyond)
    if _degrees(along, beyond) < _BENT / 2:
        seen = np.cross(along, np.array([0.0, -forward, 0.0]))
    return _degrees(bend, axes[upper] @ target.rest[upper, :3, :3].T @ seen)


def _twist(target: TargetSkeleton, axes: Array, forearm: int, hand: int) -> float:
    """Degrees by which a hand is twisted about its forearm, since rest."""
    turns = [axes[bone] @ target.rest[bone, :3, :3].T for bone in (forearm, hand)]
    along = unit(target.heads[hand] - target.heads[forearm])
    assert along is not None
    between = turns[0].T @ turns[1]
    across = unit(np.cross(along, np.eye(3)[np.argmin(np.abs(along))]))
    assert across is not None
    turned = between @ across
    turned = turned - along * (turned @ along)
    return _degrees(across, turned)


def _degrees(a: Array, b: Array) -> float:
    first, second = unit(a), unit(b)
    return 180.0 if first is None or second is None else float(np.degrees(angle_between(first, second)))
