"""Re-targets MakeHuman's skin weights to MHR's joints.

MakeHuman's bones say *which limb* a vertex belongs to; they are summed into a few regions. Inside a region the weight
is shared among MHR's joints by where the vertex lies along the segment, with piecewise linear hats between neighbouring
joints. So twists spread evenly over the twist joints, and a length parameter, which slides the joints of a segment
apart, stretches the skin evenly too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.default_body.geometry import Array, IntArray, mirror_name, smooth_step
from native_runtime.build.default_body.skeleton import FINGERS, ReferenceSkeleton

KNUCKLE_BLEND_CM = 1.3
"""Half the length over which the palm goes over into a finger, along the finger."""
FINGER_SPREAD_CM = 0.7
"""How far a finger's pull reaches across the hand."""

_JAW_BONES = ("jaw", "special04", "oris01", "oris02", "oris06", "oris07", "tongue")
_SPINE = ("root", "c_spine0", "c_spine1", "c_spine2", "c_spine3")


def region_of_bone(bone: str) -> str:
    """Return the region of a MakeHuman bone; regions of the two sides start with ``l_`` and ``r_``."""
    stem, _, side = bone.partition(".")
    prefix = {"L": "l_", "R": "r_", "": ""}[side]
    for start, region in (
        ("upperarm", "uparm"),
        ("lowerarm", "lowarm"),
        ("upperleg", "upleg"),
        ("lowerleg", "lowleg"),
        ("clavicle", "clavicle"),
        ("shoulder", "clavicle"),
        ("foot", "foot"),
        ("toe", "ball"),
        ("wrist", "palm"),
        ("metacarpal", "palm"),
        ("eye", "eye"),
    ):
        if stem.startswith(start):
            return prefix + region
    if stem.startswith("finger"):
        finger, phalanx = stem.removeprefix("finger").split("-")
        return f"{prefix}{('thumb', 'index', 'middle', 'ring', 'pinky')[int(finger) - 1]}{phalanx}"
    if stem.startswith("neck"):
        return "neck"
    if stem == "root" or stem.startswith(("spine", "breast", "pelvis")):
        return "torso"
    # "oris06" alone is the upper lip's middle; with a side it belongs to the lower lip.
    if stem.startswith(_JAW_BONES) and bone != "oris06":
        return "jaw"
    return "head"


