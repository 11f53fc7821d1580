"""A stand-in for InstantHMR's network: the same inputs and outputs, exported with PyTorch, with answers that are known.

Its camera head is exact: from the three conditions it finds where the box is in the photo, and puts a place of the
body there, `HEIGHT` metres to the box's longer side. Everything else depends on the picture, by random weights.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from native_runtime.camera import mhr_to_camera, project
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.fitting.problem import named_rows
from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.state import PlacedState
from native_runtime.models import manifest

HEIGHT = 1.8
"""Metres that the longer side of a box is taken for."""


class StandIn(nn.Module):
    """The network.

    Args:
        pose: (204,) model parameters about which it answers.
        shape: (45,) the same of its shape coefficients.
        middle: (3,) m, camera axes, from the body's origin: what it puts into the middle of the box.
        points: (70, 2) about which it answers `joints_2d`.
        image_size: (width, height) of the photos for which its camera head is exact.
        angular: whether its conditions are angles.
        spread: how far its answers differ from picture to picture.
        five: whether it answers `joints_3d`, too.
    """

    def __init__(
        self,
        pose: NDArray[Any],
        shape: NDArray[Any],
        middle: NDArray[Any],
        points: NDArray[Any],
        image_size: tuple[int, int],
        angular: bool = False,
        spread: float = 0.05,
        five: bool = True,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.pose, self.shape, self.middle, self.points = (
            nn.Parameter(torch.tensor(values, dtype=torch.float32)) for values in (pose, shape, middle, points)
        )
        # shares of the photo, and of its longer side, in focal lengths
        self.lens = nn.Parameter(torch.tensor(lens_of(image_size)))
        self.mix = nn.Parameter(torch.randn(16, 3, 8, 8, generator=generator) * 0.1)
        self.head = nn.Parameter(torch.randn(204 + 45 + 140, 16, generator=generator) * 0.3)
        self.spread = nn.Parameter(torch.tensor(spread))
        self.angular, self.five = angular, five

    def forward(self, image: Tensor, cliff_cond: Tensor) -> tuple[Tensor, ...]:
        """The five (or four) outputs, in the released order."""
        seen = torch.nn.functional.conv2d(image, self.mix, stride=8).tanh().mean(dim=(2, 3)) @ self.head.T
        pose, shape, points = seen.tanh().split([204, 45, 140], dim=1)
        moves = torch.cat([torch.zeros(6), torch.ones(198)])
        if self.angular:
            x, y, size = cliff_cond[:, 0].tan(), cliff_cond[:, 1].tan(), cliff_cond[:, 2]
        else:
            x, y, size = (cliff_cond * self.lens).unbind(dim=1)
        depth = HEIGHT / size
        place = torch.stack([x * depth, y * depth, depth], dim=1) - self.middle
        out = (
            self.pose + self.spread * (moves * pose),  # weights alone would be folded into one
            self.shape + self.spread * shape,
            place,
            self.points + self.spread * points.reshape(-1, 70, 2),
        )
        return (*out, seen[:, :210].reshape(-1, 70, 3)) if self.five else out


def export(model: StandIn, path: Path, size: int = 224, batch: int | None = None) -> Path:
    """The network as ONNX, by the exporter of the releases, with a fixed number of people or a free one."""
    inputs = torch.zeros(batch or 1, 3, size, size), torch.full((batch or 1, 3), 0.5)
    into, out = ["image", "cliff_cond"], ["mhr_params", "shape_params", "cam_trans", "joints_2d", "joints_3d"]
    out = out[: 5 if model.five else 4]
    free = None if batch else {name: {0: "batch"} for name in (*into, *out)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is on its way out
        torch.onnx.export(
            model.eval(), inputs, str(path), input_names=into, output_names=out, dynamic_axes=free, opset_version=17,
            dynamo=False,
        )  # fmt: skip
    return path


def changed(path: Path, target: Path, metadata: Mapping[str, str] | None = None, **weights: Any) -> Path:
    """The network with other weights, by their names in `StandIn`, and with more metadata."""
    content = onnx.load(str(path))
    for tensor in content.graph.initializer:
        if tensor.name in weights:
            values = np.asarray(weights.pop(tensor.name), np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    assert not weights, f"{path.name} has no {', '.join(weights)}"
    for key, value in (metadata or {}).items():
        entry = content.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(content, str(target))
    return target


def lens_of(image_size: tuple[int, int]) -> list[float]:
    """The weights `lens` of a network whose camera head is exact for photos of (width, height) px."""
    diagonal = math.hypot(*image_size)
    return [image_size[0] / diagonal / 2, image_size[1] / diagonal / 2, max(image_size) / diagonal]


def in_half_precision(path: Path, target: Path) -> Path:
    """The network with inputs in float16."""
    content = onnx.load(str(path))
    for entry in content.graph.input:
        name = entry.name
        for node in content.graph.node:
            node.input[:] = [f"{name}_single" if known == name else known for known in node.input]
        cast = onnx.helper.make_node("Cast", [name], [f"{name}_single"], to=onnx.TensorProto.FLOAT)
        content.graph.node.insert(0, cast)
        entry.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    onnx.save(content, str(target))
    return target


def install(path: Path, models: Path, name: str = "medium", **source: Any) -> Path:
    """A network in a models folder, as the shelf leaves it there; returns that folder."""
    folder = models / "instanthmr"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.onnx"
    target.write_bytes(path.read_bytes())
    manifest.update(folder, {target.name: manifest.describe(target, source=source)})
    return models


@dataclass
class NobodySeen:
    """Landmark networks that see nobody: people are where their boxes are."""

    def people(self, rgb: NDArray[np.uint8], with_hands: bool = True) -> list[PersonLandmarks]:
        return []

    def people_in(self, rgb: NDArray[np.uint8], boxes: NDArray[Any], with_hands: bool = True) -> list[None]:
        return [None] * len(boxes)


@dataclass
class SomebodySeen:
    """Landmark networks that see a body's own points where they are, but for those that are moved.

    Attributes:
        moved: by BlazePose's names, px.
    """

    body: Body
    state: PlacedState
    intrinsics: NDArray[Any]
    box: NDArray[Any]
    moved: Mapping[str, tuple[float, float]]

    def people(self, rgb: NDArray[np.uint8], with_hands: bool = True) -> list[PersonLandmarks]:
        """The one person."""
        points = PointSet.from_rows(self.body, named_rows(self.body, [f"blazepose_{k:02d}" for k in range(33)]))
        pose = self.body.pose(self.state.model_parameters)
        deep = mhr_to_camera(points.positions(pose, self.state.identity), self.state.camera_translation)
        flat = project(deep, self.intrinsics)
        for name, shift in self.moved.items():
            flat[BODY_POINTS.index(name)] += shift
        nothing = np.zeros((64, 64), np.float32)  # no outline
        seen = PersonLandmarks(
            np.array(self.box), 0.9, flat, deep - deep[[23, 24]].mean(axis=0), np.ones(33), np.ones(33), nothing,
            np.array([[64.0 / rgb.shape[1], 0, 0], [0, 64.0 / rgb.shape[0], 0]]),
        )  # fmt: skip
        return [seen]

    def people_in(self, rgb: NDArray[np.uint8], boxes: NDArray[Any], with_hands: bool = True) -> list[PersonLandmarks]:
        """The one person, in a box."""
        return self.people(rgb)

    def with_hands(self, rgb: NDArray[np.uint8], person: PersonLandmarks) -> PersonLandmarks:
        """Without them."""
        return person
