"""How sure a fit is of its body, and what doubtful observations make of it: Laplace's approximation.

Around the body that a fit has found, its cost is taken for a quadratic, whose matrix is the inverse covariance of the
body's numbers (MacKay, "Information Theory, Inference, and Learning Algorithms", chapter 27). An observation that comes
later moves what it says something about, and how far depends on how sure the fit was: the whole body, bone lengths,
place and depth included. Without one nothing moves.

The points of the networks count much less here than in the fit. Their errors go together: where a whole person is seen
too far to the left, each point is, and thirty that agree are not thirty witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.mhr import Body, PointSet, Pose
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.mhr.state import PlacedState

from .evidence import Evidence
from .evidence_terms import FitProblem, Weights
from .fit import usual_prior
from .follow import of_fingers
from .pins import Pin, PinTerm
from .problem import FIRST_PARAMETER, ROOT_ROTATION, Problem, SeenPoints, named_rows
from .solver import Linearised, Quadratics, minimise

Array = NDArray[np.float64]

WEIGHTS = Weights(points=8.0, directions=0.7, positions=0.7)
"""What the evidence counts. Chosen on held-out poses of another seed than those of the figures."""

GIVE = 1.0
"""In sigmas of an observation: from where its pull does not grow any more (``pins.pseudo_huber``)."""

_STEPS = 15


class CurvatureTerm:
    """Half the squared distance from a state, by a matrix over the unknowns."""

    def __init__(self, state: PlacedState, parameters: NDArray[np.int64], matrix: Array) -> None:
        """Prepare the term.

        Args:
            state: the body that a fit has found.
            parameters: (n,) the model parameters that move, beside the whole body's rotation and place.
            matrix: (6 + n, 6 + n) inverse covariance.
        """
        self._state, self._parameters, self._matrix = state, parameters, matrix
        self._rotation = euler_to_matrix(state.model_parameters[ROOT_ROTATION])

    def _moved(self, state: PlacedState) -> Array:
        """(6 + n,) what was moved: radians, metres, and MHR's units."""
        turned = euler_to_matrix(state.model_parameters[ROOT_ROTATION]) @ self._rotation.T
        # sin(angle) times the axis, which is the rotation vector for the small turns that are meant here
        vector = 0.5 * (turned - turned.T)[[2, 0, 1], [1, 2, 0]]
        angles = (state.model_parameters - self._state.model_parameters)[self._parameters]
        return np.concatenate([vector, state.camera_translation - self._state.camera_translation, angles])

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See the class."""
        moved = self._moved(state)
        return float(0.5 * moved @ self._matrix @ moved)

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        moved = self._moved(state)
        pull, unknowns = self._matrix @ moved, np.arange(FIRST_PARAMETER + len(self._parameters))
        return (Quadratics(float(0.5 * moved @ pull), unknowns[None], pull[None], self._matrix[None]),)


def lean(
    body: Body,
    evidence: Evidence,
    intrinsics: NDArray,
    state: PlacedState,
    pins: Sequence[Pin],
    error: float,
    gravity: Gravity,
) -> PlacedState:
    """A fitted body after observations that may be off.

    Args:
        body: the body model.
        evidence: what the body was fitted to.
        intrinsics: (3, 3) px.
        state: the fitted body.
        pins: where keypoints have been seen, each once.
        error: by how much a place is off ordinarily (standard deviation in x and in y), as part of the person's size;
            more than 0. Far larger errors draw no more than this one.
        gravity: which way is up, as in the fit.

    Returns:
        The state itself where there are no pins.
    """
    if not pins:
        return state
    prior = usual_prior(body, evidence, gravity)
    names = [body.parameter_names[index] for index in prior.parameters]
    fingers = any(of_fingers(pin.keypoint) for pin in pins)
    free = np.array([fingers or not of_fingers(name) for name in names])
    fit = FitProblem(body, evidence, intrinsics, prior, free, weights=WEIGHTS)
    # Sums in another order round differently: pins are always taken in the body's own.
    ordered = sorted(pins, key=lambda pin: body.keypoint_names.index(pin.keypoint))
    points = SeenPoints(PointSet.from_rows(body, named_rows(body, [pin.keypoint for pin in ordered])))
    places = np.array([pin.place for pin in ordered])
    terms = (
        PinTerm(points, places, intrinsics, error * evidence.person_size, GIVE),
        CurvatureTerm(state, fit.parameters, fit.linearise(state).hessian),
    )
    problem = Problem(body, fit.parameters, terms, state.model_parameters, skeleton=prior.skeleton)
    return minimise(state, problem.linearise, problem.cost, problem.retract, _STEPS, 1e-3, 1e-3).state
