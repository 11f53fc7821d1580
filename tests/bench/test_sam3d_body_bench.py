"""The bench's own parts: recording, comparing, tabulating, telling MHR's nodes from others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.sam3d_body.__main__ import main
from bench.sam3d_body.measure import peak_megabytes, repeated
from bench.sam3d_body.places import STAGES, Settings
from bench.sam3d_body.plan import plan
from bench.sam3d_body.recorder import IMAGE_INPUTS, PROMPT_INPUTS, Record, Recorder
from bench.sam3d_body.rounding import differences
from bench.sam3d_body.table import table
from native_runtime.engines.sam3d_body.networks import Tensors
from native_runtime.onnx.device_array import DeviceArray


class Echo:
    """Networks whose features are the crops' means, and whose decoders answer with what they were given."""

    image_size, feature_size, constants = (4, 4), (1, 1), {}

    def encode(self, crops):
        means = crops.reshape(len(crops), -1).mean(axis=1, dtype=np.float32).reshape(-1, 1, 1, 1)
        return Tensors.split({"features": DeviceArray(means)})

    def context(self, kind, features, rays, mask, mask_score):
        return Tensors.split({"context": DeviceArray(Tensors.join(features)["features"].numpy() + rays)})

    def decode(self, kind, contexts, inputs):
        return {"seen": Tensors.join(contexts)["context"].numpy(), "previous": inputs["previous"] * 2}


def test_a_record_tells_which_crops_each_pass_saw(tmp_path: Path) -> None:
    recorder = Recorder(Echo())
    crops = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    body, (left, right) = recorder.encode(crops[:1])[0], recorder.encode(crops[1:])
    rays = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1)
    empty, score = np.zeros((3, 1, 4, 4), np.float32), np.zeros(3, np.float32)
    (of_body,) = recorder.context("body", [body], rays[:1], empty[:1], score[:1])
    of_hands = recorder.context("hand", [left, right], rays[1:], empty[1:], score[1:])
    prompts = {name: np.full((2, 1), number, np.float32) for number, name in enumerate(PROMPT_INPUTS)}
    recorder.decode("hand", of_hands[::-1], prompts)
    recorder.decode("body", [of_body], {name: array[:1] for name, array in prompts.items()})

    recorder.record.save(tmp_path / "record.npz")
    record = Record.load(tmp_path / "record.npz")
    np.testing.assert_array_equal(np.stack(record.crops), crops)
    assert [one.kind for one in record.passes] == ["hand", "body"]
    assert [one.crops for one in record.passes] == [(2, 1), (0,)]
    hands = record.passes[0]
    assert set(hands.inputs) == {*IMAGE_INPUTS, *PROMPT_INPUTS}
    np.testing.assert_array_equal(hands.inputs["rays"].ravel(), [2, 1])
    np.testing.assert_array_equal(hands.outputs["seen"].ravel(), [4, 2])
    assert set(recorder.record.seconds) == {"encoder", "body_context", "hand_context", "hand_decoder", "body_decoder"}


def test_differences_are_measured_about_the_hips() -> None:
    rng = np.random.default_rng(0)
    one = {"keypoints_2d": rng.uniform(0, 900, (1, 70, 2)), "keypoints_3d": rng.normal(size=(1, 70, 3))}
    moved = {"keypoints_2d": one["keypoints_2d"] + [3, 4], "keypoints_3d": one["keypoints_3d"] + [1, 2, 3]}
    moved["keypoints_3d"][0, 20, 0] += 0.007
    found = differences(moved, one)
    assert found["px_mean"] == pytest.approx(5)
    assert found["mm_max"] == pytest.approx(7)
    assert found["mm_mean"] == pytest.approx(0.1)


def test_times_leave_out_the_warm_up() -> None:
    calls: list[int] = []
    times = repeated(lambda: calls.append(1), 3, warm_up=2)
    assert (len(calls), len(times.all)) == (5, 3)
    assert times.facts()["runs"] == 3
    assert (peak_megabytes() or 1) > 0


