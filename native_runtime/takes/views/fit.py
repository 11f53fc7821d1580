"""The fit of one body to several views.

Stages as in the still fit (``fitting.fit``), whose results start it: points loosely, then strictly, then the outlines
of all views for the shape. What is known of a person once (lengths, shape and, where the views are synchronised, the
pose) is held by its prior once, however many views there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.fitting.ages import of_age
from native_runtime.fitting.clothes import loose_points, parts_of
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.evidence_terms import FitProblem, Weights
from native_runtime.fitting.physics import Physics
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import ROOT_ROTATION, Term
from native_runtime.fitting.silhouette import (
    ROUNDS,
    BorderDistance,
    OutlineSettings,
    RimOnBorder,
    comparable_vertices,
    image_box,
    rim_vertices,
)
from native_runtime.fitting.solver import Solution, minimise
from native_runtime.fitting.stature import of_stature
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.mhr.state import PlacedState

from .cameras import ViewCamera
from .joint import USUAL, CameraTrust, JointProblem, JointState, KnownCameras, SameUp, in_view

Array = NDArray[np.float64]

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_LOOSE, _STRICT = Weights(2.0, 8.0, 0.8), Weights()
_BY_POINTS = Weights(outlier=2.5)
_FIRM_ROUNDS = tuple(replace(settings, share=150.0, steps=12) for settings in ROUNDS)
"""Where the cameras follow from the person, a point that is off turns them, and outlines are what is seen best."""
_PHOTO_ROUNDS = (
    replace(ROUNDS[0], share=150.0, steps=12),
    replace(ROUNDS[1], share=150.0, steps=12, clothes=0.008),
)
"""Photos of other moments show the shape from other sides: their outlines together may overrule the usual shape, and
clothes are told from the body by how far they ordinarily stand off, not by one photo's loose parts."""
_LIMBS = {
    f"{side}_{limb}": tuple(f"{side}_{part}" for part in parts)
    for side in "lr"
    for limb, parts in (
        ("arm", ("clavicle", "uparm", "elbow", "lowarm", "wrist")),
        ("leg", ("upleg", "knee", "lowleg", "foot", "ball", "ankle", "talocrural", "subtalar", "transversetarsal")),
    )
}
"""The parameters of each limb by the beginnings of their names."""


@dataclass(frozen=True)
class ViewObservation:
    """What is known of the person in one view.

    Attributes:
        evidence: what is seen, px of the photo.
        intrinsics: (3, 3) px.
        gravity: which way is up for this camera.
        start: the body as a fit to this photo alone has it.
    """

    evidence: Evidence
    intrinsics: Array
    gravity: Gravity
    start: PlacedState


@dataclass(frozen=True)
class JointFit:
    """One body in several views.

    Attributes:
        state: the body before each view's camera, and in the world where the cameras are known.
        point_errors: (views,) px: mean distance of the seen points, weighted by confidence, from the body's.
        cost: final cost; comparable between fits of the same views only.
        iterations: solver steps in all stages.
        doubted: numbers of known cameras that contradict the others.
    """

    state: JointState
    point_errors: Array
    cost: float
    iterations: int
    doubted: frozenset[int] = frozenset()


