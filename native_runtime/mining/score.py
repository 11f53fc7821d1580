"""From signs to one score: the probability that an estimate is wrong, by a logistic model.

A sign is capped at where nearly all rendered people are, taken in units of its spread over them, and weighed; signs
that are not known count as their mean, and change nothing. The data, ``rig_templates/mining/score.json``, is made by
``python -m bench.mining train``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json

from .signs import NAMES, Signs

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreModel:
    """The model. Arrays have a number for each of ``signs.NAMES``.

    Attributes:
        means, spreads: of the signs.
        lowest, highest: between which a sign is taken.
        weights: by which a sign adds to the log odds, for each spread above its mean.
        offset: log odds of somebody all of whose signs are at their means.
    """

    means: Array
    spreads: Array
    lowest: Array
    highest: Array
    weights: Array
    offset: float

    @staticmethod
    def load() -> ScoreModel:
        """The one that comes with the program."""
        return ScoreModel.from_json(load_json("mining", "score.json"))

    @staticmethod
    def from_json(data: Mapping[str, object]) -> ScoreModel:
        """From ``offset`` and ``signs`` by name, each ``[mean, spread, lowest, highest, weight]``; a sign that is not
        named counts nothing.
        """
        entries = data["signs"]
        assert isinstance(entries, Mapping)
        rows = np.array([entries.get(name, (0.0, 1.0, 0.0, 0.0, 0.0)) for name in NAMES], np.float64)
        means, spreads, lowest, highest, weights = rows.T
        return ScoreModel(means, spreads, lowest, highest, weights, float(str(data["offset"])))

    def parts(self, signs: Signs) -> dict[str, float]:
        """What each sign adds to the log odds, by name."""
        values = np.array([getattr(signs, name) for name in NAMES])
        known = np.where(np.isnan(values), self.means, np.clip(values, self.lowest, self.highest))
        added = self.weights * (known - self.means) / self.spreads
        return {name: float(value) for name, value in zip(NAMES, added, strict=True)}

    def score(self, signs: Signs) -> float:
        """0..1: the probability that the estimate is wrong."""
        return 1.0 / (1.0 + math.exp(-(self.offset + sum(self.parts(signs).values()))))