def test_the_table_compares_with_the_yardstick() -> None:
    stages = {
        "convert fp32": {"seconds": 30.0, "peak_mb": 2500.0},
        "encoder fp32": {"seconds": 6.0, "two_crops": {"seconds": 10.0}, "peak_mb": 4000.0},
        "encoder int8": {"seconds": 3.0, "two_crops": {"seconds": 6.0}, "peak_mb": 1500.0},
        "decoders fp32": {
            "body_context": {"seconds": 0.06},
            "body_decoder": {"seconds": 0.04},
            "mhr": {"share": 0.041},
            "peak_mb": 900.0,
        },
        "rounding int8": {"first_pass": {"px_mean": 0.5, "px_max": 2.0, "mm_mean": 1.0, "mm_max": 3.0}},
        "load int8": {"error": "the stage ended with -9"},
        "eager": {"seconds": 40.0, "encoder": [12.0, 13.0, 11.0], "decoders": {"body": [0.4]}, "difference": 2e-5},
    }
    lines = table({"variant": "vith", "provider": "cpu", "threads": 2, "stages": stages}).splitlines()
    cells = {line.split("|")[1].strip(): [c.strip() for c in line.split("|")[2:-1]] for line in lines if "|" in line}
    assert cells[""] == ["fp32", "int8", "eager PyTorch fp32", "eager / fp32", "eager / int8"]
    assert cells["encoder, one crop, alone"] == ["6.0 s", "3.0 s", "12.0 s", "2.0", "4.0"]
    assert cells["encoder, two crops at once, each"][:2] == ["5.0 s", "3.0 s"]
    assert cells["body: decoder on a prepared image"] == ["40 ms", "", "400 ms", "10.0", ""]
    assert cells["body: both, the first pass"][0] == "100 ms"
    text = "\n".join(lines)
    assert "4.1 %" in text
    assert "0.500 px on average" in text
    assert "load int8: the stage ended with -9" in text


def test_without_stages_only_what_is_known_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--variant", "vith", "--work", str(tmp_path), "--stages"]) == 0
    assert "vith" in capsys.readouterr().out


def test_a_failing_stage_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--variant", "vith", "--work", str(tmp_path), "--stages", "weights", "--json"]
    assert main([*arguments, "--templates", str(tmp_path)]) == 1
    assert "the stage ended with 1" in capsys.readouterr().out


def test_any_choice_of_stages_brings_what_it_needs() -> None:
    def nothing(stage: str, precision: str | None) -> bool:
        return False

    first = [("weights", None), ("convert", "int8"), ("full", "int8")]
    assert plan(["eager"], ["int8"], nothing) == [*first, ("eager", None)]
    assert plan(["eager"], ["int8", "fp32"], nothing)[1:3] == [("convert", "fp32"), ("full", "fp32")]
    assert plan(["eager"], ["fp32"], lambda *step: step in first) == [("eager", None)]
    assert plan(["decoders"], ["int8"], nothing) == [*first, ("decoders", "int8")]
    assert plan(["decoders"], ["int8"], lambda *step: step in first) == [("decoders", "int8")]
    assert ("full", "fp32") in plan(["rounding"], ["int8"], nothing)
    assert plan(["rounding"], ["fp32"], nothing) == []
    assert plan(["encoders"], ["fp16"], nothing) == [("weights", None), ("convert", "fp16"), ("encoders", None)]
    everything = plan(list(STAGES), ["fp32", "int8"], nothing)
    assert [step[0] for step in everything] == sorted((step[0] for step in everything), key=list(STAGES).index)
    assert len(everything) == 3 + 2 * (len(STAGES) - 3) - 1


def test_the_yardstick_repeats_the_most_exact_record(tmp_path: Path) -> None:
    settings = Settings(str(tmp_path), "vith", "fp32", "cpu", 1, "", 1, 0, "")
    settings.folder.mkdir()
    assert settings.recorded() == settings
    for precision in ("int8", "fp16", "fp32"):
        replace(settings, precision=precision).record.touch()
        assert settings.recorded().precision == precision


def test_mhrs_nodes_are_those_between_parameters_and_keypoints() -> None:
    onnx = pytest.importorskip("onnx")
    from bench.sam3d_body.profile import mhr_nodes

    def node(name: str, inputs: str) -> object:
        return onnx.helper.make_node("MatMul", inputs.split(), [name], name=name)

    layer = [
        node("head{0}", "token{0} w"),
        node("joints{0}", "head{0} mhr:parameter_transform"),
        node("shape{0}", "head{0} mhr:pair_identity"),
        node("pairs{0}", "joints{0} shape{0}"),
        node("points{0}", "mhr:pair_sums pairs{0}"),
        node("token{1}", "points{0} token{0}"),
    ]
    nodes = []
    for index in range(2):
        for each in layer:
            copy = onnx.NodeProto.FromString(each.SerializeToString())
            names = [*copy.input, *copy.output]
            renamed = [name.replace("{0}", str(index)).replace("{1}", str(index + 1)) for name in names]
            copy.input[:], copy.output[:] = renamed[:2], renamed[2:]
            copy.name = renamed[2]
            nodes.append(copy)
    graph = onnx.GraphProto(node=nodes)
    assert mhr_nodes(graph) == {f"{name}{index}" for name in ("joints", "shape", "pairs", "points") for index in (0, 1)}
