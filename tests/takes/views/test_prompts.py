"""Keypoints placed by hand in some of several photos: files, what they do to a body, and going on from a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.engines.estimate import Estimate
from native_runtime.errors import NewerFormatError, PromptError, UsageError
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.service.protocol import PATH_KEYS, REQUESTS
from native_runtime.takes.views.earlier import read_earlier
from native_runtime.takes.views.fit import ViewObservation, fit_synchronised, refit_views
from native_runtime.takes.views.joint import JointState, extrinsics_between, in_view
from native_runtime.takes.views.prompts import read_view_prompts, with_prompts
from native_runtime.takes.views.request import ViewsRequest
from native_runtime.takes.views.summary import write_summary
from tests.fitting.test_fit import INTRINSICS, SIZE, see

from .test_joint import ANGLES, around, observed, posed

WRIST = keypoint_names().index("left_wrist")
PHOTOS = ["a/front.jpg", "b/side.jpg"]


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def written(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_prompts_are_by_number_or_by_name(tmp_path: Path) -> None:
    said = {
        "prompts": [
            {"photo": 1, "keypoints": [["left_wrist", 412, 230.5]]},
            {"photo": "side.jpg", "keypoints": [["nose", 0, 0, "ignore"]]},
        ]
    }
    first, second = read_view_prompts(written(tmp_path / "p.json", said), PHOTOS)
    assert first == ()
    assert second == ((WRIST, 412.0, 230.5), (keypoint_names().index("nose"), 0.0, 0.0, "ignore"))


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        ({}, "an object like"),
        ([{"photo": 2, "keypoints": []}], "numbered from 0 to 1"),
        ([{"photo": "other.jpg", "keypoints": []}], "front.jpg, side.jpg"),
        ([{"photo": True, "keypoints": []}], "prompt 1"),
        ([{"frame": 0, "keypoints": []}], "is not of the kind"),
        ([{"photo": 0, "keypoints": [["left_wing", 1, 2]]}], "left_wing"),
        ([{"photo": 0, "keypoints": [["nose", 1, 2]]}] * 2, "placed once"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, prompts: Any, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        read_view_prompts(written(tmp_path / "p.json", {"prompts": prompts}), PHOTOS)


def test_files_of_newer_programs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NewerFormatError):
        read_view_prompts(written(tmp_path / "p.json", {"format": "sam3db-views-prompts/2", "prompts": []}), PHOTOS)


def test_the_worker_takes_pins_for_each_photo(tmp_path: Path) -> None:
    assert REQUESTS["views"] is ViewsRequest
    assert {"photos", "prompts", "start", "out", "calibration"} <= PATH_KEYS["views"]
    request = decode(ViewsRequest, {"photos": PHOTOS, "pins": [[], [["left_wrist", 1, 2]]], "synchronised": True})
    assert request.pins == ((), ((WRIST, 1.0, 2.0),))
    assert decode(ViewsRequest, json.loads(json.dumps(encode(request)))) == request
    with pytest.raises(UsageError, match="one for each"):
        decode(ViewsRequest, {"photos": PHOTOS, "pins": [[]]})
    with pytest.raises(PromptError, match="for each photo"):
        decode(ViewsRequest, {"photos": PHOTOS, "pins": ["left_wrist", 1, 2]})


def pixels(body: Body, state: Any) -> np.ndarray:
    return Estimate.from_state(
        body, state, INTRINSICS, image_size=np.array(SIZE), bbox=np.zeros(4), engine="truth"
    ).keypoints_2d


@pytest.mark.parametrize("known", [False, True])
def test_a_pin_in_one_view_moves_the_one_body(body: Body, rng: np.random.Generator, known: bool) -> None:
    seen_pose = posed(body, ANGLES)
    true_pose = posed(body, ANGLES | {"l_elbow_bend": 1.2})
    cameras = [around(body, seen_pose, degrees) for degrees in (0, 75, -100)]
    views = [in_view(body, seen_pose, c.rotation, c.translation) for c in cameras]
    seen = [observed(body, view, rng) for view in views]
    first = fit_synchronised(body, seen, cameras if known else None)
    given = cameras if known else None

    # nothing new: nothing moves
    again = refit_views(body, seen, first.state, True, given)
    for one, other in zip(first.state.views, again.state.views, strict=True):
        assert np.abs(pixels(body, one) - pixels(body, other)).max() < 1.5

    # the networks were wrong about the forearm in all views; it is put right in the second and the third one
    hand = ("left_wrist", *(name for name in keypoint_names() if name.startswith("left_") and "finger" in name))
    rows = [keypoint_names().index(name) for name in hand]
    pinned: list[ViewObservation] = []
    for number, (view, camera) in enumerate(zip(seen, cameras, strict=True)):
        place = pixels(body, in_view(body, true_pose, camera.rotation, camera.translation))[WRIST]
        wrist = (WRIST, *map(float, place)) if number else (WRIST, 0.0, 0.0, "ignore")
        ignored = [(row, 0.0, 0.0, "ignore") for row in rows if row != WRIST]
        pinned.append(replace(view, evidence=with_prompts(body, view.evidence, [wrist, *ignored])))  # type: ignore[list-item]
    fit = refit_views(body, pinned, first.state, True, given)
    for number, (placed, camera) in enumerate(zip(fit.state.views, cameras, strict=True)):
        np.testing.assert_array_equal(placed.model_parameters[6:], fit.state.views[0].model_parameters[6:])
        true = pixels(body, in_view(body, true_pose, camera.rotation, camera.translation))
        own, before = pixels(body, placed), pixels(body, first.state.views[number])
        # also in the view where nobody placed it
        assert np.linalg.norm(own[WRIST] - true[WRIST]) < 0.4 * np.linalg.norm(before[WRIST] - true[WRIST]) + 3.0
        legs = [keypoint_names().index(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "ankle")]
        assert np.linalg.norm(own[legs] - true[legs], axis=1).max() < 8.0


def test_what_was_seen_of_a_placed_keypoint_no_longer_counts(body: Body) -> None:
    evidence, _ = see(body, posed(body, ANGLES))
    said = with_prompts(body, evidence, [(WRIST, 10.0, 20.0)])
    wrists = [number for number, name in enumerate(said.points.names) if name.startswith("left_wrist")]
    assert said.points.weights[wrists[:-1]].max(initial=0.0) == 0.0
    assert said.points.trusted[wrists[-1]]
    assert said.points.positions[wrists[-1]].tolist() == [10.0, 20.0]
    assert with_prompts(body, evidence, []) is evidence


def earlier_files(body: Body, folder: Path, states: list[Any], **more: Any) -> Path:
    views = []
    for photo, state in zip(PHOTOS, states, strict=True):
        stem = folder / f"{Path(photo).stem}_person0"
        places = {"views": {"camera_to_world": np.eye(4).tolist()}}
        Estimate.from_state(
            body, state, INTRINSICS, image_size=np.array(SIZE), bbox=np.zeros(4), engine="truth", details=places
        ).save(stem)
        views.append({"photo": Path(photo).name, "person": 0, "estimate": f"{stem.name}.npz"})
    views[1]["camera_doubted"] = True
    content = {"one_pose": True, "calibrated": False, "views": views} | more
    return write_summary(folder / "front_views.json", content)


def test_a_run_goes_on_from_the_files_of_another(body: Body, tmp_path: Path) -> None:
    world = posed(body, ANGLES)
    cameras = [around(body, world, degrees) for degrees in (0, 75)]
    states = [in_view(body, world, camera.rotation, camera.translation) for camera in cameras]
    path = earlier_files(body, tmp_path, states)
    request = ViewsRequest(photos=tuple(PHOTOS), synchronised=True)
    earlier = read_earlier(path, request)
    assert earlier.people == (0, 0)
    assert earlier.doubted == {1}
    state = earlier.state(body)
    assert isinstance(state, JointState)
    rotation, _ = extrinsics_between(body, state.views[0], state.views[1])
    np.testing.assert_allclose(rotation, cameras[1].rotation, atol=1e-6)
    with pytest.raises(UsageError, match="not about"):
        read_earlier(path, replace(request, photos=("front.jpg", "back.jpg")))
    with pytest.raises(UsageError, match="of one moment"):
        read_earlier(path, replace(request, synchronised=False))


def test_a_body_that_has_changed_since_is_no_start(body: Body, tmp_path: Path) -> None:
    world = posed(body, ANGLES)
    path = earlier_files(body, tmp_path, [world, world])
    earlier = read_earlier(path, ViewsRequest(photos=tuple(PHOTOS), synchronised=True))
    other = replace(earlier, estimates=tuple(replace(one, body_name="other") for one in earlier.estimates))
    other = replace(other, estimates=tuple(replace(one, body_hash="0" * 64) for one in other.estimates))
    with pytest.raises(UsageError, match="of the body 'other'"):
        other.state(body)
