"""Measures what the network shows of a body's head: ``fitting.face.FaceResponse`` of rendered heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from native_runtime.detection.face_mesh import mirror_partners
from native_runtime.fitting.face import FaceResponse, aligned, turn_terms
from native_runtime.mhr import Body

from .truth import Case

Array = NDArray[np.float64]

UNSEEN = ("ear_size", "ear_wing", "neck_thickness", "double_chin", "face_age", "head_depth")
"""Coefficients of the head of which the points show nothing."""
SILENT = ("tongueOut", "mouthClose")
"""Expressions that are never asked for: see ``truth``."""

_MIRROR = np.array([-1.0, 1.0, 1.0])
_ACROSS, _DOWN = ((263, 33), (454, 234), (291, 61)), (10, 152)
"""Points of the left and of the right, and from the forehead to the chin: they say which way a face looks."""
_COMPONENTS = 400
"""Principal directions in which noise and slopes are measured."""
_KEPT = 40
"""Of these so many, the largest, are kept as they are; of the others only what tells the coefficients."""
_RIDGE = 2.0
_SHRUNK = 0.01


def learn(body: Body, cases: Sequence[Case]) -> FaceResponse:
    """The response that explains the cases best, by ridge regression."""
    seen = [case for case in cases if case.mesh is not None]
    meshes = [case.mesh for case in seen if case.mesh is not None]
    expression = [name for name in body.expression_names if name not in SILENT]
    identity = [
        name for name, group in zip(body.identity_names, body.identity_groups) if group == "head" and name not in UNSEEN
    ]
    columns = [list(body.expression_names).index(name) for name in expression]
    rows = [list(body.identity_names).index(name) for name in identity]
    true = np.stack([np.r_[case.expression[columns], case.identity[rows]] for case in seen])
    mean = _mean_head([(mesh.points, mesh.depths) for mesh, case in zip(meshes, seen) if not case.expression.any()])
    partner = mirror_partners()
    mean = (mean + mean[partner] * _MIRROR) / 2
    aligned_meshes = [aligned(mesh.points, mesh.depths, mean) for mesh in meshes]
    forward = _forward([rotation for _, rotation, _ in aligned_meshes], [case.yaw for case in seen])
    turns = np.stack([turn_terms(*_turn(rotation, forward)) for _, rotation, _ in aligned_meshes])
    # Every head counts as its mirror image, too.
    swapped = [*(expression.index(mirror_name(name)) for name in expression), *range(len(expression), true.shape[1])]
    table = np.stack([(place - mean).ravel() for place, _, _ in aligned_meshes])
    mirrored = (table.reshape(-1, *mean.shape)[:, partner] * _MIRROR).reshape(table.shape)
    table, true = np.concatenate([table, mirrored]), np.concatenate([true, true[:, swapped]])
    turns = np.concatenate([turns, turns * (-1.0, 1.0, 1.0, 1.0, -1.0)])
    known = np.column_stack([true, turns, np.ones(len(true))])
    penalty = _RIDGE * np.eye(known.shape[1])
    penalty[-1, -1] = 0.0
    effects = np.linalg.solve(known.T @ known + penalty, known.T @ table)
    mean, table = mean + effects[-1].reshape(mean.shape), table - effects[-1]
    _, _, components = np.linalg.svd(table, full_matrices=False)
    components = components[:_COMPONENTS]
    effects = effects[:-1] @ components.T
    rest = table @ components.T - known[:, :-1] @ effects
    covariance = rest.T @ rest / (len(rest) - known.shape[1])
    covariance = covariance + _SHRUNK * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    count = true.shape[1]
    # Of the points, least squares use the covariance's inverse times the slopes only; the largest directions stay
    # beside, so that points which are no face's are noticed.
    telling = np.linalg.solve(covariance, effects[:count].T)
    basis = np.linalg.qr(
        np.column_stack([telling / np.linalg.norm(telling, axis=0), np.eye(len(covariance))[:, :_KEPT]])
    )[0]
    effects = effects @ basis
    return FaceResponse(
        mean, basis.T @ components, effects[:count], basis.T @ covariance @ basis, effects[count:], tuple(expression),
        tuple(identity), forward,
    )  # fmt: skip


def _forward(rotations: Sequence[Array], yaws: Sequence[float]) -> Array:
    """(3,) the direction out of the face in the axes of the mean head, of heads that are turned by known angles."""
    turns = [rotation.T @ (np.sin(yaw), 0.0, -np.cos(yaw)) for rotation, yaw in zip(rotations, np.radians(yaws))]
    forward = np.mean(turns, axis=0) * (0.0, 1.0, 1.0)
    return np.asarray(forward / np.linalg.norm(forward))


def _turn(rotation: Array, forward: Array) -> tuple[float, float]:
    """Yaw and pitch, degrees, as ``fit_face`` has them."""
    camera = -rotation[2]
    yaw = np.degrees(np.arctan2(-camera[0], -camera[2]))
    return float(yaw), float(np.degrees(np.arcsin(np.clip(camera[1], -1.0, 1.0)) - np.arcsin(forward[1])))


def mirror_name(name: str) -> str:
    """The expression on the other side of the face; itself where there is none."""
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def mirror_points(mean: Array) -> NDArray[np.int64]:
    """(478,) for each point the one on the other side: found in the mean head (478, 3)."""
    apart = np.linalg.norm(mean[:, None] - (mean * _MIRROR)[None], axis=2)
    return np.asarray(linear_sum_assignment(apart)[1], np.int64)


def _mean_head(neutral: Sequence[tuple[Array, Array]]) -> Array:
    """(478, 3) of unit size, upright and straight: the mean of neutral heads (generalised Procrustes)."""
    mean = np.column_stack(neutral[0])
    for _ in range(5):
        mean = mean - mean.mean(axis=0)
        mean /= np.sqrt(np.mean(np.sum(mean**2, axis=1)))
        mean = np.mean([aligned(points, depths, mean)[0] for points, depths in neutral], axis=0)
    across, down = sum(mean[left] - mean[right] for left, right in _ACROSS), mean[_DOWN[1]] - mean[_DOWN[0]]
    x = across / np.linalg.norm(across)
    y = down - (down @ x) * x
    y /= np.linalg.norm(y)
    return np.asarray(mean @ np.stack([x, y, np.cross(x, y)], axis=1))
