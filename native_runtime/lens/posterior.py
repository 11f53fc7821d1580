"""Where the camera may be, given all evidence: the search for the best candidates, and weighted samples around them.

A coarse lattice, on which directions may be off by as much as its steps, gives starting points; damped Newton steps
take each of them up; then importance sampling (with the balance heuristic, Veach and Guibas, SIGGRAPH 1995, for
samples of normal distributions about the best candidates and of the prior) gives what is known of the camera. Points
are those of a Halton sequence: the same evidence always gives the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import combinations
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .cameras import Cameras
from .prior import CameraPrior

Array = NDArray[np.float64]

_LATTICE = (5, 9, 5, 9)
"""Steps of the lattice along focal length, pitch, roll and yaw."""
_COARSE = math.radians(4.0)
_STEPS = ((math.radians(2.0), 4), (0.0, 10))
"""Tolerance, radians, and rounds of the climb."""
_CANDIDATES = 16
_APART = np.array([0.35, math.radians(9.0), math.radians(6.0), math.radians(9.0)])
"""Starting points are at least this far apart along one axis."""
_SAME = np.array([0.02, math.radians(0.4), math.radians(0.4), math.radians(0.4)])
_BEHIND = 8.0
"""Candidates whose logarithm is this far below the best one's count as impossible."""
_DIFFERENCE = np.array([0.01, 0.003, 0.003, 0.003])
_LONGEST = np.array([0.4, 0.15, 0.1, 0.15])
_WIDER = 1.4
"""Samples are drawn from distributions this much wider than the candidates': tails count."""
_NEAR, _WIDE = 240, 400
"""Samples about each candidate, and of the prior."""
_PRIMES = (2, 3, 5, 7)


class LensEvidence(Protocol):
    """Anything that makes some cameras likelier than others: lines, people, a known height."""

    def log_likelihood(self, cameras: Cameras, tolerance: float = 0.0) -> Array:
        """(n,) the logarithm of the likelihood, up to a constant.

        Args:
            tolerance: radians by which directions may be off besides, for a search that is still coarse.
        """


def posterior(prior: CameraPrior, evidence: Sequence[LensEvidence]) -> tuple[Cameras, Array]:
    """Samples (n) of the cameras that a photo may have been taken with, and their weights (n,), whose sum is 1."""
    starts = _starting_points(prior, evidence)
    for tolerance, rounds in _STEPS:
        starts = _climb(starts, prior, evidence, tolerance, rounds)
    tops, covariances = _distinct(starts, prior, evidence)
    values, log_proposal = _proposals(tops, covariances, prior)
    log_weights = _score(values, prior, evidence) - log_proposal
    weights = np.exp(log_weights - log_weights.max())
    return Cameras(values), weights / weights.sum()


def _score(values: Array, prior: CameraPrior, evidence: Sequence[LensEvidence], tolerance: float = 0.0) -> Array:
    cameras = Cameras(_wrapped(values))
    total = prior.log_density(cameras.values)
    for item in evidence:
        total = total + item.log_likelihood(cameras, tolerance)
    return total


def _wrapped(values: Array) -> Array:
    """With the yaw within an eighth of a turn of 0: the world's horizontal axes look alike after a quarter."""
    quarter = math.pi / 2
    out = np.array(values, np.float64)
    out[:, 3] = (out[:, 3] + quarter / 2) % quarter - quarter / 2
    return out


def _starting_points(prior: CameraPrior, evidence: Sequence[LensEvidence]) -> Array:
    axes = [part.quantile((np.arange(count) + 0.5) / count) for part, count in zip(prior.parts, _LATTICE)]
    # attitudes evenly rather than by the prior: what is rare is what one has to find
    axes[1] = np.radians(np.linspace(-48.0, 48.0, _LATTICE[1]))
    axes[2] = np.radians(np.linspace(-14.0, 14.0, _LATTICE[2]))
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 4)
    score = _score(lattice, prior, evidence, _COARSE)
    chosen: list[Array] = []
    for number in np.argsort(-score, kind="stable"):
        if all((np.abs(_difference(lattice[number], other)) >= _APART).any() for other in chosen):
            chosen.append(lattice[number])
            if len(chosen) == _CANDIDATES:
                break
    return np.array(chosen)


def _difference(values: Array, others: Array) -> Array:
    return _wrapped(np.atleast_2d(values - others))


