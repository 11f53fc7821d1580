"""The steps from a photo's path to estimates.

Keeps what is expensive: the open engine, and the readings of the last few photos.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from native_runtime import gpu_runtime
from native_runtime.bounds import PROMPT_ERROR
from native_runtime.engines import engines, proof_failed
from native_runtime.engines.details import PHOTO_TURNED
from native_runtime.errors import EmptyBoxError, ModelError, NoPersonError, UsageError

from .boxes import check_inside
from .camera import read_with_camera
from .decoding import part_of
from .heights import CHILD, HEIGHT, age_of_height, contradiction, is_tiny, of_stated_height, sizes_by_hand
from .people import why_nobody
from .readings import Look, Readings, ReadPhoto
from .reporting import Reporter
from .requests import EngineChoice, FilePath, Lens, LookRequest, PoseRequest
from .support import Choice, chosen_engine, require, require_inference, with_engine
from .turned import axis_of_keypoints, axis_of_landmarks, suspected_turn, suspicion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.detection.networks import LandmarkNetworks
    from native_runtime.engines.base import (
        DoubtingReading,
        Engine,
        GrowingReading,
        Remembering,
    )
    from native_runtime.engines.edits import Edits
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.prompts.prompt import Prompt

# Readings of photos that stay in memory: the picture an artist works on, and those just before it.
KEPT_PHOTOS = 4
LENS = "lens"
"""Among an estimate's details: the photo's camera (``lens.estimate.LensEstimate.details``)."""

Early = Callable[[Sequence[tuple[int, "Estimate"]]], None]
"""Hears of people's numbers and the estimates of them that there are so far."""

NOTHING_SEEN = "The pose was not refined to the photo: the landmark networks see nobody there."

PROOF_FAILED = "The last check of this engine's network failed: what it answers may be wrong. Check the models again."

NEAR_BOX = 0.2
"""An engine that does not support boxes may find the person in another one, but not in one that overlaps it less."""


