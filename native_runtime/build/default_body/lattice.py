"""Flesh around a joint: a lattice of elastic cells in which the skin lies, bent by the bones within.

The solver is projective dynamics (Bouaziz et al., "Projective Dynamics: Fusing Constraint Projections for Fast
Simulation", SIGGRAPH 2014) at rest: every cell wants to be its rest shape turned, and to keep its volume; skin that has
passed the plane in which the two sides of a fold meet wants back to it. The cells are cubes, moved by their eight
corners (shape matching as in Rivers and James, "FastLSM", SIGGRAPH 2007), so all of them share one constant matrix,
which is inverted once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.default_body.geometry import Array

Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]
Project = Callable[[Array], Array]
"""Skin points (n, 3) -> where contact wants them; those that touch nothing stay."""

_CORNERS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])
_CENTRED = _CORNERS - 0.5
_KEEP_VOLUME = 2.0
"""Stiffness of a cell's volume against that of its shape."""
_SKIN = 8.0
"""Stiffness of contact at a skin point against that of a cell's shape."""
_ANCHOR = 1e-6
"""Keeps corners that nothing holds where they are."""


@dataclass(frozen=True)
class Lattice:
    """Cubes around a part of the skin.

    Attributes:
        nodes: (N, 3) cm, the corners at rest.
        cells: (C, 8) the corners of each cube.
        size: edge of a cube, cm.
        skin_nodes, skin_shares: (n, 8) the corners of the cube of each skin point, and their shares in it.
    """

    nodes: Array
    cells: Indices
    size: float
    skin_nodes: Indices
    skin_shares: Array

    @staticmethod
    def around(skin: Array, normals: Array, size: float, half: bool = False) -> Lattice:
        """The cubes that skin points (n, 3) with outward unit normals (n, 3) lie in, and those beneath them.

        A cube belongs to the body where the skin point nearest to its centre looks away from it. With ``half`` the
        lattice ends in the plane x = 0.
        """
        low = skin.min(axis=0) - 0.5 * size
        if half:
            low[0] = 0.0
        shape = np.ceil((skin.max(axis=0) - low) / size).astype(int) + 1
        every = np.stack(np.meshgrid(*(np.arange(k) for k in shape), indexing="ij"), axis=-1).reshape(-1, 3)
        centres = low + (every + 0.5) * size
        nearest = nearest_of(centres, skin)
        inside = np.sum((centres - skin[nearest]) * normals[nearest], axis=1) < 0
        own = np.clip(np.floor((skin - low) / size).astype(int), 0, shape - 1)
        number = np.ravel_multi_index(tuple(own.T), tuple(shape))
        inside[number] = True
        corners = every[inside][:, None] + _CORNERS
        flat = np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), tuple(shape + 1))
        used, cells = np.unique(flat, return_inverse=True)
        cells = cells.reshape(flat.shape)
        nodes = low + np.stack(np.unravel_index(used, tuple(shape + 1)), axis=-1) * size
        place = np.full(len(every), -1)
        place[inside] = np.arange(int(inside.sum()))
        within = (skin - low) / size - own
        shares = np.prod(np.where(_CORNERS == 1, within[:, None], 1.0 - within[:, None]), axis=2)
        return Lattice(nodes, cells, size, cells[place[number]], shares)

    def skin(self, nodes: Array) -> Array:
        """The skin points (n, 3) for corners (N, 3)."""
        return np.einsum("nk,nkc->nc", self.skin_shares, nodes[self.skin_nodes])