class _Views:
    """Makes the problems of a joint fit.

    Args:
        body: the body.
        seen: the views.
        one_pose: whether all views show the same pose.
        known: known cameras.

    Attributes:
        strict: the weights of the last stages.
        rounds: how outlines are used.
    """

    def __init__(
        self, body: Body, seen: Sequence[ViewObservation], one_pose: bool, known: KnownCameras | None = None
    ) -> None:
        self.body, self.seen, self.one_pose, self.known = body, seen, one_pose, known
        self._priors = [_prior_of(body, view) for view in seen]
        names = [body.parameter_names[index] for index in self._priors[0].parameters]
        self.names = names
        self.scales = np.array([name.startswith("scale_") for name in names])
        self.fingers = np.array([any(part in name for part in _FINGERS) for name in names])
        self.hands = any(_shows_hands(view.evidence) for view in seen)
        unknown = one_pose and known is None
        self.strict = _BY_POINTS if unknown else _STRICT
        self.rounds = _FIRM_ROUNDS if unknown else ROUNDS if one_pose else _PHOTO_ROUNDS
        if not one_pose:
            self._priors = [_held_once(prior, self.scales, len(seen)) for prior in self._priors]

    def with_known(self, known: KnownCameras | None) -> _Views:
        """The same views with cameras that are known in another way."""
        other = copy(self)
        other.known = known
        return other

    @property
    def parameters(self) -> NDArray[np.int64]:
        """(n,) indices of the model parameters that move in the last stage at most."""
        return self._priors[0].parameters

    def problem(
        self,
        weights: Weights,
        free: NDArray[np.bool_],
        identity: NDArray[np.int64] | None = None,
        extras: Sequence[tuple[Term, ...]] | None = None,
    ) -> JointProblem:
        """The joint problem of a stage; ``extras`` are further terms of each view."""
        count = len(self.seen)
        part = 1.0 / count if self.one_pose else 1.0
        shared_once = replace(
            weights, prior=weights.prior * part, poses=weights.poses * part, identity=weights.identity / count
        )
        problems = [
            FitProblem(
                self.body, view.evidence, view.intrinsics, prior, free, identity, shared_once,
                () if extras is None else extras[number],
            )
            for number, (view, prior) in enumerate(zip(self.seen, self._priors, strict=True))
        ]  # fmt: skip
        shared = np.ones(int(free.sum()), bool) if self.one_pose else self.scales[free]
        upright = SameUp([view.gravity for view in self.seen]) if self.one_pose and self.known is None else None
        return JointProblem(problems, shared, self.known, upright)

    def physics(self, state: JointState, everything: bool) -> list[tuple[Term, ...]]:
        """What a body cannot do, for each view; of one pose that is said once."""
        out: list[tuple[Term, ...]] = []
        for number, (view, placed) in enumerate(zip(self.seen, state.views, strict=True)):
            rules = Physics(gravity=view.gravity)
            if self.one_pose and number:
                out.append(())
            elif everything and not self.one_pose:
                out.append(rules.terms(self.body, view.evidence, placed))
            else:
                out.append(rules.apart(self.body, view.evidence, placed))
        return out


def _shows_hands(evidence: Evidence) -> bool:
    return any(any(part in name for part in ("hand", "finger", "thumb")) for name in evidence.points.names)


def _prior_of(body: Body, view: ViewObservation) -> PosePrior:
    prior = PosePrior.load(body).with_mixtures(body, view.gravity)
    if view.evidence.aged is not None:
        return of_age(prior, body, view.evidence.aged)
    if view.evidence.stature is not None:
        return of_stature(prior, body, view.evidence.stature)
    return prior


def _held_once(prior: PosePrior, scales: NDArray[np.bool_], count: int) -> PosePrior:
    """The prior for one of several views whose sum holds the lengths, which they share, as one prior would."""
    looser = np.sqrt(count)
    coupled = scales[prior.coupled].all(axis=1)
    return replace(
        prior,
        deviations=np.where(scales, prior.deviations * looser, prior.deviations),
        coupling_deviations=np.where(coupled, prior.coupling_deviations * looser, prior.coupling_deviations),
    )


def by_triangulation(seen: Sequence[ViewObservation]) -> list[ViewObservation]:
    """Views of one moment by unknown cameras, with evidence as strong as several of them need it.

    Networks judge depth worse than several views show it, and all in their own way: what they say of directions and
    places in space would turn the cameras. It counts the less the wider the cameras stand apart. The points of a hand
    are wrong together, and count as few; soles and toes are what is seen best of a foot's place.
    """
    apart = _widest([view.start for view in seen])
    depth = 1.0 - (1.0 - _LEAST_DEPTH) * min(apart / _WIDE, 1.0)
    out = []
    for view in seen:
        evidence = view.evidence
        points, placed = evidence.points, evidence.positions
        hands = np.array([name.startswith(("left_hand", "right_hand")) for name in points.names], bool)
        feet = np.array([name in _FEET for name in points.names], bool)
        sigmas = points.sigmas * np.where(points.trusted, 1.0, np.where(hands, _HAND, np.where(feet, _FOOT, 1.0)))
        evidence = replace(
            evidence,
            points=replace(points, sigmas=sigmas),
            directions=replace(evidence.directions, weights=depth * evidence.directions.weights),
            positions=None if placed is None else replace(placed, weights=depth * placed.weights),
        )
        out.append(replace(view, evidence=evidence))
    return out


_LEAST_DEPTH, _WIDE = 0.03, 0.5
"""What the networks' depth is worth where two views are across each other, and the sine of the angle from which they
are."""
_HAND, _FOOT = 3.0, 0.5
"""Factors on the sigmas of the points of hands, and of heels and toes."""
_FEET = frozenset(f"blazepose_{number}" for number in (29, 30, 31, 32))


