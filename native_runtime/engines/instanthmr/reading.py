"""One photo, as others use it: what the network says of its people, and the fit of the body to each."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity, project
from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.engines.edits import Edits
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.engines.evidence import face_centre, gather_evidence
from native_runtime.engines.faces import with_face
from native_runtime.engines.given import check_mask, check_person
from native_runtime.engines.refit import pins_of, refit_estimate
from native_runtime.errors import ModelError, NoPersonError, UsageError
from native_runtime.fitting.evidence import Evidence, Silhouette
from native_runtime.fitting.refine import Refined, refine
from native_runtime.image.reading import Photo
from native_runtime.mhr.state import PlacedState
from native_runtime.prompts.prompt import Prompt, check_prompts, kind_of
from native_runtime.prompts.quality import Judgement, Prediction, judge, person_size

from . import ENGINE, FIT, RAW
from .crop import Crop, assumed_lens, condition, cut_out
from .network import Answer
from .weighing import agrees, loosened, own_evidence, speaks_of, together, with_outline

if TYPE_CHECKING:
    from .parts import Parts

Array = NDArray[np.float64]

_KEPT = 8
"""Fits of a person without certain keypoints that are remembered, beside those that use all."""


@dataclass(frozen=True)
class Person:
    """Somebody in the photo.

    Attributes:
        bbox: (4,) x0 y0 x1 y1 px of the original photo.
        landmarks: what the landmark networks saw, in working pixels, without hands; None where they saw nobody.
        head: (2,) px of the original photo, the middle of the face.
    """

    bbox: Array
    landmarks: PersonLandmarks | None
    head: Array | None

    @staticmethod
    def of(photo: Photo, bbox: Array, found: PersonLandmarks | None) -> Person:
        """Somebody in a box (4,) of the original photo, as they were found."""
        if found is None:
            return Person(bbox, None, None)
        return Person(bbox, found, face_centre(found, photo))


@dataclass(frozen=True)
class Placed:
    """What the network says of a person, before the photo's lens.

    Attributes:
        state: the body.
        points: (70, 2) px of the original photo, its own keypoints; None where it says nothing of them.
        senseless: names of sizes that could not be (``bounds.Sound``).
        seconds: of the network, a person's share.
    """

    state: PlacedState
    points: Array | None
    senseless: tuple[str, ...]
    seconds: float = 0.0


class InstantHmrReading:
    """A photo in which people were looked for."""

    def __init__(
        self,
        parts: Parts,
        photo: Photo,
        intrinsics: Array,
        focal: float | None,
        people: list[Person],
        seconds: dict[str, float],
    ) -> None:
        """`focal`: px, for networks that want to know it; None for others."""
        self._parts, self._photo, self._focal, self._seconds = parts, photo, focal, seconds
        self.intrinsics, self.people = intrinsics, people
        self._placed: dict[int, Placed] = {}
        self._hands: dict[int, tuple[PersonLandmarks, float]] = {}
        self._made: dict[tuple[int, str, str, frozenset[int]], Estimate] = {}

    def take_camera(self, intrinsics: Array, gravity: Gravity) -> None:
        """See ``engines.base.TakesCamera``; the network has no use for gravity."""
        self.intrinsics = np.asarray(intrinsics, np.float64)
        if self._focal is not None:
            self._focal = float(self.intrinsics[1, 1])
        self._placed.clear()
        self._made.clear()

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
    ) -> Estimate:
        """One person's estimate; see ``engines.base.Reading``.

        What the network says and what is seen is fitted once and remembered. Keypoints that are to be ignored start
        another fit, in which their limbs count less; places then only move that body (``fitting.refit``), quickly
        enough for a drag.

        Args:
            inference: "fit" (None) or "raw": the network's body as it is, at its place before the photo's lens.
            edits: what an artist did to the body by hand, which stays but where a later pin moves the same limb.

        Raises:
            NoPersonError: there is no such person, or the network cannot place them.
            PromptError: a prompt or the mask cannot be used.
            UsageError: there is no such inference.
            ModelError: the network's answer is not finite.
        """
        check_person(person, len(self.people))
        body = self._parts.body
        kind = _kind(inference)
        prompts = check_prompts(keypoints)
        check_mask(mask, self._photo.original_size)
        silenced = [prompt for prompt in prompts if kind_of(prompt) != "place"]
        unprompted = self._estimated(person, kind, (), mask)
        base = self._estimated(person, kind, silenced, mask)
        estimate = refit_estimate(body, base, pins_of(prompts, body), edits)
        fitted = time.perf_counter()
        judgement = self._judge(person, prompts, mask, unprompted, estimate)
        return replace(
            estimate,
            prompts=Prompts(tuple(prompts), mask is not None),
            warnings=estimate.warnings + judgement.texts,
            details=estimate.details | judgement.details,
            seconds=estimate.seconds | {"judgement": time.perf_counter() - fitted},
        )

    def estimate_all(self, people: Sequence[int] | None = None, *, inference: str | None = None) -> list[Estimate]:
        """Several people's estimates, the network's part of them at once; see ``engines.base.Reading``. Errors as
        `estimate`.
        """
        chosen = list(range(len(self.people)) if people is None else people)
        for person in chosen:
            check_person(person, len(self.people))
        self.prepare(chosen)
        return [self.estimate(person, inference=inference) for person in chosen]

    def prepare(self, people: Sequence[int]) -> None:
        """Ask the network about people at once; `estimate` does it for one where it was not done. Errors as
        `estimate`.
        """
        missing = [person for person in dict.fromkeys(people) if person not in self._placed]
        if not missing:
            return
        started = time.perf_counter()
        parts, beside = self._parts.network.division(len(missing))

        def ask(part: slice) -> list[Placed]:
            return self._ask(missing[part], beside > 1)

        if beside > 1:
            with ThreadPoolExecutor(beside) as pool:
                placed = list(pool.map(ask, parts))
        else:
            placed = [ask(part) for part in parts]
        share = (time.perf_counter() - started) / len(missing)
        for person, one in zip(missing, (one for some in placed for one in some)):
            self._placed[person] = replace(one, seconds=share)

    def _ask(self, people: Sequence[int], beside: bool) -> list[Placed]:
        """What the network says of people, whom it computes at once; `beside`: others at the same time."""
        size = self._photo.original_size
        crops = [self._crop(person) for person in people]
        conditions = [condition(self.people[person].bbox, size, self._focal) for person in people]
        answers = self._parts.network.answers([crop.picture for crop in crops], conditions, beside)
        return [self._place(*one) for one in zip(people, crops, answers)]

    def _crop(self, person: int) -> Crop:
        working = self._photo.to_working(self.people[person].bbox.reshape(2, 2)).reshape(4)
        return cut_out(self._photo.pixels, working, self._parts.network.size)

    def _place(self, person: int, crop: Crop, answer: Answer) -> Placed:
        """The body of an answer before the photo's lens."""
        parts, body = self._parts, self._parts.body
        if not all(np.isfinite(values).all() for values in (answer.model_parameters, answer.shape, answer.translation)):
            raise ModelError(f"The network {parts.installed.name} of InstantHMR answers with numbers that are none.")
        identity = np.zeros(body.identity_count)
        if speaks_of(body):
            identity = np.clip(answer.shape, body.identity_min, body.identity_max)
        state = PlacedState(answer.model_parameters, identity, np.zeros(body.expression_count), answer.translation)
        sound = parts.bounds.sound(state)
        if not parts.placing.is_before_camera(sound.state):
            raise NoPersonError(
                "The network cannot say where person {person} is. Draw a box around them.", person=person
            )
        lens = assumed_lens(self._photo.original_size, self._focal)
        placed = parts.placing.carried(sound.state, lens, self.intrinsics)
        return Placed(placed, self._own_points(crop, answer, placed), sound.senseless)

    def _own_points(self, crop: Crop, answer: Answer, placed: PlacedState) -> Array | None:
        """(70, 2) px of the original photo: the network's keypoints; None where they are not its body's."""
        if answer.points is None:
            return None
        points = self._photo.to_original(crop.to_photo(answer.points))
        keypoints = self._parts.placing.keypoints(placed)
        size = person_size(keypoints, self.intrinsics)
        return points if agrees(points, project(keypoints, self.intrinsics), size) else None

    def _estimated(
        self, person: int, kind: str, silenced: Sequence[Prompt], mask: NDArray[np.bool_] | None
    ) -> Estimate:
        """The estimate without places, made once; of each person only the last mask's are kept."""
        looks = "" if mask is None else hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
        key = person, kind, looks, frozenset(prompt[0] for prompt in silenced)
        if key in self._made:
            return self._made[key]
        self.prepare([person])
        made = self._raw(person) if kind == RAW else self._fit(person, silenced, mask)
        mine = [known for known in self._made if known[0] == person]
        dropped = [known for known in mine if known[2] not in ("", looks)]
        dropped += [known for known in mine if known[3] and known not in dropped][: 1 - _KEPT]
        for known in dropped:
            del self._made[known]
        self._made[key] = made
        return made

    def _raw(self, person: int) -> Estimate:
        return self._made_of(person, self._placed[person].state, {}, (), {"inference": RAW})

    def _fit(self, person: int, silenced: Sequence[Prompt], mask: NDArray[np.bool_] | None) -> Estimate:
        parts, placed = self._parts, self._placed[person]
        seconds = {}
        landmarks = None
        if self.people[person].landmarks is not None:
            landmarks, seconds["hands"] = self._with_hands(person)
        started = time.perf_counter()
        start = parts.bounds.bounded(placed.state)
        evidence = self._evidence(person, landmarks, silenced, mask)
        doubted = {parts.body.keypoint_names[prompt[0]] for prompt in silenced}
        trust = loosened(parts.body, parts.trust, doubted)
        result = refine(parts.body, start, evidence, self.intrinsics, trust)
        seconds["fit"] = time.perf_counter() - started
        details = {
            "inference": FIT,
            "person_size_px": evidence.person_size,
            "point_error_px": result.point_error,
            "network_error_px": result.network_error,
            "iterations": result.iterations,
            "contradicted": list(result.contradicted),
        }
        made = self._made_of(person, result.state, seconds, (*evidence.notes, *_contradictions(result)), details)
        return made if landmarks is None else with_face(parts.body, made, landmarks.face, self._photo)

    def _evidence(
        self,
        person: int,
        landmarks: PersonLandmarks | None,
        silenced: Sequence[Prompt],
        mask: NDArray[np.bool_] | None,
    ) -> Evidence:
        body, placed = self._parts.body, self._placed[person]
        size = person_size(self._parts.placing.keypoints(placed.state), self.intrinsics)
        quiet = {body.keypoint_names[prompt[0]] for prompt in silenced}
        places = np.full((len(body.keypoint_names), 2), np.nan) if placed.points is None else placed.points
        own = own_evidence(body, places, size, self._photo.original_size, quiet)
        if landmarks is None:
            return with_outline(own, mask)
        return together(gather_evidence(landmarks, self._photo, body, self.intrinsics, silenced, mask), own)

    def _with_hands(self, person: int) -> tuple[PersonLandmarks, float]:
        """A person's landmarks with their hands, looked for once, and the seconds that this took."""
        if person not in self._hands:
            started, seen = time.perf_counter(), self.people[person].landmarks
            assert seen is not None
            found = self._parts.finder.with_hands(self._photo.pixels, seen)
            self._hands[person] = found, time.perf_counter() - started
        return self._hands[person]

    def _made_of(
        self,
        person: int,
        state: PlacedState,
        seconds: dict[str, float],
        notes: tuple[str, ...],
        details: dict[str, Any],
    ) -> Estimate:
        parts, placed = self._parts, self._placed[person]
        started, installed = time.perf_counter(), parts.installed
        own = speaks_of(parts.body)
        estimate = Estimate.from_state(
            parts.body,
            state,
            self.intrinsics,
            image_size=np.array(self._photo.original_size),
            bbox=self.people[person].bbox,
            engine=ENGINE.name,
            seconds=self._seconds | {"network": placed.seconds} | seconds,
            photo=self._photo.path.name,
            person=person,
            warnings=(*notes, *_senseless(placed.senseless), *(() if own else (_OTHER_BODY,))),
            details={
                "network": installed.name,
                "model_terms": dict(installed.terms),
                "assumed_focal_px": float(assumed_lens(self._photo.original_size, self._focal)[0, 0]),
                "shape_from": "network" if own else "silhouette",
            }
            | details,
        )
        estimate.seconds["mesh"] = time.perf_counter() - started
        return estimate

    def _judge(
        self,
        person: int,
        prompts: Sequence[Prompt],
        mask: NDArray[np.bool_] | None,
        unprompted: Estimate,
        estimate: Estimate,
    ) -> Judgement:
        """What is odd about the prompts, held to what is predicted without them, and what to prompt next."""
        seen = self._seen(person)
        if seen is None:
            shape = None if mask is None else Silhouette.of_photo(mask)
            plain = Prediction(
                unprompted.keypoints_2d, unprompted.keypoints_3d, unprompted.intrinsics, None, unprompted.bbox, shape
            )
            return judge(prompts, plain, {})
        return self._parts.uncertainty.judge(prompts, seen, self._photo, mask, unprompted, estimate)

    def _seen(self, person: int) -> PersonLandmarks | None:
        """What the landmark networks saw, with hands where they were looked for."""
        return self._hands[person][0] if person in self._hands else self.people[person].landmarks


_OTHER_BODY = (
    "The shape comes from the silhouette: the network's own shape numbers fit only MHR's official body, which can be "
    "downloaded."
)


def _kind(inference: str | None) -> str:
    if inference not in (None, FIT, RAW):
        raise UsageError(f"The engine {ENGINE.name!r} infers {FIT!r} or {RAW!r}, not {inference!r}.")
    return inference or FIT


def _senseless(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    return (f"{len(names)} sizes that the network gave are impossible; they are those of an average body.",)


def _contradictions(result: Refined) -> tuple[str, ...]:
    """Warnings of limbs whose evidence lies grossly elsewhere than the network's."""
    return tuple(
        f"The {name} is as InstantHMR sees it: in the photo it seems to be elsewhere. Check it."
        for name in result.contradicted
    )
