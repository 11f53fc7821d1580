"""Published answers: whose figures they are, and what is found by comparing with them.

The released weights are on no machine that runs these tests. Figures of a stand-in's clean run take the place of the
published ones here: that shows what the comparison finds, not that a conversion of the real weights passes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime import engines as registry
from native_runtime.camera import project
from native_runtime.engines.base import EngineDescriptor
from native_runtime.engines.sam3d_body import ENGINE
from native_runtime.engines.sam3d_body.engine import Sam3dBodyEngine
from native_runtime.engines.status import EngineStatus
from native_runtime.errors import UsageError
from native_runtime.files.hashes import sha256_of
from native_runtime.models import manifest
from native_runtime.proof import Report, prove
from native_runtime.proof import published as module
from native_runtime.proof.published import Answer, answer_about, known_answers
from tests.engines.sam3d_body.fake import SIZE, FakeNetworks
from tests.engines.sam3d_body.recorded import constants_of
from tests.support import toy_encoder
from tests.support.parity import recording, standin_body

BOX = [20.0, 10.0, 120.0, 170.0]
INTRINSICS = np.array([[300.0, 0, 100], [0, 300.0, 100], [0, 0, 1]])


def test_figures_of_the_released_model_come_with_their_source() -> None:
    (answer,) = known_answers()
    assert answer.source.startswith("https://github.com/localai-org/sam3d.cpp")
    assert len(answer.outputs) == 15
    assert answer.stages["block30"][0] == pytest.approx(49378.46, abs=0.01)
    for largest, norm, absolute, relative in answer.outputs.values():
        assert 0 <= largest <= norm or norm == 0
        assert absolute > 0
        assert relative > 0


def test_their_picture_is_known_by_its_bytes(photos: Path, tmp_path: Path) -> None:
    answer, photo = answer_about(photos / "dancing.jpg")
    assert photo.original_size == answer.size == (2250, 1500)
    (tmp_path / "other.jpg").write_bytes((photos / "dancing.jpg").read_bytes() + b"\0")
    with pytest.raises(UsageError, match=r"other.jpg in these very bytes.*2250 x 1500.*0112b0a3"):
        answer_about(tmp_path / "other.jpg")


class Biased(FakeNetworks):
    """Answers are what they were, plus something: what a damaged decoder would say."""

    bias = 0.0

    def _row(self, kind: str, seen: Any, own: Any) -> dict[str, Any]:
        out = super()._row(kind, seen, own)
        out["body_pose"] = out["body_pose"] * np.float32(1 + self.bias)
        return out


@dataclass
class Stand:
    """A stand-in of SAM 3D Body: random answers that depend on the picture, and a small encoder on disk."""

    models: Path
    picture: Path
    networks: Biased
    descriptor: EngineDescriptor

    @property
    def folder(self) -> Path:
        return self.models / "sam3d_body"

    def prove(self) -> Report:
        return prove(["sam3d_body"], self.models, copy=self.picture, pictures=[])


@pytest.fixture
def stand(shared: Path, parity_case: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    body = standin_body(shared, parity_case)
    networks = Biased(constants_of(recording(parity_case, "weights")))
    folder = tmp_path / "models" / "sam3d_body"
    folder.mkdir(parents=True)
    path = toy_encoder.write_encoder(folder, SIZE, toy_encoder.tensors(SIZE))
    manifest.write(
        folder,
        {path.name: manifest.describe(path)},
        model="sam3d_body",
        variant="toy",
        precision="fp32",
    )
    descriptor = replace(
        ENGINE,
        open=lambda models, providers, name: Sam3dBodyEngine(networks, body),
        status=lambda models, providers: EngineStatus(True, "a stand-in"),
    )
    others = [engine for engine in registry._BUILT_IN if engine.name != ENGINE.name]
    monkeypatch.setattr(registry, "_BUILT_IN", (*others, descriptor))
    picture = tmp_path / "picture.jpg"
    shutil.copy(repository / "rig_templates" / "proof" / "wave.jpg", picture)
    return Stand(tmp_path / "models", picture, networks, descriptor)


@pytest.fixture
def answer(stand: Stand, install: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Answer:
    """What was published, as it were, about the clean stand-in."""
    install()
    engine = stand.descriptor.open(None, None, "default")
    photo = module.read_photo(stand.picture)
    reading: Any = engine.read(photo, INTRINSICS, [BOX])
    result = reading.result(inference="body")
    outputs = {
        name: np.asarray(getattr(result, name))
        for name in ("pred_vertices", "pred_keypoints_2d", "body_pose_params", "mhr_model_params", "pred_cam_t")
    }
    outputs["pred_vertices_2d"] = project(result.pred_vertices + result.pred_cam_t, INTRINSICS)
    stages = toy_encoder.stream(toy_encoder.tensors(SIZE), reading.crop())
    made = Answer(
        title="a picture",
        source="this test",
        engine="sam3d_body",
        variant="toy",
        inference="body",
        sha256=sha256_of(stand.picture),
        size=photo.original_size,
        box=np.array(BOX),
        intrinsics=INTRINSICS,
        outputs={n: (np.abs(v).max(), np.linalg.norm(v), 0.001, 0.0005) for n, v in outputs.items()},
        stages={n: (np.abs(v).max(), np.linalg.norm(v)) for n, v in stages.items()},
    )
    monkeypatch.setattr(module, "known_answers", lambda: [made])
    return made


def published(report: Report) -> dict[str, bool]:
    return {c.name.removeprefix("published:"): c.passed for c in report.checks if c.name.startswith("published")}


def test_the_same_networks_agree_in_everything(stand: Stand, answer: Answer) -> None:
    report = stand.prove()
    found = published(report)
    assert found.keys() == answer.outputs.keys() | answer.stages.keys()
    assert all(found.values()), "\n".join(report.lines())
    assert report.passed


def test_another_decoder_is_caught_by_its_outputs(stand: Stand, answer: Answer) -> None:
    stand.networks.bias = 0.2
    found = published(stand.prove())
    assert not found["body_pose_params"]
    assert all(found[stage] for stage in answer.stages)


def test_another_encoder_is_caught_by_its_stages(stand: Stand, answer: Answer) -> None:
    weights = toy_encoder.tensors(SIZE)
    name = "backbone.encoder.blocks.1.ls1.gamma"
    weights[name] = weights[name] * 300
    path = toy_encoder.write_encoder(stand.folder, SIZE, weights)
    manifest.update(stand.folder, {path.name: manifest.describe(path)})
    report = stand.prove()
    found = published(report)
    assert found["block00"]
    assert not found["block01"]
    assert not report.passed


def test_another_variant_is_not_compared(stand: Stand, answer: Answer) -> None:
    manifest.update(stand.folder, {}, variant="vith")
    report = stand.prove()
    assert published(report) == {}
    assert "sam3d_body is not compared with it" in " ".join(report.silent)


def test_random_answers_are_not_proved(stand: Stand, install: Callable[..., None]) -> None:
    """Networks without training say nothing about a picture: the proof must see that without any reference."""
    install()
    report = prove(["sam3d_body"], stand.models)
    names = {check.name for check in report.failures()}
    assert {"keypoints:truth", "limbs:truth"} <= names
    assert not report.passed
