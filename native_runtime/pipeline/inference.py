"""The steps from a photo's path to estimates, as the command line and the worker both take them.

Keeps what is expensive: the open engine, and the readings of the last few photos.
"""

from __future__ import annotations

import importlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from native_runtime.engines import DEFAULT_ENGINE, engines
from native_runtime.errors import NoPersonError, Remedy, UsageError
from native_runtime.pipeline.boxes import Box, check_inside, overlap
from native_runtime.pipeline.turned import Turn, axis_of_keypoints, axis_of_landmarks, suspected_turn, suspicion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from native_runtime.detection.networks import LandmarkNetworks
    from native_runtime.engines.base import Capabilities, Engine, Reading
    from native_runtime.engines.edits import Edits
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.prompts.prompt import Prompt

# Readings of photos that stay in memory: the picture an artist works on, and those just before it.
KEPT_PHOTOS = 4
DEFAULT_BODY = "default"
PHOTO_TURNED = "photo_turned"
"""Among an estimate's details: the degrees clockwise by which the photo was turned after reading; 0 where missing."""

SAME_PERSON = 0.7
"""Boxes that overlap (intersection over union) by this much are of one person, whoever found them."""
NEAR_BOX = 0.2
"""An engine that cannot be told a box may find the person in another one, but not in one that overlaps it less."""
_SAME_LENS = 1e-5
#: Pixels: people who are less tall are not found.
_LEAST_TALL = 40
#: Pixels: a person of that height is at least so wide, and a picture that is narrower shows nobody.
_LEAST_WIDE = 8
"""Relative difference below which two camera matrices are one that passed through single precision."""


class Reporter(Protocol):
    """Hears what is going on. May raise to stop the work between two steps."""

    def status(self, text: str) -> None: ...

    def progress(self, value: float) -> None: ...

    def warning(self, text: str) -> None: ...


class Silent:
    """A reporter for callers who do not care."""

    def status(self, text: str) -> None: ...

    def progress(self, value: float) -> None: ...

    def warning(self, text: str) -> None: ...


@dataclass(frozen=True)
class EngineChoice:
    """Which engine with which files: everything that makes an open engine another one."""

    name: str = DEFAULT_ENGINE
    models: str | None = None
    body: str = DEFAULT_BODY
    providers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Lens:
    """A focal length (pixels of the original photo), an angle of view (degrees, longer side) or the whole camera matrix
    (3 rows, pixels of the original photo), given by a person.
    """

    focal_px: float | None = None
    fov_deg: float | None = None
    intrinsics: tuple[tuple[float, float, float], ...] | None = None

    def matrix(self, photo: Photo) -> NDArray[np.float64] | None:
        """(3, 3) px; None without a wish about the lens: the engine follows its own rule then."""
        import numpy as np

        from native_runtime.camera import intrinsics_for

        if self == Lens():
            return None
        if self.intrinsics is not None:
            return np.array(self.intrinsics)
        return intrinsics_for(photo.original_size, self.focal_px, self.fov_deg, photo)


@dataclass
class ReadPhoto:
    """A photo, and what the engine found in it."""

    photo: Photo
    reading: Reading
    engine: Engine
    doubts: tuple[str, ...] = ()
    """What an artist should check about the photo itself."""

    @property
    def bboxes(self) -> list[list[float]]:
        """[x0, y0, x1, y1] in original pixels of each person, largest first."""
        return [[float(value) for value in person.bbox] for person in self.reading.people]

    @property
    def heads(self) -> list[list[float] | None]:
        """[x, y] in original pixels, the middle of each person's head; None where the engine does not know it yet."""
        heads = (person.head for person in self.reading.people)
        return [None if head is None else [float(value) for value in head] for head in heads]


class _Key(NamedTuple):
    """What tells readings apart."""

    file: tuple[Any, ...]
    choice: EngineChoice
    lens: Lens
    boxes: tuple[Box, ...] | None
    turn: Turn


