"""The fit: from evidence about a person to a body in front of the camera.

Stages, each starting where the one before ended:

1. Place: the torso's observed directions give the whole body's rotation, its pixels then the translation (both in
   closed form).
2. Pose: limbs turn to match their observed directions, pixels still loosely (far-off limbs must not pull as outliers
   would).
3. Refine: pixels strictly and robustly, with bone lengths free and fingers too.
4. Shape: the outline gives the identity coefficients (see ``silhouette``).

Everything is deterministic: no random starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity, mhr_to_camera
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import matrix_to_euler, nearest_rotation
from native_runtime.mhr.state import PlacedState

from .ages import of_age
from .evidence import Evidence
from .evidence_terms import FitProblem, Weights
from .modes import best_mode
from .physics import Physics
from .prior import PosePrior
from .problem import CAMERA_PER_MHR, ROOT_ROTATION, named_rows
from .restarts import retry_limbs
from .silhouette import fit_outline
from .solver import minimise
from .stature import of_stature

Array = NDArray[np.float64]


_ASTRAY = 0.2
"""Metres by which an outline moves any point at most: it is there to put limbs right by a hand's breadth."""

WITH_PHYSICS = Physics()
"""What a body cannot do, by default."""


@dataclass(frozen=True)
class FitResult:
    """A fitted body.

    Attributes:
        state: the body, within its limits.
        point_error: mean distance in px between the observed points (weighted by confidence) and the body's.
        cost: final cost; comparable between fits of one person only.
        iterations: solver steps in all stages.
    """

    state: PlacedState
    point_error: float
    cost: float
    iterations: int


def _is_finger(name: str) -> bool:
    return any(part in name for part in ("thumb", "index", "middle", "ring", "pinky"))


def initial_rotation(body: Body, evidence: Evidence) -> Array:
    """Rotation (3, 3) of the whole body, MHR axes, that turns the rest pose's directions best into the observed ones.

    Orthogonal Procrustes (Kabsch 1976) over the observed segments of the torso and head; without any, the body faces
    the camera.
    """
    seen, names = evidence.directions, evidence.rigid
    points = np.concatenate([body.rest_vertices, body.skeleton.rest.translations])
    place = dict(zip(names, named_rows(body, names).combine(points), strict=True))
    correlation = np.zeros((3, 3))
    for start, end, vector, weight in zip(seen.starts, seen.ends, seen.vectors, seen.weights, strict=True):
        if start in place and end in place:
            observed = vector * np.sign(CAMERA_PER_MHR)
            correlation += weight * np.outer(observed, place[end] - place[start])
    if not correlation.any():
        return np.eye(3)
    return nearest_rotation(correlation)


def initial_translation(problem: FitProblem, state: PlacedState) -> Array:
    """Camera translation (3,) that puts the body's points nearest to their pixels: linear least squares on the
    projection equations.

    u = f X / Z + c with X = x + tx, Z = z + tz is linear in t: f tx - (u - c) tz = (u - c) z - f x.
    """
    pose = problem.body.pose(state.model_parameters)
    points = mhr_to_camera(problem.points.points.positions(pose, state.identity))[problem.seen]
    seen, k = problem.evidence.points, problem.intrinsics
    offset = seen.positions - k[:2, 2]
    n = len(points)
    a, b = np.zeros((2 * n, 3)), np.zeros(2 * n)
    for axis in range(2):
        a[axis::2, axis], a[axis::2, 2] = k[axis, axis], -offset[:, axis]
        b[axis::2] = offset[:, axis] * points[:, 2] - k[axis, axis] * points[:, axis]
    root = np.repeat(np.sqrt(seen.weights), 2)
    translation, *_ = np.linalg.lstsq(a * root[:, None], b * root, rcond=None)
    # The pixels' spread against the body's bounds the depth: a foreshortened or half-seen body must not end behind the
    # camera.
    spread = np.linalg.norm(points[:, :2] - points[:, :2].mean(axis=0), axis=1).mean()
    pixels = np.linalg.norm(seen.positions - seen.positions.mean(axis=0), axis=1).mean()
    expected = k[0, 0] * spread / max(pixels, 1e-6)
    if not 0.4 * expected < translation[2] < 2.5 * expected:
        translation[2] = expected
        centre = np.average(seen.positions, axis=0, weights=seen.weights + 1e-9) - k[:2, 2]
        middle = np.average(points, axis=0, weights=seen.weights + 1e-9)
        translation[:2] = centre / np.diag(k)[:2] * expected - middle[:2]
    return translation


