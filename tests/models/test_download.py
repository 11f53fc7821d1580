"""Downloads from a server on this machine: whole, resumed, cancelled, changed, damaged, refused."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError
from native_runtime.files import disks
from native_runtime.models import web
from native_runtime.models.download import Download, DownloadCancelledError, arriving, download, ranges, stream
from tests.support.file_server import serving

CONTENT = np.random.default_rng(0).bytes(3_000_000)
OTHER = np.random.default_rng(1).bytes(3_000_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "WAIT_S", 0.0)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "file.zip"


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def interrupt(url: str, target: Path, after: int = 500_000) -> None:
    """Begin a download and cancel it when something has arrived."""

    def cancelled() -> bool:
        part = part_of(target)
        return part.exists() and part.stat().st_size > after

    with pytest.raises(DownloadCancelledError, match="kept"):
        download(url, target, cancelled=cancelled)
    assert not target.exists()
    assert after < part_of(target).stat().st_size < len(CONTENT)


def test_a_file_arrives_whole(target: Path) -> None:
    told: list[tuple[float, str]] = []
    with serving(CONTENT) as server:
        found = download(server.url, target, HASH, len(CONTENT), lambda part, text: told.append((part, text)))
    assert found == Download(target, server.url, HASH, len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert left(target) == ["file.zip"]
    assert [part for part, _ in told] == sorted(part for part, _ in told)
    assert told[-1] == (1.0, "Verifying file.zip")


def test_a_cancelled_download_goes_on(target: Path) -> None:
    with serving(CONTENT) as server:
        interrupt(server.url, target)
        there = part_of(target).stat().st_size
        download(server.url, target)
        assert server.asked[-1]["Range"] == f"bytes={there}-"
        assert server.asked[-1]["If-Range"] == '"v1"'
    assert target.read_bytes() == CONTENT
    assert left(target) == ["file.zip"]


def test_progress_may_stop_it_and_what_arrived_is_kept(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "TELL_S", 0.0)

    def stop(fraction: float, text: str) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with serving(CONTENT) as server, pytest.raises(KeyboardInterrupt):
        download(server.url, target, progress=stop)
    assert part_of(target).stat().st_size > 0.3 * len(CONTENT)


def test_a_broken_connection_is_taken_up_again(target: Path) -> None:
    with serving(CONTENT, cut_after=700_000, cuts=3) as server:
        download(server.url, target)
        assert [request.get("Range") for request in server.asked] == [
            None,
            "bytes=700000-",
            "bytes=1400000-",
            "bytes=2100000-",
        ]
    assert target.read_bytes() == CONTENT


def test_a_connection_that_breaks_for_good_keeps_the_part(target: Path) -> None:
    with serving(CONTENT, ranges=False, cut_after=700_000, cuts=99) as server:
        with pytest.raises(ModelError, match=r"broke .*0\.7 MB are kept; download again"):
            download(server.url, target)
        assert len(server.asked) == ranges.RETRIES + 1
    assert part_of(target).stat().st_size == 700_000


def test_a_changed_file_starts_anew(target: Path) -> None:
    with serving(CONTENT) as server:
        interrupt(server.url, target)
        server.content, server.etag = OTHER, '"v2"'
        download(server.url, target)
    assert target.read_bytes() == OTHER


def test_a_changed_file_is_noticed_although_the_server_sends_a_part(target: Path) -> None:
    with serving(CONTENT, obeys_condition=False) as server:
        interrupt(server.url, target)
        server.content, server.etag = OTHER, '"v2"'
        download(server.url, target)
        assert [("Range" in request) for request in server.asked] == [False, True, False]
    assert target.read_bytes() == OTHER


def test_a_changed_file_that_is_shorter_than_the_part(target: Path) -> None:
    with serving(CONTENT, obeys_condition=False) as server:
        interrupt(server.url, target)
        server.content, server.etag = b"short", '"v2"'
        download(server.url, target)
    assert target.read_bytes() == b"short"


@pytest.mark.parametrize(("etag", "modified"), [('W/"v1"', "Sat, 01 Nov 2025 10:00:00 GMT"), ("", "yesterday")])
def test_a_date_serves_where_there_is_no_strong_etag(target: Path, etag: str, modified: str) -> None:
    with serving(CONTENT, etag=etag, modified=modified) as server:
        interrupt(server.url, target)
        download(server.url, target)
        assert server.asked[-1]["If-Range"] == modified
    assert target.read_bytes() == CONTENT


def test_without_etag_and_date_only_a_known_hash_allows_to_go_on(target: Path) -> None:
    with serving(CONTENT, etag="") as server:
        interrupt(server.url, target)
        download(server.url, target)
        assert "Range" not in server.asked[-1]
        target.unlink()
        interrupt(server.url, target)
        download(server.url, target, HASH)
        assert "Range" in server.asked[-1]
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(target: Path) -> None:
    with serving(CONTENT, ranges=False) as server:
        interrupt(server.url, target)
        download(server.url, target)
    assert target.read_bytes() == CONTENT


def test_a_whole_part_needs_only_a_word_from_the_server(target: Path) -> None:
    def cancel(found: Download) -> None:
        raise DownloadCancelledError("now")

    with serving(CONTENT) as server:
        with pytest.raises(DownloadCancelledError):
            download(server.url, target, check=cancel)
        assert part_of(target).stat().st_size == len(CONTENT)
        download(server.url, target, HASH)
        assert len(server.asked) == 2
    assert target.read_bytes() == CONTENT


def test_a_part_of_another_address_is_not_used(target: Path) -> None:
    with serving(OTHER) as other:
        interrupt(other.url, target)
    with serving(CONTENT) as server:
        download(server.url, target)
        assert "Range" not in server.asked[0]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"url": 3}'])
def test_a_part_with_a_damaged_note_is_not_used(target: Path, note: bytes) -> None:
    with serving(CONTENT) as server:
        interrupt(server.url, target)
        part_of(target).with_name("file.zip.part.json").write_bytes(note)
        download(server.url, target)
        assert "Range" not in server.asked[-1]
    assert target.read_bytes() == CONTENT


def test_a_wrong_hash_removes_the_part(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"the earlier one")
    with serving(OTHER) as server, pytest.raises(ModelError, match=r"SHA-256 is .* has been removed"):
        download(server.url, target, HASH)
    assert left(target) == ["file.zip"]
    assert target.read_bytes() == b"the earlier one"


def test_a_part_that_was_spoiled_is_noticed(target: Path) -> None:
    with serving(CONTENT) as server:
        interrupt(server.url, target)
        data = bytearray(part_of(target).read_bytes())
        data[1000] ^= 1
        part_of(target).write_bytes(data)
        with pytest.raises(ModelError, match="removed"):
            download(server.url, target, HASH)
        download(server.url, target, HASH)
    assert target.read_bytes() == CONTENT


def test_a_wrong_size_is_refused_before_anything_is_sent(target: Path) -> None:
    with serving(CONTENT) as server, pytest.raises(ModelError, match="3000000 bytes instead of 5"):
        download(server.url, target, size=5)
    assert left(target) == []


def test_a_server_that_does_not_say_how_long_the_file_is(target: Path) -> None:
    with serving(CONTENT, tells_length=False) as server:
        assert download(server.url, target, HASH).size == len(CONTENT)
    with serving(CONTENT[:-1], tells_length=False) as server, pytest.raises(ModelError, match="removed"):
        download(server.url, target.with_name("other"), HASH)
    with serving(CONTENT, tells_length=False) as server, pytest.raises(ModelError, match="more than it announced"):
        download(server.url, target.with_name("other"), size=1000)
    assert left(target) == ["file.zip"]


def test_a_check_that_fails_removes_the_part(target: Path) -> None:
    def check(found: Download) -> None:
        assert found.path.read_bytes() == CONTENT
        raise ModelError("This is no zip.")

    with serving(CONTENT) as server, pytest.raises(ModelError, match=r"This is no zip\. What was downloaded"):
        download(server.url, target, check=check)
    assert left(target) == []


@pytest.mark.parametrize(
    ("status", "message"), [(404, "no file at .*by hand"), (403, "refused .*403"), (503, "Try again later")]
)
def test_refusals(target: Path, status: int, message: str) -> None:
    with serving(CONTENT, status=status) as server, pytest.raises(ModelError, match=message):
        download(server.url, target)
    assert len(server.asked) == 1
    assert left(target) == []


def test_no_network(target: Path) -> None:
    with serving(CONTENT) as server:
        interrupt(server.url, target)
    before = part_of(target).stat().st_size
    with pytest.raises(ModelError, match=r"no connection to 127\.0\.0\.1 .*Check the network"):
        download(server.url, target)
    assert part_of(target).stat().st_size == before


@pytest.mark.parametrize("url", ["http://example.org/a", "ftp://127.0.0.1/a", "file:///etc/passwd", "nonsense"])
def test_only_https(target: Path, url: str) -> None:
    with pytest.raises(ModelError, match="https only"):
        download(url, target)
    assert not target.parent.exists()


@pytest.mark.parametrize("place", ["http://example.org/a", "ftp://example.org/a"])
def test_redirections_lead_to_https_only(target: Path, place: str) -> None:
    with serving(CONTENT, redirect=place) as server, pytest.raises(ModelError, match="https only"):
        download(server.address + "/latest", target)
    with pytest.raises(ModelError, match="https only"):
        web.check_address("http://127.0.0.1/a", "https://example.org/a")


def test_redirections_are_followed_and_the_last_address_is_told_without_its_query(target: Path) -> None:
    with serving(CONTENT) as server:
        interrupt(server.address + "/latest", target)
        found = download(server.address + "/latest", target)
        assert "Range" in server.asked[-1]
        assert found.url == server.url


def test_too_little_room(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda folder: usage(10, 10, 1_000_000))
    with serving(CONTENT) as server, pytest.raises(ModelError, match=r"too little space .* 3 MB are needed, 1 MB"):
        download(server.url, target)
    assert not target.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "opened", lambda path, mode: open("/dev/full", "ab", buffering=0))  # noqa: SIM115
    with serving(CONTENT) as server, pytest.raises(ModelError, match="disk is full"):
        download(server.url, target)


def test_addresses_may_be_opened_in_another_way(target: Path) -> None:
    class Opener(urllib.request.OpenerDirector):
        open: Callable[..., object]

    def fail(*arguments: object, **options: object) -> object:
        raise urllib.error.URLError("no route")

    opener = Opener()
    opener.open = fail
    with pytest.raises(ModelError, match="no route"):
        download("https://example.org/a", target, opener=opener)
