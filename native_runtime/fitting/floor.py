"""Feet on the floor, and a body above its feet.

What a photo shows of feet is a few pixels, and the networks' depth of toes is off by a hand's breadth: people on level
ground end up on tiptoe, or with one foot above the other. So the soles of feet that are nearly flat already are drawn
flat, both to one height, and nothing of a foot in the air below them. The centre of mass of somebody who stands is
drawn over the feet along the view, where pixels say nothing (the stability term of Tripathi et al., "3D Human Pose
Estimation via Intuitive Physics", 2023, in a plainer form). The foot of a knee that is near the floor, as in a lunge,
touches it with its toes. Whoever jumps, lies or hangs upside down is left alone: this is decided by the pose before
(`footing`).

"Up" is a unit vector in camera axes with a sigma, as a camera is seldom held level; everything that hangs on it counts
less, the less is known about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, Gravity
from native_runtime.mhr import Body, PointSet, Pose
from native_runtime.mhr.sparse import sorted_rows
from native_runtime.mhr.state import PlacedState

from .evidence import Evidence
from .hold import main_joints
from .problem import Problem, SeenPoints, named_rows
from .solver import Linearised, Residuals

Array = NDArray[np.float64]

SIDES = ("l", "r")
_PER_FOOT = 4

_MASS = {
    "c_head": 0.07, "c_spine3": 0.16, "c_spine1": 0.16, "root": 0.11,
    **{f"{s}_{joint}": mass for s in "lr" for joint, mass in (
        ("uparm", 0.0135), ("lowarm", 0.0215), ("wrist", 0.014), ("upleg", 0.071), ("lowleg", 0.0925),
        ("foot", 0.0355))},
}  # fmt: skip
"""Parts of a body's mass at its joints: half of each segment's at either end, after de Leva, "Adjustments to
Zatsiorsky-Seluyanov's segment inertia parameters", 1996, table 4, means of women and men, rounded."""


@dataclass(frozen=True)
class FloorSettings:
    """What counts as standing, and how firmly.

    Attributes:
        upright: radians that the trunk of somebody who stands or sits may be away from up.
        flat: radians of tilt up to which a foot is planted.
        step: metres above the lowest foot from which the other one is in the air.
        tilt: radians by which planted feet are ordinarily not flat.
        level: metres by which both are ordinarily not level.
        below: metres by which a foot in the air may be below them.
        kneeling: metres above the planted foot up to which a knee is as low as in a lunge, its foot on the floor.
        reach: metres above the planted foot up to which such a foot is looked for.
        tip: metres by which its lowest point is ordinarily off the floor.
        outlier: in sigmas, Geman-McClure: what is farther off is no floor.
        straight: radians of bend up to which a leg carries.
        balance: metres by which the centre of mass is ordinarily beside the middle of the feet, along the view.
        unbalanced: metres from which on nobody stands.
    """

    upright: float = 0.9
    flat: float = 0.7
    step: float = 0.12
    tilt: float = 0.1
    level: float = 0.02
    below: float = 0.01
    kneeling: float = 0.4
    reach: float = 0.45
    tip: float = 0.03
    outlier: float = 3.0
    straight: float = 0.7
    balance: float = 0.07
    unbalanced: float = 0.4


@dataclass(frozen=True, eq=False)
class Soles:
    """Points under a body's feet, and its centre of mass.

    Attributes:
        points: heel, inner ball, outer ball and toe of the left foot, those of the right one, and the centre of mass.
        heights: (8,) m above the floor of the points under feet that stand flat.
    """

    points: PointSet
    heights: Array

    @staticmethod
    def of(body: Body) -> Soles:
        """The soles of a body; looked for when they are first asked for."""
        soles = _found.get(body)
        if soles is None:
            soles = _found[body] = _soles(body)
        return soles


_found: WeakKeyDictionary[Body, Soles] = WeakKeyDictionary()


