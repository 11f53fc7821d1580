"""One character, and what a person said about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import resize_intrinsics
from native_runtime.dataset.rows import SHAPE, PlacedBody, Row
from native_runtime.engines.estimate import Estimate
from native_runtime.models.sam3d_body_layout import MODEL_PARAMETERS
from native_runtime.prompts.prompt import Prompt, kind_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: What a keypoint counts that a person placed; one of a character that a person corrected, and so looked at; and one
#: of a character that nobody touched, which is no truth.
PLACED, ACCEPTED, UNTOUCHED = 1.0, 0.5, 0.25
#: An annotation is worth nothing where the body misses the placed keypoints by this part of the box's longer side.
_WORST_MISS = 0.1
_UNTOUCHED_QUALITY = 0.5
#: px: as far as points are written that lie outside of the photo, and count nothing.
_FARTHEST = 1e6

VERSION = "sam3db-corrections/1"
_OFFICIAL_BODY = re.compile(r"mhr-lod\d")


@dataclass(frozen=True, eq=False)
class CorrectedPerson:
    """A character as it is now.

    Attributes:
        estimate: its numbers, as they are after all corrections.
        prompts: what was said of its keypoints, px of the original photo.
        mask: (H, W) of the original photo's size, which a person drew or accepted; None without one.
        edited: whether pose, skeleton, shape or place were changed by hand, or a mask was given that is not at hand.
        changed: when its file was written, ns: of two of the same person the newer counts.
    """

    estimate: Estimate
    prompts: Sequence[Prompt] = ()
    mask: Mask | None = None
    edited: bool = False
    changed: int = 0

    @property
    def corrected(self) -> bool:
        """Whether a person said anything about it."""
        return bool(self.prompts) or self.mask is not None or self.edited

    @property
    def placed(self) -> dict[int, tuple[float, float]]:
        """The keypoints that a person placed in the photo, px; one outside of it says nothing of the picture."""
        said = {prompt[0]: (prompt[1], prompt[2]) for prompt in self.prompts if kind_of(prompt) == "place"}
        return {number: place for number, place in said.items() if self._inside(np.array(place))}

    def keypoints(self) -> tuple[Array, Array]:
        """(70, 2) px and (70,) weights: where a person placed keypoints, and where the body has the others.

        What a person called wrong or told to ignore counts nothing, nor does what lies outside of the photo.
        """
        points = np.nan_to_num(self.estimate.keypoints_2d, nan=-1.0)
        points = np.clip(points, -_FARTHEST, _FARTHEST)
        weights = np.where(self._inside(points), ACCEPTED if self.corrected else UNTOUCHED, 0.0)
        placed = self.placed
        for number in (prompt[0] for prompt in self.prompts):
            if number in placed:
                points[number], weights[number] = placed[number], PLACED
            else:
                weights[number] = 0.0
        return points, weights

    def _inside(self, points: Array) -> NDArray[np.bool_]:
        """Which of (..., 2) points lie in the photo."""
        inside: NDArray[np.bool_] = ((points >= -0.5) & (points <= self.estimate.image_size - 0.5)).all(axis=-1)
        return inside

    def quality(self) -> float:
        """How near the body comes to the placed keypoints: 1 where it meets them, 0 where it misses them by a tenth of
        the box on average; at most one half where nobody corrected anything.
        """
        most = 1.0 if self.corrected else _UNTOUCHED_QUALITY
        placed = self.placed
        if not placed:
            return most
        said, has = np.array(list(placed.values())), self.estimate.keypoints_2d[list(placed)]
        side = float((self.estimate.bbox[2:] - self.estimate.bbox[:2]).max())
        miss = float(np.nan_to_num(np.linalg.norm(said - has, axis=1), nan=side).mean())
        return most * float(np.clip(1.0 - miss / (_WORST_MISS * max(side, 1.0)), 0.0, 1.0))

    def row(self, image: str, person: int, subject: int, subjects: int, size: tuple[int, int]) -> Row:
        """The character as a row.

        Args:
            image, person, subject, subjects: see ``Row``.
            size: width and height of the picture that is written; the original photo may be larger.
        """
        estimate = self.estimate
        scale = size[0] / int(estimate.image_size[0]), size[1] / int(estimate.image_size[1])
        points, weights = self.keypoints()
        official = _OFFICIAL_BODY.fullmatch(estimate.body_name) is not None and len(estimate.identity) == SHAPE
        flat = _scaled(points, scale)
        seen = flat[weights > 0]
        box = _scaled(estimate.bbox.reshape(2, 2), scale)
        if len(seen):
            box = np.stack([np.minimum(box[0], seen.min(axis=0)), np.maximum(box[1], seen.max(axis=0))])
        return Row(
            image=image,
            person=person,
            subject=subject,
            subjects=subjects,
            keypoints_2d=np.column_stack([flat, weights]),
            # nobody says how deep something lies: in space every keypoint is the body's own
            keypoints_3d=np.column_stack([estimate.keypoints_3d, np.minimum(weights, ACCEPTED)]),
            model_parameters=estimate.model_parameters if official else np.zeros(MODEL_PARAMETERS),
            shape=estimate.identity if official else np.zeros(SHAPE),
            mhr_valid=official,
            date=VERSION,
            box=box.ravel(),
            intrinsics=resize_intrinsics(estimate.intrinsics, *scale),
            mask=None if self.mask is None else _resized(self.mask, size),
            quality=self.quality(),
            placed=PlacedBody(
                name=estimate.body_name,
                hash=estimate.body_hash,
                parameters=estimate.model_parameters,
                identity=estimate.identity,
                translation=estimate.camera_translation,
                expression=estimate.expression,
            ),
        )


def _scaled(points: Array, scale: tuple[float, float]) -> Array:
    """Points (n, 2) in another resolution; (0, 0) is the centre of the top-left pixel in both."""
    return np.asarray((np.asarray(points, np.float64) + 0.5) * scale - 0.5)


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    if mask.shape == size[::-1]:
        return mask
    return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA).astype(bool)
