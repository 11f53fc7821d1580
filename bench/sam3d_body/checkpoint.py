"""`model.ckpt` with random weights: official names, shapes and number formats, seeded, written tensor by tensor.

The numbers are scaled so that activations keep their size through all layers (weights by the square root of what goes
in, residual branches damped), and the heads' last layers are small, so that the made-up person of `person` only moves a
little. Nothing here is learned: the estimates mean nothing, only times, memory and rounding do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from .container import Tensor, write_state_dict
from .rig import Surface

NOTICE = (
    "Random weights made by bench.sam3d_body for timing. This is not the SAM 3D Body model; its output means nothing."
)

Layout = Mapping[str, tuple[tuple[int, ...], str]]
"""Official name -> shape and stored number format."""

_SIDE = 0
"""The channel in which the two hand box tokens say which side they are; nothing else in the decoder writes there."""
_SIDE_SIZE = 12.0
_BLOCK = 1 << 22

_INTO_THE_RESIDUAL = re.compile(r"decoder\w*\.layers\.\d+\.(\w+_attn\.proj|ffn\.layers\.1)\.(weight|bias)$")

_DRAWN = (
    (r"(norm\w*|ln\w*|mask_downscaling\.(1|4|7|10))\.weight$", 1.0, 0.05),
    (r"(norm\w*|ln\w*)\.bias$", 0.0, 0.05),
    (r"\.gamma$", 0.25, 0.05),
    (r"\.(qkv\.bias|bias_mask)$", 0.0, 0.0),
    (r"\.bias$", 0.0, 0.02),
    (r"\.pos_embed$", 0.0, 0.2),
    (r"(_tokens?|gaussian_matrix|(?<!cls)_embed\.weight|embeddings\.\d+\.weight|embedding\w*\.weight)$", 0.0, 1.0),
)
"""Name -> mean and standard deviation; the first that fits. All others are weights, drawn by what goes in."""

_FACTORS = (
    # What enters a head's last layer has passed a ReLU: its mean square is one half.
    (r"head_pose\w*\.proj\.layers\.1\.weight$", 0.05 * 2**0.5),
    (r"head_camera\w*\.proj\.layers\.1\.weight$", 0.01 * 2**0.5),
    (r"^backbone\.blocks\..*(attn\.proj|mlp\.fc2)\.weight$", 0.25),
)
"""Weights whose layer is to give less than it gets: outputs of the heads, and ViT-H's branches (DINOv3 has gamma)."""


KINDS = ("normal", "heavy", "peaks")
"""``heavy``: the encoder's linear layers have Student's t with 3 degrees of freedom, and 0.1 % outliers of 50 standard
deviations. ``peaks``: its residual stream reaches beyond what float16 can hold in one channel, as the released weights
nearly do (docs/sam3d_body_graphs.md)."""

_LINEAR = re.compile(r"^backbone\.(encoder\.)?blocks\.\d+\..*(qkv|proj|w[123]|fc[12])\.weight$")
_FREEDOM = 3
_OUTLIERS, _OUTLIER_SIZE = 1e-3, 50.0
_PEAKS = re.compile(r"^backbone\.encoder\.blocks\.(?:2[2-9]|3\d)\.(?:(ls2\.gamma)|mlp\.w3\.weight)$")
_PEAK_CHANNEL, _PEAK_GAIN, _PEAK_FACTOR = 1259, 13.6, 1500.0


