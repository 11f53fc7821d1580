"""The engine `instanthmr` in a proof: a stand-in network that answers what one picture shows, right and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from native_runtime.camera import unproject
from native_runtime.files.templates import load_json
from native_runtime.proof import Report, prove
from native_runtime.proof.pictures import FILE, FOLDER, Picture, bundled_pictures
from tests.support.toy_instanthmr import StandIn, changed, export, install


@pytest.fixture(scope="module")
def picture() -> Picture:
    return bundled_pictures()[0]


@pytest.fixture(scope="module")
def right(picture: Picture, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that always answers what is in the picture."""
    entry = load_json(FOLDER, FILE)["pictures"][picture.name]
    depth = picture.keypoints_3d[9:11, 2].mean()
    middle = unproject(picture.box.reshape(2, 2).mean(axis=0), depth, picture.intrinsics) - entry["camera_translation"]
    points = np.zeros((70, 2))
    size = picture.photo.original_size
    made = StandIn(np.array(entry["model_parameters"]), np.zeros(45), middle, points, size, spread=0.01)
    return export(made, tmp_path_factory.mktemp("instanthmr") / "right.onnx")


def proved(network: Path, own_models: Path, picture: Picture) -> Report:
    return prove(["instanthmr"], install(network, own_models), pictures=[picture])


def test_a_network_that_is_right_is_proved_and_agrees_with_landmarks(
    right: Path, own_models: Path, picture: Picture
) -> None:
    report = proved(right, own_models, picture)
    assert report.passed, "\n".join(report.lines())
    names = {check.name for check in report.checks}
    assert {"weights:finite", "keypoints:truth", "limbs:truth", "distance"} <= names
    assert {"keypoints:instanthmr", "keypoints:landmarks"} & names


def _turned(right: Path) -> dict[str, Any]:
    import onnx

    content = onnx.load(str(right))
    (pose,) = (onnx.numpy_helper.to_array(t) for t in content.graph.initializer if t.name == "pose")
    return {"pose": np.concatenate([pose[:6], np.roll(pose[6:136], 3), pose[136:]])}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("conditions of the other form", "keypoints:truth"),
        ("parameters in another order", "limbs:truth"),
        ("no training", "keypoints:truth"),
        ("not a number", "weights:finite"),
    ],
)
def test_a_wrong_network_is_not(
    right: Path,
    own_models: Path,
    picture: Picture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    expected: str,
) -> None:
    monkeypatch.setattr("native_runtime.proof.proving.WITNESS", "instanthmr")  # it has testified in the test above
    wrong = tmp_path / "wrong.onnx"
    if fault == "conditions of the other form":
        changed(right, wrong, {"cliff_focal": "true"})
    elif fault == "parameters in another order":
        changed(right, wrong, **_turned(right))
    elif fault == "no training":
        changed(right, wrong, pose=np.random.default_rng(0).normal(0, 0.5, 204))
    else:
        changed(right, wrong, shape=np.full(45, np.nan))
    report = proved(wrong, own_models, picture)
    assert not report.passed
    assert expected in {check.name for check in report.failures()}, "\n".join(report.lines())