def _soles(body: Body) -> Soles:
    rest = np.asarray(body.rest_vertices, np.float64)
    main = body.skin_indices[np.arange(body.vertex_count), np.argmax(body.skin_weights, axis=1)]
    rows, columns, values, heights = [], [], [], []
    for number, side in enumerate(SIDES):
        foot = np.flatnonzero(body.skeleton.descends_from[body.joint_index(f"{side}_foot")][main])
        places = rest[foot]
        # feet are flat at rest, and point along z: the lowest tenth within each part of the foot's length and width
        length = (places[:, 2] - places[:, 2].min()) / max(float(np.ptp(places[:, 2])), 1e-9)
        width = (places[:, 0] - places[:, 0].min()) / max(float(np.ptp(places[:, 0])), 1e-9)
        heel, toe, ball = length < 0.25, length > 0.85, (length > 0.55) & (length < 0.8)
        parts = (heel, ball & (width < 0.5), ball & (width >= 0.5), toe)
        floor = float(places[:, 1].min())
        for k, part in enumerate(parts):
            here = foot[part] if part.any() else foot
            lowest = here[np.argsort(rest[here, 1], kind="stable")[: max(len(here) // 10, 1)]]
            rows.append(np.full(len(lowest), _PER_FOOT * number + k))
            columns.append(lowest)
            values.append(np.full(len(lowest), 1.0 / len(lowest)))
            heights.append(float(rest[lowest, 1].mean()) - floor)
    mass = np.array(list(_MASS.values()))
    rows.append(np.full(len(mass), 2 * _PER_FOOT))
    columns.append(body.vertex_count + np.array([body.joint_index(name) for name in _MASS]))
    values.append(mass / mass.sum())
    points = sorted_rows(2 * _PER_FOOT + 1, np.concatenate(rows), np.concatenate(columns), np.concatenate(values))
    return Soles(PointSet.from_rows(body, points), np.array(heights) / CM_PER_M)


@dataclass(frozen=True)
class Footing:
    """How somebody stands.

    Attributes:
        planted: of the left and right foot, whether it stands on the floor.
        carried: whether the body stands on them by its legs alone.
        tips: of the left and right foot, whether it is on the floor with one point, not with its sole.
    """

    planted: tuple[bool, bool] = (False, False)
    carried: bool = False
    tips: tuple[bool, bool] = (False, False)


def footing(
    body: Body, evidence: Evidence, state: PlacedState, up: Array, settings: FloorSettings | None = None
) -> Footing:
    """Whether and how somebody stands, by a rough pose and by what is seen.

    Args:
        body: the body model.
        evidence: feet that are not seen stand nowhere.
        state: the body so far.
        up: (3,) unit vector, camera axes.
        settings: what counts as standing.
    """
    settings = settings or FloorSettings()
    pose = body.pose(state.model_parameters)
    joints = pose.translations * np.array([1.0, -1.0, -1.0]) / CM_PER_M
    place = {name: joints[body.joint_index(name)] for name in body.joint_names}
    trunk = place["c_neck"] - place["root"]
    if _angle(trunk, up) > settings.upright:
        return Footing()
    soles = Soles.of(body)
    points = SeenPoints(soles.points).camera(pose, state)
    heights = points[: 2 * _PER_FOOT] @ up - soles.heights
    seen = _feet_seen(body, evidence)
    lowest = [heights[_PER_FOOT * k : _PER_FOOT * (k + 1)].mean() for k in range(2)]
    floor = min([lowest[k] for k in range(2) if seen[k]], default=np.inf)
    planted = [
        seen[k]
        and lowest[k] < floor + settings.step
        and _tilt(points[_PER_FOOT * k : _PER_FOOT * (k + 1)], up) < settings.flat
        for k in range(2)
    ]
    carried = any(planted)
    for k, side in enumerate(SIDES):
        if planted[k]:
            thigh = place[f"{side}_lowleg"] - place[f"{side}_upleg"]
            shank = place[f"{side}_foot"] - place[f"{side}_lowleg"]
            carried = carried and _angle(thigh, shank) < settings.straight and _angle(thigh, -up) < settings.straight
    if carried:
        offset = _over_feet(points, planted) @ (np.eye(3) - np.outer(up, up))
        carried = bool(np.linalg.norm(offset) < settings.unbalanced)
    tips = [
        any(planted)
        and seen[k]
        and not planted[k]
        and (place[f"{side}_lowleg"] + state.camera_translation) @ up < floor + settings.kneeling
        and heights[_PER_FOOT * k : _PER_FOOT * (k + 1)].min() < floor + settings.reach
        for k, side in enumerate(SIDES)
    ]
    return Footing((bool(planted[0]), bool(planted[1])), carried, (bool(tips[0]), bool(tips[1])))


def _angle(first: Array, second: Array) -> float:
    cosine = first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9)
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))


def _tilt(sole: Array, up: Array) -> float:
    """Radians by which the line from heel to ball is away from level."""
    forward = 0.5 * (sole[1] + sole[2]) - sole[0]
    return abs(np.pi / 2 - _angle(forward, up))


def _over_feet(points: Array, planted: Array | list[bool]) -> Array:
    """(3,) m from the middle of the planted soles to the centre of mass."""
    feet = [points[_PER_FOOT * k : _PER_FOOT * (k + 1)].mean(axis=0) for k in range(2) if planted[k]]
    return np.asarray(points[-1] - np.mean(feet, axis=0))


def _feet_seen(body: Body, evidence: Evidence) -> tuple[bool, bool]:
    points = evidence.points
    if not points.names:
        return False, False
    joints = main_joints(PointSet.from_rows(body, named_rows(body, points.names)))
    seen = []
    for side in SIDES:
        foot = body.skeleton.descends_from[body.joint_index(f"{side}_foot")]
        hidden = any(f"{side}_lowleg".startswith(name) for name in evidence.unseen)
        seen.append(bool(np.any(foot[joints] & (points.weights > 0.0))) and not hidden)
    return seen[0], seen[1]


