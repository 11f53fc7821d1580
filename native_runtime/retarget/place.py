"""Where a skeleton posed like a person is placed: its relative size, the motion of its hips, its floor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError

from .roles import kind_of
from .skeletons import SourcePose, TargetSkeleton

Array = NDArray[np.float64]


def scale_of(source: SourcePose, target: TargetSkeleton, bones: Mapping[str, int]) -> float:
    """Units of the skeleton for a metre of the person: by the height of the hips over the ankles, else by the trunk."""

    def heights(heads: Array, index: Mapping[str, int], joints: tuple[str, ...]) -> float | None:
        found = [heads[index[joint]][2] for joint in joints if joint in bones]
        return float(np.mean(found)) if found else None

    for low, high in (
        (("l_foot", "r_foot"), ("l_upleg", "r_upleg")),
        (("l_upleg", "r_upleg"), ("c_neck", "c_head")),
        (("root",), ("c_head", "c_neck", "l_uparm", "r_uparm")),
    ):
        ours = heights(source.rest, source.index, low), heights(source.rest, source.index, high)
        theirs = heights(target.heads, bones, low), heights(target.heads, bones, high)
        if None not in ours and None not in theirs:
            return (theirs[1] - theirs[0]) / (ours[1] - ours[0])  # type: ignore[operator]
    raise UsageError("Too few bones are assigned to compare sizes: give the hips and the head, or the legs.")


def shift_of(
    source: SourcePose, target: TargetSkeleton, bones: Mapping[str, int], turns: Mapping[int, Array], scale: float
) -> Array:
    """How far (3,) the hips' head moves: so that the middle of the hip joints goes the person's way, scaled.

    The hips' bone may begin anywhere in the pelvis; the hip joints are the same place in every skeleton.
    """
    legs = hip_joints(bones)
    ours = [source.index[joint] for joint in legs]
    way = source.posed[ours].mean(axis=0) - source.rest[ours].mean(axis=0)
    way[2] -= source.posed_floor - source.floor
    hips = bones["root"]
    reach = target.heads[[bones[joint] for joint in legs]].mean(axis=0) - target.heads[hips]
    return scale * way + reach - turns[hips] @ reach


def ground_of(source: SourcePose, target: TargetSkeleton, bones: Mapping[str, int], scale: float) -> Array:
    """The point (3,) of the floor beneath the hip joints: as far below the lowest joint as it is below MHR's."""
    joints = _outer(bones)
    clearance = source.rest[[source.index[joint] for joint in joints], 2].min() - source.floor
    point = target.heads[[bones[joint] for joint in hip_joints(bones)]].mean(axis=0)
    point[2] = target.heads[[bones[joint] for joint in joints], 2].min() - scale * clearance
    return point


def to_floor(
    source: SourcePose,
    target: TargetSkeleton,
    bones: Mapping[str, int],
    rotations: Mapping[int, Array],
    shift: Array,
    floor: float,
    scale: float,
) -> float:
    """What is missing upwards for the lowest joint to be as near to the floor as the person's."""
    joints = _outer(bones)
    heads, _ = target.forward(rotations, {bones["root"]: shift})
    height = source.posed[[source.index[joint] for joint in joints], 2].min() - source.posed_floor
    return float(floor + scale * height - heads[[bones[joint] for joint in joints], 2].min())


def hip_joints(bones: Mapping[str, int]) -> list[str]:
    return [joint for joint in ("l_upleg", "r_upleg") if joint in bones] or ["root"]


def _outer(bones: Mapping[str, int]) -> list[str]:
    """The joints that may touch the floor; where the trunk's lie is a matter of custom."""
    return [joint for joint in bones if kind_of(joint) != "trunk" and joint != "root"] or ["root"]
