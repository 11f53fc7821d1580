"""When feet touch the floor: by height and speed, with hysteresis.

Kovar, Schreiner and Gleicher, "Footskate cleanup for motion capture editing" (2002), find constraints the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ground import rays, seen_speeds

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ContactSettings:
    """What counts as touching the floor.

    Attributes:
        height, speed: m above the floor and m/s, below which a contact begins; of the speed what is along the
            camera's ray counts less (``ground.seen_speeds``).
        depth: m by which feet are ordinarily off along the camera's ray; as far as that changes their height, more is
            allowed.
        apart: m above the lower part of its foot, below which a part begins a contact: that both are off along the ray
            together lifts none of them off the other.
        release: factor on all of these, above any of which it ends.
        shortest: frames that a contact lasts at least, at 30 frames per second.
        gap: frames of a gap that is closed, likewise.
        near: m from its place, across the camera's ray, within which a part stays in contact before and afterwards,
            however it moves along the ray; 0: nowhere.
        drift, share: m across the camera's ray by which a part moves from the beginning to the end of a contact at
            most, and the part of all time in contact in which more than that means that the camera moves.
    """

    height: float = 0.04
    depth: float = 0.1
    apart: float = 0.015
    speed: float = 0.15
    release: float = 1.5
    shortest: int = 3
    gap: int = 2
    near: float = 0.02
    drift: float = 0.06
    share: float = 0.3


def find_contacts(
    soles: Array,
    heights: Array,
    ground: Array,
    fps: float,
    settings: ContactSettings | None = None,
    eyes: Array | None = None,
) -> Bools:
    """(F, 4) which parts of feet touch the floor in each frame.

    Args:
        soles: (F, 4, 3) m, world axes (``ground.soles_in_world``).
        heights: (4,) m, the first of ``ground.flat_heights``.
        ground: (4,) plane; NaN where it is not known: then nothing touches it.
        fps: frames per second.
        settings: what counts.
        eyes: (F, 3) m where the camera is, in world axes; None: at its origin.
    """
    settings = settings or ContactSettings()
    if not np.isfinite(ground).all() or len(soles) < 2:
        return np.zeros(soles.shape[:2], bool)
    over = soles @ ground[:3] + ground[3] - heights
    foot = over.reshape(len(over), -1, 2)
    above, apart = np.abs(over), (foot - foot.min(axis=2, keepdims=True)).reshape(over.shape)
    fast = seen_speeds(soles, fps, eyes)
    height = np.hypot(settings.height, settings.depth * (rays(soles, eyes) @ ground[:3]))
    begins, stays = (
        (above < by * height) & (apart < by * settings.apart) & (fast < by * settings.speed)
        for by in (1.0, settings.release)
    )
    scale = max(fps / 30.0, 1.0)
    shortest, gap = round(settings.shortest * scale), round(settings.gap * scale)
    out = np.zeros_like(begins)
    for part in range(soles.shape[1]):
        found = _cleaned(_hysteresis(begins[:, part], stays[:, part]), shortest, gap)
        low = above[:, part] < settings.release * height[:, part]
        out[:, part] = _extended(found, low, soles[:, part], rays(soles, eyes)[:, part], settings.near)
    return out


def drift_apart(
    soles: Array, contacts: Bools, settings: ContactSettings | None = None, eyes: Array | None = None
) -> bool:
    """Whether feet that seem to stand move steadily in the picture: then it is the camera that changes its place, or
    they do not stand. To lock them would take the body off the person.

    Args:
        soles: (F, 4, 3) m, world axes, before anything was locked.
        contacts: (F, 4), ``find_contacts``.
        settings: what counts.
        eyes: as for ``find_contacts``.
    """
    settings = settings or ContactSettings()
    total, moved = 0, 0
    way_seen = rays(soles, eyes)
    for part in range(soles.shape[1]):
        for first, last in runs(contacts[:, part]):
            third = max((last - first) // 3, 1)
            begin, end = soles[first : first + third, part], soles[last - third : last, part]
            way = np.median(end, axis=0) - np.median(begin, axis=0)
            ray = way_seen[first:last, part].mean(axis=0)
            ray /= max(float(np.linalg.norm(ray)), 1e-9)
            total += last - first
            if float(np.linalg.norm(way - (way @ ray) * ray)) > settings.drift:
                moved += last - first
    return moved > settings.share * total


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


def _extended(flags: Bools, low: Bools, places: Array, way_seen: Array, near: float) -> Bools:
    """The stretches with what comes before and after, as long as a part (F, 3) m is seen where it stands: low enough
    (F,), and nearer than `near` to its place across the camera's ray (F, 3)."""
    out = flags.copy()
    for first, last in runs(flags):
        off = places - np.median(places[first:last], axis=0)
        along = np.sum(off * way_seen, axis=1)
        there = low & (np.sum(off**2, axis=1) - along**2 < near**2)
        while first > 0 and there[first - 1] and not out[first - 1]:
            first -= 1
            out[first] = True
        while last < len(out) and there[last] and not out[last]:
            out[last] = True
            last += 1
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
