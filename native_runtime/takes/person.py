"""One person of a take: from what was seen of them in each frame to one body on its floor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime import __version__
from native_runtime.characters.measures.height import of_height
from native_runtime.characters.measures.measurer import Measurer
from native_runtime.errors import UsageError
from native_runtime.mhr import SCALE, Body

from .camera import TakeCamera
from .camera_motion import CameraPath, Turn, path_of
from .footage import Footage
from .frames import FrameStore, SeenFrame
from .kept import KeptFit, KeptFits, observer_of
from .plain import filtered_take
from .planting import Standing, stand_on_ground
from .prompted import prompted
from .request import TakeRequest
from .take import Take, TakeFootage
from .temporal import TemporalFit, fit_take
from .tracks import Track

Array = NDArray[np.float64]

_MASKS = 48
"""Outlines, at most, that are in memory for the fit; a few frames tell the shape."""
TRAVELS = (
    "The camera changes its place, or too little stands still to tell: only its turning was followed, so the person's "
    "way and the floor are doubtful."
)
DRIFTS = (
    "Feet that seem to stand move in the picture, as if the camera changed its place: they were not held where they "
    "stand, and the person's way is doubtful."
)
_FIT = 0.85
"""The fit's part of the time; the floor takes the rest."""


@dataclass(frozen=True)
class PersonSource:
    """All that the fit of a person is made from."""

    request: TakeRequest
    footage: Footage
    frames: FrameStore
    outlines: Mapping[int, SeenFrame]
    camera: TakeCamera
    engine: str
    body: Body
    hints: Mapping[int, Sequence[Any]]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the frames as they are looked at."""
        width, height = self.footage.size
        return (width, height) if self.request.turn in (0, 180) else (height, width)


def fit_person(source: PersonSource, track: Track, progress: Callable[[float], None]) -> Take:
    """The take of one person.

    Raises:
        NoPersonError: no frame shows enough of them.
        UsageError: a hint is for a frame in which they are not followed.
    """
    request, every = source.request, source.request.every
    outside = sorted(set(source.hints) - set(range(track.first, track.last + 1, every)))
    if outside:
        raise UsageError(
            f"{request.prompts}: frame {outside[0]} is none of those in which person {track.number} is followed "
            f"({track.first} to {track.last}{'' if every == 1 else f', every {every}th'})."
        )
    kept = KeptFits(source.frames.folder)
    made_of = _made_of(source, track)
    told = any(source.hints.values())
    # without prompts a take is always fitted from the start; with some it is the one that these are about
    base = kept.read(track.number, made_of) if told and not request.restart else None
    if base is None:
        base = _fitted(source, track, progress)
        if not request.plain:
            kept.write(base, KeptFit(made_of, dict(track.seen)))
    if not told:
        return base
    return prompted(base, source.body, observer_of(source.frames, track.seen), source.hints, source.camera.gravity)


def _fitted(source: PersonSource, track: Track, progress: Callable[[float], None]) -> Take:
    """The take of one person, by what was seen alone."""
    request, every = source.request, source.request.every
    started = time.perf_counter()
    masked = set(_spread(sorted(track.seen), _MASKS))
    observations = [
        replace(source.frames.observation(number, seen_as, number in masked), frame=number // every)
        for number, seen_as in sorted(track.seen.items())
    ]
    fps, path = source.footage.fps / every, _camera_path(source, track)
    if request.plain:
        fit = filtered_take(observations, fps)
    else:
        fit = fit_take(
            source.body,
            observations,
            source.camera.intrinsics,
            fps,
            gravity=source.camera.gravity,
            camera_to_world=path.to_world,
            progress=lambda part: progress(_FIT * part),
        )
    if isinstance(request.height_cm, float):
        fit = _of_height(source, fit, request.height_cm)
    fitted = time.perf_counter()
    standing = stand_on_ground(
        source.body,
        fit.model_parameters,
        fit.identity,
        fit.camera_translation,
        fps,
        seen=fit.seen,
        gravity=source.camera.gravity,
        to_world=path.to_world,
        progress=lambda part: progress(_FIT + (1.0 - _FIT) * part),
    )
    seconds = {"fit": fitted - started, "ground": time.perf_counter() - fitted}
    return _take(source, track, fit, standing, path, seconds)


def _made_of(source: PersonSource, track: Track) -> dict[str, Any]:
    """All that a person's fit depends on, ready for JSON."""
    return {
        "frames": source.frames.settings,
        "track": [[number, place] for number, place in sorted(track.seen.items())],
        "height_cm": source.request.height_cm,
        "version": __version__,
    }


