"""Checkpoints that are wrong where no reader can tell: names, shapes and sizes are right, the numbers are mixed up.

What others published about one picture stands here as figures of the clean model's own run, with the published
tolerances. The weights are the recorded cases' random ones, encoder and decoders apart, as recorded. So this shows that
such mix-ups change the figures by more than the bounds; that they would do so with trained weights is likely, and not
shown. Agreement with the pictures cannot be shown at all without trained weights.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("onnx_ir")

from native_runtime.build.sam3d_body.attach import attach_weights
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.tensors import MappingSource
from native_runtime.engines.sam3d_body.engine import Sam3dBodyEngine
from native_runtime.engines.sam3d_body.networks import OnnxNetworks
from native_runtime.image.reading import Photo
from native_runtime.models import manifest
from native_runtime.onnx.stages import residual_stream, run_with_stages
from native_runtime.proof.pictures import bundled_pictures
from native_runtime.proof.published import Answer, answer_checks, known_answers
from native_runtime.proof.report import Check
from tests.support.case_release import BACKBONE, case_release
from tests.support.case_templates import case_template, settings_of
from tests.support.converted_case import convert, converted_case
from tests.support.corruptions import CORRUPTIONS, Corruption
from tests.support.parity import recording, standin_body

UNSEEN = [corruption for corruption in CORRUPTIONS if corruption.by == "proof"]
OF_DECODERS = [corruption for corruption in UNSEEN if "decoder" in corruption.name]
OF_ENCODER = [corruption for corruption in UNSEEN if corruption not in OF_DECODERS]
NAME = "sam3d_body"

Tensors = dict[str, Any]


def by_name(corruptions: list[Corruption]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("corruption", corruptions, ids=lambda corruption: corruption.name)


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


def figures(values: Mapping[str, NDArray]) -> dict[str, tuple[float, float]]:
    return {name: (float(np.abs(v).max()), float(np.linalg.norm(v))) for name, v in values.items()}


@pytest.fixture(scope="module")
def template_folder(pytestconfig: pytest.Config) -> Path:
    kept = getattr(pytestconfig, "cache", None)
    if kept is None:
        pytest.skip("pytest's cache is switched off")
    return Path(kept.mkdir("sam3d_body_templates"))


@pytest.fixture(scope="module")
def answer() -> Answer:
    """The published one, whose figures are to be replaced by a stand-in's."""
    return replace(known_answers()[0], box=bundled_pictures()[0].box, intrinsics=bundled_pictures()[0].intrinsics)


def test_every_corruption_that_no_reader_sees_is_here() -> None:
    assert len(OF_ENCODER) + len(OF_DECODERS) == len(UNSEEN) >= 8
    assert OF_DECODERS


# --- the encoder -----------------------------------------------------------------------------------------------------


@dataclass
class Nothing:
    """What an engine without decoders answers."""

    pred_vertices: NDArray = field(default_factory=lambda: np.zeros((1, 3)))
    pred_cam_t: NDArray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))


@dataclass
class Looking:
    """An engine that only shows a crop: it has an encoder and nothing else."""

    photo: NDArray[np.uint8]

    def read(self, *rest: Any) -> Looking:
        return self

    def crop(self, person: int = 0) -> NDArray[np.uint8]:
        return cv2.resize(self.photo[:600], (512, 512)).astype(np.uint8)

    def result(self, person: int = 0, inference: str | None = None) -> Nothing:
        return Nothing()


@pytest.fixture(scope="module")
def tensors(shared: Path, parity_case: Path) -> Tensors:
    return case_release(shared, parity_case)


def values_of(tensors: Tensors) -> dict[str, NDArray]:
    return {name: getattr(value, "values", value) for name, value in tensors.items() if name.startswith(BACKBONE)}


@pytest.fixture(scope="module")
def encoder(tensors: Tensors, parity_case: Path, template_folder: Path) -> Template:
    shapes = {name: np.shape(getattr(value, "values", value)) for name, value in tensors.items()}
    return case_template(shapes, "encoder", "fp32", settings_of(parity_case, "dinov3_vith16plus"), template_folder)


def written(encoder: Template, tensors: Tensors, folder: Path) -> Path:
    folder.mkdir()
    attach_weights(encoder, MappingSource(values_of(tensors)), folder)
    entries = {path.name: manifest.describe(path) for path in folder.iterdir()}
    manifest.write(folder, entries, precision="fp32")
    return folder


