"""Faces: what points say of coefficients that made them, by the measured response itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.fitting import face
from native_runtime.fitting.face import FaceFit, FaceResponse, fit_face, response_of, within_bounds
from native_runtime.mhr.rotations import rotation_vector_to_matrix

AHEAD = np.array([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def response() -> FaceResponse:
    found = response_of("default")
    assert found is not None
    return found


def points_of(
    response: FaceResponse,
    coefficients: dict[str, float],
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
    size: float = 100.0,
    noise: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Points (478, 2) and depths (478,) in px of a face; `size` is about the side of its square."""
    names = [*response.expression, *response.identity]
    amounts = sum(
        (value * response.slopes[names.index(name)] for name, value in coefficients.items()),
        np.zeros(len(response.components)),
    )
    if noise is not None:
        amounts = amounts + noise.multivariate_normal(np.zeros(len(amounts)), response.covariance)
    rotation = rotation_vector_to_matrix(np.array(turn))
    camera = -rotation[2]
    yaw = np.degrees(np.arctan2(-camera[0], -camera[2]))
    pitch = np.degrees(np.arcsin(camera[1]) - np.arcsin(response.forward[1]))
    amounts = amounts + face.turn_terms(float(yaw), float(pitch)) @ response.bends
    places = response.mean + (amounts @ response.components).reshape(response.mean.shape)
    places = places @ rotation.T * size / np.ptp(response.mean[:, 1])
    return places[:, :2] + (321.0, 234.0), places[:, 2]


def fitted(response: FaceResponse, *seen: np.ndarray, size: float = 100.0) -> FaceFit:
    return fit_face(response, *seen, size, AHEAD)


