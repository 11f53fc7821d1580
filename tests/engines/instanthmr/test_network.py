"""The ONNX file as released, in all its forms: exact against PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from native_runtime.engines.instanthmr.network import HmrNetwork
from native_runtime.errors import ModelError
from tests.support.toy_instanthmr import StandIn, changed, in_half_precision

NAMES = ("model_parameters", "shape", "translation", "points")


def asked(
    network: HmrNetwork, people: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Pictures and conditions of people, and what a network answers, (N, ...) each."""
    pictures = rng.normal(size=(people, 3, network.size, network.size)).astype(np.float32)
    conditions = rng.uniform(0.2, 0.6, (people, 3)).astype(np.float32)
    parts, beside = network.division(people)
    answers = [a for part in parts for a in network.answers(pictures[part], conditions[part], beside > 1)]
    return pictures, conditions, [np.stack([getattr(answer, name) for answer in answers]) for name in NAMES]


def test_it_answers_what_pytorch_does(stand_in: StandIn, network_file: Path, rng: np.random.Generator) -> None:
    network = HmrNetwork.open(network_file, ["cpu"])
    assert (network.size, network.batch, network.wants_focal) == (224, None, False)
    assert network.division(1) == ((slice(0, 1),), 1)
    pictures, conditions, got = asked(network, 3, rng)
    with torch.no_grad():
        wanted = stand_in(torch.tensor(pictures), torch.tensor(conditions))
    for name, values, exact in zip(NAMES, got, wanted):
        np.testing.assert_allclose(values, exact.numpy(), atol=2e-6, err_msg=name)
        assert np.ptp(values, axis=0).max() > 1e-3, name  # the picture and its conditions count


def test_a_later_release(angular_file: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    network = HmrNetwork.open(angular_file, ["cpu"])
    assert (network.size, network.batch, network.wants_focal) == (288, 1, True)
    _, conditions, got = asked(network, 3, rng)
    places = got[2]
    assert len(places) == 3  # one by one
    depth = 1.8 / conditions[:, 2].astype(float)
    np.testing.assert_allclose(np.ptp(places[:, 2]), np.ptp(depth), rtol=1e-5)


def test_a_fixed_number_of_people_is_filled_up(network_file: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    content = onnx.load(str(network_file))
    for entry in (*content.graph.input, *content.graph.output):
        entry.type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(content, str(tmp_path / "four.onnx"))
    four, free = HmrNetwork.open(tmp_path / "four.onnx", ["cpu"]), HmrNetwork.open(network_file, ["cpu"])
    assert (four.batch, free.batch) == (4, None)
    for one, other in zip(asked(four, 6, np.random.default_rng(1))[2], asked(free, 6, np.random.default_rng(1))[2]):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_inputs_in_half_precision(network_file: Path, tmp_path: Path) -> None:
    half = HmrNetwork.open(in_half_precision(network_file, tmp_path / "half.onnx"), ["cpu"])
    full = HmrNetwork.open(network_file, ["cpu"])
    for one, other in zip(asked(half, 2, np.random.default_rng(1))[2], asked(full, 2, np.random.default_rng(1))[2]):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("said", "wants"), [("true", True), ("True", True), ("false", False), ("", False)])
def test_the_file_says_which_conditions_it_wants(network_file: Path, tmp_path: Path, said: str, wants: bool) -> None:
    file = changed(network_file, tmp_path / "said.onnx", {"cliff_focal": said})
    assert HmrNetwork.open(file, ["cpu"]).wants_focal is wants


def test_another_network_is_refused(network_file: Path, tmp_path: Path) -> None:
    content = onnx.load(str(network_file))
    (output,) = (entry for entry in content.graph.output if entry.name == "cam_trans")
    content.graph.output.remove(output)
    onnx.save(content, str(tmp_path / "other.onnx"))
    with pytest.raises(ModelError, match=r"other\.onnx is not a network of InstantHMR"):
        HmrNetwork.open(tmp_path / "other.onnx", ["cpu"])
    content = onnx.load(str(network_file))
    swapped = {"cam_trans": "shape_params", "shape_params": "cam_trans"}
    for node in content.graph.node:
        node.output[:] = [swapped.get(name, name) for name in node.output]
    for output in content.graph.output:
        output.name = swapped.get(output.name, output.name)
    onnx.save(content, str(tmp_path / "swapped.onnx"))
    network = HmrNetwork.open(tmp_path / "swapped.onnx", ["cpu"])
    with pytest.raises(ModelError, match="other sizes"):
        network.answers([np.zeros((3, 224, 224), np.float32)], [np.full(3, 0.2, np.float32)])
    (tmp_path / "none.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError):
        HmrNetwork.open(tmp_path / "none.onnx", ["cpu"])
