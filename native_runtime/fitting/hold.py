"""Terms that hold a body: each joint has its place in space, and leaves it only as far as it must.

How firmly a joint is held depends on the pins. Where its limb has none it keeps its place as if it stood on the floor:
hands, feet and the head hardly move, elbows and knees as far as the limb has to bend when the trunk moves. On the limb
of a pin joints are held more loosely, and some move along: a pin says what was wrong at one place, and errors of
neighbours are alike. They are taken for an Ornstein-Uhlenbeck process along the skeleton, with the covariance
exp(-distance / reach), which is positive definite on trees; each joint's place moves across the view by its conditional
expectation, and what is left is doubted by the conditional variance: the farther off a pin was, the looser its limb.
About depth a pin says nothing. So places keep theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M
from native_runtime.mhr import Body, PointSet, Pose, SparseRows
from native_runtime.mhr.sparse import sorted_rows
from native_runtime.mhr.state import PlacedState

from .pins import pseudo_huber
from .problem import NEAREST_DEPTH, Problem, SeenPoints, named_rows, project, vector_residuals
from .solver import Linearised

Array = NDArray[np.float64]

ENDS = ("nose", "left_wrist", "right_wrist", "left_big_toe", "right_big_toe")
"""Keypoints, one at the end of each limb."""

HANDS, FEET, HEAD = ("l_wrist", "r_wrist"), ("l_foot", "r_foot"), "c_head"
"""Joints from which the ends of limbs are held as wholes."""

NECK = "c_neck"
"""The joint at which the head's limb begins."""

HELD = {
    "root": 1.0, "c_spine1": 1.0, "c_spine2": 1.0, "c_spine3": 1.0, "c_neck": 1.0,
    "c_head": 1.0, "c_head_null": 0.5, "l_eye": 0.5, "r_eye": 0.5,
    **{f"{side}_{name}": weight for side in "lr" for name, weight in (
        ("uparm", 1.0), ("lowarm", 1.0), ("wrist", 1.0), ("index1", 0.3), ("middle1", 0.3), ("pinky1", 0.3),
        ("upleg", 1.0), ("lowleg", 1.0), ("foot", 1.0), ("subtalar", 0.5), ("ball", 0.7))},
}  # fmt: skip
"""Joints that hold the body, and how much each counts: those that crowd together count less."""

_BASES = ("c_neck", "l_uparm", "r_uparm", "l_upleg", "r_upleg")
"""Joints that stand where the trunk (with the collar bones) has them, though a limb begins there."""

_JITTER = 1e-6
"""Two pins on nearly one place cannot both be exact samples."""

_NEVER = 1e6
"""Sigmas from which a pull stops to grow that always grows."""

_NOTHING = 1e-6
"""The weight of what does not count."""


@dataclass(frozen=True)
class Firmness:
    """How firmly joints are held; metres by which they ordinarily move. Chosen on the even pictures of ``bench``.

    Attributes:
        still: hands, feet and head of limbs without pins.
        bend: their elbows and knees.
        trunk: joints of the trunk.
        give: in sigmas, see ``HoldTerm``: of hands, feet and head. Nothing else gives in.
        collar: the shoulder of an arm with a pin, which its collar bone moves.
        limb: joints of a limb with a pin, across the view.
        deep: the same, along it.
        reach: metres along the skeleton over which the correlation of errors falls to 1 / e.
        least: correlations below this count as none.
        doubt: what the rest of a limb may be off by, as part of what its pin was off by.
        shifted, deepened: what the trunk may be off by across and along the view, as part of what pins have shown.
    """

    still: float = 0.002
    bend: float = 0.005
    trunk: float = 0.003
    give: float = 5.0
    collar: float = 0.01
    limb: float = 0.015
    deep: float = 0.03
    reach: float = 0.1
    least: float = 0.1
    doubt: float = 0.25
    shifted: float = 0.2
    deepened: float = 0.5


