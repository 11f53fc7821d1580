"""What the landmark networks see of the people of a data set, with what is true of them, kept in files.

The networks are frozen, so they look at each picture once, and the training goes over what they said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.compact.inputs import inputs_of_glimpses
from native_runtime.dataset import shards
from native_runtime.dataset.rows import Row
from native_runtime.detection import movenet, pose
from native_runtime.detection.crops import Crop, Picture, upright_angle
from native_runtime.detection.landmarks import BODY_POINTS, SecondOpinion
from native_runtime.detection.lifting import POINTS, SEGMENTS, mirrored_points, mirrored_segments
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.mhr.rotations import rotation_between
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, open_network

Array = NDArray[np.float64]

_CIRCLE = 1.06
"""Radius of the circle that holds a person, in distances of the farthest point from the middle of the hips."""
_OFF, _LARGER = 0.012, 0.04
"""By how much windows are off, in their sides, and too large or too small; radians that they are turned wrongly."""
_BOX_OFF, _BOX_MARGIN = 0.03, 1.25
"""The same of the second network's, which are around a box."""
_SURE = 0.5
"""A reading less sure than this shows somebody or something else."""
_FLIP = np.array([-1.0, 1.0, 1.0])
_COLUMNS = [BODY_POINTS.index(name) for name in POINTS]
_HIPS = [POINTS.index(f"{side}_hip") for side in ("left", "right")]


