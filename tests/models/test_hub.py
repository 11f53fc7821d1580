"""Checkpoints from a gated repository on this machine: who learns the token, what is verified, what is said."""

from __future__ import annotations

import hashlib
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError, UsageError
from native_runtime.files import disks
from native_runtime.models import manifest, web
from native_runtime.models.access_token import AccessToken, find_token
from native_runtime.models.download import arriving, ranges
from native_runtime.models.hub import SERVICE, Repository, describe, fetch
from native_runtime.models.shelf import RemoteFile, shelf, state_of
from native_runtime.models.shelf.catalogue import CHECKPOINT, MHR_MODEL
from native_runtime.models.shelf.fetch import Brought, Services
from native_runtime.models.shelf.fetch import bring as bring_item
from native_runtime.models.shelf.state import downloads_folder
from tests.support.hub import COMMIT, TOKEN, Hub, hub

CHECKPOINT_DATA = np.random.default_rng(0).bytes(2_000_000)
MHR_DATA = np.random.default_rng(1).bytes(700_000)
FILES = {CHECKPOINT: CHECKPOINT_DATA, f"assets/{MHR_MODEL}": MHR_DATA}
MINE = AccessToken(TOKEN, "as typed")


META = replace(
    shelf()["sam3d_body"].sources[0],
    files=(
        RemoteFile(CHECKPOINT, len(CHECKPOINT_DATA), None, "checkpoint"),
        RemoteFile(f"assets/{MHR_MODEL}", len(MHR_DATA), hashlib.sha256(MHR_DATA).hexdigest(), "rig"),
    ),
)
ITEM = replace(shelf()["sam3d_body"], sources=(META,))
"""A release whose files are small, of which one hash is published."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "WAIT_S", 0.0)


def bring(service: Hub, models: Path, token: AccessToken | None = MINE, **options: object) -> Brought:
    return bring_item(ITEM, META, models, token, services=Services.at(service.address), **options)  # type: ignore[arg-type]


def all_text(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_both_files_arrive_and_are_listed_with_their_origin(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    with hub(FILES) as service:
        found = bring(service, tmp_path, progress=lambda part, text: told.append((part, text)))
    assert found.files["checkpoint"].read_bytes() == CHECKPOINT_DATA
    assert found.files["rig"].read_bytes() == MHR_DATA
    fractions = [part for part, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    entry = manifest.read(downloads_folder(ITEM, tmp_path))["files"][CHECKPOINT]
    assert entry["sha256"] == hashlib.sha256(CHECKPOINT_DATA).hexdigest()
    assert entry["source"]["version"] == COMMIT
    assert entry["source"]["url"] == f"{service.address}/facebook/sam-3d-body-dinov3/resolve/{COMMIT}/{CHECKPOINT}"
    assert "SAM License" in entry["licence"]
    assert state_of(ITEM, tmp_path).state == "downloaded"


def test_only_the_service_sees_the_token(tmp_path: Path) -> None:
    texts: list[str] = []
    with hub(FILES, detour=True) as service:
        bring(service, tmp_path, progress=lambda part, text: texts.append(text))
        # also where the service leads to another of its own addresses
        assert all(headers.get("Authorization") == f"Bearer {TOKEN}" for _, _, headers in service.asked)
        assert {method for method, path, _ in service.asked if path.startswith("/renamed/")} == {"HEAD", "GET"}
        assert sum(len(server.asked) for server in service.storage.values()) == 2
        assert service.tokens_seen_by_storage() == []
    assert TOKEN.encode() not in all_text(tmp_path)
    assert b"Signature" not in all_text(tmp_path)
    assert TOKEN not in "".join(texts)
    assert TOKEN not in repr(MINE)


def test_a_token_does_not_come_along_to_another_port_of_the_same_host() -> None:
    redirections = web.Redirections()
    first = web.request("https://hub.test/a", secrets={"Authorization": "Bearer x"})
    for place, kept in (("https://hub.test/b", True), ("https://hub.test:444/b", False), ("https://cdn.test/b", False)):
        redirections.start(first)
        answer = redirections.redirect_request(first, None, 302, "", {}, place)  # type: ignore[arg-type]
        assert isinstance(answer, urllib.request.Request)
        assert answer.has_header("Authorization") is kept
    # and there is no way back to it over another server
    redirections.start(first)
    away = redirections.redirect_request(first, None, 302, "", {}, "https://cdn.test/b")  # type: ignore[arg-type]
    further = redirections.redirect_request(away, None, 302, "", {}, "https://cdn.test/c")  # type: ignore[arg-type]
    assert not further.has_header("Authorization")
    with pytest.raises(ModelError, match=r"https only, not from http://hub.test/b\."):
        redirections.redirect_request(first, None, 302, "", {}, "http://hub.test/b?Signature=secret")  # type: ignore[arg-type]


def test_an_interrupted_download_goes_on_also_when_the_repository_has_moved_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "TELL_S", 0.0)

    class StopError(Exception): ...

    def stop(fraction: float, text: str) -> None:
        if fraction > 0.3:
            raise StopError

    part = downloads_folder(ITEM, tmp_path) / f"{CHECKPOINT}.part"
    with hub(FILES) as service:
        service.storage[CHECKPOINT].cut_after = 900_000  # and the server's connection breaks once as well
        with pytest.raises(StopError):
            bring(service, tmp_path, progress=stop)
        there = part.stat().st_size
        assert 0 < there < len(CHECKPOINT_DATA)
        assert state_of(ITEM, tmp_path).state == "partly"
        service.says = {
            CHECKPOINT: {"X-Repo-Commit": COMMIT[::-1]}
        }  # its page was edited; the file is still the same one
        service.storage[CHECKPOINT].asked.clear()
        found = bring(service, tmp_path)
        assert service.storage[CHECKPOINT].asked[0]["Range"] == f"bytes={there}-"
        # another address may name the same file otherwise; its hash decides
        assert "If-Range" not in service.storage[CHECKPOINT].asked[0]
    assert found.files["checkpoint"].read_bytes() == CHECKPOINT_DATA


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    with hub(FILES) as service:
        bring(service, tmp_path)
    found = bring(service, tmp_path)  # nobody serves any more
    with hub(FILES) as service:
        found.files["rig"].write_bytes(b"spoiled")
        assert state_of(ITEM, tmp_path).state == "partly"
        bring(service, tmp_path)
        assert len(service.storage[CHECKPOINT].asked) == 0
        assert len(service.storage[f"assets/{MHR_MODEL}"].asked) == 1


@pytest.mark.parametrize(
    ("behaviour", "token", "message"),
    [
        ({}, None, r"given only to people .*sign in, accept the licence .*settings/tokens"),
        ({}, AccessToken("hf_old", "HF_TOKEN"), r"does not accept the access token \(HF_TOKEN\).*settings/tokens"),
        (
            {"status": 403, "error": {"X-Error-Code": "GatedRepo", "X-Error-Message": f"{TOKEN} is not in the list"}},
            MINE,
            r"no access to facebook/sam-3d-body-dinov3 yet .*The service says: \*\*\* is not in the list",
        ),
        (
            {"status": 403, "error": {"X-Error-Message": "Enable gated repositories in your fine-grained token"}},
            MINE,
            r"may not read gated repositories\. .*Read access to contents of all public gated repos",
        ),
        ({"status": 404}, MINE, r"no model\.ckpt in .* now"),
        ({"status": 429, "error": {"Retry-After": "17"}}, MINE, r"too many requests .*Try again in 17 seconds"),
        ({"status": 429}, MINE, "in a few minutes"),
        ({"status": 500}, MINE, r"has a problem at the moment \(500\)\. Try again later"),
        ({"says": {CHECKPOINT: {"X-Linked-ETag": None}}}, MINE, "cannot be verified"),
        ({"says": {CHECKPOINT: {"X-Linked-ETag": '"a-git-hash"'}}}, MINE, "cannot be verified"),
        ({"says": {CHECKPOINT: {"X-Linked-Size": "many"}}}, MINE, "cannot be verified"),
        ({"says": {CHECKPOINT: {"X-Linked-Size": "5"}}}, MINE, r"not the file that is known here \(5 bytes"),
    ],
)
def test_refusals_say_what_to_do(
    tmp_path: Path, behaviour: dict[str, object], token: AccessToken | None, message: str
) -> None:
    with hub(FILES, **behaviour) as service, pytest.raises(ModelError, match=message) as raised:
        bring(service, tmp_path, token)
    assert TOKEN not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert all(not server.asked for server in service.storage.values())
    assert not downloads_folder(ITEM, tmp_path).exists()


@pytest.mark.parametrize(
    ("status", "message"),
    [(403, r"storage server localhost refused it \(403\)\. Try again"), (503, r"storage server .*\(503\)")],
)
def test_a_storage_server_that_refuses_is_not_taken_for_the_service(tmp_path: Path, status: int, message: str) -> None:
    with hub(FILES) as service:
        service.storage[CHECKPOINT].status = status
        with pytest.raises(ModelError, match=message) as raised:
            bring(service, tmp_path)
    assert "Signature" not in str(raised.value)


@pytest.mark.parametrize("what", ["hash", "size", "longer"])
def test_a_file_that_is_not_what_the_service_said_is_removed(tmp_path: Path, what: str) -> None:
    with hub(FILES) as service:
        storage = service.storage[CHECKPOINT]
        digest = hashlib.sha256(CHECKPOINT_DATA).hexdigest()
        service.says = {CHECKPOINT: {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(CHECKPOINT_DATA))}}
        spoiled = bytearray(CHECKPOINT_DATA)
        spoiled[1000] ^= 1
        content = {"hash": bytes(spoiled), "size": CHECKPOINT_DATA[:-1], "longer": CHECKPOINT_DATA + b"x"}
        storage.content = content[what]
        with pytest.raises(ModelError, match=r"SHA-256|instead of"):
            bring(service, tmp_path)
    assert [path.name for path in downloads_folder(ITEM, tmp_path).iterdir()] == ["licences"]


def test_another_file_than_the_published_one_is_refused(tmp_path: Path) -> None:
    repository_file = f"assets/{MHR_MODEL}"
    with hub({**FILES, repository_file: MHR_DATA[::-1]}) as service:
        with pytest.raises(ModelError, match=r"not the file that is known here .*browser"):
            bring(service, tmp_path)
        assert all(not server.asked for server in service.storage.values())


def test_room_for_both_files_is_looked_for_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = len(CHECKPOINT_DATA) + 1000  # enough for one of them
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda folder: type("usage", (), {"free": free}))
    with hub(FILES) as service:
        with pytest.raises(ModelError, match=r"too little space .* 3 MB are needed, 2 MB are free"):
            bring(service, tmp_path)
        assert all(not server.asked for server in service.storage.values())


def test_no_network(tmp_path: Path) -> None:
    with hub(FILES) as service:
        pass
    with pytest.raises(ModelError, match=r"no connection to 127\.0\.0\.1"):
        bring(service, tmp_path)


def test_a_public_repository_needs_no_token(tmp_path: Path) -> None:
    with hub(FILES, token=None) as service:
        repository = Repository("someone/model", service.address)
        remote = describe(repository, CHECKPOINT, None)
        assert fetch(repository, remote, tmp_path / "x", None).size == len(CHECKPOINT_DATA)
        assert all("Authorization" not in headers for _, _, headers in service.asked)


def test_the_token_is_found_where_the_services_own_tools_keep_it(tmp_path: Path) -> None:
    (tmp_path / "huggingface").mkdir()
    (tmp_path / "huggingface" / "token").write_text("hf_cache\n")
    (tmp_path / "token").write_text("hf_home\n")
    (tmp_path / "mine").write_text("hf_mine")
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    found = []
    for more in ({}, {"HF_HOME": str(tmp_path)}, {"HF_TOKEN_PATH": str(tmp_path / "mine")}, {"HF_TOKEN": " hf_set "}):
        environment |= more
        found.append(find_token(None, environment))
    assert [token.secret for token in found if token] == ["hf_cache", "hf_home", "hf_mine", "hf_set"]
    assert [token.origin for token in found if token][-1] == "HF_TOKEN"
    assert find_token("hf_typed", environment).secret == "hf_typed"  # type: ignore[union-attr]
    assert find_token("", {"HF_HOME": str(tmp_path / "nowhere")}) is None


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "ümlaut", "x" * 501])
def test_what_is_no_token_is_never_sent(text: str) -> None:
    with pytest.raises(UsageError, match=r"\(HF_TOKEN\) is not one") as raised:
        find_token(None, {"HF_TOKEN": text})
    assert text not in str(raised.value)


def test_the_released_files_are_where_their_owner_says() -> None:
    assert SERVICE == "https://huggingface.co"
    gated = [source for item in shelf().values() for source in item.sources if source.key == "meta"]
    assert {source.repository for source in gated} == {"facebook/sam-3d-body-dinov3", "facebook/sam-3d-body-vith"}
