"""Where an engine's networks saw a person, their face and other people in a photo: kept with the estimate, so that a
texture can be made of it later without looking again.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.silhouettes import SURE
from native_runtime.engines.details import number_of, part_of, points_of
from native_runtime.errors import ModelError

from .alignment import FACE_POINTS, face_points
from .glasses import wears_dark_glasses

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.image.reading import Photo

    from .projection import Shot

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

SEEN = "seen"
"""Among an estimate's details: what ``seen_in_photo`` gives (``docs/formats.md``)."""

DARK_GLASSES = "dark_glasses"
#: Of the picture of the people, along its longer side, px: about as fine as the networks' own.
_SIDE = 256
#: Its values: nobody, somebody else, the person.
_NOBODY, _OTHERS, _PERSON = 0, 128, 255


@dataclass(frozen=True, eq=False)
class PhotoHints:
    """What is known of where a person is in a picture of (H, W) pixels, besides the body.

    Attributes:
        person: (H, W) which pixels show the person, by a coarse segmentation; None: not known.
        others: (H, W) which show other people, the same; None: not known, or there are none.
        face: (4, 2) px, where the points of ``alignment.FACE_POINTS`` are seen; None: not known.
        hidden: limbs that are not clearly seen, such as "left arm" (``engines.evidence.hidden_limbs``).
        looks: yaw and pitch of the photo's face, degrees (``alignment.face_moves``); None: not known.
        dark_glasses: whether the eyes lie behind dark glasses.
    """

    person: Bools | None = None
    others: Bools | None = None
    face: Array | None = None
    hidden: tuple[str, ...] = ()
    looks: tuple[float, float] | None = None
    dark_glasses: bool = False


def with_hints(shot: Shot, hints: PhotoHints) -> Shot:
    """A shot with all that is known of its photo besides the body."""
    return replace(
        shot,
        hint=hints.person,
        strangers=hints.others,
        face=hints.face,
        hidden=hints.hidden,
        looks=hints.looks,
        dark_glasses=hints.dark_glasses,
    )


def seen_in_photo(person: PersonLandmarks, others: Sequence[PersonLandmarks], photo: Photo) -> dict[str, Any]:
    """What the networks saw of a person, ready for ``json.dumps``.

    Args:
        person, others: found in ``photo.pixels``.
    """
    from native_runtime.engines.evidence import hidden_limbs

    seen: dict[str, Any] = {}
    hidden = hidden_limbs(person)
    if hidden:
        seen["hidden"] = list(hidden)
    face = face_points(person, photo)
    if face is not None:
        seen["face"] = np.round(face, 2).tolist()
        if wears_dark_glasses(photo.pixels, photo.to_working(face)):
            seen[DARK_GLASSES] = True
    box = _region(person, photo)
    if box is None:
        return seen
    size = np.maximum(np.round((box[2:] - box[:2]) * (_SIDE / (box[2:] - box[:2]).max())), 1).astype(int)
    people = np.full((size[1], size[0]), _NOBODY, np.uint8)
    for other in others:
        people[_within(other, photo, box, size)] = _OTHERS
    people[_within(person, photo, box, size)] = _PERSON
    done, data = cv2.imencode(".png", people)
    assert done
    seen["people"] = {"box": box.tolist(), "png": base64.b64encode(data.tobytes()).decode("ascii")}
    return seen


def read_hints(details: Mapping[str, Any], image_size: Sequence[int], size: Sequence[int]) -> PhotoHints:
    """What an estimate's details tell of the photo; nothing in those of earlier versions.

    Args:
        image_size: width and height of the original photo, px.
        size: of the picture whose pixels are meant: the photo, or what it was reduced to.

    Raises:
        ModelError: it is damaged.
    """
    seen = details.get(SEEN)
    if seen is None:
        return PhotoHints()
    if not isinstance(seen, Mapping):
        raise _damaged("'seen' is no JSON object")
    scale = np.array(size, np.float64) / np.array(image_size, np.float64)
    face = None
    if seen.get("face") is not None:
        points = points_of(seen["face"], len(FACE_POINTS))
        if points is None:
            raise _damaged(f"'seen.face' has to be {len(FACE_POINTS)} points [x, y]")
        face = (np.array(points, np.float64) + 0.5) * scale - 0.5
    limbs = seen.get("hidden") or ()
    if not isinstance(limbs, Sequence) or isinstance(limbs, str):
        raise _damaged("'seen.hidden' is no list")
    hidden = tuple(str(limb) for limb in limbs)
    looks, glasses = looks_of(details), wore_dark_glasses(details)
    if seen.get("people") is None:
        return PhotoHints(face=face, hidden=hidden, looks=looks, dark_glasses=glasses)
    picture, box = _people_in(seen["people"], image_size)
    own, others = (_spread(picture == value, box * scale, size) for value in (_PERSON, _OTHERS))
    others &= ~own
    return PhotoHints(own, others if others.any() else None, face, hidden, looks, glasses)


