"""A take that was fitted is fitted again around the frames of which an artist says something, and nowhere else.

The frames near such a frame start from what they are, and are solved as in the fit over all frames, with the artist's
pins. Those beyond stay as they are, bit for bit, and hold the others by how people move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.evidence_terms import FitProblem, Weights
from native_runtime.fitting.problem import Term
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.hands import hand_let_go
from native_runtime.takes.hints import silenced
from native_runtime.takes.observations import FrameObservation, of_hand

from .frames import FrameProblems
from .options import TemporalOptions
from .pins import bounded_pins, faded_pins, pin_distances
from .smoothness import Smoothness
from .whole import TakeProblem, minimise_take

Array = NDArray[np.float64]

HOLD = 2
"""Frames that accelerations reach beyond the frames that move."""

OFF, ROUNDS = 0.02, 3
"""Part of the person's size by which pins may take the body off half of what a frame shows of it; fits to settle the
pull of pins that are out of reach."""
_SETTLED = 3
"""Pins that may move a whole body, where they are met: one or two out of reach only drag it."""

Extras = Callable[[int], tuple[Term, ...]]
"""Further terms of a frame, by its place."""


class Refit:
    """Fits parts of a take again.

    Args:
        body: the body model.
        problems: of single frames.
        intrinsics: (3, 3) px.
        fps: frames per second.
        options: how evidence and motion are weighed.
        to_world: (F, 4, 4) camera to world of each frame; None: the camera stands still.
        cancelled: asked between steps; when true the best answer so far is returned.
    """

    def __init__(
        self,
        body: Body,
        problems: FrameProblems,
        intrinsics: Array,
        fps: float,
        options: TemporalOptions,
        to_world: Array | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._body, self._problems, self._intrinsics, self._fps = body, problems, intrinsics, fps
        self._options, self._to_world, self._cancelled = options, to_world, cancelled

    def run(
        self,
        observations: Sequence[FrameObservation],
        states: Sequence[PlacedState],
        marks: Sequence[int],
        extras: Extras = lambda index: (),
        told: Callable[[float], None] = lambda part: None,
    ) -> tuple[list[PlacedState], int]:
        """The states (F,) after it, and the solver's steps.

        The pins are met first. Where that takes most of the body off what is seen of it, they are out of its reach:
        their pull is then bounded, so that the limb only reaches for them.

        Args:
            observations: of consecutive frames, with pins; only those of the frames within ``reach`` count.
            states: bodies without the pins, of the same skeleton.
            marks: the places of frames of which something is said.
            extras: further terms.
            told: the part that is done.
        """
        out = list(states)
        pinned = faded_pins(self._body, observations, out, self._intrinsics, self._fps, self._options)
        stretches = stretches_around(marks, len(out), reach(self._fps, self._options))
        parts = [part for stretch in stretches for part in _parts(stretch, self._options)]
        steps = 0
        for number, part in enumerate(parts):
            before = out[part.start : part.stop]
            steps += self._solve(pinned, out, part, extras)
            torn = [k for k in marks if k in part and self._torn(observations[k], states[k], out[k])]
            if torn:
                out[part.start : part.stop] = before
                for _ in range(ROUNDS):
                    steps += self._solve(self._bounded(pinned, out, torn), out, part, extras)
            told((number + 1) / len(parts))
        return out, steps

    def _bounded(
        self, pinned: Sequence[FrameObservation], states: Sequence[PlacedState], torn: Sequence[int]
    ) -> list[FrameObservation]:
        """Observations whose pins around some frames pull within bounds, and alone say where their keypoints are."""
        near, out = reach(self._fps, self._options), list(pinned)
        for k in sorted({k for mark in torn for k in range(max(mark - near, 0), min(mark + near + 1, len(out)))}):
            evidence = out[k].evidence
            size = self._problems.size if evidence is None else evidence.person_size
            if evidence is not None:
                out[k] = replace(out[k], evidence=_let_go(self._body, evidence, {pin.keypoint for pin in out[k].pins}))
            out[k] = bounded_pins(self._body, out[k], states[k], self._intrinsics, size)
        return out

    def _torn(self, observation: FrameObservation, before: PlacedState, after: PlacedState) -> bool:
        """Whether pins took most of the body off what a frame shows of it, without enough of them being met."""
        evidence = observation.evidence
        if evidence is None or not (evidence.points.weights > 0.0).any():
            return False
        bound = OFF * evidence.person_size
        counting = evidence.points.weights > 0.0
        plain = replace(observation, pins=(), start=None, spreads=None)
        problem = self._problems.of(plain, self._problems.free(False, False), Weights())
        assert isinstance(problem, FitProblem)
        then, now = (float(np.median(problem.pixel_distances(state)[counting])) for state in (before, after))
        if now - then <= bound:
            return False
        away = pin_distances(self._body, observation.pins, after, self._intrinsics)
        return len(away) < _SETTLED or bool(away.max() > bound)

    def _solve(
        self, observations: Sequence[FrameObservation], states: list[PlacedState], part: range, extras: Extras
    ) -> int:
        index = np.arange(max(part.start - HOLD, 0), min(part.stop + HOLD, len(states)))
        fingers = any(of_hand(pin.keypoint) for k in part for pin in observations[k].pins)
        free = self._problems.free(fingers, False)
        parameters = self._problems.prior.parameters[free]
        options = self._options
        problem = TakeProblem(
            self._body,
            [self._problems.of(observations[k], free, Weights(), extras(int(k))) for k in index],
            Smoothness.of(self._body, parameters, self._fps, options.joint, options.angle, options.give),
            0,
            None if self._to_world is None else self._to_world[index],
            (index < part.start) | (index >= part.stop),
        )
        solved = minimise_take(problem, [states[k] for k in index], sum(options.steps), cancelled=self._cancelled)
        for k, state in zip(index.tolist(), solved.states, strict=True):
            if k in part:
                states[k] = state
        return solved.iterations


def _let_go(body: Body, evidence: Evidence, keypoints: set[str]) -> Evidence:
    """Evidence that says nothing of keypoints, nor of the hand that goes with a wrist among them."""
    evidence = silenced(body, evidence, keypoints)
    for side in ("left", "right"):
        if f"{side}_wrist" in keypoints:
            evidence = hand_let_go(body, evidence, side)
    return evidence


def reach(fps: float, options: TemporalOptions) -> int:
    """Frames to each side of a pinned one that move with it."""
    return max(round(options.pin_fade * fps), 1)


def stretches_around(marks: Sequence[int], count: int, near: int) -> list[range]:
    """The frames within `near` of some, as ranges of consecutive frames among `count`."""
    frames = sorted({k for mark in marks for k in range(max(mark - near, 0), min(mark + near + 1, count))})
    ends = [0, *(k + 1 for k, (one, other) in enumerate(pairwise(frames)) if other > one + 1), len(frames)]
    return [range(frames[first], frames[stop - 1] + 1) for first, stop in pairwise(ends) if stop > first]


def _parts(stretch: range, options: TemporalOptions) -> list[range]:
    """A stretch in parts that are solved at once, which overlap."""
    firsts = range(
        stretch.start, max(stretch.stop - options.overlap, stretch.start + 1), options.window - options.overlap
    )
    return [range(first, min(first + options.window, stretch.stop)) for first in firsts]