class Inference:
    """Opens engines, reads photos, makes estimates.

    Args:
        engines_module: the module whose ``open_engine(name, models=..., body=..., providers=...)`` is used.
        kept_photos: how many readings stay in memory.
    """

    def __init__(self, engines_module: str = "native_runtime.engines", kept_photos: int = KEPT_PHOTOS) -> None:
        self._engines_module = engines_module
        self._choice: EngineChoice | None = None
        self._engine: Engine | None = None
        self._readings = Readings(kept_photos)
        self._networks: dict[tuple[FilePath | None, tuple[str, ...] | None], LandmarkNetworks] = {}

    @property
    def engine_open(self) -> bool:
        return self._engine is not None

    @property
    def photos_kept(self) -> int:
        return len(self._readings)

    def keep_photos(self, count: int) -> None:
        """Keep at least so many readings in memory from now on."""
        self._readings.make_room(count)

    def release(self) -> None:
        """Let go of the engine, the networks and all photos, so that their memory is free."""
        self._networks.clear()
        self._close_engine()

    def networks(self, models: FilePath | None, providers: tuple[str, ...] | None) -> LandmarkNetworks:
        """The bundled networks, which see people whatever engine is open; kept beside it."""
        from native_runtime.detection.networks import LandmarkNetworks

        key = (models, providers)
        if key not in self._networks:
            self._networks = {key: LandmarkNetworks(models, providers)}
        return self._networks[key]

    def _close_engine(self) -> None:
        self._readings.clear()
        self._engine = self._choice = None

    def open(self, choice: EngineChoice, reporter: Reporter) -> Engine:
        """The engine that was chosen; opened again only when the choice is another than before."""
        choice = with_engine(choice)
        if self._engine is None or self._choice != choice:
            self._close_engine()
            reporter.status(f"Opening the engine '{choice.engine}'")
            open_engine: Callable[..., Engine] = importlib.import_module(self._engines_module).open_engine
            self._engine = open_engine(
                choice.engine, models=choice.models, body=choice.body, providers=choice.providers
            )
            self._choice = choice
            for note in _why_not_faster(choice):
                reporter.warning(note)
        if self._engine.capabilities.remembers:
            cast("Remembering", self._engine).remember(bool(choice.remember))
        return self._engine

    def read(self, request: LookRequest, reporter: Reporter) -> ReadPhoto:
        """Read a photo and find the people in it, or remember having done so.

        Raises:
            PhotoError, ModelError, UsageError: as `read_photo`, the engine and `intrinsics_for` do.
            NoPersonError: nobody is there.
        """
        chosen, notes = _chosen(request, reporter)
        found = self._read(request.photo, Look.of(chosen), reporter)
        found.notes = notes
        return found

    def look(self, photo: Photo, request: LookRequest, reporter: Reporter) -> ReadPhoto:
        """Find the people in a photo that was read already; nothing of it is kept. Errors as `read`."""
        chosen, notes = _chosen(request, reporter)
        found = self._look(photo, Look.of(chosen), reporter)
        found.notes = notes
        return found

    def _read(self, path: FilePath, look: Look, reporter: Reporter) -> ReadPhoto:
        from native_runtime.image.reading import read_photo

        known = self._readings.get(path, look)
        if known is not None:
            return known
        # The photo comes before the engine: a file that cannot be read should not cost the opening of an engine.
        reporter.status(f"Reading {Path(path).name}")
        photo = read_photo(path)
        for note in photo.notes:
            reporter.status(note)
        found = self._look(photo, look, reporter)
        self._readings.keep(path, look, found)
        return found

    def _look(self, photo: Photo, look: Look, reporter: Reporter) -> ReadPhoto:
        if look.turn != "auto":
            return self._find(photo.turned_by(look.turn), look, reporter)
        if look.boxes is not None:
            raise UsageError("Boxes are in pixels of the turned photo: give the rotation in degrees, not 'auto'.")
        found = self._find(photo, look, reporter)
        degrees = suspected_turn(photo, _axes(found) or self._axes_by_networks(photo, look.choice))
        if not degrees:
            return found
        reporter.status(f"Rotating the photo by {degrees} degrees")
        return self._find(photo.turned_by(degrees), look, reporter)

    def _axes_by_networks(self, photo: Photo, choice: EngineChoice) -> list[NDArray[np.float64] | None]:
        """How everybody stands, for engines that do not say it before they estimate."""
        people = self.networks(choice.models, choice.providers).people(photo.pixels, with_hands=False)
        return [axis_of_landmarks(person) for person in people]

    def _find(self, photo: Photo, look: Look, reporter: Reporter) -> ReadPhoto:
        if look.boxes is not None:
            check_inside(look.boxes, photo.original_size)
        given = look.lens.matrix(photo)
        reporter.progress(0.05)
        engine = self.open(look.choice, reporter)
        reporter.progress(0.2)
        reporter.status("Detecting people")
        require(engine, "boxes", look.boxes is not None)
        empty: tuple[str, ...] = ()
        try:
            reading, lens = read_with_camera(engine, photo, given, look.lens.up, look.boxes)
        except EmptyBoxError as error:
            rest = [box for number, box in enumerate(look.boxes or ()) if number not in error.numbers]
            if not rest:
                raise
            reading, lens = read_with_camera(engine, photo, given, look.lens.up, rest)
            empty = (str(error),)
        if not reading.people:
            text, remedy = why_nobody(photo.original_size)
            raise NoPersonError(f"{photo.path}: {text}", remedy)
        reporter.progress(0.5)
        unsure = lens.text(max(photo.original_size))
        if unsure is not None:
            reporter.status(unsure)
        doubts = (*empty, *_doubts(photo, look.lens), *_distrust(look.choice))
        return ReadPhoto(photo, reading, engine, doubts, lens=lens, empty_boxes=empty)

    def person_at(self, request: PoseRequest, reporter: Reporter) -> tuple[ReadPhoto, int]:
        """A reading that knows the person of a request, and their number.

        A kept reading serves where it knows somebody in the box, however it came to; otherwise an engine that takes
        boxes is given this one, and any other looks for people.

        Raises:
            PhotoError, ModelError, UsageError: as `read`.
            NoPersonError: nobody is there.
        """
        request, _ = _chosen(request, reporter)
        path, box = request.photo, request.box
        look = Look(part_of(EngineChoice, request), part_of(Lens, request))
        if box is None:
            return self._read(path, look, reporter), 0
        known = self._readings.person_at(path, look.choice, look.lens, box)
        if known is not None:
            return known
        can, in_box = self.open(look.choice, reporter).capabilities, look._replace(boxes=(box,))
        if can.boxes and not can.searches:
            return self._read(path, in_box, reporter), 0
        with suppress(NoPersonError):
            found = self._read(path, look, reporter)
            person, shared = found.nearest(box)
            if shared >= NEAR_BOX:
                return found, person
        if can.boxes:
            with suppress(NoPersonError):
                return self._read(path, in_box, reporter), 0
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
        left_out: Callable[[NoPersonError], None] | None = None,
        early: Early | None = None,
        refine: float = 0.0,
        sex: str | None = None,
        heights: Mapping[int, float] | None = None,
        ages: Mapping[int, float] | None = None,
        prompt_error: float | None = 0.0,
    ) -> Iterator[tuple[int, Estimate]]:
        """Each person's number (from `ReadPhoto.bboxes`) and estimate.

        An engine that computes several people together does so where nothing was said about one of them. Several people
        are brought together in space when all are there (``engines.together``); each one's own estimate stays else.

        Args:
            inference: what the engine shall infer (``Capabilities.inferences``); None for its own.
            left_out: called where too little can be seen of one of several people; None: that ends it all.
            early: called with what engines that answer in steps have of the people before their last step.
            refine: what the photo counts against the engine (`Refinement`).
            sex: what the bodies' shape shows (`Appearance`); None: what the engine makes of each person.
            heights: cm, of people by their numbers; of others what the engine makes of them.
            ages: years, the same.
            prompt_error: how far off the places of keypoints may be, and None for how exact ones are met
                (`EstimateRequest`).

        Raises:
            UsageError: the engine does not support it.
            NoPersonError: too little can be seen of somebody.
        """
        known, said = heights or {}, ages or {}
        children = {
            person: age
            for person, height in known.items()
            if person not in said and (age := age_of_height(found.engine, height)) is not None
        }

        def sized(person: int, estimate: Estimate) -> Estimate:
            if person not in known:
                return estimate
            there = of_stated_height(found.engine.body, estimate, known[person])
            if person in said:
                notes = contradiction(found.engine.body, said[person], known[person])
                return replace(there, warnings=(*there.warnings, *notes))
            if person not in children or is_tiny(found.engine.body, known[person]):
                return there  # below the ages that are known, none of them tells anything
            note = CHILD.format(height=known[person], age=children[person])
            return replace(there, warnings=(*there.warnings, note))

        stated = children | dict(said)

        def tell(rough: Sequence[tuple[int, Estimate]]) -> None:
            assert early is not None
            early([(person, sized(person, estimate)) for person, estimate in rough])

        answers = self._alone(
            found,
            people,
            keypoints,
            mask,
            inference,
            left_out,
            tell if early else None,
            refine,
            sex,
            stated,
            known if found.engine.capabilities.heights else {},
            prompt_error,
        )
        alone = ((person, sized(person, estimate)) for person, estimate in answers)
        if len(people) < 2 or found.engine.capabilities.agrees:
            yield from alone
            return
        from native_runtime.engines.together import brought_together

        apart = dict(alone)
        seen = {person: found.landmarks_of(person) for person in apart}
        gravity = None if found.lens is None else found.lens.gravity
        yield from brought_together(found.engine.body, apart, seen, found.photo, gravity).items()

    def _alone(
        self,
        found: ReadPhoto,
        people: Sequence[int],
        keypoints: Sequence[Prompt],
        mask: NDArray[np.bool_] | None,
        inference: str | None,
        left_out: Callable[[NoPersonError], None] | None,
        early: Early | None,
        refine: float,
        sex: str | None,
        ages: Mapping[int, float],
        heights: Mapping[int, float],
        prompt_error: float | None,
    ) -> Iterator[tuple[int, Estimate]]:
        """As `estimates`, each person without regard to the others."""
        reading, engine = found.reading, found.engine
        require_inference(engine, inference)
        require(engine, "masks", mask is not None)
        require(engine, "a choice of sex", sex is not None)
        require(engine, "a stated age", bool(ages))
        require(engine, "an error of prompts", bool(prompt_error))
        steps = early if engine.capabilities.steps else None
        meant = _meant_by_places(keypoints, prompt_error, engine.capabilities.doubts_prompts)
        plain = not keypoints and mask is None and sex is None and not ages and not heights
        if len(people) > 1 and plain and engine.capabilities.several:
            if steps is None:
                together = reading.estimate_all(list(people), inference=inference)
            else:
                growing = cast("GrowingReading", reading).estimate_all_steps(list(people), inference=inference)
                together = _last(growing, people, found, steps)
            for person, estimate in zip(people, together):
                estimate = self._refined(estimate, found, person, refine)
                yield person, self._coloured(_about_photo(estimate, found, person), found, person)
            return
        for person in people:
            try:
                said = _said(sex, ages.get(person), heights.get(person)) | meant
                if said:
                    told = cast("DoubtingReading", reading)
                    estimate = told.estimate(person, list(keypoints), mask, inference=inference, **said)
                elif steps is None or len(people) > 1:
                    estimate = reading.estimate(person, list(keypoints), mask, inference=inference)
                else:
                    one = cast("GrowingReading", reading).estimate_steps(
                        person, list(keypoints), mask, inference=inference
                    )
                    (estimate,) = _last(([step] for step in one), people, found, steps)
            except NoPersonError as error:
                if left_out is None:
                    raise
                left_out(error)
            else:
                estimate = self._refined(estimate, found, person, refine, keypoints, mask)
                yield person, self._coloured(_about_photo(estimate, found, person), found, person, mask)

    def _coloured(
        self,
        estimate: Estimate,
        found: ReadPhoto,
        person: int,
        mask: NDArray[np.bool_] | None = None,
        again: bool = True,
    ) -> Estimate:
        """The estimate with the person's colours (see `with_colours`), where it says what body it is of."""
        if not estimate.body_hash:
            return estimate
        from .colours import with_colours

        return with_colours(estimate, found, person, found.landmarks_of(person), mask, again)

    def _refined(
        self,
        estimate: Estimate,
        found: ReadPhoto,
        person: int,
        strength: float,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
    ) -> Estimate:
        """The estimate after the fit to the photo, with the face's expression, unless the engine fits by itself."""
        from native_runtime.engines.faces import with_face
        from native_runtime.engines.refine import Sight, refine_estimate

        can = found.engine.capabilities
        if can.fits or strength <= 0.0:
            return estimate
        try:
            seen = self.seen_of(found, person)
        except ModelError as error:
            return replace(estimate, warnings=(*estimate.warnings, f"The pose was not refined to the photo: {error}"))
        if seen is None:
            return replace(estimate, warnings=(*estimate.warnings, NOTHING_SEEN))
        sight = Sight(found.photo, seen, keypoints, mask)
        body = found.engine.body
        refined = refine_estimate(body, estimate, sight, strength, can.pa_mpjpe)
        return refined if refined.expression.any() else with_face(body, refined, seen.face, found.photo)

    def seen_of(self, found: ReadPhoto, person: int) -> PersonLandmarks | None:
        """What the bundled networks see of a person; None where they see nobody. Looked for once.

        Raises:
            ModelError: a network is missing or damaged.
        """
        if person not in found.seen:
            here = found.reading.people[person]
            if here.landmarks is not None:
                found.seen[person] = here.landmarks
            else:
                choice = self._choice or EngineChoice()
                box = found.photo.to_working(here.bbox.reshape(1, 2, 2)).reshape(1, 4)
                (found.seen[person],) = self.networks(choice.models, choice.providers).people_in(
                    found.photo.pixels, box
                )
        return found.seen[person]

    def pose(
        self,
        found: ReadPhoto,
        person: int,
        pins: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        inference: str | None = None,
        edits: Edits | None = None,
        snap: bool = False,
        refine: float = 0.0,
        sex: str | None = None,
        height: float | None = None,
        age: float | None = None,
        prompt_error: float = 0.0,
        observed: Sequence[Prompt] = (),
        observed_error: float = 0.0,
    ) -> Estimate:
        """One person's estimate for interactive work.

        Args:
            inference: as for `estimates`.
            edits: what the artist did by hand, which is kept but for what later pins move.
            snap: whether an engine that only takes the pins for hints is helped to meet them.
            refine, sex: as for `estimates`.
            height: cm, how tall the person is; None: what the engine makes of it. Lengths and shapes that the artist
                set by hand come before it.
            age: years; None: what the engine makes of the person.
            prompt_error: how far off the pins may be (`PoseRequest`).
            observed, observed_error: places with which the person was estimated, and what they may be off by.

        Raises:
            UsageError: the engine does not support it.
        """
        from native_runtime.engines.refit import keep_edits, pins_of, refit_estimate

        require_inference(found.engine, inference)
        require(found.engine, "masks", mask is not None)
        require(found.engine, "a choice of sex", sex is not None)
        require(found.engine, "a stated age", age is not None)
        require(found.engine, "an error of prompts", max(prompt_error, observed_error) > 0)
        keeps = found.engine.capabilities.edits
        notes: tuple[str, ...] = ()
        if age is not None and height is not None:
            notes = contradiction(found.engine.body, age, height)
        elif height is not None:
            age = age_of_height(found.engine, height)
        by_hand = sizes_by_hand(found.engine.body, edits)
        told = height if found.engine.capabilities.heights and not by_hand else None
        doubts: dict[str, Any] = {"prompt_error": prompt_error, "snap": snap} if prompt_error > 0 else {}
        if observed and observed_error > 0:
            doubts |= {"observed": list(observed), "observed_error": observed_error}
        # Of a stated height, the engine's own body gets the size first: what was done by hand comes to that, once.
        kept = edits if keeps and (height is None or by_hand) else None
        answer = found.reading.estimate(
            person, list(pins), mask, inference=inference, edits=kept, **_said(sex, age, told), **doubts
        )
        answer = _with_doubts(self._refined(answer, found, person, refine, pins, mask), found, person)
        answer = self._coloured(answer, found, person, mask, again=False)
        if notes:
            answer = replace(answer, warnings=(*answer.warnings, *notes))
        body = found.engine.body
        if height is not None and by_hand:
            answer = replace(answer, details=answer.details | {HEIGHT: {"stated": height}})
        elif height is not None:
            answer = of_stated_height(body, answer, height)
            if keeps:  # its pins are met, and the edits stand, at this size
                met = pins if snap or not prompt_error else ()
                return refit_estimate(body, answer, pins_of(met, body), edits)
        if keeps or (edits is None and not snap):
            return answer
        return keep_edits(body, answer, pins_of(pins, body), edits, snap)


