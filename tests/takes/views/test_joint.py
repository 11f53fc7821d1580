"""One body for several views, on evidence made from the body itself: what was put in must come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import Gravity, mhr_to_camera, project
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.point_names import body_point
from native_runtime.errors import UsageError
from native_runtime.fitting.evidence import Points2D
from native_runtime.fitting.evidence_terms import FitProblem, points_of
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import SeenPoints
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_angle, rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.views.cameras import ViewCamera
from native_runtime.takes.views.conventions import without_shifts
from native_runtime.takes.views.fit import ViewObservation, by_triangulation, fit_photos, fit_synchronised
from native_runtime.takes.views.joint import (
    JointProblem,
    JointState,
    KnownCameras,
    SameUp,
    extrinsics_between,
    in_view,
)
from native_runtime.takes.views.observing import evidence_of_estimate
from native_runtime.takes.views.scale import in_metres, metres_per_unit
from tests.fitting.test_fit import INTRINSICS, SIZE, see, state_of

ANGLES = {"l_uparm_fe": 0.4, "r_uparm_fe": -0.2, "l_elbow_bend": 0.8, "r_upleg_fe": 0.3, "r_knee_bend": 0.4}
LENGTHS = {"scale_uplegs": 0.25, "scale_uparms": -0.2}
BAD_PX = 20.0
STEP = 4e-5
"""Above what OpenCV calls no rotation."""


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def posed(body: Body, angles: dict[str, float], yaw: float = 0.3) -> PlacedState:
    known = {name: value for name, value in (angles | LENGTHS).items() if name in body.parameter_names}
    return state_of(body, known, yaw)


def around(body: Body, world: PlacedState, degrees: float) -> ViewCamera:
    """A camera whose axes are the world's, carried around the body about the vertical."""
    middle = world.camera_translation + [0, -1.0, 0]
    turn = rotation_vector_to_matrix(np.array([0, np.radians(degrees), 0]))
    return ViewCamera(f"at {degrees}", SIZE, INTRINSICS, turn, middle - turn @ middle)


def roughly(state: PlacedState, rng: np.random.Generator) -> PlacedState:
    """As a fit to one photo might have it: other angles, and at another distance."""
    parameters = state.model_parameters.copy()
    parameters[6:60] += rng.normal(0, 0.08, 54)
    parameters[3:6] += rng.normal(0, 0.05, 3)
    place = state.camera_translation * rng.uniform(0.93, 1.07)
    return replace(state, model_parameters=parameters, camera_translation=place)


def observed(body: Body, state: PlacedState, rng: np.random.Generator) -> ViewObservation:
    evidence, _ = see(body, state)
    start = roughly(state, rng)
    clamped = replace(start, model_parameters=body.parameterisation.clamp(start.model_parameters))
    return ViewObservation(evidence, INTRINSICS, Gravity(), clamped)


def joints(body: Body, state: PlacedState) -> np.ndarray:
    return np.asarray(mhr_to_camera(body.pose(state.model_parameters).translations, state.camera_translation))


def test_a_body_stands_before_a_camera_as_its_points_do(body: Body) -> None:
    world = posed(body, ANGLES)
    camera = around(body, world, 70)
    seen = in_view(body, world, camera.rotation, camera.translation)
    # the first joint is the body's world, which its root turns in
    np.testing.assert_allclose(joints(body, seen)[1:], camera.from_world(joints(body, world))[1:], atol=1e-9)
    rotation, translation = extrinsics_between(body, world, seen)
    np.testing.assert_allclose(rotation, camera.rotation, atol=1e-9)
    np.testing.assert_allclose(translation, camera.translation, atol=1e-9)


@pytest.mark.parametrize("known", [False, True])
def test_the_slope_is_that_of_the_cost(body: Body, rng: np.random.Generator, known: bool) -> None:
    world = posed(body, ANGLES)
    cameras = [around(body, world, degrees) for degrees in (0, 80)]
    truth = [in_view(body, world, camera.rotation, camera.translation) for camera in cameras]
    prior = PosePrior.load(body)
    problems = [FitProblem(body, see(body, one)[0], INTRINSICS, prior, identity=np.array([0, 3])) for one in truth]
    shared = np.array([body.parameter_names[i].startswith("scale_") for i in prior.parameters]) | known
    near = body.parameterisation.clamp(world.model_parameters + 0.02)
    near[3:6] = world.model_parameters[3:6]
    moved = replace(world, model_parameters=near)
    state = JointState(
        tuple(in_view(body, moved, camera.rotation, camera.translation + 0.004) for camera in cameras),
        moved if known else None,
    )
    tilted = SameUp([Gravity(), Gravity(np.array([0.0, -0.995, 0.1]), 0.05)])
    problem = JointProblem(problems, shared, *((KnownCameras(body, cameras), None) if known else (None, tilted)))
    around_here = problem.linearise(state)
    slots = np.concatenate([np.arange(18 if known else 12), rng.choice(np.arange(18, problem.size), 30, replace=False)])
    for slot in slots:
        step = np.zeros(problem.size)
        step[slot] = STEP
        if min(around_here.room_below[slot], around_here.room_above[slot]) < 2 * STEP:
            continue
        ahead, behind = (problem.cost(problem.retract(state, sign * step)) for sign in (1, -1))
        assert (ahead - behind) / (2 * STEP) == pytest.approx(
            around_here.gradient[slot], rel=2e-3, abs=2e-4 * np.abs(around_here.gradient).max()
        )


