"""Limbs that got stuck, restarted from other positions.

The three angles of shoulder and hip leave, within their limits, valleys between which no downhill path leads; and a
limb seen in the photo leans towards the camera or away from it, with poses between that miss the photo. Where an arm or
a leg sits on several limits, or its points or directions are missed, it restarts from a set of positions; the few that
look best are followed down with the rest of the body held, and the best of all is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.state import PlacedState

from .evidence_terms import FitProblem
from .solver import minimise


@dataclass(frozen=True)
class Kind:
    """Arms, or legs.

    Attributes:
        parts: beginnings of the parameters' names, without the side.
        swing: of those that say on limits that the limb is stuck.
        starts: parameters without the side, radians; all others start at their means.
    """

    parts: tuple[str, ...]
    swing: tuple[str, ...]
    starts: tuple[Mapping[str, float], ...]


ARM = Kind(
    ("clavicle", "uparm", "elbow", "lowarm", "wrist"),
    ("uparm", "elbow"),
    tuple(
        {"uparm_ry": ry, "uparm_rz": rz, "uparm_twist": twist, "elbow_bend": 0.6}
        for ry in (-0.5, 0.3, 1.0)
        for rz in (-0.7, 0.6, 1.6)
        for twist in (-0.8, 0.8)
    ),
)
"""In front, to the side, behind, up and down, upper arm turned in and out."""

LEG = Kind(
    ("upleg", "knee", "lowleg", "foot", "ball"),
    ("upleg", "knee"),
    tuple(
        {"upleg_rz": rz, "knee_bend": knee, "upleg_ry": ry, "upleg_twist": twist}
        for rz, knee in ((0.0, 0.2), (-0.9, 1.0), (-1.5, 1.5), (-2.0, 2.5), (-0.2, 1.9))
        for ry in (-0.6, 0.1)
        for twist in (-0.9, 0.2)
    ),
)
"""Standing, striding, sitting, squatting and kneeling, spread and not, turned out and not."""

_MISSED = 3.0
"""Sigmas by which a limb that is stuck misses a point."""
_CERTAIN, _TURNED = 0.6, 0.64
"""Length of an expected unit vector that is certain enough, and the cosine (of 50 degrees) to it that a limb which is
stuck falls below.
"""
_BEST_STARTS = 4
_BETTER = 0.97
"""A limb is only held otherwise where that lowers the cost to this part."""


def retry_limbs(
    problem: FitProblem, state: PlacedState, cancelled: Callable[[], bool] = lambda: False
) -> tuple[PlacedState, int]:
    """The state with every stuck limb held in the best way found, and the solver steps spent."""
    spent = 0
    for kind, limbs in ((ARM, problem.evidence.arms), (LEG, problem.evidence.legs)):
        for side, points in limbs.items():
            state, steps = _retry(problem, state, kind, side, points, cancelled)
            spent += steps
    return state, spent


def _retry(
    problem: FitProblem,
    state: PlacedState,
    kind: Kind,
    side: str,
    points: tuple[str, ...],
    cancelled: Callable[[], bool],
) -> tuple[PlacedState, int]:
    body, prior = problem.body, problem.prior
    names = [body.parameter_names[i] for i in prior.parameters]
    limb = np.array([name.startswith(tuple(f"{side}_{part}" for part in kind.parts)) for name in names])
    if not _is_stuck(problem, state, kind, prior.parameters[limb], points):
        return state, 0
    single = FitProblem(
        body, problem.evidence, problem.intrinsics, prior, limb, weights=problem.weights, extras=problem.extras
    )
    candidates = []
    for start in kind.starts:
        parameters = state.model_parameters.copy()
        parameters[prior.parameters[limb]] = prior.means[limb]
        for name, value in start.items():
            parameters[body.parameter_index(f"{side}_{name}")] = value
        candidates.append(replace(state, model_parameters=body.parameterisation.clamp(parameters)))
    # Python's sort is stable: equal costs keep their order, so the outcome never depends on chance.
    candidates = sorted(candidates, key=single.cost)[:_BEST_STARTS]
    spent = 0
    best, best_cost = state, single.cost(state)
    for candidate in candidates:
        solution = minimise(candidate, single.linearise, single.cost, single.retract, 12, 1e-3, 1e-2, cancelled)
        spent += solution.iterations
        if solution.cost < _BETTER * best_cost:
            best, best_cost = solution.state, solution.cost
    return best, spent


def _is_stuck(
    problem: FitProblem, state: PlacedState, kind: Kind, parameters: NDArray, points: tuple[str, ...]
) -> bool:
    body = problem.body
    values = state.model_parameters[parameters]
    swing = np.array([any(part in body.parameter_names[i] for part in kind.swing) for i in parameters])
    on_limit = (values <= body.limit_min[parameters] + 1e-6) | (values >= body.limit_max[parameters] - 1e-6)
    seen, directions = problem.evidence.points, problem.evidence.directions
    mine = [i for i, name in enumerate(seen.names) if name in points]
    missed = (problem.pixel_distances(state) / seen.sigmas)[mine] > _MISSED
    ends = [i for i, name in enumerate(directions.ends) if name in points and directions.weights[i] > 0.1]
    certain = np.linalg.norm(directions.vectors[ends], axis=1)
    cosines = np.sum(directions.vectors[ends] * problem.direction_vectors(state)[ends], axis=1)
    turned = (certain > _CERTAIN) & (cosines < _TURNED * certain)
    return bool(np.sum(on_limit & swing) >= 2 or np.any(missed & (seen.weights[mine] > 0.1)) or np.any(turned))
