"""Files that version 0.1.0 wrote are read, and mean what they meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from native_runtime.batch.manifest import is_output_folder, manifests, read_records
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models import manifest
from native_runtime.retarget.maps import load_map

FILES = Path(__file__).resolve().parents[1] / "fixtures" / "v0.1.0"


@pytest.fixture(scope="module")
def body() -> Body:
    return Body.load(FILES / "body.npz")


def test_a_body(body: Body) -> None:
    assert body.name == "small"
    assert len(body.joint_names) == 127
    assert body.vertex_count == 6 * 127


def test_an_estimate(body: Body) -> None:
    estimate = Estimate.load(FILES / "photo_person0.npz")
    assert estimate.body_hash == body.hash
    assert estimate.model_parameters[body.parameter_index("l_elbow_bend")] == 0.7
    assert estimate.prompts.keypoints == ((7, 120.0, 90.0), (8, 100.0, 80.0, "ignore"))
    assert estimate.warnings == ("The lens was guessed.",)
    again = Estimate.from_state(
        body,
        PlacedState(estimate.model_parameters, estimate.identity, estimate.expression, estimate.camera_translation),
        estimate.intrinsics,
        image_size=estimate.image_size,
        bbox=estimate.bbox,
        engine=estimate.engine,
    )
    assert again.joints == pytest.approx(estimate.joints, abs=1e-9)
    assert again.vertices == pytest.approx(estimate.vertices, abs=1e-6)


def test_a_retarget_map() -> None:
    own, ours = load_map(FILES / "my_rig.json"), load_map("mixamo")
    assert own.name == "my_rig"
    assert own.bones == ours.bones


def test_a_manifest_of_models() -> None:
    folder = FILES / "batch_models" / "landmarks"
    assert manifest.read(folder)["files"] == {"network.onnx": manifest.describe(folder / "network.onnx")}


def test_a_folder_of_results(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(FILES / "batch_out", out)
    assert is_output_folder(out)
    records = read_records(manifests(out))
    assert {photo: record.state for photo, record in records.items()} == {
        "a.png": "done",
        "nobody.png": "failed",
        "sub/three.png": "done",
    }
    for record in records.values():
        assert record.file is not None
        assert record.file.holds(FILES / "batch_photos" / record.photo)
        assert all(stage.whole(out) for stage in record.stages.values())
    fault = records["nobody.png"].fault
    assert fault is not None
    assert fault.kind == "NoPersonError"
    assert np.allclose(records["a.png"].people[0]["bbox"], (0, 0, 30, 20))
