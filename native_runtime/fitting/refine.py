"""The fit after a network: brings its body onto what is seen in the photo, and leaves it what it knows better.

Single-image mesh fitting as SAM 3D Body's data engine does it (arXiv 2602.15989, section on the data engine): evidence
in the photo (keypoints, hands, the rim of the body on the border of the mask), priors, and closeness to the network.
What we see ourselves is better than a network in the photo's plane where it is seen clearly, and worse in depth and
where it is hidden. So

* points count only across the view, robustly; directions of limbs, which are depth, do not count, but for fingers;
* the network's joint angles, bone lengths, shape, place and direction are Gaussians with its own errors
  (``trust.NetworkTrust``), and so are its joints about the root, more firmly along the view than evidence could tell;
* a limb whose points lie grossly elsewhere is left to the network, and named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body, PointSet, Pose, SparseRows
from native_runtime.mhr.rotations import euler_to_matrix, rotation_between
from native_runtime.mhr.state import PlacedState

from .evidence import Directions, Evidence, Points2D
from .evidence_terms import FitProblem, PointTerm, Weights
from .fit import FitResult, point_error
from .follow import of_fingers
from .hold import limbs_of, main_joints
from .pins import RootTether
from .prior import PosePrior
from .problem import (
    CAMERA_PER_MHR,
    NEAREST_DEPTH,
    ROOT_ROTATION,
    TRANSLATION,
    Problem,
    SeenPoints,
    Term,
    named_rows,
    project,
)
from .silhouette import BorderDistance, OutlineSettings, RimOnBorder, comparable_vertices, image_box, rim_vertices
from .solver import Linearised, Quadratics, Residuals, minimise
from .trust import HELD_JOINTS, NetworkTrust

Array = NDArray[np.float64]

LIMBS = {"l_clavicle": "left arm", "r_clavicle": "right arm", "l_upleg": "left leg", "r_upleg": "right leg",
         "c_neck": "head"}  # fmt: skip
"""The joint at which a limb begins, and its name for people."""


@dataclass(frozen=True)
class RefineSettings:
    """How evidence is used. Chosen on the even pictures and tuning seeds of ``bench.refine``.

    Attributes:
        gross: in standard deviations of network and evidence together: a limb with a clearly seen point farther off is
            left to the network.
        alone: part of its ordinary errors below which a network is left as it is, unless an artist has placed points:
            it is no farther from the points than these are from the truth. 0: every person is taken for an ordinary
            one; otherwise how far the network is believed follows from how far it is off here (``_share``).
        most_share: the most that its errors with a person are believed to be of its ordinary ones.
        clear: weight from which a point is clearly seen.
        outlier: in sigmas of a point, see ``Weights.outlier``.
        sigma: factor on the sigmas of points.
        steps: of the solver, before the outline.
        rounds: of the outline.
    """

    gross: float = 5.0
    alone: float = 0.0
    most_share: float = 1.0
    clear: float = 0.3
    outlier: float = 5.0
    sigma: float = 1.0
    steps: int = 12
    rounds: tuple[OutlineSettings, ...] = (
        OutlineSettings(steps=5, inside_weight=0.4, outlier=6.0, inside_outlier=4.0),
        OutlineSettings(steps=5, inside_weight=0.3, inside_outlier=3.0),
    )


AFTER_NETWORK = RefineSettings(sigma=1.3, alone=0.25, most_share=1.5)
"""For a network that has been asked about everything: what it says is only changed where it is clearly off."""


@dataclass(frozen=True)
class Refined(FitResult):
    """A body after the fit; see ``FitResult``.

    Attributes:
        network_error: ``point_error`` of the network's own body, over the same points.
        contradicted: limbs (and "body") whose evidence was set aside as it lies grossly elsewhere.
    """

    network_error: float
    contradicted: tuple[str, ...]


def refine(
    body: Body,
    state: PlacedState,
    evidence: Evidence,
    intrinsics: NDArray,
    trust: NetworkTrust | None = None,
    strength: float = 1.0,
    cancelled: Callable[[], bool] = lambda: False,
    settings: RefineSettings | None = None,
) -> Refined:
    """Bring a network's body onto what is seen.

    Args:
        body: the body model.
        state: the network's answer; values beyond MHR's limits may stay there.
        evidence: what is seen (``engines.evidence.gather_evidence``); trusted points are an artist's. May be empty.
        intrinsics: (3, 3) px.
        trust: how far the network is believed; None for SAM 3D Body's published accuracy.
        strength: 0..1, what the evidence counts against the network; at 0 its state comes back as it is.
        cancelled: asked between steps; when true the best state so far is returned.
        settings: how evidence is used.

    Returns:
        The body; expression, and whatever is neither seen nor connected with what is, are the network's.
    """
    trust, settings = trust or NetworkTrust.of(body), settings or RefineSettings()
    intrinsics = np.asarray(intrinsics, np.float64)
    # our networks' depth of limbs is worse than the other network's
    evidence = replace(evidence, directions=_of_fingers(evidence.directions), positions=None)
    if strength <= 0.0 or (not evidence.points.names and evidence.silhouette is None):
        error = _error(body, state, evidence, intrinsics)
        return Refined(state, error, 0.0, 0, error, ())
    near = _Near(body, state, intrinsics, trust)
    placed, contradicted, share = _placed(near, evidence, settings)
    if evidence.points.trusted.any():
        share = max(share, 1.0)  # what an artist says has no errors to speak of
    elif share < settings.alone:
        error = _error(body, state, evidence, intrinsics)
        return Refined(state, error, 0.0, 0, error, contradicted)
    if settings.alone > 0.0:
        near = _Near(body, state, intrinsics, trust.scaled(share))
    if "body" in contradicted:
        error = _error(body, state, evidence, intrinsics)
        return Refined(state, error, 0.0, 0, error, contradicted)
    evidence = _without(body, evidence, contradicted)
    counted = replace(
        evidence,
        points=_weighted(evidence.points, strength, settings.sigma),
        directions=replace(evidence.directions, weights=evidence.directions.weights * strength),
    )
    weights = Weights(outlier=settings.outlier, prior=1.0, identity=0.0)
    free = near.free(evidence)
    problem = FitProblem(body, counted, intrinsics, near.prior, free, weights=weights, extras=near.terms())
    solution = minimise(
        placed, problem.linearise, problem.cost, problem.retract, settings.steps, 1e-3, 1e-3, cancelled, 2
    )
    iterations = solution.iterations
    if evidence.silhouette is not None:
        shape = near.shape()
        border = BorderDistance(evidence.silhouette)
        seen = comparable_vertices(body, evidence.unseen)
        box = image_box(evidence.silhouette)
        for round_ in () if border.empty else settings.rounds:
            rim = rim_vertices(body, solution.state, intrinsics, box, round_.points, seen)
            if len(rim) < _FEWEST_RIM_POINTS or cancelled():
                break
            counting = replace(round_, share=round_.share * strength)
            outline = RimOnBorder(problem, rim, border, evidence.person_size, counting)
            extras = (*near.terms(shape), outline)
            problem = FitProblem(body, counted, intrinsics, near.prior, free, shape, weights, extras)
            solution = minimise(
                solution.state, problem.linearise, problem.cost, problem.retract, round_.steps, 1e-3, 1e-3, cancelled, 2
            )
            iterations += solution.iterations
    after, before = _error(body, solution.state, evidence, intrinsics), _error(body, state, evidence, intrinsics)
    return Refined(solution.state, after, solution.cost, iterations, before, contradicted)


_FEWEST_RIM_POINTS = 12
_FEWEST_POINTS = 6
_FAR = 1e6
"""Metres: no bound."""


class _Near:
    """What keeps a body near a network's."""

    def __init__(self, body: Body, state: PlacedState, intrinsics: Array, trust: NetworkTrust) -> None:
        self.body, self.state, self.trust, self.intrinsics = body, state, trust, intrinsics
        prior = PosePrior.load(body)
        names = [body.parameter_names[index] for index in prior.parameters]
        sigmas = trust.parameters[prior.parameters]
        fingers = np.array([of_fingers(name) for name in names])
        tendons = fingers[prior.coupled].all(axis=1)
        self._names, self._moves, self._fingers = names, sigmas > 0, fingers
        # the couplings of tendons also hold where a network is off
        self.prior = replace(
            prior.around(state.model_parameters),
            deviations=np.where(sigmas > 0, sigmas, 1.0),
            coupled=prior.coupled[tendons],
            factors=prior.factors[tendons],
            offsets=(prior.around(state.model_parameters).offsets)[tendons],
            coupling_deviations=prior.coupling_deviations[tendons],
        )
        joints = np.array([body.joint_index(name) for name in HELD_JOINTS])
        rows = SparseRows(
            len(joints), np.arange(len(joints), dtype=np.int32), (body.vertex_count + joints).astype(np.int32),
            np.ones(len(joints)),
        )  # fmt: skip
        self._joints = SeenPoints(PointSet.from_rows(body, rows))
        pose = body.pose(state.model_parameters)
        places = self._joints.camera(pose, state)
        root = places[HELD_JOINTS.index("root")]
        view = rotation_between(root / np.linalg.norm(root), [0.0, 0.0, 1.0])
        across, along = trust.across[joints], trust.along[joints]
        self._pose = _NearJoints(self._joints, state, places, view, np.stack([across, across, along], axis=1))
        distance = float(np.linalg.norm(root))
        self.tethers: tuple[Term, ...] = (
            RootTether(state, trust.turn, _FAR),
            _NearPlace(state, view, np.array([trust.place, trust.place, trust.depth * distance])),
        )

    def free(self, evidence: Evidence) -> NDArray[np.bool_]:
        """(n,) which of the prior's parameters move: fingers only of hands that are seen."""
        hands = {name[0] for name in evidence.points.names if name.startswith(("left_hand", "right_hand"))}
        hands |= {name[0] for name in evidence.points.names if of_fingers(name)}
        seen = np.array([name[0] in hands and name[1:2] == "_" for name in self._names])
        return self._moves & (~self._fingers | seen)

    def shape(self) -> NDArray[np.int64] | None:
        """Indices of the identity coefficients that move; None for none."""
        if not self.trust.identity > 0:
            return None
        return np.flatnonzero([group == "body" for group in self.body.identity_groups])

    def terms(self, shape: NDArray[np.int64] | None = None) -> tuple[Term, ...]:
        """Terms of a problem in which these identity coefficients move."""
        own: tuple[Term, ...] = (self._pose, *self.tethers)
        return own if shape is None else (*own, _NearIdentity(self.state, shape, self.trust.identity))


