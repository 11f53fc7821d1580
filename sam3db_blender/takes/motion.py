"""What takes of the same footage say, on the frames of a scene and in one world, without Blender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.characters.animation.continuity import continuous_joints
from native_runtime.characters.animation.placing import in_one_camera, rooted_joints
from native_runtime.characters.animation.resampling import Spans, resampled, resampled_joints, resampled_rotations
from native_runtime.characters.placement import Placement, place_on_ground, place_people, up_of
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr.state import PlacedState

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.takes.take import Take

Array = NDArray[np.float64]

#: Poses, spread over a take, that say what space its person takes up.
_PLACES = 24
#: A part of a frame by which rounding may miss a whole one.
_WHOLE = 1e-4


@dataclass(frozen=True)
class Clock:
    """Which moment of the footage a frame of the scene shows.

    Attributes:
        start: the frame that shows the time ``zero``.
        rate: frames of the scene a second.
        zero: s from the start of the footage.
    """

    start: int
    rate: float
    zero: float

    def frames(self, times: Array) -> NDArray[np.int64]:
        """The whole frames of the scene within some rising times (F,) s."""
        first, last = self.start + (times[[0, -1]] - self.zero) * self.rate
        return np.arange(np.ceil(first - _WHOLE), max(np.floor(last + _WHOLE), np.ceil(first - _WHOLE)) + 1).astype(int)

    def times(self, frames: NDArray[np.int64]) -> Array:
        """(W,) s of frames of the scene."""
        return self.zero + (frames - self.start) / self.rate


@dataclass(frozen=True)
class PersonMotion:
    """One person on the frames of a scene.

    Attributes:
        take: where it comes from.
        first: the person's first pose as an estimate, world axes as camera axes.
        frames: (W,) of the scene, each one after the other.
        joints: (W, J, 7) cm, radians, log2; the root's translation is the way from the first pose.
        parameters: (W, 204), of which those that are no angles may move sliders; expression: (W, n_ex).
        world: (4, 4) from the take's world axes to those in which the people of a footage stand together.
    """

    take: Take
    first: Estimate
    frames: NDArray[np.int64]
    joints: Array
    parameters: Array
    expression: Array
    world: Array


@dataclass(frozen=True)
class TakeMotion:
    """All people of a footage on the frames of a scene.

    Attributes:
        people: in the order of the takes.
        placement: from world axes (OpenCV) to Blender's.
        points: (N, 3) m, world axes: the space that the people take up.
        clock: which moment a frame shows.
        camera_frames: (W,) of the scene; empty for a camera that stands still.
        cameras: (W, 4, 4) camera axes to world axes on them; one for a camera that stands still.
        notes: what the artist should know.
    """

    people: list[PersonMotion]
    placement: Placement
    points: Array
    clock: Clock
    camera_frames: NDArray[np.int64]
    cameras: Array
    notes: list[str] = field(default_factory=list)

    @property
    def frames(self) -> range:
        """The frames of the scene that show somebody."""
        ends = [end for person in self.people for end in (person.frames[0], person.frames[-1])]
        return range(int(min(ends)), int(max(ends)) + 1)


def motion_of(takes: Sequence[Take], body: Body, start: int, rate: float) -> TakeMotion:
    """The people of takes on the frames of a scene.

    Args:
        takes: of the same footage and body, one for each person.
        start: the frame of the scene for the first frame of the first take.
        rate: frames of the scene a second.

    Raises:
        UsageError: there is none, or they are not of the same footage.
        ModelError: they are of another body.
    """
    notes: list[str] = []
    _check(takes)
    clock = Clock(start, rate, min(float(take.times[0]) for take in takes))
    reference = min(takes, key=lambda take: float(take.times[0]))
    cameras = [_cameras_in(reference, take, notes) for take in takes]
    people, points, roots = [], [], []
    for take, camera in zip(takes, cameras):
        parameters, translation = in_one_camera(body, take.model_parameters, take.camera_translation, camera)
        first = _first_pose(take, body, parameters[0], translation[0])
        sequence = _sequence(take, body, clock, parameters, translation, translation[0])
        people.append(PersonMotion(take, first, *sequence, camera[0] @ np.linalg.inv(take.camera_to_world[0])))
        points.append(_space(first, body, take, parameters, translation))
        roots.append(first.joints[body.joint_index("root")])
    ground = next((_ground_in(take, camera) for take, camera in zip(takes, cameras) if _knows_ground(take)), None)
    if ground is None:
        placement = place_people(points, roots, up_of(reference.details))
        notes.append("The floor is not known: the lowest point of all frames stands on it.")
    else:
        placement = place_on_ground(ground, roots[0])
    frames, seen = _camera_track(takes, cameras, clock)
    return TakeMotion(people, placement, np.concatenate(points), clock, frames, seen, notes)


def _check(takes: Sequence[Take]) -> None:
    if not takes:
        raise UsageError("There are no takes to make characters of.")
    first = takes[0]
    for take in takes:
        if (take.footage.file, tuple(take.image_size)) != (first.footage.file, tuple(first.image_size)):
            raise UsageError(
                f"The takes are of different footage ('{first.footage.file}' and '{take.footage.file}'); import those "
                "of one footage at a time."
            )
        if not np.allclose(take.intrinsics, first.intrinsics, rtol=1e-3):
            raise UsageError("The takes were made with different lenses; make them again together, or import one.")
        if (take.body_name, take.body_hash) != (first.body_name, first.body_hash):
            raise ModelError("The takes belong to different bodies; import those of one body at a time.")


def _cameras_in(reference: Take, take: Take, notes: list[str]) -> Array:
    """(F, 4, 4) the cameras of a take in the world axes of another, whose camera they are."""
    _, ours, theirs = np.intersect1d(take.frames, reference.frames, return_indices=True)
    if take is reference or take.camera == reference.camera == "fixed":
        return take.camera_to_world
    if not len(ours):
        notes.append(
            f"Person {take.person + 1} and person {reference.person + 1} are never seen together, and the camera "
            "moves: how they stand to each other is not known."
        )
        return take.camera_to_world
    shift = reference.camera_to_world[theirs[0]] @ np.linalg.inv(take.camera_to_world[ours[0]])
    moved = shift @ take.camera_to_world
    moved[:, 3] = 0.0, 0.0, 0.0, 1.0
    return np.asarray(moved)


def _first_pose(take: Take, body: Body, parameters: Array, translation: Array) -> Estimate:
    estimate = take.estimate(0, body)
    state = PlacedState(parameters, estimate.identity, estimate.expression, translation)
    return estimate.with_state(body, state)


def motion_again(
    take: Take, body: Body, clock: Clock, world: Array, home: Array
) -> tuple[NDArray[np.int64], Array, Array]:
    """The motion of a person whose character was made already: the frames of the scene (W,), joints (W, J, 7) and model
    parameters (W, 204), as in ``PersonMotion``.

    Args:
        world: (4, 4), home: (3,) m: of when it was made.
    """
    cameras = take.camera_to_world
    if not np.array_equal(world, np.eye(4)):
        cameras = world @ cameras
    parameters, translation = in_one_camera(body, take.model_parameters, take.camera_translation, cameras)
    return _sequence(take, body, clock, parameters, translation, home)[:3]


def _sequence(
    take: Take, body: Body, clock: Clock, parameters: Array, translation: Array, home: Array
) -> tuple[NDArray[np.int64], Array, Array, Array]:
    """Frames, joints, parameters and expression of ``PersonMotion``."""
    frames = clock.frames(take.times)
    spans = Spans(take.times, clock.times(frames))
    joints = continuous_joints(body, rooted_joints(body, parameters, translation, home))
    return (
        frames,
        resampled_joints(body, joints, spans),
        resampled(parameters, spans),
        resampled(take.expression, spans),
    )


def _space(first: Estimate, body: Body, take: Take, parameters: Array, translation: Array) -> Array:
    """(N, 3) m, world axes: the person in some frames of the take."""
    some = np.unique(np.linspace(0, len(take) - 1, min(len(take), _PLACES)).round().astype(int))
    vertices = body.vertices(parameters[some], first.identity, take.expression[some])
    return mhr_to_camera(vertices, translation[some]).reshape(-1, 3)


def _knows_ground(take: Take) -> bool:
    return bool(np.isfinite(take.ground).all())


def _ground_in(take: Take, camera: Array) -> Array:
    """(4,) the floor of a take in the world in which its cameras were given."""
    shift = camera[0] @ np.linalg.inv(take.camera_to_world[0])
    normal = shift[:3, :3] @ take.ground[:3]
    return np.append(normal, take.ground[3] - normal @ shift[:3, 3])


def _camera_track(takes: Sequence[Take], cameras: Sequence[Array], clock: Clock) -> tuple[NDArray[np.int64], Array]:
    """The frames of the scene on which the camera is known, and the camera on them; one for a fixed camera."""
    if all(take.camera == "fixed" for take in takes):
        return np.zeros(0, np.int64), cameras[0][:1]
    known: dict[float, Array] = {}
    for take, track in zip(takes, cameras):
        for time, camera in zip(take.times.tolist(), track):
            known.setdefault(time, camera)
    times = np.array(sorted(known))
    track = np.stack([known[time] for time in times.tolist()])
    frames = clock.frames(times)
    spans = Spans(times, clock.times(frames))
    result = np.tile(np.eye(4), (len(frames), 1, 1))
    result[:, :3, :3] = resampled_rotations(track[:, :3, :3], spans)
    result[:, :3, 3] = resampled(track[:, :3, 3], spans)
    return frames, result
