"""From looks and prompts to outcomes: which passes run, and with what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.prompts import Prompt, kind_of

from .hands import SIDES, WRISTS, HandCriteria, Hands, Side, Validity, judge
from .merge import body_alone, merge
from .outcome import Outcome
from .pipeline import Look, Pipeline, Stopwatch
from .prediction import Prediction
from .preprocess import Crops
from .prompting import Routed, for_body, from_hands, route

Array = NDArray[Any]
Inference = Literal["full", "body"]
Previous = Literal["first", "last"] | None


@dataclass(frozen=True)
class Request:
    """What is asked about one person.

    Attributes:
        look: the person, with or without a mask.
        prompts: the artist's.
        last: the outcome that a further round starts from; None: start from the first pass.
        fresh: start from the model's initial estimate, as if nothing had been predicted yet.
    """

    look: Look
    prompts: tuple[Prompt, ...] = ()
    last: Outcome | None = None
    fresh: bool = False

    def previous(self, first: Prediction, last: Prediction | None) -> Array | None:
        """The previous estimate (1, 522) of a pass, None for the initial one."""
        if self.fresh:
            return None
        return (first if last is None else last).as_previous


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


def solve(
    pipeline: Pipeline,
    body: Body,
    criteria: HandCriteria,
    requests: Sequence[Request],
    inference: Inference,
    several: bool,
    watch: Stopwatch,
) -> list[Outcome]:
    """Answer requests, as many together as can be; see ``session.Sam3dBodyReading.estimate``."""
    looks = [request.look for request in requests]
    first = pipeline.first(looks, watch)
    hands = pipeline.hands(looks, watch) if inference == "full" else {}
    cases = []
    for row, request in enumerate(requests):
        own = slice(row, row + 1)
        own_hands = {side: replace(h, crops=h.crops[own], prediction=h.prediction[own]) for side, h in hands.items()}
        cases.append(_prepare(pipeline, criteria, request, first[own], own_hands, several, watch))
    outcomes = []
    for case, last in zip(cases, _second_pass(pipeline, cases, watch)):
        with watch.time("merge"):
            if case.validity is None:
                merged = body_alone(last)
            else:
                left, right = (case.hands[side] for side in SIDES)
                constants = pipeline.networks.constants
                merged = merge(body, constants, case.first, last, left, right, case.validity)
        outcomes.append(Outcome(case.first, last, case.hands, case.validity, merged, case.routed.notes))
    return outcomes


def _prepare(
    pipeline: Pipeline,
    criteria: HandCriteria,
    request: Request,
    first: Prediction,
    hands: dict[Side, Hands],
    several: bool,
    watch: Stopwatch,
) -> _Case:
    """All that comes before the second body pass."""
    crops = pipeline.crops_of([request.look])
    routed = route(request.prompts, crops, hands)
    if not hands:
        return _Case(request, crops, first, hands, routed, None, routed.body)
    hands = {side: _prompted(pipeline, request, hand, routed, watch) for side, hand in hands.items()}
    left, right = (hands[side] for side in SIDES)
    validity = judge(pipeline.networks.constants, first, _arm_ends(first, request.prompts), left, right, criteria)
    # What a hand hears is lost where that hand is not believed; the body decoder poses it then, and is told instead.
    believed = {side: hand for side, hand in hands.items() if validity.valid[0, SIDES.index(side)]}
    routed = replace(routed, body=route(request.prompts, crops, believed).body)
    told = from_hands(first, crops, left, right, validity.valid)[0]
    mentioned = {prompt[0] for prompt in request.prompts}
    return _Case(request, crops, first, hands, routed, validity, for_body(told, routed.body, mentioned, several))


def _prompted(pipeline: Pipeline, request: Request, hand: Hands, routed: Routed, watch: Stopwatch) -> Hands:
    """The hand after the prompts that belong to it."""
    prompts = routed.hands.get(hand.side)
    if prompts is None:
        return hand
    contexts = pipeline.hand_contexts(hand.side, [request.look.person], watch)
    last = request.last.hands[hand.side].prediction if request.last and request.last.hands else None
    with watch.time("hands"):
        previous = request.previous(hand.prediction, last)
        return replace(hand, prediction=pipeline.decode("hand", contexts, hand.crops, prompts[None], previous))


def _arm_ends(first: Prediction, prompts: Sequence[Prompt]) -> Array:
    """(1, 2, 2) px where the left and the right arm end: as the artist says, else as the first pass does."""
    ends = np.array(first.keypoints_2d[:, list(WRISTS)], np.float64)
    for prompt in prompts:
        if prompt[0] in WRISTS and kind_of(prompt) == "place":
            ends[0, WRISTS.index(prompt[0])] = prompt[1:3]
    return ends


def _second_pass(pipeline: Pipeline, cases: list[_Case], watch: Stopwatch) -> list[Prediction]:
    """The body decoder's second pass of those who have prompts; the others' first. Equal counts go together."""
    last = [case.first for case in cases]
    groups: defaultdict[tuple[int, bool], list[int]] = defaultdict(list)
    for row, case in enumerate(cases):
        groups[len(case.prompts), case.request.fresh].append(row)
    for (count, fresh), rows in groups.items():
        if count == 0:
            continue
        chosen = [cases[row] for row in rows]
        contexts = pipeline.body_contexts([case.request.look for case in chosen], watch)
        previous = [_previous(case) for case in chosen]
        with watch.time("decode"):
            found = pipeline.decode(
                "body",
                contexts,
                Crops.join([case.crops for case in chosen]),
                np.stack([case.prompts for case in chosen]),
                None if fresh else np.concatenate([p for p in previous if p is not None]),
            )
        for place, row in enumerate(rows):
            last[row] = found[place : place + 1]
    return last


def _previous(case: _Case) -> Array | None:
    return case.request.previous(case.first, case.request.last.last if case.request.last else None)