@pytest.fixture(scope="module")
def looking() -> Looking:
    return Looking(bundled_pictures()[0].photo.pixels)


@pytest.fixture(scope="module")
def of_encoder(
    encoder: Template, tensors: Tensors, looking: Looking, answer: Answer, tmp_path_factory: pytest.TempPathFactory
) -> Answer:
    """What is "published" about the clean encoder."""
    path = written(encoder, tensors, tmp_path_factory.mktemp("clean") / "model") / "encoder.onnx"
    found = run_with_stages(path, residual_stream(path), crops=looking.crop()[None])
    return replace(answer, outputs={}, stages=figures(found))


def look(folder: Path, looking: Looking, answer: Answer) -> list[Check]:
    engine: Any = looking
    return answer_checks(NAME, engine, folder, answer, Photo(looking.photo, Path("picture")))


def test_the_clean_encoder_passes(
    encoder: Template, tensors: Tensors, looking: Looking, of_encoder: Answer, tmp_path: Path
) -> None:
    checks = look(written(encoder, tensors, tmp_path / "model"), looking, of_encoder)
    assert [check.name for check in checks] == [f"published:{stage}" for stage in of_encoder.stages]
    assert failed(checks) == []


@by_name(OF_ENCODER)
def test_a_wrong_encoder_is_caught(
    corruption: Corruption, encoder: Template, tensors: Tensors, looking: Looking, of_encoder: Answer, tmp_path: Path
) -> None:
    folder = written(encoder, corruption.tensors(tensors), tmp_path / "model")
    found = failed(look(folder, looking, of_encoder))
    assert found
    assert "published:tokens" not in found


# --- the decoders ----------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """The recorded case: its weights, and how to make and ask a model of weights."""

    weights: dict[str, NDArray]
    clean: Path
    make: Callable[[dict[str, NDArray], Path], Path]
    ask: Callable[[Path], Any]
    check: Callable[[Path, Answer], list[Check]]


@pytest.fixture(scope="module")
def case(shared: Path, parity_case: Path, template_folder: Path, pytestconfig: pytest.Config, answer: Answer) -> Case:
    weights, body = recording(parity_case, "weights"), standin_body(shared, parity_case)
    backbone = str(recording(parity_case, "pipeline_full_1p")["in.backbone_type"])
    kept: Any = getattr(pytestconfig, "cache", None)
    photo = bundled_pictures()[0].photo

    def engine(folder: Path) -> Sam3dBodyEngine:
        return Sam3dBodyEngine(OnnxNetworks(folder, ["cpu"], 2), body)

    def ask(folder: Path) -> Any:
        return engine(folder).read(photo, answer.intrinsics, answer.box[None]).result(inference="body")

    return Case(
        weights,
        converted_case(shared, parity_case, backbone, kept.mkdir("sam3d_body"), template_folder),
        lambda changed, folder: convert(changed, body, settings_of(parity_case, backbone), folder, template_folder),
        ask,
        lambda folder, about: answer_checks(NAME, engine(folder), folder, about, photo),
    )


@pytest.fixture(scope="module")
def of_decoders(case: Case, answer: Answer) -> Answer:
    """What is "published" about the clean decoders: their figures, with the tolerances that really were published."""
    result = case.ask(case.clean)
    own = figures({name: np.asarray(getattr(result, name)) for name in answer.outputs if hasattr(result, name)})
    return replace(answer, stages={}, outputs={name: (*own[name], *answer.outputs[name][2:]) for name in own})


def test_the_clean_decoders_pass(case: Case, of_decoders: Answer, tmp_path: Path) -> None:
    checks = case.check(Path(shutil.copytree(case.clean, tmp_path / "model")), of_decoders)
    assert len(checks) == 14
    assert failed(checks) == []


@by_name(OF_DECODERS)
def test_wrong_decoders_are_caught(case: Case, of_decoders: Answer, corruption: Corruption, tmp_path: Path) -> None:
    folder = case.make(corruption.tensors(case.weights), tmp_path / "model")
    found = failed(case.check(folder, of_decoders))
    assert "published:mhr_model_params" in found
    assert len(found) >= 4
