"""From a video to takes: frames, tracks, one fit over all frames of each person, files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.batch.names import clean_name
from native_runtime.camera import Gravity
from native_runtime.engines.base import Engine, Reading
from native_runtime.errors import NoPersonError, UsageError
from native_runtime.files.locks import HeldError, lock
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.pipeline.camera import read_with_camera
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.people import choose_people
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import Lens
from native_runtime.pipeline.support import chosen_engine, require

from .footage import Footage, Frame, FrameRange, open_footage
from .frames import FrameStore, SeenFrame
from .hints import read_hints, with_hints
from .observations import FrameObservation
from .observing import Observer
from .request import TakeRequest
from .take import Take, TakeFootage, prompts_by_frame
from .temporal import TemporalFit, fit_take
from .trackfile import edited, read_tracks, write_tracks
from .tracks import Track, tidy

Array = NDArray[np.float64]

_LOOKED_AT = 12
"""Frames, at most, in which somebody is looked for to tell the camera."""
_MASKS = 48
"""Outlines, at most, that are in memory for the fit; a few frames tell the shape."""
_BACKGROUND = 0.6
"""Where the largest person is wanted, who is smaller than this part of the largest one in a frame is left out."""
_CAMERA = "camera"
_LOCK = ".take.lock"


@dataclass(frozen=True)
class SavedTake:
    """A person's take, in files.

    Attributes:
        take: what was saved.
        stem: of the files, which end in ``.npz`` and ``.json``.
    """

    take: Take
    stem: Path

    @property
    def files(self) -> dict[str, str]:
        return {"npz": f"{self.stem}.npz", "json": f"{self.stem}.json"}


@dataclass
class TakeResult:
    """What a run made.

    Attributes:
        stem: what all files of it begin with.
        takes: of each person who was chosen.
        tracks: everybody who was followed, after an artist's edits.
        fresh: frames that this run looked at; the others were known.
        frame_count: frames of the take.
        cuts: frames at which another scene begins.
        notes: what an artist should know of the footage.
        failed: people who could not be fitted, and why.
        seconds: wall time by stage.
    """

    stem: Path
    takes: list[SavedTake] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    fresh: int = 0
    frame_count: int = 0
    cuts: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: dict[int, NoPersonError] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def make_take(request: TakeRequest, inference: Inference, reporter: Reporter) -> TakeResult:
    """Follow the people of a video and fit one body to each of those who are meant.

    What was seen of frames is kept under ``NAME_frames`` in the output folder, so that a run which was interrupted goes
    on, and who is followed in ``NAME_tracks.json``, where it can be corrected (``trackfile``).

    Args:
        request: what is wanted.
        inference: opens the engine.
        reporter: hears of progress, and may raise to stop the work between two frames; what was done stays.

    Raises:
        PhotoError: the footage cannot be read.
        NoPersonError: nobody is there, or nobody who was meant.
        UsageError, ModelError, PromptError: as the engine, the tracks and the prompts say.
        OSError: a file cannot be written.
    """
    footage = open_footage(request.footage, request.fps)
    hints = read_hints(request.prompts) if request.prompts else {}
    result = TakeResult(request.out / clean_name(Path(request.footage.name).stem or "take"))
    request.out.mkdir(parents=True, exist_ok=True)
    with _held(request.out):
        tracks_file = result.stem.with_name(f"{result.stem.name}_tracks.json")
        known_tracks = read_tracks(tracks_file)  # before any work: it may have mistakes to correct
        engine, camera, frames = _frames(request, footage, inference, reporter, result)
        outlines = {number: frame for number in frames.numbers() if (frame := frames.outline(number)) is not None}
        wanted = FrameRange(*request.range, request.every)
        outlines = {number: frame for number, frame in outlines.items() if number in wanted}
        sightings = {number: frame.sightings for number, frame in outlines.items()}
        times = {number: frame.time for number, frame in outlines.items()}
        found = tidy(_tracked(list(outlines.values())), sightings, times)
        result.frame_count = len(outlines)
        result.cuts = [number for number, frame in outlines.items() if frame.cut]
        result.notes = footage.notes
        result.tracks = edited(found, known_tracks, tracks_file)
        about = {"footage": request.footage.name, "fps": footage.fps, "cuts": result.cuts}
        write_tracks(tracks_file, found, sightings, known_tracks.edits, **about)
        if not result.tracks:
            raise NoPersonError(
                f"{request.footage}: nobody is seen long enough to be followed."
                if not found
                else f"{tracks_file}: its edits leave nobody."
            )
        chosen = _chosen(request, result.tracks)
        for place, track in enumerate(chosen):
            reporter.status(f"Fitting person {track.number}, {len(track.seen)} frames")
            source = _Source(request, footage, frames, outlines, camera, engine.body, hints.get(track.number, {}))
            try:
                fitted = _fitted(source, track, engine, reporter, place, len(chosen))
            except NoPersonError as error:
                result.failed[track.number] = error
                continue
            stem = result.stem.with_name(f"{result.stem.name}_person{track.number}_take")
            take = replace(fitted, seconds={**result.seconds, **fitted.seconds}, warnings=tuple(result.notes))
            take.save(stem)
            result.takes.append(SavedTake(take, stem))
        reporter.progress(1.0)
    return result


@dataclass(frozen=True)
class _Camera:
    intrinsics: Array
    gravity: Gravity
    details: Mapping[str, Any]
    text: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "intrinsics": self.intrinsics.tolist(),
            "up": list(map(float, self.gravity.up)),
            "up_sigma": float(self.gravity.sigma),
            "details": dict(self.details),
            "text": self.text,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any] | None) -> _Camera | None:
        """What ``to_json`` gave; None where it is something else."""
        try:
            if content is None:
                return None
            up = np.asarray(content["up"], np.float64).reshape(3)
            matrix = np.asarray(content["intrinsics"], np.float64).reshape(3, 3)
            return _Camera(matrix, Gravity(up, float(content["up_sigma"])), content["details"], content["text"])
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True)
class _Source:
    """All that the fit of a person is made from."""

    request: TakeRequest
    footage: Footage
    frames: FrameStore
    outlines: Mapping[int, SeenFrame]
    camera: _Camera
    body: Body
    hints: Mapping[int, Sequence[Any]]


def _frames(
    request: TakeRequest, footage: Footage, inference: Inference, reporter: Reporter, result: TakeResult
) -> tuple[Engine, _Camera, FrameStore]:
    """Look at all frames that are not known yet."""
    chosen, notes = chosen_engine(request)
    for note in notes:
        reporter.status(note)
    started = time.perf_counter()
    engine = inference.open(chosen, reporter)
    require(engine, "a choice of sex", request.sex is not None)
    require(engine, "a stated age", request.age is not None)
    wanted = FrameRange(*request.range, request.every)
    store_of_frames = FrameStore(
        result.stem.with_name(f"{result.stem.name}_frames"), _depends(request, footage, engine)
    )
    if request.restart:
        store_of_frames.forget(store_of_frames.numbers())
    camera = _Camera.from_json(store_of_frames.kept(_CAMERA))
    made: tuple[int, Reading] | None = None
    if camera is None:
        camera, made = _camera(request, footage, engine, wanted, reporter)
        store_of_frames.keep(_CAMERA, camera.to_json())
    if camera.text:
        reporter.warning(camera.text)
    result.seconds["open"] = time.perf_counter() - started
    started = time.perf_counter()
    age = request.age if isinstance(request.age, float) else None
    observer = Observer(
        engine, camera.intrinsics, inference=request.inference, sex=request.sex, age=age, least=_least(request)
    )
    if made is not None:
        observer.start(*made)
    known = _known(store_of_frames, wanted)
    for seen in known:
        observer.recall(seen)
    last = known[-1].number if known else None
    total = max(len(wanted.numbers(footage.frame_count)), 1)
    before: NDArray[np.uint8] | None = None
    # of the frames that are known the last one is read once more, for the question whether the next is a cut
    skip = frozenset(seen.number for seen in known[:-1])
    for frame in _turned(footage.frames(wanted, skip), request.turn):
        if frame.number == last:
            before = frame.photo.pixels
            continue
        store_of_frames.write(observer.look(frame, before))
        before = None
        result.fresh += 1
        done = len(known) + result.fresh
        reporter.status(f"Frame {frame.number}")
        reporter.progress(0.6 * min(done / total, 1.0))
    if wanted.stop is None:
        store_of_frames.finish()
    result.seconds["frames"] = time.perf_counter() - started
    return engine, camera, store_of_frames


def _least(request: TakeRequest) -> float:
    """The part of the largest person's size from which somebody is looked at: people in the background take time."""
    return _BACKGROUND if request.persons == "largest" else 0.0


