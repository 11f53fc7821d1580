"""The landmarks engine reports what the checks find, and asks for the keypoints that it doubts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.engines.landmarks.engine import LandmarksEngine, LandmarksReading
from native_runtime.fitting.problem import named_rows
from native_runtime.fitting.stature import standing_height
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.prompts.quality.anatomy import mirrors
from tests.support.bodies import reference_body

INTRINSICS = np.array([[900.0, 0.0, 399.5], [0.0, 900.0, 499.5], [0.0, 0.0, 1.0]])
WRIST = keypoint_names().index("left_wrist")


@pytest.fixture(scope="module")
def body(shared: Path) -> Body:
    if not (shared / "parity" / "rig_lod3_standin.npz").is_file():
        pytest.skip(f"no reference rig in {shared / 'parity'}")
    return reference_body(shared)


@pytest.fixture
def reading(body: Body) -> LandmarksReading:
    """A person in MHR's rest pose, 4 m away, seen exactly but for a hidden right ankle."""
    from native_runtime.engines.point_names import body_point

    names = [body_point(body, name) for name in BODY_POINTS]
    known = [i for i, name in enumerate(names) if name is not None]
    rest = np.concatenate([body.rest_vertices, body.skeleton.rest.translations])
    points = named_rows(body, [names[i] for i in known]).combine(rest) / 100 * [1, -1, -1]
    deep = np.zeros((33, 3))
    deep[known] = points
    deep -= deep[[23, 24]].mean(axis=0)
    flat = deep[:, :2] * 900 / (deep[:, 2:] + 4.0) + [399.5, 499.5]
    visibility, presence = np.ones(33), np.where(np.isin(np.arange(33), known), 1.0, 0.0)
    visibility[BODY_POINTS.index("right_ankle")] = 0.0
    low, high = flat[known].min(axis=0) - 20, flat[known].max(axis=0) + 20
    mask = np.zeros((250, 200), np.float32)
    grid = np.stack(np.meshgrid(np.arange(200), np.arange(250)), axis=-1) * 4
    for point in flat[known]:
        mask[np.linalg.norm(grid - point, axis=-1) < 90] = 1
    seen = PersonLandmarks(
        np.concatenate([low, high]), 0.9, flat, deep, visibility, presence, mask, np.array([[0.25, 0, 0], [0, 0.25, 0]])
    )
    photo = Photo(np.zeros((1000, 800, 3), np.uint8), Path("p.jpg"))
    return LandmarksReading(LandmarksEngine(body, None, None), photo, INTRINSICS, [seen], {})


def test_a_true_prompt_is_quiet_and_a_swapped_one_is_not(reading: LandmarksReading) -> None:
    first = reading.estimate()
    here, there = first.keypoints_2d[WRIST], first.keypoints_2d[mirrors()[WRIST]]
    right = reading.estimate(keypoints=[(WRIST, *here.tolist())])
    assert right.details["prompt_warnings"] == []
    assert right.warnings == first.warnings
    wrong = reading.estimate(keypoints=[(WRIST, *there.tolist())])
    (warning,) = wrong.details["prompt_warnings"]
    assert (warning["kind"], warning["keypoint"]) == ("swapped_sides", WRIST)
    reached = [text for text in wrong.warnings if "cannot reach" not in text]
    assert len(reached) == len(first.warnings) + 1
    assert "left wrist" in wrong.warnings[-1]
    json.dumps(wrong.to_json())


def test_the_check_does_not_depend_on_what_was_asked_before(reading: LandmarksReading, body: Body) -> None:
    place = (WRIST, 20.0, 980.0)
    alone = reading.estimate(keypoints=[place])  # the first call: nothing was predicted without prompts yet
    reading.estimate()
    again = reading.estimate(keypoints=[place])
    assert alone.details == again.details
    assert alone.warnings == again.warnings
    assert np.array_equal(alone.model_parameters, again.model_parameters)
    assert alone.details["prompt_warnings"][0]["kind"] == "outside_person"


def test_what_is_hidden_is_suggested_until_it_is_pinned(reading: LandmarksReading) -> None:
    hidden = keypoint_names().index("right_ankle")
    first = reading.estimate()
    uncertainty = reading._engine.uncertainty.sources(reading.people[0].landmarks, reading._photo, first)
    assert int(np.argmax(uncertainty["confidence"][:15])) == hidden
    suggested = [entry["keypoint"] for entry in first.details["suggested_keypoints"]]
    assert hidden in suggested
    place = first.keypoints_2d[hidden].tolist()
    after = reading.estimate(keypoints=[(hidden, *place)])
    assert hidden not in [entry["keypoint"] for entry in after.details["suggested_keypoints"]]


def test_a_stated_height_is_looked_for_from_the_start(reading: LandmarksReading, body: Body) -> None:
    plain = reading.estimate()
    small, tall = (reading.estimate(height=height) for height in (160.0, 185.0))
    heights = [standing_height(body, each.model_parameters) for each in (small, tall)]
    assert heights[0] == pytest.approx(160.0, abs=5.0)
    assert heights[1] == pytest.approx(185.0, abs=5.0)
    depths = [float(each.joints[1, 2]) for each in (small, tall)]
    assert depths[1] / depths[0] == pytest.approx(
        heights[1] / heights[0], rel=0.02
    )  # who is larger stands farther away
    assert np.linalg.norm(small.keypoints_2d - tall.keypoints_2d, axis=1).mean() < 5.0
    np.testing.assert_array_equal(reading.estimate().model_parameters, plain.model_parameters)
