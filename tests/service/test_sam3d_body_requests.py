"""The worker's requests that bring SAM 3D Body: a made-up release from a hub on this machine, and its conversion."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from native_runtime.build.sam3d_body import convert
from native_runtime.models.shelf.catalogue import CHECKPOINT, MHR_MODEL
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.service.client import Event, WorkerClient
from native_runtime.service.requests import answer
from tests.support.hub import TOKEN, hub

PATIENCE_S = 30.0


@pytest.fixture
def client(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerClient]:
    """A worker on a machine without a token."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no token"))
    client = WorkerClient(cancel_grace_s=1.0)
    client.start(paths=[repository, *(path for path in sys.path if path and Path(path).exists())])
    yield client
    client.stop()


def stem(person: int) -> Path:
    raise AssertionError("nobody is estimated here")


def outcome(client: WorkerClient, number: int) -> tuple[Event, list[Event]]:
    """The last event of a request, once it is over, and all of them."""
    events: list[Event] = []
    end = time.monotonic() + PATIENCE_S
    while not (events and events[-1].is_final):
        assert time.monotonic() < end, f"no final event; so far: {events}"
        events += [event for event in client.poll() if event.id == number]
        time.sleep(0.01)
    return events[-1], events


def test_a_refusal_leaves_no_trace_of_the_token(client: WorkerClient, tmp_path: Path) -> None:
    """Its traceback goes into a log."""
    keys: dict[str, Any] = {"item": "sam3d_body", "source": "meta", "accepted": ["sam", "dinov3"]}
    with hub({}, status=403, error={"X-Error-Message": f"{TOKEN} is not on the list"}) as service:
        request = client.request("install_model", token=TOKEN, models=tmp_path, service=service.address, **keys)
        refused, events = outcome(client, request)
        assert any(headers.get("Authorization") == f"Bearer {TOKEN}" for _, _, headers in service.asked)
    assert refused.error == "ModelError"
    assert refused.detail
    assert TOKEN not in repr(events)
    assert client._folder is not None
    for folder in (tmp_path, client._folder):
        assert not [path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_converting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def convert_checkpoint(*arguments: Any, progress: Callable[[float, str], None]) -> SimpleNamespace:
        asked.extend(arguments)
        progress(0.5, "Writing encoder (int8)")
        return SimpleNamespace(
            folder=tmp_path,
            variant="vith",
            title="ViT-H",
            precision="int8",
            size=1_040_000_000,
            body="mhr-lod1",
            notes=("No hands.",),
        )

    monkeypatch.setattr(convert, "convert_checkpoint", convert_checkpoint)
    request = {"do": "convert_sam3d_body", "checkpoint": "/a/model.ckpt", "models": "/m", "precision": "int8"}
    result = answer(request, Inference(), stem, Silent())
    assert asked == ["/a/model.ckpt", None, "/m", "int8"]
    assert result["title"] == "ViT-H, int8, 1.0 GB"
    assert result["body"] == "mhr-lod1"
    assert result["notes"] == ["No hands."]


def test_a_damaged_checkpoint_is_refused(client: WorkerClient, tmp_path: Path) -> None:
    for name in (CHECKPOINT, MHR_MODEL):
        (tmp_path / name).write_bytes(b"PK\x03\x04 nonsense")
    keys = {"checkpoint": tmp_path / CHECKPOINT, "mhr": tmp_path / MHR_MODEL, "precision": "int8"}
    last, _ = outcome(client, client.request("convert_sam3d_body", models=tmp_path / "models", **keys))
    assert last.error == "ModelError"
    assert CHECKPOINT in last.text
    assert not (tmp_path / "models").exists()
