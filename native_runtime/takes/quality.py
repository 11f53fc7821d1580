"""Figures of a take's quality: jitter, feet that slide, feet below the floor.

Jitter and foot slide are those of WHAM (Shin et al., "WHAM: Reconstructing World-grounded Humans with Accurate 3D
Motion", 2024, section 4; ``compute_jitter`` and ``compute_foot_sliding`` in yohanshin/WHAM, lib/eval/eval_utils.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def jitter(joints: Array, fps: float) -> float:
    """The mean size of the third derivative of joints' places, in 10 m/s^3.

    Args:
        joints: (F, J, 3) m in world axes.
        fps: frames per second.
    """
    if len(joints) < 4:
        return 0.0
    third = (joints[3:] - 3 * joints[2:-1] + 3 * joints[1:-2] - joints[:-3]) * fps**3
    return float(np.linalg.norm(third, axis=2).mean() / 10.0)


def foot_slide(soles: Array, contacts: NDArray[np.bool_]) -> float:
    """mm by which parts of feet move from one frame to the next on average, while they touch the floor in both.

    Args:
        soles: (F, K, 3) m in world axes.
        contacts: (F, K) which touch the floor; WHAM takes those of the truth, a take its own.
    """
    both = contacts[1:] & contacts[:-1]
    if not both.any():
        return 0.0
    return float(1000.0 * np.linalg.norm(np.diff(soles, axis=0), axis=2)[both].mean())


def penetration(soles: Array, heights: Array, ground: Array) -> float:
    """mm by which the lowest part of feet is below the floor, the mean over frames in which one is; NaN where the floor
    is not known.

    Args:
        soles: (F, K, 3) m in world axes.
        heights: (K,) m above the floor of flat feet (``ground.flat_heights``).
        ground: (4,) plane.
    """
    if not np.isfinite(ground).all():
        return float("nan")
    lowest = (soles @ ground[:3] + ground[3] - heights).min(axis=1)
    below = lowest < 0
    return float(-1000.0 * lowest[below].mean()) if below.any() else 0.0


def figures(
    joints: Array, soles: Array, heights: Array, ground: Array, contacts: NDArray[np.bool_], fps: float
) -> dict[str, float]:
    """All of them by name, as a take's file has them: ``jitter``, ``foot_slide_mm``, ``penetration_mm``."""
    return {
        "jitter": jitter(joints, fps),
        "foot_slide_mm": foot_slide(soles, contacts),
        "penetration_mm": penetration(soles, heights, ground),
    }