class _NearJoints:
    """Keeps joints where the network has them from the root, in the body's own frame."""

    def __init__(self, points: SeenPoints, state: PlacedState, places: Array, view: Array, sigmas: Array) -> None:
        """`places`: (n, 3) m of the joints; `view`: (3, 3) camera to viewing axes; `sigmas`: (n, 3) along these."""
        self._points, self._root = points, HELD_JOINTS.index("root")
        self._home = places - places[self._root]
        self._start = _rotation(state)
        self._view = view / sigmas[:, :, None]

    def _residuals(self, pose: Pose, state: PlacedState) -> Array:
        camera = self._points.camera(pose, state)
        turned = self._home @ _turned(self._start, state).T
        return np.einsum("nab,nb->na", self._view, camera - camera[self._root] - turned)

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """Half the sum of squares."""
        return float(0.5 * np.sum(self._residuals(pose, state) ** 2))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residual = self._residuals(pose, state)
        motion = problem.motion(self._points.points, pose, state)
        motion = motion - motion[self._root]
        # the whole body's motion carries the places along
        motion[:, :, : problem.first] = 0.0
        jacobian = np.matmul(self._view, motion).reshape(-1, problem.size)
        cost = float(0.5 * np.sum(residual**2))
        return (Residuals(cost, residual.reshape(-1), jacobian, np.ones(residual.size)),)


