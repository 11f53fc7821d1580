"""The measures over time, in numpy alone. Points are metres; errors are millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.metrics import MM, aligned

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

_MOST_LAG = 6
"""Frames to both sides in which a lag is sought."""


def pa_mpjpe(found: Array, true: Array) -> Array:
    """(F,) mm, each frame's points (F, N, 3) brought onto the truth by a similarity of its own (Procrustes)."""
    return np.array([np.linalg.norm(aligned(a, b) - b, axis=1).mean() * MM for a, b in zip(found, true)])


def mpjpe(found: Array, true: Array, root: tuple[int, int]) -> Array:
    """(F,) mm between points (F, N, 3) relative to the middle of two of them, the hips."""
    off = _rooted(found, root) - _rooted(true, root)
    return np.asarray(np.linalg.norm(off, axis=-1).mean(axis=1) * MM)


def acceleration_error(found: Array, true: Array, fps: float, consecutive: Bools | None = None) -> float:
    """mm/s^2: the mean over points and frames of the length of the difference of accelerations, each the second
    difference of places times the square of the frame rate.

    Kanazawa et al., "Learning 3D Human Dynamics from Video", CVPR 2019, section 5; of points relative to the hips, as
    there, when such are given.

    Args:
        found, true: (F, N, 3) m.
        consecutive: (F - 1,) whether a frame follows directly on the one before.
    """
    if len(found) < 3:
        return float("nan")
    off = np.linalg.norm(np.diff(found, 2, axis=0) - np.diff(true, 2, axis=0), axis=-1).mean(axis=1)
    use = np.ones(len(off), bool) if consecutive is None else consecutive[1:] & consecutive[:-1]
    return float(off[use].mean() * fps**2 * MM) if use.any() else float("nan")


def jitter(points: Array, fps: float) -> float:
    """10 m/s^3: the mean length of the third difference of places (F, N, 3) m times the cube of the frame rate.

    ``compute_jitter`` of WHAM (Shin et al., CVPR 2024; yohanshin/WHAM, lib/eval/eval_utils.py).
    """
    if len(points) < 4:
        return float("nan")
    return float(np.linalg.norm(np.diff(points, 3, axis=0), axis=-1).mean() * fps**3 / 10.0)


def drifts(feet: Array, contacts: Bools, least: int = 3) -> Array:
    """(n,) mm: of each contact that lasts ``least`` frames or more, the farthest that its point is from where it is in
    the middle (median) of the contact.

    Args:
        feet: (F, 4, 3) m in world axes; contacts: (F, 4).
    """
    out = []
    for part in range(contacts.shape[1]):
        for a, b in runs(contacts[:, part]):
            if b - a >= least:
                places = feet[a:b, part]
                out.append(np.linalg.norm(places - np.median(places, axis=0), axis=1).max() * MM)
    return np.array(out)


def slide(feet: Array, contacts: Bools) -> float:
    """mm a frame by which points in contact move, on average.

    ``compute_foot_sliding`` of WHAM, with the truth's contacts as there, or others.
    """
    both = contacts[1:] & contacts[:-1]
    return float(np.linalg.norm(np.diff(feet, axis=0), axis=-1)[both].mean() * MM) if both.any() else float("nan")


def runs(flags: Bools) -> list[tuple[int, int]]:
    """First frame and the frame after the last of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, int), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]


def precision_recall(found: Bools, true: Bools, slack: int = 1) -> tuple[float, float]:
    """Shares of the found contacts that are true and of the true ones that are found, (F, K) each; NaN of none.

    Args:
        slack: frames by which the beginning or the end of a contact may be off.
    """
    hits = float((found & _widened(true, slack)).sum() / found.sum()) if found.any() else float("nan")
    got = float((true & _widened(found, slack)).sum() / true.sum()) if true.any() else float("nan")
    return hits, got


def _widened(flags: Bools, by: int) -> Bools:
    out = flags.copy()
    for step in range(1, by + 1):
        out[step:] |= flags[:-step]
        out[:-step] |= flags[step:]
    return out


def lag(found: Array, true: Array) -> float:
    """Frames by which a motion comes late (negative: early): where the correlation of velocities is largest, found to
    a part of a frame by the parabola through the three largest.

    Args:
        found, true: (F, N, 3) m, relative to the hips.
    """
    a, b = np.diff(found, axis=0).reshape(len(found) - 1, -1), np.diff(true, axis=0).reshape(len(true) - 1, -1)
    scores = []
    for shift in range(-_MOST_LAG, _MOST_LAG + 1):
        x, y = (a[shift:], b[: len(b) - shift]) if shift >= 0 else (a[:shift], b[-shift:])
        scores.append(float((x * y).sum() / max(np.linalg.norm(x) * np.linalg.norm(y), 1e-12)))
    best = int(np.argmax(scores))
    if best in (0, len(scores) - 1):
        return float(best - _MOST_LAG)
    low, middle, high = scores[best - 1 : best + 2]
    bend = low - 2 * middle + high
    return best - _MOST_LAG + (0.5 * (low - high) / bend if bend < 0 else 0.0)


def bone_spread(joints: Array, pairs: NDArray[np.int64]) -> float:
    """mm: the largest standard deviation over time of the distance between two joints of a bone.

    Args:
        joints: (F, J, 3) m; pairs: (n, 2).
    """
    lengths = np.linalg.norm(joints[:, pairs[:, 0]] - joints[:, pairs[:, 1]], axis=-1)
    return float(lengths.std(axis=0).max() * MM)


def below_ground(lowest: Array) -> float:
    """mm: the mean over frames of how deep the lowest skin, at heights (F,) m above the floor, lies below it."""
    return float(np.maximum(-lowest, 0.0).mean() * MM)


def _rooted(points: Array, root: tuple[int, int]) -> Array:
    return np.asarray(points - points[:, list(root)].mean(axis=1, keepdims=True))
