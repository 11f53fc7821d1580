"""Where the temporal fit begins: still fits of key frames, one skeleton and shape, poses followed from there.

The person is followed from each key frame both ways. Where the two walks that meet differ, the cheapest path through
both is taken (Viterbi, "Error bounds for convolutional codes", 1967): what the frames show, and no leaps between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, MHR_TO_CAMERA, Gravity
from native_runtime.errors import NoPersonError
from native_runtime.fitting.evidence_terms import FitProblem, Weights
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.physics import Physics
from native_runtime.fitting.restarts import retry_limbs
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body
from native_runtime.mhr.parameterisation import SCALE
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.observations import FrameObservation

from .frames import FrameProblems, tells
from .options import TemporalOptions
from .smoothness import JOINTS

Array = NDArray[np.float64]

LOOSE = Weights(2.0, 8.0, 0.8)
"""Of the still fit's middle stage: what is far off still pulls."""

_SPEED = 2.0
"""m/s at which a joint ordinarily moves at most, for choosing between walks."""


def key_states(
    body: Body,
    observations: Sequence[FrameObservation],
    intrinsics: Array,
    fps: float,
    options: TemporalOptions,
    gravity: Gravity,
    cancelled: Callable[[], bool],
) -> dict[int, PlacedState]:
    """Bodies of some frames: the observations' own starts or, where there are none, still fits of the frames that show
    most, one for each part of the take.

    Raises:
        NoPersonError: no frame shows enough of the person.
    """
    given = {index: one.start for index, one in enumerate(observations) if one.start is not None}
    if given:
        return given
    seen = np.array([one.seen if tells(one) else 0.0 for one in observations])
    if not seen.any():
        raise NoPersonError("No frame shows enough of the person to fit a body.")
    count = int(np.clip(np.ceil(len(seen) / fps / options.key_every), 1, options.most_keys))
    out: dict[int, PlacedState] = {}
    for part in np.array_split(np.arange(len(seen)), count):
        if not len(part) or (out and cancelled()):
            continue
        index = int(part[np.argmax(seen[part])])
        evidence = observations[index].evidence
        if seen[index] > 0.0 and evidence is not None:
            out[index] = fit_body(body, evidence, intrinsics, physics=Physics(gravity=gravity)).state
    return out


def one_body(keys: dict[int, PlacedState], seen: Array) -> dict[int, PlacedState]:
    """The same poses of one skeleton and shape: the medians of theirs, each counting as its frame is seen.

    Args:
        keys: bodies by frame.
        seen: (F,) 0..1.
    """
    states, weights = list(keys.values()), np.array([seen[index] + 1e-3 for index in keys])
    scales = weighted_median(np.stack([state.model_parameters[SCALE] for state in states]), weights)
    identity = weighted_median(np.stack([state.identity for state in states]), weights)
    out = {}
    for index, state in keys.items():
        parameters = state.model_parameters.copy()
        parameters[SCALE] = scales
        out[index] = replace(state, model_parameters=parameters, identity=identity)
    return out


def weighted_median(values: Array, weights: Array) -> Array:
    """(d,) of values (n, d) with weights (n,): the middle between those at which half of the weight is reached."""
    if not len(values):
        raise ValueError("no values")
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    reached = np.cumsum(weights[order], axis=0) / np.sum(weights)
    low = np.argmax(reached >= 0.5 - 1e-9, axis=0)
    high = np.argmax(reached > 0.5 + 1e-9, axis=0)
    columns = np.arange(values.shape[1])
    return np.asarray(0.5 * (ranked[low, columns] + ranked[high, columns]))


def followed(
    problems: FrameProblems,
    observations: Sequence[FrameObservation],
    keys: dict[int, PlacedState],
    fps: float,
    steps: int,
    told: Callable[[], None] = lambda: None,
) -> list[PlacedState]:
    """A body in every frame, followed from key frames of one skeleton and shape."""
    free = problems.free(fingers=False, skeleton=False)
    states: dict[int, PlacedState] = dict(keys)
    marks = sorted(keys)

    def walk(frames: range, state: PlacedState) -> tuple[list[PlacedState], list[float]]:
        out, costs = [], []
        for index in frames:
            told()
            if tells(observations[index]):
                problem = problems.of(observations[index], free, LOOSE)
                found = minimise(state, problem.linearise, problem.cost, problem.retract, steps, 1e-2, 1e-3, patience=2)
                state, cost = found.state, found.cost
            else:
                cost = 0.0
            out.append(state)
            costs.append(cost)
        return out, costs

    before = walk(range(marks[0] - 1, -1, -1), states[marks[0]])[0]
    states |= dict(zip(range(marks[0] - 1, -1, -1), before))
    for first, last in pairwise(marks):
        if last - first < 2:
            continue
        there, costs = walk(range(first + 1, last), states[first])
        back, others = walk(range(last - 1, first, -1), states[last])
        pairs = list(zip(there, reversed(back), strict=True))
        chosen = _path(problems.body, pairs, np.array([costs, others[::-1]]).T, states[first], states[last], fps)
        states |= {first + 1 + k: pairs[k][which] for k, which in enumerate(chosen)}
    states |= dict(zip(range(marks[-1] + 1, len(observations)), walk(range(marks[-1] + 1, len(observations)),
                                                                     states[marks[-1]])[0]))  # fmt: skip
    return [states[index] for index in range(len(observations))]


