"""From encoded photos and prompts to outcomes: which passes run, and with what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt, kind_of

from .hands import SIDES, WRISTS, HandCriteria, Hands, Side, Validity, judge
from .merge import body_alone, merge
from .networks import Kind
from .outcome import Outcome
from .pipeline import Look, Pipeline, Stopwatch
from .prediction import Prediction
from .preprocess import Crops
from .prompting import Routed, for_body, from_hands, hand_of, route

Array = NDArray[Any]
Inference = Literal["full", "body", "fast", "fast body"]
"""Body and hands, or the body alone; on crops of the size that the model was trained with, or on smaller ones."""
WITH_HANDS: tuple[Inference, ...] = ("full", "fast")
FAST: tuple[Inference, ...] = ("fast", "fast body")
Previous = Literal["first", "last"] | None


@dataclass(frozen=True)
class Request:
    """What is asked about one person.

    Attributes:
        look: the person, with or without a mask.
        prompts: the artist's.
        plain: the outcome without prompts, where there is one.
        last: the outcome that a further round starts from; None: start from the first pass.
        fresh: start from the model's initial estimate, as if nothing had been predicted yet.
    """

    look: Look
    prompts: tuple[Prompt, ...] = ()
    plain: Outcome | None = None
    last: Outcome | None = None
    fresh: bool = False


@dataclass(frozen=True, eq=False)
class _Case:
    """A request on its way; all of one person."""

    request: Request
    crops: Crops
    first: Prediction
    hands: dict[Side, Hands]
    routed: Routed
    validity: Validity | None
    prompts: Array  # (P, 3) of the second body pass; P may be 0
    without: Prediction  # the body's where P is 0


@dataclass(frozen=True)
class Solver:
    """Answers requests about one photo.

    Attributes:
        several: whether there are several people in the photo (see ``prompting.for_body``).
    """

    pipeline: Pipeline
    body: Body
    criteria: HandCriteria
    several: bool

    def solve(self, requests: Sequence[Request], inference: Inference, watch: Stopwatch) -> list[Outcome]:
        """Outcomes of requests, as many together as can be; see ``session.Sam3dBodyReading.estimate``."""
        looks = [request.look for request in requests]
        first = self.pipeline.first(looks, watch)
        hands = self.pipeline.hands(looks, watch) if inference in WITH_HANDS else {}
        cases = []
        for row, request in enumerate(requests):
            own = {side: hand[row : row + 1] for side, hand in hands.items()}
            cases.append(self._prepared(request, first[row : row + 1], own, watch))
        with_last = zip(cases, self._second_pass(cases, watch))
        return [self._outcome(case, last, watch) for case, last in with_last]

    def _prepared(self, request: Request, first: Prediction, hands: dict[Side, Hands], watch: Stopwatch) -> _Case:
        """All that comes before the second body pass."""
        crops = self.pipeline.crops_of([request.look])
        routed = route(request.prompts, crops, hands)
        if not hands:
            return _Case(request, crops, first, hands, routed, None, routed.body, first)
        hands = {side: self._prompted(request, hand, routed, watch) for side, hand in hands.items()}
        left, right = (hands[side] for side in SIDES)
        ends = _arm_ends(first, request.prompts)
        validity = judge(self.pipeline.networks.constants, first, ends, left, right, self.criteria)
        # A hand's prompts are lost where its result is not used; the body decoder then poses it, and gets them instead.
        believed = {side: hand for side, hand in hands.items() if validity.valid[0, SIDES.index(side)]}
        own = route(request.prompts, crops, believed).body
        if _leaves_body(request) and not len(own) and request.plain is not None:
            return _Case(request, crops, first, hands, routed, validity, own, request.plain.last)
        from_both = from_hands(first, crops, left, right, validity.valid)[0]
        mentioned = {prompt[0] for prompt in request.prompts}
        prompts = for_body(from_both, own, mentioned, self.several)
        return _Case(request, crops, first, hands, routed, validity, prompts, first)

    def _prompted(self, request: Request, hand: Hands, routed: Routed, watch: Stopwatch) -> Hands:
        """The hand after the prompts that belong to it."""
        prompts = routed.hands.get(hand.side)
        if prompts is None:
            return hand
        contexts = self.pipeline.hand_contexts(hand.side, [request.look.person], watch)
        last = request.last.hands[hand.side].prediction if request.last and request.last.hands else None
        previous = self._previous("hand", request, hand.prediction, last)
        with watch.time("hands"):
            return replace(hand, prediction=self.pipeline.decode("hand", contexts, hand.crops, prompts[None], previous))

    def _second_pass(self, cases: Sequence[_Case], watch: Stopwatch) -> list[Prediction]:
        """The body decoder's second pass of those who have prompts for it. Equal counts go together."""
        last = [case.without for case in cases]
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for row, case in enumerate(cases):
            if len(case.prompts):
                groups[len(case.prompts)].append(row)
        for rows in groups.values():
            chosen = [cases[row] for row in rows]
            contexts = self.pipeline.body_contexts([case.request.look for case in chosen], watch)
            crops, prompts = Crops.join([case.crops for case in chosen]), np.stack([case.prompts for case in chosen])
            previous = np.concatenate([self._previous_body(case) for case in chosen])
            with watch.time("decode"):
                found = self.pipeline.decode("body", contexts, crops, prompts, previous)
            for place, row in enumerate(rows):
                last[row] = found[place : place + 1]
        return last

    def _previous_body(self, case: _Case) -> Array:
        last = case.request.last.last if case.request.last else None
        return self._previous("body", case.request, case.first, last)

    def _previous(self, kind: Kind, request: Request, first: Prediction, last: Prediction | None) -> Array:
        """(1, 522) the previous estimate of a prompted pass."""
        if request.fresh:
            return self.pipeline.initial(kind, 1)
        return (first if last is None else last).as_previous

    def _outcome(self, case: _Case, last: Prediction, watch: Stopwatch) -> Outcome:
        with watch.time("merge"):
            if case.validity is None:
                merged = body_alone(last)
            else:
                left, right = (case.hands[side] for side in SIDES)
                constants = self.pipeline.networks.constants
                merged = merge(self.body, constants, case.first, last, left, right, case.validity)
        return Outcome(case.first, last, case.hands, case.validity, merged, case.routed.notes)


def _leaves_body(request: Request) -> bool:
    """Whether prompts that only hands hear leave the body as it was without them: one pass less to wait for."""
    fingers = all(hand_of(prompt[0]) is not None for prompt in request.prompts)
    return bool(request.prompts) and fingers and request.last is None and not request.fresh


def _arm_ends(first: Prediction, prompts: Sequence[Prompt]) -> Array:
    """(1, 2, 2) px where the left and the right arm end: as the artist says, else as the first pass does."""
    ends = np.array(first.keypoints_2d[:, list(WRISTS)], np.float64)
    for prompt in prompts:
        if prompt[0] in WRISTS and kind_of(prompt) == "place":
            ends[0, WRISTS.index(prompt[0])] = prompt[1:3]
    return ends
