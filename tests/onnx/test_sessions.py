"""Opening networks: the choice of hardware, what is said when it fails, and results that stay on the device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from native_runtime.errors import ModelError, Remedy, UsageError
from native_runtime.onnx import memory, providers, sessions
from native_runtime.onnx import probe as probing
from native_runtime.onnx.device_array import DeviceArray, concatenate
from native_runtime.onnx.limits import MEMORY
from tests.support.onnx_files import scaled

ALL = [provider.name for provider in providers.PROVIDERS]


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    return scaled(tmp_path / "double.onnx", 2.0)


@pytest.fixture
def all_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ONNX Runtime that was built with everything."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ALL)


# --- the choice ---


def test_the_cpu_is_always_the_last_resort() -> None:
    assert providers.candidates()[-1].provider.name == providers.CPU
    for name in ("cpu", "CPU", providers.CPU):
        assert [c.provider.short for c in providers.candidates([name])] == ["cpu"]


@pytest.mark.usefixtures("all_built_in")
def test_the_best_comes_first_and_what_starts_slowly_waits_to_be_asked() -> None:
    names = [c.provider.short for c in providers.candidates()]
    assert names == ["cuda", "migraphx", "directml", "coreml", "cpu"]
    assert [c.provider.short for c in providers.candidates(["tensorrt", "cpu"])] == ["tensorrt", "cpu"]


@pytest.mark.usefixtures("all_built_in")
def test_a_device_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cuda, openvino, tensorrt = providers.candidates(["cuda:1", "openvino:NPU", "tensorrt"])
    assert (cuda.device_number, cuda.options()["device_id"]) == (1, "1")
    assert openvino.options()["device_type"] == "NPU"
    assert "device_id" not in tensorrt.options()
    assert [name for name, _ in tensorrt.stack()] == ["TensorrtExecutionProvider", "CUDAExecutionProvider"]
    assert cuda.stack() == [("CUDAExecutionProvider", cuda.options())]
    for candidate in (openvino, tensorrt):
        folders = [v for k, v in candidate.options().items() if k in candidate.provider.cache_options]
        assert folders
        assert all(Path(folder).is_dir() for folder in folders)


def test_unknown_or_absent_providers_are_usage_errors_that_name_the_choices() -> None:
    with pytest.raises(UsageError, match=r"Unknown compute provider 'abacus'.*cpu"):
        providers.candidates(["abacus"])
    with pytest.raises(UsageError, match="No compute provider"):
        providers.candidates([])
    with pytest.raises(UsageError, match="no device '1'"):
        providers.candidates(["cpu:1"])
    for provider in providers.PROVIDERS:
        if provider.name not in onnxruntime.get_available_providers():
            with pytest.raises(UsageError, match=f"no {provider.short} support.*{provider.package}"):
                providers.candidates([provider.short])


def test_of_several_named_providers_those_that_are_not_built_in_are_noted(network_file: Path) -> None:
    absent = next(p for p in providers.PROVIDERS if p.name not in onnxruntime.get_available_providers())
    network = sessions.open_network(network_file, [absent.short, "cpu"])
    assert network.provider == providers.CPU
    (note,) = network.notes
    assert note.startswith(f"The installed ONNX Runtime has no {absent.short} support.")


# --- what happens when it fails ---


def _with_card(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """A CUDA card on which every network fails with `fault`."""
    real = sessions._open_on

    def open_on(path: Path, candidate: Any, *rest: Any) -> sessions.Network:
        if candidate.provider.short == "cuda":
            raise fault
        return real(path, candidate, *rest)

    monkeypatch.setattr(sessions, "_open_on", open_on)
    monkeypatch.setattr(sessions, "why_not", lambda candidate: None)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", providers.CPU])


def test_a_provider_that_does_not_work_is_passed_over_with_a_note(
    network_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_card(monkeypatch, RuntimeError("libcublas is missing\nand more"))
    network = sessions.open_network(network_file)
    assert network.provider == providers.CPU
    assert network.notes == ("double.onnx does not run on NVIDIA CUDA: libcublas is missing.",)


def test_a_card_without_enough_memory_is_passed_over_with_the_sizes(
    network_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_card(monkeypatch, RuntimeError("[E] Failed to allocate memory for requested buffer of size 939524096"))
    (note,) = sessions.open_network(network_file).notes
    assert "NVIDIA CUDA" in note
    assert "0.9 GB more could not be allocated" in note
    assert "The CPU has memory of its own." in note


def test_when_nothing_else_was_allowed_the_reason_is_the_error(
    network_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_card(monkeypatch, RuntimeError("libcublas is missing"))
    with pytest.raises(ModelError, match=r"NVIDIA CUDA: libcublas is missing\..*choose the CPU"):
        sessions.open_network(network_file, ["cuda"])


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_whose_library_is_missing_is_noticed(network_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed ONNX Runtime has no CUDA: as with a missing driver, it takes the CPU without a word."""
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    monkeypatch.setattr(providers, "available", lambda: list(providers.PROVIDERS))
    probing.fault_of.cache_clear()
    with pytest.raises(ModelError, match=r"NVIDIA CUDA does not work: .*(missing|lacks)"):
        sessions.open_network(network_file, ["cuda"])
    assert sessions.open_network(network_file, ["cuda", "cpu"]).notes[0].startswith("NVIDIA CUDA does not work")


