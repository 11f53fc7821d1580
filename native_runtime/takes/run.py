"""From a video to takes: frames, tracks, one fit over all frames of each person, files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.batch.names import clean_name
from native_runtime.engines.base import Engine, Reading
from native_runtime.errors import NoPersonError, Sam3dbError, UsageError
from native_runtime.files.locks import HeldError, lock
from native_runtime.models import store
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.people import choose_people
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.support import chosen_engine, require

from .camera import TakeCamera, find_camera, turned
from .footage import Footage, FrameRange, open_footage
from .frames import FrameStore, SeenFrame
from .hints import Hints, read_hints
from .observing import Observer
from .person import PersonSource, fit_person
from .request import TakeRequest
from .take import LOOK, Take
from .trackfile import edited, read_tracks, write_tracks
from .tracks import Track, tidy
from .watching import Watcher

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.texture.files import TextureFiles

    from .tracks import Sighting

Array = NDArray[np.float64]

_BACKGROUND = 0.6
"""Where the largest person is wanted, who is smaller than this part of the largest one in a frame is left out."""
CAMERA = "camera"
"""The name by which the camera is kept beside the frames."""
_LOCK = ".take.lock"
_LOOKED, _FITTED = 0.6, 0.9
"""How far a run is when all frames are read, and when everybody is fitted and textures are still to be made."""


@dataclass(frozen=True)
class SavedTake:
    """A person's take, in files.

    Attributes:
        take: what was saved.
        stem: of the files, which end in ``.npz`` and ``.json``.
        texture: the person's, where one was made.
    """

    take: Take
    stem: Path
    texture: TextureFiles | None = None

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


def stem_of(footage: Path, out: Path) -> Path:
    """What the files that are made of a footage in a folder begin with."""
    return out / clean_name(Path(footage.name).stem or "take")


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
    footage = open_footage(request.footage, request.fps, request.range[0])
    hints = read_hints(request.prompts) if request.prompts else {}
    result = TakeResult(stem_of(request.footage, request.out))
    request.out.mkdir(parents=True, exist_ok=True)
    with held(request.out):
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
        result.notes += _unused(request, hints, result.tracks, chosen)

        fitting = (_FITTED if request.texture else 1.0) - _LOOKED

        def progress_of(place: int) -> Callable[[float], None]:
            return lambda part: reporter.progress(_LOOKED + fitting * (place + part) / len(chosen))

        told = [text for text in (camera.text, *result.notes) if text]
        for place, track in enumerate(chosen):
            reporter.status(f"Fitting person {track.number}, {len(track.seen)} frames")
            source = PersonSource(
                request, footage, frames, outlines, camera, engine.name, engine.body, hints.get(track.number, {})
            )
            try:
                fitted = fit_person(source, track, progress_of(place))
            except NoPersonError as error:
                result.failed[track.number] = error
                continue
            for text in fitted.warnings:
                reporter.warning(text)
            stem = result.stem.with_name(f"{result.stem.name}_person{track.number}_take")
            take = replace(fitted, seconds={**result.seconds, **fitted.seconds}, warnings=(*fitted.warnings, *told))
            take.save(stem)
            result.takes.append(SavedTake(take, stem))
        if request.texture and result.takes:
            result.takes = _textured(request, footage, sightings, result, engine.body, reporter)
        reporter.progress(1.0)
    return result


def _frames(
    request: TakeRequest, footage: Footage, inference: Inference, reporter: Reporter, result: TakeResult
) -> tuple[Engine, TakeCamera, FrameStore]:
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
    camera = TakeCamera.from_json(store_of_frames.kept(CAMERA))
    made: tuple[int, Reading] | None = None
    if camera is None:
        camera, made = find_camera(request, footage, engine, wanted, reporter)
        store_of_frames.keep(CAMERA, camera.to_json())
    if camera.text:
        reporter.warning(camera.text)
    result.seconds["open"] = time.perf_counter() - started
    started = time.perf_counter()
    age = request.age if isinstance(request.age, float) else None
    observer = Observer(
        engine,
        camera.intrinsics,
        inference=request.inference,
        sex=request.sex,
        age=age,
        least=_least(request),
        whole=request.plain,
    )
    if made is not None:
        observer.start(*made)
    known = _known(store_of_frames, wanted)
    for seen in known:
        observer.recall(seen)
    last = known[-1].number if known else None
    total = max(len(wanted.numbers(footage.frame_count)), 1)
    before: NDArray[np.uint8] | None = None
    watcher = Watcher(reporter, store_of_frames.folder, engine.body.keypoint_names)
    # of the frames that are known the last one is read once more, for the question whether the next is a cut
    skip = frozenset(seen.number for seen in known[:-1])
    for frame in turned(footage.frames(wanted, skip), request.turn):
        if frame.number == last:
            before = frame.photo.pixels
            continue
        seen = observer.look(frame, before)
        store_of_frames.write(seen)
        watcher.show(frame, seen, observer.numbers)
        before = None
        result.fresh += 1
        done = len(known) + result.fresh
        reporter.status(f"Frame {frame.number}")
        reporter.progress(_LOOKED * min(done / total, 1.0))
    if wanted.stop is None:
        store_of_frames.finish()
    result.seconds["frames"] = time.perf_counter() - started
    return engine, camera, store_of_frames


def _textured(
    request: TakeRequest,
    footage: Footage,
    sightings: Mapping[int, Sequence[Sighting]],
    result: TakeResult,
    body: Body,
    reporter: Reporter,
) -> list[SavedTake]:
    """The takes with the textures and the looks of their people, whose files are written again; a warning about whoever
    gets none.
    """
    from .texturing import TextureMaker

    started = time.perf_counter()
    takes = [saved.take for saved in result.takes]
    maker = TextureMaker(footage, request.turn, takes, sightings, body, request.models)
    textured = []
    for place, saved in enumerate(result.takes):
        person = f"person {saved.take.person}"
        try:
            texture = maker.make(saved.take, saved.stem, reporter)
            take = replace(saved.take, details=saved.take.details | {LOOK: texture.look})
            take.save(saved.stem)
            textured.append(SavedTake(take, saved.stem, texture.files))
        except Sam3dbError as error:
            reporter.warning(f"{person.capitalize()} got no texture: {error}")
            textured.append(saved)
        reporter.progress(_FITTED + (1.0 - _FITTED) * (place + 1) / len(takes))
    result.seconds["textures"] = time.perf_counter() - started
    return textured


def _least(request: TakeRequest) -> float:
    """The part of the largest person's size from which somebody is looked at: people in the background take time."""
    return _BACKGROUND if request.persons == "largest" else 0.0