def _widest(starts: Sequence[PlacedState]) -> float:
    """Sine of the widest angle at which two cameras look at the person across each other, by each one's own fit."""
    axis = [euler_to_matrix(start.model_parameters[ROOT_ROTATION])[2] for start in starts]
    return max(float(np.linalg.norm(np.cross(one, other))) for one in axis for other in axis)


def fit_photos(body: Body, seen: Sequence[ViewObservation], cancelled: Callable[[], bool] = lambda: False) -> JointFit:
    """One skeleton and shape for several photos of a person, and a pose for each.

    Args:
        body: the body.
        seen: the photos.
        cancelled: asked between steps; when true the best state so far is returned.
    """
    views = _Views(body, seen, one_pose=False)
    scales = views.parameters[views.scales]
    lengths = np.mean([view.start.model_parameters[scales] for view in seen], axis=0)
    identity = np.mean([view.start.identity for view in seen], axis=0)
    placed = []
    for view in seen:
        parameters = view.start.model_parameters.copy()
        parameters[scales] = lengths
        placed.append(replace(view.start, model_parameters=parameters, identity=identity.copy()))
    return _staged(views, JointState(tuple(placed)), cancelled)


def fit_synchronised(
    body: Body,
    seen: Sequence[ViewObservation],
    cameras: Sequence[ViewCamera] | None = None,
    trust: CameraTrust = USUAL,
    cancelled: Callable[[], bool] = lambda: False,
) -> JointFit:
    """One body in one pose for several views of the same moment.

    Args:
        body: the body.
        seen: the views.
        cameras: known cameras; None: each camera's place follows from the body in its view
            (``joint.extrinsics_between``).
        trust: how far known cameras may be off.
        cancelled: as for `fit_photos`.
    """
    known = None if cameras is None else KnownCameras(body, cameras, trust)
    views = _Views(body, seen if known else by_triangulation(seen), one_pose=True, known=known)
    loose = views.problem(_LOOSE, ~views.fingers)
    starts = [_start_from(views, number) for number in range(len(seen))]
    tried = []
    for start in starts:
        solution = minimise(start, loose.linearise, loose.cost, loose.retract, 12, 1e-3, 1e-2, cancelled)
        tried.append(solution)
    best = min(tried, key=lambda solution: solution.cost)
    state = _limbs_of_others(views, loose, best.state, cancelled)
    state = _doubt_cameras(views, state, cancelled)
    return _staged(views, state, cancelled)


def refit_views(
    body: Body,
    seen: Sequence[ViewObservation],
    start: JointState,
    one_pose: bool,
    cameras: Sequence[ViewCamera] | None = None,
    doubted: frozenset[int] = frozenset(),
    trust: CameraTrust = USUAL,
    cancelled: Callable[[], bool] = lambda: False,
    from_person: bool = False,
) -> JointFit:
    """The fit again from an earlier one: after an artist has placed keypoints in some of the views.

    All moves as in the last stage, and nothing else is tried: without anything new the body stays where it is.

    Args:
        body: the body.
        seen: the views; their evidence has the prompts (``prompts.with_prompts``).
        start: the body as it was.
        one_pose: whether all views show the same pose.
        cameras: known cameras, whose world the start must then have.
        doubted: numbers of those that contradicted the others.
        trust: how far known cameras may be off.
        cancelled: as for `fit_photos`.
        from_person: whether the cameras that are known now followed from the person before: what is seen then counts as
            it did (`by_triangulation`).
    """
    known = None if cameras is None else KnownCameras(body, cameras, trust, doubted)
    unknown = one_pose and (known is None or from_person)
    if unknown:
        seen = by_triangulation(seen)
    seen = [_weakened(view, _DOUBTED) if number in doubted else view for number, view in enumerate(seen)]
    views = _Views(body, seen, one_pose, known)
    if unknown:
        views.strict, views.rounds = _BY_POINTS, _FIRM_ROUNDS
    free = np.ones(len(views.names), bool) if views.hands else ~views.fingers
    extras = views.physics(start, True)
    solution = _outlined(views, start, replace(views.rounds[-1], steps=_AGAIN), free, extras, cancelled)
    if solution is None:
        problem = views.problem(views.strict, free, extras=extras)
        solution = minimise(start, problem.linearise, problem.cost, problem.retract, _AGAIN, 1e-3, 1e-3, cancelled)
    errors = point_errors(body, seen, solution.state)
    return JointFit(solution.state, errors, solution.cost, solution.iterations, doubted)


_AGAIN = 25
"""Solver steps of a fit that goes on from an earlier one."""


