"""Opening networks: the choice of hardware, and what is said when it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from native_runtime.errors import ModelError, UsageError
from native_runtime.models import manifest, store
from native_runtime.onnx import providers, sessions


@pytest.fixture(scope="module")
def network_file() -> Path:
    folder = store.models_dir() / store.NETWORKS_FOLDER
    if not (folder / manifest.NAME).is_file():
        pytest.skip(f"no networks at {folder}: run `sam3db models build` (make models)")
    return store.network_path("hand_landmark")


def test_the_cpu_is_always_the_last_resort() -> None:
    assert providers.candidates()[-1] == providers.CPU
    assert providers.candidates(["cpu"]) == [providers.CPU]
    assert providers.candidates([providers.CPU]) == [providers.CPU]


def test_unknown_or_absent_providers_are_usage_errors_that_name_the_choices() -> None:
    with pytest.raises(UsageError, match=r"Unknown compute provider 'abacus'.*cpu"):
        providers.candidates(["abacus"])
    with pytest.raises(UsageError, match="No compute provider"):
        providers.candidates([])
    for short, full in providers.SHORT_NAMES.items():
        if full not in onnxruntime.get_available_providers():
            with pytest.raises(UsageError, match=f"no {short} support"):
                providers.candidates([short])


def test_inputs_and_outputs_go_by_name(network_file: Path) -> None:
    network = sessions.open_network(network_file, ["cpu"])
    assert network.input_shapes == {"image": (None, 224, 224, 3)}
    assert network.output_names == ("landmarks", "presence", "handedness", "world")
    everything = network.run(image=np.zeros((1, 224, 224, 3), np.float32))
    assert {name: values.shape for name, values in everything.items()} == {
        "landmarks": (1, 63),
        "presence": (1, 1),
        "handedness": (1, 1),
        "world": (1, 63),
    }
    assert list(network.run(["world"], image=np.zeros((2, 224, 224, 3), np.float32))) == ["world"]


def test_a_provider_that_does_not_work_is_passed_over_with_a_note(
    network_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sessions._open_on

    def broken_card(path: Path, provider: str, threads: int, notes: Any) -> sessions.Network:
        if provider != providers.CPU:
            raise RuntimeError("libcublas is missing\nand more")
        return real(path, provider, threads, notes)

    monkeypatch.setattr(sessions, "_open_on", broken_card)
    monkeypatch.setattr(
        sessions.provider_choice, "candidates", lambda requested: ["CUDAExecutionProvider", providers.CPU]
    )
    network = sessions.open_network(network_file)
    assert network.provider == providers.CPU
    assert network.notes == ("hand_landmark.onnx does not run on CUDAExecutionProvider: libcublas is missing",)


def test_a_file_that_is_no_network_is_a_model_error(tmp_path: Path) -> None:
    file = tmp_path / "broken.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"cannot be run.*sam3db models build"):
        sessions.open_network(file)