def test_what_is_shown_is_found(response: FaceResponse) -> None:
    rng = np.random.default_rng(0)
    for coefficients in (
        {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9},
        {"jawOpen": 0.8},
        {"eyeBlinkLeft": 0.9, "eyeBlinkRight": 0.9},
        {"jawOpen": 0.5, "mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "head_width": 0.4},
    ):
        fit = fitted(response, *points_of(response, coefficients, noise=rng))
        for name, value in coefficients.items():
            if name in fit.expression:
                assert fit.expression[name] == pytest.approx(value, abs=0.3), (name, coefficients)
        others = [value for name, value in fit.expression.items() if name not in coefficients]
        assert np.mean(others) < 0.05


def test_a_wink_is_no_blink(response: FaceResponse) -> None:
    fit = fitted(response, *points_of(response, {"eyeBlinkLeft": 1.0}))
    assert fit.expression["eyeBlinkLeft"] > fit.expression["eyeBlinkRight"] + 0.2


def test_the_mean_face_is_neutral(response: FaceResponse) -> None:
    fit = fitted(response, *points_of(response, {}))
    assert max(fit.expression.values()) < 0.05
    assert max(map(abs, fit.identity.values())) < 0.1
    assert fit.error < 0.1


def test_nothing_contradicts_itself(response: FaceResponse) -> None:
    shown = {"browDownLeft": 0.9, "browOuterUpLeft": 0.9, "browDownRight": 0.9}
    fit = fitted(response, *points_of(response, shown))
    for one, other in face.CONTRARY:
        for side in ("Left", "Right"):
            assert min(fit.expression[one + side], fit.expression[other + side]) == 0.0
    assert fit.expression["browDownRight"] > 0.3


@pytest.mark.parametrize("yaw", [-30.0, 30.0])
def test_what_the_turn_of_the_head_does_to_the_points_is_no_expression(response: FaceResponse, yaw: float) -> None:
    seen = points_of(response, {}, (0.0, -np.radians(yaw), 0.0))
    explained, taken = fitted(response, *seen), fitted(replace(response, bends=0 * response.bends), *seen)
    assert explained.error < 0.7 * taken.error
    assert max(explained.expression.values()) < 0.08


def test_place_size_and_roll_in_the_photo_do_not_count(response: FaceResponse) -> None:
    coefficients = {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7, "browInnerUp": 0.6}
    plain = fitted(response, *points_of(response, coefficients))
    points, depths = points_of(response, coefficients, (0.0, 0.0, 0.6))
    moved = fitted(response, 3.0 * points - 50.0, 3.0 * depths, size=100.0)
    for name, value in plain.expression.items():
        assert moved.expression[name] == pytest.approx(value, abs=1e-3)
    assert moved.yaw == pytest.approx(plain.yaw, abs=0.5)


@pytest.mark.parametrize("yaw", [-35.0, 20.0])
def test_the_turn_of_the_head_is_found_and_costs_certainty(response: FaceResponse, yaw: float) -> None:
    """Turned about the vertical axis: the nose goes to the picture's right for a positive yaw."""
    straight = fitted(response, *points_of(response, {"jawOpen": 0.6}))
    turned = fitted(response, *points_of(response, {"jawOpen": 0.6}, (0.0, -np.radians(yaw), 0.0)))
    assert turned.yaw - straight.yaw == pytest.approx(yaw, abs=1.0)
    assert all(turned.information[name] < straight.information[name] for name in turned.information)
    small = fit_face(response, *points_of(response, {"jawOpen": 0.6}), 45.0, AHEAD)
    assert all(small.information[name] < straight.information[name] for name in small.information)


def test_a_face_beside_the_optical_axis_is_turned_with_its_ray(response: FaceResponse) -> None:
    ray = np.array([0.5, 0.0, 1.0])
    seen = points_of(response, {})
    ahead, beside = fitted(response, *seen), fit_face(response, *seen, 100.0, ray)
    assert beside.expression == ahead.expression
    np.testing.assert_allclose(beside.rotation @ ahead.rotation.T @ AHEAD, ray / np.linalg.norm(ray), atol=1e-9)


def test_points_that_are_no_faces_say_nothing(response: FaceResponse) -> None:
    rng = np.random.default_rng(1)
    points, depths = points_of(response, {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8})
    fit = fitted(response, points + rng.normal(0.0, 12.0, points.shape), depths)
    assert fit.error > 3.0
    assert max(fit.expression.values()) < 0.5


def test_a_known_shape_is_kept_where_the_points_do_not_speak_against_it(response: FaceResponse) -> None:
    seen = points_of(response, {"face_gender": 0.8})
    known = fit_face(response, *seen, 100.0, AHEAD, {"face_gender": 0.8})
    assert known.identity["face_gender"] == pytest.approx(0.8, abs=0.05)
    assert known.identity["face_gender"] > fitted(response, *seen).identity["face_gender"]


def test_the_least_within_bounds_is_found() -> None:
    rng = np.random.default_rng(2)
    for _ in range(5):
        root = rng.normal(size=(12, 9))
        hessian, pull = root.T @ root + 0.1 * np.eye(9), rng.normal(size=9)
        low, high = np.full(9, -0.2), np.full(9, 0.1)
        x = within_bounds(hessian, pull, low, high)
        slope = hessian @ x - pull
        assert ((x >= low) & (x <= high)).all()
        inside = (x > low) & (x < high)
        np.testing.assert_allclose(slope[inside], 0.0, atol=1e-3)
        assert (slope[x == low] > -1e-3).all()
        assert (slope[x == high] < 1e-3).all()
        assert ((x == low) | (x == high)).any()


def test_the_data_is_read_as_it_was_written(response: FaceResponse) -> None:
    again = FaceResponse.from_json(response.to_json())
    for name in ("mean", "components", "slopes", "covariance"):
        values = getattr(response, name)
        np.testing.assert_allclose(getattr(again, name), values, atol=1e-3 * np.abs(values).max())
    assert again.expression == response.expression
    assert response_of("somebody else") is None
    assert set(face.RARE) <= {name.removesuffix("Left").removesuffix("Right") for name in again.expression} | set(
        again.expression
    )
