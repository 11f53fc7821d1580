"""Data sets as the trainer takes them: people cut out of their pictures, with what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from native_runtime.dataset.annotations import OFFICIAL, Annotations
from native_runtime.dataset.packing import HeadConstants, pack
from native_runtime.dataset.pictures import Pictures, photo_of
from native_runtime.engines.sam3d_body.preprocess import BODY_PADDING, PATCH
from native_runtime.engines.sam3d_body.preprocess import Crops as Cuts
from native_runtime.errors import FileError
from native_runtime.image.reading import Photo
from native_runtime.network.heads import View

from .losses.keypoints import LEFT_HAND, RIGHT_HAND
from .models import Crops
from .people import People
from .rounds import Batch
from .surface import Surface

Array = NDArray[np.float32]

#: A hand's box is made of so many known keypoints at least, of 21.
_FEWEST_OF_A_HAND = 11


@dataclass(frozen=True)
class CropSettings:
    """How people are cut out, and what of their numbers is believed.

    Attributes:
        size: px of a crop's side.
        padding: the box grows by this factor before it becomes a square.
        body: whose identity the network predicts: a body's hash, or ``OFFICIAL``.
        quality: bodies whose rows have no better quality than this are no truth: only their keypoints teach.
        hands_off: hands that the network's components miss by more than this (radians) teach it nothing.
        scale_off: the same of scales (powers of two); of those people neither scale nor shape is taken.
        largest_scale: components of scales beyond this are not what a network should say.
    """

    size: int
    padding: float = BODY_PADDING
    body: str = OFFICIAL
    quality: float = 0.5
    hands_off: float = 0.1
    scale_off: float = 0.1
    largest_scale: float = 10.0


class PeopleInPictures:
    """``trainer.Data`` of a data set. The same number is always the same person, cut out in the same way."""

    def __init__(
        self,
        annotations: Annotations,
        pictures: Pictures,
        constants: Mapping[str, NDArray[np.float32]],
        settings: CropSettings,
        surface: Surface | None = None,
    ) -> None:
        """
        Args:
            constants: the head's, by official name (``HeadConstants``).
            surface: of the body of ``settings``, for networks that are held to it.
        """
        self._surface = surface
        self._annotations, self._pictures, self._settings = annotations, pictures, settings
        self._cuts = Cuts.around(annotations.box, settings.size, settings.padding)
        self._others = _same_picture(annotations.picture)
        self._truth = self._numbers(HeadConstants.of(constants))

    def __len__(self) -> int:
        return len(self._annotations)

    def batch(self, numbers: Sequence[int]) -> Batch:
        """See ``trainer.Data``.

        Raises:
            FileError: a picture is missing or damaged, or its size is not the mask's.
        """
        index, found = np.array(numbers, np.int64), self._annotations
        cuts = self._cuts[index]
        photos: dict[int, Photo] = {}
        pixels, masks, others, rays, conditions = [], [], [], [], []
        cells = (self._settings.size // PATCH,) * 2
        for row, number in enumerate(index.tolist()):
            picture = int(found.picture[number])
            if picture not in photos:
                photos[picture] = photo_of(self._pictures, found.pictures[picture])
            cut, photo, lens = cuts[row : row + 1], photos[picture], found.intrinsics[number].astype(np.float64)
            pixels.append(cut.cut(photo)[0])
            own = self._mask(number, photo)
            nearest = self._neighbour(number)
            other = None if nearest is None else self._mask(nearest, photo)
            masks.append(cut.cut_masks([own])[0])
            others.append(cut.cut_masks([other])[0])
            rays.append(cut.rays(lens, cells)[0])
            conditions.append(cut.condition(lens)[0])
        crops = Crops(
            pixels=torch.from_numpy(np.stack(pixels)),
            masks=_tensor(np.stack(masks)),
            other_masks=_tensor(np.stack(others)),
            rays=_tensor(np.stack(rays)),
            condition=_tensor(np.stack(conditions)),
            view=View(*map(_tensor, (cuts.centre, cuts.side, cuts.affine, found.intrinsics[index]))),
        )
        return Batch(list(numbers), crops, self._people(index, cuts))

    def _numbers(self, constants: HeadConstants) -> dict[str, Array]:
        """What the heads should say of all people, and of whom it is known."""
        found, settings = self._annotations, self._settings
        packed = pack(found.parameters, constants)
        posed = (found.posed & (found.quality > settings.quality)).astype(np.float32)
        fits = (packed.scale_left_out <= settings.scale_off) & (
            np.abs(packed.scale).max(axis=1) <= settings.largest_scale
        )
        own = np.array([body == settings.body for body in found.body])
        weights = np.maximum(found.keypoints_2d[..., 2], found.keypoints_3d[..., 3])
        annotated = np.stack([(weights[:, hand] > 0).any(axis=1) for hand in (LEFT_HAND, RIGHT_HAND)], axis=1)
        known_hands = posed[:, None] * annotated * (packed.hands_left_out <= settings.hands_off)
        return {
            "pose": packed.pose.astype(np.float32),
            "hands": packed.hands.astype(np.float32),
            "scale": packed.scale.astype(np.float32),
            "shape": found.shape,
            "known_pose": posed,
            "known_hands": known_hands.astype(np.float32),
            "known_shape": posed * (fits & own).astype(np.float32),
        }

    def _people(self, index: NDArray[np.int64], cuts: Cuts) -> People:
        found = self._annotations
        points = cuts.places(found.keypoints_2d[index, :, :2])
        known = found.keypoints_2d[index, :, 2]
        boxes, seen = zip(*(_hand_boxes(points[:, hand], known[:, hand]) for hand in (LEFT_HAND, RIGHT_HAND)))
        numbers = {name: _tensor(array[index]) for name, array in self._truth.items()}
        vertices = None
        if self._surface is not None:
            vertices = self._surface.true(_tensor(found.parameters[index]), numbers["shape"])
        return People(
            keypoints_2d=_tensor(points - 0.5),
            keypoints_3d=_tensor(found.keypoints_3d[index, :, :3]),
            known_2d=_tensor(known),
            known_3d=_tensor(found.keypoints_3d[index, :, 3]),
            hand_boxes=_tensor(np.stack(boxes, axis=1)),
            hand_seen=_tensor(np.stack(seen, axis=1)),
            vertices=vertices,
            known_vertices=None if vertices is None else numbers["known_shape"],
            **numbers,
        )

    def _mask(self, number: int, photo: Photo) -> NDArray[np.bool_] | None:
        runs = self._annotations.masks[number]
        if runs is None:
            return None
        name = self._annotations.pictures[int(self._annotations.picture[number])]
        if (runs.width, runs.height) != photo.original_size:
            width, height = photo.original_size
            raise FileError(
                f"The picture '{name}' has {width} x {height} pixels, but the mask in its row {runs.width} x "
                f"{runs.height}. It is not the picture that was annotated."
            )
        try:
            return runs.decoded()
        except ValueError as error:
            raise FileError(f"A row of the picture '{name}': {error}.") from error

    def _neighbour(self, number: int) -> int | None:
        """Who else with a mask is nearest in the same picture."""
        found = self._annotations
        others = [other for other in self._others.get(int(found.picture[number]), ()) if other != number]
        others = [other for other in others if found.masks[other] is not None]
        if not others:
            return None
        away = np.linalg.norm(self._cuts.centre[others] - self._cuts.centre[number], axis=1)
        return others[int(np.argmin(away))]


def _hand_boxes(points: NDArray[np.float64], known: Array) -> tuple[Array, Array]:
    """(B, 4) centre and size, and (B,) whether a hand is seen: 1, 0, or -1 where nobody knows.

    Args:
        points: (B, 21, 2) 0..1 of the crop.
        known: (B, 21) weights.
    """
    boxes, seen = np.zeros((len(points), 4), np.float32), np.full(len(points), -1, np.float32)
    for row, (hand, weights) in enumerate(zip(points, known)):
        there = hand[weights > 0]
        if len(there) < _FEWEST_OF_A_HAND:
            continue
        low, high = there.min(axis=0), there.max(axis=0)
        boxes[row] = [*(low + high) / 2, *(high - low)]
        inside = ((there >= 0) & (there <= 1)).all(axis=1)
        seen[row] = float(inside.mean() >= 0.5)
    return boxes, seen


def _same_picture(picture: NDArray[np.int64]) -> dict[int, list[int]]:
    """Pictures with several people, and who they are."""
    people: dict[int, list[int]] = {}
    for number, name in enumerate(picture.tolist()):
        people.setdefault(name, []).append(number)
    return {name: numbers for name, numbers in people.items() if len(numbers) > 1}


def _tensor(array: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))
