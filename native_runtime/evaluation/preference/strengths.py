"""How strong each engine is, by votes on pairs of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Votes that each two engines which were compared get besides, half to either: a strength stays finite where one won
#: every vote.
_PRIOR = 1.0
_ROUNDS, _ENOUGH = 2000, 1e-10


def bradley_terry(wins: Array) -> Array:
    """(..., N) strengths, natural logarithms, of mean 0: engine i is preferred to j with the probability
    1 / (1 + exp(s_j - s_i)). Bradley and Terry, "Rank Analysis of Incomplete Block Designs", 1952, by the
    minorisation and maximisation of Hunter, "MM algorithms for generalized Bradley-Terry models", 2004, equation 3.

    Args:
        wins: (..., N, N) votes for the row's engine against the column's, ties as half for either. An engine that is
            compared with none has the strength 0 before the mean is taken off.
    """
    other = np.swapaxes(wins, -1, -2)
    wins = wins + _PRIOR / 2 * (wins + other > 0)
    total, games = wins.sum(axis=-1), wins + np.swapaxes(wins, -1, -2)
    strengths = np.ones(total.shape)
    for _ in range(_ROUNDS):
        sums = (games / (strengths[..., :, None] + strengths[..., None, :])).sum(axis=-1)
        new = np.where(sums > 0, total / np.where(sums > 0, sums, 1.0), 1.0)
        new /= np.exp(np.log(new).mean(axis=-1, keepdims=True))
        done = float(np.abs(np.log(new / strengths)).max()) < _ENOUGH
        strengths = new
        if done:
            break
    return np.asarray(np.log(strengths))


def connected(wins: Array) -> bool:
    """Whether votes lead from each engine to each other: strengths are not comparable where they do not."""
    linked = (wins + wins.T) > 0
    reached = np.zeros(len(wins), bool)
    reached[0] = True
    for _ in range(len(wins)):
        reached |= linked[reached].any(axis=0)
    return bool(reached.all())
