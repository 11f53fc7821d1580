"""The problems of single frames, as parts of a take's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.engines.evidence import TRUST
from native_runtime.fitting.ages import of_age
from native_runtime.fitting.evidence import Directions, Evidence, Points2D
from native_runtime.fitting.evidence_terms import FitProblem, PriorTerm, Weights, points_of
from native_runtime.fitting.follow import of_fingers
from native_runtime.fitting.pins import AngleTerm
from native_runtime.fitting.pose_mixture import MixtureTerm
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import Problem, Term
from native_runtime.fitting.silhouette import (
    BorderDistance,
    OutlineSettings,
    RimOnBorder,
    comparable_vertices,
    image_box,
    rim_vertices,
)
from native_runtime.fitting.stature import of_stature
from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.observations import FrameObservation

Array = NDArray[np.float64]

FEWEST_POINTS = 4
"""Points that must be seen for a frame to say something by itself."""

_NETWORK_PRIOR = 0.1
"""What the priors count beside a network's answer, which knows them already."""

_NOTHING = 1e6

OUTLINE = OutlineSettings(shape=False, inside_weight=0.3, inside_outlier=1.5, clothes=0.003)
"""How the pose follows the mask: what sticks out counts more than what falls short, because of clothes."""
_FEWEST_RIM_POINTS = 12


def prior_of(body: Body, observations: list[FrameObservation], gravity: Gravity) -> PosePrior:
    """The prior of a person, as the still fit has it, of what most frames say about age and stature."""
    prior = PosePrior.load(body).with_mixtures(body, gravity)
    seen = [one.evidence for one in observations if one.evidence is not None]
    aged = [evidence.aged for evidence in seen if evidence.aged is not None]
    if aged and 2 * len(aged) > len(seen):
        return of_age(prior, body, sorted(aged, key=lambda one: one.stature)[len(aged) // 2])
    statures = [evidence.stature for evidence in seen if evidence.stature is not None]
    return of_stature(prior, body, float(np.median(statures))) if statures else prior


def tells(observation: FrameObservation) -> bool:
    """Whether a frame says enough of a person to pose a body by it."""
    evidence = observation.evidence
    return evidence is not None and int(np.sum(evidence.points.weights > 0.1)) >= FEWEST_POINTS


@dataclass(eq=False)
class FrameProblems:
    """Makes the problems of frames.

    Attributes:
        body: the body model.
        intrinsics: (3, 3) px.
        prior: the person's.
        carried: what it counts in frames without evidence.
        size: px, the person's in frames that show nothing of them.
    """

    body: Body
    intrinsics: Array
    prior: PosePrior
    carried: float
    size: float
    _points: dict[tuple[str, ...], PointSet] = field(default_factory=dict)

    def free(self, fingers: bool, skeleton: bool) -> NDArray[np.bool_]:
        """(n,) which of the prior's parameters move: the pose's and, where asked for, those of fingers and lengths."""
        names = [self.body.parameter_names[index] for index in self.prior.parameters]
        return np.array([
            skeleton if name.startswith("scale_") else fingers if of_fingers(name) else True for name in names
        ])  # fmt: skip

    def of(
        self,
        observation: FrameObservation,
        free: NDArray[np.bool_],
        weights: Weights,
        extras: tuple[Term, ...] = (),
    ) -> Problem:
        """One frame's.

        Args:
            observation: what it shows.
            free: which of the prior's parameters move.
            weights: the stage's.
            extras: further terms.
        """
        evidence = observation.evidence
        slots = np.flatnonzero(free)
        near = self._near(observation, slots)
        if near:
            weights = replace(weights, prior=_NETWORK_PRIOR, poses=_NETWORK_PRIOR)
        if observation.pins:
            evidence = with_pins(evidence or _unseen(self.size), observation)
        if evidence is None or not evidence.points.names:
            weights = replace(weights, prior=self.carried, poses=self.carried)
            terms: tuple[Term, ...] = (
                PriorTerm(self.prior, slots, weights),
                *(MixtureTerm(mixture, weights.poses, self.prior.up) for mixture in self.prior.mixtures),
                *near,
                *extras,
            )
            return Problem(
                self.body,
                self.prior.parameters[slots],
                terms,
                self.prior.natural_parameters(self.body),
                skeleton=self.prior.skeleton,
            )
        return FitProblem(
            self.body,
            evidence,
            self.intrinsics,
            self.prior,
            free,
            None,
            weights,
            (*near, *extras),
            gather=self._gather,
        )

    def outline(self, observation: FrameObservation, state: PlacedState) -> tuple[Term, ...]:
        """The rim of the body on the border of the mask, around a state; nothing where there is no mask."""
        evidence = observation.evidence
        if evidence is None or evidence.silhouette is None or not tells(observation):
            return ()
        border = BorderDistance(evidence.silhouette)
        if border.empty:
            return ()
        seen, box = comparable_vertices(self.body, evidence.unseen), image_box(evidence.silhouette)
        rim = rim_vertices(self.body, state, self.intrinsics, box, OUTLINE.points, seen)
        if len(rim) < _FEWEST_RIM_POINTS:
            return ()
        problem = FitProblem(self.body, evidence, self.intrinsics, self.prior, gather=self._gather)
        return (RimOnBorder(problem, rim, border, evidence.person_size, OUTLINE),)

    def _gather(self, body: Body, names: tuple[str, ...]) -> PointSet:
        if names not in self._points:
            self._points[names] = points_of(body, names)
        return self._points[names]

    def _near(self, observation: FrameObservation, slots: NDArray[np.int64]) -> tuple[Term, ...]:
        if observation.start is None or observation.spreads is None:
            return ()
        parameters = self.prior.parameters[slots]
        spreads = observation.spreads[parameters]
        known = np.isfinite(spreads) & (spreads > 0)
        deviations = np.where(known, np.where(known, spreads, 1.0), _NOTHING)
        return (AngleTerm(parameters, observation.start.model_parameters, deviations),)


def with_pins(evidence: Evidence, observation: FrameObservation) -> Evidence:
    """The evidence with an artist's pins, which overrule what was seen of the same keypoint."""
    count, points = len(observation.pins), evidence.points
    names = tuple(pin.keypoint for pin in observation.pins)
    kept = np.array([name not in names for name in points.names], bool)
    seen = Points2D(
        (*(name for name, keep in zip(points.names, kept) if keep), *names),
        np.concatenate([points.positions[kept], [pin.place for pin in observation.pins]]),
        np.concatenate([points.sigmas[kept], np.full(count, TRUST.prompt * evidence.person_size)]),
        np.concatenate([points.weights[kept], [TRUST.prompt_weight * pin.share for pin in observation.pins]]),
        np.concatenate([points.trusted[kept], np.ones(count, bool)]),
    )
    return replace(evidence, points=seen)


def _unseen(size: float) -> Evidence:
    """Evidence that says nothing, of a person of a size in px."""
    nothing = np.zeros(0)
    points = Points2D((), np.zeros((0, 2)), nothing, nothing, np.zeros(0, bool))
    return Evidence(points, Directions((), (), np.zeros((0, 3)), np.zeros((0, 3)), nothing), size)