def _said(sex: str | None, age: float | None, height: float | None) -> dict[str, Any]:
    """The arguments of a reading for what is said about a person: only engines that take them are told them."""
    said = {"sex": sex, "age": age, "height": height}
    return {name: value for name, value in said.items() if value is not None}


def _meant_by_places(keypoints: Sequence[Prompt], prompt_error: float | None, doubts: bool) -> dict[str, Any]:
    """The arguments of a reading for what the places of prompts are meant to be (`EstimateRequest`).

    Args:
        doubts: whether the engine takes observations that may be off.
    """
    from native_runtime.prompts.prompt import kind_of

    if prompt_error is not None:
        return {"prompt_error": prompt_error} if prompt_error > 0 else {}
    if doubts and any(kind_of(prompt) == "place" for prompt in keypoints):
        return {"prompt_error": PROMPT_ERROR, "snap": True}
    return {}


def _last(
    steps: Iterable[Sequence[Estimate]], people: Sequence[int], found: ReadPhoto, early: Early
) -> Sequence[Estimate]:
    """The last step's estimates; the rough ones before go to ``early``, each before the next one is computed."""
    from native_runtime.engines.base import ROUGH

    step: Sequence[Estimate] = ()
    for step in steps:
        if any(ROUGH in estimate.details for estimate in step):
            early(_of_people(people, step, found))
    return step