class Inference:
    """Opens engines, reads photos, makes estimates.

    Args:
        engines_module: the module whose ``open_engine(name, models=..., body=..., providers=...)`` is used.
        kept_photos: how many readings stay in memory.
    """

    def __init__(self, engines_module: str = "native_runtime.engines", kept_photos: int = KEPT_PHOTOS) -> None:
        self._engines_module = engines_module
        self._kept_photos = kept_photos
        self._choice: EngineChoice | None = None
        self._engine: Engine | None = None
        self._read: OrderedDict[_Key, ReadPhoto] = OrderedDict()
        self._networks: dict[tuple[str | None, tuple[str, ...] | None], LandmarkNetworks] = {}

    @property
    def engine_open(self) -> bool:
        return self._engine is not None

    @property
    def photos_kept(self) -> int:
        return len(self._read)

    def release(self) -> None:
        """Let go of the engine, the networks and all photos, so that their memory is free."""
        self._networks.clear()
        self._close_engine()

    def networks(self, models: str | None, providers: Sequence[str] | None) -> LandmarkNetworks:
        """The bundled networks, which see people whatever engine is open; kept beside it."""
        from native_runtime.detection.networks import LandmarkNetworks

        key = (models, None if providers is None else tuple(providers))
        if key not in self._networks:
            self._networks = {key: LandmarkNetworks(models, providers)}
        return self._networks[key]

    def _close_engine(self) -> None:
        self._read.clear()
        self._engine = self._choice = None

    def open(self, choice: EngineChoice, reporter: Reporter) -> Engine:
        """The engine that was chosen; opened anew only when the choice is another than before."""
        if self._engine is None or self._choice != choice:
            self._close_engine()
            reporter.status(f"Opening the engine '{choice.name}'")
            open_engine: Callable[..., Engine] = importlib.import_module(self._engines_module).open_engine
            self._engine = open_engine(choice.name, models=choice.models, body=choice.body, providers=choice.providers)
            self._choice = choice
        return self._engine

    def read(
        self,
        path: str | os.PathLike[str],
        choice: EngineChoice,
        lens: Lens,
        reporter: Reporter,
        boxes: Sequence[Box] | None = None,
        turn: Turn = 0,
    ) -> ReadPhoto:
        """Read a photo and find the people in it, or remember having done so.

        Args:
            boxes: where the people are, who keep this order; None: the engine looks for them.
            turn: degrees clockwise by which the photo is turned first, or "auto" (`turned.Turn`). Boxes and everything
                that is answered are then in pixels of the turned photo.

        Raises:
            PhotoError, ModelError, UsageError: as `read_photo`, the engine and `intrinsics_for` do.
            NoPersonError: nobody is there.
        """
        from native_runtime.image.reading import read_photo

        key = _Key(_identity(path), choice, lens, None if boxes is None else tuple(boxes), turn)
        known = self._read.get(key)
        if known is not None:
            self._read.move_to_end(key)
            return known
        # The photo comes before the engine: a file that cannot be read should not cost the opening of an engine.
        reporter.status(f"Reading {Path(path).name}")
        photo = read_photo(path)
        for note in photo.notes:
            reporter.status(note)
        found = self._read[key] = self.look(photo, choice, lens, reporter, boxes, turn)
        while len(self._read) > self._kept_photos:
            self._read.popitem(last=False)
        return found

    def look(
        self,
        photo: Photo,
        choice: EngineChoice,
        lens: Lens,
        reporter: Reporter,
        boxes: Sequence[Box] | None = None,
        turn: Turn = 0,
    ) -> ReadPhoto:
        """Find the people in a photo that was read already; nothing of it is kept. Arguments and errors as `read`."""
        if turn != "auto":
            return self._look(photo.turned_by(turn), choice, lens, reporter, boxes)
        if boxes is not None:
            raise UsageError("Boxes are in pixels of the turned photo: give the rotation in degrees, not 'auto'.")
        found = self._look(photo, choice, lens, reporter, None)
        degrees = suspected_turn(photo, _axes(found) or self._axes_by_networks(photo, choice))
        if not degrees:
            return found
        reporter.status(f"Rotating the photo by {degrees} degrees")
        return self._look(photo.turned_by(degrees), choice, lens, reporter, None)

    def _axes_by_networks(self, photo: Photo, choice: EngineChoice) -> list[NDArray[np.float64] | None]:
        """How everybody stands, for engines that do not say it before they estimate."""
        people = self.networks(choice.models, choice.providers).people(photo.pixels, with_hands=False)
        return [axis_of_landmarks(person) for person in people]

    def _look(
        self, photo: Photo, choice: EngineChoice, lens: Lens, reporter: Reporter, boxes: Sequence[Box] | None
    ) -> ReadPhoto:
        if boxes is not None:
            check_inside(boxes, photo.original_size)
        intrinsics = lens.matrix(photo)
        reporter.progress(0.05)
        engine = self.open(choice, reporter)
        reporter.progress(0.2)
        reporter.status("Detecting people")
        require(engine, "boxes", boxes is not None)
        reading = engine.read(photo, intrinsics, boxes)
        if not reading.people:
            text, remedy = _why_nobody(photo.original_size)
            raise NoPersonError(f"{photo.path}: {text}", remedy)
        reporter.progress(0.5)
        return ReadPhoto(photo, reading, engine, _doubts(photo, lens))

    def person_at(
        self,
        path: str | os.PathLike[str],
        choice: EngineChoice,
        lens: Lens,
        reporter: Reporter,
        box: Box | None,
    ) -> tuple[ReadPhoto, int]:
        """The person in a box (None: the largest), and a reading that knows them.

        A kept reading serves where it knows somebody there, however it came to; otherwise an engine that takes boxes is
        told this one, and any other looks for people.

        Raises:
            PhotoError, ModelError, UsageError: as `read`.
            NoPersonError: nobody is there.
        """
        if box is None:
            return self.read(path, choice, lens, reporter), 0
        file = _identity(path)
        for key, known in reversed(self._read.items()):
            if key[:2] == (file, choice) and not key.turn and _has_lens(known, key, lens):
                person, shared = _nearest(known, box)
                if shared >= SAME_PERSON:
                    self._read.move_to_end(key)
                    return known, person
        engine = self.open(choice, reporter)
        can = engine.capabilities
        if can.boxes and not can.searches:
            return self.read(path, choice, lens, reporter, [box]), 0
        with suppress(NoPersonError):
            found = self.read(path, choice, lens, reporter)
            person, shared = _nearest(found, box)
            if shared >= NEAR_BOX:
                return found, person
        if can.boxes:
            with suppress(NoPersonError):
                return self.read(path, choice, lens, reporter, [box]), 0
        raise NoPersonError(
            f"{path}: nobody was detected where this character's person was. Was the photo replaced by another one?"
        )

    def estimates(
        self,
        found: ReadPhoto,
        people: Sequence[int],
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        inference: str | None = None,
    ) -> Iterator[tuple[int, Estimate]]:
        """Each person's number (from `ReadPhoto.bboxes`) and estimate.

        An engine that computes several people together does so where nothing was said about one of them.

        Args:
            inference: what the engine shall infer ("full", "body"); None for all that it can.

        Raises:
            UsageError: the engine does not support a choice of inference.
        """
        reading, engine = found.reading, found.engine
        require(engine, "inference", inference is not None)
        require(engine, "masks", mask is not None)
        if len(people) > 1 and not keypoints and mask is None and engine.capabilities.several:
            for person, estimate in zip(people, reading.estimate_all(list(people), inference=inference)):
                yield person, _about_photo(estimate, found)
            return
        for person in people:
            estimate = reading.estimate(person, list(keypoints), mask, inference=inference)
            yield person, _about_photo(estimate, found)

    def pose(
        self,
        found: ReadPhoto,
        person: int,
        pins: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        inference: str | None = None,
        edits: Edits | None = None,
        snap: bool = False,
    ) -> Estimate:
        """One person's estimate for an artist who goes on from it.

        Args:
            inference: as for `estimates`.
            edits: what the artist did by hand, which is kept but for what later pins move.
            snap: whether an engine that only takes the pins for hints is helped to meet them.

        Raises:
            UsageError: the engine does not support a choice of inference.
        """
        from native_runtime.engines.refit import keep_edits, pins_of

        require(found.engine, "inference", inference is not None)
        require(found.engine, "masks", mask is not None)
        keeps = found.engine.capabilities.edits
        answer = found.reading.estimate(person, list(pins), mask, inference=inference, edits=edits if keeps else None)
        answer = _with_doubts(answer, found)
        if keeps or (edits is None and not snap):
            return answer
        return keep_edits(found.engine.body, answer, pins_of(pins, found.engine.body), edits, snap)


