"""Values that are known at some vertices, continued over the whole mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROUNDS, _TOLERANCE = 600, 1e-6
#: Of the greatest trust: what is less sure is not handed on in the first guess.
_KNOWN = 1e-4
#: Of the greatest stiffness: edges that are hardly any.
_LOOSE = 1e-3


def spread(
    known: Array,
    trust: Array,
    edges: NDArray[np.int64],
    stiffness: Array,
    tolerance: float = _TOLERANCE,
    rounds: int = _ROUNDS,
) -> Array:
    """The smoothest values (V, C) that keep to what is known: the minimum of
    sum trust |value - known|^2 + sum stiffness |difference along an edge|^2, by conjugate gradients.

    Vertices are shared by all charts of a texture, so nothing that is spread has a seam.

    Args:
        known: (V, C).
        trust: (V,) above 0 somewhere in each connected part.
        edges: (E, 2) vertices.
        stiffness: (E,); all together positive semidefinite.
        tolerance: of the residual, against what is wanted.
        rounds: after so many it is good enough.
    """
    count, first, second = len(known), edges[:, 0], edges[:, 1]
    sources = np.concatenate([first, second])
    targets = np.concatenate([second, first])
    order = np.argsort(sources, kind="stable")
    targets, weights = targets[order], np.concatenate([stiffness, stiffness])[order]
    present, starts = np.unique(sources[order], return_index=True)
    degree = np.bincount(sources, np.concatenate([stiffness, stiffness]), count)
    diagonal = np.maximum(trust + degree, 1e-12)[:, None]

    def product(values: Array) -> Array:
        neighbours = np.zeros_like(values)
        neighbours[present] = np.add.reduceat(weights[:, None] * values[targets], starts, axis=0)
        return diagonal * values - neighbours

    wanted = trust[:, None] * known
    values = _carried(wanted, trust, targets, np.maximum(weights, 0), present, starts)
    residual = wanted - product(values)
    direction = step = residual / diagonal
    energy = np.einsum("vc,vc->c", residual, step)
    limit = tolerance**2 * np.maximum(np.einsum("vc,vc->c", wanted, wanted / diagonal), 1e-30)
    for _ in range(rounds):
        if (energy <= limit).all():
            break
        moved = product(direction)
        alpha = energy / np.maximum(np.einsum("vc,vc->c", direction, moved), 1e-300)
        values = values + alpha * direction
        residual = residual - alpha * moved
        step = residual / diagonal
        renewed = np.einsum("vc,vc->c", residual, step)
        direction = step + renewed / np.maximum(energy, 1e-300) * direction
        energy = renewed
    return np.asarray(values)


def directed(points: Array, triangles: NDArray[np.int32], axis: Array, along: float) -> tuple[NDArray[np.int64], Array]:
    """Edges (E, 2) of a surface and their stiffness (E,), with which what is spread goes around an axis easily, and
    hardly along it: linear finite elements for the integral of |gradient|^2, in which the gradient along the axis
    counts in full and across it is 1 / ``along`` times as stiff. Unlike stiffness by the directions of edges, it
    follows the axis however the mesh runs.

    Args:
        points: (V, 3).
        axis: (V, 3) unit vectors; 0: all directions are alike.
        along: above 0, up to 1.
    """
    corners = points[triangles]
    # sides opposite to each corner, and the gradients of the three linear functions
    sides = np.roll(corners, -2, axis=1) - np.roll(corners, -1, axis=1)
    normal = np.cross(sides[:, 0], sides[:, 1])
    double = np.maximum(np.linalg.norm(normal, axis=1), 1e-9)[:, None]
    normal = normal / double
    gradients = np.cross(normal[:, None], sides) / double[:, None]
    direction = axis[triangles].mean(axis=1)
    direction -= np.einsum("tc,tc->t", direction, normal)[:, None] * normal
    part = np.einsum("tkc,tc->tk", gradients, direction)
    edges, stiffness = [], []
    for one, other in ((0, 1), (1, 2), (2, 0)):
        even = np.einsum("tc,tc->t", gradients[:, one], gradients[:, other])
        edges.append(triangles[:, [one, other]])
        stiffness.append(-0.5 * double[:, 0] * (even - (1 - along) * part[:, one] * part[:, other]))
    pairs, inverse = np.unique(np.sort(np.concatenate(edges), axis=1), axis=0, return_inverse=True)
    sums = np.zeros(len(pairs))
    np.add.at(sums, inverse.ravel(), np.concatenate(stiffness))
    return pairs.astype(np.int64), sums


def _carried(
    wanted: Array,
    trust: Array,
    targets: NDArray[np.int64],
    weights: Array,
    present: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> Array:
    """A first guess (V, C): what is known is handed on from vertex to vertex until all have something."""
    total = trust.copy()
    values = wanted / np.maximum(total, 1e-12)[:, None]
    settled = total > _KNOWN * float(total.max())
    values[~settled] = wanted.sum(axis=0) / max(float(total.sum()), 1e-12)
    for least in (_LOOSE * float(weights.max(initial=0.0)), 0.0):  # loose edges only where nothing else leads
        tight = np.where(weights > least, weights, 0.0)
        for _ in range(_ROUNDS):
            given = np.zeros(len(total))
            given[present] = np.add.reduceat(tight * settled[targets], starts)
            new = ~settled & (given > 0)
            if not new.any():
                break
            sums = np.zeros_like(values)
            sums[present] = np.add.reduceat((tight * settled[targets])[:, None] * values[targets], starts, axis=0)
            values[new] = sums[new] / given[new, None]
            settled |= new
    return values
