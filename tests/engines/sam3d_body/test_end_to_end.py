"""The whole engine through real graphs, against every recorded pipeline: the way of a released checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("onnx_ir")

from native_runtime.engines import open_engine
from native_runtime.engines.sam3d_body import ENGINE
from native_runtime.engines.sam3d_body.engine import Sam3dBodyEngine
from native_runtime.engines.sam3d_body.hands import HandCriteria
from native_runtime.engines.sam3d_body.networks import OnnxNetworks
from native_runtime.engines.sam3d_body.outcome import FullResult
from native_runtime.mhr import Body
from native_runtime.models import manifest, store
from native_runtime.proof import prove
from tests.support.converted_case import converted_case
from tests.support.parity import recording

#: Of each field's largest value in the recording; pixels are compared with the photo's width.
RELATIVE = 1e-3


@pytest.fixture(scope="module")
def networks_of(shared: Path, parity_case: Path, pytestconfig: pytest.Config) -> Callable[[str], OnnxNetworks]:
    """The case's converted model with a type of backbone."""
    kept = getattr(pytestconfig, "cache", None)
    if kept is None:
        pytest.skip("pytest's cache is switched off")
    folder, templates = kept.mkdir("sam3d_body"), kept.mkdir("sam3d_body_templates")

    def opened(backbone: str) -> OnnxNetworks:
        return OnnxNetworks(converted_case(shared, parity_case, backbone, folder, templates), ["cpu"], 2)

    return cache(opened)


@pytest.fixture
def models(networks: OnnxNetworks, body: Body, tmp_path: Path) -> Path:
    """A models folder with the converted model and the body that belongs to it."""
    return models_with(networks, body, tmp_path)


def models_with(networks: OnnxNetworks, body: Body, folder: Path) -> Path:
    """Fill a models folder."""
    shutil.copytree(networks.folder, folder / store.SAM3D_BODY_FOLDER)
    bodies = folder / store.BODIES_FOLDER
    bodies.mkdir()
    default = ENGINE.capabilities.body
    body.save(bodies / f"{default}.npz")
    manifest.write(bodies, {f"{default}.npz": manifest.describe(bodies / f"{default}.npz")})
    return folder


@pytest.fixture
def networks(recorded: dict[str, NDArray], networks_of: Callable[[str], OnnxNetworks]) -> OnnxNetworks:
    return networks_of(str(recorded["in.backbone_type"]))


@pytest.fixture
def engine(recorded: dict[str, NDArray], networks: OnnxNetworks, body: Body) -> Sam3dBodyEngine:
    return Sam3dBodyEngine(networks, body, criteria=HandCriteria(float(recorded["in.thresh_wrist_angle"])))


def test_every_field_of_every_recorded_pipeline(
    recorded: dict[str, NDArray], engine: Sam3dBodyEngine, picture: NDArray
) -> None:
    intrinsics = recorded["in.cam_int"][0] if "in.cam_int" in recorded else None
    reading = engine.read(picture, intrinsics, recorded["in.boxes"])
    full = "lhand.crop_uint8" in recorded
    for person in range(len(recorded["in.boxes"])):
        mask = recorded["in.masks"][person].astype(bool) if "in.masks" in recorded else None
        found = reading.result(person, mask, "full" if full else "body")
        for field in fields(FullResult):
            expected = recorded.get(f"final.{person}.{field.name}")
            if expected is None:
                assert getattr(found, field.name) is None
                continue
            scale = picture.shape[1] if field.name in ("pred_keypoints_2d", "lhand_bbox", "rhand_bbox") else 1.0
            tolerance = RELATIVE * max(scale, float(np.abs(expected).max()))
            np.testing.assert_allclose(
                getattr(found, field.name), expected, rtol=0, atol=tolerance, err_msg=f"{person} {field.name}"
            )
    assert reading.encoded == (3 if full else 1) * len(recorded["in.boxes"])


def test_a_prompt_is_heard_and_order_does_not_matter(
    recorded: dict[str, NDArray], engine: Sam3dBodyEngine, networks: OnnxNetworks, picture: NDArray
) -> None:
    """Weights are random, so a prompt need not be obeyed, but it must be heard; the decoders alone run."""
    reading = engine.read(picture, boxes=recorded["in.boxes"])
    plain = reading.estimate()
    before = dict(networks.runs)
    middle = recorded["in.boxes"][0].reshape(2, 2).mean(axis=0)
    prompts = [(5, *middle), (11, *(middle + 20)), (14, *(middle + [5, 60]), "incorrect")]
    one = reading.estimate(keypoints=prompts)
    two = reading.estimate(keypoints=prompts[::-1])
    np.testing.assert_allclose(one.keypoints_3d, two.keypoints_3d, atol=1e-5)
    assert np.abs(one.keypoints_3d - plain.keypoints_3d).max() > 1e-3
    assert networks.runs["encoder"] == before["encoder"]
    assert networks.runs["body_context"] == before["body_context"]
    assert networks.runs["body_decoder"][0] == before["body_decoder"][0] + 2


def test_a_models_folder_is_all_it_takes(recorded: dict[str, NDArray], models: Path, picture: NDArray) -> None:
    usual = np.isclose(recorded["in.thresh_wrist_angle"], HandCriteria().wrist_angle)
    if not usual or "in.masks" in recorded:
        pytest.skip("recorded with something that is not the default")
    engine = open_engine("sam3d_body", models=models, providers=["cpu"])
    intrinsics = recorded["in.cam_int"][0] if "in.cam_int" in recorded else None
    reading = engine.read(picture, intrinsics, recorded["in.boxes"])
    estimate = reading.estimate(inference="full" if "lhand.crop_uint8" in recorded else "body")  # type: ignore[call-arg]
    np.testing.assert_allclose(estimate.model_parameters, recorded["final.0.mhr_model_params"], atol=RELATIVE)
    placed = recorded["final.0.pred_keypoints_3d"] + recorded["final.0.pred_cam_t"]
    np.testing.assert_allclose(estimate.keypoints_3d, placed, atol=RELATIVE)


def test_people_together_are_people_one_by_one(
    recorded: dict[str, NDArray], engine: Sam3dBodyEngine, picture: NDArray
) -> None:
    if len(recorded["in.boxes"]) == 1:
        pytest.skip("one person")
    together = engine.read(picture, boxes=recorded["in.boxes"]).estimate_all()
    other = engine.read(picture, boxes=recorded["in.boxes"])
    for person, estimate in enumerate(together):
        alone = other.estimate(person)
        np.testing.assert_allclose(alone.keypoints_3d, estimate.keypoints_3d, atol=1e-4)
        np.testing.assert_allclose(alone.model_parameters, estimate.model_parameters, atol=1e-4)


def test_random_weights_do_not_prove_themselves(
    networks_of: Callable[[str], OnnxNetworks], parity_case: Path, body: Body, tmp_path: Path
) -> None:
    """Without training nothing agrees with the pictures, though every graph runs and every invariant holds."""
    converted = networks_of(str(recording(parity_case, "pipeline_full_1p")["in.backbone_type"]))
    report = prove(["sam3d_body"], models_with(converted, body, tmp_path))
    assert not report.passed
    assert {check.name for check in report.failures()} <= {
        "keypoints:truth", "limbs:truth", "distance", "size", "limits"
    }  # fmt: skip
    assert {"keypoints:truth", "limbs:truth"} <= {check.name for check in report.failures()}
    assert {check.name for check in report.checks if check.passed} >= {"root", "mesh", "camera", "finite"}
