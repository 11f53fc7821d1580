"""What the landmark network says about rendered people whose pose is known, cached in files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.detection import pose
from native_runtime.detection.crops import Picture
from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, open_network
from native_runtime.synthetic.people import Person
from native_runtime.synthetic.pictures import Photographer, Shot
from native_runtime.synthetic.poses import Pose
from native_runtime.training.compact.reading import window_about

Array = NDArray[np.float64]

_SURE = 0.5
"""A reading less sure than this shows somebody or something else."""


@dataclass(frozen=True)
class Readings:
    """Of N people, what ``PersonLandmarks`` holds and what is true.

    Attributes:
        points_2d, points_3d, visibility, presence: (N, 33, ...) as in ``PersonLandmarks``.
        mask_from_photo: (N, 2, 3).
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
        """One of them as the engines get it, without a mask."""
        return PersonLandmarks(
            self.box[number], 1.0, self.points_2d[number], self.points_3d[number], self.visibility[number],
            self.presence[number], np.zeros((1, 1), np.float32), self.mask_from_photo[number],
        )  # fmt: skip


def read(body: Body, network: Network, shot: Shot, rng: np.random.Generator) -> PersonLandmarks | None:
    """The network's answer about the one person of a picture; None where it is not sure to see one.

    The window is about the one that it settles on, without the passes that it takes to find it.
    """
    picture = Picture(shot.pixels)
    reading = pose.read_pose(
        network,
        picture,
        window_about(project(blazepose(body, shot.people[0]), shot.view.intrinsics), shot.view.size, rng),
    )
    if reading.score < _SURE:
        return None
    reading = pose.average(reading, pose.read_pose(network, picture, reading.crop, mirrored=True))
    inside = picture.contains(reading.points)
    return PersonLandmarks(
        shot.people[0].box, reading.score, reading.points, reading.world, reading.visibility * inside,
        reading.presence * inside, reading.mask, reading.crop.pixels_from_photo(pose.INPUT_SIZE),
    )  # fmt: skip


def make_readings(body: Body, poses: Iterable[Pose], seed: int, network: Network) -> Readings:
    """Render every pose once from its own seed, and read it. Those who are not seen are left out."""
    rows = list(_rows(body, network, poses, seed))
    return Readings(*(np.array(column) for column in zip(*rows, strict=True)))


def _rows(body: Body, network: Network, poses: Iterable[Pose], seed: int) -> Iterator[tuple[object, ...]]:
    photographer = Photographer(body)
    for number, wanted in enumerate(poses):
        # Python's hash of a text changes from run to run; its bytes do not.
        rng = np.random.default_rng([seed, number, *wanted.group.encode()])
        shot = photographer.shoot(lambda _, pose=wanted: pose, rng, company=0.0)  # type: ignore[misc]
        found = read(body, network, shot, rng)
        if found is None:
            continue
        person = shot.people[0]
        yield (
            found.points_2d, found.points_3d, found.visibility, found.presence, found.mask_from_photo, person.box,
            shot.view.size, shot.view.intrinsics, blazepose(body, person), person.parameters,
            person.standing.build.identity, person.translation, wanted.group, wanted.held_out,
        )  # fmt: skip


def blazepose(body: Body, person: Person) -> Array:
    """(33, 3) m, camera axes: the body's points for BlazePose's."""
    return person.landmarks[[body.landmark_names.index(f"blazepose_{k:02d}") for k in range(33)]]


def render_chunks(
    body: Body, pose: Callable[[int], Pose], folder: Path, chunks: Iterable[int], size: int, seed: int,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Write ``folder/NNNN.npz`` with the readings of ``size`` poses each; files that are there are left alone.

    Args:
        pose: the pose of a number.
        chunks: the files' numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = open_network(store.network_path("pose_landmark"), threads=1)
    for chunk in chunks:
        path = folder / f"{chunk:04d}.npz"
        if path.exists():
            continue
        found = make_readings(body, (pose(chunk * size + k) for k in range(size)), seed + chunk, network)
        found.save(path)
        tell(f"{path.name}: {len(found.group)} of {size} people seen")
