"""The default body's expressions on MHR's official body: which of its own shapes move a face as each of them does.

Both meshes have the same skeleton and a face in the same place, but neither vertices nor shapes in common. The official
face is laid onto the default one (axis by axis by points of eyes, nose, mouth and ears, then by smoothed closest points
whose normals agree), each of its vertices takes the motion of the point that it comes to lie on, and the motion is
explained by the official shapes: least squares with coefficients that are not negative and, so that few shapes are
used, with a cost for each (Tibshirani's lasso, 1996). Shapes of mouth and eyes do not stand for each other. As lids and
lips of the two are not alike, a part of each motion remains; the coefficients are raised until the size of the motion
agrees, by 1.6 at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from native_runtime.characters.faces import is_of_mouth
from native_runtime.fitting.face import within_bounds
from native_runtime.fitting.problem import named_rows
from native_runtime.mhr import Body

from .learn import SILENT, mirror_name

Array = NDArray[np.float64]

_POINTS = tuple(f"blazepose_{number:02d}" for number in (0, 1, 3, 4, 6, 7, 8, 9, 10))
_MOVING = 0.02
"""cm: vertices that no shape moves by more are not of the face."""
_SMOOTHING = (4.0, 3.0, 2.0, 1.5, 1.0)
"""cm: sigmas over which the closest points are averaged, one round after the other."""
_NEIGHBOURS, _FACING, _FARTHER = 24, 0.4, 1.5
_MOTION = 1.5
"""cm: a round moves no vertex by more."""
_COST, _RIDGE, _USED, _RAISED = 0.12, 0.02, 0.03, 1.6
_OF_MOUTH = 0.6
"""Share of a shape's motion below the nose from which it is one of the mouth."""
_SKIN = ("skin", "lips")


def transfer(default: Body, official: Body) -> dict[str, Any]:
    """The content of ``rig_templates/face/mhr.json``: for each expression of the default body the numbers and
    coefficients of the official body's, and which of these are of the mouth.
    """
    scale, points = _laid_over(default, official)
    moving = np.flatnonzero(np.linalg.norm(official.expression_basis, axis=2).max(axis=0) > _MOVING)
    rows, lain = _rows_of(default, official, moving, points)
    weight = np.sqrt(_areas(points, official.triangles))[moving, None]
    shapes = official.expression_basis[:, moving] * scale * weight
    nose = named_rows(default, _POINTS[:1]).combine(_places(default))[0, 1]
    below = (shapes**2).sum(axis=2)[:, lain[:, 1] < nose - 1.0].sum(axis=1) / (shapes**2).sum(axis=(1, 2))
    mouth = below > _OF_MOUTH
    matrix = shapes.reshape(len(shapes), -1).T
    hessian = matrix.T @ matrix
    names = [name for name in default.expression_names if name not in SILENT]
    weights = np.zeros((len(names), len(shapes)))
    for number, name in enumerate(names):
        wanted = (default.expression_basis[list(default.expression_names).index(name), rows] * weight).ravel()
        allowed = np.ones(len(shapes), bool) if name.startswith("cheek") else mouth == is_of_mouth(name)
        weights[number] = _explained(matrix, hessian, wanted, allowed)
    weights = _symmetric(names, weights, official)
    return {
        "expression": {
            name: {str(k): round(float(row[k]), 3) for k in np.flatnonzero(row > _USED)}
            for name, row in zip(names, weights)
        },
        "mouth": np.flatnonzero(mouth).tolist(),
    }


def _places(body: Body) -> Array:
    return np.concatenate([body.rest_vertices, body.skeleton.rest.translations]).astype(np.float64)


def _laid_over(default: Body, official: Body) -> tuple[Array, Array]:
    """The scale (3,) of the official head's axes, and its vertices (V, 3) cm in those of the default one."""
    here, there = (named_rows(body, _POINTS).combine(_places(body)) for body in (official, default))
    scale, shift = np.ones(3), np.zeros(3)
    for axis in range(3):
        table = np.column_stack([here[:, axis], np.ones(len(here))])
        scale[axis], shift[axis] = np.linalg.lstsq(table, there[:, axis], rcond=None)[0]
    return scale, official.rest_vertices * scale + shift


def _normals(points: Array, triangles: NDArray[np.int64]) -> Array:
    corners = points[triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(points)
    for corner in triangles.T:
        np.add.at(normals, corner, across)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9))


def _areas(points: Array, triangles: NDArray[np.int64]) -> Array:
    corners = points[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
    return np.bincount(triangles.ravel(), np.repeat(area, 3), len(points))


def _rows_of(
    default: Body, official: Body, moving: NDArray[np.int64], points: Array
) -> tuple[NDArray[np.int64], Array]:
    """For each moving vertex of the official face the vertex of the default one that it comes to lie on, and where."""
    materials = np.array(default.material_names)[np.repeat(default.face_materials, default.face_sizes - 2)]
    triangles = default.triangles[np.isin(materials, _SKIN)]
    target, used = default.rest_vertices.astype(np.float64), np.unique(triangles)
    facing, normals = _normals(target, triangles), _normals(points, official.triangles)[moving]
    tree, start = cKDTree(target[used]), points[moving]
    lain = start.copy()

    def closest() -> NDArray[np.int64]:
        apart, numbers = tree.query(lain, k=_NEIGHBOURS)
        agree = np.einsum("nc,nkc->nk", normals, facing[used][numbers]) > _FACING
        best = np.argmin(apart + _FARTHER * ~agree, axis=1)
        return np.asarray(used[numbers[np.arange(len(lain)), best]])

    distances = ((start[:, None] - start[None]) ** 2).sum(axis=2)
    for sigma in _SMOOTHING:
        share = np.exp(-distances / (2 * sigma**2))
        step = np.clip(target[closest()] - lain, -_MOTION, _MOTION)
        lain = lain + share @ step / share.sum(axis=1, keepdims=True)
    return closest(), lain


def _explained(matrix: Array, hessian: Array, wanted: Array, allowed: NDArray[np.bool_]) -> Array:
    """(n,) coefficients of the shapes, columns of `matrix`, that move a face like `wanted`."""
    size, ridge = float(np.linalg.norm(wanted)), _RIDGE * np.diag(hessian).mean() * np.eye(len(hessian))
    pull, high = matrix.T @ wanted, np.where(allowed, 1.5, 0.0)
    cost = _COST * size * np.sqrt(np.diag(hessian))
    few = within_bounds(hessian + ridge, pull - cost, np.zeros(len(pull)), high) > _USED
    result = within_bounds(hessian + ridge, pull, np.zeros(len(pull)), np.where(few, high, 0.0))
    moved = float(np.linalg.norm(matrix @ result))
    return result * min(size / moved, _RAISED) if moved > 0 else result


def _symmetric(names: list[str], weights: Array, official: Body) -> Array:
    """The same on both sides of the face."""
    points, mirror = official.rest_vertices.astype(np.float64), np.array([-1.0, 1.0, 1.0])
    across = cKDTree(points).query(points * mirror)[1]
    shapes = official.expression_basis.reshape(len(official.expression_basis), -1)
    turned = (official.expression_basis[:, across] * mirror).reshape(shapes.shape)
    sizes = np.linalg.norm(shapes, axis=1)
    partner = np.argmax(turned @ shapes.T / sizes[:, None] / sizes[None], axis=1)
    swapped = weights[[names.index(mirror_name(name)) for name in names]][:, partner]
    return np.asarray((weights + swapped) / 2)
