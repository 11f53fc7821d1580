"""Where a photo shows a face that the body has a little beside it.

A body's head follows pose and proportions, and its face lies some pixels off the photo's: painted eyes then come to lie
on lids and cheeks, beside the eyes that the body has. The colours of the head are taken from where the face is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body

    from .anatomy import Anatomy

Array = NDArray[np.float64]

FACE_POINTS: tuple[tuple[str, ...], ...] = (
    ("blazepose_04", "blazepose_06"),
    ("blazepose_01", "blazepose_03"),
    ("blazepose_00",),
    ("blazepose_09", "blazepose_10"),
)
"""The body's landmarks whose middles are the right eye, the left eye, the tip of the nose and the mouth."""

#: The least probability that a point is seen.
_SEEN = 0.6
#: Parts of the height of the head: a face that is farther off is not this body's.
_FARTHEST = 0.25
_SMOOTHING, _SOFT = 12, 3
#: Degrees by which a face may be turned from the camera: features smear from the first on, and are none at the second.
_HALF_ASIDE, _ASIDE = 45.0, 60.0
#: The same where the photo's face was read, which smears and is doubled sooner than the body's tells; and by how many
#: degrees the two may differ before they are doubled.
_HALF_SEEN_ASIDE, _SEEN_ASIDE, _DIFFERENT = 34.0, 40.0, 20.0
#: cm from a point of the face within which everything moves with it.
_NEAR_CM = 1.5


def face_points(landmarks: PersonLandmarks, photo: Photo) -> Array | None:
    """(4, 2) px of the original photo: where the points of ``FACE_POINTS`` are seen; None where the face is not.

    Args:
        landmarks: of the person, found in ``photo.pixels``.
    """
    names = [[int(name.rpartition("_")[2]) for name in group] for group in FACE_POINTS]
    if any(landmarks.visibility[group].min() < _SEEN for group in names):
        return None
    seen = np.array([landmarks.points_2d[group].mean(axis=0) for group in names])
    return photo.to_original(seen)


def face_shift(face: Array | None, vertices: Array, intrinsics: Array, body: Body, anatomy: Anatomy) -> Array:
    """(2,) px: from where the body has its eyes to where the photo shows them; 0 where that is not known.

    Args:
        face: (4, 2) px, where the points of ``FACE_POINTS`` are seen, or None.
        vertices: (V, 3) m, camera axes.
        intrinsics: (3, 3) px.
    """
    found = _apart(face, vertices, intrinsics, body, anatomy)
    return np.zeros(2) if found is None or not _plausible(*found) else found[0][:2].mean(axis=0)


def face_moves(
    face: Array | None,
    vertices: Array,
    intrinsics: Array,
    body: Body,
    anatomy: Anatomy,
    looks: tuple[float, float] | None = None,
) -> tuple[Array, Array]:
    """(V, 2) px, from where the body has each vertex to where the photo shows it, as far as the face tells; and (V,)
    0..1, how far the photo is to be believed there: not in a face that is another's, turned aside, or turned another
    way than the body's.

    Each of the face's points lies where it is seen, and what is between them moves with those that are near.

    Args:
        face, vertices, intrinsics: see ``face_shift``.
        looks: yaw and pitch, degrees from the line of sight, to the right of the picture and upwards, of the photo's
            face; None: not known.
    """
    still, share = np.zeros((len(vertices), 2)), head_share(anatomy)
    found = _apart(face, vertices, intrinsics, body, anatomy)
    aside = _aside(vertices, body, anatomy, looks) if found is None or _plausible(*found) else 1.0
    believed = 1 - aside * share * _spread_out(anatomy, anatomy.face)
    if found is None:
        return still, believed
    if not _plausible(*found):
        return still, believed
    rest = body.rest_vertices.astype(np.float64)
    squares = np.square(rest[:, None] - _middles(rest, body)[None]).sum(axis=2)
    nearness = 1 / np.square(squares + _NEAR_CM**2)
    moves = nearness @ found[0] / nearness.sum(axis=1, keepdims=True)
    return moves * share[:, None], believed


def is_seen_aside(looks: tuple[float, float]) -> bool:
    """Whether a photo's face is turned so far aside that a texture of it has no features.

    Args:
        looks: yaw and pitch, degrees, see ``face_moves``.
    """
    yaw, pitch = np.radians(looks)
    return bool(np.cos(yaw) * np.cos(pitch) < np.cos(np.radians(_SEEN_ASIDE)))


