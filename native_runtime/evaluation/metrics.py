"""The field's measures of a person's error. Points are metres in camera axes; errors in space are millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MM = 1000.0
#: Of the area under the curve: up to 15 cm, as Mehta et al. ("Monocular 3D Human Pose Estimation in the Wild", 2017).
_CURVE_MM = np.linspace(0.0, 150.0, 31)


def joint_errors(found: Array, true: Array, root: tuple[int, ...]) -> Array:
    """(J,) mm between joints (J, 3), both seen from the middle of the joints ``root``; NaN where one is not known."""
    return np.asarray(np.linalg.norm(_rooted(found, root) - _rooted(true, root), axis=1) * _MM)


def aligned_errors(found: Array, true: Array) -> Array:
    """(J,) mm after moving, turning and scaling the joints that are found onto the true ones (Procrustes analysis);
    NaN where a joint is not known, and for all where fewer than three are.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.
    """
    known = np.isfinite(found).all(axis=1) & np.isfinite(true).all(axis=1)
    errors = np.full(len(true), np.nan)
    if np.count_nonzero(known) >= 3:
        source, target = found[known], true[known]
        x, y = source - source.mean(axis=0), target - target.mean(axis=0)
        u, s, vt = np.linalg.svd(y.T @ x)
        sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        scale = (s * sign).sum() / max(float((x**2).sum()), 1e-18)
        errors[known] = np.linalg.norm(scale * x @ ((u * sign) @ vt).T - y, axis=1) * _MM
    return errors


def correct_keypoints(found: Array, true: Array, box: Array, share: float = 0.05) -> NDArray[np.float64]:
    """(K,) 1 where a keypoint (K, 2) px lies within ``share`` of the box's longer side of the true one, 0 where not,
    NaN where the true one is not known. Their mean is PCK.
    """
    away = np.linalg.norm(found - true, axis=1)
    correct = (away <= share * float(max(box[2] - box[0], box[3] - box[1]))).astype(np.float64)
    correct[~np.isfinite(true).all(axis=1)] = np.nan
    return correct


def area_under_curve(errors: Array) -> float:
    """The mean share of joints within 0, 5, ..., 150 mm, of errors (J,) in mm; NaN where none is known."""
    known = errors[np.isfinite(errors)]
    return float((known[:, None] <= _CURVE_MM).mean()) if len(known) else float("nan")


def overlap(a: Array, b: Array) -> Array:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4), x0 y0 x1 y1."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (a, b)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12))


def _rooted(points: Array, root: tuple[int, ...]) -> Array:
    return points - points[list(root)].mean(axis=0)
