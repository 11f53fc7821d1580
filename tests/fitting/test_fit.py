"""The fit, on evidence made from the default body itself: what was put in must come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.evidence import Directions, Evidence, Points2D, Silhouette
from native_runtime.fitting.evidence_terms import FitProblem, Weights
from native_runtime.fitting.fit import FitResult, fit_body
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import project
from native_runtime.fitting.silhouette import BorderDistance
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from tests.support.bodies import toy_body

INTRINSICS = np.array([[1000.0, 0, 479.5], [0, 1000.0, 639.5], [0, 0, 1]])
SIZE = (960, 1280)
SEGMENTS = (
    [("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("left_ear", "right_ear"), ("left_ear", "nose")]
    + [(f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (
        ("shoulder", "hip"), ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
        ("ankle", "big_toe"), ("heel", "big_toe"))]
)  # fmt: skip


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def state_of(body: Body, angles: dict[str, float], yaw: float = 0.3) -> PlacedState:
    parameters = PosePrior.load(body).natural_parameters(body)
    parameters[4] = yaw
    for name, value in angles.items():
        parameters[body.parameter_index(name)] = value
    parameters = body.parameterisation.clamp(parameters)
    return PlacedState(
        parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([0.1, 1.0, 3.5])
    )


def see(body: Body, state: PlacedState, blind: tuple[str, ...] = (), mask: bool = False) -> tuple[Evidence, np.ndarray]:
    """Exact evidence of a state, without what ``blind`` names, and the true keypoints in metres."""
    pose = body.pose(state.model_parameters)
    # as the fit sees the body: correctives move elbows by a few millimetres, see test_default_body_correctives
    vertices = body.vertices(state.model_parameters, state.identity, correctives=False)
    points = mhr_to_camera(body.keypoints(pose, vertices), state.camera_translation)
    pixels = project(points, INTRINSICS)
    named = dict(zip(body.keypoint_names, range(70)))
    shown = [n for n in body.keypoint_names if not any(b in n for b in blind)]
    index = [named[n] for n in shown]
    size = 1.7 * INTRINSICS[0, 0] / state.camera_translation[2]
    segments = [(a, b) for a, b in SEGMENTS if a in shown and b in shown]
    vectors = np.array([points[named[b]] - points[named[a]] for a, b in segments])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    silhouette = None
    if mask:
        drawn = np.zeros(SIZE[::-1], np.uint8)
        outline = project(mhr_to_camera(vertices, state.camera_translation), INTRINSICS)
        for triangle in np.round(outline).astype(np.int32)[body.triangles]:
            cv2.fillConvexPoly(drawn, triangle, 1)
        silhouette = Silhouette(drawn.astype(np.float32), np.eye(3)[:2])
    evidence = Evidence(
        Points2D(
            tuple(shown),
            pixels[index],
            np.full(len(shown), 0.008 * size),
            np.ones(len(shown)),
            np.zeros(len(shown), bool),
        ),
        Directions(
            tuple(a for a, _ in segments),
            tuple(b for _, b in segments),
            vectors,
            np.full(len(segments), 0.25),
            np.ones(len(segments)),
        ),
        size,
        silhouette,
    )
    return evidence, points


def keypoints(body: Body, result: FitResult) -> np.ndarray:
    pose = body.pose(result.state.model_parameters)
    return mhr_to_camera(
        body.keypoints(pose, body.vertices(result.state.model_parameters, result.state.identity)),
        result.state.camera_translation,
    )


POSES = {
    "natural": {},
    "arms up": {f"{s}_uparm_ry": 1.0 for s in "lr"}
    | {f"{s}_uparm_rz": -1.0 for s in "lr"}
    | {f"{s}_clavicle_ry": 0.4 for s in "lr"},
    "sitting": {f"{s}_upleg_rz": -1.4 for s in "lr"} | {f"{s}_knee_bend": 1.5 for s in "lr"},
    "lunge": {"l_upleg_rz": -1.2, "l_knee_bend": 1.3, "r_upleg_rz": 0.5, "spine_bend0": 0.4, "l_elbow_bend": 1.2},
    "twisted": {"spine_twist0": 0.5, "spine_twist1": 0.4, "r_elbow_bend": 1.6, "r_uparm_rz": 1.0, "neck_twist": -0.5},
}


@pytest.mark.parametrize("pose", POSES, ids=str)
@pytest.mark.parametrize("yaw", [0.0, 1.57, 3.1, -1.57])
def test_exact_evidence_gives_the_pose_back(body: Body, pose: str, yaw: float) -> None:
    """Includes profiles (yaw +-90 degrees), where the root's Euler angles are singular."""
    truth = state_of(body, POSES[pose], yaw)
    evidence, points = see(body, truth)
    result = fit_body(body, evidence, INTRINSICS)
    error = np.linalg.norm(
        (keypoints(body, result) - points) - (keypoints(body, result) - points)[[9, 10]].mean(0), axis=1
    )
    assert result.point_error < 0.006 * evidence.person_size
    assert error.mean() < 0.07  # the prior's pull and free bone lengths along the line of sight
    assert not body.parameterisation.violation(result.state.model_parameters).any()
    assert not result.state.model_parameters[:3].any()


