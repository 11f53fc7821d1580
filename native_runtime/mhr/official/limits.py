"""Momentum's kinds of parameter limits, and the reader of their lines.

Source of the grammar: facebookresearch/momentum, ``momentum/io/skeleton/parameter_limits_io.cpp``.

    limit PARAMETER     minmax         [min, max] WEIGHT
    limit JOINT.CHANNEL minmax         [min, max] WEIGHT
    limit JOINT.CHANNEL minmax_passive [min, max] WEIGHT
    limit PARAMETER     linear         PARAMETER     [scale, offset, end] ... [scale, offset] WEIGHT
    limit JOINT.CHANNEL linear         JOINT.CHANNEL [scale, offset, end] ... [scale, offset] WEIGHT
    limit PARAMETER     halfplane      PARAMETER [x, y] offset WEIGHT
    limit JOINT         ellipsoid      [offset xyz] JOINT [translation xyz] [euler zyx, degrees] [scale xyz] WEIGHT

The weight may always be left out and is then 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

from native_runtime.mhr.parameterisation import CHANNELS

Vector = tuple[float, ...]

_TOKEN = re.compile(r"\s*(?:([\[\],])|([-+]?\d[\d.]*(?:[eE][-+]?\d+)?)|([A-Za-z_][\w.]*))")


@dataclass(frozen=True)
class MinMax:
    """A model parameter stays within [minimum, maximum]."""

    parameter: str
    minimum: float
    maximum: float
    weight: float = 1.0


@dataclass(frozen=True)
class MinMaxJoint:
    """A joint's channel (``joint.rx``) stays within [minimum, maximum]; a passive one is only recorded."""

    channel: str
    minimum: float
    maximum: float
    passive: bool = False
    weight: float = 1.0


@dataclass(frozen=True)
class LinearSegment:
    """scale * x - offset, for x up to ``end`` (and from the end of the segment before)."""

    scale: float
    offset: float
    end: float = math.inf


@dataclass(frozen=True)
class Linear:
    """``reference`` = f(``target``), f piecewise linear. Both are parameters, or both are channels of joints."""

    reference: str
    target: str
    segments: tuple[LinearSegment, ...]
    of_joints: bool = False
    weight: float = 1.0


@dataclass(frozen=True)
class HalfPlane:
    """Two parameters (a, b) stay where normal . (a, b) >= offset; the normal has unit length."""

    first: str
    second: str
    normal: Vector
    offset: float
    weight: float = 1.0


@dataclass(frozen=True)
class Ellipsoid:
    """The point ``offset`` of ``joint`` stays within an ellipsoid fixed to ``parent``.

    Attributes:
        offset: (3,) cm in the joint's frame.
        translation: (3,) cm in the parent's frame.
        euler: (3,) degrees, z then y then x.
        scale: (3,) half axes, cm.
    """

    joint: str
    offset: Vector
    parent: str
    translation: Vector
    euler: Vector
    scale: Vector
    weight: float = 1.0


@dataclass(frozen=True)
class UnknownLimit:
    """A limit of a kind that this program does not know: kept as written."""

    subject: str
    kind: str
    text: str


Limit = MinMax | MinMaxJoint | Linear | HalfPlane | Ellipsoid | UnknownLimit