def test_known_cameras_give_size_place_and_pose(body: Body, rng: np.random.Generator) -> None:
    world = posed(body, ANGLES)
    cameras = [around(body, world, degrees) for degrees in (0, 75, -100)]
    seen = [observed(body, in_view(body, world, c.rotation, c.translation), rng) for c in cameras]
    fit = fit_synchronised(body, seen, cameras)
    assert fit.state.world is not None
    assert not fit.doubted
    off = np.linalg.norm(joints(body, fit.state.world) - joints(body, world), axis=1)
    main = [body.joint_index(f"{s}_{n}") for s in "lr" for n in ("uparm", "lowarm", "upleg", "lowleg", "foot")]
    assert off[main].max() < 0.02
    for one in fit.state.views[1:]:
        np.testing.assert_array_equal(one.model_parameters[6:], fit.state.views[0].model_parameters[6:])


def test_a_badly_calibrated_camera_is_found_and_put_right(body: Body, rng: np.random.Generator) -> None:
    world = posed(body, ANGLES)
    cameras = [around(body, world, degrees) for degrees in (0, 75, -100, 150)]
    seen = [observed(body, in_view(body, world, c.rotation, c.translation), rng) for c in cameras]
    off = rotation_vector_to_matrix(np.array([0, BAD_PX / INTRINSICS[0, 0], 0]))
    wrong = replace(cameras[2], rotation=off @ cameras[2].rotation, translation=off @ cameras[2].translation)
    given = [*cameras[:2], wrong, cameras[3]]
    fit = fit_synchronised(body, seen, given)
    assert fit.doubted == {2}
    turn, _ = KnownCameras(body, given).off(2, fit.state)
    assert turn[1] * INTRINSICS[0, 0] == pytest.approx(-BAD_PX, abs=4.0)


def test_unknown_cameras_follow_from_the_body(body: Body, rng: np.random.Generator) -> None:
    world = posed(body, ANGLES)
    cameras = [around(body, world, degrees) for degrees in (0, 75, -100)]
    seen = [observed(body, in_view(body, world, c.rotation, c.translation), rng) for c in cameras]
    fit = fit_synchronised(body, seen)
    assert fit.state.world is None
    for camera, view in zip(cameras[1:], fit.state.views[1:], strict=True):
        rotation, translation = extrinsics_between(body, fit.state.views[0], view)
        assert np.degrees(rotation_angle(rotation, camera.rotation)) < 1.0
        place, true = -rotation.T @ translation, camera.place
        assert np.linalg.norm(place - true) / np.linalg.norm(true) < 0.03


def test_photos_share_lengths_and_shape_but_not_the_pose(body: Body, rng: np.random.Generator) -> None:
    states = [posed(body, ANGLES), posed(body, {"r_uparm_fe": 0.6, "l_knee_bend": 0.5}, 1.6)]
    fit = fit_photos(body, [observed(body, state, rng) for state in states])
    first, second = fit.state.views
    scales = [i for i, name in enumerate(body.parameter_names) if name.startswith("scale_")]
    np.testing.assert_array_equal(first.model_parameters[scales], second.model_parameters[scales])
    np.testing.assert_array_equal(first.identity, second.identity)
    assert (fit.point_errors < 3.0).all()
    elbow = body.parameter_index("l_elbow_bend")
    assert first.model_parameters[elbow] - second.model_parameters[elbow] > 0.4


