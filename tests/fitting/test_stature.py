"""Statures as what decides the size of a body that a photo cannot tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import project
from native_runtime.fitting.stature import expected_stature, of_stature, standing_height
from native_runtime.mhr import Body

from .test_fit import INTRINSICS, keypoints, see, state_of


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def straight(body: Body, prior: PosePrior) -> np.ndarray:
    """The rest pose with a prior's mean bone lengths."""
    values = prior.natural_parameters(body)
    return np.where([name.startswith("scale_") for name in body.parameter_names], values, 0.0)


@pytest.mark.parametrize("stature", [160.0, 168.3, 185.0])
def test_a_prior_of_a_stature_is_that_tall_and_keeps_its_proportions(body: Body, stature: float) -> None:
    values = straight(body, of_stature(PosePrior.load(body), body, stature))
    vertices = body.vertices(values, np.zeros(body.identity_count))
    assert np.ptp(vertices[:, 1]) == pytest.approx(stature, abs=0.05)
    rest, joints = (body.pose(some).translations for some in (np.zeros_like(values), values))
    bones = [("l_upleg", "l_lowleg"), ("r_lowleg", "r_foot"), ("r_uparm", "r_lowarm"), ("l_lowarm", "l_wrist")]
    ends = [[body.joint_index(name) for name in pair] for pair in bones]
    factors = [np.linalg.norm(joints[a] - joints[b]) / np.linalg.norm(rest[a] - rest[b]) for a, b in ends]
    assert np.ptp(factors) < 1e-3
    assert (factors[0] - 1) * (stature - standing_height(body, np.zeros_like(values))) > 0


def test_nobody_becomes_smaller_than_the_body_can_be(body: Body) -> None:
    prior = of_stature(PosePrior.load(body), body, 60.0)
    values = prior.natural_parameters(body)
    assert np.all(values >= body.limit_min - 1e-9)
    assert 130.0 < standing_height(body, straight(body, prior)) < 155.0


def test_couplings_are_met_by_the_new_means(body: Body) -> None:
    prior = of_stature(PosePrior.load(body), body, 155.0)
    first, second = prior.coupled.T
    np.testing.assert_allclose(prior.means[first] - prior.factors * prior.means[second], prior.offsets, atol=1e-12)


def test_women_are_expected_smaller_than_men_and_whoever_is_unknown_between_them() -> None:
    woman, man = expected_stature("female"), expected_stature("male")
    assert woman < expected_stature("female", 0.5) < expected_stature() < expected_stature("male", 0.5) < man
    assert expected_stature("female", 0.0) == expected_stature("male", 0.0) == expected_stature()


def test_a_stature_moves_a_body_along_the_view_and_not_in_the_photo(body: Body) -> None:
    evidence, _ = see(body, state_of(body, {"l_knee_bend": 0.7, "r_elbow_bend": 0.8}))
    small, tall = (fit_body(body, replace(evidence, stature=cm), INTRINSICS) for cm in (158.0, 184.0))
    heights = [np.ptp(keypoints(body, result)[:, 1]) for result in (small, tall)]
    assert heights[1] / heights[0] > 1.06
    assert tall.state.camera_translation[2] / small.state.camera_translation[2] > 1.06
    pixels = [project(keypoints(body, result), INTRINSICS) for result in (small, tall)]
    assert np.mean(np.linalg.norm(pixels[0] - pixels[1], axis=1)) < 0.01 * evidence.person_size
