"""The field's measures of a person's error. Points are metres in camera axes; errors in space are millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .alignment import MM, aligned, distances, similarity

Array = NDArray[np.float64]

#: Of the area under the curve: up to 15 cm, as Mehta et al. ("Monocular 3D Human Pose Estimation in the Wild", 2017).
_CURVE_MM = np.linspace(0.0, 150.0, 31)
#: Fewer points than these have no rotation that brings them onto others.
_FEWEST = 3


def joint_errors(found: Array, true: Array, root: tuple[int, ...]) -> Array:
    """(J,) mm between joints (J, 3), both seen from the middle of the joints ``root``; NaN where one is not known."""
    return np.asarray(np.linalg.norm(_rooted(found, root) - _rooted(true, root), axis=1) * MM)


def aligned_errors(found: Array, true: Array) -> Array:
    """(J,) mm after moving, turning and scaling the joints that are found onto the true ones (Procrustes analysis,
    ``alignment.similarity``); NaN where a joint is not known, and for all where fewer than three are.
    """
    known = np.isfinite(found).all(axis=1) & np.isfinite(true).all(axis=1)
    errors = np.full(len(true), np.nan)
    if np.count_nonzero(known) >= _FEWEST:
        errors[known] = distances(aligned(found[known], true[known]), true[known])
    return errors


def correct_keypoints(found: Array, true: Array, box: Array, share: float = 0.05) -> Array:
    """(K,) 1 where a keypoint (K, 2) px lies within ``share`` of the box's longer side of the true one, 0 where not,
    NaN where the true one is not known. Their mean is PCK.
    """
    return near_keypoints(found, true, share * float(max(box[2] - box[0], box[3] - box[1])))


def near_keypoints(found: Array, true: Array, distance: float) -> Array:
    """(K,) the same within ``distance`` px. Within half the size of the head, their mean is PCKh@0.5 (Andriluka et al.,
    "2D Human Pose Estimation: New Benchmark and State of the Art Analysis", 2014).
    """
    correct = (np.linalg.norm(found - true, axis=1) <= distance).astype(np.float64)
    correct[~np.isfinite(true).all(axis=1)] = np.nan
    return correct


def within(errors: Array, mm: float = 150.0) -> Array:
    """(J,) of errors in mm: 1 where one is within ``mm``, 0 where not, NaN where it is not known. Their mean is 3D PCK
    (Mehta et al., as above).
    """
    return np.asarray(np.where(np.isfinite(errors), errors <= mm, np.nan))


def curve_shares(errors: Array) -> Array:
    """(J,) of errors in mm: the share of the thresholds 0, 5, ..., 150 mm that each is within; NaN where it is not
    known. Their mean is the area under the curve of 3D PCK (AUC).
    """
    shares = (errors[:, None] <= _CURVE_MM).mean(axis=1)
    return np.asarray(np.where(np.isfinite(errors), shares, np.nan))


def overlap(a: Array, b: Array) -> Array:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4), x0 y0 x1 y1."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (a, b)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12))


def vertex_errors(found: Array, true: Array, root: tuple[Array, Array]) -> tuple[Array, Array]:
    """(V,) mm between vertices (V, 3) of one topology, each seen from its root (3,), found and true; and after
    Procrustes analysis of the vertices. Their means are PVE (also MPVPE, MVE) and PA-PVE.
    """
    scale, rotation, shift = similarity(found, true)
    return distances(found - root[0], true - root[1]), distances(scale * found @ rotation.T + shift, true)


def _rooted(points: Array, root: tuple[int, ...]) -> Array:
    return points - points[list(root)].mean(axis=0)
