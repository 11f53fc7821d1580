"""The worker and libraries for graphics cards: a fault is a warning, and installing and removing are requests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from native_runtime.gpu_support.apart import Trial
from native_runtime.gpu_support.install import install, state_of
from native_runtime.service.client import Event, WorkerClient
from tests.support.toy_wheels import LACKS_A_LIBRARY, toy_set, wheel_of, written

_PATIENCE_S = 60.0


def put(folder: Path, files: Path, code: str) -> None:
    content = wheel_of({"onnxruntime/__init__.py": code})
    chosen = toy_set(onnxruntime_openvino=content)
    install(folder, "openvino", ("mit", "apache"), written(files, chosen, content), wanted=chosen,
            attempt=lambda folder: Trial())  # fmt: skip


def until_final(client: WorkerClient, number: int) -> list[Event]:
    events: list[Event] = []
    end = time.monotonic() + _PATIENCE_S
    while not any(event.id == number and event.is_final for event in events):
        assert time.monotonic() < end
        events += client.poll()
        time.sleep(0.01)
    return events


def test_libraries_that_cannot_be_loaded_are_a_warning_and_the_work_is_done(
    client: WorkerClient, photo: Callable[[str], str], tmp_path: Path, repository: Path
) -> None:
    put(tmp_path / "gpu", tmp_path / "files", LACKS_A_LIBRARY)
    client.start(paths=[repository, *filter(os.path.exists, sys.path)], gpu_support=tmp_path / "gpu")
    events = until_final(client, client.request("estimate", photo=photo("one"), engine="landmarks"))
    assert events[-1].kind == "done"
    assert [event.text for event in events if event.kind == "warning"][:1] == [
        "GPU support (Intel OpenVINO) is not used: libfoo.so.3: cannot open shared object file."
    ]
    again = until_final(client, client.request("estimate", photo=photo("two"), engine="landmarks"))
    assert not [event for event in again if event.kind == "warning" and "GPU support" in event.text]


def test_what_is_installed_is_removed_by_a_request(client: WorkerClient, tmp_path: Path) -> None:
    put(tmp_path / "gpu", tmp_path / "files", LACKS_A_LIBRARY)
    done = until_final(client, client.request("remove_gpu_support", folder=str(tmp_path / "gpu")))[-1]
    assert done.result["bytes"] > 0
    assert state_of(tmp_path / "gpu").name == ""
    refused = until_final(
        client, client.request("install_gpu_support", folder=str(tmp_path / "gpu"), name="rocm", accepted=["mit"])
    )[-1]
    assert (refused.error, refused.text[:34]) == ("UsageError", "There is no GPU support 'rocm'; th")
