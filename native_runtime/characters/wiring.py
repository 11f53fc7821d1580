"""Which channel of which bone follows which sliders and bones: MHR's parameter transform as drivers, without Blender.

MHR computes every joint parameter as a weighted sum of model parameters. On a rig each model parameter has one home
(``ParameterHomes``): the channel of a bone that an artist poses, or a slider. ``Wiring`` says how all other channels
follow from these homes, so that sliders and posing together give what the transform gives:

* lengths, offsets and hand scale: location and scale channels, driven by sliders alone, never posed;
* twist helpers, and the second axis of the knee: rotation channels that follow another bone's angle or a slider;
* the spine: its joints turn by their own channels *plus* their part of the whole spine's sliders.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr import POSE, RIGID

from .channels import ChannelMap, parameter_transform
from .layout import bone_layout

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Channel = Literal["location", "rotation_euler", "scale"]

_CHANNELS = 7
_ROTATION = range(3, 6)
_SCALE = 6
#: Smaller contributions (m, radians or log2 per unit) are rounding errors of turned axes: a nanometre.
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class ParameterHomes:
    """Where each model parameter of a body lives on a rig.

    Attributes:
        transform: (J * 7, P) MHR's parameter transform.
        rows: (P,) the joint parameter (joint * 7 + channel) whose bone channel holds the parameter; -1 for sliders.
        sliders: the parameters that are sliders.
        shared: those sliders that act on joints which are also posed by hand (the spine's).
    """

    transform: Array
    rows: NDArray[np.intp]
    sliders: tuple[int, ...]
    shared: tuple[int, ...]

    @classmethod
    def of(cls, body: Body) -> ParameterHomes:
        """Finds the homes in the body's own parameter transform.

        A posing parameter lives in the rotation of the joint (or the translation of the root) that it moves more than
        any other posing parameter does; helper joints (``*_proc``) are nobody's home. Remembered as long as the body
        is in use (bodies do not change).
        """
        found = _homes.get(body)
        if found is None:
            found = _homes[body] = cls._found_in(body)
        return found

    @classmethod
    def _found_in(cls, body: Body) -> ParameterHomes:
        transform = parameter_transform(body)
        posing = np.zeros(transform.shape[1], dtype=bool)
        posing[RIGID] = posing[POSE] = True
        rows = np.full(transform.shape[1], -1)
        for row in range(len(transform)):
            joint, channel = divmod(row, _CHANNELS)
            name = body.joint_names[joint]
            if name.endswith("_proc") or (channel not in _ROTATION and name != "root") or channel == _SCALE:
                continue
            strength = np.abs(np.where(posing, transform[row], 0.0))
            best = int(strength.argmax())
            if strength[best] > 0 and np.sum(strength == strength[best]) == 1 and rows[best] < 0:
                rows[best] = row
        sliders = tuple(np.flatnonzero(rows < 0).tolist())
        posed = rows[rows >= 0]
        shared = tuple(i for i in sliders if transform[posed, i].any())
        return cls(transform, rows, sliders, shared)

    @cached_property
    def owner(self) -> NDArray[np.intp]:
        """(J * 7,) the parameter that lives in each joint parameter; -1 where none does."""
        owner = np.full(len(self.transform), -1)
        at_home = np.flatnonzero(self.rows >= 0)
        owner[self.rows[at_home]] = at_home
        return owner

    @cached_property
    def driven(self) -> NDArray[np.bool_]:
        """(J, 7) the joint parameters that nobody poses: sliders or other bones say what they are."""
        driven = (self.transform.any(axis=1) & (self.owner < 0)).reshape(-1, _CHANNELS)
        driven[:, :3] = driven[:, :3].any(axis=1, keepdims=True)  # locations mix the three axes
        return driven


@dataclass(frozen=True)
class Source:
    """Something that an artist moves: a slider (``parameter``), or a bone's angle (``bone``, ``axis``)."""

    parameter: int = -1
    bone: str = ""
    axis: int = 0


@dataclass(frozen=True)
class Link:
    """A channel that follows: ``channel = sum(factor * source)``, or 2 to the power of that for scales."""

    bone: str
    channel: Channel
    axis: int
    terms: tuple[tuple[float, Source], ...]


@dataclass(frozen=True)
class Wiring:
    """All that follows on one body's rig.

    Attributes:
        links: channels that nobody poses.
        added: rotation channels of bones that are posed, to which the links' angles are added.
        free_axes: per posed bone the rotation axes (0, 1, 2) that hold a parameter; MHR has no place for the others.
    """

    links: tuple[Link, ...]
    added: tuple[Link, ...]
    free_axes: dict[str, frozenset[int]]

    @classmethod
    def of(cls, body: Body) -> Wiring:
        """Reads the wiring from the body's parameter transform; remembered as `ParameterHomes` are."""
        found = _wirings.get(body)
        if found is None:
            found = _wirings[body] = _Wirer(body).wire()
        return found


_homes: WeakKeyDictionary[Body, ParameterHomes] = WeakKeyDictionary()
_wirings: WeakKeyDictionary[Body, Wiring] = WeakKeyDictionary()


class _Wirer:
    """Turns rows of the parameter transform into links."""

    def __init__(self, body: Body) -> None:
        self.names = tuple(str(name) for name in body.joint_names)
        self.homes = ParameterHomes.of(body)
        self.map = ChannelMap(bone_layout(body))
        # (J, 7, P): what each joint parameter takes from elsewhere, in units of the sources
        self.follows = self.homes.transform.copy()
        at_home = np.flatnonzero(self.homes.rows >= 0)
        self.follows[self.homes.rows[at_home], at_home] = 0.0
        self.follows = self.follows.reshape(len(self.names), _CHANNELS, -1)

    def wire(self) -> Wiring:
        owner = self.homes.owner.reshape(len(self.names), _CHANNELS)
        links: list[Link] = []
        added: list[Link] = []
        free: dict[str, frozenset[int]] = {}
        for j, name in enumerate(self.names):
            links += self._locations(j)
            for k in range(3):
                link = self._rotation(j, k)
                if link is not None:
                    (added if owner[j, 3 + k] >= 0 else links).append(link)
            links += self._scales(j)
            axes = frozenset(int(self.map.axis[j, k]) for k in range(3) if owner[j, 3 + k] >= 0)
            if axes:
                free[name] = axes
        if np.any(self.follows[owner[:, :3].max(axis=1) >= 0, :3]):
            raise ModelError("The body's root is moved by more than its own parameters, which a rig cannot represent.")
        return Wiring(tuple(links), tuple(added), free)

    def _locations(self, joint: int) -> list[Link]:
        along = self.map.location_map[joint] @ self.follows[joint, :3]
        return [self._link(joint, "location", axis, along[axis]) for axis in range(3) if self._counts(along[axis])]

    def _rotation(self, joint: int, k: int) -> Link | None:
        turn = self.map.sign[joint, k] * self.follows[joint, 3 + k]
        if not self._counts(turn):
            return None
        return self._link(joint, "rotation_euler", int(self.map.axis[joint, k]), turn)

    def _scales(self, joint: int) -> list[Link]:
        power = self.follows[joint, _SCALE]
        return [self._link(joint, "scale", axis, power) for axis in range(3)] if self._counts(power) else []

    @staticmethod
    def _counts(factors: Array) -> bool:
        return bool(np.abs(factors).max() > _NEGLIGIBLE)

    def _link(self, joint: int, channel: Channel, axis: int, factors: Array) -> Link:
        terms = []
        for parameter in np.flatnonzero(np.abs(factors) > _NEGLIGIBLE).tolist():
            factor, source = float(factors[parameter]), Source(parameter=parameter)
            row = int(self.homes.rows[parameter])
            if row >= 0:
                # a bone's channel: its angle is sign * coefficient * parameter
                home, k = divmod(row, _CHANNELS)
                factor /= self.homes.transform[row, parameter] * self.map.sign[home, k - 3]
                source = Source(bone=self.names[home], axis=int(self.map.axis[home, k - 3]))
            terms.append((factor, source))
        return Link(self.names[joint], channel, axis, tuple(terms))
