"""What a control rig needs to know of a body's joints: rest frames, limits, and how sliders move them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.wiring import Link, Wiring

from .plan import ControlBone, Drive, Kind, Term

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: Smaller contributions (m per unit of a slider) are rounding errors: a nanometre.
_NEGLIGIBLE = 1e-9


class Joints:
    """The joints of a body as bones at rest; see ``joints_of``."""

    def __init__(self, body: Body) -> None:
        rig_map = RigMap.of(body)
        wiring = Wiring.of(body)
        self.layout = rig_map.layout
        self.modes = rig_map.channels.rotation_modes
        self.index = {name: i for i, name in enumerate(self.layout.names)}
        self.free = wiring.free_axes
        self._limits = _limits(body, rig_map)
        self.added: dict[str, list[Link]] = {}
        for link in wiring.added:
            self.added.setdefault(link.bone, []).append(link)
        rest, parents = self.layout.rest, self.layout.parents
        #: (J, 4, 4) the rest of each bone beneath its parent's, and the inverse of each bone's rest.
        self.inverse: Array = np.linalg.inv(rest)
        self.beneath: Array = np.where((parents < 0)[:, None, None], rest, self.inverse[parents] @ rest)
        self._links: dict[str, list[Link]] = {}
        for link in wiring.links:
            self._links.setdefault(link.bone, []).append(link)

    def rest(self, joint: str) -> Array:
        """(4, 4) the rest matrix of a joint's bone."""
        return self.layout.rest[self.index[joint]].copy()

    def head(self, joint: str) -> Array:
        """(3,) m."""
        return self.rest(joint)[:3, 3]

    def axes(self, joint: str) -> Array:
        """(3, 3) the axes of a joint's bone at rest, as columns."""
        return self.rest(joint)[:3, :3]

    def length(self, joint: str) -> float:
        """M."""
        return float(self.layout.lengths[self.index[joint]])

    def mode(self, joint: str) -> str:
        """Blender's rotation mode of a joint's bone."""
        return self.modes[self.index[joint]]

    def limits(self, joint: str, axis: int) -> tuple[float, float]:
        """MHR's limits of the angle of a joint's bone about one of its axes, radians; infinite where it has none."""
        return self._limits.get((self.index[joint], axis), (-math.inf, math.inf))

    def posed(
        self, name: str, joint: str, parent: str, group: str, kind: Kind = "fk", moves: bool = False
    ) -> ControlBone:
        """A control where a joint is, whose channels hold the joint's angles."""
        return ControlBone(
            name=name,
            parent=parent,
            rest=self.rest(joint),
            length=self.length(joint),
            rotation_mode=self.mode(joint),
            kind=kind,
            group=group,
            turns=self.free.get(joint, frozenset((0, 1, 2))),
            moves=moves,
            joint=joint,
        )

    def links(self, name: str, joint: str, channels: tuple[str, ...] = ("location", "rotation_euler")) -> list[Drive]:
        """The drives that let a bone in a joint's frame follow the skeleton's sliders as the joint does."""
        return [
            Drive(name, link.channel, link.axis, terms=terms_of(link), power_of_two=link.channel == "scale")
            for link in self._links.get(joint, ())
            if link.channel in channels
        ]

    def location_terms(self, joint: str) -> list[list[Term]]:
        """For each of a bone's own rest axes the terms by which sliders move it, m."""
        terms: list[list[Term]] = [[], [], []]
        for link in self._links.get(joint, ()):
            if link.channel == "location":
                terms[link.axis] += terms_of(link)
        return terms

    def shift(self, joint: str) -> dict[int, Array]:
        """How sliders move a joint of the unposed skeleton: for each parameter (3,) m per unit, armature axes."""
        moved: dict[int, Array] = {}
        i = self.index[joint]
        while i >= 0:
            name = self.layout.names[i]
            for axis, terms in enumerate(self.location_terms(name)):
                for factor, parameter in terms:
                    step = factor * self.layout.rest[i, :3, axis]
                    moved[parameter] = moved.get(parameter, np.zeros(3)) + step
            i = int(self.layout.parents[i])
        return moved

    def shifted(self, name: str, joint: str, axes: Array | None = None, base: str = "") -> list[Drive]:
        """The drives that move a bone as sliders move a joint of the unposed skeleton.

        Args:
            axes: (3, 3) the bone's rest axes, as columns; armature axes where they are not given.
            base: the joint as which sliders move the bone's parent; empty where they do not move it.
        """
        frame = np.eye(3) if axes is None else axes
        moved = list(self.shift(joint).items())
        if base:
            moved += [(parameter, -step) for parameter, step in self.shift(base).items()]
        drives = []
        for axis in range(3):
            terms = [(float(step @ frame[:, axis]), parameter) for parameter, step in moved]
            if merged(terms):
                drives.append(Drive(name, "location", axis, terms=merged(terms)))
        return drives


def joints_of(body: Body) -> Joints:
    """The joints of a body; remembered as long as the body is in use (bodies do not change)."""
    found = _remembered.get(body)
    if found is None:
        found = _remembered[body] = Joints(body)
    return found


def _limits(body: Body, rig_map: RigMap) -> dict[tuple[int, int], tuple[float, float]]:
    """The limits of angles that one model parameter holds, by joint and bone axis."""
    homes, channels, found = rig_map.homes, rig_map.channels, {}
    for parameter, row in enumerate(homes.rows.tolist()):
        joint, channel = divmod(row, 7)
        if row < 0 or channel not in (3, 4, 5):
            continue
        factor = float(channels.sign[joint, channel - 3] * homes.transform[row, parameter])
        ends = sorted(factor * float(limit[parameter]) for limit in (body.limit_min, body.limit_max))
        found[joint, int(channels.axis[joint, channel - 3])] = ends[0], ends[1]
    return found


def terms_of(link: Link) -> tuple[Term, ...]:
    """The terms of a link that follows sliders alone."""
    return tuple((factor, source.parameter) for factor, source in link.terms if not source.bone)


def merged(terms: Iterable[Term]) -> tuple[Term, ...]:
    """The terms with one for each parameter, without those that are rounding errors of turned axes."""
    sums: dict[int, float] = {}
    for factor, parameter in terms:
        sums[parameter] = sums.get(parameter, 0.0) + factor
    return tuple((factor, parameter) for parameter, factor in sums.items() if abs(factor) > _NEGLIGIBLE)


def upright(at: Array) -> Array:
    """(4, 4) a frame with the armature's own axes at a place (3,) m."""
    frame = np.eye(4)
    frame[:3, 3] = at
    return frame


_remembered: WeakKeyDictionary[Body, Joints] = WeakKeyDictionary()
