"""What poses people take: mixtures of Gaussians over joint angles and over where "up" is for the pelvis.

A mixture knows what independent angles do not: bent knees go with bent hips, a thigh that points forward with a shank
that hangs, a pelvis that lies with a trunk that lies. Where a limb is not seen, the rest of the body thus says how it
is likely held. The negative logarithm of the density is a smooth function, so nearly the same evidence gives nearly the
same body; around a state it is bounded from above by the average of the components' quadratics, weighted by their
responsibilities, which touches it there (the bound of expectation-maximisation; Dempster, Laird and Rubin 1977). That
is the positive semidefinite curvature given to the solver. Bogo et al., "Keep it SMPL" (2016), section 3.2, use the
best component alone instead, whose slope jumps where two are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_CAMERA, Gravity
from native_runtime.mhr import Body, Pose
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.mhr.state import PlacedState

from .problem import ROOT_ROTATION, ROTATION, Problem
from .solver import Linearised, Quadratics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PoseMixture:
    """A mixture of k Gaussians over d numbers: joint angles, then, if ``upright``, up in the pelvis's axes (3).

    Attributes:
        parameters: indices of the model parameters that it is about; all of one body.
        upright: whether it is about "up", too.
        offsets: (k,) negative logarithms of what each component counts at its own mean; their exponentials sum to 1.
        means: (k, d).
        precisions: (k, d, d) inverse covariances.
    """

    parameters: NDArray[np.int64]
    upright: bool
    offsets: Array
    means: Array
    precisions: Array

    @staticmethod
    def of(
        parameters: NDArray[np.int64], upright: bool, weights: Array, means: Array, covariances: Array
    ) -> PoseMixture:
        """From weights (k,), means (k, d) and covariances (k, d, d)."""
        precisions = np.linalg.inv(covariances)
        precisions = (precisions + precisions.transpose(0, 2, 1)) / 2
        heights = np.log(weights) - 0.5 * np.linalg.slogdet(covariances)[1]
        return PoseMixture(parameters, upright, -heights + _log_sum(heights), means, precisions)

    @staticmethod
    def read(data: Mapping[str, Any], body: Body, up_sigma: float) -> PoseMixture:
        """From an entry of ``rig_templates/fit/pose_mixtures.json``: half of the components, whose mirror images are
        the others.

        Args:
            data: ``parameters`` by name, ``upright``, and ``components`` with ``weight``, ``mean`` and ``covariance``
                (its lower triangle, row by row).
            body: names the parameters.
            up_sigma: radians by which the direction of up is uncertain.
        """
        names, upright = list(data["parameters"]), bool(data["upright"])
        size = len(names) + 3 * upright
        swap, sign = mirror_map(names, upright)
        weights = np.array([entry["weight"] for entry in data["components"]], np.float64)
        means = np.array([entry["mean"] for entry in data["components"]], np.float64)
        covariances = np.zeros((len(weights), size, size))
        rows, columns = np.tril_indices(size)
        covariances[:, rows, columns] = [entry["covariance"] for entry in data["components"]]
        covariances[:, columns, rows] = covariances[:, rows, columns]
        means = np.concatenate([means, means[:, swap] * sign])
        mirrored = covariances[:, swap][:, :, swap] * (sign[:, None] * sign)
        covariances = np.concatenate([covariances, mirrored])
        if upright:
            covariances[:, range(-3, 0), range(-3, 0)] += up_sigma**2
        parameters = np.array([body.parameter_index(name) for name in names], np.int64)
        return PoseMixture.of(parameters, upright, np.concatenate([weights, weights]) / 2, means, covariances)

    def distances(self, values: NDArray) -> Array:
        """(..., k) half of the squared Mahalanobis distance of values (..., d) from each component, and its offset."""
        apart = np.asarray(values, np.float64)[..., None, :] - self.means
        pulls = np.matmul(self.precisions, apart[..., None])[..., 0]
        return np.asarray(self.offsets + 0.5 * np.sum(apart * pulls, axis=-1))

    def cost(self, values: NDArray) -> float:
        """Negative logarithm of the density at values (d,), up to a constant; at least 0."""
        return -_log_sum(-self.distances(values))

    def quadratic(self, values: NDArray) -> tuple[float, Array, Array]:
        """The cost at values (d,), its gradient (d,), and the curvature (d, d) of the quadratic that bounds it."""
        apart = np.asarray(values, np.float64) - self.means
        pulls = np.matmul(self.precisions, apart[:, :, None])[:, :, 0]
        distances = self.offsets + 0.5 * np.sum(apart * pulls, axis=1)
        cost = -_log_sum(-distances)
        shares = np.exp(cost - distances)
        return cost, shares @ pulls, np.tensordot(shares, self.precisions, 1)


def mirror_map(names: Sequence[str], upright: bool) -> tuple[NDArray[np.int64], Array]:
    """What exchanging left and right does to a mixture's numbers: entry k becomes sign[k] * entry[swap[k]].

    MHR's two sides are mirror images with equal numbers; twists and leans in the middle change their sign, and so does
    the sideways part of up.
    """
    other = [{"l_": "r_", "r_": "l_"}.get(name[:2], name[:2]) + name[2:] for name in names]
    swap = [list(names).index(name) for name in other]
    sign = [-1.0 if name == twin and ("twist" in name or "lean" in name) else 1.0 for name, twin in zip(names, other)]
    if upright:
        swap += [len(names) + axis for axis in range(3)]
        sign += [-1.0, 1.0, 1.0]
    return np.array(swap, np.int64), np.array(sign)


def up_for_pelvis(model_parameters: NDArray, up: NDArray) -> Array:
    """(3,) the direction of up, given in MHR's world axes, in those of the root joint."""
    return np.asarray(euler_to_matrix(np.asarray(model_parameters, np.float64)[ROOT_ROTATION]).T @ up)


