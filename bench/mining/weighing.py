"""The weights of the score: logistic regression with a ridge, by iteratively reweighted least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mining.score import ScoreModel
from native_runtime.mining.signs import NAMES, Signs

Array = NDArray[np.float64]

WRONG_MEAN, WRONG_JOINT = 120.0, 400.0
"""mm: an estimate is wrong whose joints are off by more on average, or one joint by more."""
_RIDGE = 4.0
"""What a weight of 1 costs, in log likelihood times two: a few hundred people say little about nineteen signs."""
_LEFT_OUT = ("flip", "warnings")
"""Signs that the sets do not tell, or that say little of a photo itself."""


def is_wrong(row: Mapping[str, Any]) -> bool:
    """Whether a measured estimate is wrong."""
    return bool(row["mpjpe"] > WRONG_MEAN or row["worst"] > WRONG_JOINT)


def signs_of(row: Mapping[str, Any]) -> Signs:
    """The signs of a measured row."""
    return Signs(**{name: float("nan") if value is None else value for name, value in row["signs"].items()})


def weigh(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The data of ``ScoreModel`` from measured rows. Weights are not below 0: every sign is one of failure."""
    known = [row for row in rows if "signs" in row]
    names = [name for name in NAMES if name not in _LEFT_OUT]
    values = np.array([[getattr(signs_of(row), name) for name in names] for row in known])
    wrong = np.array([is_wrong(row) for row in known], np.float64)
    lowest, highest = np.nanpercentile(values, 1, axis=0), np.nanpercentile(values, 98, axis=0)
    values = np.clip(values, lowest, highest)
    means, spreads = np.nanmean(values, axis=0), np.maximum(np.nanstd(values, axis=0), 1e-3)
    design = np.nan_to_num((values - means) / spreads)
    offset, weights = _fit(design, wrong)
    table = {
        name: [round(float(v), 5) for v in entry]
        for name, *entry in zip(names, means, spreads, lowest, highest, weights)
        if entry[-1] > 0.01
    }
    return {"offset": round(offset, 4), "signs": table}


def _fit(design: Array, wrong: Array) -> tuple[float, Array]:
    """The offset and the weights (d,) for standardised signs (n, d)."""
    offset, weights = 0.0, np.zeros(design.shape[1])
    for _ in range(400):
        odds = 1.0 / (1.0 + np.exp(-(offset + design @ weights)))
        error = odds - wrong
        curve = np.maximum(odds * (1.0 - odds), 1e-6)
        offset -= float(error.sum() / curve.sum())
        slope = design.T @ error + _RIDGE * weights
        weights = np.maximum(weights - slope / (0.25 * np.linalg.norm(design, 2) ** 2 + _RIDGE), 0.0)
    return offset, weights


def area(scores: Array, wrong: NDArray[np.bool_]) -> float:
    """Area under the receiver's curve: how often a wrong estimate's score is above a right one's."""
    above = scores[wrong][:, None] - scores[~wrong][None]
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def told(model: ScoreModel, rows: Sequence[Mapping[str, Any]]) -> tuple[Array, NDArray[np.bool_]]:
    """Scores (n,) and truth (n,) of measured rows with an estimate."""
    known = [row for row in rows if "signs" in row]
    return np.array([model.score(signs_of(row)) for row in known]), np.array([is_wrong(row) for row in known])
