"""Numbers of threads: tried once, remembered, and never for small networks."""

from __future__ import annotations

import json
from pathlib import Path

import onnxruntime
import pytest

from native_runtime.onnx import memory, sessions, threads
from native_runtime.onnx.threads import LARGE_BYTES, candidates, fastest, threads_for
from tests.support.onnx_files import scaled


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(threads, "user_cache", lambda: tmp_path)
    return tmp_path / "threads.json"


def never(number: int) -> float:
    raise AssertionError("there was a trial")


def test_small_networks_and_few_cores_need_no_trial(cache: Path) -> None:
    assert threads_for(LARGE_BYTES - 1, 64, never) == 64
    assert threads_for(LARGE_BYTES, 3, never) == 3
    assert not cache.exists()


def test_the_fastest_is_found_and_remembered(cache: Path) -> None:
    tried: list[int] = []

    def trial(number: int) -> float:
        tried.append(number)
        return 1.0 if number == 8 else 2.0

    assert threads_for(LARGE_BYTES, 16, trial) == 8
    assert tried == candidates(16) == [8, 12, 15, 16]
    assert threads_for(LARGE_BYTES, 16, never) == 8
    assert threads_for(LARGE_BYTES, 8, lambda number: 1.0 / number) == 8  # other cores are another question
    assert len(json.loads(cache.read_text())["threads"]) == 2


def test_fewer_are_taken_where_more_bring_nothing() -> None:
    assert fastest([2, 4, 6], {2: 2.0, 4: 1.02, 6: 1.0}.__getitem__) == 4
    assert fastest([2, 4, 6], {2: 2.0, 4: 1.04, 6: 1.0}.__getitem__) == 6


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": "sam3db-threads/1", "threads": 5}',
        '{"format": "sam3db-threads/9", "threads": {}}',
        "KEY:99",
    ],
)
def test_what_cannot_be_used_is_tried_again(cache: Path, content: str) -> None:
    """A file of a newer version is left alone."""
    if content == "KEY:99":  # more threads than there are cores
        assert threads_for(LARGE_BYTES, 8, float) == 4
        content = cache.read_text().replace(": 4", ": 99")
    cache.write_text(content)
    assert threads_for(LARGE_BYTES, 8, float) == 4
    assert ("threads/9" in content) == (cache.read_text() == content)


def test_another_runtime_is_another_question(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads_for(LARGE_BYTES, 8, float) == 4
    monkeypatch.setattr(onnxruntime, "__version__", "99.0")
    assert threads_for(LARGE_BYTES, 8, lambda number: 1.0 / number) == 8


def test_a_trial_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, small in (("_ROWS", 4), ("_INNER", 8), ("_COLUMNS", 16), ("_RUNS", 2)):
        monkeypatch.setattr(threads, name, small)
    assert 0 < threads.try_out(1) < 5


def test_a_large_network_gets_what_was_found_and_spared_cores_count(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(sessions, "threads_for", lambda size, cores: asked.append(cores) or 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(sessions, "_spared_cores", 0)
    path = scaled(tmp_path / "double.onnx", 2.0)
    sessions.open_network(path, ["cpu"])
    with sessions.spare_cores(2):
        sessions.open_network(path, ["cpu"])
    sessions.open_network(path, ["cpu"], threads=1)
    assert asked == [8, 6]


@pytest.mark.parametrize(("share", "mapped"), [(1.5, True), (3.0, False)])
def test_weights_stay_mapped_where_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, mapped: bool
) -> None:
    path = scaled(tmp_path / "double.onnx", 2.0)
    monkeypatch.setattr(memory, "available_bytes", lambda: int(path.stat().st_size * share))
    said: list[str] = []
    create = sessions.create_session

    def listen(network: str, candidate: object, options: onnxruntime.SessionOptions) -> object:
        try:
            said.append(options.get_session_config_entry("session.disable_prepacking"))
        except RuntimeError:
            said.append("0")
        return create(network, candidate, options)

    monkeypatch.setattr(sessions, "create_session", listen)
    sessions.open_network(path, ["cpu"])
    assert said == ["1" if mapped else "0"]
