"""The worker's requests that bring the official bodies, with a made-up release."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from native_runtime.models import manifest
from native_runtime.service.client import Event, WorkerClient
from tests.support.file_server import serving
from tests.support.official_release import write_release, zip_folder

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    write_release(folder)
    return zip_folder(folder, tmp_path_factory.mktemp("zip") / "assets.zip")


@pytest.fixture(scope="module")
def client(repository: Path) -> Iterator[WorkerClient]:
    client = WorkerClient(cancel_grace_s=1.0)
    client.start(paths=[repository, *(path for path in sys.path if path and Path(path).exists())])
    yield client
    client.stop()


def events_of(client: WorkerClient, number: int) -> list[Event]:
    """All events of a request, once it is over."""
    events: list[Event] = []
    end = time.monotonic() + PATIENCE_S
    while not (events and events[-1].is_final):
        assert time.monotonic() < end, f"no final event; so far: {events}"
        events += [event for event in client.poll() if event.id == number]
        time.sleep(0.01)
    return events


def test_importing(client: WorkerClient, archive: Path, tmp_path: Path) -> None:
    number = client.request("import_official", source=archive, models=tmp_path, levels=[6])
    events = events_of(client, number)
    assert events[-1].kind == "done", events[-1]
    assert events[-1].result["folder"] == str(tmp_path / "bodies")
    assert events[-1].result["bodies"] == ["mhr-lod6"]
    assert "correctives" in events[-1].result["notes"][-1]
    assert any("lod6.fbx" in event.text for event in events if event.kind == "status")
    values = [event.value for event in events if event.kind == "progress"]
    assert values == sorted(values)
    assert values[-1] == 1.0


def test_downloading(client: WorkerClient, archive: Path, tmp_path: Path) -> None:
    with serving(archive.read_bytes()) as server:
        done = events_of(client, client.request("download_official", models=tmp_path, url=server.url))[-1]
        assert done.kind == "done", done
        assert done.result["bodies"] == ["mhr-lod3", "mhr-lod6"]
        assert manifest.read(tmp_path / "bodies")["downloads"].keys() == {server.url}
        again = client.request("download_official", models=tmp_path, url=server.url, levels="all")
        assert events_of(client, again)[-1].kind == "done"
        assert len(server.asked) == 1


def test_a_download_from_a_silent_server_can_be_cancelled_and_goes_on(
    client: WorkerClient, archive: Path, tmp_path: Path
) -> None:
    hold = threading.Event()
    content = archive.read_bytes()
    part = tmp_path / "sources" / "mhr-assets.zip.part"
    with serving(content, hold=hold) as server:
        number = client.request("download_official", models=tmp_path, url=server.url)
        end = time.monotonic() + PATIENCE_S
        while not (part.exists() and part.stat().st_size >= len(content) // 2):
            assert time.monotonic() < end
            client.poll()
            time.sleep(0.01)
        client.cancel(number)
        last = events_of(client, number)[-1]
        assert (last.kind, last.error) == ("error", "Cancelled")
        assert part.stat().st_size == len(content) // 2
        assert not (tmp_path / "bodies").exists()
        hold.set()
        assert (
            events_of(client, client.request("download_official", models=tmp_path, url=server.url))[-1].kind == "done"
        )
        assert server.asked[-1]["Range"] == f"bytes={len(content) // 2}-"


@pytest.mark.parametrize(
    ("do", "keys", "kind", "message"),
    [
        ("import_official", {}, "UsageError", "has no source"),
        ("import_official", {"source": "/nowhere/assets.zip"}, "ModelError", "no file or folder"),
        ("import_official", {"source": "/nowhere", "levels": "some"}, "UsageError", "levels"),
        ("import_official", {"source": "/nowhere", "levels": [True]}, "UsageError", "levels"),
        ("download_official", {"url": "http://example.org/assets.zip"}, "ModelError", "https only"),
        ("download_official", {"again": "yes"}, "UsageError", "again"),
        ("download_official", {"url": 3}, "UsageError", "must be a text"),
    ],
)
def test_requests_that_make_no_sense(
    client: WorkerClient, tmp_path: Path, do: str, keys: dict[str, object], kind: str, message: str
) -> None:
    last = events_of(client, client.request(do, models=tmp_path, **keys))[-1]
    assert (last.kind, last.error) == ("error", kind)
    assert message in last.text
    assert not list(tmp_path.iterdir())
