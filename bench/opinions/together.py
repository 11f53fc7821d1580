"""Many looks as one place, several networks' places as one, and what the scatter of looks says of their error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .people import JOINTS, Seen

Array = NDArray[np.float64]

_LEAST = 0.003
"""Errors and scatter below this part of the person's size are all the same."""


def joined(looks: Array) -> tuple[Array, Array, Array]:
    """(17, 2) geometric median of looks (n, 17, 3), weighted by score; (17,) mean scores; (17,) median distance."""
    points, weights = looks[..., :2], looks[..., 2] + 1e-3
    middle = np.asarray((points * weights[..., None]).sum(axis=0) / weights.sum(axis=0)[:, None])
    for _ in range(12):
        shares = weights / np.maximum(np.linalg.norm(points - middle, axis=-1), 1.0)
        middle = (points * shares[..., None]).sum(axis=0) / shares.sum(axis=0)[:, None]
    return middle, looks[..., 2].mean(axis=0), np.median(np.linalg.norm(points - middle, axis=-1), axis=0)


def _features(person: Seen, network: str) -> Array:
    """(12, 8): how far looks scatter (logarithm), the score, and which joint it is."""
    _, scores, scatter = joined(person.looks[network])
    which = np.repeat(np.eye(len(JOINTS) // 2), 2, axis=0)
    return np.column_stack([np.log(scatter[JOINTS] / person.size + _LEAST), np.clip(scores[JOINTS], 0, 1), which])


def learnt(people: Sequence[Seen], network: str) -> Array:
    """(8,) by which ``_features`` tell the logarithm of a network's error, by ridge regression."""
    rows = np.concatenate([_features(one, network)[one.known] for one in people])
    errors = [np.linalg.norm(joined(one.looks[network])[0][JOINTS] - one.true, axis=1) / one.box for one in people]
    logs = np.concatenate([np.log(error[one.known] + _LEAST) for one, error in zip(people, errors)])
    ridge = np.diag([1.0, 1.0, *[3.0] * (rows.shape[1] - 2)])
    return np.asarray(np.linalg.solve(rows.T @ rows + ridge, rows.T @ logs))


def together(person: Seen, trust: Mapping[str, Array]) -> Array:
    """(12, 2) px: the most likely places, if errors have Cauchy distributions as wide as ``trust`` (`learnt`) says."""
    places = np.array([joined(person.looks[name])[0][JOINTS] for name in trust])
    widths = np.array([1.5 * np.exp(_features(person, name) @ trust[name]) + _LEAST for name in trust]) * person.size
    costs = np.log1p((np.linalg.norm(places[:, None] - places, axis=-1) / widths[:, None]) ** 2).sum(axis=0)
    best = places[costs.argmin(axis=0), np.arange(len(JOINTS))]
    for _ in range(15):
        shares = 1.0 / (widths**2 + np.linalg.norm(places - best, axis=-1) ** 2)
        best = (places * shares[..., None]).sum(axis=0) / shares.sum(axis=0)[:, None]
    return np.asarray(best)
