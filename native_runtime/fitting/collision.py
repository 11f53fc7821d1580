"""Keeps the parts of a body out of each other.

The body is the spheres and tapered capsules of ``volume``. A part's spheres may touch the capsules of parts that are no
neighbours of it, and pay for what lies within a small margin of them: the square of the depth, linear where it is large
(pseudo-Huber), so that a body that cannot help it is not torn. The gap between a sphere and a capsule is the smallest
distance of the sphere's centre from the spheres between the capsule's ends; as that place on the axis is a minimum, it
may be held for the derivative (the envelope theorem), which is therefore exact.

A hand deep in the trunk is pushed out at the nearest side, which is a coin's toss. The photo often knows better: a hand
that is seen lies in front of what it covers, one that is hidden behind it. Where that is the case the obstacle is
replaced, for this sphere, by a larger one that touches it from within at the right side: its surface there is the same,
and every way out leads there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M
from native_runtime.mhr import Body, Pose
from native_runtime.mhr.state import PlacedState

from .evidence import Evidence
from .pins import pseudo_huber
from .problem import Problem, SeenPoints
from .solver import Linearised, Residuals
from .volume import BodyVolume

Array = NDArray[np.float64]

_TINY = 1e-6
"""Metres: nearer than this to an axis, a centre has no direction to be pushed to but towards the camera."""

_SHALLOW = 0.004
"""Metres: what is no deeper is on the side that it is on."""

_STEEPEST = 0.95
"""Capsules taper at most so much, radius by length: one ball does not swallow the other."""


@dataclass(frozen=True)
class CollisionSettings:
    """How parts are kept apart.

    Attributes:
        margin: metres that parts keep apart, as capsules are no exact surface.
        sigma: metres of depth within that margin that count as one.
        give: in sigmas, see ``pseudo_huber``.
        seen, hidden: weight in the evidence from which a point is taken to be in sight, and up to which it is taken to
            be hidden.
        deep: part of an obstacle's radius: a hidden centre that is farther from the surface is brought out behind.
        covers: part of an obstacle's radius: a centre that is farther beside its axis, as the camera sees it, does not
            cover it.
        widened: metres by which the obstacle is enlarged where the way out is known.
    """

    margin: float = 0.003
    sigma: float = 0.005
    give: float = 4.0
    seen: float = 0.75
    hidden: float = 0.4
    deep: float = 0.5
    covers: float = 0.85
    widened: float = 0.1


_BOTH: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("@_hand", "@_fore"), ("trunk", "pelvis", "head", "neck", "@_thigh", "!_thigh", "@_shank", "!_shank")),
    (("@_hand", "@_fore"), ("!_upper", "!_fore", "!_hand", "@_foot", "!_foot")),
    (("@_hand",), ("@_upper",)),
    (("@_elbow",), ("trunk", "head")),
    (("@_knee", "@_shank", "@_foot"), ("!_thigh", "!_shank", "!_foot")),
    (("@_shank", "@_foot"), ("trunk",)),
)
"""Which spheres may not lie in which capsules; "@" stands for a side and "!" for the other one. What hangs on one joint
is left out, and so is what flesh brings together in any pose: thighs and belly, both thighs, upper arms and chest."""


@dataclass(frozen=True)
class Gaps:
    """Spheres against capsules.

    Attributes:
        gap: (n,) m between both surfaces, negative where they overlap.
        normal: (n, 3) unit vectors from the capsule to the sphere, camera axes.
        share: (n,) 0..1, where on the axis the nearest sphere of the capsule is.
        depth: (n,) how far inside the sphere's centre is, as part of the capsule's radius there; 1 on the axis.
    """

    gap: Array
    normal: Array
    share: Array
    depth: Array


def gaps(centre: Array, radius: Array, ends: Array, radii: Array) -> Gaps:
    """The gaps between spheres and tapered capsules, pair by pair.

    Args:
        centre: (n, 3) m, of the spheres, camera axes.
        radius: (n,) m.
        ends: (n, 2, 3) m, of the capsules' axes.
        radii: (n, 2) m at these ends.
    """
    axis = ends[:, 1] - ends[:, 0]
    length = np.maximum(np.linalg.norm(axis, axis=1), _TINY)
    away = centre - ends[:, 0]
    along = np.einsum("na,na->n", away, axis) / length
    height = np.sqrt(np.maximum(np.einsum("na,na->n", away, away) - along**2, 0.0))
    taper = np.clip((radii[:, 1] - radii[:, 0]) / length, -_STEEPEST, _STEEPEST)
    # the minimum over x of sqrt(height^2 + (along - x)^2) - radius(x)
    share = np.clip((along + taper * height / np.sqrt(1.0 - taper**2)) / length, 0.0, 1.0)
    offset = away - share[:, None] * axis
    distance = np.linalg.norm(offset, axis=1)
    normal = np.where(distance[:, None] > _TINY, offset / np.maximum(distance, _TINY)[:, None], [0.0, 0.0, -1.0])
    own = radii[:, 0] + share * (radii[:, 1] - radii[:, 0])
    return Gaps(distance - own - radius, normal, share, 1.0 - distance / np.maximum(own, _TINY))


def forbidden_pairs(volume: BodyVolume) -> NDArray[np.int64]:
    """(P, 2) which spheres may not lie in which capsules."""
    pairs = []
    for movers, obstacles in _BOTH:
        for side, other in (("l", "r"), ("r", "l")):
            own, theirs = (
                [name.replace("@", side).replace("!", other) for name in names] for names in (movers, obstacles)
            )
            spheres, capsules = volume.spheres_of(own), volume.capsules_of(theirs)
            pairs.append(np.stack(np.meshgrid(spheres, capsules, indexing="ij"), axis=-1).reshape(-1, 2))
    return np.unique(np.concatenate(pairs), axis=0)


def in_sight(evidence: Evidence, settings: CollisionSettings) -> Mapping[str, int]:
    """Of the parts "l_hand", "l_fore", "r_hand" and "r_fore": 1 where one is in sight, -1 where it is hidden, 0 where
    nobody knows. A forearm is where elbow and hand agree.
    """
    sight = {}
    weights = dict(zip(evidence.points.names, evidence.points.weights))
    for side, names in evidence.arms.items():
        elbow, wrist = (
            _sight([weights[name] for name in end if name in weights], settings) for end in (names[::2], names[1::2])
        )
        whole = {"l": "left", "r": "right"}[side]
        if any(name.startswith(f"{whole}_hand_") for name in evidence.points.names):
            wrist = 1
        sight[f"{side}_hand"] = wrist
        sight[f"{side}_fore"] = wrist if wrist == elbow else 0
    return sight


def _sight(weights: Sequence[float], settings: CollisionSettings) -> int:
    if not weights:
        return 0
    return int(max(weights) >= settings.seen) - int(max(weights) <= settings.hidden)


class CollisionTerm:
    """Pushes a body's parts out of each other."""

    def __init__(
        self,
        body: Body,
        settings: CollisionSettings | None = None,
        sight: Mapping[str, int] | None = None,
        state: PlacedState | None = None,
    ) -> None:
        """Prepare the term.

        Args:
            body: the body model.
            settings: how parts are kept apart.
            sight: see ``in_sight``; None where nothing is known.
            state: where the stage starts; hands that lie in something there are brought out on the right side.
        """
        self.settings, self.volume = settings or CollisionSettings(), BodyVolume.of(body)
        self._seen = SeenPoints(self.volume.points)
        self.pairs = forbidden_pairs(self.volume)
        self._shift, self._grown = np.zeros((len(self.pairs), 3)), np.zeros(len(self.pairs))
        if sight is not None and state is not None:
            self._choose_sides(body, sight, state)

    def _choose_sides(self, body: Body, sight: Mapping[str, int], state: PlacedState) -> None:
        centres = self._seen.camera(body.pose(state.model_parameters), state)
        found = self._gaps(centres, state, np.arange(len(self.pairs)))
        obstacles = centres[self.volume.capsules[self.pairs[:, 1]]].mean(axis=1)
        towards = -obstacles / np.linalg.norm(obstacles, axis=1, keepdims=True)
        known = np.array([sight.get(part, 0) for part in self.volume.parts])[self.pairs[:, 0]]
        wide = np.isin(self.volume.capsule_parts, ("trunk", "pelvis", "head", "l_thigh", "r_thigh"))
        inside = (found.gap < -_SHALLOW) & wide[self.pairs[:, 1]]
        front = np.einsum("na,na->n", found.normal, towards)
        beside = (1.0 - found.depth) * np.sqrt(np.maximum(1.0 - front**2, 0.0))
        to_front = inside & (known > 0) & (front < 0.5) & (beside < self.settings.covers)
        to_back = inside & (known < 0) & (front > -0.5) & (found.depth > self.settings.deep)
        way = np.where(to_front, 1.0, np.where(to_back, -1.0, 0.0))
        self._shift = -(way * self.settings.widened)[:, None] * towards
        self._grown = np.abs(way) * self.settings.widened

    def _gaps(self, centres: Array, state: PlacedState, which: NDArray[np.int64]) -> Gaps:
        """Of some of the pairs."""
        radii, pairs = self.volume.radii_of(state.identity), self.pairs[which]
        capsules, spheres = self.volume.capsules[pairs[:, 1]], pairs[:, 0]
        ends = centres[capsules] + self._shift[which][:, None, :]
        return gaps(centres[spheres], radii[spheres], ends, radii[capsules] + self._grown[which][:, None])

    def _near(self, centres: Array, state: PlacedState) -> NDArray[np.int64]:
        """The pairs that may come within the margin: each sphere within the one around the whole capsule."""
        radii, capsules = self.volume.radii_of(state.identity), self.volume.capsules
        ends = centres[capsules]
        middle = 0.5 * (ends[:, 0] + ends[:, 1])
        reach = 0.5 * np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) + radii[capsules].max(axis=1)
        spheres, obstacles = self.pairs.T
        away = centres[spheres] - middle[obstacles] - self._shift
        room = radii[spheres] + reach[obstacles] + self._grown + self.settings.margin
        return np.flatnonzero(np.einsum("na,na->n", away, away) < room**2)

    def depths(self, pose: Pose, state: PlacedState) -> Array:
        """(P,) m by which each of ``pairs`` overlaps; negative where it does not."""
        return -self._gaps(self._seen.camera(pose, state), state, np.arange(len(self.pairs))).gap

    def _excess(self, found: Gaps) -> Array:
        return np.maximum(self.settings.margin - found.gap, 0.0) / self.settings.sigma

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        centres = self._seen.camera(pose, state)
        excess = self._excess(self._gaps(centres, state, self._near(centres, state)))
        return float(np.sum(pseudo_huber(excess**2, np.asarray(self.settings.give))[1]))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        centres = self._seen.camera(pose, state)
        near = self._near(centres, state)
        found = self._gaps(centres, state, near)
        excess = self._excess(found)
        active = np.flatnonzero(excess > 0.0)
        if not len(active):
            return ()
        weight, cost = pseudo_huber(excess[active] ** 2, np.asarray(self.settings.give))
        slope = gap_jacobian(problem, self.volume, self.pairs[near[active]], found, active, pose, state)
        return (Residuals(float(np.sum(cost)), excess[active], -slope / self.settings.sigma, weight),)