class Flesh:
    """A lattice some of whose corners are held; it can be bent again and again."""

    def __init__(self, lattice: Lattice, held: Bools, middle: Bools) -> None:
        """``held``: (N,) the corners whose places are given; ``middle``: (N,) those that keep their x alone."""
        self.lattice = lattice
        self._held = np.flatnonzero(held)
        count = len(lattice.nodes)
        matrix: Array = np.zeros((count, count))
        cell = (1.0 + _KEEP_VOLUME) * (np.eye(8) - 1.0 / 8.0)
        for a in range(8):
            for b in range(8):
                np.add.at(matrix, (lattice.cells[:, a], lattice.cells[:, b]), cell[a, b])
                shares = _SKIN * lattice.skin_shares[:, a] * lattice.skin_shares[:, b]
                np.add.at(matrix, (lattice.skin_nodes[:, a], lattice.skin_nodes[:, b]), shares)
        matrix[np.arange(count), np.arange(count)] += _ANCHOR
        whole = _Solver.of(matrix, held)
        sideways = _Solver.of(matrix, held | middle) if np.any(middle & ~held) else whole
        self._solvers = (sideways, whole, whole)
        self._offsets = _CENTRED * lattice.size

    def bend(self, start: Array, held: Array, project: Project, rounds: int) -> Array:
        """Corners (N, 3) at rest among those held.

        Args:
            start: (N, 3) first guess.
            held: (N, 3) the places of the corners that are held; others are not looked at.
            project: contact.
            rounds: how often shapes and places are found in turn.
        """
        lattice = self.lattice
        nodes = start.copy()
        nodes[self._held] = held[self._held]
        for _ in range(rounds):
            force = np.zeros_like(nodes)
            own = nodes[lattice.cells]
            gradient = np.einsum("ckx,ky->cxy", own, self._offsets, optimize=True) / (2.0 * lattice.size**2)
            wanted = np.einsum("cxy,ky->ckx", _wanted(gradient), self._offsets, optimize=True)
            _gather(force, lattice.cells, wanted)
            skin = project(lattice.skin(nodes)) * _SKIN
            _gather(force, lattice.skin_nodes, lattice.skin_shares[:, :, None] * skin[:, None])
            force += _ANCHOR * nodes
            for axis, solver in enumerate(self._solvers):
                solver.solve(nodes[:, axis], force[:, axis])
        return nodes


@dataclass(frozen=True)
class _Solver:
    """The inverse of the matrix for the corners that are free along one axis."""

    free: Indices
    held: Indices
    inverse: np.ndarray
    outer: Array

    @staticmethod
    def of(matrix: Array, held: Bools) -> _Solver:
        inside, outside = np.flatnonzero(~held), np.flatnonzero(held)
        inverse = np.linalg.inv(matrix[np.ix_(inside, inside)])
        return _Solver(inside, outside, inverse, matrix[np.ix_(inside, outside)])

    def solve(self, places: Array, force: Array) -> None:
        """Put the free corners where the force (N,) wants them, given where the others are, in place."""
        places[self.free] = self.inverse @ (force[self.free] - self.outer @ places[self.held])


def _gather(into: Array, places: Indices, values: Array) -> None:
    """Add values (n, 8, 3) to the rows ``places`` (n, 8)."""
    flat = places.ravel()
    for axis in range(3):
        into[:, axis] += np.bincount(flat, weights=values[..., axis].ravel(), minlength=len(into))


def _wanted(gradient: Array) -> Array:
    """What cells want for deformation gradients (C, 3, 3): the turned shape, and the nearest one of the same volume."""
    left, stretch, right = np.linalg.svd(gradient)
    turned_over = np.linalg.det(left @ right) < 0
    left[turned_over, :, 2] *= -1.0
    stretch[turned_over, 2] *= -1.0
    kept = np.clip(stretch, 0.15, 4.0)
    for _ in range(4):  # Newton steps along the volume's gradient
        a, b, c = kept.T
        slope = np.stack([b * c, a * c, a * b], axis=1)
        step = (a * b * c - 1.0) / np.maximum(np.sum(slope * slope, axis=1), 1e-3)
        kept = np.clip(kept - step[:, None] * slope, 0.15, 4.0)
    return (left * (1.0 + _KEEP_VOLUME * kept)[:, None, :]) @ right


def nearest_of(points: Array, among: Array) -> Indices:
    """(n,) for each of points (n, 3) the number of the nearest among (m, 3)."""
    result = np.empty(len(points), np.int64)
    square = np.sum(among * among, axis=1)
    for start in range(0, len(points), 2048):
        part = points[start : start + 2048]
        result[start : start + 2048] = np.argmin(square - 2.0 * part @ among.T, axis=1)
    return result