def test_weights_larger_than_the_free_memory_are_refused_before_they_are_read(
    network_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 10)
    monkeypatch.setattr(memory, "limit_in_force", lambda: None)
    with pytest.raises(ModelError, match=r"double\.onnx does not fit into .* only 0\.0 MB are free\.$") as raised:
        sessions.open_network(network_file, ["cpu"])
    assert raised.value.remedy is Remedy.FREE_MEMORY


def test_a_limit_that_is_too_small_is_named(network_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_free_bytes", lambda: 20 * 10**9)
    monkeypatch.setattr(memory, "memory_used", lambda: 5 * 10**8)
    monkeypatch.setenv(MEMORY, "500000010")
    said = r"memory limit of 500 MB is too small for double\.onnx: .* only 0\.0 MB are free\.$"
    with pytest.raises(ModelError, match=said) as raised:
        sessions.open_network(network_file, ["cpu"])
    assert raised.value.remedy is Remedy.RAISE_MEMORY_LIMIT
    monkeypatch.setattr(memory, "_free_bytes", lambda: 5)  # where less is free than the limit leaves
    with pytest.raises(ModelError, match="memory of this computer"):
        sessions.open_network(network_file, ["cpu"])


@pytest.mark.parametrize("size", [10**7, 10**9])
def test_a_smaller_precision_is_advised_where_there_is_one(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MEMORY, raising=False)
    assert ("int8" in str(memory.no_room("a.onnx", "CUDA", size, "that is all"))) == (size == 10**9)


def test_memory_that_ends_during_a_run_is_told_with_sizes(network_file: Path) -> None:
    network = sessions.open_network(network_file, ["cpu"])

    class Full:
        def run(self, *_: Any) -> None:
            raise RuntimeError("Available memory of 12 is smaller than requested bytes of 2500000000")

    network._session = Full()
    with pytest.raises(ModelError, match=r"double\.onnx .* 2\.5 GB more could not be allocated"):
        network.run(x=np.zeros((1, 4), np.float32))


def test_other_errors_are_not_taken_for_a_lack_of_memory(network_file: Path) -> None:
    network = sessions.open_network(network_file, ["cpu"])
    with pytest.raises(Exception, match=r"(?i)invalid|dimension"):
        network.run(x=np.zeros((1, 5), np.float32))


# --- how much is free ---


def _proc(folder: Path, available_kb: int) -> Path:
    path = folder / "meminfo"
    path.write_text(f"MemTotal:  99999999 kB\nMemAvailable: {available_kb} kB\nHugePages_Total: 0\n")
    return path


def test_free_memory_is_what_the_kernel_and_a_containers_limit_leave(tmp_path: Path) -> None:
    meminfo = _proc(tmp_path, 4_000_000)
    group = tmp_path / "cgroup"
    assert memory._linux_available(meminfo, group) == 4_096_000_000
    group.mkdir()
    (group / "memory.current").write_text("1500000000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 500000000\n")
    (group / "memory.max").write_text("2000000000\n")
    assert memory._linux_available(meminfo, group) == 1_000_000_000
    (group / "memory.max").write_text("max\n")
    assert memory._linux_available(meminfo, group) == 4_096_000_000
    assert memory._linux_available(tmp_path / "none", tmp_path / "none") is None


def test_free_memory_here_is_plausible() -> None:
    free = memory.available_bytes()
    assert free is not None
    assert 0 < free <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


# --- running ---


def test_inputs_and_outputs_go_by_name(network_file: Path) -> None:
    network = sessions.open_network(network_file, ["cpu"])
    assert network.input_shapes == {"x": (None, 4)}
    assert network.output_names == ("y",)
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    np.testing.assert_array_equal(network.run(["y"], x=x)["y"], 2 * x)


def test_on_the_cpu_results_pass_from_network_to_network_without_a_copy(network_file: Path) -> None:
    network = sessions.open_network(network_file, ["cpu"])
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    first = network.run_on_device(x=x)["y"]
    assert (first.device, first.shape, first.dtype, len(first)) == ("cpu", (2, 4), np.float32, 2)
    assert first.numpy() is first.numpy()
    np.testing.assert_array_equal(network.run(x=first)["y"], 4 * x)
    assert np.shares_memory(first[1:].numpy(), first.numpy())


def test_results_can_be_bound_to_a_device(network_file: Path) -> None:
    """The way of a card, with the CPU's memory in its place: bound by ONNX Runtime, never through NumPy."""
    network = sessions.open_network(network_file, ["cpu"])
    network._memory = ("cpu", 0)
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    first = network.run_on_device(["y"], x=x)["y"]
    assert isinstance(first.ort_value(), onnxruntime.OrtValue)
    assert (first.device, first.shape, first.dtype) == ("cpu", (2, 4), np.float32)
    second = network.run_on_device(x=first)["y"]
    np.testing.assert_array_equal(second.numpy(), 4 * x)
    np.testing.assert_array_equal(network.run(x=second[[1]])["y"], 8 * x[1:])


@pytest.mark.parametrize("bound", [False, True])
def test_people_are_chosen_and_put_together(bound: bool) -> None:
    values = np.arange(24, dtype=np.float16).reshape(3, 2, 4)
    array = DeviceArray(onnxruntime.OrtValue.ortvalue_from_numpy(values) if bound else values)
    np.testing.assert_array_equal(array[1].numpy(), values[1:2])
    np.testing.assert_array_equal(array[1:].numpy(), values[1:])
    np.testing.assert_array_equal(array[[2, 0]].numpy(), values[[2, 0]])
    again = concatenate([array[0], array[1:]])
    np.testing.assert_array_equal(again.numpy(), values)
    assert again.dtype == np.float16
    assert concatenate([array]) is array


# --- the probe ---


@pytest.fixture
def fresh_probe() -> Iterator[None]:
    probing.fault_of.cache_clear()
    yield
    probing.fault_of.cache_clear()


@pytest.mark.usefixtures("fresh_probe")
def test_the_probe_finds_what_works_and_says_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probing.probe(["cpu"]) == probing.Probe(providers.PROVIDERS[-1], ())
    real = probing.fault_of
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", providers.CPU])
    monkeypatch.setattr(probing, "fault_of", lambda c: real(c) if c.provider.short == "cpu" else "No driver.")
    found = probing.probe()
    assert found.provider is providers.PROVIDERS[-1]
    assert found.notes == ("No driver.",)
    assert probing.probe(["cuda"]).provider is None


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.usefixtures("fresh_probe")
def test_the_probe_notices_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    monkeypatch.setattr(providers, "available", lambda: list(providers.PROVIDERS))
    found = probing.probe(["cuda", "cpu"])
    assert found.provider is not None
    assert found.provider.short == "cpu"
    assert "NVIDIA CUDA does not work" in found.notes[0]


@pytest.mark.usefixtures("fresh_probe")
def test_a_provider_that_takes_nothing_of_the_network_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Idle:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def get_providers(self) -> list[str]:
            return ["OpenVINOExecutionProvider", providers.CPU]

        def get_provider_graph_assignment_info(self) -> list[SimpleNamespace]:
            return [SimpleNamespace(ep_name=providers.CPU)]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Idle)
    fault = probing.fault_of(providers.Candidate(next(p for p in providers.PROVIDERS if p.short == "openvino")))
    assert fault == "Intel OpenVINO does not work: it can compute none of the network's operators."


