"""Linear blend skinning by small matrix products.

A vertex hangs on three joints of 127 or so: gathering its joints' transforms is bound by the gathering, one dense
product of all weights by all transforms multiplies mostly zeros. In between lies what processors do best. Vertices that
hang on nearly the same joints are gathered in blocks of one size, with few joints each; then one batched product
blends the transforms of all blocks, and a few sums over long rows apply them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_SIZES = (64, 128)
"""Vertices a block: enough to fill the rows of a product, few enough to share their joints."""
_JOINTS = (8, 12, 16, 24, 48)
"""Joints a block may have, besides all of them."""
_ROW_COST, _BLOCK_COST = 12, 200
"""What a vertex and a block cost besides the blending, counted in products of a weight by a transform."""
_CHUNK = 1 << 18
"""Numbers worked on together: the blended transforms of as many poses stay within the processor's second cache."""


@dataclass(frozen=True, eq=False)
class Skinning:
    """The weights of V vertices on J joints, in C blocks of N vertices and K joints; vacant places have no weight.

    Attributes:
        vertices: (C, N) the vertices of each block.
        joints: (C, K) the joints of each block.
        weights: (C, K, N) float32.
        places: (V,) where each vertex stands in the blocks, counted through.
    """

    vertices: NDArray[np.intp]
    joints: NDArray[np.intp]
    weights: NDArray[np.float32]
    places: NDArray[np.intp]

    @staticmethod
    def of(indices: NDArray, weights: NDArray, joint_count: int) -> Skinning:
        """Blocks for the joints (V, n) and weights (V, n) of V vertices; a joint may occur twice."""
        dense = np.zeros((len(indices), joint_count), np.float32)
        np.add.at(dense, (np.arange(len(indices))[:, None], indices), weights)
        order, masks, counts = _patterns(dense != 0)
        cuts = [
            _cut(masks, counts, min(size, len(indices)), joints)
            for size in _SIZES
            for joints in (*(k for k in _JOINTS if k < joint_count), joint_count)
        ]
        best = min((cut for cut in cuts if cut is not None), key=lambda cut: cut.cost)

        vertices = np.zeros((len(best.blocks), best.size), np.intp)
        joints = np.zeros((len(best.blocks), best.width), np.intp)
        blocked = np.zeros((len(best.blocks), best.width, best.size), np.float32)
        places = np.empty(len(indices), np.intp)
        start = 0
        for block, (mask, count) in enumerate(best.blocks):
            own = order[start : start + count]
            start += count
            used = np.array([j for j in range(joint_count) if mask >> j & 1], np.intp)
            vertices[block, :count] = own
            joints[block, : len(used)] = used
            blocked[block, : len(used), :count] = dense[np.ix_(own, used)].T
            places[own] = block * best.size + np.arange(count)
        return Skinning(vertices, joints, blocked, places)

    @cached_property
    def _gather(self) -> NDArray[np.intp]:
        """(3, C * N) for each coordinate and place in the blocks: which of the mesh's V * 3 numbers belongs there."""
        return 3 * self.vertices.ravel() + np.arange(3)[:, None]

    @cached_property
    def _scatter(self) -> NDArray[np.intp]:
        """(V * 3,) the other way round: where each number of the mesh stands among the blocks' 3 * C * N."""
        return (self.places[:, None] + self.vertices.size * np.arange(3)).ravel()

    def skin(self, transforms: NDArray, shape: NDArray) -> NDArray[np.float32]:
        """Posed vertices (..., V, 3).

        Args:
            transforms: (..., J, 3, 4) of each joint from the unposed to the posed mesh.
            shape: unposed vertices, (V, 3) or (..., V, 3).
        """
        lead = transforms.shape[:-3]
        count, numbers = math.prod(lead), 3 * len(self.places)
        poses = transforms.reshape((count, *transforms.shape[-3:]))
        shape = np.asarray(shape, np.float32)
        shared = shape.ndim == 2
        shapes = (shape if shared else np.broadcast_to(shape, (*lead, *shape.shape[-2:]))).reshape(-1, numbers)
        x = shapes[:1].take(self._gather, axis=1, mode="clip")
        out = np.empty((count, numbers), np.float32)
        columns = self.vertices.size
        step = min(max(1, _CHUNK // (12 * columns)), max(1, count))
        buffer = np.empty((12 * step, columns), np.float32)
        for start in range(0, count, step):
            part = slice(start, min(start + step, count))
            if not shared:
                x = shapes[part].take(self._gather, axis=1, mode="clip")
            posed = self._blocks(poses[part], x, buffer)
            posed.reshape(len(posed), -1).take(self._scatter, axis=1, mode="clip", out=out[part])
        return out.reshape((*lead, len(self.places), 3))

    def _blocks(self, poses: NDArray, x: NDArray[np.float32], buffer: NDArray[np.float32]) -> NDArray[np.float32]:
        """Posed coordinates (B, 3, C * N) for transforms (B, J, 3, 4) and unposed ones (B or 1, 3, C * N).

        The transforms' columns stand outermost, so that each of the few sums runs over long, contiguous rows.
        """
        rows = poses.transpose(1, 3, 0, 2).reshape(poses.shape[1], -1).astype(np.float32)  # joint; column, pose, row
        blended = buffer[: rows.shape[1]]
        np.matmul(
            rows.take(self.joints, axis=0, mode="clip").transpose(0, 2, 1),
            self.weights,
            out=blended.reshape(rows.shape[1], len(self.joints), -1).transpose(1, 0, 2),
        )
        first, second, third, shift = blended.reshape(4, len(poses), 3, -1)
        first *= x[:, :1]
        second *= x[:, 1:2]
        third *= x[:, 2:]
        first += second
        first += third
        first += shift
        return first


@dataclass(frozen=True)
class _Cut:
    """A way to cut sorted vertices into blocks: each block's joints as bits and its number of vertices."""

    size: int
    width: int
    blocks: list[tuple[int, int]]

    @property
    def cost(self) -> int:
        return len(self.blocks) * (self.size * (self.width + _ROW_COST) + _BLOCK_COST)


def _patterns(used: NDArray[np.bool_]) -> tuple[NDArray[np.intp], list[int], list[int]]:
    """Vertices (V, J) sorted by the joints that they hang on: their order, and each set of joints as bits with the
    number of vertices that have it.
    """
    packed = np.packbits(used, axis=1, bitorder="little")
    order = np.lexsort(packed.T[::-1])
    changes = np.flatnonzero(np.any(packed[order][1:] != packed[order][:-1], axis=1)) + 1
    starts = np.concatenate([[0], changes])
    masks = [int.from_bytes(packed[row].tobytes(), "little") for row in order[starts]]
    return order, masks, np.diff(np.append(starts, len(order))).tolist()


def _cut(masks: list[int], counts: list[int], size: int, width: int) -> _Cut | None:
    """Fill blocks in the given order until their vertices or joints would be too many; None if a vertex has too many
    joints by itself.
    """
    blocks: list[tuple[int, int]] = []
    mask, filled = 0, 0
    for pattern, count in zip(masks, counts, strict=True):
        if pattern.bit_count() > width:
            return None
        if filled and (mask | pattern).bit_count() > width:
            blocks.append((mask, filled))
            mask, filled = 0, 0
        while count:
            mask |= pattern
            taken = min(count, size - filled)
            filled, count = filled + taken, count - taken
            if filled == size:
                blocks.append((mask, filled))
                mask, filled = 0, 0
    if filled:
        blocks.append((mask, filled))
    return _Cut(size, max(block.bit_count() for block, _ in blocks), blocks)
