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
from native_runtime.build.sam3d_body_download import CHECKPOINT, MHR_MODEL
from native_runtime.errors import UsageError
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.service.client import Event, WorkerClient
from native_runtime.service.requests import answer
from tests.support.hub import TOKEN, hub

PATIENCE_S = 30.0
FILES = {CHECKPOINT: b"weights" * 50_000, f"assets/{MHR_MODEL}": b"mhr" * 10_000}


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


def test_downloading_leaves_no_trace_of_the_token(client: WorkerClient, tmp_path: Path) -> None:
    with hub(FILES) as service:
        keys: dict[str, Any] = {"variant": "vith", "models": tmp_path / "models", "service": service.address}
        number = client.request("download_sam3d_body", token=TOKEN, licence_accepted=True, **keys)
        last, events = outcome(client, number)
        assert last.kind == "done", last
        assert Path(last.result["checkpoint"]).read_bytes() == FILES[CHECKPOINT]
        assert Path(last.result["mhr"]).read_bytes() == FILES[f"assets/{MHR_MODEL}"]
        assert last.result["bytes"] == sum(map(len, FILES.values()))
        values = [event.value for event in events if event.kind == "progress"]
        assert values == sorted(values)
        # also a refusal, whose traceback goes into a log
        service.status, service.error = 403, {"X-Error-Message": f"{TOKEN} is not on the list"}
        Path(last.result["mhr"]).unlink()
        refused, more = outcome(
            client, client.request("download_sam3d_body", token=TOKEN, licence_accepted=True, **keys)
        )
        assert refused.error == "ModelError"
        assert refused.detail
        assert service.tokens_seen_by_storage() == []
    assert TOKEN not in repr(events + more)
    assert client._folder is not None
    for folder in (tmp_path, client._folder):
        assert not [path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"variant": "vith"}, "SAM License must be accepted"),
        ({"variant": "vith", "licence_accepted": "yes"}, "'licence_accepted' must be true or false"),
        ({"licence_accepted": True}, "has no variant"),
        ({"variant": "vitx", "licence_accepted": True}, "dinov3, vith"),
        ({"variant": "vith", "licence_accepted": True, "token": ["s3cret"]}, r"^'token' must be a text\.$"),
        ({"variant": "vith", "licence_accepted": True, "token": "s3cret\nHost: evil"}, r"\(as typed\) is not one"),
    ],
)
def test_requests_that_make_no_sense(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with hub(FILES) as service:
        request = {"do": "download_sam3d_body", "models": str(tmp_path), "service": service.address, **keys}
        with pytest.raises(UsageError, match=message) as raised:
            answer(request, Inference(), stem, Silent())
        assert service.asked == []
    assert "s3cret" not in str(raised.value)


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