def _doubt_cameras(views: _Views, state: JointState, cancelled: Callable[[], bool]) -> JointState:
    """Find cameras that contradict the others, and let them turn.

    Of all cameras the one whose turning explains most is doubted, if that lowers the cost by more than chance does and
    two others are left to hold the body's place.
    """
    while views.known is not None and len(views.known.cameras) - len(views.known.doubted) > 3 and not cancelled():
        now, stand = _settled(views, state, cancelled)
        tried = []
        for number in range(len(views.seen)):
            if number not in views.known.doubted:
                doubting = views.with_known(views.known.doubting(number))
                tried.append((_settled(doubting, state, cancelled), doubting))
        (cost, moved), doubting = min(tried, key=lambda one: one[0][0])
        if now - cost < _CONTRADICTION:
            return stand
        assert doubting.known is not None
        (new,) = doubting.known.doubted - views.known.doubted
        views.known, state = doubting.known, moved
        views.seen = [_weakened(view, _DOUBTED) if n == new else view for n, view in enumerate(views.seen)]
    return state


_CONTRADICTION = 10.5
"""Half of the 99.99th percentile of chi-squared with three degrees of freedom, the turn's."""
_DOUBTED = 0.5
"""What a camera that contradicts the others counts: where its turn is wrong, its lens may be, too."""


def _weakened(view: ViewObservation, share: float) -> ViewObservation:
    """A view that counts less."""
    seen = view.evidence
    placed = seen.positions
    return replace(
        view,
        evidence=replace(
            seen,
            points=replace(seen.points, weights=share * seen.points.weights),
            directions=replace(seen.directions, weights=share * seen.directions.weights),
            positions=None if placed is None else replace(placed, weights=share * placed.weights),
        ),
    )


def _settled(views: _Views, state: JointState, cancelled: Callable[[], bool]) -> tuple[float, JointState]:
    problem = views.problem(_STRICT, ~views.fingers)
    solution = minimise(state, problem.linearise, problem.cost, problem.retract, 15, 1e-3, 1e-3, cancelled)
    return solution.cost, solution.state


def _start_from(views: _Views, number: int) -> JointState:
    """All views with the pose that one of them has by itself."""
    own = views.seen[number].start
    if views.known is None:
        placed = []
        for view in views.seen:
            parameters = own.model_parameters.copy()
            parameters[3:6] = view.start.model_parameters[3:6]
            placed.append(
                replace(view.start, model_parameters=parameters, identity=own.identity, expression=own.expression)
            )
        return JointState(tuple(placed))
    camera = views.known.cameras[number]
    world = in_view(views.body, own, camera.rotation.T, camera.place)
    return _seen_by_all(views, _resized(views, world))


def _seen_by_all(views: _Views, world: PlacedState) -> JointState:
    assert views.known is not None
    return JointState(
        tuple(in_view(views.body, world, camera.rotation, camera.translation) for camera in views.known.cameras), world
    )


def _resized(views: _Views, world: PlacedState) -> PlacedState:
    """The body of a world put where all cameras see it nearest to its points: linear least squares over the views, each
    point's distance from its line of sight."""
    assert views.known is not None
    left, right = np.zeros((3, 3)), np.zeros(3)
    problem = views.problem(_LOOSE, np.zeros(len(views.names), bool))
    placed = _seen_by_all(views, world)
    for view, camera, one, state in zip(views.seen, views.known.cameras, problem.problems, placed.views, strict=True):
        points = one.points.camera(one.pose(state), state)[one.seen]
        seen = view.evidence.points
        rays = np.concatenate([seen.positions, np.ones((len(points), 1))], axis=1) @ np.linalg.inv(view.intrinsics).T
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        for ray, point, weight in zip(rays, points, seen.weights, strict=True):
            across = np.eye(3) - np.outer(ray, ray)
            left += weight * camera.rotation.T @ across @ camera.rotation
            right -= weight * camera.rotation.T @ across @ point
    shift = np.linalg.solve(left + 1e-9 * np.eye(3), right)
    return replace(world, camera_translation=world.camera_translation + shift)


def _limbs_of_others(
    views: _Views, problem: JointProblem, state: JointState, cancelled: Callable[[], bool]
) -> JointState:
    """A limb may be stuck where one view alone would have it otherwise: each is tried as each view has it, and the best
    is kept."""
    cost = problem.cost(state)
    for starts in _LIMBS.values():
        mine = [i for i, name in enumerate(views.body.parameter_names) if name.startswith(starts)]
        for view in views.seen:
            if cancelled():
                return state
            values = view.start.model_parameters[mine]
            if np.abs(values - state.views[0].model_parameters[mine]).max() < 0.2:
                continue
            moved = minimise(
                _with(state, mine, values), problem.linearise, problem.cost, problem.retract, 6, 1e-3, 1e-2, cancelled
            )
            if moved.cost < cost:
                state, cost = moved.state, moved.cost
    return state


