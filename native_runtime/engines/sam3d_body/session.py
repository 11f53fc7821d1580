"""A photo that SAM 3D Body has encoded: everything requested afterwards costs only decoder passes."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.engines.base import INFERRED, ROUGH
from native_runtime.engines.edits import Edits
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.engines.given import check_mask, check_person
from native_runtime.errors import UsageError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.prompts.prompt import Prompt, check_prompts, keypoint_titles

from . import ENGINE, FAST_SIZE
from .hands import HandCriteria
from .memory import Kept
from .networks import Networks
from .outcome import FullResult, Outcome, full_result
from .pipeline import Look, Pipeline, Stopwatch
from .prompting import hand_of
from .quality import judgement
from .solve import FAST, Inference, Previous, Request, Solver
from .stored import StoredFeatures

Array = NDArray[Any]

_ROUGHER: Mapping[Inference, Inference] = {"full": "body", "fast": "fast body"}
"""What comes before the last step of an inference."""


@dataclass(frozen=True)
class Person:
    """Somebody in the photo.

    Attributes:
        bbox: (4,) x0 y0 x1 y1 px of the original photo.
        head, landmarks: not known before an estimate.
    """

    bbox: NDArray[np.float64]
    head: None = None
    landmarks: None = None


class Sam3dBodyReading:
    """One photo and its people.

    The encoder runs for a person when first asked about them, once for the body and once for each hand, and never for
    a prompt or a mask, unless the bound on memory made it forget that person.

    Attributes:
        people: largest first, or in the order of the boxes that were given.
        intrinsics: (3, 3) px of the original photo.
    """

    def __init__(
        self,
        networks: Networks,
        body: Body,
        photo: Photo,
        intrinsics: Array,
        boxes: Array,
        kept: Kept,
        criteria: HandCriteria,
        seconds: dict[str, float],
        inferences: tuple[str, ...] = ENGINE.capabilities.inferences,
        stored: StoredFeatures | None = None,
        terms: Mapping[str, Any] | None = None,
    ) -> None:
        """`inferences`: what the model can infer, its own kind first. `terms`: on which it is used."""
        self._terms = terms
        self._inferences = inferences
        self.people = [Person(np.asarray(box, np.float64)) for box in boxes]
        self._pipeline = Pipeline(networks, photo, intrinsics, boxes, kept, stored)
        self._fast = Pipeline(networks, photo, intrinsics, boxes, kept, stored, FAST_SIZE)
        self._body, self._photo, self.intrinsics = body, photo, intrinsics
        several = len(self.people) > 1
        self._solver = Solver(self._pipeline, body, criteria, several)
        self._fast_solver = Solver(self._fast, body, criteria, several)
        self._seconds = seconds
        self._plain: dict[tuple[Look, Inference], tuple[Outcome, Estimate]] = {}
        self._last: dict[tuple[Look, Inference], Outcome] = {}
        for pipeline in (self._pipeline, self._fast):
            weakref.finalize(self, kept.release, pipeline.owner)

    def take_camera(self, intrinsics: Array, gravity: Gravity) -> None:
        """See ``engines.base.TakesCamera``; the network has no use for gravity."""
        self.intrinsics = self._pipeline.intrinsics = self._fast.intrinsics = np.asarray(intrinsics, np.float64)

    @property
    def encoded(self) -> int:
        """How many crops went through the encoder for this photo so far."""
        return self._pipeline.encoded + self._fast.encoded

    def prepare(self, people: Sequence[int] | None = None) -> None:
        """Do what needs the encoder now, for all people together, so that estimates come at once later."""
        looks = [Look.at(self._known(person), None) for person in self._numbers(people)]
        if not looks:
            return
        if "full" in self._inferences:
            self._pipeline.hands(looks, Stopwatch())
        else:
            self._pipeline.first(looks, Stopwatch())

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
        previous: Previous = "first",
    ) -> Estimate:
        """One person's estimate.

        Without prompts it is the reference's own result, and kept. With prompts the decoders run again on the features
        from before: that of a hand for its fingers, that of the body for everything else; then the hands are merged
        as always. The body also gets the wrists and elbows that the reference gives it, except those that have a
        prompt. Prompts that are all on fingers leave the body's pass as it was.

        Args:
            person: number in ``people``.
            keypoints: prompts in px of the original photo. "place" says where a keypoint is. "incorrect" says to the
                decoder that some point is wrong (it has no way to hear which, nor where); "ignore" says nothing to it.
                Either keeps the wrist or elbow that it names from being passed to the body.
            mask: (H, W) of the original photo: where this person is.
            inference: "full" (also None): body and hands; "body": the body decoder alone, which also poses hands,
                roughly; "fast": as "full", on smaller crops.
            edits: not supported (``engines.refit.keep_edits``).
            previous: what the decoders start from when prompted: "first" the unprompted pass, as the reference does;
                "last" the estimate before, for several rounds of prompts; None the model's initial estimate.

        Raises:
            NoPersonError: there is no such person.
            PromptError: a prompt or the mask cannot be used: a place outside the square around the person that the
                decoder sees, for example.
            UsageError: there is no such ``inference`` or ``previous``.
        """
        return self._answer(person, keypoints, mask, self._kind(inference), previous)

    def _answer(
        self,
        person: int,
        keypoints: Sequence[Prompt],
        mask: NDArray[np.bool_] | None,
        kind: Inference,
        previous: Previous = "first",
    ) -> Estimate:
        _check_choice("previous", previous, ("first", "last", None))
        look = Look.at(self._known(person), self._checked(mask))
        prompts = tuple(check_prompts(keypoints))
        plain, estimate = self._unprompted([look], kind)[0]
        if not prompts:
            self._last[look, kind] = plain
            return estimate
        watch = Stopwatch()
        last = self._last.get((look, kind)) if previous == "last" else None
        request = Request(look, prompts, plain, last, fresh=previous is None)
        (outcome,) = self._solver_of(kind).solve([request], kind, watch)
        self._last[look, kind] = outcome
        judged = judgement(prompts, (plain, estimate), outcome, look.mask)
        prompted = self._estimate(outcome, request, kind, watch, 1)
        prompted.details.update(judged.details)
        return replace(prompted, warnings=(*judged.texts, *_unheard(outcome, prompts)))

    def estimate_all(self, people: Sequence[int] | None = None, *, inference: str | None = None) -> list[Estimate]:
        """Unprompted estimates of several people (None: of all), computed together."""
        kind = self._kind(inference)
        looks = [Look.at(self._known(person), None) for person in self._numbers(people)]
        return [estimate for _, estimate in self._unprompted(looks, kind)]

    def estimate_steps(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
    ) -> Iterator[Estimate]:
        """The body decoder's person, before the encoder sees the hands; then that of ``estimate``, whose arguments
        these are. What is known already comes at once: then there is only the last step.
        """
        kind, spent = self._kind(inference), dict[str, float]()
        if kind in _ROUGHER and (Look.at(self._known(person), self._checked(mask)), kind) not in self._plain:
            first = self._answer(person, keypoints, mask, _ROUGHER[kind])
            spent = first.seconds
            yield _rough(first, kind)
        yield _together(self._answer(person, keypoints, mask, kind), spent)

    def estimate_all_steps(
        self, people: Sequence[int] | None = None, *, inference: str | None = None
    ) -> Iterator[list[Estimate]]:
        """As ``estimate_steps``, of several people without prompts (None: of all), computed together."""
        kind, numbers = self._kind(inference), self._numbers(people)
        spent: list[Mapping[str, float]] = [{} for _ in numbers]
        looks = [Look.at(self._known(person), None) for person in numbers]
        if kind in _ROUGHER and any((look, kind) not in self._plain for look in looks):
            first = [estimate for _, estimate in self._unprompted(looks, _ROUGHER[kind])]
            spent = [estimate.seconds for estimate in first]
            yield [_rough(estimate, kind) for estimate in first]
        last = [estimate for _, estimate in self._unprompted(looks, kind)]
        yield [_together(estimate, before) for estimate, before in zip(last, spent)]

    def crop(self, person: int = 0) -> NDArray[np.uint8]:
        """(size, size, 3) RGB: what the encoder sees of a person's body.

        Raises:
            NoPersonError: there is no such person.
        """
        crops = self._pipeline.crops_of([Look.at(self._known(person), None)])
        return np.asarray(crops.cut(self._photo)[0], np.uint8)

    def result(
        self, person: int = 0, mask: NDArray[np.bool_] | None = None, inference: str | None = None
    ) -> FullResult:
        """The unprompted result of one person as the reference's own dictionary. Errors as `estimate`."""
        look = Look.at(self._known(person), self._checked(mask))
        outcome, _ = self._unprompted([look], self._kind(inference))[0]
        box = self._pipeline.crops.boxes[person]
        return full_result(outcome, self._body, box, self.intrinsics, self._photo.original_size)

    def _unprompted(self, looks: Sequence[Look], inference: Inference) -> list[tuple[Outcome, Estimate]]:
        missing = [look for look in dict.fromkeys(looks) if (look, inference) not in self._plain]
        if missing:
            watch = Stopwatch()
            requests = [Request(look) for look in missing]
            masked = {look.person for look in missing if look.mask_hash}
            for kept in (self._plain, self._last):  # of each person only the last mask is remembered
                for key in [key for key in kept if key[0].mask_hash and key[0].person in masked]:
                    del kept[key]
            for request, outcome in zip(requests, self._solver_of(inference).solve(requests, inference, watch)):
                estimate = self._estimate(outcome, request, inference, watch, len(missing))
                judged = judgement((), (outcome, estimate), outcome, request.look.mask)
                estimate.details.update(judged.details)
                self._plain[request.look, inference] = outcome, estimate
        return [self._plain[look, inference] for look in looks]

    def _estimate(self, outcome: Outcome, request: Request, kind: Inference, watch: Stopwatch, count: int) -> Estimate:
        """The estimate; ``count`` people share the seconds of ``watch``."""
        mesh, look, merged = Stopwatch(), request.look, outcome.merged
        shared = {stage: value / count for stage, value in watch.seconds.items()}
        with mesh.time("mesh"):
            estimate = Estimate.from_state(
                self._body,
                PlacedState(
                    merged.model_parameters[0],
                    merged.shape[0],
                    np.zeros(self._body.expression_count),
                    outcome.last.camera_translation[0],
                ),
                self.intrinsics,
                image_size=np.array(self._photo.original_size),
                bbox=self.people[look.person].bbox,
                engine=ENGINE.name,
                prompts=Prompts(request.prompts, look.mask is not None),
                seconds=self._seconds | shared,
                photo=self._photo.path.name,
                person=look.person,
                details={"hands": outcome.hand_details(), INFERRED: kind}
                | ({"model_terms": dict(self._terms)} if self._terms else {}),
            )
        estimate.seconds.update(mesh.seconds)
        return estimate

    def _solver_of(self, kind: Inference) -> Solver:
        return self._fast_solver if kind in FAST else self._solver

    def _kind(self, inference: str | None) -> Inference:
        kind = inference or self._inferences[0]
        _check_choice("inference", kind, ENGINE.capabilities.inferences)
        if kind not in self._inferences:
            lacks = (
                "it was converted by an older version" if kind == "fast" else "its checkpoint lacks the parts for hands"
            )
            raise UsageError(
                f"This model cannot infer {kind!r}: {lacks}. It infers {' or '.join(map(repr, self._inferences))}."
            )
        return cast("Inference", kind)

    def _numbers(self, people: Sequence[int] | None) -> Sequence[int]:
        return range(len(self.people)) if people is None else people

    def _known(self, person: int) -> int:
        check_person(person, len(self.people))
        return person

    def _checked(self, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        if mask is None:
            return None
        check_mask(mask, self._photo.original_size)
        return np.asarray(mask, np.bool_)


def _rough(estimate: Estimate, kind: Inference) -> Estimate:
    """An estimate of the body decoder's alone, after which that with hands comes, which was asked for."""
    return replace(estimate, details=estimate.details | {ROUGH: "hands", INFERRED: kind})


def _together(estimate: Estimate, before: Mapping[str, float]) -> Estimate:
    """The estimate with the seconds of the step before, but for detection, which both name."""
    if not before:
        return estimate
    stages = dict.fromkeys([*before, *estimate.seconds])
    both = {stage: before.get(stage, 0.0) + estimate.seconds.get(stage, 0.0) for stage in stages}
    return replace(estimate, seconds=both | {"detect": before["detect"]})


def _check_choice(name: str, given: object, choices: tuple[object, ...]) -> None:
    if given not in choices:
        raise UsageError(f"`{name}` is one of {', '.join(map(repr, choices))}, not {given!r}.")


def _unheard(outcome: Outcome, prompts: Sequence[Prompt]) -> list[str]:
    """What became of prompts that could not do what they were for."""
    notes = list(outcome.notes)
    details = outcome.hand_details()
    for side in dict.fromkeys(hand_of(prompt[0]) for prompt in prompts):
        if side is not None and side in details and not details[side]["used"]:
            named = ", ".join(keypoint_titles()[p[0]].lower() for p in prompts if hand_of(p[0]) == side)
            reasons = "; ".join(details[side]["reasons"])
            notes.append(
                f"The {side} hand is posed by the body decoder ({reasons}), so {named} may have little effect."
            )
    return notes
