"""Several people of one photo in one space: nobody within another, whoever covers another one before them, one floor.

Each person is fitted alone, and along the view a single photo places them to within several per cent of the distance
only. Here all are moved along their lines of sight, each as a whole, by as little as makes them agree; poses and sizes
stay, and so does the place in the photo but for a small change of scale. Unknowns are one shift for each person and
the plane of the floor; the sum of squares is made least by the fit's own solver, from no shift at all. Pairs are taken
both ways, so that the outcome depends on who is there, not on the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity, mhr_to_camera
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .collision import gaps
from .evidence import Silhouette
from .floor import Soles
from .hold import main_joints
from .pins import pseudo_huber
from .problem import NEAREST_DEPTH, SeenPoints, project
from .silhouette import BorderDistance
from .solver import Linearisation, minimise
from .volume import BodyVolume

Array = NDArray[np.float64]

_PLANE = 3
"""Unknowns of the floor: its height, and its slopes across and along the view."""


@dataclass(frozen=True)
class PeopleSettings:
    """How people are brought together.

    Attributes:
        depth: part of the distance by which a fit is ordinarily off along the view.
        tolerance, sigma, give: of bodies within each other, as in ``CollisionSettings``.
        order: metres by which somebody who covers another one is ordinarily not before them.
        covered: of the places where two people cover each other in the photo, the least part at which the masks must
            agree who is in front.
        places: the least number of such places.
        level: metres by which feet are ordinarily off one plane.
        outlier: in sigmas, Geman-McClure: feet farther off stand on something else.
        farthest: part of the distance that nobody is moved beyond.
    """

    depth: float = 0.05
    tolerance: float = 0.01
    sigma: float = 0.01
    give: float = 5.0
    order: float = 0.05
    covered: float = 0.75
    places: int = 4
    level: float = 0.05
    outlier: float = 3.0
    farthest: float = 0.2


@dataclass(frozen=True)
class Together:
    """One of several people.

    Attributes:
        state: the body as fitted alone.
        silhouette: where the person is seen; None where nobody knows.
        planted: of the left and right foot, whether it stands on the floor (``floor.footing``).
        unseen: beginnings of the names of joints that are not seen (``Evidence.unseen``): where their limbs are is a
            guess, which moves nobody.
    """

    state: PlacedState
    silhouette: Silhouette | None = None
    planted: tuple[bool, bool] = (False, False)
    unseen: tuple[str, ...] = ()


def line_of_sight(body: Body, state: PlacedState) -> tuple[Array, float]:
    """The unit vector (3,) from the camera to a body's root, and the distance, m."""
    root = body.pose(state.model_parameters).translations[body.joint_index("root")]
    place = mhr_to_camera(root, state.camera_translation)
    distance = float(np.linalg.norm(place))
    return place / max(distance, 1e-9), distance


def shifts(
    body: Body,
    people: Sequence[Together],
    intrinsics: NDArray,
    gravity: Gravity | None = None,
    settings: PeopleSettings | None = None,
) -> Array:
    """(n,) m by which each person is to be moved along their line of sight, away from the camera.

    Args:
        body: the body model of all.
        people: in the order of the photo.
        intrinsics: (3, 3) px.
        gravity: which way is up; None for a camera that is held about level.
        settings: how people are brought together.
    """
    if len(people) < 2:
        return np.zeros(len(people))
    problem = _Together(
        body,
        people,
        np.asarray(intrinsics, np.float64),
        gravity or Gravity(),
        settings or PeopleSettings(),
    )
    state = np.append(np.zeros(len(people)), problem.floor)
    # in the right order first: people who were fitted on the wrong sides of each other pass through
    for problem.solid in (False, True):
        state = minimise(state, problem.linearise, problem.cost, np.add, 40, 1e-5, 1e-3).state
    return state[: len(people)]


@dataclass(frozen=True)
class _Order:
    """Two people of whom one covers the other: numbers, and depths (k,) m of both where they do."""

    front: int
    back: int
    depths: tuple[Array, Array]


