"""Parts of a body that follow pins: one limb, or all of it.

A limb bends to its pins by its own joints (``limb_follower``); everything else comes back as it was given, bit for bit.
The whole body moves (``body_follower``) where limbs cannot reach their pins by themselves or a pin is on the trunk,
and then hands, feet and head elsewhere keep their places in space as far as bones reach. ``refit`` is made of both, and
so is the live preview of a drag (``live``), so that what is seen during a drag is what stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.state import PlacedState

from .hold import Firmness, Hold, limbs_of, main_joints
from .pins import AngleTerm, PinTerm, RootTether
from .prior import PosePrior
from .problem import Problem, Term, named_rows, project
from .solver import minimise

Array = NDArray[np.float64]

STATURE = 1.7
"""Metres: an adult's height, the measure of what counts as near."""

FAR = 3.0
"""Adults' heights beyond which a pin on a limb says no more than the direction."""


@dataclass(frozen=True)
class Stiffness:
    """How stiff everything is. Chosen on the even pictures of ``bench.pins`` and ``bench.drags``.

    Attributes:
        pin_sigma: part of an adult's height, at the body's distance, by which pins may be missed.
        give: in sigmas, see ``PinTerm``: of pins on a limb that follows alone.
        tug: the same where such a limb draws on the whole body; the less, the less one limb moves all others.
        agreed: what is added to it, as part of what two limbs agree on that the trunk is off by.
        astray: part of an adult's height: how far beyond what a limb has reached its pin draws the joints beside it.
            Their pull grows with the distance, unlike the pin's own.
        body_give: the same of pins on trunk and head, which can always reach them.
        met: in sigmas: a pin that a limb misses by more is left to the whole body.
        firmness: see ``hold``.
        prior: weight of the spreads of ``PosePrior`` about the body's own joint angles.
        firm: factor on these spreads outside the limbs of pins.
        turn, shift: radians and metres by which the whole body may ordinarily move.
        steps: of the solver, at most.
    """

    pin_sigma: float = 0.0005
    give: float = 5.0
    tug: float = 2.0
    agreed: float = 1.0
    astray: float = 0.1
    body_give: float = 200.0
    met: float = 1.0
    firmness: Firmness = field(default_factory=Firmness)
    prior: float = 0.4
    firm: float = 0.3
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
class Followed:
    """What came of pins.

    Attributes:
        state: the body.
        rests: (n,) px by which each pin is missed.
        met: whether all are met.
        iterations: solver steps.
    """

    state: PlacedState
    rests: Array
    met: bool
    iterations: int


class Follower:
    """Some parameters of a body that follow pins on a set of keypoints; prepared once, asked for many places.

    Attributes:
        size: px, an adult's height at the body's distance.
    """

    def __init__(
        self,
        body: Body,
        intrinsics: NDArray,
        state: PlacedState,
        keypoints: Sequence[str],
        parameters: NDArray[np.int64],
        tether: RootTether | None,
        within: NDArray[np.bool_] | None = None,
        stiffness: Stiffness | None = None,
    ) -> None:
        """Prepare.

        Args:
            body: the body model.
            intrinsics: (3, 3) px.
            state: the body as it stands, which holds itself.
            keypoints: the p names of what has pins.
            parameters: (n,) indices of the model parameters that move, out of those of ``PosePrior``.
            tether: where the body's rotation and place move, too, what holds them.
            within: (J,) the joints that can move; None for all.
            stiffness: how stiff everything is.
        """
        self.body, self.home, self.keypoints = body, state, tuple(keypoints)
        self.parameters = parameters
        self._intrinsics, self._tether = np.asarray(intrinsics, np.float64), tether
        self.stiffness = stiffness or Stiffness()
        self._hold = Hold(body, self._intrinsics, state, self.keypoints, self.stiffness.firmness, within)
        self.size = float(self._intrinsics[1, 1]) * STATURE / self._depth()
        self._sigma = self.stiffness.pin_sigma * self.size
        self._springs = self._own_terms()

    def _depth(self) -> float:
        """Metres from the camera to the body's root."""
        root = self.body.joint_index("root")
        depth = self.home.camera_translation[2] - self.body.pose(self.home.model_parameters).translations[root, 2] / 100
        return max(float(depth), 0.1)

    def _own_terms(self) -> tuple[Term, ...]:
        prior = PosePrior.load(self.body)
        spread = np.zeros(len(self.body.parameter_names))
        spread[prior.parameters] = prior.deviations / np.sqrt(self.stiffness.prior)
        if self._tether is None:
            return (AngleTerm(self.parameters, self.home.model_parameters, spread[self.parameters]),)
        spread *= np.where(limb_parameters(self.body, self.keypoints), 1.0, self.stiffness.firm)
        angles = AngleTerm(self.parameters, self.home.model_parameters, spread[self.parameters])
        return angles, self._tether

    def to(
        self,
        places: Array,
        start: PlacedState | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        steps: int | None = None,
        patience: int = 3,
        slack: float = 0.0,
    ) -> Followed:
        """Bring the body to places (p, 2) px.

        Args:
            places: (p, 2) px.
            start: where the solver begins; None for where the body stands.
            cancelled: asked between steps.
            steps, patience: of the solver.
            slack: px, see ``Hold.term``.
        """
        places = np.asarray(places, np.float64).reshape(-1, 2)
        give = np.full(len(places), self.stiffness.give)
        if self._tether is not None:
            tug = self.stiffness.tug + self.stiffness.agreed * slack / self._sigma
            give = np.where(self._hold.on_body, self.stiffness.body_give, tug)
        begin = self.home if start is None else start
        # where a limb points is all that a place far beyond its reach can say; its distance would only drown the rest
        aims = self._nearer(places, self.home, FAR * self.size)
        held = aims
        if self._tether is not None:
            held = self._nearer(aims, begin, self.stiffness.astray * self.size + slack)
        pins = PinTerm(self._hold.points, aims, self._intrinsics, self._sigma, give)
        terms: tuple[Term, ...] = (pins, self._hold.term(held, slack), *self._springs)
        problem = Problem(self.body, self.parameters, terms, self.home.model_parameters, self._tether is not None)
        solution = minimise(
            begin, problem.linearise, problem.cost, problem.retract,
            self.stiffness.steps if steps is None else steps, 1e-3, 1e-3, cancelled, patience,
        )  # fmt: skip
        rests = np.linalg.norm(self._seen(solution.state) - places, axis=1)
        met = bool(np.all(rests < self.stiffness.met * self._sigma))
        return Followed(solution.state, rests, met, solution.iterations)

    def _seen(self, state: PlacedState) -> Array:
        """(p, 2) px where the keypoints with pins are."""
        points = self._hold.points.camera(self.body.pose(state.model_parameters), state)
        return project(points[: len(self.keypoints)], self._intrinsics)

    def _nearer(self, places: Array, state: PlacedState, most: float) -> Array:
        """Places (p, 2) px of keypoints on limbs, at most so many px from where these are; nearer ones as they are."""
        seen = self._seen(state)
        away = np.linalg.norm(places - seen, axis=1)
        beyond = ~self._hold.on_body & (away > most)
        part = most / np.maximum(away, most)
        return np.where(beyond[:, None], seen + part[:, None] * (places - seen), places)