class MixtureTerm:
    """Draws a body to poses that people take."""

    def __init__(self, mixture: PoseMixture, weight: float, up: NDArray | None = None) -> None:
        """`up`: (3,) unit vector in camera axes; None for that of ``camera.Gravity``."""
        self._mixture, self._weight = mixture, weight
        self._up = np.diag(MHR_TO_CAMERA) * np.asarray(Gravity().up if up is None else up, np.float64)

    def _values(self, state: PlacedState) -> Array:
        angles = state.model_parameters[self._mixture.parameters]
        if not self._mixture.upright:
            return angles
        return np.concatenate([angles, up_for_pelvis(state.model_parameters, self._up)])

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        return self._weight * self._mixture.cost(self._values(state))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        cost, gradient, curvature = self._mixture.quadratic(self._values(state))
        columns, jacobian = self._slopes(problem, state)
        return (
            Quadratics(
                self._weight * cost,
                columns[None],
                self._weight * (gradient @ jacobian)[None],
                self._weight * (jacobian.T @ curvature @ jacobian)[None],
            ),
        )

    def components(self, problem: Problem, state: PlacedState) -> list[Quadratics]:
        """What the term would be around a state if there were one component alone, for each; cost included."""
        mixture, (columns, jacobian) = self._mixture, self._slopes(problem, state)
        apart = self._values(state) - mixture.means
        pulls = np.matmul(mixture.precisions, apart[:, :, None])[:, :, 0]
        costs = mixture.offsets + 0.5 * np.sum(apart * pulls, axis=1)
        curvatures = np.matmul(np.matmul(jacobian.T, mixture.precisions), jacobian)
        return [
            Quadratics(
                self._weight * float(cost), columns[None], self._weight * slope[None], self._weight * curve[None]
            )
            for cost, slope, curve in zip(costs, pulls @ jacobian, curvatures, strict=True)
        ]

    def _slopes(self, problem: Problem, state: PlacedState) -> tuple[NDArray[np.int64], Array]:
        """The unknowns that move what the mixture is about, (n,), and its derivatives by them, (d, n)."""
        mixture = self._mixture
        place = {int(index): problem.first + slot for slot, index in enumerate(problem.parameters)}
        moving = [k for k, index in enumerate(mixture.parameters) if int(index) in place]
        columns = [place[int(mixture.parameters[k])] for k in moving]
        jacobian = np.zeros((mixture.means.shape[1], len(moving) + 3))
        jacobian[moving, np.arange(len(moving))] = 1.0
        if mixture.upright and problem.whole:
            # R' = exp(w) R, so that R'^T up = R^T (up + up x w) to first order
            x, y, z = self._up
            crossed = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
            rotation = euler_to_matrix(state.model_parameters[ROOT_ROTATION])
            jacobian[-3:, len(moving) :] = rotation.T @ crossed
            columns += range(ROTATION.start, ROTATION.stop)
        return np.array(columns, np.int64), jacobian[:, : len(columns)]


def _log_sum(values: Array) -> float:
    """log sum exp of values (k,)."""
    top = float(np.max(values))
    return top + float(np.log(np.sum(np.exp(values - top))))