def _known(frames: FrameStore, wanted: FrameRange) -> list[SeenFrame]:
    """The frames of an earlier run from which this one goes on: up to before the last one that was read anew."""
    numbers = [number for number in frames.numbers() if number in wanted]
    known: list[SeenFrame] = []
    for number in numbers:
        frame = frames.outline(number)
        if frame is None:
            break
        known.append(frame)
    whole = len(known) == len(numbers) and bool(known)
    if whole and (frames.finished or wanted.is_past(known[-1].number + wanted.every)):
        return known
    last_anew = max((place for place, frame in enumerate(known) if frame.anew), default=0)
    frames.forget([number for number in frames.numbers() if not known or number >= known[last_anew].number])
    return known[:last_anew]


def _depends(request: TakeRequest, footage: Footage, engine: Engine) -> dict[str, Any]:
    status = footage.path.stat()
    return {
        "footage": [str(footage.path.resolve()), status.st_size, status.st_mtime_ns],
        "first": request.range[0],
        "every": request.every,
        "fps": request.fps,
        "turn": request.turn,
        "engine": engine.name,
        "body": engine.body.hash,
        "models": str(store.models_dir(request.models)),
        "inference": request.inference,
        "least": _least(request),
        "sex": request.sex,
        "age": request.age,
        "lens": [request.focal_px, request.fov_deg],
    }


