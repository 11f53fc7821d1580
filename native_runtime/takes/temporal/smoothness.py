"""How people move: accelerations of joints in space and of rotations, robustly.

Second differences over neighbouring frames, in the units of accelerations; what is larger than usual (a step's impact,
a punch) costs in proportion to its size and no longer to its square (pseudo-Huber). Nothing here looks back only, so a
fit to it lags behind nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.fitting.follow import of_fingers
from native_runtime.fitting.pins import pseudo_huber
from native_runtime.mhr import Body

from .banded import Banded

Array = NDArray[np.float64]

JOINTS: Mapping[str, float] = {
    "root": 1.0, "c_spine3": 1.0, "c_head": 1.2,
    **{f"{side}_{joint}": factor for side in "lr" for joint, factor in (
        ("upleg", 1.0), ("lowleg", 1.5), ("foot", 2.0), ("ball", 2.0),
        ("uparm", 1.2), ("lowarm", 2.0), ("wrist", 3.0))},
}  # fmt: skip
"""Joints whose accelerations count, and how much more than the trunk's theirs ordinarily are."""

_COEFFICIENTS = (1.0, -2.0, 1.0)


def turning(name: str) -> float:
    """How much more than the trunk a model parameter of a pose ordinarily accelerates, by its name."""
    if of_fingers(name):
        return 4.0
    return 1.0 if name.startswith(("spine", "neck", "head")) or "clavicle" in name else 3.0


@dataclass(frozen=True)
class Smoothness:
    """Ordinary accelerations.

    Attributes:
        rate: frames per second.
        joints: (K,) m/s^2.
        rotation: rad/s^2, of the whole body.
        angles: (p,) rad/s^2, of the pose's model parameters.
        give: in these: from where on a larger one costs in proportion.
    """

    rate: float
    joints: Array
    rotation: float
    angles: Array
    give: float

    @staticmethod
    def of(
        body: Body, parameters: NDArray[np.int64], rate: float, joint: float, angle: float, give: float
    ) -> Smoothness:
        """`joint` (m/s^2) and `angle` (rad/s^2): the trunk's; ``JOINTS`` and ``turning`` say what others have."""
        joints = joint * np.array(list(JOINTS.values()))
        angles = angle * np.array([turning(body.parameter_names[index]) for index in parameters])
        return Smoothness(rate, joints, angle, angles, give)

    def of_joints(self, places: Array) -> tuple[float, Array, Array]:
        """Cost, residuals (F - 2, K, 3) and weights (F - 2, K) for places (F, K, 3) m in the world."""
        residual = second_differences(places) * self.rate**2 / self.joints[:, None]
        weight, cost = pseudo_huber(np.sum(residual**2, axis=2), np.asarray(self.give))
        return float(np.sum(cost)), residual, weight

    def of_turns(self, turns: Array, angles: Array) -> tuple[float, Array, Array]:
        """Cost, residuals (F - 2, 3 + p) and weights of the same shape.

        Args:
            turns: (F - 1, 3) rotation vectors of the whole body from each frame to the next.
            angles: (F, p) model parameters of the pose.
        """
        residual = np.concatenate(
            [np.diff(turns, axis=0) / self.rotation, second_differences(angles) / self.angles], axis=1
        )
        residual *= self.rate**2
        weight, cost = pseudo_huber(residual**2, np.asarray(self.give))
        return float(np.sum(cost)), residual, weight

    def add_joints(
        self, normal: Banded, gradient: Array, shared: Array, motion: Array, residual: Array, weight: Array
    ) -> None:
        """Add the joints' part to normal equations (F, n) and (s,).

        Args:
            motion: (F, K, 3, n + s) m, d place in the world / d unknowns.
            residual, weight: as ``of_joints`` gave them.
        """
        count, k, _, size = motion.shape
        n = normal.diagonal.shape[1]
        scaled = (motion * (self.rate**2 / self.joints)[:, None, None]).reshape(count, 3 * k, size)
        rows = residual.reshape(count - 2, 3 * k)
        weights = np.repeat(weight, 3, axis=1)
        own, common = scaled[..., :n], scaled[..., n:]
        # what each frame counts in the differences that it is part of
        total, pull = np.zeros((count, 3 * k)), np.zeros((count, 3 * k))
        for j, c in enumerate(_COEFFICIENTS):
            total[j : count - 2 + j] += c * c * weights
            pull[j : count - 2 + j] += c * weights * rows
        normal.diagonal[:] += np.matmul(own.transpose(0, 2, 1), own * total[..., None])
        near = np.zeros((count - 1, 3 * k))
        near[:-1] += _COEFFICIENTS[0] * _COEFFICIENTS[1] * weights
        near[1:] += _COEFFICIENTS[1] * _COEFFICIENTS[2] * weights
        normal.first[:-1] += np.matmul(own[1:].transpose(0, 2, 1), own[:-1] * near[..., None])
        normal.second[:-2] += np.matmul(own[2:].transpose(0, 2, 1), own[:-2] * weights[..., None])
        gradient += np.einsum("fmn,fm->fn", own, pull)
        if common.shape[2]:
            # of the shared unknowns a difference has the differences of their derivatives
            bent = second_differences(common)
            heavy = bent * weights[..., None]
            for j, c in enumerate(_COEFFICIENTS):
                part = slice(j, count - 2 + j)
                normal.border[part] += c * np.matmul(heavy.transpose(0, 2, 1), own[part])
            normal.corner[:] += np.einsum("fms,fmu->su", heavy, bent)
            shared += np.einsum("fms,fm->s", heavy, rows)

    def add_turns(self, normal: Banded, gradient: Array, residual: Array, weight: Array, columns: Array) -> None:
        """Add the rotations' part; every row moves with one unknown of each frame.

        Args:
            residual, weight: as ``of_turns`` gave them.
            columns: (3 + p,) these unknowns' numbers.
        """
        scale = self.rate**2 / np.concatenate([np.full(3, self.rotation), self.angles])
        count = len(gradient)
        curve, pull = weight * scale**2, weight * residual * scale
        index = np.asarray(columns, np.int64)
        for j, c in enumerate(_COEFFICIENTS):
            part = slice(j, count - 2 + j)
            normal.diagonal[part, index, index] += c * c * curve
            gradient[part, index] += c * pull
        for j in range(2):
            c = _COEFFICIENTS[j] * _COEFFICIENTS[j + 1]
            normal.first[j : count - 2 + j, index, index] += c * curve
        normal.second[: count - 2, index, index] += curve


def second_differences(values: Array) -> Array:
    """(F - 2, ...) of (F, ...)."""
    return np.asarray(values[2:] - 2.0 * values[1:-1] + values[:-2])
