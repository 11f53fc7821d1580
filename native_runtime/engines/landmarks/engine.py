"""The default engine: landmark networks, then the fit of the body model. Works on any machine, without gated files."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import Gravity, intrinsics_for
from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.engines.base import FoundPerson
from native_runtime.engines.details import DOUBTED, WHOLE_BODY
from native_runtime.engines.edits import Edits
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.engines.evidence import face_centre, gather_evidence
from native_runtime.engines.faces import FACE, head_distance, read_expression
from native_runtime.engines.given import check_mask, check_person
from native_runtime.engines.looks import LOOKS, Looks, check_age, check_sex, looks_of
from native_runtime.engines.refit import pins_of, refit_estimate
from native_runtime.engines.uncertainty import UncertaintyMeter
from native_runtime.errors import EmptyBoxError, NoPersonError
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.physics import Physics
from native_runtime.fitting.posterior import lean
from native_runtime.fitting.shape_prior import Sex
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.prompts.prompt import Prompt, check_prompts, kind_of

from . import ENGINE

if TYPE_CHECKING:
    from native_runtime.detection.networks import LandmarkNetworks


class _Said(NamedTuple):
    """What an artist says of a person: the sex, the age in years, the height in cm; None where nothing is said."""

    sex: Sex | None = None
    age: float | None = None
    height: float | None = None


_Given = tuple[str, _Said]
"""What is given of a person: the mask's digest, and what is said."""

_KEPT_FITS = 8
"""Fits of a person without certain keypoints that are remembered, beside the one that uses all."""


@dataclass(frozen=True)
class Person:
    """Somebody in the photo.

    Attributes:
        bbox: (4,) x0 y0 x1 y1 in px of the original photo.
        landmarks: what the networks saw, in working pixels.
        head: (2,) px of the original photo, the middle of the face.
    """

    bbox: NDArray[np.float64]
    landmarks: PersonLandmarks
    head: NDArray[np.float64] | None = None


def _doubted(prompts: Sequence[Prompt], error: float) -> dict[str, Any]:
    """What details tell of prompts that may be off (``DOUBTED``)."""
    return {"error": error, "keypoints": [list(prompt) for prompt in prompts if kind_of(prompt) == "place"]}


def _person(photo: Photo, found: PersonLandmarks) -> Person:
    return Person(photo.to_original(found.bbox.reshape(2, 2)).reshape(4), found, face_centre(found, photo))


