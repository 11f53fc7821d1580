"""Expressions that are read from faces: what the network sees of heads that are rendered here, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.faces.heads import Painter, before_camera, paint
from native_runtime.build.official import read_release_body
from native_runtime.detection.crops import Picture
from native_runtime.detection.face_mesh import read_mesh
from native_runtime.detection.landmarks import FaceMesh, FaceReading
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.faces import FACE, LEGIBLE, head_distance, read_expression, with_face
from native_runtime.fitting.face_pose import ANGLES, TRUST
from native_runtime.fitting.face_transfer import to_official
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, open_network
from tests.support.bodies import toy_body


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


@pytest.fixture(scope="module")
def network() -> Network:
    if not store.lists_network("face_landmark"):
        pytest.skip("no network of the face mesh: run `sam3db models build` (make models)")
    return open_network(store.network_path("face_landmark"), ["cpu"])


@pytest.fixture(scope="module")
def painter(body: Body) -> Painter:
    return Painter(body)


Seen = tuple[Photo, FaceReading, np.ndarray]


def standing(body: Body) -> PlacedState:
    """A neutral body whose head stands where that of ``look_at`` does."""
    state, _, _ = before_camera(
        body, np.zeros(body.identity_count), np.zeros(body.expression_count), (0.0, 0.0, 0.0), 90.0, 1.5
    )
    return state


def look_at(network: Network, painter: Painter, shown: dict[str, float], yaw: float = 0.0, size: float = 90.0) -> Seen:
    """A rendered head as a photo, its face and the lens."""
    body = painter.body
    expression = np.zeros(body.expression_count)
    for name, value in shown.items():
        expression[list(body.expression_names).index(name)] = value
    state, intrinsics, shape = before_camera(
        body, np.zeros(body.identity_count), expression, (0.0, np.radians(yaw), 0.0), size, 1.5
    )
    picture = paint(painter, state, intrinsics, shape, np.random.default_rng(4))
    middle = np.array(shape) / 2
    points = middle + size * np.array([[-0.2, -0.15], [0.2, -0.15], [0.0, 0.08], [0.0, 0.27], [-0.4, 0.0], [0.4, 0.0]])
    mesh = read_mesh(network, Picture(picture), points, size)
    face = FaceReading(points, size, 0.95, 0.1, np.full(6, 0.5), np.full(6, 30.0), mesh)
    return Photo(picture, Path("head.png")), face, intrinsics


@pytest.fixture(scope="module")
def smiling(network: Network, painter: Painter) -> Seen:
    return look_at(network, painter, {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "jawOpen": 0.3})


def test_a_smile_is_put_onto_the_body(smiling: Seen, body: Body) -> None:
    photo, face, intrinsics = smiling
    read = read_expression(body, face, photo, intrinsics, standing(body))
    assert read.why == ""
    assert read.expression["mouthSmileLeft"] > 0.6
    assert read.expression["mouthSmileRight"] > 0.6
    assert read.confidence["mouthSmileLeft"] > 0.4
    state = standing(body)
    after = read.on(body, state)
    assert after.expression[list(body.expression_names).index("mouthSmileLeft")] == read.expression["mouthSmileLeft"]
    assert ((after.expression >= 0) & (after.expression <= 1)).all()
    changed = np.flatnonzero(after.identity != state.identity)
    assert {body.identity_groups[k] for k in changed} <= {"head"}
    json.dumps(read.to_json(), allow_nan=False)


@pytest.mark.parametrize("shown", [{}, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, {"jawOpen": 0.8}])
def test_only_what_a_head_does_is_read(shown: dict[str, float], network: Network, painter: Painter, body: Body) -> None:
    photo, face, intrinsics = look_at(network, painter, shown, yaw=8.0)
    read = read_expression(body, face, photo, intrinsics, standing(body))
    for name, value in shown.items():
        assert read.expression.get(name, 0.0) == pytest.approx(value, abs=0.35)
    others = [value for name, value in read.expression.items() if name not in shown]
    assert max(others, default=0.0) < 0.35
    assert sum(others) / len(body.expression_names) < 0.03


def test_a_reduced_photo_says_the_same(smiling: Seen, body: Body) -> None:
    """Points are in working pixels, the lens is the original's."""
    photo, face, intrinsics = smiling
    plain = read_expression(body, face, photo, intrinsics, standing(body))
    assert face.mesh is not None
    height, width = photo.pixels.shape[:2]
    small = Photo(photo.pixels, Path("head.png"), original_size=(2 * width, 2 * height))
    finer = intrinsics.copy()
    finer[:2] *= 2.0
    finer[:2, 2] += 0.5
    again = read_expression(body, face, small, finer, standing(body))
    assert again.expression == pytest.approx(plain.expression, abs=1e-6)


def test_what_cannot_be_read_stays_neutral_and_says_why(smiling: Seen, body: Body) -> None:
    photo, face, intrinsics = smiling
    assert face.mesh is not None
    rng = np.random.default_rng(0)
    noise = FaceMesh(rng.uniform(0, 90, (478, 2)), rng.normal(0, 5, 478), 0.9)
    for seen, why in (
        (None, "No face"),
        (replace(face, score=LEGIBLE.score - 0.01), "No face"),
        (replace(face, size=LEGIBLE.smallest - 1), "smaller than 40 pixels"),
        (replace(face, mesh=None), "network is missing"),
        (replace(face, mesh=noise), "not like a face"),
    ):
        read = read_expression(body, seen, photo, intrinsics, standing(body))
        assert why in read.why
        assert read.expression == read.identity == read.confidence == {}
        assert read.to_json()["why"] == read.why
        same = read.on(body, standing(body))
        assert not same.expression.any()
        assert not same.model_parameters.any()