def usual_prior(body: Body, evidence: Evidence, gravity: Gravity) -> PosePrior:
    """What poses and bone lengths are likely of somebody of whom something is seen.

    Args:
        body: the body model.
        evidence: what is known about the person.
        gravity: which way is up.
    """
    prior = PosePrior.load(body).with_mixtures(body, gravity)
    if evidence.aged is not None:
        return of_age(prior, body, evidence.aged)
    return prior if evidence.stature is None else of_stature(prior, body, evidence.stature)


def fit_body(
    body: Body,
    evidence: Evidence,
    intrinsics: NDArray,
    start: PlacedState | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    physics: Physics | None = WITH_PHYSICS,
    prior: PosePrior | None = None,
) -> FitResult:
    """Fit a body to evidence.

    Args:
        body: the body model.
        evidence: what is known about the person.
        intrinsics: (3, 3) px.
        start: an earlier result to start from (a prompt on top of an estimate); skips the first stages.
        cancelled: asked between steps; when true the best state so far is returned.
        physics: what a body cannot do, whatever is seen; None for nothing.
        prior: what poses are likely; None for the project's own, with the gravity of ``physics``.
    """
    if prior is None:
        prior = usual_prior(body, evidence, Gravity() if physics is None else physics.gravity)
    names = [body.parameter_names[i] for i in prior.parameters]
    fingers = np.array([_is_finger(name) for name in names])
    scales = np.array([name.startswith("scale_") for name in names])
    hands_seen = any("hand" in name or "finger" in name or "thumb" in name for name in evidence.points.names)
    iterations = 0
    state = start
    if state is None:
        state = PlacedState(
            prior.natural_parameters(body),
            np.zeros(body.identity_count) if evidence.shape is None else evidence.shape.means.copy(),
            np.zeros(body.expression_count),
            np.array([0.0, 0.0, 3.0]),
        )
        limbs = ~fingers & ~scales
        coarse = FitProblem(body, evidence, intrinsics, prior, limbs, weights=Weights(5.0, np.inf, 0.5, 0.3))
        parameters = state.model_parameters.copy()
        parameters[ROOT_ROTATION] = matrix_to_euler(initial_rotation(body, evidence))
        state = replace(state, model_parameters=parameters)
        state = replace(state, camera_translation=initial_translation(coarse, state))
        solution = minimise(state, coarse.linearise, coarse.cost, coarse.retract, 25, 1e-3, 1e-2, cancelled)
        state, iterations = solution.state, iterations + solution.iterations
        weights = Weights(2.0, 8.0, 0.8)
        extras = () if physics is None else physics.apart(body, evidence, state)
        middle = FitProblem(body, evidence, intrinsics, prior, ~fingers, weights=weights, extras=extras)
        solution = minimise(state, middle.linearise, middle.cost, middle.retract, 20, 1e-3, 1e-3, cancelled)
        state, iterations = solution.state, iterations + solution.iterations
        state, spent = best_mode(middle, state, cancelled)
        iterations += spent
        state, spent = retry_limbs(middle, state, cancelled)
        iterations += spent
    free = np.ones(len(names), bool) if hands_seen else ~fingers
    extras = () if physics is None else physics.terms(body, evidence, state)
    problem = FitProblem(body, evidence, intrinsics, prior, free, extras=extras)
    solution = minimise(state, problem.linearise, problem.cost, problem.retract, 40, 1e-4, 1e-3, cancelled)
    state, iterations = solution.state, iterations + solution.iterations
    if evidence.silhouette is not None and not cancelled():
        if physics is not None:
            extras = physics.terms(body, evidence, state)
            problem = FitProblem(body, evidence, intrinsics, prior, free, extras=extras)
        outlined = fit_outline(problem, state, cancelled)
        if _strayed(problem, state, outlined.state):
            still = FitProblem(body, evidence, intrinsics, prior, np.zeros(len(names), bool), extras=extras)
            outlined = fit_outline(still, state, cancelled)
        solution, iterations = outlined, iterations + outlined.iterations
        state = solution.state
    return FitResult(
        state,
        point_error(problem, state),
        solution.cost,
        iterations,
    )


def _strayed(problem: FitProblem, before: PlacedState, after: PlacedState) -> bool:
    """Whether an outline pulled a part of the body to somewhere else altogether: beside others, a mask may show a limb
    of theirs, or end where they begin."""
    places = [problem.points.camera(problem.pose(state), state) for state in (before, after)]
    first, second = (place - place.mean(axis=0) for place in places)
    return bool(np.linalg.norm(second - first, axis=1).max() > _ASTRAY)


def point_error(problem: FitProblem, state: PlacedState) -> float:
    """Mean distance in px, weighted by confidence, between observed points and the body's."""
    return float(np.average(problem.pixel_distances(state), weights=problem.evidence.points.weights + 1e-12))