def _camera_path(source: PersonSource, track: Track) -> CameraPath:
    """How the camera turned over the frames of a track."""
    numbers = range(track.first, track.last + 1, source.request.every)
    # a frame that could not be read says nothing: the next one's turn is the one since the last that could
    turns = [source.outlines[number].turn if number in source.outlines else Turn.none() for number in numbers]
    return path_of(turns, source.camera.intrinsics, source.size)


def _of_height(source: PersonSource, fit: TemporalFit, height: float) -> TemporalFit:
    """The same motion by somebody of another height (cm), nearer or farther away, so that the picture stays.

    Lengths and shape are told by the frame in which most is seen; the way is scaled as the body is.
    """
    measurer = Measurer(source.body)
    state = fit.state(int(np.argmax(fit.seen)))
    before = measurer.stature(state.model_parameters, state.identity)
    there, _ = of_height(measurer, state, source.camera.intrinsics, height)
    parameters = fit.model_parameters.copy()
    parameters[:, SCALE] = there.model_parameters[SCALE]
    factor = measurer.stature(there.model_parameters, there.identity) / before
    return replace(
        fit,
        model_parameters=parameters,
        identity=np.asarray(there.identity, np.float64),
        camera_translation=factor * fit.camera_translation,
    )


def _take(
    source: PersonSource,
    track: Track,
    fit: TemporalFit,
    standing: Standing,
    path: CameraPath,
    seconds: dict[str, float],
) -> Take:
    request, every = source.request, source.request.every
    offset = track.first % every
    frames = np.asarray(fit.frames, np.int64) * every + offset
    known = sorted(source.outlines)
    times = np.interp(frames, known, [source.outlines[number].time for number in known])
    rows = np.array(sorted(track.seen))
    boxes = np.array([source.outlines[number].people[track.seen[number]].sighting.box for number in rows])
    return Take.from_states(
        source.body,
        standing.model_parameters,
        fit.identity,
        fit.expression,
        standing.camera_translation,
        source.camera.intrinsics,
        frames=frames,
        times=times,
        image_size=np.array(source.size),
        camera_to_world=np.tile(np.eye(4), (len(frames), 1, 1)) if path.to_world is None else path.to_world,
        camera="fixed" if path.to_world is None else "moving",
        warnings=((TRAVELS,) if path.travels else ()) + ((DRIFTS,) if standing.drifts else ()),
        ground=standing.ground,
        bbox=np.stack([np.interp(frames, rows, boxes[:, axis]) for axis in range(4)], axis=1),
        seen=fit.seen,
        contacts=standing.contacts,
        engine=source.engine,
        footage=TakeFootage(
            request.footage.name,
            source.footage.fps,
            source.footage.frame_count,
            request.range[0],
            known[-1],
            every,
        ),
        person=track.number,
        seconds=seconds,
        quality=dict(standing.quality),
        details={
            "lens": dict(source.camera.details),
            "repairs": {str(frame): what for frame, what in fit.repairs.items()},
            "iterations": fit.iterations,
            "quality_before_planting": dict(standing.before),
        },
    )


def _spread(numbers: Sequence[int], count: int) -> list[int]:
    """At most so many of some numbers, evenly spread."""
    if len(numbers) <= count:
        return list(numbers)
    return [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, count)]
