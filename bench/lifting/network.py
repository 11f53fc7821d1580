"""Trains a small network with a linear part beside it, by hand: numpy and Adam, one core, a minute."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BATCH = 128
_WARM = 0.05
"""Part of the steps in which the rate of learning rises."""
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8
"""Adam's decays and its least divisor (Kingma and Ba 2015, "Adam", algorithm 1)."""
_SIGMA_SHARE = 0.2
"""What the standard deviations' gradient counts."""
_STEEPEST = 8.0
"""The largest gradient of a logarithm of a standard deviation."""
_LOWEST, _HIGHEST = float(np.log(0.01)), float(np.log(1.5))


@dataclass(frozen=True)
class Recipe:
    """How it is trained.

    Attributes:
        hidden: widths of the hidden layers.
        epochs: how often each example is seen.
        rate: of learning, at its highest; it falls as a cosine to 0.
        dropout: share of the hidden units that are left out of each step.
        decay: of the weights, as a part of the rate (Loshchilov and Hutter 2019, "Decoupled weight decay").
        ridge: of the linear part: squared coefficients, features in their standard deviations, a thousand people.
        soft: errors, scaled, from which on they count by their size rather than by their square.
        noise: standard deviation of what is added to the scaled features.
    """

    hidden: tuple[int, ...] = (192, 192)
    epochs: int = 30
    rate: float = 2e-3
    dropout: float = 0.15
    decay: float = 0.01
    ridge: float = 20.0
    soft: float = 0.03
    noise: float = 0.0


@dataclass(frozen=True)
class Trained:
    """``straight`` (n, m); weights and offsets of the hidden layers and of the last one, (k, 2 m)."""

    straight: Floats
    hidden: list[tuple[Floats, Floats]]
    last: tuple[Floats, Floats]


def train(
    features: Floats, targets: Floats, weights: Floats, chances: NDArray[np.float64], recipe: Recipe, seed: int
) -> Trained:
    """The network that gives the ``targets``, and with what standard deviations.

    Targets are vectors of three numbers each. The mean minimises the expected length of the error vector, so that it
    is a spatial median; the deviations maximise the likelihood of the remaining errors under a normal distribution.

    Args:
        features: (N, n), scaled; 0 where they are not known.
        targets: (N, m), m divisible by 3.
        weights: (m,) what an error of 1 counts.
        chances: (N,) how often each example is seen, relatively.
    """
    rng = np.random.default_rng(seed)
    network = _Network(features, targets, weights, recipe, rng)
    count = recipe.epochs * len(features) // _BATCH
    for step in range(count):
        chosen = rng.choice(len(features), _BATCH, p=chances / chances.sum())
        share = step / count
        rate = recipe.rate * min(1.0, share / _WARM) * 0.5 * (1.0 + np.cos(np.pi * share))
        network.learn(features[chosen], targets[chosen], rate, rng)
    return network.trained()


class _Network:
    def __init__(
        self, features: Floats, targets: Floats, weights: Floats, recipe: Recipe, rng: np.random.Generator
    ) -> None:
        self.recipe, self.weights = recipe, weights
        self.mean = targets.mean(axis=0)
        double = features.astype(np.float64)
        penalty = recipe.ridge * len(features) / 1000.0 * np.eye(features.shape[1])
        found = np.linalg.solve(double.T @ double + penalty, double.T @ (targets - self.mean))
        self.straight = found.astype(np.float32)
        sizes = [features.shape[1], *recipe.hidden]
        self.layers = [
            [(rng.normal(size=(a, b)) * np.sqrt(2.0 / a)).astype(np.float32), np.zeros(b, np.float32)]
            for a, b in pairwise(sizes)
        ]
        deviations = np.log(np.maximum((targets - self.mean - double @ found).std(axis=0), 0.02))
        offsets = np.concatenate([self.mean, deviations]).astype(np.float32)
        self.layers.append([np.zeros((sizes[-1], 2 * len(self.mean)), np.float32), offsets])
        self.moments = [[(np.zeros_like(a), np.zeros_like(a)) for a in layer] for layer in self.layers]
        self.steps = 0

    def trained(self) -> Trained:
        *hidden, last = [(layer[0], layer[1]) for layer in self.layers]
        return Trained(self.straight, hidden, last)

    def learn(self, features: Floats, targets: Floats, rate: float, rng: np.random.Generator) -> None:
        """One step of Adam on a batch."""
        if self.recipe.noise:
            features = features + np.float32(self.recipe.noise) * rng.normal(size=features.shape).astype(np.float32)
        values, inputs, slopes = features, [features], []
        for weights, offsets in self.layers[:-1]:
            sums = values @ weights + offsets
            gate = 1.0 / (1.0 + np.exp(-sums))
            kept = (rng.random(sums.shape, np.float32) >= self.recipe.dropout) / np.float32(1 - self.recipe.dropout)
            values = sums * gate * kept
            slopes.append(gate * (1.0 + sums * (1.0 - gate)) * kept)
            inputs.append(values)
        out = values @ self.layers[-1][0] + self.layers[-1][1]
        count = len(self.mean)
        error = out[:, :count] + features @ self.straight - targets
        # d/de of sqrt(|w e|^2 + soft^2), vector by vector
        scaled = (error * self.weights).reshape(len(error), -1, 3)
        pulls = scaled / np.sqrt((scaled**2).sum(axis=2, keepdims=True) + self.recipe.soft**2)
        of_mean = pulls.reshape(error.shape) * self.weights
        logarithms = np.clip(out[:, count:], _LOWEST, _HIGHEST)
        of_sigma = np.maximum(1.0 - (error * np.exp(-logarithms)) ** 2, -_STEEPEST) * _SIGMA_SHARE
        gradient = np.concatenate([of_mean, of_sigma], axis=1) / len(error)
        # Deviations follow what the means learn and do not steer it.
        back = gradient[:, :count] @ self.layers[-1][0][:, :count].T
        found = [(inputs[-1].T @ gradient, gradient.sum(axis=0))]
        for number in reversed(range(len(slopes))):
            here = back * slopes[number]
            found.append((inputs[number].T @ here, here.sum(axis=0)))
            back = here @ self.layers[number][0].T
        self.steps += 1
        for layer, moments, pair in zip(self.layers, self.moments, reversed(found)):
            for index, slope in enumerate(pair):
                self._move(layer, moments, index, slope, rate)

    def _move(
        self, layer: list[Floats], moments: list[tuple[Floats, Floats]], index: int, slope: Floats, rate: float
    ) -> None:
        first, second = moments[index]
        first += (1 - _FIRST) * (slope - first)
        second += (1 - _SECOND) * (slope**2 - second)
        step = (first / (1 - _FIRST**self.steps)) / (np.sqrt(second / (1 - _SECOND**self.steps)) + _TINY)
        decay = self.recipe.decay * layer[index] if index == 0 else 0.0
        layer[index] = (layer[index] - rate * (step + decay)).astype(np.float32)
