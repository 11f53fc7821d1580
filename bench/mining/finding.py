"""How many planted failures a ranked list shows first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mining.score import ScoreModel

from .sets import PLANTED
from .weighing import told

DRAWS = 1000


@dataclass(frozen=True)
class Folder:
    """A folder with failures planted into it.

    Attributes:
        photos: all of them; each is one person whom the engine found.
        planted: those of whom the estimate is wrong.
        first: how many of the list somebody looks at.
    """

    photos: int = 200
    planted: int = 20
    first: int = 30


@dataclass(frozen=True)
class Found:
    """Over draws of folders from what was measured.

    Attributes:
        mean: of the planted failures among the first.
        low, high: between which it lies in 90 % of the draws.
        wrong, right: of how many measured estimates was drawn.
    """

    mean: float
    low: float
    high: float
    wrong: int
    right: int


def found_first(
    rows: Sequence[Mapping[str, Any]], folder: Folder, made: bool = False, gross: float = 0.0, seed: int = 0
) -> Found:
    """Draw folders from measured rows without replacement, rank them as ``sam3db mine`` does, and count.

    Args:
        made: whether only pictures that were made to fail (``sets.PLANTED``) are planted, where they did.
        gross: mm of mean joint error that a planted failure has at least, beside being wrong at all.

    Raises:
        ValueError: too few estimates were measured.
    """
    scores, wrong = told(ScoreModel.load(), rows)
    known = [row for row in rows if "signs" in row]
    chosen = np.array([row["mpjpe"] >= gross and (row["kind"] in PLANTED or not made) for row in known])
    bad, good = np.flatnonzero(wrong & chosen), np.flatnonzero(~wrong)
    if len(bad) < folder.planted or len(good) < folder.photos - folder.planted:
        raise ValueError(f"{len(bad)} wrong and {len(good)} right estimates are too few for such a folder.")
    counts = _counts(scores, bad, good, folder, np.random.default_rng(seed))
    low, high = np.percentile(counts, [5, 95])
    return Found(float(counts.mean()), float(low), float(high), len(bad), len(good))


def _counts(
    scores: NDArray[np.float64],
    bad: NDArray[np.int64],
    good: NDArray[np.int64],
    folder: Folder,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    counts = np.empty(DRAWS)
    for draw in range(DRAWS):
        planted = rng.choice(bad, folder.planted, replace=False)
        others = rng.choice(good, folder.photos - folder.planted, replace=False)
        ranked = np.argsort(-scores[np.concatenate([others, planted])], kind="stable")
        counts[draw] = np.sum(ranked[: folder.first] >= len(others))
    return counts