def _why_nobody(size: tuple[int, int]) -> tuple[str, Remedy | None]:
    """Why nobody was found in a photo of a size (width, height) px, and what to do."""
    if max(size) < _LEAST_TALL or min(size) < _LEAST_WIDE:
        return (
            f"nobody was found: at {size[0]} x {size[1]} pixels this picture is too small to show a person, who should "
            f"be at least {_LEAST_TALL} pixels tall. Choose a larger one.",
            None,
        )
    return (
        f"nobody was found in this photo. A person should be at least {_LEAST_TALL} pixels tall, and a 30th of the "
        "photo's longer side. Crop the photo.",
        Remedy.NAME_BOX,
    )


def _doubts(photo: Photo, lens: Lens) -> tuple[str, ...]:
    """What is doubtful about a photo; about its lens only where nobody has set one."""
    return (photo.lens_doubt,) if photo.lens_doubt and lens == Lens() else ()


def _with_doubts(estimate: Estimate, found: ReadPhoto) -> Estimate:
    """The estimate that also warns of what is doubtful about the photo."""
    if not found.doubts:
        return estimate
    return replace(estimate, warnings=(*found.doubts, *estimate.warnings))


def _about_photo(estimate: Estimate, found: ReadPhoto) -> Estimate:
    """The estimate that also tells what is doubtful about the photo, and by how much the photo was turned."""
    if found.photo.turn:
        estimate = replace(estimate, details=estimate.details | {PHOTO_TURNED: found.photo.turn})
    elif not found.photo.knows_up:
        turn = suspected_turn(found.photo, _axes(found) or [axis_of_keypoints(estimate.keypoints_2d)])
        if turn:
            estimate = replace(estimate, warnings=(suspicion(turn), *estimate.warnings))
    return _with_doubts(estimate, found)


