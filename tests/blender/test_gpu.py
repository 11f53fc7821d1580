"""Graphics cards in the preferences: what is drawn, what is asked before a download, and what a test chooses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import sam3db_blender
from native_runtime.gpu_support import sets
from native_runtime.gpu_support.apart import Trial
from native_runtime.gpu_support.cards import Card
from native_runtime.gpu_support.install import install, state_of
from native_runtime.gpu_support.sets import WheelSet
from native_runtime.service import client
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.files import gpu
from sam3db_blender.jobs import engines, online
from sam3db_blender.jobs import gpu as gpu_jobs
from sam3db_blender.operators import gpu as operators
from sam3db_blender.ui.gpu import draw_gpu
from tests.support.layout import Layout
from tests.support.told_worker import Worker
from tests.support.toy_wheels import WORKS, toy_set, wheel_of, written

CONTENT = wheel_of({"onnxruntime/__init__.py": WORKS})
TABLE = "- graphics card: none found"
TIMES = {
    "onnxruntime": "1.24.1",
    "gpu_support": "openvino",
    "fault": "",
    "fastest": "openvino",
    "providers": [
        {"provider": "cuda", "title": "NVIDIA CUDA", "fault": "NVIDIA CUDA does not work: no driver.", "networks": [],
         "total": None},
        {"provider": "openvino", "title": "Intel OpenVINO", "fault": "", "networks": [], "total": 0.7274},
        {"provider": "cpu", "title": "the CPU", "fault": "", "networks": [], "total": 1.225},
    ],
    "table": TABLE,
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The preferences of the extension, with a folder of its own for graphics cards."""
    monkeypatch.setattr(places, "gpu_folder", lambda: tmp_path / "gpu")
    monkeypatch.setattr(gpu, "search", gpu.Search([], object()))  # type: ignore[arg-type]
    sam3db_blender.register()
    entry = bpy.context.preferences.addons.new()
    entry.module = places.PACKAGE
    yield entry.preferences
    bpy.context.preferences.addons.remove(entry)
    sam3db_blender.unregister()


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> WheelSet:
    """The only libraries that there are."""
    made = toy_set(onnxruntime_openvino=CONTENT)
    monkeypatch.setattr(sets, "offered", lambda: [made])
    return made


def shown(settings: Any) -> list[str]:
    layout = Layout()
    draw_gpu(layout, settings, 90)
    return layout.drawn


def put(tmp_path: Path, chosen: WheelSet) -> None:
    paths = written(tmp_path / "files", chosen, CONTENT)
    install(places.gpu_folder(), "openvino", ("mit", "apache"), paths, wanted=chosen, attempt=lambda folder: Trial())


def answering(monkeypatch: pytest.MonkeyPatch, **result: Any) -> Worker:
    worker = Worker(Event(1, "done", result=result))
    monkeypatch.setattr(client, "WorkerClient", worker)
    return worker


def test_cards_are_drawn_and_what_can_be_done(settings: Any) -> None:
    assert shown(settings)[:2] == ["No graphics card was found; the processor computes",
                                   "Nothing is installed for graphics cards."]  # fmt: skip
    gpu.search.cards = [Card("NVIDIA L4", "NVIDIA", "580.95.05", 24 * 2**30)]
    assert shown(settings)[0] == "NVIDIA L4, 24 GB, driver 580.95.05"
    gpu.search.cards = None
    assert shown(settings)[0] == "Looking for graphics cards"
    assert "[sam3db.install_gpu] Install GPU Support..." in shown(settings)


def test_what_is_installed_is_drawn(settings: Any, tmp_path: Path, chosen: WheelSet) -> None:
    put(tmp_path, chosen)
    drawn = shown(settings)
    assert "Installed: Intel OpenVINO 1.24.1 (0 MB)" in drawn
    assert "This version of the extension comes with newer libraries." in drawn  # than these made-up ones
    assert "[sam3db.install_gpu] Update..." in drawn
    assert "[sam3db.remove_gpu] Remove" in drawn
    site = next(path for path in places.gpu_folder().iterdir() if path.is_dir())
    site.rename(tmp_path / "elsewhere")
    assert "It is not used: its files are gone. Install it again." in shown(settings)


