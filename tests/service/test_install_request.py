"""The worker's request `install_model`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from native_runtime.build import install
from native_runtime.errors import ModelError, Remedy, UsageError
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.proof import Report
from native_runtime.proof.report import Check
from native_runtime.service.requests import answer
from tests.support.hub import TOKEN, hub
from tests.support.toy_hmr import network


def stem(person: int) -> Path:
    raise AssertionError("nobody is estimated here")


def ask(**keys: Any) -> dict[str, Any]:
    return answer({"do": "install_model", **keys}, Inference(), stem, Silent())


def test_it_answers_what_became_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(("instanthmr",), (Check("instanthmr", "toy", "", True, "It is there."),), "now")
    monkeypatch.setattr(install, "_prove", lambda names, models, progress: report)
    keys = {"item": "instanthmr_nano", "models": str(tmp_path), "accepted": ["sam", "instanthmr_noncommercial"]}
    with hub({"nano.onnx": network()}, token=None) as service:
        done = ask(**keys, commercial=False, service=service.address)
    assert (done["item"], done["source"], done["folder"]) == (
        "instanthmr_nano",
        "naturalpad",
        str(tmp_path / "instanthmr"),
    )
    assert done["proof"]["passed"] is True


def test_what_it_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(UsageError, match="terms are read and accepted") as raised:
        ask(item="mhr", models=str(tmp_path))
    assert raised.value.remedy is Remedy.ACCEPT_TERMS
    keys = {"item": "sam3d_body", "models": str(tmp_path), "accepted": ["sam", "dinov3"], "source": "meta"}
    with hub({}) as service, pytest.raises(ModelError, match="given only to people whom Meta"):
        ask(**keys, service=service.address)
    with hub({}) as service, pytest.raises(ModelError, match=r"no model\.ckpt in"):
        ask(**keys, service=service.address, token=TOKEN)
    for token, message in (("s3cret word", r"\(as typed\) is not one"), (["s3cret"], r"^'token' must be a text\.$")):
        with pytest.raises(UsageError, match=message) as raised:
            ask(**keys, token=token)
        assert "s3cret" not in str(raised.value)
    for wrong, message in (({"commercial": "no"}, "true or false"), ({"accepted": "sam"}, "list of texts")):
        with pytest.raises(UsageError, match=message):
            ask(**keys | wrong)