def _aside(vertices: Array, body: Body, anatomy: Anatomy, looks: tuple[float, float] | None) -> float:
    """0..1, how far a face is turned aside, or otherwise than the body's; see ``face_moves``."""
    if not anatomy.face.any():
        return 0.0
    towards = -vertices[anatomy.face].mean(axis=0)
    towards /= max(float(np.linalg.norm(towards)), 1e-9)
    own = _forward(vertices, body, anatomy)
    if looks is None:
        return float(np.clip((_between(own, towards) - _HALF_ASIDE) / (_ASIDE - _HALF_ASIDE), 0, 1))
    yaw, pitch = np.radians(looks)
    # the line of sight is the axis from which both are counted
    yaw += np.arctan2(towards[0], -towards[2])
    pitch += np.arcsin(np.clip(-towards[1], -1, 1))
    seen = np.array([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    if _between(own, seen) > _DIFFERENT:
        return 1.0
    share = (_between(seen, towards) - _HALF_SEEN_ASIDE) / (_SEEN_ASIDE - _HALF_SEEN_ASIDE)
    return float(np.clip(share, 0, 1))


def _forward(vertices: Array, body: Body, anatomy: Anatomy) -> Array:
    """(3,) where a body's face looks, a unit vector: the turn that takes the head at rest to where it is (Kabsch, Acta
    Crystallographica A32, 1976).
    """
    rest, posed = body.rest_vertices[anatomy.head].astype(np.float64), vertices[anatomy.head]
    left, _, right = np.linalg.svd((posed - posed.mean(axis=0)).T @ (rest - rest.mean(axis=0)))
    left[:, 2] *= np.sign(np.linalg.det(left @ right))
    return np.asarray((left @ right)[:, 2])


def _between(one: Array, other: Array) -> float:
    """Degrees between unit vectors."""
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))


def _apart(
    face: Array | None, vertices: Array, intrinsics: Array, body: Body, anatomy: Anatomy
) -> tuple[Array, float] | None:
    """(4, 2) px, how far each of ``FACE_POINTS`` is from where the photo shows it, and how far it may be; None where
    that is not known.
    """
    if face is None or not {name for group in FACE_POINTS for name in group} <= set(body.landmark_names):
        return None
    apart = face - project(_middles(vertices, body), intrinsics)
    head = project(vertices[anatomy.head], intrinsics)
    if not np.isfinite(apart).all() or not np.isfinite(head).all() or len(head) == 0:
        return None
    return apart, _FARTHEST * float(np.ptp(head, axis=0).max())


def _middles(vertices: Array, body: Body) -> Array:
    """(4, 3) where the body has ``FACE_POINTS``."""
    points = body.landmark_rows.combine(np.concatenate([vertices, np.zeros((len(body.joint_names), 3))]))
    index = {name: number for number, name in enumerate(body.landmark_names)}
    return np.array([points[[index[name] for name in group]].mean(axis=0) for group in FACE_POINTS])


def _plausible(apart: Array, farthest: float) -> bool:
    # eyes, nose and mouth have to be off together: the face may be another's, or turned another way
    together = np.linalg.norm(apart - np.median(apart, axis=0), axis=1).max() <= farthest
    return bool(together and np.linalg.norm(apart[:2].mean(axis=0)) <= farthest)


def _spread_out(anatomy: Anatomy, region: NDArray[np.bool_]) -> Array:
    """(V,) 1 in a region, and less towards its border."""
    share = region.astype(np.float64)
    first, second = anatomy.edges.T
    count = np.maximum(np.bincount(anatomy.edges.ravel(), minlength=len(share)), 1)
    for _ in range(_SOFT):
        around = np.bincount(first, share[second], len(share)) + np.bincount(second, share[first], len(share))
        share = (share + around / count) / 2
    return share


def head_share(anatomy: Anatomy) -> Array:
    """(V,) 1 on the head, 0 on the rest, and smooth in between: how far a vertex follows the face."""
    share = anatomy.head.astype(np.float64)
    first, second = anatomy.edges.T
    count = np.maximum(np.bincount(anatomy.edges.ravel(), minlength=len(share)), 1)
    for _ in range(_SMOOTHING):
        around = np.bincount(first, share[second], len(share)) + np.bincount(second, share[first], len(share))
        share = np.where(anatomy.face, 1.0, (share + around / count) / 2)
    return share