def _climb(points: Array, prior: CameraPrior, evidence: Sequence[LensEvidence], tolerance: float, rounds: int) -> Array:
    """Candidates (n, 4) taken uphill together, by Newton's method with Levenberg's damping."""
    damping = np.ones(len(points))
    score = _score(points, prior, evidence, tolerance)
    for _ in range(rounds):
        gradient, curvature = _derivatives(points, prior, evidence, tolerance)
        values, axes = np.linalg.eigh(-curvature * _DIFFERENCE[:, None] * _DIFFERENCE)
        along = np.einsum("nji,nj->ni", axes, gradient * _DIFFERENCE)
        step = np.einsum("nij,nj->ni", axes, along / (np.abs(values) + 1e-5 * damping[:, None])) * _DIFFERENCE
        step /= np.maximum((np.abs(step) / _LONGEST).max(axis=1, keepdims=True), 1.0)
        reached = _score(points + step, prior, evidence, tolerance)
        better = reached > score
        points = np.where(better[:, None], _wrapped(points + step), points)
        score = np.where(better, reached, score)
        damping = np.where(better, damping / 5.0, damping * 25.0)
    return points


def _derivatives(
    points: Array, prior: CameraPrior, evidence: Sequence[LensEvidence], tolerance: float
) -> tuple[Array, Array]:
    """The gradient (n, 4) and the second derivatives (n, 4, 4) of the score, by differences."""
    pairs = list(combinations(range(4), 2))
    unit = np.diag(_DIFFERENCE)
    moves = np.concatenate([np.zeros((1, 4)), unit, -unit, [unit[i] + unit[j] for i, j in pairs]])
    there = (points[:, None] + moves).reshape(-1, 4)
    score = _score(there, prior, evidence, tolerance).reshape(len(points), -1)
    middle, ahead, back, both = score[:, :1], score[:, 1:5], score[:, 5:9], score[:, 9:]
    gradient = (ahead - back) / (2.0 * _DIFFERENCE)
    curvature = np.zeros((len(points), 4, 4))
    curvature[:, range(4), range(4)] = (ahead + back - 2.0 * middle) / _DIFFERENCE**2
    for number, (i, j) in enumerate(pairs):
        mixed = both[:, number] - ahead[:, i] - ahead[:, j] + middle[:, 0]
        curvature[:, i, j] = curvature[:, j, i] = mixed / (_DIFFERENCE[i] * _DIFFERENCE[j])
    return gradient, curvature


def _distinct(points: Array, prior: CameraPrior, evidence: Sequence[LensEvidence]) -> tuple[Array, Array]:
    """The candidates that count, each once, and the covariance of what is about each: (n, 4) and (n, 4, 4)."""
    score = _score(points, prior, evidence)
    chosen: list[int] = []
    for number in np.argsort(-score, kind="stable"):
        alike = any((np.abs(_difference(points[number], points[other])) < _SAME).all() for other in chosen)
        if score[number] > score.max() - _BEHIND and not alike:
            chosen.append(int(number))
    tops = points[chosen]
    _, curvature = _derivatives(tops, prior, evidence, 0.0)
    widest = np.array([part.spread for part in prior.parts])
    values, axes = np.linalg.eigh(-curvature * widest[:, None] * widest)
    spread = 1.0 / np.maximum(values, 1.0)  # nothing is less certain than it was before
    covariances = np.einsum("nij,nj,nkj->nik", axes, spread, axes) * widest[:, None] * widest
    return tops, covariances


def _proposals(tops: Array, covariances: Array, prior: CameraPrior) -> tuple[Array, Array]:
    """Samples (n, 4) about candidates and of the prior, and the logarithm of the density that they were drawn from."""
    near, wide = _normal_points(_NEAR), _even_points(_WIDE)
    factors = np.linalg.cholesky(covariances * _WIDER**2)
    values = _wrapped(
        np.concatenate([*(top + near @ factor.T for top, factor in zip(tops, factors)), prior.sample(wide)])
    )
    total = len(values)
    densities = [math.log(_WIDE / total) + prior.log_density(values)]
    for top, factor in zip(tops, factors):
        off = np.linalg.solve(factor, _difference(values, top).T)
        log_size = np.log(np.diag(factor)).sum() + 2.0 * math.log(2.0 * math.pi)
        densities.append(math.log(_NEAR / total) - 0.5 * (off * off).sum(axis=0) - log_size)
    return values, np.logaddexp.reduce(densities, axis=0)


@cache
def _even_points(count: int) -> Array:
    """(count, 4) points of the Halton sequence in the unit cube."""
    return np.array([[_radical_inverse(number, prime) for prime in _PRIMES] for number in range(1, count + 1)])


@cache
def _normal_points(count: int) -> Array:
    """(count, 4) points of the Halton sequence, normally distributed."""
    inverse = np.vectorize(NormalDist().inv_cdf)
    return np.asarray(inverse(_even_points(count)), np.float64)


def _radical_inverse(number: int, base: int) -> float:
    value, part = 0.0, 1.0
    while number:
        part /= base
        number, digit = divmod(number, base)
        value += digit * part
    return value