class HoldTerm:
    """Keeps points near places in space, with ``pseudo_huber``: a foot that bones cannot hold any more slides."""

    def __init__(self, points: SeenPoints, places: Array, across: Array, deep: Array, give: Array) -> None:
        """Prepare the term.

        Args:
            points: points of a body; the last n are held.
            places: (n, 3) m, camera axes.
            across, deep: (n,) m, sigmas across the line of sight and along the depth.
            give: (n,) in sigmas.
        """
        self._points, self._places = points, places
        # across the line of sight: a joint that only changes its depth stays where it was in the photo
        self._lines = places[:, :2] / np.maximum(places[:, 2:], NEAREST_DEPTH)
        self._across, self._deep = 1.0 / across[:, None], 1.0 / deep
        self._give = give

    def _residuals(self, pose: Pose, state: PlacedState) -> Array:
        camera = self._points.camera(pose, state)[-len(self._places) :]
        across = (camera[:, :2] - self._lines * camera[:, 2:]) * self._across
        return np.column_stack([across, (camera[:, 2] - self._places[:, 2]) * self._deep])

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See the class."""
        return float(np.sum(pseudo_huber(np.sum(self._residuals(pose, state) ** 2, axis=1), self._give)[1]))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        motion = problem.motion(self._points.points, pose, state)[-len(self._places) :]
        residual = self._residuals(pose, state)
        weight, cost = pseudo_huber(np.sum(residual**2, axis=1), self._give)
        jacobian = np.empty_like(motion)
        jacobian[:, :2] = (motion[:, :2] - self._lines[:, :, None] * motion[:, 2:]) * self._across[:, :, None]
        jacobian[:, 2] = motion[:, 2] * self._deep[:, None]
        return (vector_residuals(float(np.sum(cost)), residual, jacobian, weight),)


class Hold:
    """What keeps a body where it stands, for one set of pinned keypoints, wherever they are pinned.

    Attributes:
        points: the pinned keypoints, then the held joints.
        on_trunk: (p,) which keypoints the trunk places.
        on_body: (p,) these and those of the head, which goes where the trunk goes.
    """

    def __init__(
        self,
        body: Body,
        intrinsics: NDArray,
        state: PlacedState,
        keypoints: Sequence[str],
        firmness: Firmness,
        within: NDArray[np.bool_] | None = None,
    ) -> None:
        """Prepare the hold.

        Args:
            body: the body model.
            intrinsics: (3, 3) px.
            state: the body as it stands.
            keypoints: the names of the p that have pins.
            firmness: how firmly joints are held.
            within: (J,) the joints that can move at all; None for all.
        """
        joints, weights = _held(body, within)
        pinned, count = named_rows(body, keypoints), len(keypoints)
        self.points = SeenPoints(PointSet.from_rows(body, _with_joints(body, pinned, joints)))
        pose = body.pose(state.model_parameters)
        places = self.points.camera(pose, state)
        self._places, self._start = places[count:], project(places[:count], intrinsics)
        self._per_pixel = np.maximum(self._places[:, 2], NEAREST_DEPTH) / intrinsics[0, 0]
        self._firmness = firmness
        on = main_joints(PointSet.from_rows(body, pinned))
        limbs, base = limbs_of(body), on_base(body, on)
        self.on_trunk = base | (limbs[on] < 0)
        self.on_body = self.on_trunk | (limbs[on] == body.joint_index(NECK))
        self._together = (limbs[joints][:, None] == limbs[on]) & ~self.on_trunk
        self._of_trunk = (limbs[joints] < 0) | on_base(body, joints)
        self._collar = self._of_trunk & self._together.any(axis=1)
        self._ends = _below(body, (*HANDS, *FEET, HEAD))[joints]
        self._weights = np.where(_carried(body, joints, on), _NOTHING, weights)
        self._known, self._left = _correlation(body, joints, on, firmness)

    def term(self, places: Array, slack: float = 0.0) -> HoldTerm:
        """The term under pins at places (p, 2) px.

        Args:
            places: (p, 2) px.
            slack: px by which the trunk is off in any case, as far as limbs have shown.
        """
        firmness, missed = self._firmness, places - self._start
        far = np.linalg.norm(missed, axis=1)
        off = np.max(np.where(self._together, far, 0.0), axis=1) * self._per_pixel
        loose = firmness.doubt * off * np.sqrt(self._left)
        shift = firmness.shifted * np.max(far, initial=slack, where=self.on_trunk) * self._per_pixel

        other = np.where(self._ends, firmness.still, firmness.bend)
        own = self._together.any(axis=1) & ~self._of_trunk
        trunk = np.where(self._collar, firmness.collar, firmness.trunk)
        slide = firmness.deepened * slack * self._per_pixel
        kinds = [self._of_trunk, own]
        across = np.select(kinds, [np.hypot(trunk, shift), np.hypot(firmness.limb, loose)], other)
        deep = np.select(kinds, [np.hypot(trunk, slide), np.hypot(firmness.deep, loose)], other)
        moved = np.where((own | self._of_trunk)[:, None], self._known @ missed, 0.0) * self._per_pixel[:, None]
        root, give = np.sqrt(self._weights), np.where(self._ends & ~own, firmness.give, _NEVER)
        places = self._places + np.pad(moved, ((0, 0), (0, 1)))
        return HoldTerm(self.points, places, across / root, deep / root, give)


def _held(body: Body, within: NDArray[np.bool_] | None) -> tuple[NDArray[np.int64], Array]:
    """The joints of ``HELD`` that can move, and their weights."""
    joints, weights = np.array([body.joint_index(name) for name in HELD]), np.array(list(HELD.values()))
    chosen = np.ones(len(joints), bool) if within is None else within[joints]
    return joints[chosen], weights[chosen]


def _with_joints(body: Body, rows: SparseRows, joints: NDArray[np.int64]) -> SparseRows:
    """Rows of points of a body, and after them rows that are joints."""
    count = rows.row_count + len(joints)
    below = rows.row_count + np.arange(len(joints))
    columns = np.concatenate([rows.columns, body.vertex_count + joints])
    return sorted_rows(
        count, np.concatenate([rows.rows, below]), columns, np.concatenate([rows.values, np.ones(len(joints))])
    )


def _below(body: Body, names: Sequence[str]) -> NDArray[np.bool_]:
    """(J,) the joints of the given names and those that hang on them."""
    return body.skeleton.descends_from[[body.joint_index(name) for name in names]].any(axis=0)


def _correlation(
    body: Body, joints: NDArray[np.int64], on: NDArray[np.int64], firmness: Firmness
) -> tuple[Array, Array]:
    """What errors at pins that hang on joints (p,) say of joints (n,): the conditional expectation's factors (n, p),
    and what part of the variance is left, (n,).
    """
    distances = joint_distances(body, np.concatenate([joints, on]))[:, len(joints) :]
    towards = np.exp(-distances[: len(joints)] / firmness.reach)
    towards[towards < firmness.least] = 0.0
    among = np.exp(-distances[len(joints) :] / firmness.reach) + _JITTER * np.eye(len(on))
    known = np.linalg.solve(among, towards.T).T
    return known, np.clip(1.0 - np.sum(known * towards, axis=1), 0.0, 1.0)


def _carried(body: Body, joints: NDArray[np.int64], on: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) joints of a hand whose wrist is pinned and nothing else of it: it goes with its wrist as a whole."""
    carried = np.zeros(len(joints), bool)
    for name in HANDS:
        wrist = body.joint_index(name)
        hand = body.skeleton.descends_from[wrist]
        if np.any(on == wrist) and not np.any(hand[on] & (on != wrist)):
            carried |= hand[joints] & (joints != wrist)
    return carried


def on_base(body: Body, joints: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) which joints are shoulders, hips or the neck, which the trunk places."""
    names = [body.joint_names[joint] for joint in joints]
    return np.array([name in _BASES or "uparm_twist0" in name for name in names], bool)


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


def joint_distances(body: Body, joints: NDArray[np.int64]) -> Array:
    """(n, n) metres along the bones between joints of a body at rest."""
    skeleton = body.skeleton
    places, parents = skeleton.rest.translations, skeleton.parents
    bones = np.where(parents >= 0, np.linalg.norm(places - places[np.maximum(parents, 0)], axis=1), 0.0)
    # the bones from the root down to each joint; those that two joints share are not on the way between them
    above = skeleton.descends_from[:, joints].astype(np.float64)
    depth = bones @ above
    return np.asarray((depth[:, None] + depth - 2.0 * (above * bones[:, None]).T @ above) / CM_PER_M)
