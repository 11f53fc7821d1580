"""Rotations by plain arithmetic that ONNX can express, in the conventions of the reference's code.

Written for few operations over whole arrays: entries are gathered by constant indices instead of being taken apart one
by one, because a runtime pays for every operation, not for a few hundred numbers more. ONNX has no two-argument
arctangent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

_SMALLEST_LENGTH = 1e-12


def pick(x: Tensor, indices: Sequence[int]) -> Tensor:
    """Entries (..., len(indices)) of the last axis."""
    return x.index_select(-1, torch.tensor(indices, dtype=torch.int64, device=x.device))


def arctangent(y: Tensor, x: Tensor) -> Tensor:
    """The angle of (x, y) in -pi..pi; 0 at the origin."""
    upright = torch.atan(y / torch.where(x == 0, 1.0, x))
    behind = torch.where(y < 0, upright - math.pi, upright + math.pi)
    return torch.where(x == 0, torch.sign(y) * (math.pi / 2), torch.where(x < 0, behind, upright))


def unit(vector: Tensor) -> Tensor:
    """(..., n) scaled to length 1; a zero vector stays zero."""
    return vector / torch.linalg.vector_norm(vector, dim=-1, keepdim=True).clamp_min(_SMALLEST_LENGTH)


def cross(a: Tensor, b: Tensor) -> Tensor:
    """The vector product (..., 3)."""
    after, before = (1, 2, 0), (2, 0, 1)
    return pick(a, after) * pick(b, before) - pick(a, before) * pick(b, after)


# Entries of a rotation by columns, and after them the length of its first column in the x-y plane: cos ry.
_XX, _XY, _XZ, _YX, _YY, _YZ, _, _ZY, _ZZ, _LEVEL = range(10)
Spare = Literal["x", "z"]

# How rx, ry, rz are arctangents of those entries: numerators, their signs, denominators.
_REGULAR = ((_YZ, _XZ, _XY), (1.0, -1.0, 1.0), (_ZZ, _LEVEL, _XX))
# When ry is +-90 degrees x and z turn about one axis: one of the two angles is spared, the other takes the whole turn.
_LOCKED = {
    "z": ((_ZY, _XZ, _XY), (-1.0, -1.0, 0.0), (_YY, _LEVEL, _LEVEL)),
    "x": ((_YZ, _XZ, _YX), (0.0, -1.0, -1.0), (_LEVEL, _LEVEL, _YY)),
}
# cos ry below which the reference (batchXYZfrom6D) and, in its place, roma (rotmat_to_euler) see that case.
_LOCKED_BELOW = {"z": 1e-6, "x": 1e-7}


def euler_ratios(columns: Tensor, spare: Spare = "z") -> tuple[Tensor, Tensor]:
    """Sines and cosines, to a factor, of rx, ry, rz (..., 3 each) with R = Rz Ry Rx; see ``arctangent``.

    Args:
        columns: (..., 6) first and second column of the rotation; orthogonalised in this order.
        spare: the angle that is 0 when ry is +-90 degrees: "z" as ``batchXYZfrom6D`` and roma's extrinsic "xyz" have
            it, "x" as roma's intrinsic "ZYX".
    """
    x = unit(columns[..., :3])
    z = unit(cross(x, columns[..., 3:]))
    level = torch.linalg.vector_norm(x[..., :2], dim=-1, keepdim=True)
    entries = torch.cat([x, cross(z, x), z, level], dim=-1)
    locked = level < _LOCKED_BELOW[spare]
    (sines, signs, cosines), (locked_sines, locked_signs, locked_cosines) = _REGULAR, _LOCKED[spare]
    return (
        torch.where(
            locked,
            pick(entries, locked_sines) * entries.new_tensor(locked_signs),
            pick(entries, sines) * entries.new_tensor(signs),
        ),
        torch.where(locked, pick(entries, locked_cosines), pick(entries, cosines)),
    )


def euler(columns: Tensor, spare: Spare = "z") -> Tensor:
    """rx, ry, rz (..., 3) of the rotation whose first columns are given (..., 6); see ``euler_ratios``."""
    return arctangent(*euler_ratios(columns, spare))


def first_columns(matrix: Tensor) -> Tensor:
    """The first two columns (..., 6) of matrices (..., 3, 3), one after the other."""
    return matrix[..., :2].mT.flatten(-2)


# Rz Ry Rx row by row, each entry a product of three plus or minus a product of two of these:
_CX, _CY, _CZ, _SX, _SY, _SZ, _ONE = range(7)
_TRIPLES = (
    *((_CY, _CZ, _ONE), (_SX, _SY, _CZ), (_CX, _SY, _CZ)),
    *((_CY, _SZ, _ONE), (_SX, _SY, _SZ), (_CX, _SY, _SZ)),
    *((_SY, _ONE, _ONE), (_SX, _CY, _ONE), (_CX, _CY, _ONE)),
)
_PAIRS = ((_ONE, _ONE), (_CX, _SZ), (_SX, _SZ), (_ONE, _ONE), (_CX, _CZ), (_SX, _CZ), *[(_ONE, _ONE)] * 3)
_TRIPLE_SIGNS = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, 1.0, 1.0)
_PAIR_SIGNS = (0.0, -1.0, 1.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0)


def rotation(angles: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of rx, ry, rz (..., 3), R = Rz Ry Rx."""
    factors = torch.cat([angles.cos(), angles.sin(), torch.ones_like(angles[..., :1])], dim=-1)
    triples, pairs = ([pick(factors, column) for column in zip(*products)] for products in (_TRIPLES, _PAIRS))
    entries = triples[0] * triples[1] * triples[2] * factors.new_tensor(_TRIPLE_SIGNS)
    entries = entries + pairs[0] * pairs[1] * factors.new_tensor(_PAIR_SIGNS)
    return entries.unflatten(-1, (3, 3))
