"""What holds for every answer of an engine, whatever the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body

Array = NDArray[np.float64]

OFFICIAL_ROOT = 0.923987
"""Metres: the height of MHR's root joint above the model's origin, which no parameter but the root's own translation
moves. Every published answer of SAM 3D Body has it (``pred_joint_coords`` of the official repository's examples)."""
_OFFICIAL_COMPONENTS = (45, 72)

SLACK = 2.0
"""How far a parameter may stand beyond MHR's limits (radians, or the parameter's own unit): published answers of SAM 3D
Body do so by up to 0.65, as limits are no part of the network."""
_SAME_PLACE = 1e-5
_SAME_POINT = 1e-4
_SAME_PIXEL = 0.05
LARGEST_FACTOR = 1.4
"""By which the person may be nearer, farther, smaller or larger than the picture's: of one picture alone, size and
distance cannot be told apart to better than a tenth or two."""


@dataclass(frozen=True)
class Finding:
    """One invariant: name, whether it holds, measured, bound, unit, and a sentence about it."""

    name: str
    holds: bool
    measured: float
    bound: float
    unit: str
    sentence: str


def invariants(estimate: Estimate, body: Body) -> list[Finding]:
    """Check an estimate of a body without prompts and without edits."""
    arrays: dict[str, NDArray[Any]] = {
        "model parameters": estimate.model_parameters,
        "shape": estimate.identity,
        "expression": estimate.expression,
        "camera": estimate.camera_translation,
        "keypoints": estimate.keypoints_3d,
        "joints": estimate.joints,
        "mesh": estimate.vertices,
    }
    broken = [name for name, array in arrays.items() if not np.isfinite(np.asarray(array)).all()]
    if broken:
        text = f"The answer holds numbers that are not finite: {', '.join(broken)}."
        return [Finding("finite", False, float(len(broken)), 0.0, "arrays", text)]
    return [
        Finding("finite", True, 0.0, 0.0, "arrays", "All numbers of the answer are finite."),
        _root(estimate, body),
        _limits(estimate, body),
        _in_front(estimate),
        _mesh(estimate, body),
        _camera(estimate),
    ]


def against(estimate: Estimate, keypoints_3d: Array) -> list[Finding]:
    """Distance and size, compared with what is known: keypoints (70, 3) m, camera axes."""
    hips = slice(9, 11)
    own, other = (points[hips, 2].mean() for points in (estimate.keypoints_3d, keypoints_3d))
    chain = np.array([[5, 7], [6, 8], [9, 11], [10, 12], [11, 13], [12, 14]])
    lengths = [
        np.linalg.norm(points[chain[:, 1]] - points[chain[:, 0]], axis=1).sum()
        for points in (estimate.keypoints_3d, keypoints_3d)
    ]
    return [
        _factor("distance", float(own / other), "The person is", "times as far away as in truth"),
        _factor("size", float(lengths[0] / lengths[1]), "The person's limbs are", "times as long as in truth"),
    ]


def _factor(name: str, ratio: float, start: str, end: str) -> Finding:
    factor = max(ratio, 1.0 / ratio) if ratio > 0 else float("inf")
    text = f"{start} {ratio:.2f} {end} (at most a factor of {LARGEST_FACTOR:g})."
    return Finding(name, bool(factor <= LARGEST_FACTOR), factor, LARGEST_FACTOR, "times", text)


def _root(estimate: Estimate, body: Body) -> Finding:
    root = body.joint_index("root")
    rest = mhr_to_camera(body.pose(np.zeros_like(estimate.model_parameters)).translations[root])
    if (body.identity_count, body.expression_count) == _OFFICIAL_COMPONENTS:
        rest[1] = -OFFICIAL_ROOT
    away = float(np.linalg.norm(estimate.joints[root] - estimate.camera_translation - rest))
    text = (
        f"The root joint lies {1000 * away:.3f} mm from its constant place, {-rest[1]:.6f} m above the model's origin."
    )
    return Finding("root", away <= _SAME_PLACE, away, _SAME_PLACE, "m", text)


def _limits(estimate: Estimate, body: Body) -> Finding:
    values = estimate.model_parameters
    excess = np.maximum(body.limit_min - values, values - body.limit_max)
    worst = int(np.argmax(excess))
    most = max(0.0, float(excess[worst]))
    text = (
        f"{body.parameter_names[worst]} stands {most:.2f} beyond MHR's limits (at most {SLACK:g})."
        if most > 0
        else "All parameters are within MHR's limits."
    )
    return Finding("limits", most <= SLACK, most, SLACK, "", text)


def _in_front(estimate: Estimate) -> Finding:
    nearest = float(min(estimate.keypoints_3d[:, 2].min(), estimate.vertices[:, 2].min()))
    text = f"The nearest point of the body is {nearest:.2f} m in front of the camera."
    return Finding("in front", nearest > 0, nearest, 0.0, "m", text)


def _mesh(estimate: Estimate, body: Body) -> Finding:
    posed = body.pose(estimate.model_parameters)
    vertices = body.posed_vertices(posed, estimate.identity, estimate.expression)
    keypoints = mhr_to_camera(body.keypoints(posed, vertices), estimate.camera_translation)
    away = float(np.linalg.norm(keypoints - estimate.keypoints_3d, axis=1).max())
    text = f"Reported keypoints lie up to {1000 * away:.3f} mm from those of the mesh."
    return Finding("mesh", away <= _SAME_POINT, away, _SAME_POINT, "m", text)


def _camera(estimate: Estimate) -> Finding:
    away = np.linalg.norm(project(estimate.keypoints_3d, estimate.intrinsics) - estimate.keypoints_2d, axis=1)
    most = float(np.where(np.isfinite(away), away, np.inf).max())
    text = f"Keypoints in the picture lie up to {most:.3f} px from where the camera sees those in space."
    return Finding("camera", most <= _SAME_PIXEL, most, _SAME_PIXEL, "px", text)
