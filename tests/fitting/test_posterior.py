"""Observations that may be off: they move a fitted body as far as the fit was unsure, and not far if they are gross."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import Gravity
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.fit import fit_body
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.posterior import lean
from native_runtime.fitting.problem import project
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .test_fit import INTRINSICS, POSES, see, state_of


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(scope="module")
def fitted(body: Body) -> tuple[Evidence, PlacedState]:
    evidence, _ = see(body, state_of(body, POSES["lunge"]))
    return evidence, fit_body(body, evidence, INTRINSICS).state


def place(body: Body, state: PlacedState, keypoint: str) -> np.ndarray:
    return project(see(body, state)[1], INTRINSICS)[body.keypoint_names.index(keypoint)]


def leaning(body: Body, fitted: tuple[Evidence, PlacedState], pins: list[Pin], error: float) -> PlacedState:
    return lean(body, fitted[0], INTRINSICS, fitted[1], pins, error, Gravity())


def test_without_prompts_and_with_what_is_seen_already_nothing_moves(
    body: Body, fitted: tuple[Evidence, PlacedState]
) -> None:
    state = fitted[1]
    assert leaning(body, fitted, [], 0.01) is state
    here = leaning(body, fitted, [Pin("left_wrist", place(body, state, "left_wrist"))], 0.01)
    np.testing.assert_allclose(here.model_parameters, state.model_parameters, atol=1e-4)


def test_the_surer_a_prompt_is_the_nearer_the_body_comes(body: Body, fitted: tuple[Evidence, PlacedState]) -> None:
    before, size = place(body, fitted[1], "left_wrist"), fitted[0].person_size
    there = before + [0.02 * size, -0.03 * size]
    left = []
    for error in (0.002, 0.02, 0.1):
        state = leaning(body, fitted, [Pin("left_wrist", there)], error)
        assert not body.parameterisation.violation(state.model_parameters).any()
        left.append(float(np.linalg.norm(place(body, state, "left_wrist") - there) / np.linalg.norm(there - before)))
    assert left[0] < 0.35
    assert left[0] < left[1] < left[2] < 1.0


def test_a_grosser_error_draws_hardly_more(body: Body, fitted: tuple[Evidence, PlacedState]) -> None:
    before, size = place(body, fitted[1], "right_ankle"), fitted[0].person_size

    def moved(off: float) -> float:
        state = leaning(body, fitted, [Pin("right_ankle", before + [off * size, 0.0])], 0.01)
        return float(np.linalg.norm(place(body, state, "right_ankle") - before)) / size

    assert moved(0.3) < 1.2 * moved(0.15) < 0.12


def test_the_order_of_prompts_does_not_matter(body: Body, fitted: tuple[Evidence, PlacedState]) -> None:
    pins = [Pin(name, place(body, fitted[1], name) + [12.0, -9.0]) for name in ("right_knee", "nose", "left_elbow")]
    one, other = leaning(body, fitted, pins, 0.02), leaning(body, fitted, pins[::-1], 0.02)
    np.testing.assert_array_equal(one.model_parameters, other.model_parameters)
    np.testing.assert_array_equal(one.camera_translation, other.camera_translation)
