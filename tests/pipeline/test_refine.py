"""The option `refine`: a network's answer is brought onto the photo, by what the real landmark networks see in it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from native_runtime.engines.base import REFINED, Capabilities
from native_runtime.engines.edits import Edits
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.faces import FACE
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.decoding import decode
from native_runtime.pipeline.inference import NOTHING_SEEN, Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.requests import EstimateRequest, PoseRequest
from native_runtime.proof.pictures import bundled_pictures
from tests.support.truth_engine import Change, TruthEngine, TruthReading, moved

PICTURE = "wave"
ERRORS = {
    "l_uparm_ry": 0.3,
    "l_elbow_bend": -0.4,
    "r_uparm_rz": -0.3,
    "r_elbow_bend": 0.4,
    "r_upleg_rz": 0.25,
    "l_upleg_ry": -0.15,
}


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(scope="module")
def inference() -> Inference:
    return Inference()


def off(state: PlacedState, body: Body) -> PlacedState:
    parameters = state.model_parameters.copy()
    for name, error in ERRORS.items():
        parameters[body.parameter_index(name)] += error
    return dataclasses.replace(state, model_parameters=body.parameterisation.clamp(parameters))


def looked(body: Body, change: Change | None = None, fits: bool = False, shift: float = 0.0) -> ReadPhoto:
    """The bundled picture, read by an engine that answers from the truth, changed."""
    picture = next(picture for picture in bundled_pictures() if picture.name == PICTURE)
    engine = TruthEngine(body, "standin", change or moved(off), Capabilities(boxes=True, fits=fits))
    box = np.asarray(picture.box, np.float64) + shift
    return ReadPhoto(picture.photo, TruthReading(picture.photo, np.asarray(picture.intrinsics), [box], engine), engine)


def missed(estimate: Estimate, truth: Estimate) -> float:
    """Mean px between keypoints of the limbs."""
    return float(np.linalg.norm(estimate.keypoints_2d - truth.keypoints_2d, axis=1)[5:21].mean())


def of(inference: Inference, found: ReadPhoto, refine: float) -> Estimate:
    ((_, estimate),) = inference.estimates(found, [0], refine=refine)
    return estimate


def test_the_body_comes_onto_the_photo_and_says_so(body: Body, inference: Inference) -> None:
    truth = of(inference, looked(body, lambda estimate, _: estimate), 0.0)
    found = looked(body)
    alone, refined = of(inference, found, 0.0), of(inference, found, 0.6)
    assert missed(refined, truth) < 0.75 * missed(alone, truth)
    said = refined.details[REFINED]
    assert said["strength"] == 0.6
    assert said["point_error_px"][1] < said["point_error_px"][0]
    assert 1.0 < said["joints_moved_mm"][0] < said["joints_moved_mm"][1] < 200.0
    assert said["set_aside"] == []
    assert refined.seconds["refine"] > 0
    assert refined.details[FACE]["why"] == ""
    assert not alone.expression.any()
    assert 0.0 < refined.expression.max() <= 1.0


def test_off_leaves_the_engines_answer_as_it_is(body: Body, inference: Inference) -> None:
    found = looked(body)
    own = found.reading.estimate(0)
    for estimate in (of(inference, found, 0.0), inference.pose(found, 0), of(inference, looked(body, fits=True), 1.0)):
        for name in ("model_parameters", "identity", "camera_translation", "vertices", "keypoints_2d"):
            np.testing.assert_array_equal(getattr(estimate, name), getattr(own, name))
        assert REFINED not in estimate.details


def test_what_contradicts_the_engine_is_left_to_it_and_told(body: Body, inference: Inference) -> None:
    def lowered(state: PlacedState, body: Body) -> PlacedState:
        parameters = state.model_parameters.copy()
        parameters[body.parameter_index("r_upleg_rz")] -= 1.2
        return dataclasses.replace(state, model_parameters=body.parameterisation.clamp(parameters))

    found = looked(body, moved(lowered))
    alone, refined = of(inference, found, 0.0), of(inference, found, 0.6)
    assert refined.details[REFINED]["set_aside"] == ["right leg"]
    assert any(text.startswith("The right leg is seen elsewhere") for text in refined.warnings)
    knee, hip = (body.keypoint_names.index(f"right_{name}") for name in ("knee", "hip"))
    thigh = [estimate.keypoints_3d[knee] - estimate.keypoints_3d[hip] for estimate in (alone, refined)]
    assert np.linalg.norm(thigh[1] - thigh[0]) < 0.04


def test_where_nobody_is_seen_the_answer_stays(body: Body, inference: Inference) -> None:
    found = looked(body)
    found.seen[0] = None
    refined = of(inference, found, 1.0)
    assert refined.warnings[-1] == NOTHING_SEEN
    np.testing.assert_array_equal(refined.model_parameters, found.reading.estimate(0).model_parameters)


def test_pins_and_edits_hold(body: Body, inference: Inference) -> None:
    """Pins are met as well as the engine met them, or as `snap` does; what an artist set by hand stays."""
    found = looked(body)
    alone = of(inference, found, 0.0)
    wrist = body.keypoint_names.index("right_wrist")
    here = alone.keypoints_2d[wrist]
    pinned = inference.pose(found, 0, [(wrist, *here.tolist())], refine=1.0)
    assert np.linalg.norm(pinned.keypoints_2d[wrist] - here) < 2.5
    place = here + [6.0, -5.0]
    snapped = inference.pose(found, 0, [(wrist, *place.tolist())], snap=True, refine=0.5)
    assert np.linalg.norm(snapped.keypoints_2d[wrist] - place) < 1.5
    head = body.parameter_index("head_twist")
    edited = inference.pose(found, 0, [], edits=Edits({head: 0.3}), refine=0.5)
    assert edited.model_parameters[head] == 0.3
    assert REFINED in edited.details


def test_the_option_is_a_share() -> None:
    assert decode(EstimateRequest, {"photo": "a.jpg", "refine": 0}).refine == 0.0
    assert decode(PoseRequest, {"photo": "a.jpg"}).refine > 0.0
    for kind in (EstimateRequest, PoseRequest):
        for wrong in (-0.1, 1.5, float("nan"), "much"):
            with pytest.raises(UsageError):
                decode(kind, {"photo": "a.jpg", "refine": wrong})
