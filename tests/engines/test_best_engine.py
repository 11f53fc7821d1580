"""Which engine is meant where none is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from native_runtime.engines import AUTO, Best, best_engine, choose_best, engines, open_engine, proof_failed
from native_runtime.engines.base import Capabilities
from native_runtime.errors import ModelError, UsageError
from native_runtime.models import manifest, store
from native_runtime.pipeline.decoding import decode
from native_runtime.pipeline.inference import PROOF_FAILED, Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.pipeline.requests import EstimateRequest, PoseRequest
from native_runtime.pipeline.support import chosen_engine, require_inference, require_supported, with_engine
from native_runtime.proof import record
from native_runtime.proof.report import Check, Report

from .test_status import put_body


def put(models: Path, *names: str) -> Path:
    """Folders of networks in a models folder, and a body: whole files, though no network would open."""
    put_body(models)
    for name in names:
        folder = models / name
        folder.mkdir(parents=True)
        (folder / "medium.onnx").write_bytes(b"weights")
        facts = {"variant": "vith", "left_out": store.NETWORKS}
        manifest.write(folder, {"medium.onnx": manifest.describe(folder / "medium.onnx")}, **facts)
    return models


def test_the_best_that_is_ready(tmp_path: Path) -> None:
    assert best_engine(tmp_path / "none") == "landmarks"
    assert best_engine(put(tmp_path, "landmarks"), ["cpu"]) == "landmarks"
    assert best_engine(put(tmp_path, "instanthmr"), ["cpu"]) == "instanthmr"
    assert best_engine(put(tmp_path, "sam3d_body"), ["cpu"]) == "sam3d_body"
    (tmp_path / "sam3d_body" / "medium.onnx").write_bytes(b"damaged")
    assert best_engine(tmp_path, ["cpu"]) == "instanthmr"
    with pytest.raises(UsageError, match="abacus"):
        best_engine(tmp_path, ["abacus"])
    (tmp_path / "landmarks" / "medium.onnx").write_bytes(b"damaged")  # which instanthmr needs as well
    assert best_engine(tmp_path, ["cpu"]) == "landmarks"


def test_what_is_named_is_never_replaced(tmp_path: Path) -> None:
    put(tmp_path, "landmarks", "sam3d_body")
    for name in ("landmarks", "steam"):
        assert with_engine(EstimateRequest(photo="a.jpg", engine=name, models=tmp_path)).engine == name
    assert with_engine(PoseRequest(photo="a.jpg", models=tmp_path)).engine == "sam3d_body"
    assert decode(EstimateRequest, {"photo": "a.jpg"}).engine == AUTO


def test_the_best_that_can_do_what_is_asked(tmp_path: Path) -> None:
    put(tmp_path, "landmarks", "sam3d_body")
    assert with_engine(EstimateRequest(photo="a.jpg", models=tmp_path, body="default-lod1")).engine == "landmarks"
    assert with_engine(EstimateRequest(photo="a.jpg", models=tmp_path, body="mhr-lod2")).engine == "sam3d_body"
    assert with_engine(EstimateRequest(photo="a.jpg", models=tmp_path, inference="body")).engine == "sam3d_body"
    put(tmp_path, "instanthmr")
    assert with_engine(EstimateRequest(photo="a.jpg", models=tmp_path, inference="raw")).engine == "instanthmr"
    assert with_engine(EstimateRequest(photo="a.jpg", models=tmp_path, body="default-lod1")).engine == "instanthmr"


def refusal(models: Path, **more: str) -> str:
    with pytest.raises(UsageError) as refused:
        require_supported(EstimateRequest(photo="a.jpg", models=models, providers=("cpu",), **more))
    return str(refused.value)


def test_a_refused_inference_names_who_offers_it(tmp_path: Path) -> None:
    put(tmp_path, "landmarks")
    for kind in ("raw", "fit"):
        assert refusal(tmp_path, inference=kind) == f"'{kind}' is offered by 'instanthmr', which is not installed."
    assert refusal(tmp_path, inference="fast") == "'fast' is offered by 'sam3d_body', which is not installed."
    put(tmp_path, "instanthmr", "sam3d_body")
    require_supported(EstimateRequest(photo="a.jpg", models=tmp_path, inference="raw", providers=("cpu",)))
    text = refusal(tmp_path, inference="body", body="default-lod1")
    assert text == "'body' is offered by 'sam3d_body', which cannot use the body 'default-lod1'."
    prove(tmp_path, "instanthmr", False)
    assert refusal(tmp_path, inference="raw") == "'raw' is offered by 'instanthmr', whose last check failed."
    (tmp_path / "instanthmr" / "medium.onnx").write_bytes(b"damaged")
    assert refusal(tmp_path, inference="raw") == "'raw' is offered by 'instanthmr', which cannot be used."
    text = refusal(tmp_path, engine="landmarks", inference="raw")
    assert text == "The engine 'landmarks' offers no choice of inference. 'raw' is offered by 'instanthmr'."
    text = refusal(tmp_path, engine="sam3d_body", inference="raw")
    assert text.startswith("The engine 'sam3d_body' infers one of 'full', 'body', 'fast', not 'raw'. 'raw' is offered")
    bodies_only = replace(engines()["sam3d_body"], capabilities=Capabilities(inferences=("body",)))
    with pytest.raises(UsageError, match=r"infers one of 'body', not 'full'.$"):  # not that the same engine offers it
        require_inference(bodies_only, "full")


def test_an_unknown_inference_is_answered_with_all_there_are(tmp_path: Path) -> None:
    put(tmp_path, "landmarks")
    for more in ({}, {"engine": "landmarks"}, {"engine": "instanthmr"}):
        text = refusal(tmp_path, inference="mind", **more)
        assert "'sam3d_body' infers 'full', 'body', 'fast'; 'instanthmr' infers 'fit', 'raw'" in text
    assert refusal(tmp_path, inference="mind").startswith("No engine of the project's own infers 'mind'.")


def test_where_nothing_is_ready_the_bundled_engine_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There are no model files"):
        open_engine(AUTO, tmp_path)


def prove(models: Path, engine: str, passed: bool) -> None:
    """Keep a proof as ``sam3db models verify --run`` does."""
    report = Report((engine,), (Check(engine, "limbs", "", passed, "A limb is too long."),), "2026-11-30T10:00:00", {})
    assert record.keep(report, engine, models) is None


def test_networks_that_failed_their_last_proof_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "landmarks", "instanthmr", "sam3d_body")
    prove(tmp_path, "sam3d_body", False)
    prove(tmp_path, "instanthmr", True)
    best = choose_best(tmp_path, ["cpu"])
    assert best.name == "instanthmr"
    (note,) = best.notes
    assert note.startswith("SAM 3D Body is installed, but cannot be used (its last check failed")
    assert note.endswith("'instanthmr' is used.")
    assert proof_failed("sam3d_body", tmp_path)
    assert with_engine(EstimateRequest(photo="a.jpg", engine="sam3d_body", models=tmp_path)).engine == "sam3d_body"
    prove(tmp_path, "sam3d_body", True)
    assert choose_best(tmp_path, ["cpu"]) == Best("sam3d_body")


def test_a_proof_of_other_files_counts_for_nothing(tmp_path: Path) -> None:
    put(tmp_path, "landmarks", "sam3d_body")
    prove(tmp_path, "sam3d_body", False)
    folder = tmp_path / "sam3d_body"
    (folder / "medium.onnx").write_bytes(b"converted again")
    manifest.update(folder, {"medium.onnx": manifest.describe(folder / "medium.onnx")})
    assert not proof_failed("sam3d_body", tmp_path)
    assert choose_best(tmp_path, ["cpu"]) == Best("sam3d_body")
    manifest.update(folder, {}, proof=["nonsense"])
    assert not proof_failed("sam3d_body", tmp_path)


def newer(folder: Path) -> None:
    facts = json.loads((folder / manifest.NAME).read_text())
    (folder / manifest.NAME).write_text(json.dumps(facts | {"format": "sam3db-manifest/99"}))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "medium.onnx").write_bytes(b"damaged"), "is damaged"),
        (lambda folder: (folder / "medium.onnx").unlink(), "is missing"),
        (lambda folder: (folder / manifest.NAME).write_bytes(b""), "is damaged"),
        (newer, "newer"),
    ],
)
@pytest.mark.parametrize("name", ["instanthmr", "sam3d_body"])
def test_what_is_installed_is_not_passed_over_without_a_word(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], why: str
) -> None:
    put(tmp_path, "landmarks", name)
    assert choose_best(tmp_path, ["cpu"]) == Best(name)
    spoil(tmp_path / name)
    best = choose_best(tmp_path, ["cpu"])
    assert best.name == "landmarks"
    (note,) = best.notes
    assert "is installed, but cannot be used (" in note
    assert why in note
    assert note.endswith("'landmarks' is used.")
    body = EstimateRequest(photo="a.jpg", models=tmp_path, body="default-lod1")
    assert bool(chosen_engine(body)[1]) is (name == "instanthmr")  # the other one could not use that body


def test_what_is_not_installed_is_not_spoken_of(tmp_path: Path) -> None:
    assert choose_best(tmp_path / "none") == Best("landmarks")
    assert choose_best(put(tmp_path, "landmarks"), ["cpu"]) == Best("landmarks")


class Heard(Silent):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def status(self, text: str) -> None:
        self.said.append(text)


def test_a_reading_says_what_was_passed_over_and_estimates_warn_of_a_failed_proof(
    tmp_path: Path,
) -> None:
    put(tmp_path, "landmarks", "sam3d_body")
    prove(tmp_path, "sam3d_body", False)
    inference, heard = Inference("tests.support.fake_engine"), Heard()
    path = tmp_path / "one.png"
    Image.new("RGB", (30, 20)).save(path)
    found = inference.read(EstimateRequest(photo=path, models=tmp_path, providers=("cpu",)), heard)
    assert (found.engine.name, found.doubts, len(found.notes)) == ("landmarks", (), 1)
    assert found.notes[0] in heard.said
    named = EstimateRequest(photo=path, engine="landmarks", models=tmp_path, providers=("cpu",))
    assert inference.read(named, heard).notes == ()  # though the reading is kept
    named = EstimateRequest(photo=path, engine="sam3d_body", models=tmp_path, providers=("cpu",))
    found = inference.read(named, heard)
    assert (found.engine.name, found.notes, found.doubts) == ("sam3d_body", (), (PROOF_FAILED,))
    ((_, estimate),) = inference.estimates(found, [0])
    assert PROOF_FAILED in estimate.warnings