class _Together:
    """The sum of squares over the shifts (n,) m and the plane of the floor (3,).

    Attributes:
        solid: whether people may not pass through each other.
        floor: (3,) the plane to start with.
    """

    solid = True

    def __init__(
        self, body: Body, people: Sequence[Together], intrinsics: Array, gravity: Gravity,
        settings: PeopleSettings,
    ) -> None:  # fmt: skip
        self._settings, self._volume, self._n = settings, BodyVolume.of(body), len(people)
        seen, soles = SeenPoints(self._volume.points), Soles.of(body)
        self._lines, distances = map(np.array, zip(*(line_of_sight(body, p.state) for p in people), strict=True))
        self._sigma = settings.depth * distances
        self._farthest = settings.farthest * distances
        poses = [body.pose(p.state.model_parameters) for p in people]
        self._centres = [seen.camera(pose, p.state) for pose, p in zip(poses, people)]
        self._radii = [self._volume.radii_of(p.state.identity) for p in people]
        holders = [body.joint_names[joint] for joint in main_joints(self._volume.points)]
        self._known = [np.array([not name.startswith(p.unseen) for name in holders]) for p in people]
        self._near = [pair for pair in combinations(range(self._n), 2) if self._may_meet(*pair)]
        self._orders = [
            order for pair in combinations(range(self._n), 2) if (order := self._order(people, intrinsics, *pair))
        ]
        # feet: place, line of sight, height above the floor they stand on
        up = gravity.up
        self._up, self._up_sigma = up, gravity.sigma
        view = np.array([0.0, 0.0, 1.0]) - up[2] * up
        view /= max(float(np.linalg.norm(view)), 1e-9)
        self._across, self._view = np.cross(up, view), view
        feet, owners, under = [], [], SeenPoints(soles.points)
        for number, (pose, person) in enumerate(zip(poses, people)):
            points = under.camera(pose, person.state)
            for k in range(2):
                if person.planted[k]:
                    sole = slice(4 * k, 4 * (k + 1))
                    feet.append(points[sole].mean(axis=0) - soles.heights[sole].mean() * up)
                    owners.append(number)
        self._feet, self._owners = np.array(feet).reshape(-1, 3), np.array(owners, np.int64)
        heights = self._feet @ up
        self.floor = np.array([float(np.median(heights)) if len(heights) else 0.0, 0.0, 0.0])

    def _may_meet(self, first: int, second: int) -> bool:
        """Whether two people could touch within the farthest shifts."""
        a, b = self._centres[first], self._centres[second]
        room = self._farthest[first] + self._farthest[second]
        across = np.abs(a[:, None, :2] - b[None, :, :2]).max(axis=2).min()
        return bool(across < 0.3 + 0.3 * room and abs(np.median(a[:, 2]) - np.median(b[:, 2])) < 1.5 + room)

    def _order(self, people: Sequence[Together], intrinsics: Array, first: int, second: int) -> _Order | None:
        """Which of two people covers the other, by their masks where both bodies are."""
        masks = people[first].silhouette, people[second].silhouette
        if masks[0] is None or masks[1] is None:
            return None
        a, b = self._centres[first], self._centres[second]
        here, there = project(a, intrinsics), project(b, intrinsics)
        radii = [
            intrinsics[0, 0] * radius / np.maximum(centres[:, 2], NEAREST_DEPTH)
            for radius, centres in ((self._radii[first], a), (self._radii[second], b))
        ]
        # the middle between two centres lies within both spheres
        apart = np.linalg.norm(here[:, None] - there[None], axis=2)
        known = self._known[first][:, None] & self._known[second]
        i, j = np.nonzero(known & (apart < 1.2 * np.minimum(radii[0][:, None], radii[1][None])))
        if len(i) < self._settings.places:
            return None
        middle = 0.5 * (here[i] + there[j])
        inside = [BorderDistance(mask)(middle) for mask in masks if mask is not None]
        votes = (inside[0][0] > 0) * inside[0][2] * 1 - (inside[1][0] > 0) * inside[1][2] * 1
        decided = votes != 0
        if decided.sum() < self._settings.places:
            return None
        share = float(np.mean(votes[decided] > 0))
        if share >= self._settings.covered:
            kept = votes > 0
            return _Order(first, second, (a[i[kept], 2], b[j[kept], 2]))
        if share <= 1.0 - self._settings.covered:
            kept = votes < 0
            return _Order(second, first, (b[j[kept], 2], a[i[kept], 2]))
        return None

    def cost(self, x: Array) -> float:
        """The robust cost."""
        return self._sum(x)[0]

    def linearise(self, x: Array) -> Linearisation:
        """Gauss-Newton's view of it."""
        cost, hessian, gradient = self._sum(x)
        shift = x[: self._n]
        below, above = np.full(len(x), np.inf), np.full(len(x), np.inf)
        below[: self._n] = np.maximum(shift + self._farthest, 0.0)
        above[: self._n] = np.maximum(self._farthest - shift, 0.0)
        return Linearisation(cost, hessian, gradient, below, above)

    def _sum(self, x: Array) -> tuple[float, Array, Array]:
        size = len(x)
        jacobian, residual, weight, cost = [np.zeros((0, size))], [np.zeros(0)], [np.zeros(0)], 0.0
        for rows, values, weights, part in (self._prior(x), *self._meetings(x), *self._covers(x), self._ground(x)):
            jacobian.append(rows)
            residual.append(values)
            weight.append(weights)
            cost += part
        slope, weights = np.concatenate(jacobian), np.concatenate(weight)
        return cost, slope.T @ (slope * weights[:, None]), slope.T @ (np.concatenate(residual) * weights)

    def _prior(self, x: Array) -> tuple[Array, Array, Array, float]:
        sigmas = np.append(self._sigma, [1e3, self._up_sigma, self._up_sigma])
        home = np.append(np.zeros(self._n), [self.floor[0], 0.0, 0.0])
        residual = (x - home) / sigmas
        return np.diag(1.0 / sigmas), residual, np.ones(len(x)), float(0.5 * residual @ residual)

    def _meetings(self, x: Array) -> list[tuple[Array, Array, Array, float]]:
        out: list[tuple[Array, Array, Array, float]] = []
        for first, second in self._near if self.solid else ():
            for i, j in ((first, second), (second, first)):
                # along one line for both: that lines of sight run together is no way to part people
                line = self._lines[i] + self._lines[j]
                line = line / max(float(np.linalg.norm(line)), 1e-9)
                a = self._centres[i] + x[i] * line
                b = self._centres[j] + x[j] * line
                capsules = self._volume.capsules
                ends, radii = b[capsules], self._radii[j][capsules]
                low, high = (ends - radii[:, :, None]).min(axis=1), (ends + radii[:, :, None]).max(axis=1)
                close = np.all(
                    (a[:, None] + self._radii[i][:, None, None] > low)
                    & (a[:, None] - self._radii[i][:, None, None] < high),
                    axis=2,
                )
                known = self._known[i][:, None] & self._known[j][capsules].all(axis=1)
                sphere, capsule = np.nonzero(close & known)
                if not len(sphere):
                    continue
                found = gaps(a[sphere], self._radii[i][sphere], ends[capsule], radii[capsule])
                excess = np.maximum(-found.gap - self._settings.tolerance, 0.0) / self._settings.sigma
                active = excess > 0
                if not active.any():
                    continue
                weight, cost = pseudo_huber(excess[active] ** 2, np.asarray(self._settings.give))
                slope = np.zeros((int(active.sum()), len(x)))
                slope[:, i] = -found.normal[active] @ line / self._settings.sigma
                slope[:, j] = found.normal[active] @ line / self._settings.sigma
                out.append((slope, excess[active], weight, float(np.sum(cost))))
        return out

    def _covers(self, x: Array) -> list[tuple[Array, Array, Array, float]]:
        out = []
        for order in self._orders:
            front, back = order.depths
            i, j = order.front, order.back
            behind = front + x[i] * self._lines[i][2] - back - x[j] * self._lines[j][2]
            residual = np.maximum(behind, 0.0) / self._settings.order
            active = residual > 0
            if not active.any():
                continue
            weight = np.full(int(active.sum()), 4.0 / len(behind))  # together as much as four, however many places
            slope = np.zeros((len(weight), len(x)))
            slope[:, i] = self._lines[i][2] / self._settings.order
            slope[:, j] = -self._lines[j][2] / self._settings.order
            out.append((slope, residual[active], weight, float(0.5 * np.sum(weight * residual[active] ** 2))))
        return out

    def _ground(self, x: Array) -> tuple[Array, Array, Array, float]:
        n, size = self._n, len(x)
        if len(np.unique(self._owners)) < 2:
            return np.zeros((0, size)), np.zeros(0), np.zeros(0), 0.0
        lines = self._lines[self._owners]
        places = self._feet + x[self._owners, None] * lines
        # height over the plane: up . p - h - a (across . p) - b (view . p)
        tipped = self._up - x[n + 1] * self._across - x[n + 2] * self._view
        residual = (places @ tipped - x[n]) / self._settings.level
        slope = np.zeros((len(places), size))
        slope[np.arange(len(places)), self._owners] = lines @ tipped
        slope[:, n], slope[:, n + 1], slope[:, n + 2] = -1.0, -places @ self._across, -places @ self._view
        slope /= self._settings.level
        limit = self._settings.outlier**2
        ratio = limit / (limit + residual**2)
        return slope, residual, ratio**2, float(0.5 * np.sum(residual**2 * ratio))
