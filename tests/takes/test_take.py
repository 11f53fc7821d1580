"""Takes: what follows from the numbers, files that come back as they were written, and files that are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.engines.estimate import Prompts
from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.takes.take import Take, TakeFootage
from tests.support.bodies import aged, toy_body
from tests.support.takes import INTRINSICS, moving_take

TEXTS = ("engine", "body_name", "body_hash", "footage", "person", "camera", "prompts", "seconds", "quality", "warnings")
ARRAYS = (
    "frames", "times", "model_parameters", "identity", "expression", "camera_translation", "intrinsics", "image_size",
    "camera_to_world", "ground", "bbox", "keypoints_2d", "keypoints_3d", "joints", "seen", "contacts",
)  # fmt: skip


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body()


@pytest.fixture(scope="module")
def take(body: Body) -> Take:
    return moving_take(
        body,
        person=1,
        prompts={4: Prompts(((5, 100.5, 200.25),), False)},
        seconds={"fit": 0.25},
        quality={"jitter": 3.5, "foot_slide_mm": None},
        warnings=("The left arm is not clearly seen.",),
        details={"lag": 0},
    )


def test_what_follows_from_the_numbers_agrees_in_every_frame(body: Body, take: Take) -> None:
    for index in range(len(take)):
        estimate = take.estimate(index, body)
        vertices = body.vertices(take.model_parameters[index], take.identity, take.expression[index])
        np.testing.assert_allclose(
            estimate.vertices, vertices / 100 * [1, -1, -1] + take.camera_translation[index], atol=1e-5
        )
        np.testing.assert_allclose(take.keypoints_3d[index], estimate.keypoints_3d, atol=1e-6)
        np.testing.assert_allclose(take.joints[index], estimate.joints, atol=1e-9)
        np.testing.assert_allclose(take.keypoints_2d[index], estimate.keypoints_2d, atol=1e-3)


def test_an_estimate_of_a_frame_says_which_frame_and_keeps_its_prompts(body: Body, take: Take, tmp_path: Path) -> None:
    estimate = take.estimate(take.index_of(4), body)
    assert estimate.details["frame"] == 4
    assert estimate.details["time"] == pytest.approx(4 / 25)
    assert estimate.prompts.keypoints == ((5, 100.5, 200.25),)
    assert take.estimate(0, body).prompts == Prompts()
    assert estimate.photo == "walk.mp4"
    assert estimate.person == 1
    estimate.save(tmp_path / "frame")


def test_many_frames_are_computed_as_few_are(body: Body) -> None:
    long = moving_take(body, 130)
    np.testing.assert_allclose(long.keypoints_3d[129], long.estimate(129, body).keypoints_3d, atol=1e-6)


def test_saving_and_loading_changes_nothing(tmp_path: Path, take: Take) -> None:
    arrays, text = take.save(tmp_path / "a.b_person1_take")
    assert (arrays.name, text.name) == ("a.b_person1_take.npz", "a.b_person1_take.json")
    again = Take.load(arrays)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(take, name), err_msg=name)
        assert getattr(again, name).dtype == getattr(take, name).dtype
    for name in (*TEXTS, "details"):
        assert getattr(again, name) == getattr(take, name), name
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.b_person1_take.json", "a.b_person1_take.npz"]


def test_the_json_is_plain_and_has_no_nan(tmp_path: Path, take: Take) -> None:
    unknown = replace(take, ground=np.full(4, np.nan), quality={"jitter": np.float64("nan"), "by_foot": [np.nan, 1.0]})
    text = unknown.save(tmp_path / "x")[1].read_text(encoding="utf-8")
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert content["format"] == "sam3db-take/1"
    assert content["ground"] == [None] * 4
    assert content["quality"] == {"jitter": None, "by_foot": [None, 1.0]}
    assert content["footage"]["range"] == [0, 99]
    assert np.isnan(Take.load(tmp_path / "x.npz").ground).all()


def test_every_nth_frame_counts_in_the_frames_of_the_footage(body: Body) -> None:
    take = moving_take(body, 4, first=10, every=5, fps=30.0)
    assert take.frames.tolist() == [10, 15, 20, 25]
    assert take.fps == 6.0
    assert take.index_of(20) == 2
    with pytest.raises(UsageError, match=r"no frame 12\. It goes from frame 10 to frame 25"):
        take.index_of(12)


def test_a_position_that_is_none_is_refused(body: Body, take: Take) -> None:
    with pytest.raises(UsageError, match="6 frames"):
        take.estimate(6, body)


def test_a_body_that_knows_ages_shows_the_same_person(body: Body, take: Take) -> None:
    newer = aged(body)
    assert newer.identity_count > body.identity_count
    estimate = take.estimate(2, newer)
    np.testing.assert_allclose(estimate.joints, take.joints[2], atol=1e-9)


def test_another_body_is_refused(take: Take) -> None:
    with pytest.raises(ModelError, match="belongs to the body 'toy'"):
        take.estimate(0, toy_body(name="other"))
    with pytest.raises(ModelError, match="belongs to the body 'toy'"):
        take.estimate(0, toy_body(identity_count=9))


@pytest.mark.parametrize("content", [b"", b"not a zip", None], ids=["empty", "text", "missing"])
def test_what_is_no_take_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.npz is not a usable take"):
        Take.load(path)


def test_a_file_that_breaks_off_is_refused(tmp_path: Path, take: Take) -> None:
    path = take.save(tmp_path / "x")[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match="not a usable take"):
        Take.load(path)


def _changed(take: Take, name: str, change: Any) -> np.ndarray:
    array = getattr(take, name).copy()
    return change(array)


def _set(place: Any, value: Any) -> Any:
    def change(array: np.ndarray) -> np.ndarray:
        array[place] = value
        return array

    return change


HOSTILE = {
    "no frames": ("frames", lambda a: a[:0], "no frames"),
    "a frame missing": ("frames", _set(3, 99), "steps of 1"),
    "frames before the first": ("frames", lambda a: a - 10, "steps of 1"),
    "broken frames": ("frames", lambda a: a + 0.5, "frames is of type float64"),
    "times that stand": ("times", _set(2, 0.0), "times do not rise"),
    "too few parameters": ("model_parameters", lambda a: a[:, :200], r"model_parameters has shape \(6, 200\)"),
    "other count": ("joints", lambda a: a[:4], "joints has shape"),
    "not finite": ("model_parameters", _set((0, 7), np.nan), "not finite"),
    "endless": ("camera_translation", _set((0, 2), np.inf), "not finite"),
    "growing skeleton": ("model_parameters", _set((1, 150), 0.5), "skeleton changes"),
    "sheared camera": ("camera_to_world", _set((0, 0, 1), 0.5), "no rotation"),
    "mirrored camera": ("camera_to_world", _set((0, 0, 0), -1.0), "no rotation"),
    "half a plane": ("ground", _set(0, np.nan), "no plane"),
    "long normal": ("ground", _set(1, -2.0), "no plane"),
    "seen too well": ("seen", _set(0, 1.5), "seen lies outside"),
    "no picture": ("image_size", _set(0, 0), "size"),
    "contacts in numbers": ("contacts", lambda a: a.astype(float), "contacts is of type float64"),
    "text": ("bbox", lambda a: a.astype(str), "bbox is of type"),
    "objects": ("bbox", lambda a: a.astype(object), "not a usable take"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_arrays_are_refused_with_the_reason(tmp_path: Path, take: Take, case: str) -> None:
    name, change, reason = HOSTILE[case]
    path = take.save(tmp_path / "x")[0]
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays[name] = change(arrays[name].copy())
    if arrays[name].dtype == object:
        np.savez(path, **arrays)
    else:
        write_arrays(path, arrays)
    with pytest.raises(ModelError, match=reason):
        Take.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"camera": "shaking"}, {"footage": {"file": "x"}}, {"prompts": {"a": {}}}, {"prompts": []}, {"quality": 3},
        {"footage": {"file": "x", "fps": 0, "frame_count": 1, "range": [0, 1], "every": 1}},
        {"footage": {"file": "x", "fps": 25, "frame_count": 1, "range": [5, 1], "every": 1}},
        {"seconds": {"fit": "long"}}, {"format": "sam3db-estimate/1"}, {"format": None},
    ],
)  # fmt: skip
def test_hostile_texts_are_refused(tmp_path: Path, take: Take, change: dict[str, Any]) -> None:
    path = take.save(tmp_path / "x")[0]
    with np.load(path) as archive:
        arrays: dict[str, Any] = dict(archive)
    arrays["about"] = np.array(json.dumps({**json.loads(str(arrays["about"])), **change}))
    write_arrays(path, arrays)
    with pytest.raises(ModelError, match="not a usable take"):
        Take.load(path)


def test_a_take_of_another_skeleton_in_each_frame_cannot_be_made(body: Body, take: Take) -> None:
    parameters = take.model_parameters.copy()
    parameters[2, 140] += 0.01
    with pytest.raises(ValueError, match="skeleton changes"):
        replace(take, model_parameters=parameters)


def test_a_name_that_is_no_text_can_be_saved(tmp_path: Path, take: Take) -> None:
    named = replace(take, footage=TakeFootage(b"caf\xe9.mp4".decode("utf-8", "surrogateescape"), 25.0, 100, 0, 99))
    assert Take.load(named.save(tmp_path / "x")[0]).footage.file == "caf?.mp4"


def test_what_is_behind_the_camera_has_no_pixel(tmp_path: Path, body: Body, take: Take) -> None:
    behind = moving_take(body, 2)
    again = Take.from_states(
        body, behind.model_parameters, behind.identity, behind.expression,
        behind.camera_translation * [1, 1, -1], INTRINSICS,
        **{name: getattr(behind, name) for name in (
            "frames", "times", "image_size", "camera_to_world", "ground", "bbox", "seen", "contacts", "engine",
            "footage",
        )},
    )  # fmt: skip
    assert np.isnan(Take.load(again.save(tmp_path / "x")[0]).keypoints_2d).all()
