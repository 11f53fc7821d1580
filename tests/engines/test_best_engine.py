"""Which engine is meant where none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from native_runtime.engines import AUTO, best_engine, open_engine
from native_runtime.errors import ModelError, UsageError
from native_runtime.models import manifest
from native_runtime.pipeline.decoding import decode
from native_runtime.pipeline.requests import EstimateRequest, PoseRequest
from native_runtime.pipeline.support import require_supported, with_engine

from .test_status import put_body


def put(models: Path, *names: str) -> Path:
    """Folders of networks in a models folder, and a body: whole files, though no network would open."""
    put_body(models)
    for name in names:
        folder = models / name
        folder.mkdir(parents=True)
        (folder / "medium.onnx").write_bytes(b"weights")
        manifest.write(folder, {"medium.onnx": manifest.describe(folder / "medium.onnx")}, variant="vith")
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
    with pytest.raises(UsageError, match="offers no choice of inference"):
        require_supported(EstimateRequest(photo="a.jpg", models=tmp_path, inference="mind"))


def test_where_nothing_is_ready_the_bundled_engine_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There are no model files"):
        open_engine(AUTO, tmp_path)
