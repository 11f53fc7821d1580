"""What the landmark network says about rendered people whose pose is known, cached in one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.anatomy import Anatomy
from native_runtime.detection import pose
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, open_network

from .pictures import Shot, shoot

Array = NDArray[np.float64]

_WINDOW = 1.25
"""The first window, in longer sides of the person's box."""
_SURE = 0.5
"""A reading less sure than this shows somebody or something else."""


@dataclass(frozen=True)
class Readings:
    """Of N people, what ``PersonLandmarks`` holds and what is true.

    Attributes:
        points_2d, points_3d, visibility, presence: (N, 33, ...) as in ``PersonLandmarks``.
        mask: (N, 256, 256) uint8 0..255; mask_from_photo: (N, 2, 3).
        box: (N, 4) px; size: (N, 2) px, width and height of the picture; intrinsics: (N, 3, 3) px.
        landmarks: (N, 33, 3) m, camera axes, true.
        parameters, identity, translation: the true body (``PlacedState``).
        group: (N,) what the pose is from: a clip of motion capture or an authored pose.
        held_out: (N,) bool.
    """

    points_2d: Array
    points_3d: Array
    visibility: Array
    presence: Array
    mask: NDArray[np.uint8]
    mask_from_photo: Array
    box: Array
    size: NDArray[np.int64]
    intrinsics: Array
    landmarks: Array
    parameters: Array
    identity: Array
    translation: Array
    group: NDArray[np.str_]
    held_out: NDArray[np.bool_]

    def save(self, path: Path) -> None:
        """Write an ``.npz``; it appears whole or not at all."""
        write_arrays(path, {field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def load(*paths: Path) -> Readings:
        """The readings of several files, one after the other."""
        archives = [np.load(path, allow_pickle=False) for path in paths]
        return Readings(**{f.name: np.concatenate([a[f.name] for a in archives]) for f in fields(Readings)})

    def person(self, number: int) -> PersonLandmarks:
        """One of them as the engines get it."""
        return PersonLandmarks(
            self.box[number], 1.0, self.points_2d[number], self.points_3d[number], self.visibility[number],
            self.presence[number], self.mask[number].astype(np.float32) / 255.0, self.mask_from_photo[number],
        )  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """A pose to render: (204,) model parameters, where it is from, and whether it is held out of training."""

    parameters: Array
    group: str
    held_out: bool


def read(network: Network, shot: Shot) -> PersonLandmarks | None:
    """The networks' answer about the one person of a picture; None where they are not sure to see one."""
    picture = Picture(shot.pixels)
    middle, side = (shot.box[:2] + shot.box[2:]) / 2, float(np.max(shot.box[2:] - shot.box[:2]))
    first = pose.read_pose(network, picture, Crop(float(middle[0]), float(middle[1]), _WINDOW * side))
    reading = pose.read_on(network, picture, first)
    if reading.score < _SURE:
        return None
    reading = pose.average(reading, pose.read_pose(network, picture, reading.crop, mirrored=True))
    inside = picture.contains(reading.points)
    return PersonLandmarks(
        shot.box, reading.score, reading.points, reading.world, reading.visibility * inside,
        reading.presence * inside, reading.mask, reading.crop.pixels_from_photo(pose.INPUT_SIZE),
    )  # fmt: skip


def make_readings(body: Body, poses: list[Pose], seed: int, progress: Callable[[int], None]) -> Readings:
    """Render every pose once from its own seed, and read it."""
    anatomy, network = Anatomy(body), open_network(store.network_path("pose_landmark"), threads=1)
    rows = list(_rows(anatomy, network, poses, seed, progress))
    return Readings(*(np.array(column) for column in zip(*rows, strict=True)))


def _rows(
    anatomy: Anatomy, network: Network, poses: list[Pose], seed: int, progress: Callable[[int], None]
) -> Iterator[tuple[object, ...]]:
    for number, wanted in enumerate(poses):
        # Python's hash of a text changes from run to run; its bytes do not.
        rng = np.random.default_rng([seed, number, *wanted.group.encode()])
        shot = shoot(anatomy, wanted.parameters, rng)
        found = read(network, shot)
        progress(number)
        if found is None:
            continue
        height, width = shot.pixels.shape[:2]
        yield (
            found.points_2d, found.points_3d, found.visibility, found.presence,
            np.round(found.mask * 255).astype(np.uint8), found.mask_from_photo, shot.box, (width, height),
            shot.intrinsics, shot.landmarks, shot.parameters, shot.identity, shot.translation, wanted.group,
            wanted.held_out,
        )  # fmt: skip