def test_the_fit_is_deterministic(body: Body) -> None:
    evidence, _ = see(body, state_of(body, POSES["lunge"]))
    first, second = fit_body(body, evidence, INTRINSICS), fit_body(body, evidence, INTRINSICS)
    np.testing.assert_array_equal(first.state.model_parameters, second.state.model_parameters)
    np.testing.assert_array_equal(first.state.camera_translation, second.state.camera_translation)


def test_an_unseen_arm_hangs_naturally(body: Body) -> None:
    truth = state_of(body, {"r_uparm_rz": -1.0, "r_elbow_bend": 1.8})
    hidden = (
        "right_elbow",
        "right_wrist",
        "right_thumb",
        "right_fore",
        "right_middle",
        "right_ring",
        "right_pinky",
        "right_olec",
        "right_cubital",
    )
    evidence, _ = see(body, truth, hidden)
    result = fit_body(body, evidence, INTRINSICS)
    pose = body.pose(result.state.model_parameters)
    points = dict(zip(body.keypoint_names, body.keypoints(pose, body.vertices(result.state.model_parameters))))
    for start, end, most in (("right_shoulder", "right_elbow", 35), ("right_elbow", "right_wrist", 45)):
        limb = points[end] - points[start]
        assert np.degrees(np.arccos(-limb[1] / np.linalg.norm(limb))) < most, end
    natural = PosePrior.load(body).natural_parameters(body)
    for name in ("r_wrist_rz", "r_index2_rz"):
        slot = body.parameter_index(name)
        assert result.state.model_parameters[slot] == pytest.approx(natural[slot], abs=0.12), name


def test_one_wild_point_does_not_spoil_the_rest(body: Body) -> None:
    evidence, points = see(body, state_of(body, {}))
    positions = evidence.points.positions.copy()
    wild = evidence.points.names.index("left_knee")
    positions[wild] += [400, -300]
    result = fit_body(body, replace(evidence, points=replace(evidence.points, positions=positions)), INTRINSICS)
    error = np.linalg.norm(project(keypoints(body, result), INTRINSICS) - project(points, INTRINSICS), axis=1)
    assert np.median(error) < 0.006 * evidence.person_size
    assert error[body.keypoint_names.index("left_knee")] < 0.05 * evidence.person_size


def test_a_trusted_point_is_obeyed(body: Body) -> None:
    evidence, _ = see(body, state_of(body, {}))
    slot = evidence.points.names.index("left_wrist")
    wish = evidence.points.positions[slot] + [60.0, -60.0]
    positions, trusted, weights, sigmas = (
        evidence.points.positions.copy(), evidence.points.trusted.copy(), evidence.points.weights.copy(),
        evidence.points.sigmas.copy()
    )  # fmt: skip
    positions[slot], trusted[slot], weights[slot], sigmas[slot] = wish, True, 3.0, 0.003 * evidence.person_size
    seen = replace(evidence.points, positions=positions, trusted=trusted, weights=weights, sigmas=sigmas)
    keep = [
        i for i, name in enumerate(seen.names) if name == "left_wrist" or not name.startswith("left_") or "hip" in name
    ]
    seen = Points2D(
        tuple(seen.names[i] for i in keep),
        *(a[keep] for a in (seen.positions, seen.sigmas, seen.weights, seen.trusted)),
    )
    result = fit_body(body, replace(evidence, points=seen), INTRINSICS)
    there = project(keypoints(body, result), INTRINSICS)[body.keypoint_names.index("left_wrist")]
    assert np.linalg.norm(there - wish) < 8


def test_the_outline_tells_stout_from_slim(body: Body) -> None:
    found = {}
    weight = body.identity_names.index("weight")
    for amount in (-0.8, 0.0, 0.8):
        truth = state_of(body, {})
        truth.identity[weight] = amount
        evidence, _ = see(body, truth, mask=True)
        found[amount] = fit_body(body, evidence, INTRINSICS)
    areas = {}
    for amount, result in found.items():
        shape = body.rest_shape(result.state.identity)
        waist = np.abs(shape[:, 1] - body.skeleton.rest.translations[body.joint_index("c_spine1"), 1]) < 2
        areas[amount] = float(np.ptp(shape[waist & (np.abs(shape[:, 0]) < 25), 0]))
    assert areas[-0.8] + 1 < areas[0.0] < areas[0.8] - 1  # waist width in cm; the true steps are 2.7