def limb_follower(
    body: Body,
    intrinsics: NDArray,
    state: PlacedState,
    keypoints: Sequence[str],
    stiffness: Stiffness | None = None,
    fixed: Fixed | None = None,
) -> Follower | None:
    """The limb of keypoints (all of one limb), which follows them by its own joints. None where it cannot, because
    all of them are on the trunk, which also places hips and the base of the neck, or all of the limb is fixed.
    """
    if not any(limb_moves(body, keypoint) for keypoint in keypoints):
        return None
    within = limbs_of(body) == limb_of(body, keypoints[0])
    fingers = any(of_fingers(keypoint) for keypoint in keypoints)
    parameters = _movable(body, limb_parameters(body, keypoints), fingers, fixed)
    if not len(parameters):
        return None
    return Follower(body, intrinsics, state, keypoints, parameters, None, within, stiffness)


def body_follower(
    body: Body,
    intrinsics: NDArray,
    state: PlacedState,
    keypoints: Sequence[str],
    stiffness: Stiffness | None = None,
    fixed: Fixed | None = None,
) -> Follower:
    """The whole body, its place included."""
    fingers = any(of_fingers(keypoint) for keypoint in keypoints)
    everything = np.ones(len(body.parameter_names), bool)
    stiffness = stiffness or Stiffness()
    turn = _FIXED if fixed is not None and fixed.turn else stiffness.turn
    shift = _FIXED if fixed is not None and fixed.shift else stiffness.shift
    parameters = _movable(body, everything, fingers, fixed)
    return Follower(body, intrinsics, state, keypoints, parameters, RootTether(state, turn, shift), None, stiffness)


def limb_of(body: Body, keypoint: str) -> int:
    """The joint at which a keypoint's limb begins; -1 on the trunk."""
    return int(limbs_of(body)[_joints_of(body, [keypoint])[0]])


def limb_moves(body: Body, keypoint: str) -> bool:
    """Whether a keypoint's own limb moves it: a shoulder hangs on the collar bone, a hip on the trunk alone."""
    return limb_of(body, keypoint) not in (-1, int(_joints_of(body, [keypoint])[0]))


def limb_parameters(body: Body, keypoints: Sequence[str]) -> NDArray[np.bool_]:
    """(204,) the model parameters that move nothing but the limbs that keypoints belong to, or the head."""
    limbs = limbs_of(body)
    chosen = set(limbs[_joints_of(body, keypoints)].tolist()) - {-1}
    transform = body.parameterisation
    out = np.zeros(len(transform.names), bool)
    for limb in chosen:
        inside, outside = np.zeros(len(out), bool), np.zeros(len(out), bool)
        here = limbs[transform.rows // 7] == limb
        inside[transform.columns[here]] = True
        outside[transform.columns[~here]] = True
        out |= inside & ~outside
    return out


def of_fingers(name: str) -> bool:
    """Whether a parameter or a keypoint belongs to fingers."""
    return any(part in name for part in ("thumb", "index", "middle", "ring", "pinky", "finger"))


def _movable(body: Body, among: NDArray[np.bool_], fingers: bool, fixed: Fixed | None) -> NDArray[np.int64]:
    """Indices of the joint angles that a person can move, out of some (204,); bones keep their lengths."""
    names = body.parameter_names
    among = among if fixed is None else among & ~fixed.parameters
    return np.array(
        [
            index
            for index in PosePrior.load(body).parameters
            if among[index] and not names[index].startswith("scale_") and (fingers or not of_fingers(names[index]))
        ],
        np.int64,
    )


def _joints_of(body: Body, keypoints: Sequence[str]) -> NDArray[np.int64]:
    return main_joints(PointSet.from_rows(body, named_rows(body, keypoints)))
