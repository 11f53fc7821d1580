"""What line segments say about a camera, where the world has three directions at right angles.

A segment belongs to the vertical, to one of two horizontal directions, or to none (Coughlan and Yuille, Neural
Computation 2003, section 3: the Manhattan world; as a mixture over whole segments). What is observed of it is its
direction in the picture, given its middle; that of a world direction d there points to its vanishing point,
(f d_x - d_z m_x, f d_y - d_z m_y) for a middle m from the principal point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cameras import Cameras
from .segments import Segments

Array = NDArray[np.float64]

_WORLDS: tuple[tuple[float, tuple[float, float, float]], ...] = (
    (0.25, (0.22, 0.22, 0.22)),
    (0.1, (0.25, 0.4, 0.02)),
    (0.1, (0.25, 0.02, 0.4)),
    (0.1, (0.02, 0.32, 0.32)),
    (0.1, (0.45, 0.2, 0.02)),
    (0.1, (0.45, 0.02, 0.2)),
    (0.1, (0.3, 0.0, 0.0)),
)
"""Kinds of pictures: how often they are met, and how many of their lines are vertical or have each horizontal
direction. Without the lopsided ones a long lens, in which both horizontal directions look alike, would explain a wall
of parallel lines best. Other pictures have lines in random directions."""
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

    def _part(self, focal: Array, axes: Array, tolerance: float) -> Array:
        """(worlds, n)"""
        seen = self.segments
        middles, directions = seen.middles.astype(np.float32), seen.directions.astype(np.float32)
        sigmas = np.hypot(seen.sigmas, tolerance).astype(np.float32)
        axes, focal = axes.astype(np.float32), focal.astype(np.float32)
        x = focal[:, None, None] * axes[:, :, None, 0] - axes[:, :, None, 2] * middles[:, 0]
        y = focal[:, None, None] * axes[:, :, None, 1] - axes[:, :, None, 2] * middles[:, 1]
        length = np.maximum(np.sqrt(x * x + y * y), 1e-6)
        off = (directions[:, 0] * y - directions[:, 1] * x) / length
        # in units of a random direction's density, 1 / pi
        density = np.exp(-0.5 * (off / sigmas) ** 2) * (np.float32(math.sqrt(math.pi / 2)) / sigmas)
        worlds = np.array([shares for _, shares in _WORLDS], np.float32)
        mixed = np.matmul(worlds, density) + (1.0 - worlds.sum(axis=1))[:, None]
        return (_INDEPENDENT * np.log(mixed).sum(axis=2, dtype=np.float64)).T
