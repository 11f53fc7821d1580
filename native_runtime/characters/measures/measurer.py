"""Reads the measures of a body, for any skeleton and shape, always in the standard pose.

Levels and planes come from joints, which are the same on every level of detail, and from a few points of the surface.
The words are those of ISO 8559-1:2017; where a mesh has no bone to feel, the definition says what takes its place
(``definitions``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.fitting.problem import named_rows

from .definitions import MEASURES
from .reading import Reading, Spot, distance
from .section import Tape, near, tape
from .standing import Figure, Standing

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_UP = np.array([0.0, 1.0, 0.0])
_SIDES = ("l", "r")
_ARM = ("uparm", "lowarm", "wrist", "thumb", "index", "middle", "ring", "pinky")
_FOOT = ("foot", "talocrural", "subtalar", "transversetarsal", "ball")
_LEG = ("upleg", "lowleg", *_FOOT)

_CROWN, _SOLES, _FEET = 6.0, 3.0, 8.0
"""Cm below the crown and above the soles, and within either end of the foot: in the mean shape, the points that may
become the outermost ones lie there."""
_MIDDLE = 0.05
"""Cm from the middle plane within which a vertex of the mean shape lies in it."""

# Where planes lie: from one landmark (0) to another (1).
_CHEST = np.linspace(0.4, 0.8, 9)
"""From the third joint of the spine to the fourth: from below the breast to the armpits."""
_HIPS = np.linspace(0.08, 0.65, 10)
"""From the crotch to the waist."""
_THIGH = 0.06
"""From the crotch to the knee."""
_NECK = np.linspace(0.5, 0.85, 8)
"""From the neck's joint to the head's."""
_WRIST = np.linspace(0.85, 1.0, 7)
"""From the elbow to the wrist."""
_HEAD = np.linspace(0.2, 0.35, 4)
"""From the eyes to the crown."""
_NECK_REACH, _WRIST_REACH = 14.0, 9.0
"""Cm from the axis of a limb within which its surface lies, for a body of ordinary size."""
_LARGE = 1.6
"""How much larger a body may be."""


@dataclass(frozen=True)
class Measured:
    """What was read from somebody.

    Attributes:
        values: cm, by the measures' keys; those that a body has nothing to measure at are missing.
        lines: (n, 3) cm, MHR axes, in the standard pose: where each was taken.
    """

    values: Mapping[str, float]
    lines: Mapping[str, Array]


class Measurer:
    """Reads measures of one body model. Made once for a body; reading takes a few milliseconds."""

    def __init__(self, body: Body) -> None:
        self.standing = Standing(body)
        self._body = body
        self._joints = {name: index for index, name in enumerate(body.joint_names)}
        self._mean = self.standing.figure(np.zeros(len(body.parameter_names)), np.zeros(body.identity_count))
        self._makers: dict[str, Callable[[Figure], Reading | None]] = {
            "stature": self._stature,
            "inside_leg": self._inside_leg,
            "arm_length": self._arm_length,
            "shoulder_breadth": self._shoulder_breadth,
            "neck_girth": self._neck,
            "bust_girth": self._bust,
            "waist_girth": self._waist,
            "hip_girth": self._hips,
            "thigh_girth": partial(self._both, self._thigh),
            "wrist_girth": partial(self._both, self._wrist),
            "head_girth": self._head,
            "foot_length": partial(self._both, self._foot),
        }

    def measured(self, parameters: ArrayLike, identity: ArrayLike, keys: Iterable[str] | None = None) -> Measured:
        """Somebody's measures.

        Args:
            parameters: (204,) model parameters; only the skeleton's matter, whatever the pose.
            identity: (n_id,) coefficients.
            keys: which measures; None for all.
        """
        figure = self.standing.figure(parameters, identity)
        found = {key: self.read(figure, key) for key in (keys or (measure.key for measure in MEASURES))}
        readings = {key: reading for key, reading in found.items() if reading is not None}
        return Measured(
            {key: reading.value for key, reading in readings.items()},
            {key: reading.line for key, reading in readings.items()},
        )

    def stature(self, parameters: ArrayLike, identity: ArrayLike) -> float:
        """From the soles to the crown, cm; arguments as of `measured`."""
        return self._stature(self.standing.figure(parameters, identity)).value

    def read(self, figure: Figure, key: str) -> Reading | None:
        """One measure of a figure; None where the body has nothing to measure there."""
        return self._makers[key](figure)

    def slopes(self, reading: Reading) -> Array:
        """(n + n_id,) cm by which a reading grows for one unit of each of ``standing.lengths`` and coefficient."""
        vertices = np.einsum("vcp,vc->p", self.standing.vertex_motion(reading.vertices), reading.vertex_pulls)
        joints = np.einsum("jcp,jc->p", self.standing.joint_motion[reading.joints], reading.joint_pulls)
        vertices[: len(joints)] += joints
        return np.asarray(vertices)

    # lengths

    def _stature(self, figure: Figure) -> Reading:
        return self._outermost(figure, self._crown, _UP, np.argmax) - self._floor(figure)

    def _inside_leg(self, figure: Figure) -> Reading | None:
        crotch = self._crotch(figure)
        return None if crotch is None else crotch - self._floor(figure)

    def _arm_length(self, figure: Figure) -> Reading:
        def side(name: str) -> Reading:
            shoulder, elbow, wrist = (self._spots[f"{name}_{part}"] for part in ("acromion", "elbow", "wrist"))
            upper = distance(shoulder, elbow, figure.vertices, figure.joints)
            return upper + distance(elbow, wrist, figure.vertices, figure.joints)

        return 0.5 * (side("left") + side("right"))

    def _shoulder_breadth(self, figure: Figure) -> Reading:
        left, right = self._spots["left_acromion"], self._spots["right_acromion"]
        return distance(left, right, figure.vertices, figure.joints)

    def _foot(self, figure: Figure, side: str) -> Reading | None:
        heel, toes, direction = self._feet[side]
        if not len(heel):
            return None
        tip = self._outermost(figure, toes, direction, np.argmax)
        return tip - self._outermost(figure, heel, direction, np.argmin)

    # girths

    def _neck(self, figure: Figure) -> Reading | None:
        return self._across_limb(figure, "c_neck", "c_head", _NECK, self._neck_part, _NECK_REACH)

    def _wrist(self, figure: Figure, side: str) -> Reading | None:
        part = self._forearms[side]
        return self._across_limb(figure, f"{side}_lowarm", f"{side}_wrist", _WRIST, part, _WRIST_REACH)

    def _bust(self, figure: Figure) -> Reading | None:
        low, high = self._joint(figure, "c_spine2"), self._joint(figure, "c_spine3")
        return self._greatest(figure, low, high, _CHEST, self._torso)

    def _waist(self, figure: Figure) -> Reading | None:
        return self._horizontal(figure, self._joint(figure, "c_spine1"), self._torso)

    def _hips(self, figure: Figure) -> Reading | None:
        crotch = self._crotch(figure)
        if crotch is None:
            return None
        return self._greatest(figure, crotch, self._joint(figure, "c_spine1"), _HIPS, self._torso)

    def _thigh(self, figure: Figure, side: str) -> Reading | None:
        crotch = self._crotch(figure)
        if crotch is None:
            return None
        level = (1.0 - _THIGH) * crotch + _THIGH * self._joint(figure, f"{side}_lowleg")
        return self._horizontal(figure, level, self._legs[side])

    def _head(self, figure: Figure) -> Reading | None:
        eyes = 0.5 * (self._joint(figure, "l_eye") + self._joint(figure, "r_eye"))
        crown = self._outermost(figure, self._crown, _UP, np.argmax)
        return self._greatest(figure, eyes, crown, _HEAD, self._head_part)

    # what they are made of

    def _both(self, maker: Callable[[Figure, str], Reading | None], figure: Figure) -> Reading | None:
        left, right = (maker(figure, side) for side in _SIDES)
        return None if left is None or right is None else 0.5 * (left + right)

    def _joint(self, figure: Figure, name: str) -> Reading:
        """A joint's height."""
        index = np.array([self._joints[name]])
        return Reading(float(figure.joints[index[0]] @ _UP), joints=index, joint_pulls=_UP[None])

    def _floor(self, figure: Figure) -> Reading:
        return self._outermost(figure, self._soles, _UP, np.argmin)

    @staticmethod
    def _outermost(figure: Figure, vertices: Indices, direction: Array, which: Callable[[Array], np.intp]) -> Reading:
        """How far some vertices reach in a direction."""
        reached = figure.vertices[vertices] @ direction
        one = int(which(reached))
        return Reading(float(reached[one]), vertices[one : one + 1], direction[None].copy())

    def _crotch(self, figure: Figure) -> Reading | None:
        """The height of the lowest point between the legs."""
        if not self._saddle:
            return None
        heights = [spot.place(figure.vertices, figure.joints)[1] for spot in self._saddle]
        return self._saddle[int(np.argmin(heights))].along(figure.vertices, figure.joints, _UP)

    def _horizontal(self, figure: Figure, level: Reading, part: tuple[Array, Indices]) -> Reading | None:
        around = _level_tape(figure, level.value, part)
        return None if around is None else _of_level(around, level)

    def _greatest(
        self, figure: Figure, low: Reading, high: Reading, shares: Array, part: tuple[Array, Indices]
    ) -> Reading | None:
        """The greatest horizontal girth between two levels."""
        heights = (low.value + shares * (high.value - low.value)).tolist()
        cut = near(figure.vertices, part[1], _UP, min(heights), max(heights))
        found = [_level_tape(figure, height, (part[0], cut)) for height in heights]
        around = [(one, share) for one, share in zip(found, shares.tolist(), strict=True) if one is not None]
        if not around:
            return None
        best, share = max(around, key=lambda one: one[0].length)
        return _of_level(best, (1.0 - share) * low + share * high)

    def _across_limb(
        self, figure: Figure, start: str, end: str, shares: Array, part: tuple[Array, Indices], reach: float
    ) -> Reading | None:
        """The smallest girth across a limb's axis, among places between two joints."""
        joints = np.array([self._joints[start], self._joints[end]])
        first, second = figure.joints[joints]
        axis = (second - first) / max(float(np.linalg.norm(second - first)), 1e-9)
        places = first + shares[:, None] * (second - first)
        cut = near(figure.vertices, part[1], axis, float(places[0] @ axis), float(places[-1] @ axis))
        found = [tape(figure.vertices, cut, part[0], place, axis, _LARGE * reach) for place in places]
        around = [(one, share) for one, share in zip(found, shares.tolist(), strict=True) if one is not None]
        if not around:
            return None
        best, share = min(around, key=lambda one: one[0].length)
        pulls = best.rise * np.array([[1.0 - share], [share]]) * axis
        return Reading(best.length, best.ends.ravel(), best.pulls.reshape(-1, 3), joints, pulls, _closed(best.points))

    # parts and points of the body, found once in its mean shape

    def _part(self, share: Array, low: float = -np.inf, high: float = np.inf) -> tuple[Array, Indices]:
        """The shares of vertices, and the edges that can be cut where the part is."""
        edges = self.standing.edges
        near = (share[edges] > 0.25).any(axis=1)
        heights = self._mean.vertices[edges][:, :, 1]
        near &= (heights.max(axis=1) > low) & (heights.min(axis=1) < high)
        return share, edges[near]

    def _height(self, name: str) -> float:
        return float(self._mean.joints[self._joints[name], 1])

    @cached_property
    def _torso(self) -> tuple[Array, Indices]:
        return self._part(1.0 - self.standing.share(*_ARM), self._height("l_lowleg"), self._height("c_head"))

    @cached_property
    def _neck_part(self) -> tuple[Array, Indices]:
        return self._part(self.standing.share("c_"), self._height("c_spine3"))

    @cached_property
    def _head_part(self) -> tuple[Array, Indices]:
        return self._part(self.standing.share("c_", "eye"), self._height("c_head"))

    @cached_property
    def _legs(self) -> dict[str, tuple[Array, Indices]]:
        return {side: self._part(self._sided(side), high=self._height("c_spine1")) for side in _SIDES}

    def _sided(self, side: str) -> Array:
        """Near the crotch the shares of the sides meet where the mesh's middle is."""
        own, other = (self.standing.side(one) for one in (side, "r" if side == "l" else "l"))
        both = own + other
        return np.where(both > 0, own / np.maximum(both, 1e-9), 0.5)

    @cached_property
    def _forearms(self) -> dict[str, tuple[Array, Indices]]:
        arm = self.standing.share("lowarm", "wrist")
        return {side: self._part(self.standing.side(side) * (arm > 0)) for side in _SIDES}

    @cached_property
    def _crown(self) -> Indices:
        heights = self._mean.vertices[:, 1]
        return np.flatnonzero(heights > heights.max() - _CROWN)

    @cached_property
    def _soles(self) -> Indices:
        heights = self._mean.vertices[:, 1]
        return np.flatnonzero(heights < heights.min() + _SOLES)

    @cached_property
    def _feet(self) -> dict[str, tuple[Indices, Indices, Array]]:
        """Of each foot the vertices about heel and toes, and its direction (3,)."""
        share, found = self.standing.share(*_FOOT), {}
        for side in _SIDES:
            ankle, ball = (self._mean.joints[self._joints[f"{side}_{name}"]] for name in ("foot", "ball"))
            direction = (ball - ankle) * (1.0, 0.0, 1.0)
            direction /= max(float(np.linalg.norm(direction)), 1e-9)
            own = np.flatnonzero(self.standing.side(side) * share > 0.5)
            reached = self._mean.vertices[own] @ direction
            heel, toes = (
                own[reached < reached.min(initial=np.inf) + _FEET],
                own[reached > reached.max(initial=-np.inf) - _FEET],
            )
            found[side] = (heel, toes, direction)
        return found

    @cached_property
    def _spots(self) -> dict[str, Spot]:
        """The named points of shoulders, elbows and wrists."""
        names = [f"{side}_{part}" for side in ("left", "right") for part in ("acromion", "elbow", "wrist")]
        rows = named_rows(self._body, names)
        number = np.full(self._body.vertex_count, -1, np.int64)
        number[self.standing.kept] = np.arange(len(self.standing.kept))
        spots = {}
        for row, name in enumerate(names):
            columns, values = rows.columns[rows.rows == row].astype(np.int64), rows.values[rows.rows == row]
            of_mesh = columns < self._body.vertex_count
            spots[name] = Spot(
                number[columns[of_mesh]],
                values[of_mesh],
                columns[~of_mesh] - self._body.vertex_count,
                values[~of_mesh],
            )
        return spots

    @cached_property
    def _saddle(self) -> Sequence[Spot]:
        """Points of the surface in the middle plane between the legs, where they are in the mean shape.

        They are points of edges that lead from one leg to the other, so that thighs which touch, or pass into each
        other, do not count.
        """
        edges, places = self.standing.edges, self._mean.vertices
        across = places[edges][:, :, 0]
        far = np.abs(across)
        in_middle = (far < _MIDDLE).any(axis=1) | (np.sign(across[:, 0]) != np.sign(across[:, 1]))
        own = self.standing.share(*_LEG, "root", "c_spine0")[edges].min(axis=1) > 0.5
        heights = places[edges][:, :, 1].min(axis=1)
        between = (heights > self._height("l_lowleg")) & (heights < self._height("l_upleg"))
        chosen = edges[in_middle & own & between]
        none = np.zeros(0, np.int64), np.zeros(0)
        spots = []
        for first, second in chosen.tolist():
            a, b = abs(places[first, 0]), abs(places[second, 0])
            share = a / max(a + b, 1e-9)
            spots.append(Spot(np.array([first, second]), np.array([1.0 - share, share]), *none))
        lowest = min((spot.place(places, self._mean.joints)[1] for spot in spots), default=0.0)
        return [spot for spot in spots if spot.place(places, self._mean.joints)[1] < lowest + _SOLES]


def _level_tape(figure: Figure, height: float, part: tuple[Array, Indices]) -> Tape | None:
    """A horizontal tape around a part: the shares of vertices, and the edges that may be cut."""
    return tape(figure.vertices, part[1], part[0], np.array([0.0, height, 0.0]), _UP)


def _of_level(around: Tape, level: Reading) -> Reading:
    """The reading of a horizontal tape whose level moves as well."""
    pulls = around.pulls.reshape(-1, 3)
    held = Reading(around.length - around.rise * level.value, around.ends.ravel(), pulls, line=_closed(around.points))
    return held + around.rise * level


def _closed(points: Array) -> Array:
    return np.concatenate([points, points[:1]])
