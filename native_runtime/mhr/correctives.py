"""MHR's pose correctives: a small network that repairs what linear blend skinning gets wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .rotations import euler_to_matrix

FIRST_JOINT = 2
"""The first two joints place the whole body and deform nothing."""

GROUP = 24
"""MHR has this many components a joint; those of one joint look at the same joints and move the same surroundings."""

_BLOCK_COST = 16_000
"""Numbers that could be multiplied in the time that one more block takes."""


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
class CorrectiveBlock:
    """Consecutive components that move the same few vertices.

    Attributes:
        vertices: (n,) int32, rising: the vertices that any of them moves.
        offsets: (k, n, 3) float32, cm per unit of each component.
    """

    vertices: NDArray[np.int32]
    offsets: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PoseCorrectives:
    """Offsets = basis^T relu(activation @ features).

    The basis of the released model is 664 MB at LOD 1, almost all of it zeros: each component moves the surroundings
    of its joint. Blocks keep what is not zero, which is what makes correctives fast enough to be live.

    Attributes:
        vertex_count: V.
        activation: (C, (J - 2) * 6) float32; sparse in the release, kept dense for speed.
        blocks: together C components, in order.
    """

    vertex_count: int
    activation: NDArray[np.float32]
    blocks: tuple[CorrectiveBlock, ...]

    @staticmethod
    def from_dense(activation: NDArray, basis: NDArray) -> PoseCorrectives:
        """Correctives from the two layers' matrices, activation (C, F) and basis (C, V, 3)."""
        parts = (basis[start : start + GROUP] for start in range(0, len(basis), GROUP))
        return PoseCorrectives.from_parts(activation, parts, basis.shape[1])

    @staticmethod
    def from_parts(activation: NDArray, parts: Iterable[NDArray], vertex_count: int) -> PoseCorrectives:
        """As ``from_dense``, with the basis coming piece by piece: (k, V, 3) each, in order."""
        blocks = tuple(block for part in parts for block in _blocks(np.asarray(part, np.float32)))
        return PoseCorrectives(vertex_count, np.asarray(activation, np.float32), blocks)

    @property
    def component_count(self) -> int:
        """C"""
        return len(self.activation)

    def dense_basis(self) -> NDArray[np.float32]:
        """(C, V, 3); large."""
        basis = np.zeros((self.component_count, self.vertex_count, 3), np.float32)
        start = 0
        for block in self.blocks:
            basis[start : start + len(block.offsets), block.vertices] = block.offsets
            start += len(block.offsets)
        return basis

    def offsets(self, joint_parameters: NDArray) -> NDArray[np.float32]:
        """Vertex offsets (..., V, 3) in cm, to be added before skinning."""
        features = pose_features(joint_parameters).astype(np.float32)
        active = np.maximum(features @ self.activation.T, 0.0)
        out = np.zeros((*active.shape[:-1], self.vertex_count, 3), np.float32)
        start = 0
        for block in self.blocks:
            part = active[..., start : start + len(block.offsets)]
            start += len(block.offsets)
            if not part.any():
                continue
            moved = (part @ block.offsets.reshape(len(block.offsets), -1)).reshape(*part.shape[:-1], -1, 3)
            if len(block.vertices) == self.vertex_count:
                out += moved
            else:
                out[..., block.vertices, :] += moved
        return out


def _blocks(part: NDArray[np.float32]) -> Iterator[CorrectiveBlock]:
    """Cut components (k, V, 3) into blocks such that few zeros are stored and there are not too many blocks."""
    moved = np.any(part != 0, axis=2)

    def cut(start: int, stop: int) -> tuple[int, list[tuple[int, int]]]:
        """The least cost of the components start..stop and the ranges that achieve it, halving where that pays."""
        whole = _BLOCK_COST + 3 * (stop - start) * int(np.count_nonzero(moved[start:stop].any(axis=0)))
        if stop - start == 1 or whole == _BLOCK_COST:
            return whole, [(start, stop)]
        middle = (start + stop) // 2
        left, right = cut(start, middle), cut(middle, stop)
        if left[0] + right[0] < whole:
            return left[0] + right[0], left[1] + right[1]
        return whole, [(start, stop)]

    if len(part):
        for start, stop in cut(0, len(part))[1]:
            vertices = np.flatnonzero(moved[start:stop].any(axis=0)).astype(np.int32)
            yield CorrectiveBlock(vertices, np.ascontiguousarray(part[start:stop, vertices]))
