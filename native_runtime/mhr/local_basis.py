"""Shapes that move only part of a mesh each: kept and summed without the zeros.

MHR's shapes are stored dense, but a hand shape moves no face: over the released body nearly three quarters of the
numbers are zero, and of its pose correctives (664 MB at LOD 1) almost all. Summing shapes is bound by how fast memory
can be read, so what is not read is time saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK_COST = 16_000
"""Numbers that could be multiplied in the time that one more block takes."""
_WHOLE = 0.7
"""Share of the mesh from which on a block takes in all of it: adding to everything is faster than to a selection."""


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive shapes that move the same few vertices.

    Attributes:
        vertices: (n,) int32, rising: the vertices that any of them moves.
        offsets: (k, n, 3) float32, cm per unit of each shape.
    """

    vertices: NDArray[np.int32]
    offsets: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LocalBasis:
    """S shapes over V vertices.

    Attributes:
        vertex_count: V.
        blocks: together S shapes, in order.
    """

    vertex_count: int
    blocks: tuple[Block, ...]

    @staticmethod
    def from_parts(parts: Iterable[NDArray], vertex_count: int) -> LocalBasis:
        """Shapes that come piece by piece: (k, V, 3) each, in order.

        Shapes that move much the same vertices should come in one part; parts are cut further where that pays.
        """
        return LocalBasis(
            vertex_count, tuple(block for part in parts for block in _blocks(np.asarray(part, np.float32)))
        )

    @property
    def count(self) -> int:
        """S"""
        return sum(len(block.offsets) for block in self.blocks)

    def dense(self) -> NDArray[np.float32]:
        """(S, V, 3); may be large."""
        basis = np.zeros((self.count, self.vertex_count, 3), np.float32)
        start = 0
        for block in self.blocks:
            basis[start : start + len(block.offsets), block.vertices] = block.offsets
            start += len(block.offsets)
        return basis

    def add_to(self, shape: NDArray[np.float32], coefficients: NDArray[np.float32]) -> None:
        """Add the shapes, weighted by coefficients (..., S), to ``shape`` (..., V, 3) in place."""
        start = 0
        for block in self.blocks:
            part = coefficients[..., start : start + len(block.offsets)]
            start += len(block.offsets)
            offsets = block.offsets
            if part.ndim == 1:  # most expressions are zero most of the time
                used = np.flatnonzero(part)
                if 2 * len(used) < len(part):
                    part, offsets = part[used], offsets[used]
            if not part.any():
                continue
            moved = (part @ offsets.reshape(len(offsets), -1)).reshape(*part.shape[:-1], len(block.vertices), 3)
            if len(block.vertices) == self.vertex_count:
                shape += moved
            elif shape.ndim == 2:
                shape[block.vertices] += moved
            else:
                shape[..., block.vertices, :] += moved


def _blocks(part: NDArray[np.float32]) -> Iterator[Block]:
    """Cut shapes (k, V, 3) into blocks such that few zeros are stored and there are not too many blocks."""
    if len(part):
        moved = np.any(part != 0, axis=2)
        for start, stop in _cut(moved, 0, len(part))[1]:
            vertices = _reach(moved[start:stop])
            yield Block(vertices, np.ascontiguousarray(part[start:stop, vertices]))


def _reach(moved: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The vertices that a block of shapes takes in, from what each of them moves (k, V)."""
    vertices = np.flatnonzero(moved.any(axis=0))
    return (np.arange(moved.shape[1]) if len(vertices) > _WHOLE * moved.shape[1] else vertices).astype(np.int32)


def _cut(moved: NDArray[np.bool_], start: int, stop: int) -> tuple[int, list[tuple[int, int]]]:
    """The least cost of the shapes start..stop and the ranges that achieve it, halving where that pays."""
    whole = _BLOCK_COST + 3 * (stop - start) * len(_reach(moved[start:stop]))
    if stop - start == 1 or whole == _BLOCK_COST:
        return whole, [(start, stop)]
    middle = (start + stop) // 2
    left, right = _cut(moved, start, middle), _cut(moved, middle, stop)
    if left[0] + right[0] < whole:
        return left[0] + right[0], left[1] + right[1]
    return whole, [(start, stop)]
