"""The worker's request `batch`, and the command line's way to the same."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.service.client import Event, WorkerClient
from tests.support import fake_engine
from tests.support.batches import make_photo

if TYPE_CHECKING:
    from tests.support.batches import Bench


#: What a machine that does a lot else may need for anything.
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def idle_client(repository: Path) -> Iterator[WorkerClient]:
    """One for requests that are refused."""
    yield from started(repository)


@pytest.fixture
def client(bench: Bench, repository: Path) -> Iterator[WorkerClient]:
    """A new one, which knows where this test's builders note their jobs."""
    yield from started(repository)


def started(repository: Path) -> Iterator[WorkerClient]:
    client = WorkerClient(engines="tests.support.fake_engine", cancel_grace_s=PATIENCE_S)
    client.start(paths=[repository, *filter(os.path.exists, sys.path)])
    yield client
    client.stop()


def keys(bench: Bench, **changes: Any) -> dict[str, Any]:
    return {
        "folder": str(bench.folder),
        "out": str(bench.out),
        "models": bench.request.models,
        "body": bench.request.body,
        "builder": list(bench.request.builder),
        "contact_sheet": False,
        **changes,
    }


def events_of(client: WorkerClient, number: int, until: str = "") -> list[Event]:
    """All events of a request; or those before a status that begins with ``until``."""
    events: list[Event] = []
    give_up = time.monotonic() + PATIENCE_S
    while not any(event.is_final or (until and event.text.startswith(until)) for event in events):
        assert time.monotonic() < give_up, events
        events += [event for event in client.poll() if event.id == number]
        time.sleep(0.01)
    return events


def test_a_worker_does_batches(bench: Bench, client: WorkerClient) -> None:
    bench.photos("a.png", "sub/three.png", "nobody.png")
    number = client.request("batch", **keys(bench, persons="all", exports=["glb:unity"], previews=["wire"]))
    events = events_of(client, number)
    assert events[-1].kind == "done", events[-1]
    result = events[-1].result
    assert (result["photos"], result["fresh"], result["failed"]) == (3, 3, 1)
    assert result["notes"][0].startswith("nobody.png: ")
    assert "sub/three_person2_unity.glb" in bench.files
    values = [event.value for event in events if event.kind == "progress"]
    assert values == sorted(values)
    assert values[-1] == 1.0
    assert "3 of 3 photos" in [event.text for event in events if event.kind == "status"]


def test_a_batch_can_be_cancelled(bench: Bench, client: WorkerClient) -> None:
    bench.photos("a.png", *(f"waits{number}.png" for number in range(5)))
    number = client.request("batch", **keys(bench))
    events_of(client, number, until="1 of")
    client.cancel(number)
    (last,) = [event for event in events_of(client, number) if event.is_final]
    assert last.error == "Cancelled"
    assert not list(bench.out.glob(".batch-part*"))
    assert [name for name in bench.files if name.endswith(".blend")] == ["a_person0.blend"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layout": "scene"}, "layout"),
        ({"builders": 1.5}, "builders"),
        ({"builders": 0}, "64 Blenders"),
        ({"persons": 3}, "persons"),
        ({"previews": ["sideways"]}, "sideways"),
        ({"exports": ["obj"]}, "obj"),
        ({"exports": "fbx"}, "exports"),
        ({"recursive": "yes"}, "recursive"),
        ({"folder": "/nowhere/at/all"}, "no folder"),
        ({"builder": []}, "need Blender"),
        ({"focal_px": 10.0, "fov_deg": 40.0}, "not both"),
    ],
)
def test_nonsense_is_refused(bench: Bench, idle_client: WorkerClient, change: dict[str, Any], says: str) -> None:
    bench.photos("a.png")
    number = idle_client.request("batch", **keys(bench, **change))
    (event,) = [event for event in events_of(idle_client, number) if event.is_final]
    assert event.error == "UsageError", event
    assert says in event.text


def run(*words: str) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main([*words, "--json"], Console(out, True, False))
    return code, json.loads(out.getvalue())


def test_the_command_line_tells_of_every_photo(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("native_runtime.engines.open_engine", fake_engine.open_engine)
    bench.photos("10.png", "9.png", "nobody.png")
    choice = bench.request
    words = ["batch", str(bench.folder), "-o", str(bench.out), "--models", str(choice.models), "--body", choice.body]
    words += ["--no-blend", "--preview", "none", "--no-contact-sheet"]
    code, result = run(*words)
    assert code == 1
    assert result["ok"] is False
    assert [photo["photo"] for photo in result["photos"]] == ["9.png", "10.png", "nobody.png"]
    assert [photo["error"] and photo["error"]["kind"] for photo in result["photos"]] == [None, None, "NoPersonError"]
    assert result["photos"][0]["files"] == [str(bench.out / f"9_person0.{ending}") for ending in ("json", "npz")]
    (bench.folder / "nobody.png").unlink()
    code, result = run(*words)
    assert code == 0
    assert [photo["fresh"] for photo in result["photos"]] == [False, False]


@pytest.mark.parametrize("words", [["--shard", "3/2"], ["--export", "obj"], ["--preview", "up"], ["--layout", "x"]])
def test_wrong_commands_are_told(bench: Bench, words: list[str]) -> None:
    code, result = run("batch", str(bench.folder), "-o", str(bench.out), *words)
    assert (code, result["ok"]) == (2, False)
    assert not bench.out.exists()


@pytest.mark.models
def test_a_missing_network_is_said_before_the_first_photo(models: Path, tmp_path: Path) -> None:
    for folder in ("landmarks", "bodies"):
        (tmp_path / "models" / folder).mkdir(parents=True)
        for file in (models / folder).iterdir():
            if file.name != "hand_landmark.onnx":
                (tmp_path / "models" / folder / file.name).symlink_to(file)
    make_photo(tmp_path / "photos" / "a.png")
    code, told = run(
        "batch", str(tmp_path / "photos"), "-o", str(tmp_path / "out"), "--no-blend", "--preview", "none",
        "--engine", "landmarks", "--models", str(tmp_path / "models"),
    )  # fmt: skip
    assert code == 2
    assert "hand_landmark.onnx is missing" in told["error"]["text"]
    assert not (tmp_path / "out").exists()