class LandmarksReading:
    """A photo in which people were looked for."""

    def __init__(
        self,
        engine: LandmarksEngine,
        photo: Photo,
        intrinsics: NDArray[np.float64],
        landmarks: list[PersonLandmarks],
        seconds: dict[str, float],
    ) -> None:
        self._engine, self._photo, self.intrinsics, self._seconds = engine, photo, intrinsics, seconds
        self.people = [_person(photo, found) for found in landmarks]
        self.gravity = Gravity()
        self._fits: dict[tuple[int, _Given, frozenset[int]], Estimate] = {}

    def take_camera(self, intrinsics: NDArray[np.float64], gravity: Gravity) -> None:
        """See ``engines.base.TakesCamera``."""
        self.intrinsics, self.gravity = np.asarray(intrinsics, np.float64), gravity
        self._fits.clear()

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
        sex: str | None = None,
        age: float | None = None,
        height: float | None = None,
        prompt_error: float = 0.0,
        snap: bool = False,
        observed: Sequence[Prompt] = (),
        observed_error: float = 0.0,
    ) -> Estimate:
        """Fit the body to one person; see ``engines.base.Reading``.

        What the networks saw is fitted once and remembered. Keypoints that are to be ignored start a shorter fit
        without them, remembered as well; places then only move that body (``fitting.refit``), quickly enough for a
        drag.

        Args:
            inference: there is no choice.
            edits: what an artist did to the body by hand, which stays but where a later pin moves the same limb.
            sex: what an artist says that the body's shape shows (``engines.looks.SEXES``); None: as the face says.
            age: years, as an artist says, which the body's size and proportions follow; None: an adult, or a child
                where the face says so clearly.
            height: cm, as an artist says, around which the lengths of bones are looked for; None: the mean of people
                who look like this. An age that is known counts more.
            prompt_error: standard deviation in x and in y of the keypoints' places, as part of the person's size. They
                are observations beside the networks' then (``fitting.posterior``), and no pins: the estimate tells of
                them in its details alone. 0: they are exact.
            snap: where there is such an error: whether the body is brought to the places in the end, which are pins
                then. It has moved as a whole before, as the observations say, and not the limb alone.
            observed, observed_error: such observations of before, beside the keypoints, which come before them.

        Raises:
            NoPersonError: there is no such person, or too little of them to fit.
            PromptError: a prompt or the mask cannot be used.
            UsageError: the sex is none of those, or the body does not know the age.
        """
        body = self._engine.body
        said = _Said(check_sex(sex), check_age(body, age), height)
        check_person(person, len(self.people))
        prompts = check_prompts(keypoints)
        check_mask(mask, self._photo.original_size)
        silenced = [prompt for prompt in prompts if kind_of(prompt) != "place"]
        doubted = prompt_error > 0 and not snap
        before = check_prompts(observed) if observed_error > 0 else []
        try:
            unprompted = self._fitted(person, (), mask, said)
            base = self._fitted(person, silenced, mask, said, unprompted)
            if before:
                newer = {prompt[0] for prompt in prompts}
                counting = [*silenced, *(prompt for prompt in before if prompt[0] not in newer)]
                base = self._leaning(person, base, counting, mask, said, observed_error)
                base = replace(base, details=base.details | {DOUBTED: _doubted(before, observed_error)})
            if prompt_error > 0:
                base = self._leaning(person, base, prompts, mask, said, prompt_error)
                told = {WHOLE_BODY: {"error": prompt_error}} if snap else {DOUBTED: _doubted(prompts, prompt_error)}
                base = replace(base, details=base.details | told)
            estimate = refit_estimate(body, base, () if doubted else pins_of(prompts, body), edits)
        except NoPersonError:
            # What is pinned may be all that is known.
            if not prompts:
                raise
            estimate = unprompted = self._fitted(person, prompts, mask, said)
        fitted = time.perf_counter()
        judgement = self._engine.uncertainty.judge(
            prompts, self.people[person].landmarks, self._photo, mask, unprompted, estimate
        )
        return replace(
            estimate,
            prompts=Prompts(tuple(silenced if doubted else prompts), mask is not None),
            warnings=estimate.warnings + judgement.texts,
            details=estimate.details | judgement.details,
            seconds=estimate.seconds | {"judgement": time.perf_counter() - fitted},
        )

    def estimate_all(self, people: Sequence[int] | None = None, *, inference: str | None = None) -> list[Estimate]:
        """Several people's estimates, one after the other; see ``engines.base.Reading``. Errors as `estimate`."""
        return [self.estimate(person) for person in (range(len(self.people)) if people is None else people)]

    def evidence(self, person: int = 0, *, sex: str | None = None, age: float | None = None) -> Evidence:
        """What the networks saw of one person; see ``engines.base.EvidenceReading``.

        Raises:
            NoPersonError: there is no such person.
            UsageError: the sex is none of those, or the body does not know the age.
        """
        check_person(person, len(self.people))
        return self._evidence(person, (), None, _Said(check_sex(sex), check_age(self._engine.body, age)))[0]

    def _evidence(
        self,
        person: int,
        prompts: Sequence[Prompt],
        mask: NDArray[np.bool_] | None,
        said: _Said,
    ) -> tuple[Evidence, Looks]:
        body, landmarks = self._engine.body, self.people[person].landmarks
        looks = looks_of(landmarks.face, body, said.sex, lambda: self._engine.sees_faces, said.age)
        evidence = gather_evidence(
            landmarks, self._photo, body, self.intrinsics, prompts, mask,
            shape=looks.prior(body), aged=looks.aged(body), stature=said.height or looks.stature,
            gravity=self.gravity,
        )  # fmt: skip
        if looks.aged(body) is None:
            evidence = replace(evidence, head=head_distance(body, landmarks.face, self._photo, self.intrinsics))
        return evidence, looks

    def _leaning(
        self,
        person: int,
        fitted: Estimate,
        prompts: Sequence[Prompt],
        mask: NDArray[np.bool_] | None,
        said: _Said,
        error: float,
    ) -> Estimate:
        """A fit after prompts that may be off."""
        body = self._engine.body
        evidence, _ = self._evidence(person, [p for p in prompts if kind_of(p) != "place"], mask, said)
        leaning = lean(body, evidence, self.intrinsics, fitted.state, pins_of(prompts, body), error, self.gravity)
        return fitted if leaning is fitted.state else fitted.with_state(body, leaning)

    def _fitted(
        self,
        person: int,
        prompts: Sequence[Prompt],
        mask: NDArray[np.bool_] | None,
        said: _Said,
        start: Estimate | None = None,
    ) -> Estimate:
        """The fit to what the networks saw under some prompts, made once; of each person only what belongs
        to the last mask and to what was last said is kept.

        Args:
            start: another fit of the same person, from which the way is shorter.
        """
        given: _Given = "" if mask is None else hashlib.sha256(np.packbits(mask).tobytes()).hexdigest(), said
        places = any(kind_of(prompt) == "place" for prompt in prompts)
        key = person, given, frozenset(prompt[0] for prompt in prompts)
        if key in self._fits and not places:
            return self._fits[key]
        fitted = self._fit(person, prompts, mask, said, start)
        if not places:
            mine = [known for known in self._fits if known[0] == person]
            dropped = [known for known in mine if known[1] not in (("", _Said()), given)]
            dropped += [known for known in mine if known[2] and known not in dropped][: 1 - _KEPT_FITS]
            for known in dropped:
                del self._fits[known]
            self._fits[key] = fitted
        return fitted

    def _fit(
        self,
        person: int,
        prompts: Sequence[Prompt],
        mask: NDArray[np.bool_] | None,
        said: _Said,
        start: Estimate | None,
    ) -> Estimate:
        width, height = self._photo.original_size
        body, found = self._engine.body, self.people[person]
        started = time.perf_counter()
        evidence, looks = self._evidence(person, prompts, mask, said)
        if not evidence.points.names:
            raise NoPersonError(
                "Too little of person {person} can be seen to fit a body. "
                "Place some of the joints, or use another photo.",
                person=person,
            )
        physics = Physics(gravity=self.gravity)
        result = fit_body(body, evidence, self.intrinsics, None if start is None else start.state, physics=physics)
        face = read_expression(body, found.landmarks.face, self._photo, self.intrinsics, result.state)
        fitted = time.perf_counter()
        estimate = Estimate.from_state(
            body,
            face.on(body, result.state),
            self.intrinsics,
            image_size=np.array([width, height]),
            bbox=found.bbox,
            engine=ENGINE.name,
            seconds=self._seconds | {"fit": fitted - started},
            photo=self._photo.path.name,
            person=person,
            warnings=(*evidence.notes, *((looks.why,) if looks.why else ())),
            details={
                LOOKS: looks.to_json(),
                FACE: face.to_json(),
                "person_size_px": evidence.person_size,
                "point_error_px": result.point_error,
                "iterations": result.iterations,
            },
        )
        estimate.seconds["mesh"] = time.perf_counter() - fitted
        return estimate