class FloorTerm:
    """Draws planted feet flat and level, keeps the other one above them, and the centre of mass over them."""

    def __init__(
        self,
        body: Body,
        footing: Footing,
        gravity: Gravity,
        state: PlacedState,
        settings: FloorSettings | None = None,
    ) -> None:
        """Prepare the term.

        Args:
            body: the body model.
            footing: how it stands.
            gravity: which way is up.
            state: the body so far; how far its feet are apart says how much may be made of their heights.
            settings: how firmly.
        """
        settings = settings or FloorSettings()
        soles = Soles.of(body)
        self._seen = SeenPoints(soles.points)
        points = self._seen.camera(body.pose(state.model_parameters), state)
        up, up_sigma = gravity.up, gravity.sigma
        self._up = up
        n = 2 * _PER_FOOT + 1
        rows, homes, sigmas = [], [], []
        means = np.zeros((2, n))
        for k in range(2):
            means[k, _PER_FOOT * k : _PER_FOOT * (k + 1)] = 1.0 / _PER_FOOT
        rest = np.append(soles.heights, 0.0)
        for k in range(2):
            sole = slice(_PER_FOOT * k, _PER_FOOT * (k + 1))
            if footing.planted[k]:
                reach = float(np.linalg.norm(points[sole] - points[sole].mean(axis=0)))
                for row in np.eye(n)[sole] - means[k]:
                    rows.append(row)
                    homes.append(row @ rest)
                    sigmas.append(reach * np.hypot(settings.tilt, up_sigma))
        if all(footing.planted):
            apart = np.linalg.norm((means[0] - means[1]) @ points)
            rows.append(means[0] - means[1])
            homes.append(rows[-1] @ rest)
            sigmas.append(np.hypot(settings.level, up_sigma * apart))
        limits: dict[int, float] = {}
        for k in range(2):
            if footing.tips[k]:
                lowest = _PER_FOOT * k + int(np.argmin(points[_PER_FOOT * k : _PER_FOOT * (k + 1)] @ up))
                rows.append(np.eye(n)[lowest] - means[1 - k])
                homes.append(rows[-1] @ rest)
                sigmas.append(np.hypot(settings.tip, up_sigma * np.linalg.norm(rows[-1] @ points)))
                limits[len(rows) - 1] = max(settings.outlier, settings.reach / sigmas[-1])
        self._level, self._homes, self._inverse = np.array(rows), np.array(homes), 1.0 / np.array(sigmas)
        # a foot in the air: each of its points against the other sole
        self._air = np.zeros((0, n))
        if any(footing.planted) and not all(footing.planted):
            k = footing.planted.index(False)
            self._air = np.eye(n)[_PER_FOOT * k : _PER_FOOT * (k + 1)] - means[1 - k]
            apart = np.linalg.norm((means[0] - means[1]) @ points)
            self._air_inverse = 1.0 / np.hypot(settings.below, up_sigma * apart)
        self._rest_air = self._air @ rest
        # along the view, level
        self._balance: Array | None = None
        if footing.carried:
            view = points[-1] - (points[-1] @ up) * up
            height = float(_over_feet(points, list(footing.planted)) @ up)
            feet = np.array([footing.planted[k] for k in range(2)], float) @ means / sum(footing.planted)
            self._balance = np.eye(n)[-1] - feet
            self._view = view / max(float(np.linalg.norm(view)), 1e-9)
            self._balance_inverse = 1.0 / np.hypot(settings.balance, up_sigma * height)
        self._limit = np.full(len(rows) + len(self._air) + (self._balance is not None), settings.outlier**2)
        for row, limit in limits.items():
            self._limit[row] = limit**2

    def _residuals(self, points: Array) -> tuple[Array, Array, float]:
        """Residuals (m,) in sigmas, their weights (m,) and the robust cost."""
        heights = points @ self._up
        parts = [(self._level @ heights - self._homes) * self._inverse]
        if len(self._air):
            parts.append(np.minimum(self._air @ heights - self._rest_air, 0.0) * self._air_inverse)
        if self._balance is not None:
            parts.append(np.array([self._balance @ (points @ self._view) * self._balance_inverse]))
        residual = np.concatenate(parts)
        ratio = self._limit / (self._limit + residual**2)
        return residual, ratio**2, float(0.5 * np.sum(residual**2 * ratio))

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        return self._residuals(self._seen.camera(pose, state))[2]

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        points = self._seen.camera(pose, state)
        residual, weight, cost = self._residuals(points)
        motion = problem.motion(self._seen.points, pose, state)
        rising = np.einsum("nas,a->ns", motion, self._up)
        parts = [(self._level @ rising) * self._inverse[:, None]]
        if len(self._air):
            low = (self._air @ (points @ self._up) - self._rest_air) < 0.0
            parts.append((self._air @ rising) * low[:, None] * self._air_inverse)
        if self._balance is not None:
            along = np.einsum("nas,a->ns", motion, self._view)
            parts.append((self._balance @ along)[None] * self._balance_inverse)
        return (Residuals(cost, residual, np.concatenate(parts), weight),)