def _camera(
    request: TakeRequest, footage: Footage, engine: Engine, wanted: FrameRange, reporter: Reporter
) -> tuple[_Camera, tuple[int, Reading]]:
    """The camera of all frames, from the first one in which somebody is seen; with that frame's number and reading."""
    total = len(wanted.numbers(footage.frame_count))
    step = wanted.every * max(total // _LOOKED_AT, 1)
    sparse = FrameRange(wanted.first, wanted.stop, step)
    reporter.status("Looking for people")
    for frame in _turned(footage.frames(sparse), request.turn):
        given = Lens(focal_px=request.focal_px, fov_deg=request.fov_deg).matrix(frame.photo)
        try:
            reading, lens = read_with_camera(engine, frame.photo, given)
        except NoPersonError:
            continue
        if reading.people:
            size = frame.photo.original_size
            camera = _Camera(lens.intrinsics, lens.gravity, lens.details(size), lens.text(max(size)))
            return camera, (frame.number, reading)
    raise NoPersonError(
        f"{request.footage}: nobody was found in {_LOOKED_AT} frames spread over the footage. A person should be at "
        "least 40 pixels tall."
    )


def _turned(frames: Iterator[Frame], turn: Any) -> Iterator[Frame]:
    for frame in frames:
        yield replace(frame, photo=frame.photo.turned_by(turn)) if turn else frame


def _tracked(frames: Sequence[SeenFrame]) -> list[Track]:
    """Who is who over all frames, followed again from what is kept: cheap, and the same in every run."""
    from .tracks import Tracker

    tracker = Tracker()
    for frame in frames:
        if frame.cut:
            tracker.cut()
        tracker.update(frame.number, frame.time, frame.sightings)
    return tracker.tracks


def _chosen(request: TakeRequest, tracks: Sequence[Track]) -> list[Track]:
    """The tracks that are meant; numbers are theirs."""
    if isinstance(request.persons, str):
        return [tracks[place] for place in choose_people(request.persons, len(tracks))]
    known = {track.number: track for track in tracks}
    missing = [number for number in request.persons if number not in known]
    if missing:
        there = ", ".join(map(str, known))
        raise NoPersonError(f"There is no person {missing[0]} in this take. There are: {there}.")
    return [known[number] for number in dict.fromkeys(request.persons)]


def _fitted(source: _Source, track: Track, engine: Engine, reporter: Reporter, place: int, count: int) -> Take:
    """The take of one person."""
    request, every = source.request, source.request.every
    started = time.perf_counter()
    outside = sorted(set(source.hints) - set(range(track.first, track.last + 1, every)))
    if outside:
        raise UsageError(
            f"{request.prompts}: frame {outside[0]} is none of those in which person {track.number} is followed "
            f"({track.first} to {track.last}{'' if every == 1 else f', every {every}th'})."
        )
    masked = set(_spread(sorted(track.seen), _MASKS))
    observations = []
    for number, seen_as in sorted(track.seen.items()):
        seen = source.frames.observation(number, seen_as, number in masked)
        seen = with_hints(source.body, seen, source.hints.get(number, ()))
        observations.append(replace(seen, frame=number // every))
    observations += [
        with_hints(source.body, FrameObservation(number // every), prompts)
        for number, prompts in source.hints.items()
        if number not in track.seen
    ]

    def progress(part: float) -> None:
        reporter.progress(0.6 + 0.4 * (place + part) / count)

    fit = fit_take(
        source.body,
        observations,
        source.camera.intrinsics,
        source.footage.fps / every,
        gravity=source.camera.gravity,
        progress=progress,
    )
    return _take(source, track, fit, engine, time.perf_counter() - started)


def _take(source: _Source, track: Track, fit: TemporalFit, engine: Engine, seconds: float) -> Take:
    request, every = source.request, source.request.every
    offset = track.first % every
    frames = np.asarray(fit.frames, np.int64) * every + offset
    known = sorted(source.outlines)
    times = np.interp(frames, known, [source.outlines[number].time for number in known])
    rows = np.array(sorted(track.seen))
    boxes = np.array([source.outlines[number].people[track.seen[number]].sighting.box for number in rows])
    size = np.array(source.footage.size if request.turn in (0, 180) else source.footage.size[::-1])
    return Take.from_states(
        source.body,
        fit.model_parameters,
        fit.identity,
        fit.expression,
        fit.camera_translation,
        source.camera.intrinsics,
        frames=frames,
        times=times,
        image_size=size,
        camera_to_world=np.tile(np.eye(4), (len(frames), 1, 1)),
        ground=np.full(4, np.nan),
        bbox=np.stack([np.interp(frames, rows, boxes[:, axis]) for axis in range(4)], axis=1),
        seen=fit.seen,
        contacts=np.zeros((len(frames), 4), bool),
        engine=engine.name,
        footage=TakeFootage(
            request.footage.name,
            source.footage.fps,
            source.footage.frame_count,
            request.range[0],
            known[-1],
            every,
        ),
        person=track.number,
        prompts=prompts_by_frame({frame: list(prompts) for frame, prompts in source.hints.items()}),
        seconds={"fit": seconds},
        details={
            "lens": dict(source.camera.details),
            "repairs": {str(frame): what for frame, what in fit.repairs.items()},
            "iterations": fit.iterations,
        },
    )


def _spread(numbers: Sequence[int], count: int) -> list[int]:
    """At most so many of some numbers, evenly spread."""
    if len(numbers) <= count:
        return list(numbers)
    return [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, count)]


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold an output folder: two runs at once would write over each other."""
    try:
        file = lock(folder / _LOCK)
    except HeldError as error:
        raise UsageError(
            f"Another take is being made in {folder}. Wait until it ends, or choose another output folder."
        ) from error
    try:
        yield
    finally:
        file.close()