class LandmarksEngine:
    """Landmark networks and a body, ready for photos."""

    name, capabilities = ENGINE.name, ENGINE.capabilities

    def __init__(self, body: Body, models: str | os.PathLike[str] | None, providers: Sequence[str] | None) -> None:
        self.body = body
        self._models, self._providers = models, providers

    @cached_property
    def uncertainty(self) -> UncertaintyMeter:
        """Says how sure the engine is of each keypoint."""
        return UncertaintyMeter(self.body)

    @cached_property
    def _networks(self):  # type: ignore[no-untyped-def]
        from native_runtime.detection.networks import LandmarkNetworks

        return LandmarkNetworks(store.models_dir(self._models), self._providers)

    @property
    def sees_faces(self) -> bool:
        """Whether the networks of faces are installed."""
        return bool(self._networks.sees_faces)

    def read(
        self,
        photo: Photo | NDArray[np.uint8],
        intrinsics: NDArray[np.float64] | None = None,
        boxes: ArrayLike | None = None,
    ) -> LandmarksReading:
        """Look for people; see ``engines.base.Engine``.

        Args:
            boxes: (N, 4) x0 y0 x1 y1 px of the original photo, where people are, who keep this order; None: it looks
                for them.

        Raises:
            EmptyBoxError: nobody is seen in some boxes.
        """
        if not isinstance(photo, Photo):
            from pathlib import Path

            photo = Photo(np.asarray(photo), Path())
        if intrinsics is None:
            intrinsics = intrinsics_for(photo.original_size, photo=photo)
        started = time.perf_counter()
        networks = self._networks
        opened = time.perf_counter()
        people = networks.people(photo.pixels) if boxes is None else _people_in(networks, photo, np.asarray(boxes))
        seconds = {"open": opened - started, "landmarks": time.perf_counter() - opened}
        return LandmarksReading(self, photo, np.asarray(intrinsics, np.float64), people, seconds)

    def follow(
        self,
        photo: Photo,
        people: Sequence[FoundPerson],
        intrinsics: NDArray[np.float64] | None = None,
    ) -> tuple[LandmarksReading, list[int]]:
        """See ``engines.base.FollowingEngine``."""
        if intrinsics is None:
            intrinsics = intrinsics_for(photo.original_size, photo=photo)
        started = time.perf_counter()
        known = [person.landmarks for person in people]
        found = self._networks.follow(photo.pixels, [one for one in known if one is not None])
        numbers = [number for number, one in enumerate(known) if one is not None]
        seen = [(number, one) for number, one in zip(numbers, found) if one is not None]
        seconds = {"landmarks": time.perf_counter() - started}
        matrix = np.asarray(intrinsics, np.float64)
        return LandmarksReading(self, photo, matrix, [one for _, one in seen], seconds), [number for number, _ in seen]

    def glance(self, photo: Photo) -> NDArray[np.float64]:
        """See ``engines.base.FollowingEngine``."""
        boxes = np.asarray(self._networks.glance(photo.pixels), np.float64)
        return photo.to_original(boxes.reshape(-1, 2, 2)).reshape(-1, 4)


def _people_in(networks: LandmarkNetworks, photo: Photo, boxes: NDArray[np.float64]) -> list[PersonLandmarks]:
    """Whoever is in boxes of the original photo, each with the box that was given."""
    given = photo.to_working(boxes.reshape(-1, 2, 2)).reshape(-1, 4)
    found = networks.people_in(photo.pixels, given)
    empty = tuple(number for number, person in enumerate(found) if person is None)
    if empty:
        places = [str([round(float(value)) for value in boxes.reshape(-1, 4)[number]]) for number in empty]
        named = f"box {places[0]}" if len(places) == 1 else f"boxes {' and '.join(places)}"
        raise EmptyBoxError(f"Nobody was detected in the {named}. Draw a box around the whole person.", empty)
    return [replace(person, bbox=box) for box, person in zip(given, found) if person is not None]


def open_engine(
    models: str | os.PathLike[str] | None, providers: Sequence[str] | None, body: str | os.PathLike[str]
) -> LandmarksEngine:
    """Open the engine; see ``native_runtime.engines.open_engine``. Networks are loaded when they are first needed, but
    that one is missing is said now.
    """
    store.verify_listed_networks(models)
    return LandmarksEngine(store.load_body(body, models), models, providers)
