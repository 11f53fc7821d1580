"""Where the temporal fit begins: still fits of key frames, one skeleton and shape, poses followed from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.errors import NoPersonError
from native_runtime.fitting.ages import of_age
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.evidence_terms import FitProblem, Weights
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.follow import of_fingers
from native_runtime.fitting.physics import Physics
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.solver import minimise
from native_runtime.fitting.stature import of_stature
from native_runtime.mhr import Body
from native_runtime.mhr.parameterisation import SCALE
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.observations import FrameObservation

from .options import TemporalOptions

Array = NDArray[np.float64]

FEWEST_POINTS = 4
"""Points that must be seen for a frame to be fitted by itself."""


def prior_of(body: Body, evidence: Evidence | None, gravity: Gravity) -> PosePrior:
    """The prior of a person, as the still fit has it (``fitting.fit``)."""
    prior = PosePrior.load(body).with_mixtures(body, gravity)
    if evidence is not None and evidence.aged is not None:
        return of_age(prior, body, evidence.aged)
    if evidence is not None and evidence.stature is not None:
        return of_stature(prior, body, evidence.stature)
    return prior


def initial_states(
    body: Body,
    observations: Sequence[FrameObservation],
    intrinsics: Array,
    fps: float,
    options: TemporalOptions,
    gravity: Gravity,
    cancelled: Callable[[], bool],
) -> list[PlacedState]:
    """A body in every frame: one skeleton and shape, and poses that follow the evidence from frame to frame.

    Raises:
        NoPersonError: no frame shows enough of the person.
    """
    keys = _key_states(body, observations, intrinsics, fps, options, gravity, cancelled)
    scales, identity = _shared(keys)
    states: list[PlacedState | None] = [None] * len(observations)
    for index, state in keys.items():
        states[index] = _with_shared(state, scales, identity)
    first = min(keys)
    order = [*range(first, len(observations)), *range(first - 1, -1, -1)]
    names = [body.parameter_names[i] for i in PosePrior.load(body).parameters]
    free = np.array([not of_fingers(name) and not name.startswith("scale_") for name in names])
    for index in order:
        near = states[index - 1] if index > first else states[index + 1] if index < first else states[index]
        begin = states[index] or near
        assert begin is not None
        states[index] = _followed(body, observations[index], intrinsics, begin, free, options, gravity)
    return [state for state in states if state is not None]


def _key_states(
    body: Body,
    observations: Sequence[FrameObservation],
    intrinsics: Array,
    fps: float,
    options: TemporalOptions,
    gravity: Gravity,
    cancelled: Callable[[], bool],
) -> dict[int, PlacedState]:
    given = {index: one.start for index, one in enumerate(observations) if one.start is not None}
    if given:
        return given
    seen = np.array([one.seen if _enough(one.evidence) else 0.0 for one in observations])
    if not seen.any():
        raise NoPersonError("No frame shows enough of the person to fit a body.")
    count = int(np.clip(np.ceil(len(seen) / fps / options.key_every), 1, options.most_keys))
    out: dict[int, PlacedState] = {}
    for part in np.array_split(np.arange(len(seen)), count):
        index = int(part[np.argmax(seen[part])])
        evidence = observations[index].evidence
        if seen[index] <= 0.0 or evidence is None or (out and cancelled()):
            continue
        out[index] = fit_body(body, evidence, intrinsics, physics=Physics(gravity=gravity)).state
    return out


def _enough(evidence: Evidence | None) -> bool:
    return evidence is not None and int(np.sum(evidence.points.weights > 0.1)) >= FEWEST_POINTS


def _shared(keys: dict[int, PlacedState]) -> tuple[Array, Array]:
    """Scale parameters and identity: medians over the key frames."""
    states = list(keys.values())
    scales = np.median([state.model_parameters[SCALE] for state in states], axis=0)
    return np.asarray(scales), np.asarray(np.median([state.identity for state in states], axis=0))


def _with_shared(state: PlacedState, scales: Array, identity: Array) -> PlacedState:
    parameters = state.model_parameters.copy()
    parameters[SCALE] = scales
    return replace(state, model_parameters=parameters, identity=identity)


def _followed(
    body: Body,
    observation: FrameObservation,
    intrinsics: Array,
    begin: PlacedState,
    free: NDArray[np.bool_],
    options: TemporalOptions,
    gravity: Gravity,
) -> PlacedState:
    """One frame's body, from that of its neighbour."""
    evidence = observation.evidence
    if not _enough(evidence):
        return begin
    assert evidence is not None
    prior = prior_of(body, evidence, gravity)
    problem = FitProblem(body, evidence, intrinsics, prior, free, weights=Weights(2.0, 8.0))
    steps = options.tracking_steps
    return minimise(
        begin, problem.linearise, problem.cost, problem.retract, steps, 1e-3, 1e-3, patience=2
    ).state  # fmt: skip
