"""Engines that installed packages add: listed and used like the project's own."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.engines import DEFAULT_ENGINE, engine_status, engines, find_engine
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.service.client import WorkerClient
from tests.support.toy_engine import ENGINE, pretend_to_install


@pytest.fixture
def installed(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages on the path of this process and of its children."""
    folder = tmp_path / "packages"
    folder.mkdir()
    pretend_to_install(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (folder, repository))))
    engines.cache_clear()
    yield folder
    engines.cache_clear()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two photos; in one the engine finds two people."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("one", "two"):
        assert cv2.imwrite(str(folder / f"{name}.png"), np.full((240, 320, 3), 90, np.uint8))
    return folder


@pytest.fixture
def body(small_body: Body, tmp_path: Path) -> Path:
    path = tmp_path / "body.npz"
    small_body.save(path)
    return path


def program(*words: str | Path) -> dict[str, Any]:
    """What a command of its own process answers."""
    line = [sys.executable, "-m", "native_runtime.cli", *map(str, words), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def test_the_default_engine_comes_first() -> None:
    assert next(iter(engines())) == DEFAULT_ENGINE == "landmarks"
    assert list(engines())[:2] == ["landmarks", "sam3d_body"]
    with pytest.raises(UsageError, match=r"There is no engine 'steam'; there are: .*landmarks, sam3d_body"):
        find_engine("steam")


def test_an_engine_from_outside_is_listed(installed: Path) -> None:
    assert find_engine("toy") is ENGINE
    assert engine_status("toy").ready
    listed = {entry["engine"]: entry for entry in program("engines")["engines"]}
    assert list(listed)[-1] == "toy"
    assert listed["toy"]["text"] == "Nothing, on paper"


def test_the_window_offers_it(installed: Path) -> None:
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("needs the bpy module")
    code = (
        "from sam3db_blender.properties.import_options import engine_items; "
        "print([name for name, *_ in engine_items(None, None)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "'toy'" in done.stdout, done.stderr


def test_the_command_line_uses_it(installed: Path, photos: Path, body: Path, tmp_path: Path) -> None:
    words = ["--engine", "toy", "--body", body, "--person", "all", "-o", tmp_path / "out"]
    (photo,) = program("estimate", photos / "two.png", *words)["photos"]
    estimates = [Estimate.load(person["files"]["npz"]) for person in photo["people"]]
    assert [(estimate.engine, estimate.person) for estimate in estimates] == [("toy", 0), ("toy", 1)]


def test_a_batch_uses_it(installed: Path, photos: Path, body: Path, tmp_path: Path) -> None:
    words = ["--engine", "toy", "--body", body, "--person", "all", "-o", tmp_path / "out"]
    result = program("batch", photos, *words, "--no-blend", "--preview", "none")
    assert [len(photo["people"]) for photo in result["photos"]] == [1, 2]
    assert Estimate.load(tmp_path / "out" / "two_person1.npz").engine == "toy"


def test_the_worker_uses_it(installed: Path, repository: Path, photos: Path, body: Path) -> None:
    client = WorkerClient()
    client.start(paths=[installed, repository, *filter(os.path.exists, sys.path)])
    keys = {"photo": photos / "two.png", "engine": "toy", "body": str(body)}
    try:
        number = client.request("pose", box=[0, 0, 160, 240], **keys)
        refused = client.request("estimate", boxes=[[0, 0, 9, 9]], **keys)
        events, end = [], time.monotonic() + 60
        while sum(event.is_final for event in events) < 2:
            assert time.monotonic() < end, events
            events += client.poll()
            time.sleep(0.01)
    finally:
        client.stop()
    (done,) = [event for event in events if event.id == number and event.is_final]
    assert done.kind == "done", done
    assert done.result["person"] == 1
    (error,) = [event for event in events if event.id == refused and event.is_final]
    assert error.text == "The engine 'toy' does not support boxes. The engine 'landmarks' does."


BROKEN = {
    "raises.py": "raise OSError('no licence')",
    "leaves.py": "import sys; sys.exit(3)",
    "bare.py": "from native_runtime.engines.base import EngineDescriptor as D; ENGINE = D('', '', '', {}, None, None)",
}


@pytest.mark.parametrize("value", ["nowhere:ENGINE", "tests.support.toy_engine:Path", *BROKEN])
def test_a_broken_package_is_left_out(installed: Path, value: str, caplog: pytest.LogCaptureFixture) -> None:
    if value in BROKEN:
        (installed / value).write_text(BROKEN[value])
        value = value.replace(".py", ":ENGINE")
    pretend_to_install(installed, "broken", value)
    with caplog.at_level(logging.WARNING):
        assert {"landmarks", "sam3d_body", "toy"} <= set(engines())
    assert "The engine 'broken' cannot be used" in caplog.text


def test_a_name_that_is_taken_stays_what_it_is(installed: Path, caplog: pytest.LogCaptureFixture) -> None:
    (installed / "second.py").write_text(
        "import dataclasses\nfrom tests.support.toy_engine import ENGINE as toy\n"
        "ENGINE = dataclasses.replace(toy, name='landmarks')\n"
    )
    pretend_to_install(installed, "second", "second:ENGINE")
    with caplog.at_level(logging.WARNING):
        assert find_engine("landmarks").title == "Landmarks"
    assert "another one of the name 'landmarks'" in caplog.text


@pytest.mark.parametrize("answer", ["None", "1 / 0"])
def test_an_engine_that_fails_over_its_status_is_not_ready(installed: Path, answer: str) -> None:
    (installed / "frail.py").write_text(
        "import dataclasses\nfrom tests.support.toy_engine import ENGINE as toy\n"
        f"ENGINE = dataclasses.replace(toy, name='frail', status=lambda models, providers: {answer})\n"
    )
    pretend_to_install(installed, "frail", "frail:ENGINE")
    listed = {entry["engine"]: entry for entry in program("engines")["engines"]}
    assert not listed["frail"]["ready"]
    assert "The engine failed" in listed["frail"]["text"]
    assert listed["toy"]["ready"]