def test_a_face_in_profile_says_nothing(network: Network, painter: Painter, body: Body) -> None:
    photo, face, intrinsics = look_at(network, painter, {"jawOpen": 0.5}, yaw=80.0)
    read = read_expression(body, face, photo, intrinsics, standing(body))
    assert read.expression == {}
    assert read.why != ""


def test_bodies_whose_faces_are_not_known_stay_neutral(smiling: Seen) -> None:
    photo, face, intrinsics = smiling
    body = toy_body()
    read = read_expression(body, face, photo, intrinsics, standing(body))
    assert read.expression == {}
    assert "not known" in read.why


def test_the_official_body_shows_it_by_its_own_shapes(smiling: Seen, body: Body, shared: Path) -> None:
    """Its head stays as it is where the engine knows better how it is turned."""
    if not (shared / "mhr" / "lod3.fbx").is_file():
        pytest.skip("MHR's own files are not there")
    official, (photo, face, intrinsics) = read_release_body(shared / "mhr", 3), smiling
    state = PlacedState(standing(body).model_parameters, np.zeros(45), np.zeros(72), standing(body).camera_translation)
    estimate = Estimate.from_state(
        official, state, intrinsics, image_size=np.array(photo.original_size), bbox=np.zeros(4), engine="standin",
        seconds={}, photo="head.png", person=0,
    )  # fmt: skip
    shown = with_face(official, estimate, face, photo)
    there = read_expression(body, face, photo, intrinsics, standing(body)).expression
    assert shown.expression == pytest.approx(to_official().of(there), abs=LEGIBLE.faint)
    assert shown.expression[[32, 33]].min() > 0.4
    np.testing.assert_array_equal(shown.model_parameters, state.model_parameters)
    np.testing.assert_array_equal(shown.identity, state.identity)
    assert np.abs(shown.vertices - estimate.vertices).max() > 0.005
    assert shown.details[FACE]["why"] == ""
    nobody = with_face(official, estimate, None, photo)
    assert not nobody.expression.any()
    assert "No face" in nobody.details[FACE]["why"]


@pytest.mark.parametrize("yaw", [0.0, 30.0])
def test_the_size_of_a_face_says_how_far_the_head_is(
    yaw: float, network: Network, painter: Painter, body: Body
) -> None:
    photo, face, intrinsics = look_at(network, painter, {"jawOpen": 0.4}, yaw=yaw)
    seen = head_distance(body, face, photo, intrinsics)
    assert seen is not None
    assert seen.metres == pytest.approx(1.5, rel=0.07)
    nearer = intrinsics.copy()
    nearer[:2] /= 2.0
    half = head_distance(body, face, photo, nearer)
    assert half is not None
    assert half.metres == pytest.approx(seen.metres / 2, rel=0.02)
    assert head_distance(body, None, photo, intrinsics) is None
    assert head_distance(body, replace(face, score=LEGIBLE.score - 0.01), photo, intrinsics) is None
    assert head_distance(body, replace(face, size=LEGIBLE.smallest - 1), photo, intrinsics) is None
    assert head_distance(toy_body(), face, photo, intrinsics) is None


@pytest.mark.parametrize("yaw", [25.0, -15.0])
def test_neck_and_head_turn_as_the_face_shows(yaw: float, network: Network, painter: Painter, body: Body) -> None:
    """The rendered body is turned as a whole; the fit had it look ahead."""
    photo, face, intrinsics = look_at(network, painter, {}, yaw=yaw)
    state = standing(body)
    read = read_expression(body, face, photo, intrinsics, state)
    after = read.on(body, state)
    moved = {body.parameter_names[k] for k in np.flatnonzero(after.model_parameters != state.model_parameters)}
    assert moved <= set(ANGLES)
    assert (after.model_parameters >= body.limit_min - 1e-9).all()
    assert (after.model_parameters <= body.limit_max + 1e-9).all()
    joint = body.joint_index("c_head")
    before, now = (body.pose(one.model_parameters).rotations[joint] for one in (state, after))
    forward = now @ before.T @ (0.0, 0.0, 1.0)
    turned = np.degrees(np.arctan2(forward[0], forward[2]))
    assert 0.5 * abs(yaw) < turned * np.sign(yaw) < 1.2 * abs(yaw)
    assert read.turned == pytest.approx(abs(yaw), abs=6.0)


def test_a_head_that_looks_elsewhere_altogether_is_not_turned(smiling: Seen, body: Body) -> None:
    photo, face, intrinsics = smiling
    state = standing(body)
    aside = state.model_parameters.copy()
    aside[body.parameter_index("head_twist")], aside[body.parameter_index("neck_twist")] = 0.6, 0.6
    read = read_expression(body, face, photo, intrinsics, replace(state, model_parameters=aside))
    assert read.turned > TRUST.most
    assert read.angles == {}
    assert read.expression["mouthSmileLeft"] > 0.6
