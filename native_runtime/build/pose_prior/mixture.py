"""Fitting mixtures of Gaussians to poses by expectation-maximisation.

Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM algorithm" (1977). Covariances are shrunk
towards what all poses share within their components (regularised discriminant analysis; Friedman 1989), since some
components have few poses, and get a floor, since poses are copies of recordings and not independent samples. Every
component has a mirror image of the same weight, so that the mixture does not know left from right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.fitting.pose_mixture import mirror_map

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MixtureRecipe:
    """What a mixture is about and how it is fitted.

    Attributes:
        parameters: names of MHR parameters.
        upright: whether up in the pelvis's axes is part of it.
        components: how many, without their mirror images.
        floor: deviation (radians) that every direction has at least, added to the covariances.
        shrinkage: how many poses the shared covariance counts as, within each component.
        rounds: of expectation-maximisation.
        seed: of the first choice of means.
    """

    parameters: tuple[str, ...]
    upright: bool
    components: int
    floor: float = 0.1
    shrinkage: float = 20.0
    rounds: int = 60
    seed: int = 0


@dataclass(frozen=True)
class Components:
    """Half of a symmetric mixture.

    Attributes:
        weights: (k,) that sum to 1 (each stands for a component and its mirror image).
        means, covariances: (k, d), (k, d, d).
        swap, sign: (d,) the mirror map, see ``fitting.pose_mixture.mirror_map``.
    """

    weights: Array
    means: Array
    covariances: Array
    swap: NDArray[np.int64]
    sign: Array

    def mirrored(self, values: NDArray) -> Array:
        """Values (..., d) with left and right exchanged."""
        return np.asarray(values[..., self.swap] * self.sign)

    def log_densities(self, values: NDArray) -> tuple[Array, Array]:
        """(n, k) logarithms of what each component, and its mirror image, gives values (n, d)."""
        return self._parts(values), self._parts(self.mirrored(values))

    def log_likelihood(self, values: NDArray) -> Array:
        """(n,) logarithm of the mixture's density."""
        return np.asarray(_log_sum(np.concatenate(self.log_densities(values), axis=1)))

    def _parts(self, values: NDArray) -> Array:
        out = np.empty((len(values), len(self.weights)))
        for k, (weight, mean, covariance) in enumerate(zip(self.weights, self.means, self.covariances, strict=True)):
            factor = np.linalg.cholesky(covariance)
            apart = np.linalg.solve(factor, (values - mean).T)
            height = np.log(weight / 2) - np.log(np.diag(factor)).sum() - 0.5 * len(mean) * np.log(2 * np.pi)
            out[:, k] = height - 0.5 * np.sum(apart**2, axis=0)
        return out

    def rows(self, digits: int = 4) -> list[dict[str, Any]]:
        """For the file: weight, mean and the covariance's lower triangle of each, largest weight first."""
        lower = np.tril_indices(self.means.shape[1])
        order = np.argsort(-self.weights, kind="stable")
        return [
            {
                "weight": round(float(self.weights[k]), 5),
                "mean": [round(float(value), digits) for value in self.means[k]],
                "covariance": [float(f"{value:.{digits}g}") for value in self.covariances[k][lower]],
            }
            for k in order
        ]


def fit_mixture(recipe: MixtureRecipe, values: NDArray, weights: NDArray) -> Components:
    """Fit a symmetric mixture.

    Args:
        recipe: what and how.
        values: (n, d) poses: the angles in the recipe's order, then up.
        weights: (n,) what each pose counts.
    """
    swap, sign = mirror_map(recipe.parameters, recipe.upright)
    values, weights = np.asarray(values, np.float64), np.asarray(weights, np.float64) * len(values) / np.sum(weights)
    rng = np.random.default_rng(recipe.seed)
    centres = _spread_out(values, weights, recipe.components, swap, sign, rng)
    spread = np.cov(values.T, aweights=weights) / recipe.components ** (2 / values.shape[1])
    floor = recipe.floor**2 * np.eye(values.shape[1])
    found = Components(
        np.full(recipe.components, 1.0 / recipe.components),
        centres,
        np.repeat((spread / 4 + floor)[None], recipe.components, axis=0),
        swap,
        sign,
    )
    for _ in range(recipe.rounds):
        found = _round(found, values, weights, floor, recipe.shrinkage)
    return found


def _round(found: Components, values: Array, weights: Array, floor: Array, shrinkage: float) -> Components:
    """One round of expectation and maximisation."""
    own, other = found.log_densities(values)
    total = _log_sum(np.concatenate([own, other], axis=1))
    mirrored = found.mirrored(values)
    everything = np.concatenate([values, mirrored])
    shares = np.concatenate([np.exp(own - total[:, None]), np.exp(other - total[:, None])])
    shares *= np.concatenate([weights, weights])[:, None]
    counts = shares.sum(axis=0) + 1e-9
    means = (shares.T @ everything) / counts[:, None]
    scatters = np.stack(
        [((everything - mean) * share[:, None]).T @ (everything - mean) for mean, share in zip(means, shares.T)]
    )
    shared = scatters.sum(axis=0) / counts.sum()
    covariances = (scatters + shrinkage * shared) / (counts + shrinkage)[:, None, None] + floor
    covariances = (covariances + covariances.transpose(0, 2, 1)) / 2
    return Components((counts + 1.0) / np.sum(counts + 1.0), means, covariances, found.swap, found.sign)


def _spread_out(
    values: Array, weights: Array, count: int, swap: NDArray[np.int64], sign: Array, rng: np.random.Generator
) -> Array:
    """First means (count, d): poses that lie apart, and apart from each other's mirror images (k-means++; Arthur and
    Vassilvitskii 2007)."""
    chosen = [values[rng.choice(len(values), p=weights / weights.sum())]]
    nearest = np.full(len(values), np.inf)
    while len(chosen) < count:
        for centre in (chosen[-1], chosen[-1][swap] * sign):
            nearest = np.minimum(nearest, np.sum((values - centre) ** 2, axis=1))
        odds = nearest * weights
        chosen.append(values[rng.choice(len(values), p=odds / odds.sum())])
    return np.array(chosen)


def _log_sum(values: Array) -> Array:
    """(n,) log sum exp over the last axis."""
    top = values.max(axis=-1)
    return np.asarray(top + np.log(np.sum(np.exp(values - top[..., None]), axis=-1)))


def columns_of(names: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """Indices of wanted names."""
    place = {name: index for index, name in enumerate(names)}
    return np.array([place[name] for name in wanted], np.int64)