class _NearPlace:
    """Keeps the whole body near the network's place, across the view and along it."""

    def __init__(self, state: PlacedState, view: Array, sigmas: Array) -> None:
        """`view`: (3, 3) camera to viewing axes; `sigmas`: (3,) m along these."""
        self._home, self._view = state.camera_translation, view / sigmas[:, None]

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """Half the sum of squares."""
        return float(0.5 * np.sum((self._view @ (state.camera_translation - self._home)) ** 2))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residual = self._view @ (state.camera_translation - self._home)
        jacobian = np.zeros((3, problem.size))
        jacobian[:, TRANSLATION] = self._view
        return (Residuals(float(0.5 * residual @ residual), residual, jacobian, np.ones(3)),)


class _NearIdentity:
    """Keeps identity coefficients near the network's."""

    def __init__(self, state: PlacedState, which: NDArray[np.int64], sigma: float) -> None:
        self._which, self._home, self._sigma = which, state.identity[which], sigma

    def _residuals(self, state: PlacedState) -> Array:
        return np.asarray((state.identity[self._which] - self._home) / self._sigma)

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """Half the sum of squares."""
        return float(0.5 * np.sum(self._residuals(state) ** 2))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        residual, columns = self._residuals(state), np.arange(problem.stop, problem.size)
        curvature = np.full(len(columns), self._sigma**-2)
        cost = float(0.5 * residual @ residual)
        return (Quadratics.separate(cost, columns, residual / self._sigma, curvature),)


