"""Momentum's model definition files (``.model``): how model parameters move joints, and within which limits.

The format is that of facebookresearch/momentum, ``momentum/io/skeleton``: a first line ``Momentum Model Definition
V1.0``, then the sections ``ParameterTransform``, ``ParameterSets``, ``Limits`` and ``PoseConstraints`` in any order and
number, comments from ``#`` to the end of a line:

    [ParameterTransform]
    root.tx = 10.0 * root_tx
    c_spine1.rx = 1.0 * spine1_rx_flexible + 0.12 * spine_twist0
    l_twist.rx = -0.5 * l_arm.rx + 0.1            # refers to an earlier channel; a lone number is a constant
    [ParameterSets]
    parameterset spine spine_twist0 spine1_rx_flexible
    [Limits]
    limit spine_twist0 minmax [-0.9, 0.9] 0.1     # the weight may be left out
    [PoseConstraints]
    poseconstraints tpose spine_twist0=0.0
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from native_runtime.errors import ModelError
from native_runtime.mhr.parameterisation import CHANNELS, Parameterisation

from .limits import Limit, LimitReader, MinMax, UnknownLimit

HEADER = "Momentum Model Definition V1.0"
SECTIONS = ("ParameterTransform", "ParameterSets", "Limits", "PoseConstraints")

_MAX_CHARACTERS = 1_000_000
_MAX_PARAMETERS = 1_000
"""MHR's file has 31,000 characters and 204 parameters; far more than that is not a model definition."""

_SECTION = re.compile(r"\[(\w+)\]")


@dataclass(frozen=True)
class ModelDefinition:
    """What a ``.model`` file says.

    Attributes:
        parameter_names: model parameters in order of first appearance (P,).
        rows: for each joint parameter (row = joint * 7 + channel) its coefficients by parameter.
        constants: constant part of joint parameters by row.
        sets: named groups of parameters.
        limits: all limits, in the order of the file.
        pose_constraints: named poses: parameter name to value.
        notes: what was skipped, for people.
    """

    parameter_names: tuple[str, ...]
    rows: dict[int, dict[int, float]]
    constants: dict[int, float]
    sets: dict[str, tuple[str, ...]]
    limits: tuple[Limit, ...]
    pose_constraints: dict[str, dict[str, float]]
    notes: tuple[str, ...]

    def parameterisation(self, joint_count: int) -> Parameterisation:
        """The linear map with the plain limits of single parameters (the only kind that a slider can show)."""
        minimum = np.full(len(self.parameter_names), -np.inf)
        maximum = np.full(len(self.parameter_names), np.inf)
        weight = np.ones(len(self.parameter_names))
        index = {name: i for i, name in enumerate(self.parameter_names)}
        for limit in self.limits:
            if isinstance(limit, MinMax):
                i = index[limit.parameter]
                minimum[i], maximum[i] = max(minimum[i], limit.minimum), min(maximum[i], limit.maximum)
                weight[i] = limit.weight
        entries = [(row, column, value) for row, terms in self.rows.items() for column, value in terms.items() if value]
        rows, columns, values = zip(*entries)
        return Parameterisation(
            self.parameter_names,
            np.array(rows, np.int32),
            np.array(columns, np.int32),
            np.array(values, np.float64),
            minimum,
            maximum,
            weight,
            joint_count,
        )


