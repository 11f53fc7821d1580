"""A network that predicts bodies, simulated: the truth and errors as published, for measuring what comes after it.

Errors are drawn as those of a network that has seen the photo. First every joint's rotation, the whole body's, bone
lengths, shape and place get errors of their own, which add up along the kinematic chain; neighbours err alike, some
people are harder than others, and limbs that are hidden harder than those in sight. Then the body is drawn towards
where its keypoints lie in the photo, with errors there, too ("randomise, then optimise": for small errors an exact
sample of what joint and pixel errors leave possible): networks are trained to agree with the photo, so that what is
left is mostly along the view. ``Profile`` holds the sizes, chosen so that the means over the even pictures (seed 1,
three draws) are the published ones; what they are over other pictures stands in the tables of ``bench.refine``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.fitting.evidence import Points2D
from native_runtime.fitting.evidence_terms import PointTerm, Weights
from native_runtime.fitting.follow import of_fingers
from native_runtime.fitting.hold import limbs_of, main_joints
from native_runtime.fitting.pins import AngleTerm, RootTether
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import Problem, SeenPoints, named_rows
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.state import PlacedState
from native_runtime.synthetic.library import part_of

from .accuracy.truth import Person, Truth

Array = NDArray[np.float64]

_ROTATION = {
    "spine": 0.06, "neck": 0.12, "head": 0.1, "clavicle": 0.08, "uparm": 0.16, "elbow": 0.17, "lowarm": 0.3,
    "wrist": 0.2, "upleg": 0.1, "knee": 0.13, "lowleg": 0.08, "foot": 0.16, "ball": 0.1,
}  # fmt: skip
"""Radians, in proportion to each other; ``Profile.angles`` multiplies them."""

HIDDEN = 2.0
"""How much larger the errors of a hidden limb are."""


@dataclass(frozen=True)
class Profile:
    """What errors a network makes.

    Attributes:
        name: what it stands for.
        pa_mpjpe, mpjpe: mm, published (InstantHMR's second one is not: it is in proportion).
        angles: factor on the errors of joints.
        turn: radians, of the whole body, about each axis.
        pixels: of keypoints across the view, part of an adult's height.
        fingers: radians.
        bones: of bone lengths, part of how people differ; identity: of coefficients.
        depth: part of the distance.
        spread: of the logarithm of how hard a person is.
    """

    name: str
    pa_mpjpe: float
    mpjpe: float
    angles: float
    turn: float
    pixels: float
    fingers: float = 0.25
    bones: float = 0.25
    identity: float = 0.25
    depth: float = 0.06
    spread: float = 0.3


PROFILES = (
    Profile("SAM 3D Body", 33.8, 54.8, 0.9, 0.4, 0.0115),
    Profile("InstantHMR", 43.0, 65.0, 1.22, 0.52, 0.016, fingers=0.4),
)


def simulated(body: Body, scene: Truth, person: Person, profile: Profile, rng: np.random.Generator) -> PlacedState:
    """What a network would answer about a person of a picture."""
    prior = PosePrior.load(body)
    hard = float(np.exp(profile.spread * np.clip(rng.normal(), -2.0, 2.0)))
    hidden = _hidden_limbs(body, person)
    truth = PlacedState(person.model_parameters, person.identity, person.expression, person.camera_translation)

    limbs = limbs_of(body)
    sigmas = np.array(
        [
            _sigma(body, int(index), float(deviation), profile, hard, limbs, hidden)
            for index, deviation in zip(prior.parameters, prior.deviations, strict=True)
        ]
    )
    errors = sigmas * _alike(body, prior.parameters, rng)
    parameters = truth.model_parameters.copy()
    parameters[prior.parameters] += errors
    low, high = body.limit_min[prior.parameters], body.limit_max[prior.parameters]
    parameters[prior.parameters] = np.clip(parameters[prior.parameters], low, high)
    distance = float(np.linalg.norm(truth.camera_translation))
    translation = truth.camera_translation * (1.0 + profile.depth * rng.normal()) + rng.normal(0.0, 0.02, 3)
    identity = truth.identity.copy()
    identity[body.ageless] += profile.identity * rng.normal(size=int(body.ageless.sum()))
    identity = np.clip(identity, body.identity_min, body.identity_max)
    wrong = PlacedState(parameters, identity, np.zeros_like(truth.expression), translation)
    turned = Problem(body, np.zeros(0, np.int64), (), parameters)
    wrong = turned.retract(wrong, np.concatenate([profile.turn * hard * rng.normal(size=3), np.zeros(3)]))
    return _towards_photo(body, scene, person, profile, hard, hidden, wrong, prior, sigmas, distance, rng)


def _towards_photo(
    body: Body, scene: Truth, person: Person, profile: Profile, hard: float, hidden: set[int], wrong: PlacedState,
    prior: PosePrior, sigmas: Array, distance: float, rng: np.random.Generator,
) -> PlacedState:  # fmt: skip
    """A wrong body that agrees with the photo as well as a network's does."""
    names = [f"blazepose_{BODY_POINTS.index(n):02d}" for n in BODY_POINTS if "mouth" not in n and "_eye_" not in n]
    columns = [body.landmark_names.index(name) for name in names]
    points = SeenPoints(PointSet.from_rows(body, named_rows(body, names)))
    limbs = limbs_of(body)[main_joints(points.points)]
    scale = hard * np.where(np.isin(limbs, list(hidden)), HIDDEN, 1.0)
    height = 1.7 * scene.intrinsics[0, 0] / max(distance, 0.5)
    spread = profile.pixels * height * scale
    # errors of neighbours are alike: half of the variance is the limb's
    common = {limb: rng.normal(size=2) for limb in np.unique(limbs)}
    noise = np.sqrt(0.5) * (rng.normal(size=(len(names), 2)) + np.array([common[limb] for limb in limbs]))
    seen = Points2D(
        tuple(names), scene.pixels(person.landmarks[columns]) + spread[:, None] * noise, spread,
        np.ones(len(names)), np.zeros(len(names), bool),
    )  # fmt: skip
    moving = sigmas > 0
    terms = (
        PointTerm(points, np.arange(len(names)), seen, scene.intrinsics, Weights(outlier=np.inf)),
        AngleTerm(prior.parameters[moving], wrong.model_parameters, sigmas[moving]),
        RootTether(wrong, profile.turn * hard, profile.depth * distance),
    )
    problem = Problem(body, prior.parameters[moving], terms, wrong.model_parameters)
    return minimise(wrong, problem.linearise, problem.cost, problem.retract, 8, 1e-3, 1e-2, patience=2).state


def _sigma(
    body: Body, index: int, deviation: float, profile: Profile, hard: float, limbs: NDArray[np.int64], hidden: set[int]
) -> float:
    name = body.parameter_names[index]
    if name.startswith("scale_"):
        return profile.bones * deviation
    if of_fingers(name):
        return profile.fingers
    own = profile.angles * hard * _ROTATION.get(part_of(name), 0.1)
    transform = body.parameterisation
    joint = int(transform.rows[np.flatnonzero(transform.columns == index)[0]] // 7)
    return own * (HIDDEN if int(limbs[joint]) in hidden else 1.0)


def _alike(body: Body, parameters: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """Unit normal errors of parameters; a third of the variance is that of the same part on the other side and of the
    neighbours in the same limb (both sides swing too little, a whole arm hangs too low)."""
    names = [body.parameter_names[index] for index in parameters]
    kinds = [name[2:] if name[:2] in ("l_", "r_") else name for name in names]
    common = {kind: rng.normal() for kind in dict.fromkeys(kinds)}
    shared = np.array([common[kind] for kind in kinds])
    return np.asarray(np.sqrt(2 / 3) * rng.normal(size=len(names)) + np.sqrt(1 / 3) * shared)


def _hidden_limbs(body: Body, person: Person) -> set[int]:
    """The joints at which limbs begin of which elbow and wrist, or knee and ankle, are not in sight."""
    out = set()
    for side in ("left", "right"):
        for base, ends in ((f"{side[0]}_clavicle", ("elbow", "wrist")), (f"{side[0]}_upleg", ("knee", "ankle"))):
            columns = [body.landmark_names.index(f"blazepose_{BODY_POINTS.index(f'{side}_{end}'):02d}") for end in ends]
            if not person.seen[columns].any():
                out.add(body.joint_index(base))
    return out
