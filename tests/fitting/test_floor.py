"""Feet on the floor: who stands, and what becomes of soles that are not flat and feet that are not level."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import Gravity
from native_runtime.fitting.evidence import Directions, Evidence, Points2D
from native_runtime.fitting.floor import FloorTerm, Footing, Soles, footing
from native_runtime.fitting.pins import AngleTerm, RootTether
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import Problem, SeenPoints
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState
from tests.support.derivatives import assert_gradient

LEVEL_UP = Gravity().up
SIT = {f"{s}_upleg_rz": -1.4 for s in "lr"} | {f"{s}_knee_bend": 1.5 for s in "lr"}


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


def posed(body: Body, angles: dict[str, float], tipped: float = 0.0, yaw: float = 0.4) -> PlacedState:
    """A pose, tipped towards the camera by so many radians."""
    parameters = np.zeros(len(body.parameter_names))
    for name, value in angles.items():
        parameters[body.parameter_index(name)] = value
    parameters[4] = yaw
    state = PlacedState(
        body.parameterisation.clamp(parameters),
        np.zeros(body.identity_count),
        np.zeros(body.expression_count),
        np.array([0.1, 1.0, 3.5]),
    )
    turn = Problem(body, np.zeros(0, np.int64), (), state.model_parameters)
    return turn.retract(state, np.array([tipped, 0, 0, 0, 0, 0.0]))


def feet_seen(*sides: str) -> Evidence:
    names = tuple(f"{side}_{part}" for side in sides for part in ("heel", "big_toe"))
    n = len(names)
    points = Points2D(names, np.zeros((n, 2)), np.ones(n), np.ones(n), np.zeros(n, bool))
    return Evidence(points, Directions((), (), np.zeros((0, 3)), np.zeros(0), np.zeros(0)), 800.0)


BOTH = feet_seen("left", "right")
STANDING = Footing((True, True), True)


@pytest.mark.parametrize(
    ("angles", "tipped", "evidence", "expected"),
    [
        ({}, 0.0, BOTH, STANDING),
        ({}, 0.25, BOTH, STANDING),
        ({"l_upleg_rz": -1.2, "l_knee_bend": 1.4}, 0.0, BOTH, Footing((False, True), True)),
        (SIT, 0.0, BOTH, Footing((True, True), False)),
        ({f"{s}_foot_bend": 0.9 for s in "lr"}, 0.0, BOTH, Footing()),
        ({}, 1.5, BOTH, Footing()),
        ({}, np.pi, BOTH, Footing()),
        ({}, 0.0, feet_seen("left"), Footing((True, False), True)),
        ({}, 0.0, replace(BOTH, unseen=("r_upleg", "r_lowleg")), Footing((True, False), True)),
        ({}, 0.0, feet_seen(), Footing()),
    ],
    ids=[
        "stands",
        "tips over",
        "one leg up",
        "sits",
        "points its toes",
        "lies",
        "handstand",
        "one foot seen",
        "one leg unseen",
        "no feet",
    ],
)
def test_who_stands(body: Body, angles: dict[str, float], tipped: float, evidence: Evidence, expected: Footing) -> None:
    assert footing(body, evidence, posed(body, angles, tipped), LEVEL_UP) == expected


def test_soles_lie_under_the_feet(body: Body) -> None:
    """At rest all points are as high above one floor as is said, the heel behind, the toe in front."""
    state = posed(body, {}, yaw=0.0)
    soles = Soles.of(body)
    points = SeenPoints(soles.points).camera(body.pose(state.model_parameters), state)
    heights = points[:8] @ LEVEL_UP - soles.heights
    np.testing.assert_allclose(heights, heights[0], atol=1e-6)
    assert (soles.heights < 0.02).all()
    for foot in (points[:4], points[4:8]):
        assert foot[0, 2] > foot[1:3, 2].mean() > foot[3, 2]  # the toes are nearest to the camera
    assert abs(points[8, 0] - 0.1) < 0.01
    assert 0.8 < points[8] @ LEVEL_UP - heights[0] < 1.1


@pytest.mark.parametrize(
    "how", [STANDING, Footing((True, False), True), Footing((False, True), False)], ids=["both", "left", "right"]
)
def test_derivatives_equal_finite_differences(body: Body, how: Footing) -> None:
    """The other foot hangs below the floor, so that every part of the term has something to say."""
    state = posed(body, {"l_foot_bend": 0.2, "r_foot_bend": 0.3, "l_upleg_rz": -0.3, "r_upleg_rz": 0.1}, 0.1)
    assert_gradient(body, FloorTerm(body, how, Gravity(LEVEL_UP, 0.02), state), state)


def settled(
    body: Body, state: PlacedState, how: Footing, sigma: float, up: np.ndarray = LEVEL_UP, turn: float = 0.05
) -> PlacedState:
    """Where a body goes that is held by its own joint angles and direction, and drawn to the floor."""
    prior = PosePrior.load(body)
    near = AngleTerm(prior.parameters, state.model_parameters, prior.deviations)
    term = FloorTerm(body, how, Gravity(up, sigma), state)
    problem = Problem(body, prior.parameters, (term, near, RootTether(state, turn, 0.1)), state.model_parameters)
    return minimise(state, problem.linearise, problem.cost, problem.retract, 30).state


def tilts(body: Body, state: PlacedState, up: np.ndarray = LEVEL_UP) -> np.ndarray:
    """(3,) m by which the toes are above the heels, left and right, and the left foot above the right one."""
    points = SeenPoints(Soles.of(body).points).camera(body.pose(state.model_parameters), state)
    heights = points[:8] @ up - Soles.of(body).heights
    return np.array([heights[3] - heights[0], heights[7] - heights[4], heights[:4].mean() - heights[4:].mean()])


def test_soles_come_to_lie_flat_and_level(body: Body) -> None:
    state = posed(body, {"l_foot_bend": 0.35, "r_foot_bend": 0.35, "r_upleg_rz": -0.2, "r_knee_bend": 0.3})
    before, after = tilts(body, state), tilts(body, settled(body, state, STANDING, 0.01))
    assert np.abs(before[:2]).min() > 0.05
    assert np.abs(after).max() < 0.3 * np.abs(before).max()


def test_an_unknown_camera_says_less(body: Body) -> None:
    state = posed(body, {"l_foot_bend": 0.3, "r_foot_bend": 0.3})
    known, unknown = (np.abs(tilts(body, settled(body, state, STANDING, sigma))[:2]).mean() for sigma in (0.01, 0.5))
    assert known < 0.5 * unknown


def test_the_floor_tips_with_the_camera(body: Body) -> None:
    """A camera that looks down by 0.2 radians sees the same body from above: nothing is left to be done."""
    state = posed(body, {}, tipped=0.2)
    up = np.array([1.0, -1.0, -1.0]) * (rotation_vector_to_matrix(np.array([0.2, 0, 0])) @ np.array([0.0, 1.0, 0.0]))
    moved = settled(body, state, STANDING, 0.01, up)
    np.testing.assert_allclose(tilts(body, moved, up), tilts(body, state, up), atol=5e-3)


def test_a_person_who_tips_over_is_righted(body: Body) -> None:
    """Nothing but the floor says how the body leans along the view."""
    state = posed(body, {}, tipped=0.15, yaw=0.0)
    moved = settled(body, state, STANDING, 0.01, turn=1.0)

    def lean(of: PlacedState) -> float:
        points = SeenPoints(Soles.of(body).points).camera(body.pose(of.model_parameters), of)
        return float(points[8, 2] - points[:8, 2].mean())

    assert abs(lean(moved)) < 0.6 * abs(lean(state))


LUNGE = {"l_upleg_rz": -1.35, "l_knee_bend": 1.45, "r_upleg_rz": 0.1, "r_knee_bend": 1.75}


def lowest_above(body: Body, state: PlacedState) -> float:
    """Metres from the left sole up to the lowest point of the right foot."""
    points = SeenPoints(Soles.of(body).points).camera(body.pose(state.model_parameters), state)
    heights = points[:8] @ LEVEL_UP - Soles.of(body).heights
    return float(heights[4:].min() - heights[:4].mean())


def test_the_foot_of_a_knee_near_the_floor_touches_it_with_its_toes(body: Body) -> None:
    state = posed(body, LUNGE)
    how = footing(body, BOTH, state, LEVEL_UP)
    assert how.planted == (True, False)
    assert how.tips == (False, True)
    before, after = lowest_above(body, state), lowest_above(body, settled(body, state, how, 0.02))
    assert before > 0.1
    assert abs(after) < 0.35 * before
    assert_gradient(body, FloorTerm(body, how, Gravity(LEVEL_UP, 0.02), state), state)


def test_a_foot_in_the_air_stays_there(body: Body) -> None:
    """A knee that is high, or a foot that is far up, is no lunge."""
    for angles in ({"r_knee_bend": 1.6}, LUNGE | {"r_knee_bend": 2.4}):
        assert footing(body, BOTH, posed(body, angles), LEVEL_UP).tips == (False, False)
