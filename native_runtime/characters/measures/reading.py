"""A number read from a figure, and by how much it grows when vertices and joints move: what measures are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def _no_indices() -> Indices:
    return np.zeros(0, np.int64)


def _no_pulls() -> Array:
    return np.zeros((0, 3))


@dataclass(frozen=True)
class Reading:
    """A length or a height.

    Attributes:
        value: cm.
        vertices, vertex_pulls: (k,), (k, 3) by how much it grows for each cm that a vertex moves; a vertex may occur
            several times.
        joints, joint_pulls: (m,), (m, 3) the same of joints.
        line: (n, 3) cm, where it is measured, for people to see; may be empty.
    """

    value: float
    vertices: Indices = field(default_factory=_no_indices)
    vertex_pulls: Array = field(default_factory=_no_pulls)
    joints: Indices = field(default_factory=_no_indices)
    joint_pulls: Array = field(default_factory=_no_pulls)
    line: Array = field(default_factory=_no_pulls)

    def __add__(self, other: Reading) -> Reading:
        return Reading(
            self.value + other.value,
            np.concatenate([self.vertices, other.vertices]),
            np.concatenate([self.vertex_pulls, other.vertex_pulls]),
            np.concatenate([self.joints, other.joints]),
            np.concatenate([self.joint_pulls, other.joint_pulls]),
            self.line if len(self.line) else other.line,
        )

    def __sub__(self, other: Reading) -> Reading:
        return self + -1.0 * other

    def __rmul__(self, factor: float) -> Reading:
        return Reading(
            factor * self.value,
            self.vertices,
            factor * self.vertex_pulls,
            self.joints,
            factor * self.joint_pulls,
            self.line,
        )


@dataclass(frozen=True)
class Spot:
    """A point of a figure as a weighted sum of vertices and joints; the weights sum to 1.

    Attributes:
        vertices, vertex_weights: (k,)
        joints, joint_weights: (m,)
    """

    vertices: Indices
    vertex_weights: Array
    joints: Indices
    joint_weights: Array

    def place(self, vertices: Array, joints: Array) -> Array:
        """(3,) cm."""
        return np.asarray(self.vertex_weights @ vertices[self.vertices] + self.joint_weights @ joints[self.joints])

    def along(self, vertices: Array, joints: Array, direction: Array) -> Reading:
        """How far the spot is in a direction (3,) of length 1."""
        return Reading(
            float(self.place(vertices, joints) @ direction),
            self.vertices,
            self.vertex_weights[:, None] * direction,
            self.joints,
            self.joint_weights[:, None] * direction,
        )


def distance(first: Spot, second: Spot, vertices: Array, joints: Array) -> Reading:
    """How far two spots are from each other."""
    ends = first.place(vertices, joints), second.place(vertices, joints)
    between = ends[1] - ends[0]
    length = float(np.linalg.norm(between))
    direction = between / max(length, 1e-9)
    apart = second.along(vertices, joints, direction) - first.along(vertices, joints, direction)
    return Reading(length, apart.vertices, apart.vertex_pulls, apart.joints, apart.joint_pulls, np.stack(ends))