def test_the_persons_size_says_what_a_unit_of_the_calibration_is(body: Body) -> None:
    world = posed(body, ANGLES)
    cameras = [around(body, world, degrees) for degrees in (0, 75, -100)]
    starts = [in_view(body, world, camera.rotation, camera.translation) for camera in cameras]
    assert metres_per_unit(body, cameras, starts) == pytest.approx(1.0)
    millimetres = [camera.scaled(1000.0) for camera in cameras]
    with pytest.raises(UsageError, match=r"0\.001 m"):
        in_metres(body, millimetres, starts, None)
    unknown = [replace(camera.scaled(7.0), metric=False) for camera in cameras]
    for given, unit in ((millimetres, "mm"), (millimetres, "unknown"), (unknown, None)):
        found = in_metres(body, given, starts, unit)
        np.testing.assert_allclose(found[1].translation, cameras[1].translation, atol=1e-6)


def test_the_answer_of_an_engine_that_is_no_fit_is_evidence(body: Body, rng: np.random.Generator) -> None:
    states = [posed(body, ANGLES), posed(body, {"r_uparm_fe": 0.6}, 1.6)]
    seen = []
    for state in states:
        answer = Estimate.from_state(
            body, state, INTRINSICS, image_size=np.array(SIZE), bbox=np.array([0.0, 0, 900, 1200]), engine="other"
        )
        for known in (None, see(body, state)[0]):
            evidence = evidence_of_estimate(body, answer, 45.0, known)
        seen.append(ViewObservation(evidence_of_estimate(body, answer, 45.0, None), INTRINSICS, Gravity(), state))
        assert len(evidence.points.names) > len(seen[-1].evidence.points.names)
        assert not evidence.directions.weights.any()
    fit = fit_photos(body, seen)
    main = [body.joint_index(f"{s}_{n}") for s in "lr" for n in ("uparm", "lowarm", "upleg", "lowleg", "foot")]
    for state, view in zip(states, fit.state.views, strict=True):
        assert np.linalg.norm(joints(body, view) - joints(body, state), axis=1)[main].max() < 0.05


def test_what_a_network_calls_a_joint_is_moved_to_the_bodys_own(body: Body) -> None:
    state = posed(body, ANGLES)
    evidence, _ = see(body, state)
    names = tuple(str(body_point(body, name)) for name in ("left_shoulder", "right_shoulder", "nose", "left_shoulder"))
    points = SeenPoints(points_of(body, names)).camera(body.pose(state.model_parameters), state)
    seen = Points2D(names, project(points, INTRINSICS), np.ones(4), np.ones(4), np.array([False, False, False, True]))
    moved = without_shifts(body, replace(evidence, points=seen), state, INTRINSICS).points.positions
    by = moved - seen.positions
    metres = np.linalg.norm(by, axis=1) * points[:, 2] / INTRINSICS[0, 0]
    # the network's shoulder lies above the joint; what a person placed lies where it was placed
    assert (by[:2, 1] > 0).all()
    assert (metres[:2] > 0.01).all()
    assert (metres[:2] < 0.03).all()
    assert not by[2:].any()


def test_depth_of_single_photos_does_not_turn_the_cameras(body: Body, rng: np.random.Generator) -> None:
    world = posed(body, ANGLES)
    cameras = [around(body, world, degrees) for degrees in (0, 75, -100)]
    seen = [observed(body, in_view(body, world, c.rotation, c.translation), rng) for c in cameras]
    # a network that is sure to see everybody turned by a quarter of a right angle in the first photo
    turn = rotation_vector_to_matrix(np.array([0, np.radians(22.5), 0]))
    wrong = seen[0].evidence.directions
    wrong = replace(wrong, vectors=wrong.vectors @ turn.T, sigmas=0.3 * wrong.sigmas)
    seen[0] = replace(seen[0], evidence=replace(seen[0].evidence, directions=wrong, positions=None))
    fit = fit_synchronised(body, seen)
    for camera, view in zip(cameras[1:], fit.state.views[1:], strict=True):
        rotation, _ = extrinsics_between(body, fit.state.views[0], view)
        assert np.degrees(rotation_angle(rotation, camera.rotation)) < 3.0


def test_depth_counts_where_the_cameras_stand_side_by_side(body: Body, rng: np.random.Generator) -> None:
    world = posed(body, ANGLES)
    shares = []
    for degrees in (0, 10, 90):
        cameras = [around(body, world, 0), around(body, world, degrees)]
        views = [in_view(body, world, c.rotation, c.translation) for c in cameras]
        seen = [ViewObservation(see(body, view)[0], INTRINSICS, Gravity(), view) for view in views]
        before, after = seen[0].evidence.directions.weights, by_triangulation(seen)[0].evidence.directions.weights
        shares.append(float(after.sum() / before.sum()))
    assert shares[0] == pytest.approx(1.0)
    assert 1.0 > shares[1] > 0.5
    assert shares[2] < 0.05
