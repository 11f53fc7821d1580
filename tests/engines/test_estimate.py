"""Estimates: what follows from the parameters, and files that come back as they were written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.engines.estimate import ARRAYS, Estimate, Prompts
from native_runtime.errors import ModelError
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from tests.support.bodies import aged, toy_body

INTRINSICS = np.array([[900.0, 0, 319.5], [0, 900.0, 239.5], [0, 0, 1]])


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body()


@pytest.fixture
def estimate(body: Body) -> Estimate:
    rng = np.random.default_rng(5)
    return Estimate.from_state(
        body,
        PlacedState(rng.uniform(-0.3, 0.3, 204), rng.normal(size=3), np.array([0.5, 0.0]), np.array([0.1, 1.0, 4.0])),
        INTRINSICS,
        image_size=np.array([640, 480]),
        bbox=np.array([10.0, 20, 300, 400]),
        engine="landmarks",
        prompts=Prompts(((5, 100.5, 200.25),), True),
        seconds={"fit": 0.25},
        photo="Größe 写真.jpg",
        person=2,
        warnings=("The left arm is not clearly seen.",),
        details={"iterations": 30},
    )


def test_what_follows_from_the_parameters_agrees(body: Body, estimate: Estimate) -> None:
    vertices = body.vertices(estimate.model_parameters, estimate.identity, estimate.expression)
    np.testing.assert_allclose(estimate.vertices, vertices / 100 * [1, -1, -1] + estimate.camera_translation, atol=1e-5)
    u = estimate.keypoints_3d @ INTRINSICS.T
    np.testing.assert_allclose(estimate.keypoints_2d, u[:, :2] / u[:, 2:], atol=1e-9)


def test_saving_and_loading_changes_nothing(tmp_path: Path, estimate: Estimate) -> None:
    arrays, text = estimate.save(tmp_path / "a.b_person2")
    assert (arrays.name, text.name) == ("a.b_person2.npz", "a.b_person2.json")
    again = Estimate.load(arrays)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(estimate, name), err_msg=name)
    for name in ("engine", "body_name", "body_hash", "prompts", "seconds", "photo", "person", "warnings", "details"):
        assert getattr(again, name) == getattr(estimate, name), name
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.b_person2.json", "a.b_person2.npz"]


def test_the_json_is_plain_and_has_no_nan(tmp_path: Path, estimate: Estimate) -> None:
    estimate.keypoints_2d[3] = np.nan  # a keypoint behind the camera
    text = estimate.save(tmp_path / "x")[1].read_text(encoding="utf-8")
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert content["keypoints_2d"][3] == [None, None]
    assert len(content["model_parameters"]) == 204
    assert "vertices" not in content
    assert content["photo"] == "Größe 写真.jpg"


def test_a_photo_whose_name_is_no_text_can_be_saved(tmp_path: Path, estimate: Estimate) -> None:
    named = replace(estimate, photo=b"caf\xe9.jpg".decode("utf-8", "surrogateescape"))
    arrays, text = named.save(tmp_path / "x")
    assert json.loads(text.read_text(encoding="utf-8"))["photo"] == "caf?.jpg"
    assert Estimate.load(arrays).photo == "caf?.jpg"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.npz", b"", "is not a usable estimate: it is no .npz file"),
        ("x.npz", b"not a zip", "is not a usable estimate: it is no .npz file"),
        ("x.npz", b"PK\x03\x04 cut off", "is not a usable estimate: it is damaged"),
        ("x.jpg", b"\xff\xd8\xff\xe0", "it is a photo. Name the .npz file"),
        ("x.json", b"{}", "it is a .json file. Name the .npz file"),
        ("x.npz", None, "There is no file"),
        ("", None, "is a folder"),
    ],
)
def test_files_that_are_no_estimates_are_refused(tmp_path: Path, name: str, content: bytes | None, why: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=re.escape(why)):
        Estimate.load(path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"details": []}, "its 'details' is of the wrong type"),
        ({"engine": 5}, "its 'engine' is of the wrong type"),
        ({"person": None}, "its 'person' is null"),
        ({"warnings": 3}, "its 'warnings' is of the wrong type"),
        ({"prompts": []}, "it is damaged"),
        ({"format": "other/1"}, "its format is 'other/1'"),
    ],
)
def test_a_text_that_is_none_is_refused(tmp_path: Path, estimate: Estimate, change: dict[str, Any], why: str) -> None:
    path = _with_text(tmp_path, estimate, change)
    with pytest.raises(ModelError, match=re.escape(f"is not a usable estimate: {why}")):
        Estimate.load(path)


def test_details_of_null_tell_nothing(tmp_path: Path, estimate: Estimate) -> None:
    assert Estimate.load(_with_text(tmp_path, estimate, {"details": None})).details == {}


def _with_text(folder: Path, estimate: Estimate, change: dict[str, Any]) -> Path:
    path, _ = estimate.save(folder / "x")
    arrays = dict(np.load(path))
    arrays["about"] = np.array(json.dumps(json.loads(str(arrays["about"])) | change))
    np.savez(path, **arrays)
    return path


def test_a_changed_shape_is_refused(tmp_path: Path, estimate: Estimate) -> None:
    path, _ = estimate.save(tmp_path / "x")
    arrays = dict(np.load(path))
    arrays["model_parameters"] = np.zeros(7)
    np.savez(path, **arrays)
    with pytest.raises(ModelError, match="model_parameters"):
        Estimate.load(path)


def test_an_estimate_goes_over_to_a_later_build_of_its_body(body: Body, estimate: Estimate) -> None:
    later = replace(body, rest_vertices=body.rest_vertices + np.float32(0.25))
    again = estimate.on_build(later)
    assert again.body_hash == later.hash != estimate.body_hash
    np.testing.assert_array_equal(again.model_parameters, estimate.model_parameters)
    assert np.abs(again.vertices - estimate.vertices).max() > 1e-3
    assert (again.photo, again.prompts, again.warnings) == (estimate.photo, estimate.prompts, estimate.warnings)
    assert estimate.on_build(body) is estimate
    # others' numbers mean something else
    assert estimate.on_build(replace(later, name="another")) is estimate
    fewer = replace(later, identity_basis=body.identity_basis[:-1], identity_names=body.identity_names[:-1])
    assert estimate.on_build(fewer) is estimate


def test_builds_that_know_ages_and_those_before_understand_each_other(body: Body, estimate: Estimate) -> None:
    later = aged(replace(body, rest_vertices=body.rest_vertices + np.float32(0.25)))
    there = estimate.on_build(later)
    assert there.body_hash == later.hash
    np.testing.assert_array_equal(there.identity, np.append(estimate.identity, 0.0))
    back = there.on_build(body)
    assert back.body_hash == body.hash
    np.testing.assert_array_equal(back.identity, estimate.identity)
    child = replace(there, identity=np.append(estimate.identity, 1.0))
    assert child.on_build(body) is child, "a child's flesh is nothing that the older build has"