def _axes(found: ReadPhoto) -> list[NDArray[np.float64] | None]:
    """How everybody stands; empty where the engine does not say it before it estimates."""
    landmarks = [person.landmarks for person in found.reading.people]
    return [axis_of_landmarks(person) for person in landmarks if person is not None]


def _nearest(found: ReadPhoto, box: Box) -> tuple[int, float]:
    """The person whose box overlaps one most, and by how much."""
    shares = [overlap(box, bbox) for bbox in found.bboxes]
    person = max(range(len(shares)), key=shares.__getitem__)
    return person, shares[person]


def _has_lens(known: ReadPhoto, key: _Key, lens: Lens) -> bool:
    """Whether a reading was made with a lens, or with a rule of the engine's that came to the same matrix."""
    import numpy as np

    if key.lens == lens:
        return True
    return lens.intrinsics is not None and bool(
        np.allclose(known.reading.intrinsics, lens.intrinsics, rtol=_SAME_LENS, atol=0.0)
    )


def require(engine: Engine, what: str, wanted: bool = True) -> None:
    """Refuse a wish that an engine cannot fulfil.

    Args:
        what: "boxes", "masks" or "inference" (a choice of what is inferred).

    Raises:
        UsageError: somebody wants it, and the engine does not support it.
    """

    def supports(can: Capabilities) -> bool:
        return {"boxes": can.boxes, "masks": can.masks, "inference": bool(can.inferences)}[what]

    if wanted and not supports(engine.capabilities):
        able = [name for name, known in engines().items() if name != engine.name and supports(known.capabilities)]
        other = f" The engine {able[0]!r} does." if able else ""
        raise UsageError(f"The engine {engine.name!r} does not support {what}.{other}")


def check_intrinsics(matrix: Any) -> tuple[tuple[float, float, float], ...]:
    """The camera matrix of a request: three rows of three numbers, px.

    Raises:
        UsageError: it is none.
    """
    import numpy as np

    try:
        array = np.asarray(matrix, np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    usable = array.shape == (3, 3) and bool(np.isfinite(array).all())
    if not usable or min(array[0, 0], array[1, 1]) <= 0 or array[2].tolist() != [0.0, 0.0, 1.0]:
        raise UsageError(
            f"Intrinsics are three rows [fx, s, cx], [0, fy, cy], [0, 0, 1] in pixels of the photo, not {matrix!r}."
        )
    first, second, third = ((float(a), float(b), float(c)) for a, b, c in array)
    return first, second, third


def choose_people(wanted: str | Sequence[int], count: int) -> list[int]:
    """Numbers of the people meant by ``"largest"``, ``"all"`` or a list of numbers, of ``count`` people there are.

    Raises:
        UsageError: the wish makes no sense.
        NoPersonError: there is no person of that number.
    """
    if wanted == "largest":
        return [0]
    if wanted == "all":
        return list(range(count))
    if isinstance(wanted, str):
        raise UsageError(f"People are chosen by 'largest', 'all' or numbers, not {wanted!r}.")
    if not wanted or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in wanted):
        raise UsageError(f"People are numbered from 0 on; {list(wanted)!r} is empty.")
    beyond = [number for number in wanted if number >= count]
    if beyond:
        there = "is only person {first}" if count == 1 else "are people {first} to {last}, the largest first"
        text = f"There is no person {{wanted}} in this photo; there {there}."
        raise NoPersonError(text, wanted=beyond[0], first=0, last=count - 1)
    return list(dict.fromkeys(wanted))


def _identity(path: str | os.PathLike[str]) -> tuple[Any, ...]:
    """What tells a file apart from what it was before: path, time of change and size (nothing when it is not there)."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return (os.fspath(path),)
    return (os.path.abspath(path), status.st_mtime_ns, status.st_size)