def unstuck(
    problems: FrameProblems,
    observations: Sequence[FrameObservation],
    states: list[PlacedState],
    fps: float,
    options: TemporalOptions,
    cancelled: Callable[[], bool],
) -> list[PlacedState]:
    """The states with limbs that got stuck held otherwise.

    In some frames stuck limbs are tried from other positions (``fitting.restarts``); where that explains a frame
    better, the person is followed from there, and in each frame the better of both is taken, without leaps.
    """
    free = problems.free(fingers=False, skeleton=False)
    every = max(round(options.retry_every * fps), 1)
    changed: dict[int, PlacedState] = {}
    for index in range(every // 2, len(states), every):
        if cancelled():
            return states
        if not tells(observations[index]):
            continue
        problem = problems.of(observations[index], free, LOOSE)
        if not isinstance(problem, FitProblem):
            continue
        state, spent = retry_limbs(problem, states[index], cancelled)
        if spent and state is not states[index]:
            found = minimise(state, problem.linearise, problem.cost, problem.retract, 8, 1e-2, 1e-3, patience=2)
            if found.cost < _BETTER * problem.cost(states[index]):
                changed[index] = found.state
    if not changed:
        return states
    others = followed(problems, observations, changed, fps, options.tracking_steps)
    costs = np.zeros((len(states), 2))
    for index, pair in enumerate(zip(states, others, strict=True)):
        if tells(observations[index]):
            problem = problems.of(observations[index], free, LOOSE)
            costs[index] = [problem.cost(state) for state in pair]
    pairs = list(zip(states, others, strict=True))
    chosen = _path(problems.body, pairs, costs, None, None, fps)
    return [pairs[index][which] for index, which in enumerate(chosen)]


_BETTER = 0.97
"""A frame is only held otherwise where that lowers its cost to this part."""


def _path(
    body: Body,
    pairs: list[tuple[PlacedState, PlacedState]],
    costs: Array,
    begin: PlacedState | None,
    end: PlacedState | None,
    fps: float,
) -> list[int]:
    """Which of two bodies in each frame, so that costs (n, 2) and leaps together are least, between what stands in the
    frames before and after, if anything."""
    rows = [list(pair) for pair in pairs]
    edges = [[[one, one]] if one is not None else [] for one in (begin, end)]
    rows = [*edges[0], *rows, *edges[1]]
    joints = [body.joint_index(name) for name in JOINTS]
    parameters = np.stack([[state.model_parameters for state in row] for row in rows])
    shifts = np.stack([[state.camera_translation for state in row] for row in rows])
    places = body.pose(parameters).translations[:, :, joints] / CM_PER_M * np.diag(MHR_TO_CAMERA) + shifts[:, :, None]
    way = np.linalg.norm(places[1:, None, :] - places[:-1, :, None], axis=-1)  # frame, from, to, joint
    leaps = np.sum(np.sqrt(1.0 + (way * fps / _SPEED) ** 2) - 1.0, axis=-1)
    own = np.concatenate([np.zeros((len(edges[0]), 2)), costs, np.zeros((len(edges[1]), 2))])
    return viterbi(own, leaps)[len(edges[0]) :][: len(pairs)]


def viterbi(own: Array, leaps: Array) -> list[int]:
    """The cheapest path.

    Args:
        own: (n, h) what each hypothesis costs in each step.
        leaps: (n - 1, h, h) what going from one (rows) to another (columns) costs.
    """
    total, came = own[0].copy(), []
    for k in range(1, len(own)):
        ways = total[:, None] + leaps[k - 1]
        came.append(np.argmin(ways, axis=0))
        total = ways.min(axis=0) + own[k]
    out = [int(np.argmin(total))]
    for best in reversed(came):
        out.append(int(best[out[-1]]))
    return out[::-1]
