"""The quick re-solve: a body that stands before the camera already follows pins, and changes little else.

The body holds itself (``hold``): its own points in the photo, the directions of its own segments and its own joint
angles take the place of evidence and prior, each as sure as the observation behind it. Pins draw on it (``pins``). The
limb of a pin gives way (an arm has its shoulder, a leg its hip, the head its neck); the trunk, other limbs and the
body's place are firm, because pixels alone would let them turn in depth.

The surface keeps its shape. The outcome depends on the set of pins, not on their order or on what was pinned before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body, PointSet

from .evidence import Evidence
from .hold import hold, limbs_of, main_joints
from .pins import Pin, PinTerm, RootTether
from .prior import PosePrior
from .problem import FitProblem, FitState, Weights, named_rows
from .solver import minimise

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RefitSettings:
    """How stiff everything is. Chosen on the even pictures of ``bench.pins``.

    Attributes:
        pin_sigma: part of the person's size by which pins may be missed.
        give: in sigmas, see ``PinTerm``.
        reach, least, doubt, still: see ``hold``.
        directions: factor on the sigmas of directions.
        prior: weight of the spreads of ``PosePrior`` about the body's own joint angles and bone lengths.
        firm: factor on these spreads outside the limbs that pins are on.
        turn, shift: radians and metres by which the whole body may ordinarily move with a limb.
        steps: of the solver, at most.
    """

    pin_sigma: float = 0.0005
    give: float = 5.0
    reach: float = 0.1
    least: float = 0.1
    doubt: float = 0.25
    still: float = 0.4
    directions: float = 0.4
    prior: float = 0.4
    firm: float = 0.1
    turn: float = 0.03
    shift: float = 0.05
    steps: int = 30


@dataclass(frozen=True)
class Fixed:
    """What pins may not change.

    Attributes:
        parameters: (204,) model parameters.
        turn, shift: whether the whole body's rotation and its place are among it.
    """

    parameters: NDArray[np.bool_]
    turn: bool = False
    shift: bool = False


_FIXED = 1e-6
"""Radians and metres by which a root that is fixed may ordinarily move."""


@dataclass(frozen=True)
class Refit:
    """What came of the pins.

    Attributes:
        state: the body.
        rests: (n,) px by which each pin is missed.
        iterations: solver steps.
    """

    state: FitState
    rests: Array
    iterations: int


def refit(
    body: Body,
    evidence: Evidence,
    intrinsics: NDArray,
    state: FitState,
    pins: Sequence[Pin],
    settings: RefitSettings | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    fixed: Fixed | None = None,
) -> Refit:
    """Bring a body to its pins.

    Args:
        body: the body model.
        evidence: which points and segments hold the body, and how firmly; where it saw them does not matter.
        intrinsics: (3, 3) px.
        state: the body as it stands. Parameters beyond MHR's limits may stay there.
        pins: what is to be met, each keypoint once.
        settings: how stiff everything is.
        cancelled: asked between steps; when true the best state so far is returned.
        fixed: what stays as it is, even where a pin is missed for it; None for nothing.
    """
    settings = settings or RefitSettings()
    if not pins:
        return Refit(state, np.zeros(0), 0)
    # Sums in another order round differently: pins are always taken in the body's own.
    order = np.argsort([body.keypoint_names.index(pin.keypoint) for pin in pins])
    pins = [pins[k] for k in order]
    prior = PosePrior.load(body).around(state.model_parameters)
    names = [body.parameter_names[i] for i in prior.parameters]
    with_fingers = any(_of_fingers(pin.keypoint) for pin in pins)
    free = np.array([with_fingers or not _of_fingers(name) for name in names])
    turn, shift = settings.turn, settings.shift
    if fixed is not None:
        free &= ~fixed.parameters[prior.parameters]
        turn, shift = (_FIXED if held else usual for held, usual in ((fixed.turn, turn), (fixed.shift, shift)))

    reached = PinTerm(body, pins, intrinsics, settings.pin_sigma * evidence.person_size, settings.give)
    tether = RootTether(state, turn, shift)
    own = limb_parameters(body, [pin.keypoint for pin in pins])[prior.parameters]
    prior = replace(prior, deviations=prior.deviations * np.where(own, 1.0, settings.firm))
    held = hold(body, evidence, intrinsics, state, pins, settings.reach, settings.least, settings.doubt, settings.still)
    weights = Weights(outlier=np.inf, directions=settings.directions, prior=settings.prior)
    problem = FitProblem(body, held, intrinsics, prior, free, weights=weights, extras=(reached, tether))
    solution = minimise(state, problem.linearise, problem.cost, problem.retract, settings.steps, 1e-3, 1e-4, cancelled)
    rests = np.empty(len(pins))
    rests[order] = reached.distances(body.pose(solution.state.model_parameters), solution.state)
    return Refit(solution.state, rests, solution.iterations)


def limb_parameters(body: Body, keypoints: Sequence[str]) -> NDArray[np.bool_]:
    """(204,) the model parameters that move nothing but the limbs that keypoints belong to, or the head."""
    limbs = limbs_of(body)
    chosen = set(limbs[main_joints(PointSet.from_rows(body, named_rows(body, keypoints)))].tolist()) - {-1}
    transform = body.parameterisation
    out = np.zeros(len(transform.names), bool)
    for limb in chosen:
        inside, outside = np.zeros(len(out), bool), np.zeros(len(out), bool)
        here = limbs[transform.rows // 7] == limb
        inside[transform.columns[here]] = True
        outside[transform.columns[~here]] = True
        out |= inside & ~outside
    return out


def _of_fingers(name: str) -> bool:
    """Whether a parameter or a keypoint belongs to fingers."""
    return any(part in name for part in ("thumb", "index", "middle", "ring", "pinky", "finger"))
