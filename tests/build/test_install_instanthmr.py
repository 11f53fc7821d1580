"""Networks of InstantHMR from the shelf: nobody publishes their hashes, so the first download is pinned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.build import catalogue
from native_runtime.build.install import Installed, OwnFiles, install
from native_runtime.errors import ModelError, Remedy
from native_runtime.models import manifest
from native_runtime.models.shelf import shelf, state_of
from native_runtime.models.shelf.fetch import Services
from native_runtime.models.shelf.state import downloads_folder
from native_runtime.proof import Report
from native_runtime.proof.record import keep
from native_runtime.proof.report import Check
from tests.support.hub import hub
from tests.support.toy_graphs import FLOAT, model, node
from tests.support.toy_hmr import network

TERMS = ("sam", "instanthmr_noncommercial")


def agreed(names: Sequence[str], models: Path, progress: Callable[[float, str], None]) -> Report:
    """A proof that only looks whether the networks are there."""
    there = manifest.verify(models / "instanthmr")["files"]
    return Report(tuple(names), (Check(names[0], "toy", "", bool(there), "It is there, or not."),), "now")


def bring(name: str, models: Path, address: str = "http://127.0.0.1:9", **options: Any) -> Installed:
    given = {"accepted": TERMS, "commercial": False, "proving": agreed} | options
    return install(f"instanthmr_{name}", models=models, services=Services.at(address), **given)


FILES = {
    "README.md": b"text",
    "instanthmr_nano.onnx": network(),
    "instanthmr_medium_commercial.onnx": network(1),
    "instanthmr_medium.onnx": network(2),
}


def test_a_size_is_found_by_its_name_and_pinned(tmp_path: Path) -> None:
    with hub(FILES, token=None) as service:
        made = bring("medium", tmp_path, service.address)
        assert (made.source, made.detail, made.notes) == ("naturalpad", "224 px", ())
        assert (tmp_path / "instanthmr" / "medium.onnx").read_bytes() == FILES["instanthmr_medium.onnx"]
        bring("nano", tmp_path, service.address)
    facts = manifest.verify(tmp_path / "instanthmr")
    assert set(facts["files"]) == {"medium.onnx", "nano.onnx"}
    assert facts["chosen"] == "nano"
    source = facts["files"]["nano.onnx"]["source"]
    assert (source["commercial"], source["used_commercially"], source["terms"]) == (False, False, sorted(TERMS))
    assert (tmp_path / "instanthmr" / "licences" / "sam.txt").is_file()
    listed = {status.name: status for status in catalogue.list_models(tmp_path) if status.kind == "instanthmr"}
    assert {name: status.state for name, status in listed.items()} == {"medium": "ok", "nano": "ok"}
    assert "SAM License" in listed["nano"].detail
    (tmp_path / "instanthmr" / "medium.onnx").write_bytes(b"spoiled")
    faulty = [status for status in catalogue.list_models(tmp_path) if status.state == "damaged"]
    assert [status.name for status in faulty] == ["medium"]
    assert catalogue.remedy(faulty) is Remedy.GET_MODEL
    state = state_of(shelf()["instanthmr_nano"], tmp_path)
    assert (state.state, state.terms, state.commercial) == ("ready", tuple(sorted(TERMS)), False)
    assert state_of(shelf()["instanthmr_tiny"], tmp_path).state == "absent"


def test_another_file_of_that_name_is_refused_later(tmp_path: Path) -> None:
    with hub(FILES, token=None) as service:
        bring("nano", tmp_path, service.address)
        (tmp_path / "instanthmr" / "nano.onnx").unlink()
        downloaded = downloads_folder(shelf()["instanthmr_nano"], tmp_path) / "instanthmr_nano.onnx"
        bring("nano", tmp_path, service.address)  # the download is still there
        (tmp_path / "instanthmr" / "nano.onnx").unlink()
        downloaded.unlink()
        service.storage["instanthmr_nano.onnx"].content = network(9)
        with pytest.raises(ModelError, match="not the same file as when it first came"):
            bring("nano", tmp_path, service.address)
        made = bring("nano", tmp_path, own=OwnFiles(_written(tmp_path / "mine.onnx", network(9))))
        assert made.source == "file"


def test_a_repository_without_the_file_says_what_it_has(tmp_path: Path) -> None:
    with (
        hub(FILES, token=None) as service,
        pytest.raises(ModelError, match=r"networks there: .*instanthmr_medium\.onnx"),
    ):
        bring("tiny", tmp_path, service.address)
    gone = {"momolesang/InstantHMR": 404}
    with hub(FILES, token=None, refuses=gone) as service, pytest.raises(ModelError, match="404"):
        bring("nano", tmp_path, service.address)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no network", "nano"),
        (network(mhr_params=136), "other sizes"),
        (model([node("Neg", ["x"], ["y"])], {"x": (FLOAT, [1])}, {"y": (FLOAT, [1])}), "not a network of InstantHMR"),
        (network(pose=np.full((3, 204), np.nan, np.float32)), "not finite"),
    ],
)
def test_what_is_no_such_network_is_never_installed(tmp_path: Path, content: bytes, message: str) -> None:
    own = OwnFiles(_written(tmp_path / "nano.onnx", content))
    with pytest.raises(ModelError, match=message):
        bring("nano", tmp_path / "models", own=own)
    assert not (tmp_path / "models" / "instanthmr").exists()


def test_a_file_that_was_not_released_is_named(tmp_path: Path) -> None:
    own = OwnFiles(_written(tmp_path / "mine.onnx", network(5, size=256)))
    made = bring("first", tmp_path / "models", accepted=("sam",), commercial=None, own=own)
    assert made.detail == "256 px"
    assert made.notes == ("mine.onnx is not the file that was released.",)
    entry = manifest.verify(tmp_path / "models" / "instanthmr")["files"]["first.onnx"]
    assert entry["source"]["official"] is False


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_what_failed_its_last_check_is_installed_again(tmp_path: Path) -> None:
    """The check is that of the network that is used; the others are none of its business."""

    def prove(names: Sequence[str], models: Path, progress: Callable[[float, str], None]) -> Report:
        report = Report(tuple(names), (Check(names[0], "toy", "", True, "It is well."),), "now")
        keep(report, names[0], models)
        return report

    with hub(FILES, token=None) as service:
        bring("medium", tmp_path, service.address)
        bring("nano", tmp_path, service.address)
        keep(Report(("instanthmr",), (Check("instanthmr", "toy", "", False, "Bad."),), "now"), "instanthmr", tmp_path)
        states = {name: state_of(shelf()[f"instanthmr_{name}"], tmp_path) for name in ("medium", "nano")}
        assert (states["nano"].state, states["nano"].detail) == ("broken", "its last check failed")
        assert states["medium"].state == "ready"
        assert bring("nano", tmp_path, service.address, proving=prove).source == "naturalpad"
    assert state_of(shelf()["instanthmr_nano"], tmp_path).state == "ready"


@pytest.mark.parametrize("content", [b"", b"just text\n", b"\x89PNG\r\n\x1a\n" + bytes(100), network()[:-1500]])
def test_a_file_that_is_no_network_must_be_fetched_again(tmp_path: Path, content: bytes) -> None:
    """Nothing is built or converted here."""
    with pytest.raises(ModelError, match=r"mine\.onnx is no ONNX network of InstantHMR, .* Fetch it again") as raised:
        bring("nano", tmp_path, own=OwnFiles(_written(tmp_path / "mine.onnx", content)))
    assert raised.value.remedy is None
    assert not (tmp_path / "instanthmr").exists()
