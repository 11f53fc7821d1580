"""What another encoder costs in millimetres: the body decoder's keypoints by its features, on known pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.preprocess import BODY_PADDING, Crops
from native_runtime.engines.sam3d_body.prompting import NO_PROMPT
from native_runtime.models.sam3d_body_layout import HIPS
from native_runtime.onnx.sessions import open_network
from native_runtime.proof.pictures import Picture

Array = NDArray[Any]

DECODER_CROP = 512
"""Pixels of the crop that a decoder's ``affine`` is for."""


@dataclass(frozen=True)
class View:
    """The person of a picture, as networks take it.

    Attributes:
        picture: what is seen.
        crops: one crop.
    """

    picture: Picture
    crops: Crops

    @staticmethod
    def of(picture: Picture, side: int) -> View:
        """`side`: px of the crop."""
        return View(picture, Crops.around(picture.box[None], side, BODY_PADDING))

    def pixels(self) -> NDArray[np.uint8]:
        """(1, side, side, 3)."""
        return self.crops.cut(self.picture.photo)


class Decoder:
    """A converted model's first, unprompted pass over the body."""

    def __init__(self, folder: Path, constants: Mapping[str, Array]) -> None:
        """`folder`: of the graphs; `constants`: of the model."""
        self._context, self._decoder = (
            open_network(folder / f"body_{part}.onnx", ["cpu"]) for part in ("context", "decoder")
        )
        self._previous = np.asarray(constants["initial_estimate_body"], np.float32)[None]

    def keypoints(self, view: View, features: Array) -> Array:
        """(70, 3) m about the middle of the hips, of features (1, C, h, w)."""
        side, (rows, columns) = view.crops.size, features.shape[2:]
        context = self._context.run(
            features=features,
            rays=view.crops.rays(view.picture.intrinsics, (rows, columns)),
            mask=np.zeros((1, 1, side, side), np.float32),
            mask_score=np.zeros(1, np.float32),
        )
        # The decoder wants to know where a crop of its own size lies, whatever the encoder saw.
        given = view.crops.at(DECODER_CROP).decoder_inputs(view.picture.intrinsics)
        found = self._decoder.run(keypoints=NO_PROMPT[None], previous=self._previous, **given, **context)
        points = found["keypoints_3d"][0].astype(np.float64)
        return np.asarray(points - points[HIPS].mean(axis=0))


def distances_mm(decoder: Decoder, views: Sequence[View], one: Array, other: Array) -> Array:
    """(N, 70) mm between the keypoints of N views, by one and by other features (N, C, h, w)."""
    apart = []
    for n, view in enumerate(views):
        first, second = (decoder.keypoints(view, features[n : n + 1]) for features in (one, other))
        apart.append(1000 * np.linalg.norm(first - second, axis=-1))
    return np.array(apart)