def test_border_distance_of_a_disk() -> None:
    mask = np.zeros((200, 200), np.float32)
    cv2.circle(mask, (100, 100), 50, 1.0, -1)
    border = BorderDistance(Silhouette(mask, np.array([[2.0, 0, 0], [0, 2.0, 0]])))  # photo pixels are half as many
    distance, gradient, within = border(np.array([[50.0, 50.0], [80.0, 50.0], [50.0, 90.0], [500.0, 0.0]]))
    np.testing.assert_allclose(distance[:3], [25, -5, -15], atol=1.0)
    np.testing.assert_allclose(gradient[1], [-1, 0], atol=0.1)
    assert within.tolist() == [True, True, True, False]


def test_all_derivatives_equal_finite_differences() -> None:
    """Gradient of the whole cost, by parameter, on the toy body (whose keypoints mix vertices and joints)."""
    body = toy_body()
    prior = PosePrior.load(body)
    rng = np.random.default_rng(3)
    parameters = prior.natural_parameters(body)
    parameters[prior.parameters] += rng.normal(size=len(prior.parameters)) * 0.05
    parameters[3:6] = 0.2, -0.5, 0.3
    state = PlacedState(
        body.parameterisation.clamp(parameters), rng.normal(size=3) * 0.1, np.zeros(0), np.array([0.1, 1.0, 4.0])
    )
    names = body.keypoint_names
    vectors = rng.normal(size=(20, 3))
    evidence = Evidence(
        Points2D(
            names, rng.uniform(200, 800, (70, 2)), np.full(70, 30.0), rng.uniform(0.2, 1, 70), rng.random(70) < 0.2
        ),
        Directions(
            names[:20], names[20:40], vectors / np.linalg.norm(vectors, axis=1)[:, None], np.full(20, 0.3), np.ones(20)
        ),
        500.0,
    )
    problem = FitProblem(body, evidence, INTRINSICS, prior, None, np.arange(3), Weights(1.0, 5.0, 1.0, 0.2))
    gradient = problem.linearise(state).gradient
    step = 1e-6
    numeric = np.zeros(problem.size)
    for slot in range(problem.size):
        delta = np.zeros(problem.size)
        delta[slot] = step
        numeric[slot] = (problem.cost(problem.retract(state, delta)) - problem.cost(problem.retract(state, -delta))) / (
            2 * step
        )
    values = state.model_parameters[problem.parameters]
    room = np.minimum(values - body.limit_min[problem.parameters], body.limit_max[problem.parameters] - values) > 1e-5
    compare = np.concatenate([np.ones(6, bool), room, np.ones(3, bool)])
    np.testing.assert_allclose(gradient[compare], numeric[compare], rtol=2e-4, atol=2e-3 * np.abs(gradient).max())


@pytest.mark.parametrize(("turn", "kept"), [(1.2, False), (0.1, True)], ids=["another limb", "a hand's breadth"])
def test_an_outline_that_tears_a_limb_away_changes_the_shape_alone(
    body: Body, monkeypatch: pytest.MonkeyPatch, turn: float, kept: bool
) -> None:
    """Beside others a mask may show somebody else's limb: what its outline says of the pose is then not believed."""
    import native_runtime.fitting.fit as fit

    evidence, _ = see(body, state_of(body, {}), mask=True)
    index = body.parameter_index("l_upleg_rz")
    befores, movable, real = [], [], fit.fit_outline

    def torn(problem: FitProblem, state: PlacedState, cancelled):  # type: ignore[no-untyped-def]
        solution = real(problem, state, cancelled)
        befores.append(state)
        movable.append(index in problem.parameters)
        if not movable[-1]:
            return solution
        parameters = solution.state.model_parameters.copy()
        parameters[index] = state.model_parameters[index] - turn
        return replace(solution, state=replace(solution.state, model_parameters=parameters))

    monkeypatch.setattr(fit, "fit_outline", torn)
    result = fit_body(body, evidence, INTRINSICS).state
    before = befores[0].model_parameters[index]
    assert movable == ([True] if kept else [True, False])
    assert result.model_parameters[index] == pytest.approx(before - turn if kept else before)
    assert kept or np.any(result.identity != befores[0].identity)
