"""Meshes and what moves them as plain arrays, and linear blend skinning."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_DAMPING = 1e-7


@dataclass(frozen=True)
class ShapeKey:
    """A shape that a mesh keeps: offsets (V, 3) m per unit in the armature's axes, how much of it is there now, and at
    each frame of an animation (F,).
    """

    name: str
    offsets: Array
    value: float
    values: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Shown:
    """Where Blender shows a mesh at some frames of an animation.

    Attributes:
        frames: (S,) the frames' numbers, counted from 0 among those that are written, rising.
        points: (S, V, 3) m, world.
    """

    frames: NDArray[np.intp]
    points: NDArray[np.float32]


@dataclass(frozen=True)
class Skin:
    """A mesh as it stands now, and what moves it.

    Attributes:
        points: (V, 3) m, world, as Blender shows them.
        weights: (V, N) of the rig's bones; rows sum to 1.
        carrier: the number of the bone that carries the mesh as a whole; None where bones deform it.
        unposed: (V, 3) m, armature's axes: the points before bones move them, as far as shape keys say; None where the
            mesh has other vertices than its shape keys.
        keys: the shapes that are not the person's own: the face, and what was added.
        corrections: the same for corrections of the pose.
        shown: the points at frames of the animation; None where there is none, or the mesh has other vertices there.
    """

    points: Array
    weights: Array
    carrier: int | None = None
    unposed: Array | None = None
    keys: tuple[ShapeKey, ...] = ()
    corrections: tuple[ShapeKey, ...] = ()
    shown: Shown | None = None


def blend(points: ArrayLike, weights: NDArray, matrices: Array) -> Array:
    """Points (V, 3) moved by affine matrices (N, 4, 4), each in the shares of its weights (V, N)."""
    mixed = (weights @ matrices[:, :3].reshape(len(matrices), 12)).reshape(-1, 3, 4)
    return np.einsum("vij,vj->vi", mixed[:, :, :3], np.asarray(points, np.float64)) + mixed[:, :, 3]


def unblend(points: Array, weights: NDArray, matrices: Array, near: Array | None = None) -> Array:
    """The points (V, 3) that ``blend`` moves to given ones.

    Where turns that cancel each other were mixed, several would do: the one nearest to ``near`` (V, 3) is taken.
    """
    mixed = (weights @ matrices[:, :3].reshape(len(matrices), 12)).reshape(-1, 3, 4)
    start = np.zeros_like(points) if near is None else near
    linear = mixed[:, :, :3]
    missing = points - np.einsum("vij,vj->vi", linear, start) - mixed[:, :, 3]
    # least squares, damped: exact to a millionth where the mixed matrix can be inverted
    square = np.einsum("vki,vkj->vij", linear, linear)
    damped = square + _DAMPING * np.trace(square, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    return start + np.linalg.solve(damped, np.einsum("vki,vk->vi", linear, missing)[..., None])[..., 0]


def blend_directions(directions: ArrayLike, weights: NDArray, matrices: Array) -> Array:
    """Offsets (V, 3) moved as ``blend`` moves the points that they begin at."""
    mixed = (weights @ matrices[:, :3, :3].reshape(len(matrices), 9)).reshape(-1, 3, 3)
    return np.einsum("vij,vj->vi", mixed, np.asarray(directions, np.float64))


def normalised(weights: NDArray, owner: int = 0) -> Array:
    """Weights (V, N) whose rows sum to 1; a vertex that nothing moves belongs to one bone wholly."""
    shares = np.maximum(np.asarray(weights, np.float64), 0.0)
    total = shares.sum(axis=1)
    free = total <= 0.0
    shares[free, owner] = total[free] = 1.0
    return shares / total[:, None]


def strongest(weights: Array, count: int) -> tuple[NDArray[np.intp], Array]:
    """The ``count`` largest weights of each vertex as bones (V, K) and shares (V, K) that sum to 1, sorted falling.

    Of equal weights the bone that stands first is kept.
    """
    count = min(count, weights.shape[1])
    bones = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    shares = np.take_along_axis(weights, bones, axis=1)
    return bones, shares / shares.sum(axis=1, keepdims=True)


def spread(bones: NDArray[np.intp], shares: Array, count: int) -> Array:
    """Sparse weights (V, K) of ``count`` bones as a table (V, count); what stands there several times is summed."""
    table = np.zeros((len(bones), count))
    np.add.at(table, (np.arange(len(bones))[:, None], bones), shares)
    return table
