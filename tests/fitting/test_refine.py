"""The fit after a network: evidence closes pixels, the network keeps what it knows better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.refine import AFTER_NETWORK, refine
from native_runtime.fitting.trust import NetworkTrust
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .test_fit import INTRINSICS, POSES, see, state_of

ERRORS = {
    "l_uparm_ry": 0.15, "l_elbow_bend": -0.2, "r_uparm_rz": -0.12, "r_elbow_bend": 0.15, "l_upleg_rz": 0.1,
    "l_knee_bend": 0.12, "r_upleg_rz": -0.08, "spine_bend0": 0.06, "neck_bend": 0.1,
}  # fmt: skip
"""Radians by which the network of these tests is off."""


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def answer_of(body: Body, truth: PlacedState) -> PlacedState:
    """What a network with ``ERRORS`` says; the truth's place is missed, too."""
    parameters = truth.model_parameters.copy()
    for name, error in ERRORS.items():
        parameters[body.parameter_index(name)] += error
    parameters[4] += 0.05
    place = truth.camera_translation * 1.02 + [0.02, -0.01, 0.0]
    return replace(truth, model_parameters=body.parameterisation.clamp(parameters), camera_translation=place)


def joints_of(body: Body, state: PlacedState) -> np.ndarray:
    """(70, 3) m from the middle of the hips."""
    _, points = see(body, state)
    names = body.keypoint_names
    return points - points[[names.index("left_hip"), names.index("right_hip")]].mean(axis=0)


def error(body: Body, state: PlacedState, truth: PlacedState) -> float:
    """Mean mm between keypoints."""
    return 1000 * float(np.linalg.norm(joints_of(body, state) - joints_of(body, truth), axis=1).mean())


@pytest.mark.parametrize("pose", POSES, ids=str)
def test_brings_the_body_onto_what_is_seen(body: Body, pose: str) -> None:
    truth = state_of(body, POSES[pose])
    evidence, _ = see(body, truth, mask=True)
    answer = answer_of(body, truth)
    refined = refine(body, answer, evidence, INTRINSICS, NetworkTrust.of(body), 1.0)
    assert refined.contradicted == ()
    assert refined.point_error < 0.35 * refined.network_error
    assert error(body, refined.state, truth) < 0.8 * error(body, answer, truth)


def test_strength_zero_and_no_evidence_change_nothing(body: Body) -> None:
    truth = state_of(body, POSES["lunge"])
    evidence, _ = see(body, truth, mask=True)
    answer = answer_of(body, truth)
    assert refine(body, answer, evidence, INTRINSICS, strength=0.0).state is answer
    nothing = replace(_only(evidence, ""), silhouette=None)
    assert refine(body, answer, nothing, INTRINSICS, strength=1.0).state is answer


def test_a_network_that_is_as_near_as_points_are_exact_is_left_alone(body: Body) -> None:
    """Points have errors of their own: to follow them there would be to follow noise. An artist's have none."""
    truth = state_of(body, POSES["lunge"])
    evidence, _ = see(body, truth, mask=True)
    points = evidence.points
    noise = np.random.default_rng(0).normal(size=points.positions.shape) * points.sigmas[:, None]
    noisy = replace(points, positions=points.positions + noise)
    assert refine(body, truth, replace(evidence, points=noisy), INTRINSICS, settings=AFTER_NETWORK).state is truth
    answer = answer_of(body, truth)
    moved = refine(body, answer, replace(evidence, points=noisy), INTRINSICS, settings=AFTER_NETWORK).state
    assert error(body, moved, truth) < error(body, answer, truth)
    placed = replace(noisy, trusted=np.array([name == "left_wrist" for name in points.names]))
    pinned = refine(body, truth, replace(evidence, points=placed), INTRINSICS, settings=AFTER_NETWORK)
    assert pinned.state is not truth


def test_less_strength_moves_less(body: Body) -> None:
    truth = state_of(body, POSES["lunge"])
    evidence, _ = see(body, truth)
    answer = answer_of(body, truth)
    errors = [refine(body, answer, evidence, INTRINSICS, strength=s).point_error for s in (0.02, 0.2, 1.0)]
    assert errors[0] > errors[1] > errors[2]


def test_a_limb_that_is_seen_elsewhere_is_left_to_the_network(body: Body) -> None:
    truth = state_of(body, POSES["lunge"])
    evidence, _ = see(body, truth)
    points = evidence.points
    positions = points.positions.copy()
    arm = [i for i, name in enumerate(points.names) if name.startswith("left_") and _on_arm(name)]
    positions[arm] += (250.0, -200.0)
    wrong = replace(evidence, points=replace(points, positions=positions))
    refined = refine(body, truth, wrong, INTRINSICS, NetworkTrust.of(body), 1.0)
    assert refined.contradicted == ("left arm",)
    before, after = joints_of(body, truth), joints_of(body, refined.state)
    assert np.linalg.norm(after - before, axis=1).max() < 0.01


def test_evidence_of_somebody_else_is_set_aside(body: Body) -> None:
    truth = state_of(body, POSES["lunge"])
    evidence, _ = see(body, truth)
    points = evidence.points
    mixed = np.random.default_rng(0).permutation(len(points.names))
    wrong = replace(evidence, points=replace(points, positions=points.positions[mixed]))
    refined = refine(body, truth, wrong, INTRINSICS)
    assert refined.contradicted == ("body",)
    assert refined.state is truth


def test_what_is_not_seen_keeps_the_networks_angles(body: Body) -> None:
    truth = state_of(body, POSES["lunge"])
    evidence, _ = see(body, truth, blind=("knee", "ankle", "heel", "toe", "finger", "thumb"))
    answer = answer_of(body, truth)
    refined = refine(body, answer, evidence, INTRINSICS)
    prior = PosePrior.load(body)
    hidden = [
        index for index in prior.parameters
        if any(part in body.parameter_names[index] for part in ("knee", "foot", "ball", "index", "thumb", "pinky"))
        and not body.parameter_names[index].startswith("scale_")
    ]  # fmt: skip
    np.testing.assert_allclose(refined.state.model_parameters[hidden], answer.model_parameters[hidden], atol=0.02)
    others = np.setdiff1d(np.arange(len(answer.model_parameters)), [*prior.parameters, 3, 4, 5])
    np.testing.assert_array_equal(refined.state.model_parameters[others], answer.model_parameters[others])


def _on_arm(name: str) -> bool:
    parts = ("elbow", "wrist", "finger", "thumb", "olecranon", "cubital", "shoulder", "acromion")
    return any(part in name for part in parts)


def _only(evidence: Evidence, part: str) -> Evidence:
    """The evidence of points with a text in their names; of none for an empty text."""
    kept = np.array([bool(part) and part in name for name in evidence.points.names])
    points, directions = evidence.points, evidence.directions
    return replace(
        evidence,
        points=replace(
            points,
            names=tuple(name for name, keep in zip(points.names, kept, strict=True) if keep),
            **{name: getattr(points, name)[kept] for name in ("positions", "sigmas", "weights", "trusted")},
        ),
        directions=replace(
            directions, starts=(), ends=(), vectors=np.zeros((0, 3)), sigmas=np.zeros(0), weights=np.zeros(0)
        ),
    )