def _rotation(state: PlacedState) -> Array:
    """(3, 3) of the whole body, MHR axes."""
    return euler_to_matrix(state.model_parameters[ROOT_ROTATION])


def _turned(start: Array, state: PlacedState) -> Array:
    """(3, 3) by which the whole body has turned from a rotation (3, 3) in MHR axes, in camera axes."""
    flip = np.sign(CAMERA_PER_MHR)
    return flip[:, None] * (_rotation(state) @ start.T) * flip


def _placed(near: _Near, evidence: Evidence, settings: RefineSettings) -> tuple[PlacedState, tuple[str, ...], float]:
    """The network's body moved as a whole to where its points are seen, the limbs whose points are still grossly
    elsewhere, and the network's errors with this person as part of its ordinary ones.
    """
    state, points = near.state, evidence.points
    if not points.names:
        return state, (), 1.0
    body, intrinsics, trust = near.body, near.intrinsics, near.trust
    seen = SeenPoints(PointSet.from_rows(body, named_rows(body, points.names)))
    everything = np.arange(len(points.names))
    joints = main_joints(seen.points)
    # what network and evidence are off by together, px
    camera = seen.camera(body.pose(state.model_parameters), state)
    own = trust.across[joints] * intrinsics[0, 0] / np.maximum(camera[:, 2], NEAREST_DEPTH)
    sigmas = np.hypot(own, points.sigmas)
    term = PointTerm(seen, everything, replace(points, sigmas=sigmas), intrinsics, Weights(outlier=settings.gross))
    nothing = np.zeros(0, np.int64)
    problem = Problem(body, nothing, (term, *near.tethers), state.model_parameters)
    placed = minimise(state, problem.linearise, problem.cost, problem.retract, 10, 1e-3, 1e-3, patience=2).state
    pixels = project(seen.camera(body.pose(placed.model_parameters), placed), intrinsics)
    away = np.linalg.norm(pixels - points.positions, axis=1) / sigmas
    clear = (points.weights >= settings.clear) & ~points.trusted
    far = clear & (away > settings.gross)
    if clear.sum() and far.sum() > 0.5 * clear.sum():
        return state, ("body",), 1.0
    limbs = limbs_of(body)[joints]
    elsewhere = tuple(name for base, name in LIMBS.items() if far[limbs == body.joint_index(base)].any())
    return placed, elsewhere, _share(pixels - points.positions, points.sigmas * settings.sigma, own, clear, settings)


