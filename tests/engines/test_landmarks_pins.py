"""Pins, silenced keypoints and hand-made edits in the landmarks engine, on a person that is seen exactly."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.landmarks.engine import LandmarksEngine, LandmarksReading
from native_runtime.engines.landmarks.evidence import body_point
from native_runtime.engines.refit import Edits, keep_edits, refit_estimate
from native_runtime.errors import PromptError
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.problem import named_rows
from native_runtime.image import Photo
from native_runtime.mhr import Body
from native_runtime.people.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.prompts import keypoint_names

INTRINSICS = np.array([[1000.0, 0.0, 399.5], [0.0, 1000.0, 499.5], [0.0, 0.0, 1.0]])
NAMES = keypoint_names()
WRIST, ELBOW, ANKLE = (NAMES.index(name) for name in ("left_wrist", "left_elbow", "right_ankle"))


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


@pytest.fixture(scope="module")
def reading(body: Body) -> LandmarksReading:
    """A person in MHR's rest pose with bent elbows, 4 m away, whose right knee the networks see in a wrong place."""
    parameters = np.zeros(len(body.parameter_names))
    for side in "lr":
        parameters[body.parameter_index(f"{side}_elbow_bend")] = 0.7
    pose = body.pose(parameters)
    posed = np.concatenate([body.vertices(parameters), pose.translations])
    rows = named_rows(body, [name for point in BODY_POINTS if (name := body_point(body, point))])
    deep = rows.combine(posed) / 100 * [1, -1, -1] + [0.0, 0.9, 4.0]
    flat = project(deep, INTRINSICS)
    flat[BODY_POINTS.index("right_knee")] += [-30.0, 10.0]
    seen = PersonLandmarks(
        np.concatenate([flat.min(axis=0) - 20, flat.max(axis=0) + 20]), 0.9, flat,
        deep - deep[[23, 24]].mean(axis=0), np.ones(33), np.ones(33),
        np.ones((100, 80), np.float32), np.array([[0.1, 0, 0], [0, 0.1, 0]]),
    )  # fmt: skip
    photo = Photo(np.zeros((1000, 800, 3), np.uint8), Path("p.jpg"))
    return LandmarksReading(LandmarksEngine(body, None, None), photo, INTRINSICS, [seen], {})


def shifted(estimate: Estimate, keypoint: int, x: float, y: float) -> tuple[int, float, float]:
    place = estimate.keypoints_2d[keypoint] + [x, y]
    return keypoint, float(place[0]), float(place[1])


def test_pins_are_met_and_taken_away_again(reading: LandmarksReading) -> None:
    first = reading.estimate()
    pins = [shifted(first, WRIST, -20, -30), shifted(first, ANKLE, -15, -10)]
    pinned = reading.estimate(keypoints=pins)
    away = [np.linalg.norm(pinned.keypoints_2d[k] - [x, y]) for k, x, y in pins]
    assert max(away) < 0.003 * first.details["person_size_px"]
    assert pinned.details["pins_missed_px"] == pytest.approx(
        {NAMES[k]: a for (k, _, _), a in zip(pins, away)}, abs=0.01
    )
    assert pinned.details["pins_out_of_reach"] == []
    assert pinned.prompts.keypoints == tuple(pins)
    reading.estimate(keypoints=pins[:1])
    back = reading.estimate()
    for name in ("model_parameters", "identity", "camera_translation", "vertices", "keypoints_2d"):
        np.testing.assert_array_equal(getattr(back, name), getattr(first, name))
    again = reading.estimate(keypoints=pins[::-1])
    np.testing.assert_array_equal(again.model_parameters, pinned.model_parameters)


def test_a_pin_out_of_reach_is_told_of(reading: LandmarksReading) -> None:
    first = reading.estimate()
    far = reading.estimate(keypoints=[shifted(first, WRIST, 300, -350)])
    assert any("left wrist cannot reach" in text for text in far.warnings)
    assert far.details["pins_out_of_reach"] == ["left_wrist"]
    assert np.abs(far.keypoints_2d - first.keypoints_2d)[ANKLE].max() < 0.02 * first.details["person_size_px"]


