"""Weights of converted graphs against what they were made of: clean ones pass in every precision, mix-ups do not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from native_runtime.build.sam3d_body.convert import convert_checkpoint
from native_runtime.errors import ModelError
from native_runtime.models import manifest
from native_runtime.onnx.initializers import Initializers
from native_runtime.onnx.rotation import unrotated
from native_runtime.proof.probes import probe
from native_runtime.proof.report import Check
from native_runtime.proof.weights import weights_checks
from tests.support import toy_sam3d_body
from tests.support.checkpoints import write_torch

PRECISIONS = ("fp32", "fp16", "int8")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The toy model's folder in each precision. Not to be changed."""
    release = tmp_path_factory.mktemp("release")
    write_torch(release / "model.ckpt", toy_sam3d_body.tensors())
    toy_sam3d_body.write_mhr(release / "assets" / "mhr_model.pt")
    templates = toy_sam3d_body.write_templates(release / "templates")
    return {
        precision: convert_checkpoint(release, None, release / precision, precision, templates).folder
        for precision in PRECISIONS
    }


@pytest.fixture
def changeable(converted: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    def copied(precision: str) -> Path:
        return Path(shutil.copytree(converted[precision], tmp_path / precision))

    return copied


def failures(folder: Path) -> dict[str, Check]:
    return {check.name: check for check in weights_checks("sam3d_body", folder) if check.gate and not check.passed}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_clean_conversion_passes(converted: dict[str, Path], precision: str) -> None:
    checks = {check.name: check for check in weights_checks("sam3d_body", converted[precision])}
    assert all(check.passed for check in checks.values()), [check.sentence for check in checks.values()]
    compared = checks["weights:source"]
    assert compared.measured is not None
    # what bfloat16 holds, float16 holds as well; eight bits must round
    assert (0 < compared.measured < 1) if precision == "int8" else compared.measured < 0.1
    assert "12 of 12" in compared.sentence


@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_are_read_as_onnx_runtime_gets_them(converted: dict[str, Path], precision: str) -> None:
    found = Initializers(converted[precision] / "encoder.onnx")
    expected = toy_sam3d_body.tensors()[toy_sam3d_body.BACKBONES["dinov3"]]
    if precision == "int8":
        weight = found["v"].astype(np.float32) * found["q"]
        np.testing.assert_allclose(unrotated(weight.T), expected, atol=np.abs(expected).max() / 127)
    else:
        np.testing.assert_allclose(found["w"].T, expected, rtol=1e-3, atol=1e-6)
    assert len(found) == len(list(found))


def _weights(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change the encoder's large weight where it lies."""
    kind = {"w": np.float32, "v": np.int8}
    name = "v" if "v" in Initializers(folder / "encoder.onnx") else "w"
    old = Initializers(folder / "encoder.onnx")[name]
    dtype = kind[name] if old.dtype == np.int8 else old.dtype
    path = folder / "encoder.weights"
    made = np.ascontiguousarray(change(np.array(old)), dtype)
    with path.open("r+b") as file:
        file.write(made.tobytes())


MIX_UPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "two rows exchanged": lambda w: np.concatenate([w[[1, 0]], w[2:]]),
    "transposed and reshaped": lambda w: w.T.reshape(w.shape),
    "columns mirrored": lambda w: w[:, ::-1],
    "negative": lambda w: -w,
    "a tenth is zero": lambda w: np.where(np.arange(w.size).reshape(w.shape) % 10 == 0, 0, w),
    "heads in another order": lambda w: np.roll(w, 50, axis=1),
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("mix_up", MIX_UPS)
def test_mix_ups_are_caught(changeable: Callable[[str], Path], precision: str, mix_up: str) -> None:
    folder = changeable(precision)
    _weights(folder, MIX_UPS[mix_up])
    assert "weights:source" in failures(folder)


def test_numbers_that_are_none_are_caught(changeable: Callable[[str], Path]) -> None:
    folder = changeable("fp32")
    _weights(folder, lambda w: np.where(w == w[3, 3], np.nan, w))
    assert {"weights:finite", "weights:source"} <= failures(folder).keys()
    assert "w is not finite" in failures(folder)["weights:finite"].sentence


def test_a_graph_of_another_conversion_is_caught(changeable: Callable[[str], Path], converted: dict[str, Path]) -> None:
    folder = changeable("fp32")
    shutil.copy(converted["fp16"] / "body_decoder.onnx", folder / "body_decoder.onnx")
    for kind in ("onnx", "weights"):
        shutil.copy(folder / f"hand_decoder.{kind}", folder / f"body_decoder.{kind}")
    graph = (folder / "body_decoder.onnx").read_bytes().replace(b"hand_decoder.weights", b"body_decoder.weights")
    (folder / "body_decoder.onnx").write_bytes(graph)
    assert "weights:source" in failures(folder)


def test_missing_weights_are_an_error(changeable: Callable[[str], Path]) -> None:
    folder = changeable("fp32")
    (folder / "encoder.weights").write_bytes(b"short")
    with pytest.raises(ModelError, match="incomplete"):
        weights_checks("sam3d_body", folder)


def test_facts_of_the_released_model_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gains, biases and periods, of initializers made up here."""
    manifest.write(tmp_path, {"encoder.onnx": {"sha256": "", "size": 1}}, model="sam3d_body", variant="dinov3")
    (tmp_path / "encoder.onnx").write_bytes(b"0")
    prefix = "backbone.encoder"

    def found(**changes: np.ndarray) -> dict[str, Check]:
        made = {
            f"{prefix}.blocks.0.ls1.gamma": np.array([0.1, -13.6]),
            f"{prefix}.blocks.0.attn.qkv.bias": np.zeros(6),
            f"{prefix}.rope_embed.periods": np.float32(100.0 ** (np.arange(16) / 16)),
        }
        made |= {f"{prefix}.{name.replace('__', '.')}": array for name, array in changes.items()}
        monkeypatch.setattr("native_runtime.proof.weights.Initializers", lambda path: made)
        return {check.name: check for check in weights_checks("sam3d_body", tmp_path)}

    clean = found()
    assert all(check.passed for check in clean.values()), [check.sentence for check in clean.values()]
    assert {"weights:gain", "weights:gains", "weights:bias", "weights:periods"} <= clean.keys()
    wrong = found(rope_embed__periods=np.float32(10000.0 ** (np.arange(16) / 16)))
    assert not wrong["weights:periods"].passed
    odd = found(blocks__0__attn__qkv__bias=np.ones(6), blocks__0__ls1__gamma=np.array([2.0]))
    assert not odd["weights:bias"].passed
    assert not odd["weights:bias"].gate
    assert not odd["weights:gain"].passed
    assert not odd["weights:gain"].gate
    assert not found(blocks__0__ls1__gamma=np.array([500.0]))["weights:gains"].passed


def test_a_probe_tells_tensors_apart_and_forgives_order_in_memory() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((700, 40), np.float32)
    np.testing.assert_allclose(probe(a), probe(np.asfortranarray(a)), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(probe(a)[-1], np.linalg.norm(a), rtol=1e-5)
    away = np.abs(probe(a) - probe(rng.standard_normal((700, 40), np.float32)))[:-1] / np.linalg.norm(a)
    assert np.all(away > 0.005)
    assert probe(np.float32(2.0)).shape == (5,)
