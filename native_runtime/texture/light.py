"""The light of a photo, roughly: how its brightness follows the directions that the body's surface faces.

A person's colours are unknown, so light and colour cannot be told apart for certain. What is estimated is one smooth
function of the normal (second-order spherical harmonics, which hold nearly all of the light that a matt surface
returns: Basri and Jacobs, PAMI 2003; Ramamoorthi and Hanrahan, SIGGRAPH 2001), of the logarithm of the brightness, the
same for all colours. Shadows that fall on the body, folds and gloss stay in the texture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .lab import lab8

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

_GROUPS, _ROUNDS, _RIDGE = 7, 6, 0.02
_MOST_SAMPLES, _FEWEST_SAMPLES = 20_000, 400
#: Lightness counts less than hue where colours are told apart, since light changes it.
_LIGHTNESS = 0.3
_ONE_COLOUR = 13.0
_TUNING = 0.25
#: Parts of the differences in brightness that light explains: up to the first it may be chance, from the second on it
#: is light.
_CHANCE, _CLEAR = 0.04, 0.2
#: Nothing is made darker or brighter by more than this factor.
_LIMIT = 1.7


@dataclass(frozen=True)
class ShadeEstimate:
    """How bright light makes a surface by its normal.

    Attributes:
        coefficients: (8,) of ``_basis``, logarithms.
        trust: 0..1, what part of it is taken out: how well the light that was estimated on one half of the body
            foretells the other half.
        level: the mean of the logarithms over what was seen, which is kept.
    """

    coefficients: Array
    trust: float
    level: float = 0.0

    def factor(self, normals: NDArray) -> Floats:
        """Brightness (N,) against the mean of what was seen.

        Args:
            normals: (N, 3) unit.
        """
        log = self.trust * (_basis(normals) @ self.coefficients.astype(np.float32) - np.float32(self.level))
        return np.exp(np.clip(log, -np.log(_LIMIT), np.log(_LIMIT))).astype(np.float32)


NO_LIGHT = ShadeEstimate(np.zeros(8), 0.0)


def _basis(normals: NDArray) -> Floats:
    """(N, 8) spherical harmonics of orders 1 and 2, without their constants."""
    x, y, z = np.asarray(normals, np.float32).T
    return np.stack([x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1], axis=1)


def estimate_light(linear: NDArray, normals: NDArray, folds: NDArray) -> ShadeEstimate:
    """The light on a person.

    Args:
        linear: (N, 3) linear colours that were seen.
        normals: (N, 3) unit, of the surface there.
        folds: (N,) whole numbers of parts of the body: light is checked on parts that it was not estimated on.
    """
    if len(linear) < _FEWEST_SAMPLES:
        return NO_LIGHT
    chosen = np.linspace(0, len(linear) - 1, min(len(linear), _MOST_SAMPLES)).astype(np.int64)
    linear, normals, halves = linear[chosen], normals[chosen], folds[chosen] % 2 == 0
    log = np.log(np.maximum(linear @ np.array([0.2126, 0.7152, 0.0722]), 2e-3))
    groups = _groups(linear)
    basis = _basis(normals).astype(np.float64)
    whole = _fit(log, basis, groups)
    if halves.sum() < _FEWEST_SAMPLES / 4 or (~halves).sum() < _FEWEST_SAMPLES / 4:
        return NO_LIGHT
    trusts = []
    for mine in (halves, ~halves):
        foretold = _within(basis[~mine] @ _fit(log[mine], basis[mine], groups[mine]), groups[~mine])
        seen = _within(log[~mine], groups[~mine])
        # what clearly is another colour says nothing about light
        sure = np.abs(seen) < 3 * max(float(np.median(np.abs(seen))), 1e-6)
        trusts.append(_trust(foretold[sure], seen[sure]))
    return ShadeEstimate(whole, min(trusts), float((basis @ whole).mean()))


def _trust(foretold: Array, seen: Array) -> float:
    """0..1, how far what was foretold is to be believed: by how much of it was seen, unless it explains next to nothing
    of what was seen.
    """
    slope = float(np.clip(float(foretold @ seen) / max(float(foretold @ foretold), 1e-9), 0, 1))
    left = seen - slope * foretold
    explained = 1 - float(left @ left) / max(float(seen @ seen), 1e-9)
    return slope * float(np.clip((explained - _CHANCE) / (_CLEAR - _CHANCE), 0, 1))


def _groups(linear: NDArray) -> NDArray[np.int64]:
    """(N,) which of a few colours each is, in CIELAB."""
    lab = lab8(linear)
    lab[:, 0] *= _LIGHTNESS
    cv2.setRNGSeed(1)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    start: NDArray[np.int32] = np.zeros((0,), np.int32)
    _, labels, centres = cv2.kmeans(lab, min(_GROUPS, len(lab)), start, stop, 1, cv2.KMEANS_PP_CENTERS)
    # what light makes of one colour is a chain of colours close together
    close = np.linalg.norm(centres[:, None] - centres[None], axis=2) < _ONE_COLOUR
    for _ in range(len(centres)):
        close = (close.astype(int) @ close.astype(int)) > 0
    return np.asarray(np.argmax(close, axis=1)[labels.ravel()], np.int64)


def _within(values: Array, groups: NDArray[np.int64]) -> Array:
    """Values (N,) or (N, C) without the mean of their group."""
    flat = values.reshape(len(values), -1)
    counts = np.maximum(np.bincount(groups), 1)
    means = np.stack([np.bincount(groups, column) / counts for column in flat.T], axis=1)
    return (flat - means[groups]).reshape(values.shape)


def _fit(log: Array, basis: Array, groups: NDArray[np.int64]) -> Array:
    """(8,) by robust least squares (Geman and McClure's weights), with a level for each group of colours."""
    weights = np.ones(len(log))
    counts = len(log)
    coefficients = np.zeros(8)
    for _ in range(_ROUNDS):
        total = np.maximum(np.bincount(groups, weights), 1e-9)
        centred = basis - np.stack([np.bincount(groups, weights * b) / total for b in basis.T], axis=1)[groups]
        level = log - (np.bincount(groups, weights * log) / total)[groups]
        normal = centred.T @ (weights[:, None] * centred) + _RIDGE * counts * np.eye(8)
        coefficients = np.linalg.solve(normal, centred.T @ (weights * level))
        residual = level - centred @ coefficients
        weights = 1 / (1 + (residual / _TUNING) ** 2) ** 2
    return coefficients