def test_nothing_is_fetched_without_consent_and_online_access(
    settings: Any, chosen: WheelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = answering(monkeypatch, name="openvino", folder="", bytes=1, notes=[])
    with pytest.raises(RuntimeError, match="tick that you accept them"):
        bpy.ops.sam3db.install_gpu("EXEC_DEFAULT", kind="openvino")
    monkeypatch.setattr(online, "refusal", lambda instead: f"Blender may not use the network: {instead}")
    with pytest.raises(RuntimeError, match="may not use the network: choose files that you have"):
        bpy.ops.sam3db.install_gpu("EXEC_DEFAULT", kind="openvino", accepted=True)
    assert worker.asked == []
    monkeypatch.setattr(online, "refusal", lambda instead: "")
    assert bpy.ops.sam3db.install_gpu("EXEC_DEFAULT", kind="openvino", accepted=True) == {"FINISHED"}
    ((do, keys),) = worker.asked
    assert do == "install_gpu_support"
    assert (keys["name"], keys["accepted"], keys["files"]) == ("openvino", ["mit", "apache"], [])
    assert keys["folder"] == str(places.gpu_folder())


def test_the_dialog_names_sizes_and_licenses(settings: Any, chosen: WheelSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "refusal", lambda instead: "")
    dialog = SimpleNamespace(complaint="", chosen=lambda: chosen, source="INDEX", kind="openvino", accepted=False)
    layout = Layout()
    operators.draw_dialog(layout, dialog, bpy.context)
    drawn = "\n".join(layout.drawn)
    for text in ("MB to download", "MIT License (ONNX Runtime)", "Apache License 2.0 (OpenVINO)", "not tried on"):
        assert text in drawn
    assert "not free software" not in drawn
    cuda = SimpleNamespace(**vars(dialog) | {"chosen": lambda: _cuda(chosen)})
    layout = Layout()
    operators.draw_dialog(layout, cuda, bpy.context)
    drawn = " ".join(layout.drawn)
    assert "NVIDIA's libraries are not free software. This extension has none: you fetch them yourself." in drawn
    assert "NVIDIA cuDNN Software License Agreement" in drawn


def _cuda(chosen: WheelSet) -> Any:
    from native_runtime.gpu_support.sets import KINDS

    return SimpleNamespace(kind=KINDS["cuda"], size=chosen.size, disk_bytes=1, wheels=chosen.wheels)


def test_a_test_chooses_the_fastest_and_shows_why_others_do_not_work(
    settings: Any, tmp_path: Path, chosen: WheelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, chosen)
    answering(monkeypatch, **TIMES)
    assert bpy.ops.sam3db.test_gpu("EXEC_DEFAULT") == {"FINISHED"}
    assert settings.provider == "openvino"
    assert settings.requested_providers() == ["openvino", "cpu"]  # which falls back
    assert engines.settings_for("landmarks")["providers"] == ["openvino", "cpu"]
    gpu.search.cards = []
    drawn = shown(settings)
    assert drawn[-7:] == ["Last test, with ONNX Runtime 1.24.1: all networks once", "NVIDIA CUDA", "does not work",
                          "NVIDIA CUDA does not work: no driver.", "Intel OpenVINO", "727 ms", "Processor",
                          "1225 ms"][-7:]  # fmt: skip
    last = gpu.last_times()
    assert last is not None
    assert last["table"] == TABLE
    # what was measured with something else does not count
    answering(monkeypatch, bytes=1)
    assert bpy.ops.sam3db.remove_gpu("EXEC_DEFAULT") == {"FINISHED"}
    assert gpu.last_times() is None
    assert settings.provider == "auto"


def test_a_failed_installation_is_told(settings: Any, chosen: WheelSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "refusal", lambda instead: "")
    worker = Worker(Event(1, "error", text="There is too little space.", error="NoRoomError"))
    monkeypatch.setattr(client, "WorkerClient", worker)
    with pytest.raises(RuntimeError, match="There is too little space"):
        bpy.ops.sam3db.install_gpu("EXEC_DEFAULT", kind="openvino", accepted=True)
    assert gpu_jobs.slot.job is not None
    assert "There is too little space." in shown(settings)


def test_files_by_hand_go_through_a_real_worker(
    settings: Any, tmp_path: Path, chosen: WheelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are made up, so they are refused, by name; nothing is left."""
    (path,) = written(tmp_path / "files", chosen, CONTENT)
    with pytest.raises(RuntimeError, match=r"onnxruntime_openvino-1.24.1-py3-none-any.whl is none of the files of"):
        bpy.ops.sam3db.install_gpu_files(
            "EXEC_DEFAULT", kind="openvino", accepted=True, directory=str(path.parent), files=[{"name": path.name}]
        )
    assert state_of(places.gpu_folder()).name == ""
