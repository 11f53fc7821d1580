"""Rotations by plain arithmetic that ONNX can express, in the conventions of the reference's code.

Matrices come and go as their entries or columns: a handful of small vectors is cheaper to combine than many 3 x 3
matrices are to multiply. ONNX has no two-argument arctangent.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_SMALLEST_LENGTH = 1e-12
_XYZ_SINGULAR = 1e-6
_ROMA_SINGULAR = 1e-7
"""Below this the reference's libraries treat a rotation as gimbal-locked."""


def arctangent(y: Tensor, x: Tensor) -> Tensor:
    """The angle of (x, y) in -pi..pi; 0 at the origin."""
    upright = torch.atan(y / torch.where(x == 0, 1.0, x))
    turned = torch.where(x < 0, torch.where(y < 0, -math.pi, math.pi), 0.0)
    return torch.where(x == 0, torch.sign(y) * (math.pi / 2), upright + turned)


def unit(vector: Tensor) -> Tensor:
    """(..., n) scaled to length 1; a zero vector stays zero."""
    return vector / vector.square().sum(-1, keepdim=True).sqrt().clamp_min(_SMALLEST_LENGTH)


def cross(a: Tensor, b: Tensor) -> Tensor:
    """The vector product (..., 3)."""
    ax, ay, az = a.unbind(-1)
    bx, by, bz = b.unbind(-1)
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], dim=-1)


def matrix_from_columns(first: Tensor, second: Tensor) -> Tensor:
    """The rotation (..., 3, 3) whose first columns are nearest to the given ones (..., 3), by Gram and Schmidt."""
    x = unit(first)
    y = unit(second - (x * second).sum(-1, keepdim=True) * x)
    return torch.stack([x, y, cross(x, y)], dim=-1)


def euler_from_columns(first: Tensor, second: Tensor) -> Tensor:
    """rx, ry, rz (..., 3) with R = Rz Ry Rx, of the rotation whose first columns are given (..., 3), by products.

    Source: ``batchXYZfrom6D`` of the reference; when ry is +-90 degrees rz is 0.
    """
    x = unit(first)
    z = unit(cross(x, second))
    y = cross(z, x)
    (xx, xy, xz), (_, yy, yz), (_, zy, zz) = x.unbind(-1), y.unbind(-1), z.unbind(-1)
    level = (xx.square() + xy.square()).sqrt()
    locked = level < _XYZ_SINGULAR
    rx = arctangent(torch.where(locked, -zy, yz), torch.where(locked, yy, zz))
    rz = torch.where(locked, 0.0, arctangent(xy, xx))
    return torch.stack([rx, arctangent(-xz, level), rz], dim=-1)


def euler(matrix: Tensor, spare: str = "z") -> Tensor:
    """rx, ry, rz (..., 3) of rotations (..., 3, 3), R = Rz Ry Rx.

    When ry is +-90 degrees x and z turn about the same axis: the angle ``spare``, "x" or "z", is then 0. With "z" this
    equals roma's extrinsic "xyz", with "x" its intrinsic "ZYX" read backwards.
    """
    (m00, m01, _), (m10, m11, m12), (m20, m21, m22) = (row.unbind(-1) for row in matrix.unbind(-2))
    ry = arctangent(-m20, (m00.square() + m10.square()).sqrt())
    locked = math.pi / 2 - ry.abs() <= _ROMA_SINGULAR
    rx, rz = arctangent(m21, m22), arctangent(m10, m00)
    whole_x, whole_z = (arctangent(-m12, m11), 0.0) if spare == "z" else (0.0, arctangent(-m01, m11))
    return torch.stack([torch.where(locked, whole_x, rx), ry, torch.where(locked, whole_z, rz)], dim=-1)


def rotation(angles: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of rx, ry, rz (..., 3), R = Rz Ry Rx."""
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    entries = [
        *(cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz),
        *(cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz),
        *(-sy, sx * cy, cx * cy),
    ]
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))
