"""A cheap test for limbs that pass through each other: the body as a few capsules (segments with a radius)."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.mhr.skeleton import Pose

Array = NDArray[np.float64]

_TORSO = (("c_spine0", "c_spine1", 10.5), ("c_spine1", "c_spine3", 11.0))
"""Joint, joint, radius in cm. Radii are those of a slim person, so that a hand may rest on a hip."""
_HEAD = (("c_neck", "c_head", 5.0), ("c_head", "c_head_null", 7.0))
_ARM = (("uparm", "lowarm", 3.6), ("lowarm", "wrist", 3.0), ("wrist", "middle2", 2.4))
_LEG = (("upleg", "lowleg", 6.0), ("lowleg", "foot", 4.2), ("foot", "ball", 3.2))

_NEIGHBOURS = {
    # Parts that touch in any pose: what hangs on the same joint, and the thighs with the pelvis and each other.
    *(("torso0", f"{side}_leg0") for side in "lr"),
    *(("torso1", f"{side}_arm0") for side in "lr"),
    *(("torso0", f"{side}_leg1") for side in "lr"),
    ("torso1", "head0"), ("torso1", "head1"), ("l_leg0", "r_leg0"), ("torso0", "head0"),
}  # fmt: skip


def segment_distances(a0: Array, a1: Array, b0: Array, b1: Array) -> Array:
    """(N,) the smallest distances between pairs of segments, each given by its ends (N, 3).

    Minimises |a0 + s u - b0 - t v| over the unit square: the free minimum, else the best along its four edges.
    """
    u, v, w = a1 - a0, b1 - b0, a0 - b0
    uu, uv, vv, uw, vw = (np.einsum("ni,ni->n", a, b) for a, b in ((u, u), (u, v), (v, v), (u, w), (v, w)))
    determinant = uu * vv - uv * uv
    free = determinant > 1e-9 * uu * vv
    safe = np.where(free, determinant, 1.0)
    inner = np.stack([(uv * vw - vv * uw) / safe, (uu * vw - uv * uw) / safe])
    free &= ((inner >= 0) & (inner <= 1)).all(axis=0)
    zero, one = np.zeros(len(u)), np.ones(len(u))
    choices = [(s, np.clip((vw + s * uv) / vv, 0, 1)) for s in (zero, one)]
    choices += [(np.clip((t * uv - uw) / uu, 0, 1), t) for t in (zero, one)]
    choices.append((np.where(free, inner[0], 0.0), np.where(free, inner[1], 0.0)))
    away = [np.linalg.norm(w + s[:, None] * u - t[:, None] * v, axis=1) for s, t in choices]
    return np.asarray(np.min(away, axis=0))


def segment_distance(a0: Array, a1: Array, b0: Array, b1: Array) -> float:
    """The smallest distance between two segments, each given by its ends (3,)."""
    return float(segment_distances(*(np.asarray(end)[None] for end in (a0, a1, b0, b1)))[0])


def penetration(body: Body, pose: Pose) -> float:
    """By how many centimetres the worst pair of the body's parts overlaps; negative where all keep apart."""
    places = {name: pose.translations[body.joint_index(name)] for name in body.joint_names}
    parts: dict[str, tuple[Array, Array, float]] = {}
    middle: tuple[tuple[str, tuple[tuple[str, str, float], ...]], ...] = (("torso", _TORSO), ("head", _HEAD))
    for label, group in middle:
        for number, (start, end, radius) in enumerate(group):
            parts[f"{label}{number}"] = (places[start], places[end], radius)
    for side in "lr":
        for label, group in (("arm", _ARM), ("leg", _LEG)):
            for number, (start, end, radius) in enumerate(group):
                parts[f"{side}_{label}{number}"] = (places[f"{side}_{start}"], places[f"{side}_{end}"], radius)
    pairs = [
        (a, b)
        for (first, a), (second, b) in combinations(parts.items(), 2)
        if not (first[:-1] == second[:-1] or (first, second) in _NEIGHBOURS or (second, first) in _NEIGHBOURS)
    ]
    ends = [np.array([pair[k][end] for pair in pairs]) for k in (0, 1) for end in (0, 1)]
    radii = np.array([a[2] + b[2] for a, b in pairs])
    return float((radii - segment_distances(*ends)).max())
