"""From a shelf item to a proved engine, whoever has the files and whatever fails; a hub on this machine."""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from native_runtime.build import install as module
from native_runtime.build.install import OwnFiles, install
from native_runtime.errors import ModelError, Remedy, UsageError
from native_runtime.files.hashes import sha256_of
from native_runtime.models import manifest
from native_runtime.models.access_token import AccessToken
from native_runtime.models.download import DownloadCancelledError, arriving, ranges
from native_runtime.models.shelf import ShelfItem, shelf, state_of
from native_runtime.models.shelf.fetch import Services, remove_downloads
from native_runtime.models.shelf.state import downloads_folder
from native_runtime.proof import Report
from native_runtime.proof.record import keep
from native_runtime.proof.report import Check
from tests.support.hub import TOKEN, Hub, hub
from tests.support.official_release import write_release as write_mhr_release
from tests.support.official_release import zip_folder
from tests.support.toy_shelf import CHECKPOINT, RIG, bring, files_of, item_of, proving, write_release

MINE = AccessToken(TOKEN, "as typed")
MACCAP, JETJODH, META = "cristianAdi13/maccap-model", "jetjodh/sam-3d-body-dinov3", "facebook/sam-3d-body-dinov3"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("shelf") / "release")


@pytest.fixture(scope="module")
def item(release: Path) -> ShelfItem:
    return item_of(release)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support import toy_sam3d_body

    return toy_sam3d_body.write_templates(tmp_path_factory.mktemp("shelf-templates"))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "WAIT_S", 0.0)


def whole_and_licensed(item: ShelfItem, models: Path) -> dict[str, Any]:
    """The manifest of the installed networks, after everything in it was looked at."""
    facts = manifest.verify(models / "sam3d_body")
    assert state_of(item, models).state == "ready"
    for terms in item.terms:
        for folder in (models / "sam3d_body", downloads_folder(item, models)):
            if folder.is_dir():
                assert (folder / "licences" / terms.file_name).read_bytes() == terms.data
    assert not (models / module.STAGE).exists()
    return facts


def test_a_public_copy_becomes_a_proved_engine(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    with hub(files_of(release), token=None) as service:
        assert state_of(item, tmp_path).state == "absent"
        made = bring(item, templates, tmp_path, service.address, progress=lambda f, text: told.append((f, text)))
        assert not any("Authorization" in headers for _, _, headers in service.asked)
    assert (made.source, made.bodies, made.notes) == ("maccap", ("mhr-lod1",), ())
    assert made.proof is not None
    facts = whole_and_licensed(item, tmp_path)
    source = facts["source"]
    assert {key: source[key] for key in ("item", "key", "package", "terms", "official")} == {
        "item": "sam3d_body",
        "key": "maccap",
        "package": MACCAP,
        "terms": ["dinov3", "sam"],
        "official": True,
    }
    assert source["files"][CHECKPOINT] == sha256_of(release / CHECKPOINT)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    again = bring(item, templates, tmp_path, "http://127.0.0.1:9")  # needs nobody
    assert again.source == ""


def test_nothing_is_asked_before_the_terms_are_accepted(item: ShelfItem, templates: Path, tmp_path: Path) -> None:
    with hub({}) as service, pytest.raises(UsageError, match=r"DINOv3 License, 19 August 2025 \(https://") as raised:
        bring(item, templates, tmp_path, service.address, accepted=("sam",))
    assert raised.value.remedy is Remedy.ACCEPT_TERMS
    assert "SAM License" not in str(raised.value)  # which was accepted
    assert service.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("commercial", "message"), [(None, "Say first"), (True, "instanthmr_medium_commercial")])
def test_commercial_use_is_asked_about_where_it_is_forbidden(commercial: bool | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        install("instanthmr_nano", accepted=("sam", "instanthmr_noncommercial"), commercial=commercial)


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        ({"refuses": {MACCAP: 401}}, r"maccap-model is gone, or not open to everybody any more \(401\)"),
        ({"refuses": {MACCAP: 404}}, r"no model\.ckpt in .*maccap-model now \(404\)"),
        ({"refuses": {MACCAP: 500}}, r"has a problem at the moment \(500\)"),
    ],
)
def test_the_next_source_is_tried(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path, first: dict[str, Any], sentence: str
) -> None:
    with hub(files_of(release), token=None, **first) as service:
        made = bring(item, templates, tmp_path, service.address)
    assert made.source == "jetjodh"
    assert len(made.notes) == 1
    assert re.search(sentence, made.notes[0]), made.notes
    assert made.notes[0].startswith("Public copy: cristianAdi13/maccap-model: ")
    whole_and_licensed(item, tmp_path)