def _of_people(people: Sequence[int], estimates: Sequence[Estimate], found: ReadPhoto) -> list[tuple[int, Estimate]]:
    return [(person, _about_photo(estimate, found, person)) for person, estimate in zip(people, estimates)]


def _doubts(photo: Photo, lens: Lens) -> tuple[str, ...]:
    """What is doubtful about a photo; about its lens only where nobody has set one."""
    return (photo.lens_doubt,) if photo.lens_doubt and lens == Lens() else ()


def _distrust(choice: EngineChoice) -> tuple[str, ...]:
    """What is doubtful about the networks of an engine."""
    return (PROOF_FAILED,) if choice.engine in engines() and proof_failed(choice.engine, choice.models) else ()


def _why_not_faster(choice: EngineChoice) -> tuple[str, ...]:
    """For people: why what they installed or chose for their graphics card is not used."""
    status = gpu_runtime.loaded()
    faults = (status.fault,) if status.fault else ()
    if choice.providers is None and not status.name:
        return faults
    from native_runtime.onnx.probe import probe  # loads ONNX Runtime

    return (*faults, *probe(choice.providers).notes)


def _chosen(request: Choice, reporter: Reporter) -> tuple[Choice, tuple[str, ...]]:
    """As `chosen_engine`; what is said about engines that were passed over is reported as well."""
    chosen, notes = chosen_engine(request)
    for note in notes:
        reporter.status(note)
    return chosen, notes