def regions_of(bone_weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return the summed (N,) weight of every region."""
    regions: dict[str, Array] = {}
    for bone, weights in bone_weights.items():
        region = region_of_bone(bone)
        regions[region] = regions.get(region, 0.0) + weights
    return regions


def hats(position: Array, knots: Sequence[float]) -> Array:
    """Return the piecewise linear partition of unity (N, K) over rising ``knots``, constant outside."""
    values = np.clip(position, knots[0], knots[-1])
    return np.stack([np.interp(values, knots, np.eye(len(knots))[k]) for k in range(len(knots))], axis=1)


def along(points: Array, start: Array, end: Array) -> Array:
    """Return where points (N, 3) project onto the segment: 0 at ``start``, 1 at ``end``."""
    axis = end - start
    return (points - start) @ axis / (axis @ axis)


class Retargeter:
    """Shares the regions' weights among MHR's joints for one mesh in its source pose."""

    def __init__(self, reference: ReferenceSkeleton, points: Array, source: Mapping[str, Array]) -> None:
        """Args: the skeleton; ``points`` (N, 3) cm in MakeHuman's pose; ``source`` joints in the same pose."""
        self._reference = reference
        self._points = points
        self._source = source
        self.weights = np.zeros((len(points), len(reference.names)))

    def _give(self, region: Array, shares: Array, joints: Sequence[str]) -> None:
        for joint, share in zip(joints, shares.T, strict=True):
            self.weights[:, self._reference.index(joint)] += region * share

    def _segment(self, region: Array, start: str, end: str, joints: Sequence[str], knots: Sequence[float]) -> None:
        t = along(self._points, self._source[start], self._source[end])
        self._give(region, hats(t, knots), joints)

    def _torso(self, region: Array) -> None:
        """Share the torso by height, each joint fading smoothly into the next around the joint between them."""
        heights = np.array([self._source[name][1] for name in (*_SPINE, "c_neck")])
        y = self._points[:, 1]
        # The pelvis ends above the lowest spine joint: the first lumbar segments share the bend of the waist.
        centres = np.array([heights[1] + 4.0, *heights[2:5]])
        widths = np.array([7.0, 8.0, 10.0, 9.0])
        steps = [smooth_step((y - c + w) / (2 * w)) for c, w in zip(centres, widths, strict=True)]
        above = [np.ones_like(y), *steps, np.zeros_like(y)]
        shares = np.stack([np.prod(above[: k + 1], axis=0) * (1.0 - above[k + 1]) for k in range(len(_SPINE))], axis=1)
        self._give(region, shares / shares.sum(axis=1, keepdims=True), _SPINE)

    def _fingers(self, regions: Mapping[str, Array], side: str) -> None:
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            for phalanx in (1, 2):
                self._give(
                    regions[f"{side}{finger}{phalanx}"], np.ones((len(self._points), 1)), [f"{side}{finger}{phalanx}"]
                )
            last, tip = f"{side}{finger}3", f"{side}{finger}_null"
            self._segment(regions[last], last, tip, (last, tip), (0.15, 0.85))

    def _palm(self, palm: Array, side: str) -> None:
        """Give the palm to the wrist up to the knuckles and to the fingers beyond.

        MakeHuman bends the fingers at the web, where they part; the knuckles lie about a finger's width further up,
        inside its palm region. Across the hand each vertex follows the nearest fingers.
        """
        rays, beyond = [], []
        for finger in FINGERS:
            wrist, knuckle, middle = (self._source[f"{side}{n}"] for n in ("wrist", f"{finger}1", f"{finger}2"))
            ahead = along(self._points, knuckle, middle)
            behind = np.clip(along(self._points, wrist, knuckle), 0.0, 1.0)[:, None]
            nearest = np.where(
                (ahead > 0)[:, None], knuckle + ahead[:, None] * (middle - knuckle), wrist + behind * (knuckle - wrist)
            )
            rays.append(np.sum((self._points - nearest) ** 2, axis=1))
            length = float(np.linalg.norm(middle - knuckle))
            beyond.append(smooth_step((ahead * length + KNUCKLE_BLEND_CM) / (2 * KNUCKLE_BLEND_CM)))
        distance = np.array(rays)
        closeness = np.exp(-(distance - distance.min(axis=0)) / (2 * FINGER_SPREAD_CM**2))
        shares = (closeness / closeness.sum(axis=0) * np.array(beyond)).T
        self._give(palm, shares, [f"{side}{finger}1" for finger in FINGERS])
        self._give(palm, 1.0 - shares.sum(axis=1, keepdims=True), [f"{side}wrist"])

    def _foot(self, regions: Mapping[str, Array], side: str) -> None:
        """Share the foot among ankle, heel, middle and ball."""
        s, points = self._source, self._points
        foot = regions[f"{side}foot"]
        ankle, ball = s[f"{side}foot"], s[f"{side}ball"]
        # Close below the ankle the skin follows the hinge, further down and behind the heel, in front the middle foot.
        upper = smooth_step((points[:, 1] - (ankle[1] - 3.5)) / 6.0)
        front = smooth_step((along(points, ankle, ball) - 0.15) / 0.5)
        shares = np.stack([upper * (1 - front), (1 - upper) * (1 - front), front], axis=1)
        self._give(foot, shares, [f"{side}talocrural", f"{side}subtalar", f"{side}transversetarsal"])
        self._give(regions[f"{side}ball"], np.ones((len(points), 1)), [f"{side}ball"])

    def run(self, regions: Mapping[str, Array]) -> Array:
        """Return the (N, 127) weights, rows summing to one."""
        one = np.ones((len(self._points), 1))
        self._torso(regions["torso"])
        neck = ["c_neck_twist0_proc", "c_neck_twist1_proc", "c_head"]
        self._segment(regions["neck"], "c_neck", "c_head", neck, (0.0, 0.5, 1.0))
        self._give(regions["head"], one, ["c_head"])
        self._give(regions["jaw"], one, ["c_jaw"])
        for side in ("l_", "r_"):
            self._give(regions[f"{side}eye"], one, [f"{side}eye"])
            self._give(regions[f"{side}clavicle"], one, [f"{side}clavicle"])
            twists = [f"{side}uparm_twist{k}_proc" for k in range(5)]
            self._segment(regions[f"{side}uparm"], f"{side}uparm", f"{side}lowarm", twists, (0, 0.25, 0.5, 0.75, 1))
            twists = [f"{side}lowarm", *(f"{side}lowarm_twist{k}_proc" for k in range(1, 5)), f"{side}wrist_twist"]
            self._segment(regions[f"{side}lowarm"], f"{side}lowarm", f"{side}wrist", twists, (0, 0.2, 0.4, 0.6, 0.8, 1))
            twists = [f"{side}upleg_twist{k}_proc" for k in range(5)]
            self._segment(regions[f"{side}upleg"], f"{side}upleg", f"{side}lowleg", twists, (0, 0.25, 0.5, 0.75, 1))
            twists = [f"{side}lowleg", *(f"{side}lowleg_twist{k}_proc" for k in range(1, 5)), f"{side}foot"]
            self._segment(regions[f"{side}lowleg"], f"{side}lowleg", f"{side}foot", twists, (0, 0.2, 0.4, 0.6, 0.8, 1))
            self._palm(regions[f"{side}palm"], side)
            self._fingers(regions, side)
            self._foot(regions, side)
        return self.weights / self.weights.sum(axis=1, keepdims=True)


def symmetric(weights: Array, partner: IntArray, names: Sequence[str]) -> Array:
    """Return the mean of (N, J) weights and their mirror image."""
    swap = [names.index(mirror_name(name)) for name in names]
    return 0.5 * (weights + weights[partner][:, swap])


def soften(
    weights: Array, edges: IntArray, points: Array, source: Mapping[str, Array], places: Sequence[Mapping]
) -> Array:
    """Return weights relaxed towards the mean of their neighbours around some joints, so that folds become rounder.

    Args:
        weights: (N, J).
        edges: (E, 2) mesh edges.
        points: (N, 3) cm in the pose of ``source``.
        places: each with ``joint`` (without side), ``radius`` in cm (full inside half of it, fading to none) and
            ``rounds``.
    """
    both = np.concatenate([edges, edges[:, ::-1]])
    order = np.argsort(both[:, 0], kind="stable")
    a, b = both[order].T
    starts = np.flatnonzero(np.r_[True, a[1:] != a[:-1]])
    rows, degree = a[starts], np.diff(np.r_[starts, len(a)])[:, None]
    result = weights.copy()
    for place in places:
        names = [name for name in source if name.removeprefix("l_").removeprefix("r_") == place["joint"]]
        distance = np.min([np.linalg.norm(points[rows] - source[name], axis=1) for name in names], axis=0)
        amount = 0.5 * smooth_step(2.0 - 2.0 * distance / float(place["radius"]))[:, None]
        for _ in range(int(place["rounds"])):
            mean = np.add.reduceat(result[b], starts, axis=0) / degree
            result[rows] += amount * (mean - result[rows])
    return result


def packed(weights: Array, count: int) -> tuple[IntArray, NDArray[np.float32]]:
    """Return the ``count`` largest weights of each row, renormalised, as (indices, values); unused entries are 0, 0.

    A weight that equals the first one left out is left out too: on the middle line the same joint of both sides stays
    or goes together.
    """
    order = np.argsort(-weights, axis=1, kind="stable")[:, : count + 1]
    values = np.take_along_axis(weights, order, axis=1)
    floor = np.maximum(values[:, count:] + 1e-9, 1e-4)
    order, values = order[:, :count], np.where(values >= floor, values, 0.0)[:, :count]
    values /= values.sum(axis=1, keepdims=True)
    indices = np.where(values > 0, order, 0).astype(np.int32)
    return indices, values.astype(np.float32)
