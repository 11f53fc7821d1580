"""Timing networks on providers, each in a process of its own, and the table that tells of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from native_runtime.gpu_support import timing
from native_runtime.gpu_support.apart import Trial, ask
from native_runtime.gpu_support.cards import Card
from native_runtime.gpu_support.install import State
from native_runtime.gpu_support.table import gpu_lines
from native_runtime.gpu_support.timing import NetworkTime, ProviderTimes, Times, time_providers
from native_runtime.models import manifest
from tests.support.onnx_files import scaled


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with two networks, one of them damaged."""
    folder = tmp_path / "models" / "landmarks"
    folder.mkdir(parents=True)
    scaled(folder / "double.onnx", 2.0)
    (folder / "broken.onnx").write_bytes(b"no network")
    names = ("double.onnx", "broken.onnx")
    manifest.update(folder, {name: manifest.describe(folder / name) for name in names})
    (folder / "stray.onnx").write_bytes(b"not listed")
    return tmp_path / "models"


def test_the_networks_are_timed_on_the_processor(models: Path) -> None:
    told: list[tuple[float, str]] = []
    times = time_providers(None, models, None, lambda at, text: told.append((at, text)))
    (cpu,) = [one for one in times.providers if one.provider == "cpu"]
    assert cpu.title == "the CPU"
    broken, double = cpu.networks
    assert (broken.network, double.network) == ("landmarks/broken", "landmarks/double")
    assert broken.seconds is None
    assert "The network broken.onnx cannot be used" in broken.fault
    assert str(models) not in broken.fault
    assert double.seconds is not None
    assert double.seconds > 0.0
    assert cpu.total is None
    assert times.fastest == ""  # nothing runs all of them
    assert [at for at, _ in told] == sorted(at for at, _ in told)


def providers(monkeypatch: pytest.MonkeyPatch, faults: dict[str, str], seconds: dict[str, float | None]) -> None:
    """A machine with these providers, on which the one network takes so long; None: the process crashes."""
    monkeypatch.setattr(timing, "try_out", lambda folder, look: Trial("cuda", "", "1.31.1", faults))
    monkeypatch.setattr(timing, "network_files", lambda models: [Path("landmarks/pose.onnx")])

    def answer(settings: dict[str, str], folder: object, look: object, heard: object) -> tuple[list[dict], str]:
        taken = seconds[settings["provider"]]
        said = [{"title": settings["provider"].upper()}]
        if taken is None:
            return said, "The process that tried it crashed (SIGSEGV)."
        return [*said, {"network": "landmarks/pose", "seconds": taken, "fault": ""}], ""

    monkeypatch.setattr(timing, "ask", answer)


def test_the_fastest_that_survives_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = {"tensorrt": "", "cuda": "", "directml": "DirectML does not work: no card.", "cpu": ""}
    providers(monkeypatch, faults, {"cuda": None, "cpu": 0.2, "tensorrt": 0.001})
    times = time_providers(Path("/gpu"))
    assert times.fastest == "cpu"
    found = {one.provider: one.fault for one in times.providers}
    # TensorRT compiles for minutes, so it is timed only when it is named
    assert found == {"cuda": "The process that tried it crashed (SIGSEGV).", "directml": faults["directml"], "cpu": ""}
    assert time_providers(Path("/gpu"), providers=["tensorrt"]).fastest == "tensorrt"
    providers(monkeypatch, faults, {"cuda": 0.01, "cpu": 0.2})
    assert time_providers(Path("/gpu")).fastest == "cuda"


def test_a_process_that_is_silent_too_long_is_ended() -> None:
    answers, error = ask({"do": "try"}, None, patience_s=0.0)
    assert (answers, error) == ([], "It took longer than 0 seconds and was ended.")


def test_whoever_looks_may_stop_it() -> None:
    class Stop(Exception): ...  # noqa: N818

    def look() -> None:
        raise Stop

    with pytest.raises(Stop):
        ask({"do": "try"}, None, look)


def test_the_table_names_no_folder_of_the_user() -> None:
    home = str(Path.home())
    trial = Trial("cuda", "", "1.31.1", {"cuda": f"NVIDIA CUDA does not work: {home}/x.so is missing.", "cpu": ""})
    times = Times(
        trial,
        (
            ProviderTimes("cuda", "cuda", trial.faults["cuda"]),
            ProviderTimes("openvino", "Intel OpenVINO", "", (NetworkTime("landmarks/pose", None, "It does not run."),)),
            ProviderTimes("cpu", "the CPU", "", (NetworkTime("landmarks/pose", 0.0123), NetworkTime("x/y", 2.5))),
        ),
        "cpu",
    )
    lines = gpu_lines(
        [Card("NVIDIA L4", "NVIDIA", "580.95.05", 24 * 2**30)],
        State("cuda", "NVIDIA CUDA", "1.31.1", 2_165_000_000),
        times,
    )
    assert lines == [
        "- graphics card: NVIDIA L4, 24 GB, driver 580.95.05 (NVIDIA)",
        "- GPU support: NVIDIA CUDA 1.31.1, 2165 MB",
        "- ONNX Runtime 1.31.1",
        "- cuda: does not work. NVIDIA CUDA does not work: ~/x.so is missing.",
        "- openvino: works",
        "- cpu: works (fastest)",
        "",
        "| milliseconds | openvino | cpu |",
        "| --- | ---: | ---: |",
        "| landmarks/pose | does not run | 12.3 |",
        "| x/y | does not run | 2500 |",
        "| all |  | 2512 |",
        "",
        "- It does not run.",
    ]