class LimitReader:
    """Reads one line of the section ``[Limits]``; ValueError says what is wrong with it."""

    def __init__(self, line: str, parameters: Collection[str], joints: Collection[str]) -> None:
        self._line = line
        self._parameters = parameters
        self._joints = joints
        self._position = 0

    def read(self) -> Limit:
        if self._word() != "limit":
            raise ValueError(f"expected 'limit NAME KIND ...', found {self._line[:60]!r}")
        subject, kind = self._word(), self._word()
        if kind == "minmax" and "." not in subject:
            self._parameter(subject)
            low, high = self._range()
            return self._done(MinMax(subject, low, high, self._weight()))
        if kind in ("minmax", "minmax_passive"):
            self._channel(subject)
            low, high = self._range()
            return self._done(MinMaxJoint(subject, low, high, kind == "minmax_passive", self._weight()))
        if kind == "linear":
            return self._linear(subject)
        if kind == "halfplane":
            return self._half_plane(subject)
        if kind in ("ellipsoid", "elipsoid"):  # Momentum's older files have the second spelling
            return self._ellipsoid(subject)
        return UnknownLimit(subject, kind, self._line)

    def _linear(self, subject: str) -> Limit:
        of_joints = "." in subject
        check = self._channel if of_joints else self._parameter
        check(subject)
        target = self._word()
        check(target)
        segments: list[LinearSegment] = []
        while self._peek() == "[":
            values = self._vector()
            if len(values) not in (2, 3):
                raise ValueError(f"a segment of a linear limit has two or three numbers, not {len(values)}")
            segment = LinearSegment(*values)
            if segments:
                self._check_joint(segments[-1], segment)
            segments.append(segment)
        if not segments:
            raise ValueError("a linear limit needs at least one segment [scale, offset]")
        return self._done(Linear(subject, target, tuple(segments), of_joints, self._weight()))

    @staticmethod
    def _check_joint(before: LinearSegment, after: LinearSegment) -> None:
        x = before.end
        if not math.isfinite(x) or after.end <= x:
            raise ValueError("the segments of a linear limit must have rising ends; only the last has none")
        if abs((before.scale - after.scale) * x - (before.offset - after.offset)) > 1e-3:
            raise ValueError(f"the segments of the linear limit do not meet at {x:g}")

    def _half_plane(self, subject: str) -> Limit:
        self._parameter(subject)
        second = self._word()
        self._parameter(second)
        normal, offset = self._vector(2), self._number()
        length = math.hypot(*normal)
        if length == 0.0:
            raise ValueError("the normal of a half plane has no length")
        unit = tuple(n / length for n in normal)
        return self._done(HalfPlane(subject, second, unit, offset / length, self._weight()))

    def _ellipsoid(self, subject: str) -> Limit:
        self._joint(subject)
        offset, parent = self._vector(3), self._word()
        self._joint(parent)
        translation, euler, scale = self._vector(3), self._vector(3), self._vector(3)
        return self._done(Ellipsoid(subject, offset, parent, translation, euler, scale, self._weight()))

    # names

    def _parameter(self, name: str) -> None:
        if name not in self._parameters:
            raise ValueError(f"no joint uses the parameter {name!r}")

    def _joint(self, name: str) -> None:
        if name not in self._joints:
            raise ValueError(f"there is no joint {name!r} in the skeleton")

    def _channel(self, name: str) -> None:
        joint, dot, channel = name.partition(".")
        if not dot:
            raise ValueError(f"expected joint.channel, found {name!r}")
        self._joint(joint)
        if channel not in CHANNELS:
            raise ValueError(f"{channel!r} is not one of the channels {' '.join(CHANNELS)}")

    # tokens

    def _peek(self) -> str:
        """The next token, or "" at the end of the line."""
        if not self._line[self._position :].strip():
            return ""
        match = _TOKEN.match(self._line, self._position)
        if match is None:
            raise ValueError(f"unexpected text {self._line[self._position :].strip()[:40]!r}")
        return match[0].strip()

    def _next(self) -> str:
        token = self._peek()
        if token:
            match = _TOKEN.match(self._line, self._position)
            assert match is not None
            self._position = match.end()
        return token

    def _word(self) -> str:
        token = self._next()
        if not token or not (token[0].isalpha() or token[0] == "_"):
            raise ValueError(f"expected a name, found {token!r}" if token else "the line ends too early")
        return token

    def _number(self) -> float:
        token = self._next()
        try:
            value = float(token)
        except ValueError:
            raise ValueError(f"expected a number, found {token!r}" if token else "the line ends too early") from None
        if not math.isfinite(value) or abs(value) > 1e6:
            raise ValueError(f"{token} is not a plausible number")
        return value

    def _weight(self) -> float:
        return self._number() if self._peek() else 1.0

    def _expect(self, symbol: str) -> None:
        token = self._next()
        if token != symbol:
            raise ValueError(f"expected {symbol!r}, found {token!r}" if token else "the line ends too early")

    def _vector(self, size: int | None = None) -> Vector:
        self._expect("[")
        values = [self._number()]
        while self._peek() == ",":
            self._expect(",")
            values.append(self._number())
        self._expect("]")
        if size is not None and len(values) != size:
            raise ValueError(f"expected {size} numbers in brackets, found {len(values)}")
        return tuple(values)

    def _range(self) -> tuple[float, float]:
        low, high = self._vector(2)
        if low > high:
            raise ValueError(f"the limit's minimum {low:g} lies above its maximum {high:g}")
        return low, high

    def _done(self, limit: Limit) -> Limit:
        rest = self._line[self._position :].strip()
        if rest:
            raise ValueError(f"unexpected text {rest[:40]!r} behind the limit")
        return limit