def _with_doubts(estimate: Estimate, found: ReadPhoto, person: int) -> Estimate:
    """The estimate that also tells of the photo's camera and of where the networks saw the people, and warns of what is
    doubtful about the photo.
    """
    from native_runtime.texture.hints import SEEN, seen_in_photo

    told: dict[str, Any] = {}
    if found.lens is not None:
        told[LENS] = found.lens.details(found.photo.original_size)
    own = found.landmarks_of(person)
    if own is not None:
        others = (found.landmarks_of(other) for other in range(len(found.reading.people)) if other != person)
        told[SEEN] = seen_in_photo(own, [other for other in others if other is not None], found.photo)
    if told:
        estimate = replace(estimate, details=estimate.details | told)
    return replace(estimate, warnings=(*found.doubts, *estimate.warnings)) if found.doubts else estimate


def _about_photo(estimate: Estimate, found: ReadPhoto, person: int) -> Estimate:
    """The estimate with the doubts about the photo, and with the rotation of the photo, added."""
    if found.photo.turn:
        estimate = replace(estimate, details=estimate.details | {PHOTO_TURNED: found.photo.turn})
    elif not found.photo.knows_up:
        turn = suspected_turn(found.photo, _axes(found) or [axis_of_keypoints(estimate.keypoints_2d)])
        if turn:
            estimate = replace(estimate, warnings=(suspicion(turn), *estimate.warnings))
    return _with_doubts(estimate, found, person)


def _axes(found: ReadPhoto) -> list[NDArray[np.float64] | None]:
    """How everybody stands; empty where the engine does not say it before it estimates."""
    landmarks = [person.landmarks for person in found.reading.people]
    return [axis_of_landmarks(person) for person in landmarks if person is not None]
