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
_SMOOTHING = 12


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
    if face is None or not {name for group in FACE_POINTS for name in group} <= set(body.landmark_names):
        return np.zeros(2)
    points = body.landmark_rows.combine(np.concatenate([vertices, np.zeros((len(body.joint_names), 3))]))
    index = {name: number for number, name in enumerate(body.landmark_names)}
    middles = np.array([points[[index[name] for name in group]].mean(axis=0) for group in FACE_POINTS])
    apart = face - project(middles, intrinsics)
    head = project(vertices[anatomy.head], intrinsics)
    if not np.isfinite(apart).all() or not np.isfinite(head).all() or len(head) == 0:
        return np.zeros(2)
    farthest = _FARTHEST * float(np.ptp(head, axis=0).max())
    shift = apart[:2].mean(axis=0)
    # eyes, nose and mouth have to be off together: the face may be another's, or turned another way
    together = np.linalg.norm(apart - np.median(apart, axis=0), axis=1).max() <= farthest
    return shift if together and np.linalg.norm(shift) <= farthest else np.zeros(2)


def head_share(anatomy: Anatomy) -> Array:
    """(V,) 1 on the head, 0 on the rest, and smooth in between: how far a vertex follows the face."""
    share = anatomy.head.astype(np.float64)
    first, second = anatomy.edges.T
    count = np.maximum(np.bincount(anatomy.edges.ravel(), minlength=len(share)), 1)
    for _ in range(_SMOOTHING):
        around = np.bincount(first, share[second], len(share)) + np.bincount(second, share[first], len(share))
        share = np.where(anatomy.face, 1.0, (share + around / count) / 2)
    return share
