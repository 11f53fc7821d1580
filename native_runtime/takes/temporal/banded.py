"""Block-banded normal equations with a border: frames that hang on their two neighbours on either side, and unknowns
that all frames share.

The matrix is factorised by block Cholesky in the order of the frames, the shared unknowns last, so that nothing is
filled in outside band and border (Golub and Van Loan, "Matrix Computations", sections 4.3 and 4.5). Time and memory
grow in proportion to the number of frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Banded:
    """A symmetric matrix over F frames of n unknowns each and s shared unknowns.

    Attributes:
        diagonal: (F, n, n) blocks of frames with themselves.
        first: (F, n, n) block k is that of frame k + 1 (rows) with frame k (columns); the last one is 0.
        second: (F, n, n) the same for frame k + 2; the last two are 0.
        border: (F, s, n) shared unknowns (rows) with each frame.
        corner: (s, s) shared unknowns with themselves.
    """

    diagonal: Array
    first: Array
    second: Array
    border: Array
    corner: Array

    @staticmethod
    def zeros(frames: int, own: int, shared: int) -> Banded:
        """A matrix of F = `frames`, n = `own` and s = `shared`, all 0."""
        diagonal, first, second = (np.zeros((frames, own, own)) for _ in range(3))
        return Banded(diagonal, first, second, np.zeros((frames, shared, own)), np.zeros((shared, shared)))

    def times(self, own: Array, shared: Array) -> tuple[Array, Array]:
        """The matrix times a vector, given and returned as (F, n) and (s,)."""
        out = np.matmul(self.diagonal, own[..., None])[..., 0] + shared @ self.border
        for step, blocks in ((1, self.first), (2, self.second)):
            if len(own) > step:
                between = blocks[:-step]
                out[step:] += np.matmul(between, own[:-step, :, None])[..., 0]
                out[:-step] += np.matmul(between.transpose(0, 2, 1), own[step:, :, None])[..., 0]
        across = np.einsum("fsn,fn->s", self.border, own) + self.corner @ shared
        return out, across

    def diagonals(self) -> tuple[Array, Array]:
        """The matrix's diagonal, (F, n) and (s,)."""
        return np.einsum("fnn->fn", self.diagonal).copy(), np.diag(self.corner).copy()

    def damped(self, own: Array, shared: Array) -> Banded:
        """The matrix with something added to its diagonal, (F, n) and (s,)."""
        diagonal, corner = self.diagonal.copy(), self.corner + np.diag(shared)
        index = np.arange(own.shape[1])
        diagonal[:, index, index] += own
        return Banded(diagonal, self.first, self.second, self.border, corner)

    def without(self, own: NDArray[np.bool_], shared: NDArray[np.bool_]) -> Banded:
        """The matrix in which some unknowns, (F, n) and (s,), stand alone: their rows and columns are 0 but for a 1 on
        the diagonal."""
        kept, kept_shared = (~own).astype(np.float64), (~shared).astype(np.float64)
        diagonal = self.diagonal * kept[:, :, None] * kept[:, None, :]
        first, second = self.first.copy(), self.second.copy()
        for step, blocks in ((1, first), (2, second)):
            if len(kept) > step:
                blocks[:-step] *= kept[step:, :, None] * kept[:-step, None, :]
        index = np.arange(kept.shape[1])
        diagonal[:, index, index] += 1.0 - kept
        border = self.border * kept[:, None, :] * kept_shared[:, None]
        corner = np.asarray(self.corner * np.outer(kept_shared, kept_shared) + np.diag(1.0 - kept_shared), np.float64)
        return Banded(diagonal, first, second, border, corner)

    def solve(self, own: Array, shared: Array) -> tuple[Array, Array]:
        """x with matrix x = vector, both as (F, n) and (s,).

        Raises:
            numpy.linalg.LinAlgError: the matrix is not positive definite.
        """
        count, n = own.shape
        diagonal, corner = self.diagonal.copy(), self.corner.copy()
        first, border = self.first.copy(), self.border.copy()
        right, right_shared = own.copy(), shared.copy()
        inverses, factors = np.empty_like(diagonal), np.empty((count, 2 * n + len(shared), n))
        for k in range(count):
            inverse = np.linalg.inv(np.linalg.cholesky(diagonal[k]))
            below = np.concatenate([first[k], self.second[k], border[k]]) @ inverse.T
            inverses[k], factors[k] = inverse, below
            near, far, edge = below[:n], below[n : 2 * n], below[2 * n :]
            right[k] = inverse @ right[k]
            corner -= edge @ edge.T
            right_shared -= edge @ right[k]
            if k + 1 < count:
                diagonal[k + 1] -= near @ near.T
                first[k + 1] -= far @ near.T
                border[k + 1] -= edge @ near.T
                right[k + 1] -= near @ right[k]
            if k + 2 < count:
                diagonal[k + 2] -= far @ far.T
                border[k + 2] -= edge @ far.T
                right[k + 2] -= far @ right[k]
        out_shared = np.linalg.solve(corner, right_shared) if len(shared) else right_shared
        out = np.zeros((count + 2, n))
        for k in range(count - 1, -1, -1):
            after = np.concatenate([out[k + 1], out[k + 2], out_shared])
            out[k] = inverses[k].T @ (right[k] - factors[k].T @ after)
        return out[:count], out_shared
