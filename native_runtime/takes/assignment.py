"""Whom to match with whom: the assignment of least total cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def assign(costs: Array, most: float) -> list[tuple[int, int]]:
    """Pairs (row, column) with the least total cost; nobody is paired at a cost above ``most``.

    Args:
        costs: (n, m) what each pair costs; infinite where it is impossible.
        most: what leaving a row or a column without a partner costs, so that dearer pairs are not made.

    Returns:
        The pairs in the order of rows. Each row and each column occurs at most once.
    """
    rows, columns = costs.shape
    if not rows or not columns:
        return []
    # With a place for "nobody" for each row, every row has a partner and the table is no taller than wide.
    nobody = np.full((rows, rows), most)
    table = np.concatenate(
        [np.minimum(np.nan_to_num(costs, nan=np.inf, posinf=np.inf), 4 * most + 1.0), nobody], axis=1
    )
    chosen = _shortest_paths(table)
    return [(row, int(column)) for row, column in enumerate(chosen) if column < columns and costs[row, column] <= most]


def _shortest_paths(table: Array) -> NDArray[np.int64]:
    """(n,) column of each row of a table (n, m), n <= m, with the least sum: shortest augmenting paths.

    Source: R. Jonker and A. Volgenant, "A Shortest Augmenting Path Algorithm for Dense and Sparse Linear Assignment
    Problems", Computing 38, 1987, section 3.
    """
    rows, columns = table.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    for start in range(rows):
        length = np.full(columns, np.inf)
        came_from = np.full(columns, -1)  # the row before each column on its path
        done = np.zeros(columns, bool)
        row, reached = start, 0.0
        while True:
            through = reached + table[row] - row_price[row] - column_price
            shorter = ~done & (through < length)
            length[shorter], came_from[shorter] = through[shorter], row
            column = int(np.argmin(np.where(done, np.inf, length)))
            reached = float(length[column])
            done[column] = True
            if owner[column] < 0:
                break
            row = int(owner[column])
        on_path = done & (length < reached)
        row_price[owner[on_path]] += reached - length[on_path]
        row_price[start] += reached
        column_price[on_path] -= reached - length[on_path]
        while True:
            row = int(came_from[column])
            previous = np.flatnonzero(owner == row)
            owner[column] = row
            if row == start:
                break
            column = int(previous[0])
    partner = np.empty(rows, np.int64)
    taken = owner >= 0
    partner[owner[taken]] = np.flatnonzero(taken)
    return partner