def test_ignoring_a_wrong_keypoint_lets_the_limb_go(reading: LandmarksReading) -> None:
    knee = NAMES.index("right_knee")
    first = reading.estimate()
    truth = first.keypoints_2d[NAMES.index("left_knee")]  # the body is symmetric, and the camera stands before it
    mirrored = np.array([2 * INTRINSICS[0, 2] - truth[0], truth[1]])
    ignored = reading.estimate(keypoints=[(knee, 0.0, 0.0, "ignore")])
    away = [np.linalg.norm(e.keypoints_2d[knee] - mirrored) for e in (first, ignored)]
    assert away[1] < 0.7 * away[0]
    np.testing.assert_array_equal(reading.estimate().model_parameters, first.model_parameters)
    both = reading.estimate(keypoints=[(knee, 0.0, 0.0, "ignore"), shifted(ignored, WRIST, 0, -20)])
    np.testing.assert_allclose(both.keypoints_2d[knee], ignored.keypoints_2d[knee], atol=3.0)


def test_a_drag_is_answered_within_a_breath(reading: LandmarksReading) -> None:
    """Generous, for busy machines: a fit from the start takes several times as long."""
    first = reading.estimate()
    reading.estimate(keypoints=[shifted(first, WRIST, 1, 0)])
    spent = []
    for step in range(5):
        started = time.process_time()
        reading.estimate(keypoints=[shifted(first, WRIST, -5.0 * step, -4.0 * step)])
        spent.append(time.process_time() - started)
    assert np.median(spent) < 0.6


def bent(body: Body, estimate: Estimate, **angles: float) -> Estimate:
    parameters = estimate.model_parameters.copy()
    for name, value in angles.items():
        parameters[body.parameter_index(name)] += value
    return replace(estimate, model_parameters=parameters.astype(np.float32).astype(np.float64))


def test_edits_are_kept_where_no_pin_speaks_against_them(reading: LandmarksReading, body: Body) -> None:
    first = reading.estimate()
    edits = Edits(bent(body, first, head_twist=0.4, l_elbow_bend=0.2), answered=first)
    kept = reading.estimate(edits=edits)
    changed = {body.parameter_names[i] for i in np.flatnonzero(kept.model_parameters != first.model_parameters)}
    assert changed == {"head_twist", "l_elbow_bend"}
    pinned = reading.estimate(keypoints=[shifted(kept, WRIST, -10, -25)], edits=edits)
    head = body.parameter_index("head_twist")
    assert pinned.model_parameters[head] == pytest.approx(first.model_parameters[head] + 0.4, abs=0.03)
    assert pinned.details["pins_missed_px"]["left_wrist"] < 1.5
    # what was answered to pins is no edit: it goes when they go
    after = reading.estimate(edits=Edits(bent(body, pinned), answered=pinned))
    np.testing.assert_array_equal(after.model_parameters, first.model_parameters)


def test_without_the_last_answer_all_of_the_start_is_kept(reading: LandmarksReading, body: Body) -> None:
    first = reading.estimate()
    start = bent(body, first, r_upleg_rz=-0.3)
    np.testing.assert_allclose(reading.estimate(edits=Edits(start)).model_parameters, start.model_parameters)


def test_edits_of_another_body_are_refused(reading: LandmarksReading) -> None:
    first = reading.estimate()
    with pytest.raises(PromptError, match="another one"):
        reading.estimate(edits=Edits(replace(first, identity=np.zeros(3))))


def test_any_estimate_can_be_snapped(reading: LandmarksReading, body: Body) -> None:
    """Without evidence: as for an engine that only takes pins for hints."""
    first = reading.estimate()
    place = first.keypoints_2d[ELBOW] + [12.0, -9.0]
    snapped = refit_estimate(body, first, [Pin("left_elbow", place)])
    assert np.linalg.norm(snapped.keypoints_2d[ELBOW] - place) < 1.5
    away = np.linalg.norm(snapped.keypoints_2d - first.keypoints_2d, axis=1)
    assert away[[ANKLE, NAMES.index("right_wrist"), NAMES.index("nose")]].max() < 4.0
    assert refit_estimate(body, first, []) is first


def test_edits_of_a_pinned_limb_give_way_to_an_engine_that_knows_the_pin(reading: LandmarksReading, body: Body) -> None:
    first = reading.estimate()
    edits = Edits(bent(body, first, head_twist=0.4, l_elbow_bend=0.2), answered=first)
    pin = Pin("left_wrist", first.keypoints_2d[WRIST])
    kept = keep_edits(body, first, [pin], edits, snap=False)
    changed = {body.parameter_names[i] for i in np.flatnonzero(kept.model_parameters != first.model_parameters)}
    assert changed == {"head_twist"}
    assert keep_edits(body, first, [pin], None, snap=False) is first