def test_the_errors_of_onnxruntime_are_told_in_short() -> None:
    long = (
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : /onnxruntime_src/onnxruntime/core/x.cc:729 void onnxruntime::"
        "Register(Options&, const Map&) Please install TensorRT.\nStacktrace"
    )
    assert probing.in_short(RuntimeError(long)) == "Please install TensorRT"
    assert probing.in_short(RuntimeError("(driver) too old.")) == "(driver) too old"
    assert probing.in_short(RuntimeError()) == "RuntimeError"


def test_an_onnxruntime_for_the_cpu_alone_names_the_packages_for_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["AzureExecutionProvider", providers.CPU])
    (note,) = probing.probe().notes
    assert "onnxruntime-gpu" in note
    assert "onnxruntime-directml" in note


def test_products_of_eight_bits_do_not_overflow(tmp_path: Path) -> None:
    """Numbers at the ends of their range: some processors' quicker kernel would add them up in 16 bits."""
    onnx = pytest.importorskip("onnx", reason="writes the network")
    helper, types = onnx.helper, onnx.TensorProto
    path = tmp_path / "whole.onnx"
    weights = helper.make_tensor("w", types.INT8, [64, 3], np.full((64, 3), 127, np.int8).tobytes(), raw=True)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "whole",
        [helper.make_tensor_value_info("x", types.UINT8, [2, 64])],
        [helper.make_tensor_value_info("y", types.INT32, [2, 3])],
        [weights],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    network = sessions.open_network(path, ["cpu"])
    (y,) = network.run(x=np.full((2, 64), 255, np.uint8)).values()
    np.testing.assert_array_equal(y, np.full((2, 3), 64 * 255 * 127))
