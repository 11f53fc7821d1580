"""MHR's pose correctives: a small network that repairs what linear blend skinning gets wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .rotations import euler_to_matrix

FIRST_JOINT = 2
"""The first two joints place the whole body and deform nothing."""


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


@dataclass(frozen=True)
class PoseCorrectives:
    """Offsets = basis^T relu(activation @ features).

    Attributes:
        activation: (C, (J - 2) * 6) float32; sparse in the release, kept dense for speed.
        basis: (C, V, 3) float32, cm.
    """

    activation: NDArray[np.float32]
    basis: NDArray[np.float32]

    def offsets(self, joint_parameters: NDArray) -> NDArray[np.float32]:
        """Vertex offsets (..., V, 3) in cm, to be added before skinning."""
        features = pose_features(joint_parameters).astype(np.float32)
        active = np.maximum(features @ self.activation.T, 0.0)
        flat = active @ self.basis.reshape(len(self.basis), -1)
        return flat.reshape(active.shape[:-1] + self.basis.shape[1:])
