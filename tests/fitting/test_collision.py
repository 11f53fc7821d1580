"""What keeps a body's parts apart: its volume, the gaps, the term, and what becomes of a hand in the belly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.collision import CollisionSettings, CollisionTerm, gaps, in_sight
from native_runtime.fitting.evidence import Directions, Evidence, Points2D
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import Problem
from native_runtime.fitting.solver import minimise
from native_runtime.fitting.volume import BodyVolume
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import matrix_to_euler, rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState
from tests.support.bodies import toy_body
from tests.support.derivatives import assert_gradient

IN_BELLY = {"elbow_bend": 1.7, "uparm_rz": 1.0, "uparm_ry": -0.8, "uparm_twist": 1.5}
"""Both hands deep in the trunk."""
ARM = ("l_clavicle_", "l_uparm_twist", "l_uparm_r", "l_elbow_bend", "l_lowarm_twist", "l_wrist_r")


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


def posed(body: Body, angles: dict[str, float], sides: str = "lr", **shape: float) -> PlacedState:
    parameters = PosePrior.load(body).natural_parameters(body)
    for name, value in angles.items():
        for side in sides:
            parameters[body.parameter_index(f"{side}_{name}")] = value
    identity = np.zeros(body.identity_count)
    for name, value in shape.items():
        identity[body.identity_names.index(name)] = value
    return PlacedState(
        body.parameterisation.clamp(parameters), identity, np.zeros(body.expression_count), np.array([0.1, 1.0, 3.5])
    )


def deepest(body: Body, state: PlacedState) -> float:
    return float(CollisionTerm(body).depths(body.pose(state.model_parameters), state).max())


# --- the volume ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [{}, {"weight": 0.9, "belly": 0.8}], ids=["plain", "fat belly"])
def test_the_volume_follows_the_mesh(body: Body, shape: dict[str, float]) -> None:
    """In front of the belly the mesh and the capsules end at the same place, however fat it is."""
    state = posed(body, {}, **shape)
    volume, pose = BodyVolume.of(body), body.pose(np.zeros(len(body.parameter_names)))
    vertices = body.posed_vertices(pose, state.identity, correctives=False) / 100.0
    centres = volume.points.positions(pose, state.identity) / 100.0
    radii = volume.radii_of(state.identity)
    capsules = volume.capsules[volume.capsules_of(("trunk", "pelvis"))]
    waist = centres[[volume.names.index(f"trunk2{mark}") for mark in "+-"]].mean(axis=0)
    belly = vertices[(np.abs(vertices[:, 1] - waist[1]) < 0.04) & (np.abs(vertices[:, 0]) < 0.08)]
    front = belly[belly[:, 2] > waist[2]]
    apart = np.min(
        [
            gaps(point[None].repeat(len(capsules), 0), np.zeros(len(capsules)), centres[capsules], radii[capsules]).gap
            for point in front
        ],
        axis=1,
    )
    assert len(front) >= 3
    assert np.abs(apart).max() < 0.02
    assert np.abs(apart).mean() < 0.01


def test_every_body_has_a_volume(default_body_path: Path) -> None:
    """Also one whose mesh is nothing but cubes; the same names in the same order everywhere."""
    coarse = BodyVolume.of(Body.load(default_body_path.with_name("default-lod2.npz")))
    fine = BodyVolume.of(Body.load(default_body_path))
    toy = BodyVolume.of(toy_body())
    assert coarse.names == fine.names == toy.names
    np.testing.assert_allclose(coarse.radii, fine.radii, atol=1.5)
    assert (fine.radii > 0.4).all()
    assert (toy.radii >= 0).all()


def test_the_volume_is_measured_once(body: Body) -> None:
    assert BodyVolume.of(body) is BodyVolume.of(body)


# --- gaps ------------------------------------------------------------------------------------------------------------


def test_the_gap_to_a_tapered_capsule_is_the_smallest_over_its_spheres() -> None:
    rng = np.random.default_rng(5)
    n, steps = 200, np.linspace(0.0, 1.0, 2001)
    centre, ends = rng.normal(size=(n, 3)), rng.normal(size=(n, 2, 3))
    radii, radius = rng.uniform(0.1, 0.4, (n, 2)), rng.uniform(0.0, 0.2, n)
    found = gaps(centre, radius, ends, radii)
    axis = ends[:, :1] + steps[:, None] * (ends[:, 1:] - ends[:, :1])
    own = radii[:, :1] + steps * (radii[:, 1:] - radii[:, :1])
    expected = (np.linalg.norm(centre[:, None] - axis, axis=2) - own).min(axis=1) - radius
    np.testing.assert_allclose(found.gap, expected, atol=1e-4)


def test_a_centre_on_the_axis_is_pushed_to_the_camera() -> None:
    found = gaps(np.zeros((1, 3)), np.ones(1) * 0.1, np.array([[[0, -1.0, 0], [0, 1.0, 0]]]), np.full((1, 2), 0.3))
    np.testing.assert_allclose(found.normal, [[0, 0, -1]])
    np.testing.assert_allclose(found.gap, [-0.4])


# --- the term --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sight", [None, {"l_hand": 1, "r_hand": -1, "l_fore": 1, "r_fore": -1}], ids=["any", "known"])
def test_derivatives_equal_finite_differences(body: Body, sight: dict[str, int] | None) -> None:
    state = posed(body, IN_BELLY, weight=0.3, belly=0.2)
    assert deepest(body, state) > 0.05
    assert_gradient(body, CollisionTerm(body, None, sight, state), state)


def test_what_is_apart_costs_nothing(body: Body) -> None:
    state = posed(body, {})
    term = CollisionTerm(body)
    prior = PosePrior.load(body)
    problem = Problem(body, prior.parameters, (term,), prior.natural_parameters(body))
    assert term.cost(body.pose(state.model_parameters), state) == 0.0
    assert term.linearise(problem, body.pose(state.model_parameters), state) == ()


def test_moving_and_turning_the_person_changes_nothing(body: Body) -> None:
    state = posed(body, IN_BELLY)
    term, parameters = CollisionTerm(body), state.model_parameters.copy()
    parameters[3:6] = matrix_to_euler(rotation_vector_to_matrix(np.array([0.3, 1.2, -0.4])))
    elsewhere = replace(state, model_parameters=parameters, camera_translation=np.array([-0.6, 0.3, 6.0]))
    np.testing.assert_allclose(
        term.depths(body.pose(parameters), elsewhere),
        term.depths(body.pose(state.model_parameters), state),
        atol=1e-7,
    )


@pytest.mark.parametrize(("yaw", "sight"), [(0.0, 1), (np.pi, -1)], ids=["seen from before", "hidden from behind"])
def test_a_hand_deep_in_the_trunk_comes_out_on_the_side_that_the_photo_shows(
    body: Body, yaw: float, sight: int
) -> None:
    """Either way it belongs before the belly, but the back is nearer. Only the arm moves."""
    state = posed(body, {"uparm_twist": 1.7, "uparm_ry": 0.28, "uparm_rz": -0.24, "elbow_bend": 1.7}, "l")
    parameters = state.model_parameters.copy()
    parameters[4] = yaw
    state = replace(state, model_parameters=parameters)
    assert deepest(body, state) > 0.08
    moving = [index for index, name in enumerate(body.parameter_names) if name.startswith(ARM)]
    volume = BodyVolume.of(body)
    before = {}
    for known in (None, {"l_hand": sight, "l_fore": 0}):
        term = CollisionTerm(body, CollisionSettings(), known, state)
        problem = Problem(body, np.array(moving), (term,), state.model_parameters, whole=False)
        moved = minimise(state, problem.linearise, problem.cost, problem.retract, 80, 1e-6).state
        assert deepest(body, moved) < 0.02
        parameters = moved.model_parameters.copy()
        parameters[4] = 0.0
        centres = volume.points.positions(body.pose(parameters), moved.identity)
        hand, trunk = (centres[volume.spheres_of((part,))].mean(axis=0) for part in ("l_hand", "trunk"))
        before[known is not None] = hand[2] - trunk[2]  # cm; the body faces +z
    assert before[True] > 8.0
    assert before[False] < before[True] - 4.0


def test_sight_of_hands() -> None:
    def evidence(*points: tuple[str, float]) -> Evidence:
        names, weights = zip(*points) if points else ((), ())
        n = len(names)
        seen = Points2D(tuple(names), np.zeros((n, 2)), np.ones(n), np.array(weights, float), np.zeros(n, bool))
        return Evidence(seen, Directions((), (), np.zeros((0, 3)), np.zeros(0), np.zeros(0)), 500.0)

    settings = CollisionSettings()
    sight = in_sight(evidence(("left_wrist", 1.0), ("left_elbow", 0.9), ("right_wrist", 0.3)), settings)
    assert sight == {"l_hand": 1, "l_fore": 1, "r_hand": -1, "r_fore": 0}
    # a hand that was found is in sight, whatever is said about the wrist
    assert in_sight(evidence(("left_wrist", 0.3), ("left_hand_8", 0.5)), settings)["l_hand"] == 1
    assert set(in_sight(evidence(), settings).values()) == {0}
