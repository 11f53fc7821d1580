"""From a landmark network's 33 points to the dense keypoints in its window: a robust linear map, and what a network
may add to it (``refining``).

Weighted ridge regression, iterated: people whom the map misses by much weigh less the next time, as the network saw
somebody else, or another pose. What is minimised is about the sum over people of their mean distance in heights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.dataset.dense import mirrors
from native_runtime.mhr.bodyfile import write_arrays

from .guidance import Guidance
from .residual import Residual

Array = NDArray[np.float64]

POINTS, CHANNELS = 33, 14
_RIDGE, _ROUNDS = 5.0, 5
_BEYOND = 5.0
"""Standard deviations that a number counts to at most."""
_SMALL, _POWER = 0.01, 0.75
"""Weights fall with the error in heights, from about this one on, to this power."""


@dataclass(frozen=True)
class Examples:
    """N people in windows.

    Attributes:
        points: (N, 2, 33, 14) what the network sees of each, in the window and in its mirror image: place in the window
            from its middle (2), depth, place in space (3), visibility, presence, place in the picture (2), the second
            network's place, score and presence.
        dense: (N, 595, 2) true places from the window's middle, in its sides.
        height: (N,) the person's, standing upright as far away as they are, in the window's sides.
    """

    points: Array
    dense: Array
    height: Array

    def some(self, which: NDArray[np.bool_]) -> Examples:
        """Those of a mask (N,)."""
        return Examples(self.points[which], self.dense[which], self.height[which])

    @staticmethod
    def joined(parts: Sequence[Examples]) -> Examples:
        """All people of several."""
        return Examples(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("points", "dense", "height"))
        )


@dataclass(frozen=True)
class DenseHead:
    """What was learnt.

    Attributes:
        weights: (33 * 14 + 1, 595 * 2) by standardised numbers and 1.
        mean, deviation: (33 * 14,) of the numbers.
        guidance: how errors of points go together.
        residual: what a network adds to the linear map.
    """

    weights: Array
    mean: Array
    deviation: Array
    guidance: Guidance
    residual: Residual | None = None

    def places(self, points: Array) -> Array:
        """(N, 595, 2) from the window's middle, in its sides: the mean over both looks (N, 2, 33, 14)."""
        own, mirrored = (self._seen(points[:, look]) for look in (0, 1))
        return np.asarray((own + mirrored[:, mirrors()] * [-1.0, 1.0]) / 2)

    def _seen(self, points: Array) -> Array:
        """(N, 595, 2) from one look (N, 33, 14)."""
        given = standard(points, self.mean, self.deviation)
        flat = given @ self.weights
        if self.residual is not None:
            flat = flat + self.residual.of(given[:, :-1])
        return np.asarray(flat.reshape(len(points), -1, 2))

    def save(self, path: Path) -> None:
        """Write an ``.npz``; it appears whole or not at all."""
        arrays = {"weights": self.weights, "mean": self.mean, "deviation": self.deviation}
        added = {} if self.residual is None else self.residual.arrays()
        write_arrays(path, arrays | {"covariance": self.guidance.covariance} | added)

    @staticmethod
    def load(path: Path) -> DenseHead:
        """Read it."""
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
        guidance = Guidance(arrays["covariance"])
        return DenseHead(arrays["weights"], arrays["mean"], arrays["deviation"], guidance, Residual.found_in(arrays))


def learn(examples: Examples) -> DenseHead:
    """The head that fits some people."""
    flat = np.concatenate([examples.points[:, look].reshape(len(examples.points), -1) for look in (0, 1)])
    mean, deviation = flat.mean(axis=0), flat.std(axis=0) + 1e-3
    given = np.concatenate([standard(examples.points[:, look], mean, deviation) for look in (0, 1)])
    wanted = np.concatenate([examples.dense, examples.dense[:, mirrors()] * [-1.0, 1.0]]).reshape(len(given), -1)
    height = np.concatenate([examples.height, examples.height])
    weight = 1.0 / height
    for _ in range(_ROUNDS):
        scaled = given * weight[:, None]
        scale = len(given) / float((weight**2).sum())
        inner = scale * scaled.T @ scaled + _RIDGE * np.eye(given.shape[1])
        weights = np.linalg.solve(inner, scale * scaled.T @ (wanted * weight[:, None]))
        left = (wanted - given @ weights).reshape(len(given), -1, 2)
        error = np.linalg.norm(left, axis=2).mean(axis=1) / height
        weight = 1.0 / (height * (error**2 + _SMALL**2) ** (_POWER / 2))
    head = DenseHead(weights, mean, deviation, Guidance(np.zeros((wanted.shape[1],) * 2)))
    return replace(head, guidance=guidance_of(head, examples))


def guidance_of(head: DenseHead, examples: Examples) -> Guidance:
    """How errors on some people and on their mirror images go together."""
    left = errors(head, examples)
    return Guidance.of(np.concatenate([left, left[:, mirrors()] * [-1.0, 1.0]]))


def errors(head: DenseHead, examples: Examples) -> Array:
    """(N, 595, 2) true less told, in heights."""
    return np.asarray((examples.dense - head.places(examples.points)) / examples.height[:, None, None])


def figures(head: DenseHead, held_out: Examples, given: int = 10, seed: int = 0) -> tuple[float, float]:
    """The median distance of points in percent of the height: alone, and of the others where ``given`` ones, drawn at
    random, are known.
    """
    rng = np.random.default_rng(seed)
    places, guided = head.places(held_out.points), []
    for k, height in enumerate(held_out.height):
        numbers = rng.choice(places.shape[1], given, replace=False)
        better, _ = head.guidance.given(places[k], float(height), numbers, held_out.dense[k, numbers])
        others = np.setdiff1d(np.arange(places.shape[1]), numbers)
        guided.append(np.linalg.norm(better - held_out.dense[k], axis=1)[others] / height)
    alone = np.linalg.norm(errors(head, held_out), axis=2)
    return 100 * float(np.median(alone)), 100 * float(np.median(np.concatenate(guided)))


def standard(points: Array, mean: Array, deviation: Array) -> Array:
    """(N, 33 * 14 + 1) standardised numbers of points (N, 33, 14), and 1."""
    flat = points.reshape(len(points), -1)
    return np.c_[np.clip((flat - mean) / deviation, -_BEYOND, _BEYOND), np.ones(len(flat))]
