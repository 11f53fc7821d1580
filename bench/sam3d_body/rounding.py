"""The stage that compares a precision's keypoints with those of float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .places import Settings
from .recorder import Array, Record

_HIPS = slice(9, 11)


def rounding(settings: Settings) -> dict[str, Any]:
    """How far keypoints are from those of float32: of the body decoder's first pass, and of the full estimate."""
    exact = replace(settings, precision="fp32")
    rough, fine = Record.load(settings.record), Record.load(exact.record)
    error = rough.features[0] - fine.features[0]
    facts: dict[str, Any] = {
        "features_relative_rms": _rms(error) / _rms(fine.features[0]),
        "first_pass": differences(rough.passes[0].outputs, fine.passes[0].outputs),
    }
    if len(rough.passes) == len(fine.passes):
        with np.load(settings.estimate) as one, np.load(exact.estimate) as other:
            facts["estimate"] = differences(one, other)
    return facts


def differences(one: Mapping[str, Array], other: Mapping[str, Array]) -> dict[str, float]:
    """Distances of `keypoints_2d` (.., 70, 2), px of the photo, and `keypoints_3d` (.., 70, 3), mm about the hips."""
    pixels = np.linalg.norm(np.squeeze(one["keypoints_2d"] - other["keypoints_2d"]), axis=-1)
    places = [np.squeeze(each["keypoints_3d"]).astype(np.float64) for each in (one, other)]
    centred = [points - points[_HIPS].mean(axis=0) for points in places]
    apart = 1000 * np.linalg.norm(centred[0] - centred[1], axis=-1)
    return {
        "px_mean": float(pixels.mean()),
        "px_max": float(pixels.max()),
        "mm_mean": float(apart.mean()),
        "mm_max": float(apart.max()),
    }


def _rms(values: Array) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))