def _share(missed: Array, sigmas: Array, own: Array, clear: NDArray[np.bool_], settings: RefineSettings) -> float:
    """The network's errors with one person as part of its ordinary ones, by the method of moments: what it is farther
    from the points (n, 2) px than these are from the truth. The median tells of ordinary points, whatever outliers do.

    Args:
        missed: (n, 2) px, residuals.
        sigmas, own: (n,) px, of the points, and of the network.
        clear: (n,) which points count.
    """
    if clear.sum() < _FEWEST_POINTS:
        return 1.0
    # of two normal components, half of the squared lengths are below 2 ln 2 variances
    squares = np.sum(missed[clear] ** 2, axis=1) / (2.0 * np.log(2.0))
    left = np.median(squares / sigmas[clear] ** 2) - 1.0
    ordinary = np.median(own[clear] ** 2 / sigmas[clear] ** 2)
    return float(min(np.sqrt(max(left, 0.0) / ordinary), settings.most_share))


def _without(body: Body, evidence: Evidence, contradicted: Sequence[str]) -> Evidence:
    """Evidence but for that of some limbs; what an artist placed stays."""
    dropped = [body.joint_index(base) for base, name in LIMBS.items() if name in contradicted]
    points, directions = evidence.points, evidence.directions
    if not dropped or not points.names:
        return evidence
    limbs = limbs_of(body)
    kept = _limbs_of_points(body, limbs, points.names, dropped) | points.trusted
    ends = _limbs_of_points(body, limbs, directions.ends, dropped)
    beginnings = tuple(name for name in body.joint_names if limbs[body.joint_index(name)] in dropped)
    return replace(
        evidence,
        points=_some(points, kept),
        directions=_some_directions(directions, ends),
        unseen=(*evidence.unseen, *beginnings),
    )


def _limbs_of_points(
    body: Body, limbs: NDArray[np.int64], names: Sequence[str], dropped: Sequence[int]
) -> NDArray[np.bool_]:
    """(n,) which points are on none of the dropped limbs."""
    if not names:
        return np.zeros(0, bool)
    joints = main_joints(PointSet.from_rows(body, named_rows(body, names)))
    return ~np.isin(limbs[joints], dropped)


def _of_fingers(directions: Directions) -> Directions:
    """The directions within hands."""
    return _some_directions(directions, np.array([_in_hand(name) for name in directions.ends], bool))


def _in_hand(name: str) -> bool:
    return name.startswith(("left_hand_", "right_hand_")) or of_fingers(name)


def _some(points: Points2D, kept: NDArray[np.bool_]) -> Points2D:
    names = tuple(name for name, keep in zip(points.names, kept, strict=True) if keep)
    return Points2D(names, points.positions[kept], points.sigmas[kept], points.weights[kept], points.trusted[kept])


def _some_directions(directions: Directions, kept: NDArray[np.bool_]) -> Directions:
    starts, ends = (
        tuple(name for name, keep in zip(names, kept, strict=True) if keep)
        for names in (directions.starts, directions.ends)
    )
    return replace(
        directions, starts=starts, ends=ends, vectors=directions.vectors[kept], sigmas=directions.sigmas[kept],
        weights=directions.weights[kept],
    )  # fmt: skip


def _weighted(points: Points2D, strength: float, factor: float) -> Points2D:
    """Points that count less by a strength, except an artist's."""
    weights = np.where(points.trusted, points.weights, points.weights * strength)
    return replace(points, weights=weights, sigmas=np.where(points.trusted, points.sigmas, points.sigmas * factor))


def _error(body: Body, state: PlacedState, evidence: Evidence, intrinsics: Array) -> float:
    """See ``fit.point_error``; 0 without points."""
    if not evidence.points.names:
        return 0.0
    return point_error(FitProblem(body, evidence, intrinsics, PosePrior.load(body)), state)
