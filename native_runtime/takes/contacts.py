"""When feet touch the floor: by height and speed, with hysteresis.

Kovar, Schreiner and Gleicher, "Footskate cleanup for motion capture editing" (2002), find constraints the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ground import speeds

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ContactSettings:
    """What counts as touching the floor.

    Attributes:
        height, speed: m above the floor and m/s, both below which a contact begins.
        release: factor on both, above either of which it ends.
        shortest: frames that a contact lasts at least, at 30 frames per second.
        gap: frames of a gap that is closed, likewise.
    """

    height: float = 0.04
    speed: float = 0.15
    release: float = 1.5
    shortest: int = 3
    gap: int = 2


def find_contacts(
    soles: Array, heights: Array, ground: Array, fps: float, settings: ContactSettings | None = None
) -> Bools:
    """(F, 4) which parts of feet touch the floor in each frame.

    Args:
        soles: (F, 4, 3) m, world axes (``ground.soles_in_world``).
        heights: (4,) m, ``ground.flat_heights``.
        ground: (4,) plane; NaN where it is not known: then nothing touches it.
        fps: frames per second.
        settings: what counts.
    """
    settings = settings or ContactSettings()
    if not np.isfinite(ground).all() or len(soles) < 2:
        return np.zeros(soles.shape[:2], bool)
    above = np.abs(soles @ ground[:3] + ground[3] - heights)
    fast = speeds(soles, fps)
    begins = (above < settings.height) & (fast < settings.speed)
    stays = (above < settings.release * settings.height) & (fast < settings.release * settings.speed)
    scale = max(fps / 30.0, 1.0)
    shortest, gap = round(settings.shortest * scale), round(settings.gap * scale)
    out = np.zeros_like(begins)
    for part in range(soles.shape[1]):
        out[:, part] = _cleaned(_hysteresis(begins[:, part], stays[:, part]), shortest, gap)
    return out


def runs(flags: Bools) -> list[tuple[int, int]]:
    """The stretches of True in (F,): first frame and one past the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]


def _hysteresis(begins: Bools, stays: Bools) -> Bools:
    """Stretches that stay, in which something begins."""
    out = np.zeros_like(stays)
    for first, last in runs(stays):
        if begins[first:last].any():
            out[first:last] = True
    return out


def _cleaned(flags: Bools, shortest: int, gap: int) -> Bools:
    out = flags.copy()
    for first, last in runs(~flags):
        if first > 0 and last < len(flags) and last - first <= gap:
            out[first:last] = True
    for first, last in runs(out):
        if last - first < shortest:
            out[first:last] = False
    return out