@dataclass(frozen=True)
class Readings:
    """Of N people two looks each, the plain one and the mirrored one, all in the axes of the window as the network saw
    it.

    Attributes:
        points, view, coarse, fine: (N, 2, ...) as ``compact.inputs.Inputs``; the last two as float16.
        true_points: (N, 2, 33, 2) fractions of the window.
        vectors: (N, 2, 19, 3) true unit vectors of ``detection.lifting.SEGMENTS``.
        places: (N, 2, 21, 3) m, true, of ``detection.lifting.POINTS`` from the middle of the hips.
        pose: (N,) names of the poses.
        held_out: (N,) bool.
    """

    points: NDArray[np.float32]
    view: NDArray[np.float32]
    coarse: NDArray[np.float16]
    fine: NDArray[np.float16]
    true_points: NDArray[np.float32]
    vectors: NDArray[np.float32]
    places: NDArray[np.float32]
    pose: NDArray[np.str_]
    held_out: NDArray[np.bool_]

    def save(self, path: Path) -> None:
        """Write an ``.npz``; it appears whole or not at all."""
        write_arrays(path, {field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def load(paths: Sequence[Path]) -> Readings:
        """The readings of several files, one after the other.

        Raises:
            UsageError: there are none.
        """
        if not paths:
            raise UsageError("There are no readings. Make them first.")
        archives = [np.load(path, allow_pickle=False) for path in paths]
        return Readings(**{f.name: np.concatenate([archive[f.name] for archive in archives]) for f in fields(Readings)})

    def __len__(self) -> int:
        return len(self.pose)

    def some(self, chosen: NDArray[Any]) -> Readings:
        """Of some people: their numbers, or (N,) bool."""
        return Readings(*(getattr(self, field.name)[chosen] for field in fields(Readings)))


@dataclass(frozen=True)
class Networks:
    """The frozen networks: BlazePose's landmarks with features, and MoveNet."""

    landmark: Network
    second: Network

    @staticmethod
    def open(models: Path | None = None, threads: int = 1) -> Networks:
        """Those of a models folder.

        Raises:
            ModelError: one is missing.
        """
        landmark, second = (
            open_network(store.network_path(name, models), threads=threads)
            for name in ("pose_landmark", "movenet_thunder")
        )
        return Networks(landmark, second)


def read_shard(networks: Networks, body: Body, data: Path, shard: Path, seed: int) -> Readings:
    """The people of one shard that the landmark network sees.

    Args:
        body: the one that is shown.
        data: the data set's folder.
        seed: of the errors of the windows.

    Raises:
        UsageError: the shard shows another body, or a picture is missing.
    """
    found = [_read(networks, body, data, row, seed) for row in shards.read(shard)]
    columns = zip(*(entry for entry in found if entry is not None), strict=True)
    return Readings(*(np.array(column) for column in columns))


def _read(networks: Networks, body: Body, data: Path, row: Row, seed: int) -> tuple[Any, ...] | None:
    if row.placed is None or row.placed.hash != body.hash:
        raise UsageError(f"The pictures of {data} do not show the body {body.name}. Make them again.")
    encoded = cv2.imread(str(data / "images" / row.image))
    if encoded is None:
        raise UsageError(f"The picture {row.image} of {data} is missing.")
    picture = Picture(np.ascontiguousarray(encoded[..., ::-1]))
    truth = landmarks_of(body, row)
    rng = np.random.default_rng([seed, row.person, row.subject])
    window = window_about(project(truth, row.intrinsics), (picture.width, picture.height), rng)
    plain = pose.read_pose(networks.landmark, picture, window)
    if plain.score < _SURE:
        return None
    both = pose.average(plain, pose.read_pose(networks.landmark, picture, window, mirrored=True))
    if both.glimpses is None:
        raise UsageError("The landmark network gives no features. Build the models again.")
    second = _second(networks.second, picture, row.box, rng)
    inputs = inputs_of_glimpses(both.glimpses, second, float(row.intrinsics[0, 0]), {})
    stances = [stance_of(truth, row.intrinsics, window, row.box, mirrored) for mirrored in (False, True)]
    flat, vectors, places = (np.array(column, np.float32) for column in zip(*stances, strict=True))
    return (
        inputs.points, inputs.view, both.glimpses.coarse, both.glimpses.fine, flat, vectors, places, row.pose,
        row.held_out,
    )  # fmt: skip


def landmarks_of(body: Body, row: Row) -> Array:
    """(33, 3) m, camera axes: where the points of BlazePose truly are."""
    if row.placed is None:
        raise UsageError("A row does not say where its body is.")
    placed = row.placed
    posed = body.pose(placed.parameters)
    vertices = body.vertices(placed.parameters, placed.identity, placed.expression)
    numbers = [body.landmark_names.index(f"blazepose_{k:02d}") for k in range(len(BODY_POINTS))]
    return np.asarray(mhr_to_camera(body.landmarks(posed, vertices)[numbers], placed.translation), np.float64)


def stance_of(
    landmarks: Array, intrinsics: Array, window: Crop, box: Array, mirrored: bool
) -> tuple[Array, Array, Array]:
    """What is true of somebody in a window's axes, z along the ray to the person: (33, 2) fractions of the window,
    (19, 3) unit vectors of ``SEGMENTS``, (21, 3) m places of ``POINTS`` from the middle of the hips.

    Args:
        landmarks: (33, 3) m, camera axes.
        box: (4,) px around the person.
        mirrored: whether the network saw the window mirrored.
    """
    ray = np.linalg.solve(intrinsics, [*((box[:2] + box[2:]) / 2), 1.0])
    seen = landmarks @ rotation_between([0.0, 0.0, 1.0], ray)
    seen = np.column_stack([seen[:, :2] @ window.axes, seen[:, 2]])[_COLUMNS]
    places = seen - seen[_HIPS].mean(axis=0)
    vectors = np.array([seen[POINTS.index(end)] - seen[POINTS.index(start)] for start, end in SEGMENTS])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    flat = window.to_fractions(project(landmarks, intrinsics))
    if mirrored:
        partners, signs = mirrored_segments()
        flat = np.array([1.0, 0.0]) + flat[pose.MIRRORED] * _FLIP[:2]
        vectors, places = (vectors * _FLIP * signs[:, None])[partners], (places * _FLIP)[mirrored_points()]
    return flat, vectors, places


def window_about(points: Array, size: tuple[int, int], rng: np.random.Generator) -> Crop:
    """A window about as the network settles on, without the passes that it takes to find it.

    Args:
        points: (33, 2) px, the true ones.
        size: px, width and height of the picture.
        rng: of the window's errors.
    """
    hips, shoulders = (
        points[[BODY_POINTS.index(f"{side}_{joint}") for side in ("left", "right")]].mean(axis=0)
        for joint in ("hip", "shoulder")
    )
    limit = np.array(size, np.float64)
    inside = np.clip(points, -0.1 * limit, 1.1 * limit)  # what is far beyond the picture is not in the circle
    radius = _CIRCLE * float(np.linalg.norm(inside - hips, axis=1).max()) * math.exp(rng.normal(0, _LARGER))
    angle = upright_angle(hips, shoulders) + float(rng.normal(0, _LARGER))
    plain = pose.crop_around(hips, hips + [0.0, -radius])
    x, y = hips + rng.normal(0.0, _OFF * plain.size, 2)
    return Crop(float(x), float(y), plain.size, angle)


def _second(network: Network, picture: Picture, box: Array, rng: np.random.Generator) -> SecondOpinion:
    box = box + rng.normal(0.0, _BOX_OFF, 4) * np.tile(box[2:] - box[:2], 2)
    x, y = (box[:2] + box[2:]) / 2
    first = movenet.read_points(network, picture, Crop(x, y, _BOX_MARGIN * float(max(box[2:] - box[:2]))))
    window = first.window()
    if window is None:
        return first
    again = movenet.read_points(network, picture, window)
    return max(first, again, key=lambda found: float(found.scores.mean()))


def read_all(
    networks: Networks, body: Body, data: Path, out: Path, seed: int, part: range, tell: Callable[[str], None]
) -> None:
    """Write ``out/NNNNNN.npz`` for the shards of a data set; files that are there are left alone.

    Args:
        part: numbers of the shards.
    """
    out.mkdir(parents=True, exist_ok=True)
    for number in part:
        path, shard = out / f"{number:06}.npz", data / shards.SHARD.format(number)
        if shard.is_file() and not path.exists():
            found = read_shard(networks, body, data, shard, seed)
            found.save(path)
            tell(f"{path.name}: {len(found)} people seen")
