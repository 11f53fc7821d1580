"""A body as evidence for itself, and what pins say about the rest of it.

Held points lie where the body has them, so nothing pulls until a pin says otherwise. A pin is an exact sample of an
error, and errors of neighbours are alike: whoever saw a heel in the wrong place saw the ankle there, too. They are
taken for an Ornstein-Uhlenbeck process along the skeleton, with the covariance exp(-distance / reach), which is
positive definite on trees; each held point moves by its conditional expectation. A hand goes with its wrist as a whole:
where the wrist is pinned, the hand's points say nothing more of the place, only its segments how it is turned.
What is left of a limb is doubted by the conditional variance: the farther off a pin was, the looser its limb is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, mhr_to_camera
from native_runtime.mhr import Body, PointSet, SparseRows

from .evidence import Evidence
from .pins import Pin
from .problem import FitState, named_rows, project

Array = NDArray[np.float64]

WRISTS = {"left_wrist": "l_wrist", "right_wrist": "r_wrist"}
"""Keypoints and the joints that hands hang on."""

ENDS = ("nose", "left_wrist", "right_wrist", "left_big_toe", "right_big_toe")
_JITTER = 1e-6
"""Two pins on nearly one place cannot both be exact samples."""


def hold(
    body: Body,
    evidence: Evidence,
    intrinsics: NDArray,
    state: FitState,
    pins: Sequence[Pin],
    reach: float,
    least: float,
    doubt: float,
    still: float,
) -> Evidence:
    """The evidence with every place and vector replaced by the body's own, moved by what the pins say about it.

    Args:
        evidence: which points and segments hold the body, and how firmly.
        intrinsics: (3, 3) px.
        state: the body as it stands.
        pins: at least one.
        reach: metres along the skeleton over which the correlation of errors falls to 1 / e.
        least: correlations below this count as none, so that other limbs stay.
        doubt: what the rest of a limb may be off by, as part of what its pin was off by.
        still: factor on the sigmas of points on limbs without pins.
    """
    seen, directions = evidence.points, evidence.directions
    names = list(dict.fromkeys([*seen.names, *directions.starts, *directions.ends]))
    rows = named_rows(body, [*names, *(pin.keypoint for pin in pins)])
    points = PointSet.from_rows(body, rows)
    positions = points.positions(body.pose(state.model_parameters), state.identity)
    camera = mhr_to_camera(positions, state.camera_translation)
    pixels = project(camera, intrinsics)

    count = len(names)
    distances, with_hands = distances_along(body, rows), distances_along(body, rows, rigid=tuple(WRISTS.values()))
    on = main_joints(points)
    hands = {wrist: body.skeleton.descends_from[body.joint_index(joint)][on] for wrist, joint in WRISTS.items()}
    pinned = [pin.keypoint for pin in pins]
    in_hand = np.any(list(hands.values()), axis=0)[count:] & ~np.isin(pinned, list(WRISTS))
    towards = np.exp(-np.where(in_hand, distances[:count, count:], with_hands[:count, count:]) / reach)
    towards[towards < least] = 0.0
    among = np.exp(-distances[count:, count:] / reach) + _JITTER * np.eye(len(pins))
    missed = np.array([pin.place for pin in pins]) - pixels[count:]
    known = np.linalg.solve(among, towards.T).T
    moved = known @ missed  # (count, 2) px
    left = np.clip(1.0 - np.sum(known * towards, axis=1), 0.0, 1.0)

    carried = np.zeros(count, bool)
    for wrist, hand in hands.items():
        if wrist in pinned and not np.any(in_hand & hand[count:]):
            carried |= hand[:count]

    limbs = limbs_of(body)[on]
    together = (limbs[:count, None] == limbs[count:]) & (limbs[count:] >= 0)
    farthest = np.max(np.where(together, np.linalg.norm(missed, axis=1), 0.0), axis=1)
    loose = doubt * farthest * np.sqrt(left)  # (count,) px
    factor = np.where(together.any(axis=1), 1.0, still)

    index = {name: i for i, name in enumerate(names)}
    place, starts, ends = (
        np.array([index[name] for name in group], np.int64)
        for group in (seen.names, directions.starts, directions.ends)
    )
    per_pixel = camera[starts, 2:] / np.diag(intrinsics)[:2]
    vectors = camera[ends] - camera[starts]
    length = np.linalg.norm(vectors, axis=1) / per_pixel.mean(axis=1)
    swing = np.maximum(loose[starts], loose[ends]) / np.maximum(length, 1.0)
    return replace(
        evidence,
        points=replace(
            seen,
            positions=(pixels[:count] + moved)[place],
            sigmas=np.hypot(seen.sigmas * factor[place], loose[place]),
            weights=np.where(carried[place], 0.0, seen.weights),
            trusted=np.zeros(len(place), bool),
        ),
        directions=replace(
            directions,
            vectors=turned(vectors, (moved[ends] - moved[starts]) * per_pixel),
            sigmas=np.hypot(directions.sigmas, swing),
        ),
        silhouette=None,
    )


def limbs_of(body: Body) -> NDArray[np.int64]:
    """(J,) the joint at which each joint's limb begins, the head's at the neck; -1 for joints of the trunk.

    A limb begins where no more than one end of the body hangs on a joint.
    """
    skeleton = body.skeleton
    ends = main_joints(PointSet.from_rows(body, named_rows(body, ENDS)))
    within = skeleton.descends_from[:, ends].sum(axis=1) <= 1
    limbs = np.full(len(within), -1)
    for joint, parent in enumerate(skeleton.parents):
        if within[joint]:
            limbs[joint] = limbs[parent] if parent >= 0 and within[parent] else joint
    return limbs


def main_joints(points: PointSet) -> NDArray[np.int64]:
    """(N,) the joint that each point hangs on most."""
    heaviest = np.lexsort((-points.weights, points.points))
    return points.joints[heaviest][np.searchsorted(points.points[heaviest], np.arange(points.count))]


def turned(vectors: Array, moved: Array) -> Array:
    """Unit vectors (m, 3) of segments (m, 3) m whose ends moved apart by (m, 2) m across the view.

    What happened along the view nobody saw. If the bone is as long as it was thought to be, its depth follows from
    Pythagoras, on the side that it was on; if the bone was misjudged, the depth is what it was. The mean of both
    directions is taken.
    """
    flat = vectors[:, :2] + moved
    left = np.sum(vectors**2, axis=1) - np.sum(flat**2, axis=1)
    rigid = np.sqrt(np.maximum(left, 0.0)) * np.where(vectors[:, 2] < 0, -1.0, 1.0)
    both = [_unit(np.column_stack([flat, depth])) for depth in (rigid, vectors[:, 2])]
    return np.where(np.any(moved, axis=1)[:, None], _unit(both[0] + both[1]), _unit(vectors))


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)[:, None])


def distances_along(body: Body, rows: SparseRows, rigid: Sequence[str] = ()) -> Array:
    """(N, N) metres between points of a body at rest: from each to the joint nearest to it, and from joint to joint
    along the skeleton. Between points that share a joint, the straight line.

    Args:
        rigid: joints of which all that hangs on them counts as lying in them.
    """
    skeleton = body.skeleton
    joints = skeleton.rest.translations
    points = rows.combine(np.concatenate([np.asarray(body.rest_vertices, np.float64), joints]))
    beside = np.linalg.norm(points[:, None] - joints, axis=2)
    nearest = np.argmin(beside, axis=1)
    for joint in map(body.joint_index, rigid):
        below = skeleton.descends_from[joint][nearest]
        points, nearest = np.where(below[:, None], joints[joint], points), np.where(below, joint, nearest)
    aside = np.linalg.norm(points - joints[nearest], axis=1)

    parents = skeleton.parents
    bones = np.where(parents >= 0, np.linalg.norm(joints - joints[np.maximum(parents, 0)], axis=1), 0.0)
    # the bones from the root down to each point's joint; those that two points share are not on the way between them
    above = skeleton.descends_from[:, nearest].astype(np.float64)
    depth = bones @ above
    between = depth[:, None] + depth - 2.0 * (above * bones[:, None]).T @ above
    straight = np.linalg.norm(points[:, None] - points, axis=2)
    shared = nearest[:, None] == nearest
    return np.asarray(np.where(shared, straight, between + aside[:, None] + aside) / CM_PER_M)
