"""MHR's pose correctives: a small network that repairs the errors of linear blend skinning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .local_basis import LocalBasis
from .rotations import euler_to_matrix

FIRST_JOINT = 2
"""The first two joints place the whole body and deform nothing."""

GROUP = 24
"""MHR has this many components a joint; those of one joint look at the same joints and move the same surroundings."""


def pose_features(joint_parameters: NDArray) -> NDArray[np.float64]:
    """6D features (..., (J - 2) * 6) of joint parameters (..., J, 7); all zero in the zero pose.

    For each joint from the third on: the first two columns of Rz Ry Rx of its own Euler angles (no prerotation), minus
    those of the identity. Source: ``MHRPoseCorrectivesModel`` in facebookresearch/MHR, ``mhr/mhr.py``.
    """
    matrices = euler_to_matrix(np.asarray(joint_parameters)[..., FIRST_JOINT:, 3:6])
    features = np.concatenate([matrices[..., 0], matrices[..., 1]], axis=-1)
    features[..., 0] -= 1.0
    features[..., 4] -= 1.0
    return features.reshape(features.shape[:-2] + (-1,))


@dataclass(frozen=True, eq=False)
class PoseCorrectives:
    """Offsets = basis^T relu(activation @ features).

    Attributes:
        activation: (C, (J - 2) * 6) float32; sparse in the release, kept dense for speed.
        basis: C shapes; each moves the surroundings of its joint.
    """

    activation: NDArray[np.float32]
    basis: LocalBasis

    @staticmethod
    def from_dense(activation: NDArray, basis: NDArray) -> PoseCorrectives:
        """Correctives from the two layers' matrices, activation (C, F) and basis (C, V, 3)."""
        parts = (basis[start : start + GROUP] for start in range(0, len(basis), GROUP))
        return PoseCorrectives.from_parts(activation, parts, basis.shape[1])

    @staticmethod
    def from_parts(activation: NDArray, parts: Iterable[NDArray], vertex_count: int) -> PoseCorrectives:
        """As ``from_dense``, with the basis coming piece by piece: (k, V, 3) each, in order."""
        return PoseCorrectives(np.asarray(activation, np.float32), LocalBasis.from_parts(parts, vertex_count))

    @property
    def component_count(self) -> int:
        """C"""
        return len(self.activation)

    def add_to(self, shape: NDArray[np.float32], joint_parameters: NDArray, size: NDArray | float = 1.0) -> None:
        """Add the offsets for joint parameters (..., J, 7) to unposed vertices (..., V, 3), in place.

        Args:
            size: (...) what the offsets are multiplied by.
        """
        features = pose_features(joint_parameters).astype(np.float32)
        active = np.maximum(features @ self.activation.T, 0.0) * np.asarray(size, np.float32)[..., None]
        self.basis.add_to(shape, active)

    def offsets(self, joint_parameters: NDArray) -> NDArray[np.float32]:
        """Vertex offsets (..., V, 3) in cm, to be added before skinning."""
        out = np.zeros((*np.shape(joint_parameters)[:-2], self.basis.vertex_count, 3), np.float32)
        self.add_to(out, joint_parameters)
        return out
