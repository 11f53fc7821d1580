"""What line segments say about a camera, where the world has three directions at right angles.

A segment belongs to the vertical, to one of two horizontal directions, or to none (Coughlan and Yuille, Neural
Computation 2003, section 3: the Manhattan world; as a mixture over whole segments). Or it is level and turned any way:
where things stand about as they were put down, their edges point everywhere along the horizon (Schindler and Dellaert,
CVPR 2004: the Atlanta world, with as many directions as there are things). What is observed of it is its
direction in the picture, given its middle; that of a world direction d there points to its vanishing point,
(f d_x - d_z m_x, f d_y - d_z m_y) for a middle m from the principal point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cameras import Cameras
from .segments import Segments

Array = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]
"""Of either precision: what is compared with very many candidates has the lower one."""

_WORLDS: tuple[tuple[float, tuple[float, float, float, float]], ...] = (
    (0.25, (0.22, 0.22, 0.22, 0.0)),
    (0.1, (0.25, 0.4, 0.02, 0.0)),
    (0.1, (0.25, 0.02, 0.4, 0.0)),
    (0.1, (0.02, 0.32, 0.32, 0.0)),
    (0.1, (0.45, 0.2, 0.02, 0.0)),
    (0.1, (0.45, 0.02, 0.2, 0.0)),
    (0.07, (0.3, 0.0, 0.0, 0.0)),
    (0.05, (0.25, 0.0, 0.0, 0.35)),
)
"""Kinds of pictures: how often they are met, and how many of their lines are vertical, have each horizontal direction,
or are level and turned any way. Without the lopsided ones a long lens, in which both horizontal directions look alike,
would explain a wall of parallel lines best; without the last, two directions would be made out of things that stand
about, and believed. Other pictures have lines in random directions."""
_INDEPENDENT = 0.35
"""What a segment counts: both edges of a bar, and the pieces of a line, say the same thing."""
_AT_ONCE = 400_000
"""Numbers in memory: candidates are compared with the segments in parts."""


@dataclass(frozen=True)
class LineEvidence:
    """The likelihood of cameras by the segments of a picture.

    Attributes:
        segments: what was seen.
    """

    segments: Segments

    def log_likelihood(self, cameras: Cameras, tolerance: float = 0.0) -> Array:
        """(n,) relative to segments in random directions.

        Args:
            tolerance: radians by which directions may be off besides, for a search that is still coarse.
        """
        return np.asarray(np.logaddexp.reduce(self._by_world(cameras, tolerance), axis=0), np.float64)

    def structured(self, cameras: Cameras) -> Array:
        """(n,) the probability that the lines of the picture are not in random directions, given each candidate."""
        by_world = self._by_world(cameras, 0.0)
        return np.asarray(1.0 - np.exp(by_world[-1] - np.logaddexp.reduce(by_world, axis=0)), np.float64)

    def _by_world(self, cameras: Cameras, tolerance: float) -> Array:
        """(worlds + 1, n) logarithm of the likelihood and of how often each world is met; the last one is random."""
        often = np.array([share for share, _ in _WORLDS])
        logs = np.log(np.append(often, 1.0 - often.sum()))[:, None] + np.zeros(len(cameras))
        count = len(self.segments)
        if count:
            parts = np.array_split(np.arange(len(cameras)), max(1, len(cameras) * count * 3 // _AT_ONCE))
            found = [self._part(cameras.focal[part], cameras.axes[part], tolerance) for part in parts]
            logs[:-1] += np.concatenate(found, axis=1)
        return logs

    def _part(self, focal: Floats, axes: Floats, tolerance: float) -> Array:
        """(worlds, n)"""
        seen = self.segments
        middles, directions = seen.middles.astype(np.float32), seen.directions.astype(np.float32)
        sigmas = np.hypot(seen.sigmas, tolerance).astype(np.float32)
        axes, focal = axes.astype(np.float32), focal.astype(np.float32)
        x, y = _towards(focal, axes, middles)
        across = directions[:, 0] * y - directions[:, 1] * x
        off = across / np.maximum(np.sqrt(x * x + y * y), 1e-6)
        # in units of a random direction's density, 1 / pi
        density = np.exp(-0.5 * (off / sigmas) ** 2) * (np.float32(math.sqrt(math.pi / 2)) / sigmas)
        density = np.concatenate([density, _level(across, x, y, sigmas)[:, None]], axis=1)
        worlds = np.array([shares for _, shares in _WORLDS], np.float32)
        mixed = np.matmul(worlds, density) + (1.0 - worlds.sum(axis=1))[:, None]
        return (_INDEPENDENT * np.log(mixed).sum(axis=2, dtype=np.float64)).T


def level_density(cameras: Cameras, segments: Segments) -> Array:
    """(n, segments) the density of each segment's direction, given its middle, if it is level and turned at random; in
    units of 1 / pi, which lines in random directions have.
    """
    x, y = _towards(cameras.focal, cameras.axes, segments.middles)
    directions = segments.directions
    return np.asarray(_level(directions[:, 0] * y - directions[:, 1] * x, x, y, segments.sigmas), np.float64)


def _towards(focal: Floats, axes: Floats, middles: Floats) -> tuple[Floats, Floats]:
    """x and y (n, 3, segments) of the vectors in which the axes (n, 3, 3) of the world point at middles of segments."""
    x = focal[:, None, None] * axes[:, :, None, 0] - axes[:, :, None, 2] * middles[:, 0]
    y = focal[:, None, None] * axes[:, :, None, 1] - axes[:, :, None, 2] * middles[:, 1]
    return x, y


def _level(across: Floats, x: Floats, y: Floats, sigmas: Floats) -> Floats:
    """(n, segments) the density, in units of 1 / pi, of a segment's direction if it is level and turned at random.

    Where a level line that is turned by psi points, in the picture, is A cos psi + B sin psi, for the two axes of the
    world; so it has the direction u with the density |A x B| / ((u x A)^2 + (u x B)^2) / pi. What is observed is off
    besides, which widens the narrow peak that lines near the horizon have.

    Args:
        across: (n, 3, segments) u x the vectors x, y (n, 3, segments) in which the axes point.
        sigmas: (segments,) radians.
    """
    form = across[:, 1] ** 2 + across[:, 2] ** 2
    size = x[:, 1] ** 2 + y[:, 1] ** 2 + x[:, 2] ** 2 + y[:, 2] ** 2
    turn = x[:, 1] * y[:, 2] - y[:, 1] * x[:, 2]
    wide = sigmas**2 * size
    density: Floats = np.sqrt(turn**2 + wide * size + wide**2) / np.maximum(form + wide, 1e-12)
    return density
