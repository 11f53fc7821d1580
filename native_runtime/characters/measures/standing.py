"""A body in the standard pose, and how its surface follows the sliders of skeleton and shape.

The standard pose is MHR's rest pose: upright, feet apart, arms away from the body. Whatever somebody's pose in a
photo is, they are measured in it: only the skeleton's parameters and the shape are taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.characters.settings import parameters_of

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_FACE = ("c_jaw", "c_teeth", "c_tongue", "eye")
_WHOLLY = 0.99


@dataclass(frozen=True)
class Figure:
    """Somebody in the standard pose, MHR axes.

    Attributes:
        vertices: (V, 3) cm, of those vertices that `Standing` keeps.
        joints: (J, 3) cm.
    """

    vertices: Array
    joints: Array


class Standing:
    """Puts a body into the standard pose; fingers and the inside of the face are left out, since no measure needs them.

    Attributes:
        body: the body.
        kept: (V,) which of its vertices there are; all others numbers of vertices here count among these.
        edges: (E, 2) of the mesh.
        skeleton: (204,) which model parameters belong to the skeleton.
        lengths: (n,) the indices of those that shift joints, and only that: what figures are linear in.
        joint_motion: (J, 3, n) cm by which one unit of each of ``lengths`` shifts each joint.
    """

    def __init__(self, body: Body) -> None:
        self.body = body
        self.skeleton = parameters_of(body, "skeleton")
        transform = body.parameterisation
        shifting = np.ones(len(body.parameter_names), bool)
        shifting[transform.columns[transform.rows % 7 > 2]] = False
        self.lengths: Indices = np.flatnonzero(self.skeleton & shifting)
        rest = body.skeleton.rest.translations
        moved = body.pose(np.eye(len(body.parameter_names))[self.lengths]).translations
        self.joint_motion: Array = (moved - rest).transpose(1, 2, 0)
        names = [_without_side(name) for name in body.joint_names]
        aside = np.array([name.startswith((*_FINGERS, *_FACE)) for name in names])
        held = np.where(body.skin_weights > 0, aside[body.skin_indices], False) * body.skin_weights
        self.kept: Indices = np.flatnonzero(held.sum(axis=1) < _WHOLLY)
        self.edges = _edges(body, self.kept)
        weights = np.zeros((len(self.kept), len(names)), np.float32)
        rows = np.repeat(np.arange(len(self.kept)), body.skin_indices.shape[1])
        np.add.at(weights, (rows, body.skin_indices[self.kept].ravel()), body.skin_weights[self.kept].ravel())
        self._names, self._used = names, np.flatnonzero(weights.any(axis=0))
        self._weights = weights
        self._used_weights = np.ascontiguousarray(weights[:, self._used])
        self._rest = np.asarray(body.rest_vertices[self.kept], np.float32)
        basis = np.asarray(body.identity_basis[:, self.kept], np.float32)
        self._basis = np.ascontiguousarray(basis.reshape(len(basis), -1))

    def upright(self, parameters: ArrayLike) -> Array:
        """(204,) the same skeleton in the standard pose."""
        return np.where(self.skeleton, np.asarray(parameters, np.float64), 0.0)

    def figure(self, parameters: ArrayLike, identity: ArrayLike) -> Figure:
        """Somebody in the standard pose.

        Pose correctives are nothing there, and not computed.

        Args:
            parameters: (204,) model parameters; only the skeleton's matter.
            identity: (n_id,) coefficients.
        """
        pose = self.body.pose(self.upright(parameters))
        shape = self._rest + (np.asarray(identity, np.float32) @ self._basis).reshape(-1, 3)
        moved = (pose.joints[self._used] @ self.body.inverse_bind[self._used])[:, :3]
        blended = (self._used_weights @ moved.reshape(len(moved), 12).astype(np.float32)).reshape(-1, 3, 4)
        vertices = np.matmul(blended[:, :, :3], shape[:, :, None])[:, :, 0] + blended[:, :, 3]
        return Figure(vertices.astype(np.float64), pose.translations)

    def share(self, *beginnings: str) -> Array:
        """(V,) how much of each vertex follows the joints whose names, without the side, begin so."""
        chosen = [name.startswith(beginnings) for name in self._names]
        return np.asarray(self._weights[:, chosen].sum(axis=1), np.float64)

    def side(self, side: str) -> Array:
        """(V,) how much of each vertex follows the joints of a side, ``l`` or ``r``."""
        chosen = [name.startswith(f"{side}_") for name in self.body.joint_names]
        return np.asarray(self._weights[:, chosen].sum(axis=1), np.float64)

    def vertex_motion(self, which: Indices) -> Array:
        """(m, 3, n + n_id) cm by which one unit of each of ``lengths``, then of each coefficient, moves some vertices.

        Lengths below a hand whose size was changed are counted as if it were not.
        """
        shifted = np.tensordot(self._weights[which].astype(np.float64), self.joint_motion, axes=(1, 0))
        shaped = self._basis.reshape(-1, len(self.kept), 3)[:, which].transpose(1, 2, 0)
        return np.concatenate([shifted, shaped], axis=2)


def _without_side(name: str) -> str:
    return name.removeprefix("l_").removeprefix("r_")


def _edges(body: Body, kept: Indices) -> Indices:
    """(E, 2) each edge of the mesh's triangles between kept vertices once, by their numbers among the kept."""
    number = np.full(body.vertex_count, -1, np.int64)
    number[kept] = np.arange(len(kept))
    corners = number[body.triangles]
    corners = corners[(corners >= 0).all(axis=1)]
    pairs = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0).reshape(-1, 2)