def _normal(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    return rng.standard_normal(size, np.float32)


def _heavy(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Of standard deviation 1 in all, so that activations keep their size."""
    numbers = rng.standard_t(_FREEDOM, size).astype(np.float32) * np.float32((1 - 2 / _FREEDOM) ** 0.5)
    chosen = rng.random(size, np.float32) < _OUTLIERS
    numbers[chosen] = rng.choice(np.array([-_OUTLIER_SIZE, _OUTLIER_SIZE], np.float32), int(chosen.sum()))
    return numbers / np.float32((1 + _OUTLIERS * (_OUTLIER_SIZE**2 - 1)) ** 0.5)


@dataclass(frozen=True)
class Weights:
    """Random values for every tensor of a variant.

    Attributes:
        layout: the tensors to write.
        surface: the body that the head's buffers describe.
        seed: of all random numbers; each tensor's also depend on its name, not on the order of writing.
        kind: of ``KINDS``: how the encoder's weights are distributed.
    """

    layout: Layout
    surface: Surface
    seed: int = 0
    kind: str = "normal"

    def write(self, path: Path) -> None:
        """Write the checkpoint. The buffers that both heads have are stored once, as the release's size tells."""
        tensors = {name: Tensor(kind, shape, self._blocks(name)) for name, (shape, kind) in self.layout.items()}
        shared = {
            name: tensors[name.replace("_hand.", ".", 1)]
            for name in tensors
            if name in self._given and name.startswith("head_pose_hand.")
        }
        write_state_dict(path, tensors | shared, NOTICE)

    def _blocks(self, name: str) -> Callable[[], Iterator[NDArray]]:
        return lambda: self.values(name)

    def values(self, name: str) -> Iterator[NDArray]:
        """A tensor's numbers, some at a time."""
        shape, _ = self.layout[name]
        if name in self._given:
            given = self._given[name]
            assert given.shape == shape, f"{name} is {given.shape}, official {shape}"
            yield given
            return
        rng = np.random.default_rng([self.seed, crc32(name.encode())])
        centre, spread = _distribution(name, shape)
        if _INTO_THE_RESIDUAL.search(name):
            numbers = rng.normal(centre, spread, shape).astype(np.float32)
            numbers[_SIDE] = 0
            yield numbers
            return
        if self.kind == "peaks" and (peak := _PEAKS.search(name)):
            numbers = np.float32(centre) + np.float32(spread) * rng.standard_normal(shape, np.float32)
            numbers[_PEAK_CHANNEL] = _PEAK_GAIN if peak[1] else numbers[_PEAK_CHANNEL] * _PEAK_FACTOR
            yield numbers
            return
        draw = _heavy if self.kind == "heavy" and _LINEAR.search(name) else _normal
        count = prod(shape)
        for start in range(0, count, _BLOCK):
            size = min(_BLOCK, count - start)
            yield np.float32(centre) + np.float32(spread) * draw(rng, size)

    @cached_property
    def _given(self) -> dict[str, NDArray]:
        """The tensors whose numbers mean something."""
        person, surface = self.surface.person, self.surface
        given: dict[str, NDArray] = {
            "init_pose.weight": person.initial_pose(),
            "init_pose_hand.weight": person.initial_hand(),
            "init_camera.weight": person.initial_camera(),
            "init_camera_hand.weight": person.initial_hand_camera(),
            **self._hand_boxes(),
        }
        buffers = person.head_buffers(np.random.default_rng([self.seed, 1]))
        buffers |= {"faces": surface.triangles, "keypoint_mapping": surface.keypoint_mapping}
        for head in ("head_pose", "head_pose_hand"):
            given |= {f"{head}.{name}": values for name, values in buffers.items()}
        periods = "backbone.encoder.rope_embed.periods"
        if periods in self.layout:
            count = self.layout[periods][0][0]
            given[periods] = (100.0 ** (np.arange(count) / count)).astype(np.float32)  # DINOv3's base
        return given

    def _hand_boxes(self) -> dict[str, NDArray]:
        """Tokens and a small network that put the hands' boxes where the made-up person's hands are.

        The first hidden layer holds x and x - 1 of the side's channel and of its opposite, cut at 0; their difference
        in the second is a switch between 0 and 1, one for each hand; the last multiplies each with its hand's logits.
        """
        logits = self.surface.person.hand_box_logits()
        embedding = self._random("hand_box_embedding.weight", 1.0)
        embedding[:, _SIDE] = _SIDE_SIZE, -_SIDE_SIZE
        first, second, last = (self._random(f"bbox_embed.layers.{k}.weight", 0.02) for k in range(3))
        biases = [np.zeros(self.layout[f"bbox_embed.layers.{k}.bias"][0], np.float32) for k in range(3)]
        first[:4], second[:2] = 0, 0
        first[:4, _SIDE] = 4, 4, -4, -4
        biases[0][:4] = 0, -1, 0, -1
        second[0, :2] = second[1, 2:4] = 1, -1
        last[:, :2] = logits.T
        found = {"hand_box_embedding.weight": embedding}
        for k, (weight, bias) in enumerate(zip((first, second, last), biases)):
            found |= {f"bbox_embed.layers.{k}.weight": weight, f"bbox_embed.layers.{k}.bias": bias}
        return found

    def _random(self, name: str, spread: float) -> NDArray[np.float32]:
        rng = np.random.default_rng([self.seed, crc32(name.encode())])
        shape = self.layout[name][0]
        return (rng.standard_normal(shape, np.float32) * spread * (shape[1] ** -0.5 if spread < 1 else 1)).astype(
            np.float32
        )


def _distribution(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation of a tensor's numbers."""
    for pattern, mean, spread in _DRAWN:
        if re.search(pattern, name):
            return mean, spread
    factor = next((factor for pattern, factor in _FACTORS if re.search(pattern, name)), 1.0)
    return 0.0, factor * prod(shape[1:]) ** -0.5
