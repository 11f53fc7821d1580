"""Large files over several connections: whole, killed, changed, refused, too slow, from somebody else."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError
from native_runtime.models.download import (
    DownloadCancelledError,
    TooSlowError,
    arriving,
    download,
    ranges,
    whole,
)
from native_runtime.models.download.arriving import pace
from native_runtime.models.download.part import Part, arrived_bytes, gaps, joined
from native_runtime.models.web import RefusedError
from tests.support.file_server import FileServer, serving

BLOCK = 100_000
CONTENT = np.random.default_rng(0).bytes(2_050_000)
OTHER = np.random.default_rng(1).bytes(len(CONTENT))
HASH = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "WAIT_S", 0.0)
    monkeypatch.setattr(ranges, "NOTE_S", 0.0)
    monkeypatch.setattr(arriving, "TELL_S", 0.01)
    monkeypatch.setattr(whole, "BLOCK", BLOCK)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "model.ckpt"


def bring(server: FileServer, target: Path, sha256: str | None = HASH, **options: object) -> None:
    download(server.url, target, sha256, SIZE, connections=4, **options)  # type: ignore[arg-type]


def interrupt(
    server: FileServer, target: Path, after: int = 500_000, sha256: str | None = HASH
) -> list[tuple[int, int]]:
    """Cancel a download when much has arrived; what its note says is there, which must be so."""
    server.speed = 1.2e6
    with pytest.raises(DownloadCancelledError, match="kept"):
        bring(server, target, sha256, cancelled=lambda: arrived_bytes(target) > after)
    server.speed = 0.0
    spans = Part(target).arrived()
    data = Part(target).path.read_bytes()
    assert after < sum(end - start for start, end in spans) < SIZE
    assert all(data[start:end] == server.content[start:end] for start, end in spans)
    return spans


def test_it_comes_over_several_connections_in_ranges(target: Path) -> None:
    with serving(CONTENT, speed=2e6) as server:
        bring(server, target)
        assert server.together > 1
        asked = sorted(request["Range"] for request in server.asked)
        assert asked == sorted(f"bytes={a}-{b - 1}" for a, b in gaps([], SIZE, BLOCK))
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["model.ckpt"]


def test_only_what_is_missing_is_asked_for_again(target: Path) -> None:
    with serving(CONTENT) as server:
        spans = interrupt(server, target)
        # a busy server may only now hear what the cancelled download asked for
        bring(server, target, secrets={"Authorization": "again"})
        again = [request for request in server.asked if request.get("Authorization") == "again"]
        assert sorted(request["Range"] for request in again) == sorted(
            f"bytes={start}-{end - 1}" for start, end in gaps(spans, SIZE, BLOCK)
        )
        assert {request["If-Range"] for request in again} == {'"v1"'}
    assert target.read_bytes() == CONTENT


def test_a_note_that_was_written_too_early_is_not_believed(target: Path) -> None:
    """A power cut may keep the note and lose bytes of the file."""
    with serving(CONTENT) as server:
        spans = interrupt(server, target)
        cut = spans[-1][1] - 1000
        with Part(target).path.open("r+b") as file:
            file.truncate(cut)
        assert Part(target).arrived()[-1][1] == cut
        bring(server, target)
    assert target.read_bytes() == CONTENT


def test_a_file_that_changes_between_two_ranges_is_never_mixed(target: Path) -> None:
    with serving(CONTENT) as server:
        interrupt(server, target, sha256=None)
        server.content, server.etag = OTHER, '"v2"'
        bring(server, target, None)
        assert target.read_bytes() == OTHER
        target.unlink()
        interrupt(server, target, sha256=None)
        server.content, server.etag, server.obeys_condition = CONTENT, '"v3"', False
        bring(server, target, None)
    assert target.read_bytes() == CONTENT


def test_a_file_that_changes_while_it_arrives(target: Path) -> None:
    def change(fraction: float, text: str) -> None:
        if fraction > 0.3:
            server.content, server.etag = OTHER, '"v2"'

    with serving(CONTENT, speed=5e5) as server:
        bring(server, target, None, progress=change)
    assert target.read_bytes() == OTHER


def test_without_etag_and_hash_there_are_no_ranges(target: Path) -> None:
    with serving(CONTENT, etag="") as server:
        bring(server, target, None)
        assert "Range" not in server.asked[-1]
        assert len(server.asked) == 2
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_one_stream(target: Path) -> None:
    with serving(CONTENT, ranges=False) as server:
        bring(server, target)
        assert [request.get("Range") for request in server.asked] == [f"bytes=0-{BLOCK - 1}", None]
    assert target.read_bytes() == CONTENT


def test_a_server_that_loses_its_ranges_is_asked_for_the_rest_of_the_beginning(target: Path) -> None:
    with serving(CONTENT) as server:
        interrupt(server, target)
        server.ranges = False
        bring(server, target)
    assert target.read_bytes() == CONTENT


def test_a_stream_goes_on_in_ranges(target: Path) -> None:
    with serving(CONTENT) as server:
        server.speed = 1.2e6
        with pytest.raises(DownloadCancelledError):
            download(server.url, target, HASH, SIZE, cancelled=lambda: arrived_bytes(target) > 300_000)
        server.speed = 0.0
        there = arrived_bytes(target)
        bring(server, target)
        assert min(int(request["Range"][6:].partition("-")[0]) for request in server.asked[1:]) == there
    assert target.read_bytes() == CONTENT


def test_broken_connections_are_taken_up_again(target: Path) -> None:
    with serving(CONTENT, cut_after=40_000, cuts=15) as server:
        bring(server, target)
    assert target.read_bytes() == CONTENT


def test_connections_that_break_for_good_keep_what_is_there(target: Path) -> None:
    with serving(CONTENT) as server:
        spans = interrupt(server, target)
        server.cut_after, server.cuts = 0, 999
        with pytest.raises(ModelError, match=r"broke|no connection"):
            bring(server, target)
    assert Part(target).arrived() == spans


def test_a_server_that_bears_one_connection_only(target: Path) -> None:
    with serving(CONTENT, at_once=1, speed=5e6) as server:
        bring(server, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_a_refusal_keeps_what_is_there(target: Path, status: int) -> None:
    with serving(CONTENT) as server:
        spans = interrupt(server, target)
        server.status = status
        with pytest.raises(RefusedError) as raised:
            bring(server, target)
        assert raised.value.status == status
    assert Part(target).arrived() == spans


def test_somebody_else_goes_on_with_a_file_of_the_same_hash(target: Path) -> None:
    with serving(CONTENT) as server:
        spans = interrupt(server, target)
    with serving(CONTENT, etag='"of another host"') as other:
        bring(other, target)
        asked = sum(b - a for a, b in gaps(spans, SIZE, BLOCK))
        assert asked < SIZE
        assert len(other.asked) == len(gaps(spans, SIZE, BLOCK))
        assert "If-Range" not in other.asked[0]
    assert target.read_bytes() == CONTENT


def test_somebody_else_with_another_file_of_that_size_is_found_out(target: Path) -> None:
    with serving(CONTENT) as server:
        interrupt(server, target)
    with serving(OTHER, etag='"of another host"') as other, pytest.raises(ModelError, match="not the expected file"):
        bring(other, target)
    assert list(target.parent.iterdir()) == []


def test_somebody_else_with_a_shorter_file_does_not_spoil_what_is_there(target: Path) -> None:
    with serving(CONTENT) as server:
        spans = interrupt(server, target)
        with serving(OTHER[:-5], etag='"other"') as other, pytest.raises(ModelError, match="instead of"):
            bring(other, target)
        assert Part(target).arrived() == spans
        bring(server, target)
    assert target.read_bytes() == CONTENT


def test_a_slow_server_is_given_up(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "PATIENCE_S", 1.2)
    with serving(CONTENT, speed=20_000) as server, pytest.raises(TooSlowError, match="too slowly"):
        bring(server, target, slowest=1e6)
    assert arrived_bytes(target) > 0


def test_a_silent_server_can_be_cancelled_at_once(target: Path) -> None:
    hold = threading.Event()
    with serving(CONTENT, hold=hold) as server:
        with pytest.raises(DownloadCancelledError):
            bring(server, target, cancelled=lambda: arrived_bytes(target) > 0)
        there = Part(target).arrived()
        hold.set()  # threads that the rest of the answer reaches now write nothing more
        bring(server, target)
        assert min(int(request["Range"][6:].partition("-")[0]) for request in server.asked[-4:]) >= there[0][1]
    assert target.read_bytes() == CONTENT


def test_the_text_tells_speed_and_time_left(target: Path) -> None:
    told: list[tuple[float, str]] = []
    with serving(CONTENT, speed=350_000) as server:
        bring(server, target, progress=lambda fraction, text: told.append((fraction, text)))
    assert any("MB/s" in text and "left" in text for _, text in told)
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert pace(None, 5) == ""
    assert pace(2e6, 100_000_000) == ", 2.0 MB/s, 50 s left"
    assert pace(1e6, 1_800_000_000) == ", 1.0 MB/s, 30 min left"
    assert pace(1e5, 1_800_000_000) == ", 0.1 MB/s, 5 h left"


def test_ranges_are_joined_and_gaps_are_cut() -> None:
    assert joined([(5, 7), (0, 2), (2, 5), (9, 9), (6, 8)]) == [(0, 8)]
    assert gaps([(2, 4), (8, 9)], 12, 3) == [(0, 2), (4, 7), (7, 8), (9, 12)]
    assert gaps([], 0, 3) == []


def test_a_damaged_note_counts_for_nothing(target: Path) -> None:
    part = Part(target)
    part.keep("u", "v", [(0, 5)])
    part.path.write_bytes(b"12345")
    assert part.arrived() == [(0, 5)]
    part.note.write_text(json.dumps({"url": "u", "validator": "v", "arrived": [["a", 3]]}))
    assert part.arrived() == []