def spoil(service: Hub, how: str) -> None:
    """Let the first source's storage misbehave."""
    server = service.storage[f"{MACCAP}:{CHECKPOINT}"]
    if how == "refused by the storage":
        server.status = 403
    elif how == "truncated":
        server.cut_after, server.cuts = 0, 10**9
    elif how == "another file":
        server.content = server.content[::-1]
    elif how == "a longer file":
        server.content += b"x"
    elif how == "slow":
        server.speed = 20_000.0


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("refused by the storage", "storage server localhost refused it (403)"),
        ("truncated", "broke"),
        ("another file", "is not the file that is known here"),
        ("a longer file", "is not the file that is known here"),
        ("slow", "arrives too slowly"),
    ],
)
def test_a_source_that_fails_midway_is_left_for_the_next_one(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str,
    sentence: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(arriving, "PATIENCE_S", 1.1)
    monkeypatch.setattr(arriving, "TELL_S", 0.0)
    files = files_of(release)
    with hub(files | {f"{MACCAP}:{CHECKPOINT}": files[CHECKPOINT]}, token=None) as service:
        spoil(service, how)
        made = bring(item, templates, tmp_path, service.address)
    assert made.source == "jetjodh"
    assert sentence in made.notes[0]
    whole_and_licensed(item, tmp_path)


def test_a_service_that_lies_about_a_file_is_found_out_by_its_hash(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path
) -> None:
    files = files_of(release)
    with hub(files | {f"{MACCAP}:{CHECKPOINT}": files[CHECKPOINT][::-1]}, token=None) as service:
        service.says = {CHECKPOINT: {"X-Linked-ETag": f'"{sha256_of(release / CHECKPOINT)}"'}}
        made = bring(item, templates, tmp_path, service.address)
    assert made.source == "jetjodh"
    assert "is not the expected file" in made.notes[0]


def test_when_nobody_has_it_every_reason_is_said(item: ShelfItem, templates: Path, tmp_path: Path) -> None:
    with hub({}, token=None, refuses={MACCAP: 401, JETJODH: 404}) as service:
        with pytest.raises(ModelError, match=r"None of the sources .*\(401\).*\(404\)"):
            bring(item, templates, tmp_path, service.address)
        with pytest.raises(ModelError, match="not open to everybody"):
            bring(item, templates, tmp_path, service.address, source="maccap")  # what was chosen is what is tried
    assert state_of(item, tmp_path).state == "absent"


def test_without_a_connection_that_is_said_once(item: ShelfItem, templates: Path, tmp_path: Path) -> None:
    for options in ({}, {"source": "maccap"}):
        with pytest.raises(ModelError, match=r"^There is no connection to 127\.0\.0\.1 \(") as raised:
            bring(item, templates, tmp_path, "http://127.0.0.1:9", **options)
        assert str(raised.value).count("no connection") == 1
        assert raised.value.remedy is Remedy.GIVE_FILES


def test_only_the_gated_source_learns_the_token(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path
) -> None:
    with hub(files_of(release), refuses={MACCAP: 404, JETJODH: 404}) as service:
        with pytest.raises(ModelError, match="given only to people whom Meta has granted access"):
            bring(item, templates, tmp_path, service.address, source="meta")
        made = bring(item, templates, tmp_path, service.address, token=MINE)
        told = {path.split("/resolve/")[0] for _, path, headers in service.asked if "Authorization" in headers}
        assert told == {f"/{META}"}
        assert service.tokens_seen_by_storage() == []
    assert made.source == "meta"
    assert len(made.notes) == 2


def test_too_little_room_is_said_once_before_anything_comes(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path
) -> None:
    with hub(files_of(release), token=None) as service:
        with pytest.raises(ModelError, match="too little space"):
            bring(replace(item, disk_bytes=1 << 60), templates, tmp_path, service.address)
        assert all(not server.asked for server in service.storage.values())


def test_a_failed_proof_leaves_what_was_there(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    with hub(files_of(release), token=None) as service:
        with pytest.raises(ModelError, match="did not prove"):
            bring(item, templates, tmp_path, service.address, proving=proving(False))
        assert not (tmp_path / "sam3d_body").exists()
        assert state_of(item, tmp_path).state == "downloaded"
        bring(item, templates, tmp_path, service.address)
        before = (tmp_path / "sam3d_body" / "manifest.json").read_bytes()
        with pytest.raises(ModelError, match="did not prove"):
            bring(item, templates, tmp_path, service.address, precision="fp32", proving=proving(False))
    assert (tmp_path / "sam3d_body" / "manifest.json").read_bytes() == before
    whole_and_licensed(item, tmp_path)


def test_another_precision_needs_no_download(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    with hub(files_of(release), token=None) as service:
        bring(item, templates, tmp_path, service.address)
        asked = len(service.storage[CHECKPOINT].asked)
        assert bring(item, templates, tmp_path, service.address, precision="fp32").detail == "fp32"
        assert len(service.storage[CHECKPOINT].asked) == asked
    assert whole_and_licensed(item, tmp_path)["precision"] == "fp32"
    assert remove_downloads(item, tmp_path) > 0
    assert remove_downloads(item, tmp_path) == 0
    whole_and_licensed(item, tmp_path)


def test_damage_is_seen_and_mended(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    with hub(files_of(release), token=None) as service:
        bring(item, templates, tmp_path, service.address)
        (tmp_path / "sam3d_body" / "encoder.onnx").unlink()
        state = state_of(item, tmp_path)
        assert (state.state, [needs.name for needs in state.missing]) == ("broken", ["encoder.onnx"])
        bring(item, templates, tmp_path, service.address)
    whole_and_licensed(item, tmp_path)


def test_what_failed_its_last_check_is_installed_again(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path
) -> None:
    with hub(files_of(release), token=None) as service:
        bring(item, templates, tmp_path, service.address)
        keep(verdict("sam3d_body", False), "sam3d_body", tmp_path)
        state = state_of(item, tmp_path)
        assert (state.state, state.detail) == ("broken", "its last check failed")
        with pytest.raises(ModelError, match="did not prove"):
            bring(item, templates, tmp_path, service.address, proving=proving(False))
        assert state_of(item, tmp_path).state == "broken"
        assert bring(item, templates, tmp_path, service.address).source == "maccap"
    whole_and_licensed(item, tmp_path)


def verdict(engine: str, passed: bool) -> Report:
    return Report((engine,), (Check(engine, "toy", "", passed, "It is well, or not."),), "now")


def test_a_file_of_the_user(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    made = bring(item, templates, tmp_path, "http://127.0.0.1:9", own=OwnFiles(release))
    assert made.source == "file"
    assert whole_and_licensed(item, tmp_path)["source"]["official"] is True
    vith = shelf()["sam3d_body_vith"]
    with pytest.raises(ModelError, match=r"is SAM 3D Body DINOv3-H\+, not SAM 3D Body \(ViT-H\)"):
        bring(vith, templates, tmp_path / "other", "http://127.0.0.1:9", own=OwnFiles(release))
    assert not (tmp_path / "other" / "sam3d_body").exists()


def test_a_single_file_is_converted_by_itself(
    item: ShelfItem, templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ComfyUI's file holds the rig; the converter gets it alone, from a subfolder of the repository."""

    class SeenError(ModelError): ...

    def convert(file: Path, mhr: Path | None, *rest: object) -> None:
        raise SeenError(f"{file.name} {file.stat().st_size} {mhr}")

    monkeypatch.setattr(module, "convert_checkpoint", convert)
    comfy = shelf()["sam3d_body"].source("comfy")
    assert comfy is not None
    data = b"tensors" * 1000
    file = replace(comfy.files[0], size=len(data), sha256=hashlib.sha256(data).hexdigest())
    one = replace(item, sources=(replace(comfy, files=(file,)),))
    with hub({f"{comfy.repository}:{file.path}": data}, token=None) as service:
        with pytest.raises(SeenError, match=r"sam_3d_body_dinov3_bf16\.safetensors 7000 None"):
            bring(one, templates, tmp_path, service.address)
        assert f"/{comfy.repository}/resolve/{comfy.revision}/{file.path}" in [path for _, path, _ in service.asked]
    assert not (tmp_path / "sam3d_body").exists()


def test_mhrs_bodies_are_imported_and_say_where_they_come_from(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("mhr")
    write_mhr_release(folder)
    data = zip_folder(folder, tmp_path / "made.zip").read_bytes()
    known = shelf()["mhr"]
    file = replace(known.sources[0].files[0], size=len(data), sha256=hashlib.sha256(data).hexdigest())
    mhr = replace(known, disk_bytes=1000, sources=(replace(known.sources[0], files=(file,)),))
    with hub({"assets.zip": data}, token=None) as service:
        made = install(
            mhr, models=tmp_path / "m", accepted=("apache",), services=Services.at(service.address), precision=None
        )
        assert any("/facebookresearch/MHR/releases/download/v1.0.1/assets.zip" in path for _, path, _ in service.asked)
    assert made.bodies == ("mhr-lod3", "mhr-lod6")
    entry = manifest.verify(tmp_path / "m" / "bodies")["files"]["mhr-lod3.npz"]
    assert entry["source"]["sha256"] == file.sha256
    assert (entry["source"]["version"], entry["source"]["terms"]) == ("v1.0.1", ["apache"])
    assert (tmp_path / "m" / "bodies" / "licences" / "apache.txt").is_file()
    assert state_of(mhr, tmp_path / "m").state == "ready"


def test_cancelling_keeps_what_arrived(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    part = downloads_folder(item, tmp_path) / f"{CHECKPOINT}.part"
    with hub(files_of(release), token=None) as service:
        service.storage[CHECKPOINT].speed = 1e6
        with pytest.raises(DownloadCancelledError):
            bring(item, templates, tmp_path, service.address, cancelled=lambda: part.exists() and part.stat().st_size)
        assert state_of(item, tmp_path).state == "partly"
        service.storage[CHECKPOINT].speed = 0.0
        for share in (0.76, 0.92):  # within conversion and proof

            def stop(fraction: float, text: str, share: float = share) -> None:
                if fraction > share:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                bring(item, templates, tmp_path, service.address, progress=stop)
            assert state_of(item, tmp_path).state == "downloaded"
        bring(item, templates, tmp_path, service.address)
    whole_and_licensed(item, tmp_path)


def test_the_rig_comes_out_of_mhrs_release(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    """A source without mhr_model.pt names MHR's own release, which holds it."""
    archive = tmp_path / "assets.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(release / RIG, "assets/mhr_model.pt")
    known = shelf()["sam3d_body_vith"].source("libreyolo")
    assert known is not None
    rig = replace(known.files[1], size=archive.stat().st_size, sha256=sha256_of(archive))
    source = replace(item.sources[1], files=(item.sources[1].files[0], rig))
    one = replace(item, sources=(source,))
    files = {CHECKPOINT: files_of(release)[CHECKPOINT], "assets.zip": archive.read_bytes()}
    with hub(files, token=None) as service:
        bring(one, templates, tmp_path / "models", service.address)
        assert any("/facebookresearch/MHR/releases/download/v1.0.1/assets.zip" in path for _, path, _ in service.asked)
    whole_and_licensed(one, tmp_path / "models")


@pytest.mark.parametrize(("options", "message"), [
    ({"source": "nobody"}, "there are: meta, maccap"),
    ({"source": "file"}, "Name the file"),
    ({"precision": "fp8"}, "int8, fp16, fp32"),
    ({"source": "meta", "own": OwnFiles(Path("x"))}, "either a source or a file"),
])  # fmt: skip
def test_what_makes_no_sense(
    item: ShelfItem, templates: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        bring(item, templates, tmp_path, "http://127.0.0.1:9", **options)


def test_killed_at_any_moment_it_goes_on_and_nothing_wrong_is_there(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path
) -> None:
    """A few real kills; ``bench/install_kills.py`` makes many more, at random moments."""
    models = tmp_path / "models"
    with hub(files_of(release), token=None) as service:
        for server in service.storage.values():
            server.speed = 3e5
        for moment in (0.3, 0.8):
            child = subprocess.Popen(
                [sys.executable, "-m", "tests.support.toy_shelf", release, templates, models, service.address],
                stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2],
            )  # fmt: skip
            assert child.stdout is not None
            assert child.stdout.readline() == b"begun\n"
            time.sleep(moment)
            child.send_signal(signal.SIGKILL)
            child.wait()
            assert b"done" not in child.stdout.read()
            assert state_of(item, models).state in ("absent", "partly", "downloaded")
            assert not (models / "sam3d_body").exists()
        for server in service.storage.values():
            server.speed = 0.0
        bring(item, templates, models, service.address)
    whole_and_licensed(item, models)


def test_a_folder_that_killed_work_left_is_made_anew(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path
) -> None:
    rest = tmp_path / module.STAGE / item.name / "sam3d_body"
    rest.mkdir(parents=True)
    (rest / "encoder.onnx").write_bytes(b"half")
    bring(item, templates, tmp_path, "http://127.0.0.1:9", own=OwnFiles(release))
    whole_and_licensed(item, tmp_path)


def test_one_installation_at_a_time(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    """Also not of another item, and not before its download."""
    refused: list[str] = []

    def prove(names: Sequence[str], models: Path, progress: Callable[[float, str], None]) -> Report:
        for other in (item, shelf()["sam3d_body_vith"]):
            with pytest.raises(ModelError, match=r"Another installation into .* is running; wait for it or") as raised:
                bring(other, templates, tmp_path, "http://127.0.0.1:9")
            refused.append(str(raised.value))
        return proving()(names, models, progress)

    bring(item, templates, tmp_path, "http://127.0.0.1:9", own=OwnFiles(release), proving=prove)
    assert len(refused) == 2
    whole_and_licensed(item, tmp_path)
    bring(item, templates, tmp_path, "http://127.0.0.1:9", own=OwnFiles(release))  # the lock is free again


def test_a_killed_installation_holds_nobody_up(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from native_runtime.files.locks import lock\n"
        "held = lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, tmp_path / module.LOCK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2]) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ModelError, match="Another installation"):
            bring(item, templates, tmp_path, "http://127.0.0.1:9", own=OwnFiles(release))
        holder.kill()
        holder.wait()
    bring(item, templates, tmp_path, "http://127.0.0.1:9", own=OwnFiles(release))
    whole_and_licensed(item, tmp_path)


@pytest.mark.parametrize("what", ["a network", "a network and the list", "a body"])
def test_only_what_was_proved_is_put_in_place(
    item: ShelfItem, templates: Path, release: Path, tmp_path: Path, what: str
) -> None:
    def prove(names: Sequence[str], models: Path, progress: Callable[[float, str], None]) -> Report:
        report = proving()(names, models, progress)
        path = models / ("bodies/mhr-lod1.npz" if what == "a body" else "sam3d_body/encoder.onnx")
        path.write_bytes(path.read_bytes()[::-1])
        if what == "a network and the list":
            manifest.update(path.parent, {path.name: manifest.describe(path)})
        return report

    with pytest.raises(ModelError, match=r"changed while SAM 3D Body .*Nothing was installed"):
        bring(item, templates, tmp_path, "http://127.0.0.1:9", own=OwnFiles(release), proving=prove)
    assert not (tmp_path / "sam3d_body").exists()
    assert not (tmp_path / "bodies").exists()


def test_earlier_bodies_and_networks_stay(item: ShelfItem, templates: Path, release: Path, tmp_path: Path) -> None:
    """The stage holds links to what is there; making something in it must not touch that."""
    (tmp_path / "landmarks").mkdir()
    (tmp_path / "landmarks" / "net.onnx").write_bytes(b"network")
    manifest.update(tmp_path / "landmarks", {"net.onnx": manifest.describe(tmp_path / "landmarks" / "net.onnx")})
    (tmp_path / "bodies").mkdir()
    (tmp_path / "bodies" / "default.npz").write_bytes(b"body")
    manifest.update(tmp_path / "bodies", {"default.npz": manifest.describe(tmp_path / "bodies" / "default.npz")})
    bring(item, templates, tmp_path, "http://127.0.0.1:9", own=OwnFiles(release))
    assert set(manifest.verify(tmp_path / "bodies")["files"]) == {"default.npz", "mhr-lod1.npz"}
    assert manifest.verify(tmp_path / "landmarks")