def wore_dark_glasses(details: Mapping[str, Any]) -> bool:
    """Whether somebody's eyes lie behind dark glasses, by their estimate."""
    return part_of(details, SEEN).get(DARK_GLASSES) is True


def looks_of(details: Mapping[str, Any]) -> tuple[float, float] | None:
    """Yaw and pitch of the photo's face, degrees (``alignment.face_moves``), by its estimate; None: not known."""
    read = part_of(details, "face")
    yaw, pitch = (number_of(read.get(name), -180.0, 180.0) for name in ("yaw", "pitch"))
    return None if yaw is None or pitch is None else (yaw, pitch)


def _people_in(people: Any, image_size: Sequence[int]) -> tuple[NDArray[np.uint8], Array]:
    """The coarse picture (h, w) of the people, and the corners (2, 2) of the part of the photo that it shows."""
    edges = people.get("box") if isinstance(people, Mapping) else None
    corners = points_of([edges[:2], edges[2:]] if isinstance(edges, list) else None, 2)
    box = np.array(corners, np.float64)
    if corners is None or not ((box[0] >= 0) & (box[0] < box[1]) & (box[1] <= np.array(image_size))).all():
        raise _damaged("'seen.people.box' is no part of the photo")
    try:
        data = np.frombuffer(base64.b64decode(people["png"], validate=True), np.uint8)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged("'seen.people.png' is no base64") from error
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    except cv2.error:  # of pictures that are too large
        picture = None
    if picture is None:
        raise _damaged("'seen.people.png' is no picture")
    return np.asarray(picture, np.uint8), box


def _damaged(why: str) -> ModelError:
    return ModelError(
        f"What the estimate says of the people in its photo is damaged: {why}. Estimate the photo again, or take "
        "'seen' out of its details."
    )


def _spread(mask: Bools, box: Array, size: Sequence[int]) -> Bools:
    """A mask of a part of a picture as one of the whole picture (H, W).

    Args:
        box: (2, 2) px, the corners of the part: edges of pixels, which begin at 0.
        size: width and height of the picture.
    """
    (width, height), (rows, columns) = (int(n) for n in size), mask.shape
    step = (columns, rows) / (box[1] - box[0])
    place = np.column_stack([np.diag(step), step * (0.5 - box[0]) - 0.5])
    flags: Any = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    share = cv2.warpAffine(mask.astype(np.float32), place, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(share >= SURE)


def _region(person: PersonLandmarks, photo: Photo) -> NDArray[np.int64] | None:
    """(4,) x0 y0 x1 y1 px of the original photo: what the networks' mask covers of it; None where that is nothing."""
    rows, columns = person.mask.shape
    corners = np.array([(x, y, 1.0) for x in (0, columns - 1) for y in (0, rows - 1)])
    from_mask = cv2.invertAffineTransform(np.asarray(person.mask_from_photo, np.float64))
    places = photo.to_original(corners @ np.asarray(from_mask).T)
    width, height = photo.original_size
    low = np.clip(np.floor(places.min(axis=0)), 0, (width, height))
    high = np.clip(np.ceil(places.max(axis=0)) + 1, 0, (width, height))
    return np.concatenate([low, high]).astype(np.int64) if (high > low).all() else None


def _within(person: PersonLandmarks, photo: Photo, box: NDArray[np.int64], size: NDArray[np.int64]) -> Bools:
    """(h, w): where a person is in a part of the original photo that is shrunk to a size.

    Args:
        box: x0 y0 x1 y1 px.
        size: w, h px.
    """
    # a pixel's centre is a whole number in all of them: in the part, the photo, its working pixels and the mask
    step = (box[2:] - box[:2]) / size
    scale = np.array(photo.scale)
    to_working = np.column_stack([np.diag(scale * step), scale * (box[:2] + 0.5 * step) - 0.5])
    to_mask = person.mask_from_photo[:, :2] @ to_working
    to_mask[:, 2] += person.mask_from_photo[:, 2]
    flags: Any = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    values = cv2.warpAffine(
        np.asarray(person.mask, np.float32),
        to_mask,
        (int(size[0]), int(size[1])),
        flags=flags,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return np.asarray(values >= SURE)
