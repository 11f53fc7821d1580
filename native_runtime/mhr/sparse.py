"""Rows that are weighted sums of a few entries: keypoints and other surface points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SparseRows:
    """A sparse matrix in coordinate form, sorted by row.

    Attributes:
        row_count: R; every row has at least one entry.
        rows, columns: (n,) int32.
        values: (n,) float64.
    """

    row_count: int
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if len(self.rows) and (np.any(np.diff(self.rows) < 0) or len(np.unique(self.rows)) != self.row_count):
            raise ValueError("rows must be sorted and none may be empty")

    def combine(self, points: NDArray) -> NDArray:
        """Weighted sums (..., R, 3) of points (..., n, 3)."""
        if self.row_count == 0:
            return np.zeros(points.shape[:-2] + (0, points.shape[-1]))
        starts = np.searchsorted(self.rows, np.arange(self.row_count))
        return np.add.reduceat(points[..., self.columns, :] * self.values[:, None], starts, axis=-2)

    def take(self, rows: NDArray) -> SparseRows:
        """The given rows, in the given order, as a new matrix."""
        parts = [np.flatnonzero(self.rows == row) for row in rows]
        index = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        new_rows = np.repeat(np.arange(len(parts)), [len(p) for p in parts]).astype(np.int32)
        return SparseRows(len(parts), new_rows, self.columns[index], self.values[index])


def sorted_rows(row_count: int, rows: NDArray, columns: NDArray, values: NDArray) -> SparseRows:
    """Build ``SparseRows`` from entries in any order."""
    order = np.argsort(rows, kind="stable")
    return SparseRows(
        row_count,
        np.asarray(rows, np.int32)[order],
        np.asarray(columns, np.int32)[order],
        np.asarray(values, np.float64)[order],
    )
