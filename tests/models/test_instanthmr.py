"""Which of the installed networks of InstantHMR is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from native_runtime.errors import ModelError, UsageError
from native_runtime.models import manifest
from native_runtime.models.instanthmr import choose, installed, used_network


def put(models: Path, *names: str, **facts: object) -> None:
    folder = models / "instanthmr"
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.onnx").write_bytes(name.encode())
        manifest.update(folder, {f"{name}.onnx": manifest.describe(folder / f"{name}.onnx", **facts)})


def test_the_best_size_is_used_unless_another_is_chosen(tmp_path: Path) -> None:
    put(tmp_path, "nano", "mine")
    put(tmp_path, "small", "medium_commercial", source={"terms": ["sam"], "commercial": True})
    assert installed(tmp_path) == ["small", "nano", "medium_commercial", "mine"]
    network = used_network(tmp_path)
    assert (network.name, network.pa_mpjpe) == ("small", 41.7)
    assert network.terms == {"model": "instanthmr_small", "terms": ["sam"], "commercial": True}
    assert network.path.read_bytes() == b"small"
    choose("mine", tmp_path)
    assert (used_network(tmp_path).name, used_network(tmp_path).pa_mpjpe) == ("mine", 52.0)
    assert used_network(tmp_path).terms["commercial"] is None
    put(tmp_path, "medium")  # what is installed later does not undo the choice
    assert used_network(tmp_path).name == "mine"
    choose(None, tmp_path)
    assert used_network(tmp_path).name == "medium"
    with pytest.raises(UsageError, match=r"no network 'huge'.*medium, small"):
        choose("huge", tmp_path)


def test_missing_and_damaged_networks_are_told_of(tmp_path: Path) -> None:
    assert installed(tmp_path) == []
    with pytest.raises(ModelError, match="no network of InstantHMR"):
        used_network(tmp_path)
    (tmp_path / "instanthmr").mkdir()
    manifest.write(tmp_path / "instanthmr", {})
    with pytest.raises(ModelError, match="no network of InstantHMR"):
        used_network(tmp_path)
    put(tmp_path, "tiny")
    (tmp_path / "instanthmr" / "tiny.onnx").write_bytes(b"TINY")
    with pytest.raises(ModelError, match=r"tiny\.onnx is damaged"):
        used_network(tmp_path)
