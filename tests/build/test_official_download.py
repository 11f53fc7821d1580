"""The MHR release from a server on this machine: fetched, pinned, kept, and what is refused."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from native_runtime.build.official_download import ARCHIVE, PINS, SOURCES_FOLDER, download_official
from native_runtime.build.official_release import URL
from native_runtime.errors import ModelError
from native_runtime.models import manifest
from native_runtime.models.download import ranges
from native_runtime.models.store import body_path
from tests.support.file_server import serving
from tests.support.official_release import write_release, zip_folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The archive of a made-up release."""
    folder = tmp_path_factory.mktemp("release")
    write_release(folder)
    return zip_folder(folder, tmp_path_factory.mktemp("zip") / "assets.zip").read_bytes()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "WAIT_S", 0.0)


def test_the_release_is_fetched_imported_and_pinned(release: bytes, tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    with serving(release) as server:
        made = download_official(
            tmp_path, progress=lambda part, text: told.append((part, text)), url=server.address + "/latest"
        )
    assert made.bodies == ("mhr-lod3", "mhr-lod6")
    fractions = [part for part, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    digest = hashlib.sha256(release).hexdigest()
    content = manifest.read(tmp_path / "bodies")
    assert content[PINS] == {server.url: {"sha256": digest, "size": len(release)}}
    source = content["files"]["mhr-lod3.npz"]["source"]
    assert source == {"package": "facebookresearch/MHR", "file": ARCHIVE, "url": server.url, "sha256": digest}
    assert body_path("mhr-lod6", tmp_path).is_file()


def test_the_archive_that_is_there_needs_no_network(release: bytes, tmp_path: Path) -> None:
    with serving(release) as server:
        download_official(tmp_path, [3], url=server.url)
    made = download_official(tmp_path, [6], url=server.url)  # nobody serves any more
    assert made.bodies == ("mhr-lod6",)
    files = manifest.read(tmp_path / "bodies")["files"]
    assert files["mhr-lod6.npz"]["source"]["url"] == server.url
    assert set(files) == {"mhr-lod3.npz", "mhr-lod6.npz"}
    with pytest.raises(ModelError, match="no connection"):
        download_official(tmp_path, url=server.url, again=True)


def test_an_archive_that_was_changed_is_fetched_anew(release: bytes, tmp_path: Path) -> None:
    with serving(release) as server:
        download_official(tmp_path, [6], url=server.url)
        (tmp_path / SOURCES_FOLDER / ARCHIVE).write_bytes(b"nothing")
        download_official(tmp_path, [6], url=server.url)
        assert len(server.asked) == 2


def test_a_release_must_stay_what_it_was(release: bytes, tmp_path: Path) -> None:
    other = io.BytesIO(release)
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("more.txt", "more")
    with serving(release) as server:
        download_official(tmp_path, [6], url=server.url)
        before = (tmp_path / "bodies" / manifest.NAME).read_bytes()
        server.content, server.etag = other.getvalue(), '"v2"'
        with pytest.raises(ModelError, match=r"not the same file as before .*with your browser"):
            download_official(tmp_path, [6], url=server.url, again=True)
        # the earlier one stays, and so does all that was made of it
        assert (tmp_path / SOURCES_FOLDER / ARCHIVE).read_bytes() == release
        assert (tmp_path / "bodies" / manifest.NAME).read_bytes() == before
        # a newer release has another address
        download_official(tmp_path, [6], url=server.url.replace("v1.0", "v2.0"), again=True)
    assert len(manifest.read(tmp_path / "bodies")[PINS]) == 2


@pytest.mark.parametrize("at", [0.3, 0.6])
def test_damage_is_found_by_the_checksums(release: bytes, tmp_path: Path, at: float) -> None:
    spoiled = bytearray(release)
    place = int(at * len(spoiled))
    spoiled[place : place + 8] = bytes(byte ^ 0xFF for byte in spoiled[place : place + 8])
    with serving(bytes(spoiled)) as server, pytest.raises(ModelError, match=r"damaged .*has been removed"):
        download_official(tmp_path, url=server.url)
    assert not list((tmp_path / SOURCES_FOLDER).iterdir())
    assert not (tmp_path / "bodies").exists()


@pytest.mark.parametrize("content", [b"", b"<html>Sign in</html>"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    with serving(content) as server, pytest.raises(ModelError, match="damaged"):
        download_official(tmp_path, url=server.url)
    assert not list((tmp_path / SOURCES_FOLDER).iterdir())


def test_an_archive_of_something_else_makes_no_bodies(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with serving(data.getvalue()) as server, pytest.raises(ModelError, match=r"lodN\.fbx"):
        download_official(tmp_path, url=server.url)
    assert manifest.read(tmp_path / "bodies")["files"] == {}


def test_the_address_is_that_of_the_project() -> None:
    assert URL.startswith("https://github.com/facebookresearch/MHR/releases/")
