"""What an engine's faster kind of inference costs in accuracy, with the user's weights, on a proof's pictures."""

from __future__ import annotations

import numpy as np

from native_runtime.engines.base import Reading
from native_runtime.engines.estimate import Estimate

from .report import Check

KIND = "fast"
LARGEST_LOSS = 20.0
"""Millimetres on average; published for crops of 384 px: below one on average over photos."""
_HIPS = [9, 10]


def fast_checks(name: str, reading: Reading, whole: Estimate, picture: str) -> list[Check]:
    """How far the faster inference moves the keypoints of the first person of a reading; a hint, no gate.

    Args:
        whole: the estimate by the engine's own kind of inference.
    """
    apart = _about_hips(reading.estimate(0, inference=KIND)) - _about_hips(whole)
    moved = 1000.0 * float(np.linalg.norm(apart, axis=1).mean())
    sentence = (
        f"{picture}: the inference '{KIND}' moves the keypoints by {moved:.1f} mm on average "
        f"(expected: at most {LARGEST_LOSS:g})."
    )
    return [Check(name, KIND, picture, moved <= LARGEST_LOSS, sentence, moved, LARGEST_LOSS, "mm", gate=False)]


def _about_hips(estimate: Estimate) -> np.ndarray:
    """(70, 3) m, from the middle of the hips."""
    return np.asarray(estimate.keypoints_3d - estimate.keypoints_3d[_HIPS].mean(axis=0))