def _with(state: JointState, indices: Sequence[int], values: Array) -> JointState:
    """All views with some model parameters set."""

    def one(placed: PlacedState) -> PlacedState:
        parameters = placed.model_parameters.copy()
        parameters[list(indices)] = values
        return replace(placed, model_parameters=parameters)

    return JointState(tuple(map(one, state.views)), None if state.world is None else one(state.world))


def _staged(views: _Views, state: JointState, cancelled: Callable[[], bool]) -> JointFit:
    """Points loosely, points strictly, outlines."""
    iterations = 0
    free = np.ones(len(views.names), bool) if views.hands else ~views.fingers
    stages = ((_LOOSE, ~views.fingers, 20, False), (views.strict, free, 40, True))
    for weights, moving, steps, all_rules in stages:
        problem = views.problem(weights, moving, extras=views.physics(state, all_rules))
        solution = minimise(state, problem.linearise, problem.cost, problem.retract, steps, 1e-4, 1e-3, cancelled)
        state, iterations, cost = solution.state, iterations + solution.iterations, solution.cost
    extras = views.physics(state, True)
    for settings in views.rounds:
        outlined = None if cancelled() else _outlined(views, state, settings, free, extras, cancelled)
        if outlined is None:
            break
        solution = outlined
        state, iterations, cost = solution.state, iterations + solution.iterations, solution.cost
    doubted = frozenset() if views.known is None else views.known.doubted
    return JointFit(state, point_errors(views.body, views.seen, state), cost, iterations, doubted)


def _outlined(
    views: _Views,
    state: JointState,
    settings: OutlineSettings,
    free: NDArray[np.bool_],
    extras: Sequence[tuple[Term, ...]],
    cancelled: Callable[[], bool],
) -> Solution[JointState] | None:
    """One round with the outlines; None where no view has one."""
    outlines = _outlines(views, state, settings)
    if outlines is None:
        return None
    shape = np.flatnonzero([group == "body" for group in views.body.identity_groups]) if settings.shape else None
    weights = replace(views.strict, identity=settings.identity_weight)
    terms = [(*own, *rim) for own, rim in zip(extras, outlines, strict=True)]
    problem = views.problem(weights, free, shape, terms)
    return minimise(state, problem.linearise, problem.cost, problem.retract, settings.steps, 1e-3, 1e-3, cancelled)


_FEWEST_RIM_POINTS = 12


def _outlines(views: _Views, state: JointState, settings: OutlineSettings) -> list[tuple[Term, ...]] | None:
    """The rims of the body on the masks' borders, for each view; None where no view has one."""
    out: list[tuple[Term, ...]] = []
    plain = views.problem(_STRICT, ~views.fingers).problems
    parts = parts_of(views.body)
    for view, problem, placed in zip(views.seen, plain, state.views, strict=True):
        mask = view.evidence.silhouette
        border = None if mask is None else BorderDistance(mask)
        if mask is None or border is None or border.empty:
            out.append(())
            continue
        candidates = comparable_vertices(views.body, view.evidence.unseen)
        rim = rim_vertices(views.body, placed, view.intrinsics, image_box(mask), settings.points, candidates)
        if len(rim) < _FEWEST_RIM_POINTS:
            out.append(())
            continue
        size = view.evidence.person_size
        term = RimOnBorder(problem, rim, border, size, settings)
        if settings.loosen:
            slack = term.slack(views.body.pose(placed.model_parameters), placed)
            term = RimOnBorder(problem, rim, border, size, settings, loose_points(parts[rim], slack, size))
        out.append((term,))
    return out if any(out) else None


def point_errors(body: Body, seen: Sequence[ViewObservation], state: JointState) -> Array:
    """(views,) px: how far the points that each view shows are from the body's, weighted by confidence."""
    errors = []
    for view, placed in zip(seen, state.views, strict=True):
        prior = PosePrior.load(body)
        problem = FitProblem(body, view.evidence, view.intrinsics, prior, np.zeros(len(prior.parameters), bool))
        errors.append(np.average(problem.pixel_distances(placed), weights=view.evidence.points.weights + 1e-12))
    return np.array(errors)