def hands_inside(body: Body, state: PlacedState, deeper: float) -> tuple[str, ...]:
    """ "l" and "r": the hands that lie in the trunk or the head by more than so many metres."""
    volume = BodyVolume.of(body)
    term = CollisionTerm(body)
    depths = term.depths(body.pose(state.model_parameters), state)
    core = np.isin(volume.capsule_parts, ("trunk", "pelvis", "head"))[term.pairs[:, 1]]
    of = np.array(volume.parts)[term.pairs[:, 0]]
    return tuple(side for side in "lr" if np.any(depths[core & (of == f"{side}_hand")] > deeper))


def gap_jacobian(
    problem: Problem, volume: BodyVolume, pairs: NDArray[np.int64], found: Gaps, rows: NDArray[np.int64], pose: Pose,
    state: PlacedState,
) -> Array:  # fmt: skip
    """d gap / d unknowns, (n, size), m.

    Args:
        problem: whose unknowns.
        volume: the spheres and capsules.
        pairs: (n, 2) spheres and capsules.
        found: the gaps of more pairs.
        rows: (n,) which of them these are.
        pose, state: the body.
    """
    spheres, capsules = pairs[:, 0], volume.capsules[pairs[:, 1]]
    used, place = np.unique(np.concatenate([spheres, capsules.ravel()]), return_inverse=True)
    motion = problem.motion(volume.points.take(used), pose, state)
    sphere, ends = place[: len(spheres)], place[len(spheres) :].reshape(-1, 2)
    share = found.share[rows]
    across = (
        motion[sphere] - (1.0 - share)[:, None, None] * motion[ends[:, 0]] - share[:, None, None] * motion[ends[:, 1]]
    )
    slope = np.einsum("na,nas->ns", found.normal[rows], across)
    if len(problem.identity):
        growth = volume.radius_basis[:, problem.identity] / CM_PER_M
        slope[:, problem.stop :] -= (
            growth[spheres] + (1.0 - share)[:, None] * growth[capsules[:, 0]] + share[:, None] * growth[capsules[:, 1]]
        )
    return slope