def _known(frames: FrameStore, wanted: FrameRange) -> list[SeenFrame]:
    """The frames of an earlier run from which this one goes on: up to before the last search."""
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
    last_search = max((place for place, frame in enumerate(known) if frame.search), default=0)
    frames.forget([number for number in frames.numbers() if not known or number >= known[last_search].number])
    return known[:last_search]


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
        **({"plain": True} if request.plain else {}),
        "sex": request.sex,
        "age": request.age,
        "lens": [request.focal_px, request.fov_deg],
    }


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


def _unused(request: TakeRequest, hints: Hints, tracks: Sequence[Track], chosen: Sequence[Track]) -> list[str]:
    """What to say of prompts that do nothing."""
    there, meant = [track.number for track in tracks], [track.number for track in chosen]
    notes = []
    for person, frames in sorted(hints.items()):
        empty = sorted(frame for frame, said in frames.items() if not said)
        if empty:
            which = "frame " if len(empty) == 1 else "frames "
            numbers = ", ".join(map(str, empty))
            notes.append(f"{request.prompts}: no keypoints are given on {which}{numbers} for person {person}.")
        if person not in there:
            known = f"There is only person {there[0]}" if len(there) == 1 else f"There are {', '.join(map(str, there))}"
            notes.append(
                f"{request.prompts}: there is no person {person} in this take, so what is said of them was not used. "
                f"{known}."
            )
        elif person not in meant:
            notes.append(
                f"{request.prompts}: what is said of person {person} was not used, because they were not chosen."
            )
    return notes


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold an output folder: two runs at once would write over each other.

    Raises:
        UsageError: another run holds it.
    """
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