@dataclass
class _Reader:
    """State while reading: names get their index when they first appear."""

    source: str
    joints: dict[str, int]
    parameters: dict[str, int] = field(default_factory=dict)
    rows: dict[int, dict[int, float]] = field(default_factory=dict)
    constants: dict[int, float] = field(default_factory=dict)
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    poses: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def fault(self, line: int, text: str) -> ModelError:
        return ModelError(f"{self.source}, line {line}: {text}. Take an undamaged copy of the file.")

    # [ParameterTransform]

    def transform_line(self, number: int, line: str) -> None:
        left, equals, right = line.partition("=")
        if not equals or "=" in right:
            raise self.fault(number, f"expected 'joint.channel = weight * parameter + ...', found {_quoted(line)}")
        row = self._channel(number, left.strip())
        for term in right.split("+"):
            self._term(number, row, term.strip(), line)
        if not all(map(math.isfinite, self.rows.get(row, {}).values())):
            raise self.fault(number, "the coefficients add up to something that is not a number")

    def _channel(self, number: int, name: str) -> int:
        joint, dot, channel = name.partition(".")
        if not dot or joint not in self.joints:
            raise self.fault(number, f"there is no joint {_quoted(joint)} in the skeleton")
        if channel not in CHANNELS:
            raise self.fault(number, f"{_quoted(channel)} is not one of the channels {' '.join(CHANNELS)}")
        return self.joints[joint] * len(CHANNELS) + CHANNELS.index(channel)

    def _term(self, number: int, row: int, term: str, line: str) -> None:
        factors = [factor.strip() for factor in term.split("*")]
        if len(factors) > 2:
            raise self.fault(number, f"a term is a weight times one parameter, not {_quoted(term)}")
        weight = self._number(number, factors[0], line)
        if len(factors) == 1:
            self.constants[row] = weight
            return
        name = factors[1]
        if name not in self.parameters and name.partition(".")[0] in self.joints:
            self._copy(number, row, name, weight)
            return
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
            raise self.fault(number, f"{_quoted(name)} cannot be the name of a parameter")
        column = self.parameters.setdefault(name, len(self.parameters))
        if column >= _MAX_PARAMETERS:
            raise self.fault(number, f"more than {_MAX_PARAMETERS} parameters")
        self._add(row, column, weight)

    def _copy(self, number: int, row: int, name: str, weight: float) -> None:
        """Add the terms that the channel ``name`` has so far."""
        terms = self.rows.get(self._channel(number, name), {})
        if not terms:
            self.notes.append(f"{self.source}, line {number}: {name} has no parameters before this line; taken as 0.")
        for column, value in list(terms.items()):
            self._add(row, column, value * weight)

    def _add(self, row: int, column: int, value: float) -> None:
        terms = self.rows.setdefault(row, {})
        terms[column] = terms.get(column, 0.0) + value

    def _number(self, number: int, text: str, line: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise self.fault(number, f"{_quoted(text)} is not a number in {_quoted(line)}") from None
        if not math.isfinite(value) or abs(value) > 1e6:
            raise self.fault(number, f"{text} is not a plausible number")
        return value

    # [ParameterSets], [PoseConstraints], [Limits]

    def set_line(self, number: int, line: str) -> None:
        words = line.split()
        if words[0] != "parameterset" or len(words) < 2:
            raise self.fault(number, f"expected 'parameterset NAME parameter ...', found {_quoted(line)}")
        for name in words[2:]:
            self._known(number, name)
        self.sets[words[1]] = tuple(words[2:])

    def pose_line(self, number: int, line: str) -> None:
        words = line.split()
        if words[0] != "poseconstraints" or len(words) < 2:
            raise self.fault(number, f"expected 'poseconstraints NAME parameter=value ...', found {_quoted(line)}")
        pose: dict[str, float] = {}
        for word in words[2:]:
            name, equals, value = word.partition("=")
            if not equals:
                raise self.fault(number, f"expected parameter=value, found {_quoted(word)}")
            self._known(number, name)
            pose[name] = self._number(number, value, line)
        self.poses[words[1]] = pose

    def limit_line(self, number: int, line: str) -> None:
        try:
            limit = LimitReader(line, self.parameters, self.joints).read()
        except ValueError as error:
            raise self.fault(number, str(error)) from None
        if isinstance(limit, UnknownLimit):
            self.notes.append(f"{self.source}, line {number}: unknown kind of limit {_quoted(limit.kind)}, ignored.")
        self.limits.append(limit)

    def _known(self, number: int, name: str) -> None:
        if name not in self.parameters:
            raise self.fault(number, f"no joint uses the parameter {_quoted(name)}")


def parse_model(text: str, joint_names: Sequence[str], source: str = "model definition") -> ModelDefinition:
    """Read a model definition.

    Args:
        text: the file's content.
        joint_names: the joints of the skeleton that it moves, in order.
        source: what to call the file in messages.

    Raises:
        ModelError: names the file and the line.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ModelError(f"{source} is far too large for a model definition ({len(text)} characters).")
    reader = _Reader(source, {name: i for i, name in enumerate(joint_names)})
    sections = _sections(text, reader)
    # Sets, limits and poses name parameters, so the transform comes first wherever it stands in the file.
    for name, handle in (
        ("ParameterTransform", reader.transform_line),
        ("ParameterSets", reader.set_line),
        ("Limits", reader.limit_line),
        ("PoseConstraints", reader.pose_line),
    ):
        for number, line in sections[name]:
            handle(number, line)
    if not any(any(terms.values()) for terms in reader.rows.values()):
        raise ModelError(f"{source} defines no parameters; its section [ParameterTransform] is empty or missing.")
    return ModelDefinition(
        tuple(reader.parameters),
        reader.rows,
        {row: value for row, value in reader.constants.items() if value != 0.0},
        reader.sets,
        tuple(reader.limits),
        reader.poses,
        tuple(reader.notes),
    )


def _sections(text: str, reader: _Reader) -> dict[str, list[tuple[int, str]]]:
    """The lines of each known section with their numbers, comments and blank lines removed."""
    lines = _content_lines(text)
    number, first = next(lines, (1, ""))
    if first != HEADER:
        raise reader.fault(number, f"a model definition begins with {HEADER!r}, not {_quoted(first)}")
    sections: dict[str, list[tuple[int, str]]] = {name: [] for name in SECTIONS}
    current: str | None = None
    for number, line in lines:
        heading = _SECTION.fullmatch(line)
        if heading:
            current = heading[1]
            if current not in SECTIONS:
                reader.notes.append(f"{reader.source}, line {number}: unknown section [{current}], skipped.")
        elif current is None:
            raise reader.fault(number, f"{_quoted(line)} is outside any section")
        elif current in SECTIONS:
            sections[current].append((number, line))
    return sections


def _content_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if content:
            yield number, content


def _quoted(text: str) -> str:
    """A piece of the file for a message: short, and without control characters."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
