"""The encoder in whole numbers, decided layer by layer on the user's own weights.

The bundled pictures go through the float32 encoder, and every layer's form in whole numbers is compared with it
(`layer_errors`). Layers that move too much stay float32. Then the finished encoder is run: what it costs is told in
millimetres at the keypoints, and if that is too much, more layers stay float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.onnx.eight_bits import products_are_exact
from native_runtime.onnx.sessions import open_network
from native_runtime.proof.pictures import Picture

from .attach import attach_weights
from .keypoint_loss import Decoder, View, distances_mm
from .layer_choice import BITS, chosen, with_bits
from .layer_errors import measure
from .template import Template
from .tensors import TensorSource

BOUND = 0.08
"""Layers whose results move by more, relative to them, stay float32."""
LIMIT_MM = 1.5
"""Keypoints may move by so much on average."""
_ROUNDS = 4
"""How often more layers are taken back to float32: each time a quarter of those that are left, the last time all."""

Advance = Callable[[float], None]


@dataclass(frozen=True)
class Choice:
    """Which layers of an encoder compute in whole numbers.

    Attributes:
        template: which holds every layer in both forms.
        bits: of the weights in whole numbers.
        errors: of each layer (`layer_errors.Measured`).
        exact: layers that stay float32.
        views: the pictures.
        features: (N, C, h, w) of the float32 encoder.
        losses: (N, 70) mm at the keypoints; None as long as the encoder has not been run.
    """

    template: Template
    bits: int
    errors: Mapping[str, float]
    exact: frozenset[str]
    views: Sequence[View]
    features: NDArray[np.float32]
    losses: NDArray[np.float64] | None = None

    @property
    def graph(self) -> Template:
        """The graph that this choice makes."""
        return chosen(self.template, self.exact)

    @property
    def loss(self) -> float:
        """Mean loss, mm; infinite where the encoder gives no numbers."""
        assert self.losses is not None
        mean = float(self.losses.mean())
        return mean if math.isfinite(mean) else math.inf

    def stricter(self) -> Choice:
        """A quarter of the layers in whole numbers, those with the largest errors, become float32 as well."""
        left = sorted(self.errors.keys() - self.exact, key=lambda layer: self.errors[layer], reverse=True)
        return replace(self, exact=self.exact | set(left[: -(-len(left) // 4)]), losses=None)

    def exactly(self) -> Choice:
        """No layer in whole numbers."""
        return replace(self, exact=frozenset(self.errors), losses=None)

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        assert self.losses is not None
        return {
            "bits": self.bits,
            "bound": BOUND,
            "errors": {layer: round(error, 4) for layer, error in self.errors.items()},
            "float32": sorted(self.exact),
            "loss_mm": {"mean": round(self.loss, 3), "largest": round(float(self.losses.max()), 3)},
            "pictures": [view.picture.name for view in self.views],
        }


def choose(
    template: Template, tensors: TensorSource, pictures: Sequence[Picture], side: int, advance: Advance
) -> Choice:
    """Run pictures through an encoder, layer by layer.

    Args:
        template: "int8" of the encoder.
        side: px of a crop.
        advance: called with the fraction done; what it raises stops the work.
    """
    bits = next(bits for bits in BITS if bits == BITS[-1] or products_are_exact(2 ** (bits - 1) - 1))
    views = [View.of(picture, side) for picture in pictures]
    template = with_bits(template, bits)
    found = measure(template, tensors, np.concatenate([view.pixels() for view in views]), advance)
    exact = frozenset(layer for layer, error in found.errors.items() if not error <= BOUND)
    return Choice(template, bits, found.errors, exact, views, found.features)


def settle(
    choice: Choice, tensors: TensorSource, folder: Path, constants: Mapping[str, Any], advance: Advance
) -> Choice:
    """Write the encoder into a folder that has the other graphs, and run it; more exactly, where it loses too much.

    What is returned loses `LIMIT_MM` at most: weights that do not bear whole numbers stay float32.
    """
    for attempt in range(_ROUNDS + 1):
        advance(attempt / (_ROUNDS + 1))
        attach_weights(choice.graph, tensors, folder)
        choice = replace(choice, losses=_losses(choice, folder, constants))
        if choice.loss <= LIMIT_MM or len(choice.exact) == len(choice.errors):
            break
        choice = choice.stricter() if attempt + 1 < _ROUNDS else choice.exactly()
    return choice


def _losses(choice: Choice, folder: Path, constants: Mapping[str, Any]) -> NDArray[np.float64]:
    encoder = open_network(folder / f"{choice.template.graph}.onnx", ["cpu"])
    features = np.concatenate([encoder.run(crops=view.pixels())["features"] for view in choice.views])
    del encoder
    return np.asarray(distances_mm(Decoder(folder, constants), choice.views, choice.features, features))
