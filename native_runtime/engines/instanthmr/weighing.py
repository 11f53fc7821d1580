"""How far the network is believed, and what it says of the photo besides its body."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.fitting.evidence import Directions, Evidence, Points2D, Silhouette
from native_runtime.fitting.hold import limbs_of, main_joints
from native_runtime.fitting.problem import named_rows
from native_runtime.fitting.trust import NetworkTrust
from native_runtime.mhr import Body, PointSet

Array = NDArray[np.float64]

IDENTITY_COUNT = 45
"""Coefficients of MHR's own body, which the network speaks of."""

_FINGERS = 0.6
"""Radians: hands are a dozen pixels wide in the network's picture."""

_IDENTITY, _UNKNOWN_IDENTITY = 0.5, 0.8
"""What coefficients may change where the network says them, and where only the silhouette does: the spread of people is
1, and dressed people look larger (``silhouette.OutlineSettings.identity_weight``)."""

_POINT, _WEIGHT = 0.012, 0.25
"""The network's own keypoints in the photo, against 0.008 and 1 of the landmark networks: sigma as part of the person's
size, and weight, at which they contradict nothing (``refine.RefineSettings.clear``). Our own choice: the publisher
states no spread of them."""

_ASTRAY = 0.1
"""Part of the person's size by which half of the network's keypoints may be off its own body. A head that was exported
without its weights (the publisher's `tools/pth_to_onnx.py` warns of it) says anything, or the crop's middle for all."""

_LOOSE = 4.0
"""Factor on errors of a limb of which an artist said that it is wrong."""


def speaks_of(body: Body) -> bool:
    """Whether the network's shape coefficients are those of this body."""
    return body.identity_count == IDENTITY_COUNT and body.name.startswith("mhr")


def trust_in(body: Body, pa_mpjpe: float) -> NetworkTrust:
    """How far the network's body is believed.

    Args:
        pa_mpjpe: mm, as published.
    """
    identity = _IDENTITY if speaks_of(body) else _UNKNOWN_IDENTITY
    return replace(NetworkTrust.of(body, pa_mpjpe, fingers=_FINGERS), identity=identity)


def loosened(body: Body, trust: NetworkTrust, keypoints: Collection[str]) -> NetworkTrust:
    """The same, less in the limbs of keypoints of which an artist said that they are wrong."""
    if not keypoints:
        return trust
    limbs, names = limbs_of(body), list(keypoints)
    doubted = set(limbs[main_joints(PointSet.from_rows(body, named_rows(body, names)))].tolist()) - {-1}
    joints = np.isin(limbs, list(doubted))
    moves = np.abs(body.parameterisation.matrix.reshape(len(joints), 7, -1)).sum(axis=1) > 0
    own = moves[joints].any(axis=0) & ~moves[~joints].any(axis=0)
    return replace(
        trust,
        parameters=np.where(own, _LOOSE * trust.parameters, trust.parameters),
        across=np.where(joints, _LOOSE * trust.across, trust.across),
        along=np.where(joints, _LOOSE * trust.along, trust.along),
    )


def own_evidence(
    body: Body, places: Array, size: float, image_size: tuple[int, int], silenced: Collection[str]
) -> Evidence:
    """The network's own keypoints as evidence, but for fingers and those beyond the photo.

    Args:
        places: (70, 2) px.
        size: px, the person's.
        image_size: (width, height) px.
        silenced: names of keypoints of which an artist said something.
    """
    seen = np.all((places >= -0.5) & (places <= np.array(image_size) - 0.5), axis=1)
    names, rows = [], []
    for row, name in enumerate(body.keypoint_names):
        if seen[row] and name not in silenced and not any(part in name for part in ("thumb", "finger")):
            names.append(name)
            rows.append(row)
    count = len(rows)
    points = Points2D(
        tuple(names),
        places[rows].reshape(-1, 2),
        np.full(count, _POINT * size),
        np.full(count, _WEIGHT),
        np.zeros(count, bool),
    )
    nothing = Directions((), (), np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    return Evidence(points, nothing, size)


def agrees(points: Array, body_points: Array, size: float) -> bool:
    """Whether the network's keypoints (70, 2) px say anything, by those of its body and the person's size, px."""
    away = np.linalg.norm(points - body_points, axis=1)
    return bool(np.isfinite(away).all() and np.median(away) <= _ASTRAY * size)


def together(seen: Evidence, own: Evidence) -> Evidence:
    """Evidence of the landmark networks, and of this one besides."""
    a, b = seen.points, own.points
    points = Points2D(
        (*a.names, *b.names),
        np.concatenate([a.positions.reshape(-1, 2), b.positions]),
        *(
            np.concatenate([getattr(a, name), getattr(b, name)]).astype(kind)
            for name, kind in (("sigmas", np.float64), ("weights", np.float64), ("trusted", bool))
        ),
    )
    return replace(seen, points=points)


def with_outline(evidence: Evidence, mask: NDArray[np.bool_] | None) -> Evidence:
    """Evidence with the mask (H, W) of the photo as outline, where there is one."""
    return evidence if mask is None else replace(evidence, silhouette=Silhouette.of_photo(mask))
