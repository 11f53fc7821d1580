"""Estimates that also tell the colours and the hair of their people, so that programs need no photo for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from native_runtime.camera import crop_intrinsics, project, resize_intrinsics

from .readings import ReadPhoto

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from native_runtime.detection.landmarks import FaceMesh, PersonLandmarks
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body

_KEPT = "colours of person"
#: Part of the person's size around them.
_MARGIN = 0.04


def with_colours(
    estimate: Estimate,
    found: ReadPhoto,
    person: int,
    landmarks: PersonLandmarks | None,
    mask: NDArray[np.bool_] | None = None,
    again: bool = True,
) -> Estimate:
    """The estimate with the person's colours and hair among its details (``texture.look.COLOURS``,
    ``wearables.hair_choice.HAIR``).

    Args:
        person: their number in the photo.
        landmarks: what the bundled networks saw of them, if they were asked.
        mask: (H, W) of the original photo, where somebody drew one.
        again: look again; else what is known of the person already counts, as while a pose is refined.
    """
    key = (_KEPT, person, found.engine.body.hash)
    if again or mask is not None or key not in found.kept:
        found.kept[key] = colours_and_hair(estimate, found.photo, found.engine.body, landmarks, mask)
    return replace(estimate, details=estimate.details | found.kept[key])


def colours_and_hair(
    estimate: Estimate,
    photo: Photo,
    body: Body,
    landmarks: PersonLandmarks | None,
    mask: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """A person's colours and hair, as an estimate has them among its details.

    Args:
        estimate: the person in the photo, of ``body``.
        landmarks, mask: as of ``with_colours``.
    """
    from native_runtime.engines.evidence import hidden_limbs
    from native_runtime.texture.alignment import face_points, face_shift
    from native_runtime.texture.anatomy import anatomy_of
    from native_runtime.texture.look import COLOURS, person_colours
    from native_runtime.wearables.hair_choice import HAIR, choose_hair, sex_of, without_hat

    face = None if landmarks is None else face_points(landmarks, photo)
    intrinsics = resize_intrinsics(estimate.intrinsics, *photo.scale)
    vertices = estimate.vertices.astype(np.float64)
    low, high = _around(vertices, intrinsics, photo)
    pixels, intrinsics = photo.pixels[low[1] : high[1], low[0] : high[0]], crop_intrinsics(intrinsics, *low)
    eyes_to_mouth = None if face is None else photo.to_working(face) - low
    shown = _mask(photo, landmarks, mask, low, high)
    mesh = None if landmarks is None else _moved(landmarks, low)
    hidden = () if landmarks is None else hidden_limbs(landmarks)
    colours = person_colours(pixels, intrinsics, vertices, body, mesh, eyes_to_mouth, shown, hidden=hidden)
    shift = face_shift(eyes_to_mouth, vertices, intrinsics, body, anatomy_of(body))
    hair = choose_hair(pixels, intrinsics, vertices, body, sex_of(body, estimate.identity), colours, shown, shift)
    return {COLOURS: without_hat(colours, hair).to_json(), HAIR: hair.to_json()}


def _around(vertices: NDArray, intrinsics: NDArray, photo: Photo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(2,), (2,) corners of the part of the working pixels where the body is, and what grows on it."""
    size = np.array(photo.size)
    places = project(vertices, intrinsics)
    places = places[np.isfinite(places).all(axis=1)]
    if not len(places):
        return np.zeros(2, np.int64), np.minimum(size, 1)
    margin = _MARGIN * np.ptp(places, axis=0).max()
    low = np.clip(np.floor(places.min(axis=0) - margin), 0, size - 1).astype(np.int64)
    return low, np.clip(np.ceil(places.max(axis=0) + margin), low + 1, size).astype(np.int64)


def _moved(landmarks: PersonLandmarks, low: NDArray) -> FaceMesh | None:
    """The face, in the part of the pixels that begins at ``low``."""
    mesh = None if landmarks.face is None else landmarks.face.mesh
    return None if mesh is None else replace(mesh, points=mesh.points - low)


def _mask(
    photo: Photo,
    landmarks: PersonLandmarks | None,
    drawn: NDArray[np.bool_] | None,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> NDArray[np.bool_] | None:
    """Where the person is, in a part of the working pixels."""
    if drawn is not None:
        whole = cv2.resize(drawn.astype(np.uint8), photo.size, interpolation=cv2.INTER_NEAREST)
        return np.asarray(whole[low[1] : high[1], low[0] : high[0]] > 0)
    if landmarks is None:
        return None
    there = landmarks.mask_from_photo.copy()
    there[:, 2] += there[:, :2] @ low
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(landmarks.mask, there, size, flags=flags) > 0.5)
