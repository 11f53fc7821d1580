"""What the passes disagree on, for the checks of prompts and the ranking of keypoints (``prompt_quality``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.estimate import Estimate
from native_runtime.fitting.evidence import Silhouette
from native_runtime.prompts.prompt import Prompt
from native_runtime.prompts.quality import Judgement, Prediction, combined_uncertainty, judge, of_decoder, of_rounds

from .outcome import Outcome

Array = NDArray[Any]


def judgement(
    prompts: Sequence[Prompt],
    unprompted: tuple[Outcome, Estimate],
    outcome: Outcome,
    mask: NDArray[np.bool_] | None,
) -> Judgement:
    """Warnings about prompts, seen from the estimate without them, and what to prompt next, seen from that with them.

    Args:
        outcome: with the prompts; the unprompted one where there are none.
        mask: (H, W) of the original photo that was given, or None.
    """
    plain, estimate = unprompted
    prediction = Prediction(
        estimate.keypoints_2d,
        estimate.keypoints_3d,
        estimate.intrinsics,
        bbox=estimate.bbox,
        silhouette=None if mask is None else Silhouette.of_photo(mask),
    )
    size = prediction.size
    prediction = replace(prediction, uncertainty=combined_uncertainty(_disagreement(plain, size)))
    return judge(prompts, prediction, _disagreement(outcome, size))


def _disagreement(outcome: Outcome, size: float) -> dict[str, Array]:
    """Sources of ``prompt_quality.SOURCES``; ``size`` is ``Prediction.size``."""
    sources: dict[str, Array] = {}
    if outcome.last.layer_keypoints_2d.shape[1] > 1:
        sources |= of_decoder(outcome.last.layer_keypoints_2d[0], outcome.last.layer_keypoints_3d[0], size)
    if outcome.last is not outcome.first:
        sources |= of_rounds(outcome.first.keypoints_2d[0], outcome.last.keypoints_2d[0])
    return sources
