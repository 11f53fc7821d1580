"""Whole runs, with a fake engine and a fake Blender: what is done, what is not done again, and what failures cost."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from native_runtime.batch import builder_process, outputs
from native_runtime.batch.fingerprints import Fingerprints
from native_runtime.batch.outputs import Staging
from native_runtime.batch.photos import Shard
from native_runtime.batch.settings import BatchRequest, Export, Settings
from native_runtime.errors import DiskFullError, ModelError, NewerFormatError, UsageError
from native_runtime.models import manifest
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.pipeline.reporting import Silent
from native_runtime.retarget.maps import load_map, save_map
from tests.support import fake_engine

if TYPE_CHECKING:
    from tests.support.batches import Bench

Add = Callable[..., Path]
OF_ONE = [".blend", ".json", ".npz", "_panels.png"]


def files_of(*names: str) -> list[str]:
    return sorted(f"{name}_person0{ending}" for name in names for ending in OF_ONE)


# --- what comes out ---


def test_every_photo_gets_its_files_where_it_lies(bench: Bench) -> None:
    bench.photos("b.png", "sub/a.png", "sub/deeper/three.png", "chatty.png")
    result = bench.run()
    assert bench.files == files_of("b", "chatty", "sub/a", "sub/deeper/three")
    assert [record.photo for record in result.in_order()] == [
        "b.png", "chatty.png", "sub/a.png", "sub/deeper/three.png"
    ]  # fmt: skip
    assert all(record.state == "done" for record in result.in_order())
    assert result.records["sub/deeper/three.png"].found == 3
    assert [path.name for path in bench.out.iterdir() if path.name.startswith(".")] == [".batch.lock"]


def test_people_share_a_file_or_have_their_own(bench: Bench) -> None:
    bench.photos("three.png")
    bench.set(persons="all", exports=(Export("glb", "mixamo"),))
    bench.run()
    assert [name for name in bench.files if name.endswith(".blend")] == [f"three_person{n}.blend" for n in range(3)]
    bench.set(layout="photo")
    bench.run()
    assert "three.blend" in bench.files
    assert [name for name in bench.files if name.endswith(".glb")] == [f"three_person{n}_mixamo.glb" for n in range(3)]
    made_of_all = (bench.out / "three.blend").read_text()
    for number in range(3):
        assert (bench.out / f"three_person{number}.blend").read_text().split()[-1] in made_of_all


def test_estimates_alone_need_no_blender(bench: Bench) -> None:
    bench.photos("a.png")
    bench.set(blend=False, previews=())
    bench.run(builder=())
    assert bench.files == ["a_person0.json", "a_person0.npz"]
    assert bench.built == []
    with pytest.raises(UsageError, match="need Blender"):
        bench.run(builder=(), blend=True)


def test_the_manifest_is_in_the_order_of_the_folder(bench: Bench) -> None:
    names = [f"{number}{kind}.png" for number in (10, 9, 1) for kind in ("slow", "")]
    bench.photos(*names)
    bench.run(builders=2)
    lines = (bench.out / "manifest.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["settings"]["engine"] == "landmarks"
    listed = [json.loads(line)["photo"] for line in lines[1:]]
    assert listed == ["1.png", "1slow.png", "9.png", "9slow.png", "10.png", "10slow.png"]


def test_a_contact_sheet_shows_everybody_and_every_failure(bench: Bench) -> None:
    bench.photos("a.png", "nobody.png")
    result = bench.run(contact_sheet=True)
    page = (bench.out / "contact_sheet.html").read_text()
    assert [path.name for path in result.sheets] == ["contact_sheet.html", "contact_sheet.png"]
    assert page.index("a.png") < page.index("nobody.png")
    assert "nobody was found" in page


def test_what_is_passed_over_is_said(bench: Bench) -> None:
    (bench.folder / "notes.txt").write_text("just words")
    (bench.folder / "a.psd").write_bytes(b"8BPS" + bytes(40))
    result = bench.run()
    assert not result.ok
    assert result.summary == [
        "0 of 0 photos are done, 0 were processed now.",
        "There is no photo in this folder.",
        "Passed over: a.psd (a Photoshop document).",
        "1 other file is not a picture.",
    ]
    (bench.folder / "more.txt").write_text("more words")
    assert bench.run().summary[-1] == "2 other files are not pictures."
    bench.photos("b.png")
    result = bench.run()
    assert result.ok
    assert result.summary[0] == "1 of 1 photo is done, 1 was processed now."
    assert "a.psd" in " ".join(result.summary)


def test_doubts_about_an_estimate_are_said_once_a_photo(bench: Bench) -> None:
    bench.photos("a.png", "three.png")
    bench.set(persons="all")
    bench.run()
    assert bench.heard == ["a.png: the left foot is a guess", "three.png: the left foot is a guess"]
    bench.run()
    assert bench.heard == []


# --- what is not done again ---


def test_a_second_run_does_nothing(bench: Bench) -> None:
    bench.photos("a.png", "b.png", "nobody.png")
    bench.run()
    before = {name: (bench.out / name).stat().st_mtime_ns for name in bench.files}
    second = bench.run()
    assert second.fresh == frozenset()
    assert bench.built == []
    assert {name: (bench.out / name).stat().st_mtime_ns for name in bench.files} == before


def test_touched_photos_are_not_done_again_but_changed_ones_are(bench: Bench, add_photo: Add) -> None:
    bench.photos("a.png", "b.png")
    bench.run()
    os.utime(bench.folder / "a.png", (1, 1))
    add_photo(bench.folder / "b.png", grey=91)
    bench.run()
    assert [photo for photo, _ in bench.built] == ["b"]
    assert bench.run().fresh == frozenset()


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"previews": ("panels", "wire")}, ["person:preview:wire"]),
        ({"exports": (Export("fbx"),)}, ["person:export:fbx:mhr"]),
        ({"layout": "photo"}, ["photo:blend", "photo:preview:panels"]),
        ({"fov_deg": 40.0}, ["person:blend", "person:preview:panels"]),
        ({"persons": "all"}, ["person:blend", "person:preview:panels"]),
        ({"texture": False}, ["person:blend", "person:preview:panels"]),
        ({"blend": False}, None),
        ({"previews": ()}, None),
    ],
)
def test_a_setting_redoes_what_it_touches(bench: Bench, change: dict[str, Any], stages: list[str] | None) -> None:
    bench.photos("a.png")
    bench.run()
    bench.set(**change)
    bench.run()
    assert bench.built == ([] if stages is None else [("a", stages)])
    assert bench.run().fresh == frozenset()


def test_motion_and_estimates_do_not_depend_on_textures(bench: Bench) -> None:
    bench.photos("a.png")
    bench.set(blend=False, previews=(), exports=(Export("bvh"), Export("glb", "mixamo")), texture=False)
    bench.run()
    before = {name: (bench.out / name).stat().st_mtime_ns for name in bench.files}
    bench.set(texture=True)
    bench.run()
    assert bench.built == [("a", ["person:export:glb:mixamo"])]
    again = {name for name in bench.files if (bench.out / name).stat().st_mtime_ns != before[name]}
    assert again == {"a_person0_mixamo.glb"}
    assert [job["texture"] for job in bench.jobs] == [True]
    bench.set(exports=(Export("bvh", "mixamo"),))
    bench.run()
    assert [job["texture"] for job in bench.jobs] == [False], "none is made where none is shown"


def test_going_back_to_a_setting_costs_nothing(bench: Bench) -> None:
    bench.photos("a.png")
    for layout in ("person", "photo", "person"):
        bench.set(layout=layout)
        bench.run()
    assert bench.built == []


@pytest.mark.parametrize("damage", ["gone", "cut", "same size"])
@pytest.mark.parametrize("ending", OF_ONE)
def test_results_that_were_lost_or_changed_are_made_again(bench: Bench, ending: str, damage: str) -> None:
    bench.photos("a.png", "b.png")
    bench.run()
    before = bench.contents()
    file = bench.out / f"a_person0{ending}"
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + (b"" if damage == "cut" else b"#"))
    changed = file.read_bytes() if damage != "gone" else b""
    bench.run()
    after = bench.contents()
    if ending == ".blend" and damage != "gone":  # the artist's own work
        assert after == before | {file.name: changed}
        assert bench.built == []
        return
    if damage != "gone":
        assert after.pop(f"a_person0{file.stem.removeprefix('a_person0')} (changed){file.suffix}") == changed
        assert any("(changed)" in text for text in bench.heard)
    # The fake engine notes its process in the .json, and NumPy the time in the .npz.
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in before if not name.endswith((".json", ".npz")))
    made = {".blend": ["person:blend"], "_panels.png": ["person:preview:panels"]}.get(ending)
    assert bench.built == ([] if made is None else [("a", made)])


def test_work_on_a_result_is_kept_when_it_is_made_anew(bench: Bench) -> None:
    bench.photos("a.png")
    bench.run()
    for number, lens in enumerate((40.0, 50.0)):
        (bench.out / "a_person0.blend").write_text(f"work {number}")
        bench.set(fov_deg=lens)
        bench.run()
    assert (bench.out / "a_person0 (changed).blend").read_text() == "work 0"
    assert (bench.out / "a_person0 (changed 2).blend").read_text() == "work 1"
    assert "work" not in (bench.out / "a_person0.blend").read_text(errors="replace")
    assert bench.run().fresh == frozenset()


def test_what_a_killed_run_moved_and_did_not_note_is_nobodys_work(bench: Bench, tmp_path: Path) -> None:
    out, made = tmp_path / "out", tmp_path / "made"
    out.mkdir()
    made.mkdir()
    (made / "a.blend").write_text("of the killed run")
    (made / "b.blend").write_text("of the killed run")
    Staging(out, {}).publish(made, ".")  # and is never closed
    (out / "b.blend").write_text("changed since")
    again = Staging(out, {})
    assert sorted(path.name for path in out.glob("*.blend")) == ["b.blend"]
    (made / "b.blend").write_text("new")
    again.publish(made, ".")
    assert (out / "b.blend").read_text() == "new"
    assert again.set_aside == ["b (changed).blend"]


def test_results_of_an_older_estimate_do_not_stay(bench: Bench) -> None:
    bench.photos("three.png")
    bench.set(persons="all", previews=("panels", "wire"))
    bench.run()
    (bench.out / "three_person2_wire.png").write_text("painted over by its owner")
    bench.set(persons="largest", previews=("panels",))
    bench.run()
    assert bench.files == sorted([*files_of("three"), "three_person2_wire.png"])


def test_photos_that_come_and_go_leave_the_others_alone(bench: Bench) -> None:
    bench.photos("a.png", "b.png")
    bench.run()
    (bench.folder / "b.png").unlink()
    bench.photos("0.png")
    shutil.copy(bench.folder / "a.png", bench.folder / "a.jpg")
    result = bench.run()
    assert [photo for photo, _ in bench.built] == ["0", "a"]
    assert bench.files == sorted(files_of("0", "a", "a-2", "b"))
    assert list(result.records) == ["0.png", "a.jpg", "a.png"]
    assert result.records["a.png"].name == "a"


def test_a_photo_that_an_earlier_version_could_not_read_is_tried_again(bench: Bench) -> None:
    bench.photos("a.png")
    bench.run()
    lines = (bench.out / "manifest.jsonl").read_text().splitlines()
    record = json.loads(lines[1])
    fingerprint = record["stages"]["estimate"]["fingerprint"]
    record |= {"state": "failed", "stages": {}, "error": {"kind": "PhotoError", "text": "", "fingerprint": fingerprint}}
    (bench.out / "manifest.jsonl").write_text("\n".join([lines[0], json.dumps(record)]) + "\n")
    assert bench.run().failed == []


# --- names that are too long ---


def test_a_photo_with_the_longest_name_is_done_like_the_others(bench: Bench) -> None:
    longest = "ä" * 125 + "b.png"  # 255 bytes, which is all that file systems take
    bench.photos(longest, "a.png")
    result = bench.run()
    assert [record.state for record in result.in_order()] == ["done", "done"]
    assert len(bench.files) == 2 * len(OF_ONE)
    assert bench.run().fresh == frozenset()


def test_a_long_name_of_an_earlier_version_is_given_up(bench: Bench) -> None:
    """Under it the estimate could be written, and Blender's file could not."""
    name = "x" * 237
    bench.photos(f"{name}.png")
    bench.run()
    lines = (bench.out / "manifest.jsonl").read_text().splitlines()
    record = json.loads(lines[1]) | {"name": name, "state": "failed"}
    (bench.out / "manifest.jsonl").write_text("\n".join([lines[0], json.dumps(record)]) + "\n")
    result = bench.run()
    assert result.failed == []
    assert len(bench.files) == len(OF_ONE)
    assert all(len(file) < 220 for file in bench.files)


# --- what fails ---


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENAMETOOLONG, errno.EIO, errno.EISDIR])
@pytest.mark.parametrize("files", ["estimates", "Blender's"])
def test_a_file_that_cannot_be_written_is_its_photos_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, files: str, number: int
) -> None:
    ending = ".npz" if files == "estimates" else ".blend"
    replace_file = os.replace

    def refuse(source: Any, target: Any) -> None:
        if Path(target).name == f"b_person0{ending}":
            raise OSError(number, os.strerror(number), str(source), None, str(target))
        replace_file(source, target)

    bench.photos("a.png", "b.png", "c.png")
    with monkeypatch.context() as patch:
        patch.setattr(outputs.os, "replace", refuse)
        result = bench.run()
    assert [record.photo for record in result.failed] == ["b.png"]
    fault = result.failed[0].fault
    assert fault is not None
    assert fault.kind == "FileError"
    assert str(bench.out) in fault.text
    assert "Errno" not in fault.text
    assert bench.run().failed == []  # the photo is tried again


def test_an_old_result_that_cannot_be_removed_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".png":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        unlink(path, missing_ok)

    bench.photos("three.png", "a.png")
    bench.set(persons="all")
    bench.run()
    bench.set(persons="largest", previews=())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        result = bench.run()
    assert result.failed == []
    assert any("could not be removed" in text and "three_person2_panels.png" in text for text in bench.heard)


def test_a_failed_photo_never_stops_the_rest(bench: Bench) -> None:
    bench.photos("a.png", "bug.png", "deadly.png", "nobody.png", "unbuildable.png", "z.png")
    (bench.folder / "broken.png").write_text("no picture")
    (bench.folder / "empty.png").touch()
    result = bench.run()
    kinds = {record.photo: record.fault and record.fault.kind for record in result.in_order()}
    assert kinds == {
        "a.png": None,
        "broken.png": "PhotoError",
        "bug.png": "Internal",
        "deadly.png": "WorkerError",
        "empty.png": "PhotoError",
        "nobody.png": "NoPersonError",
        "unbuildable.png": "Sam3dbError",
        "z.png": None,
    }
    assert len([text for text in bench.heard if "is a guess" not in text]) == 6
    assert not [name for name in bench.files if "half" in name]


def test_only_faults_that_may_pass_are_tried_again(bench: Bench) -> None:
    bench.photos("bug.png", "nobody.png", "unbuildable.png")
    bench.run()
    assert bench.run().fresh == {"bug.png", "unbuildable.png"}
    assert bench.run(retry_failed=True).fresh == {"bug.png", "nobody.png", "unbuildable.png"}
    bench.set(fov_deg=50.0)
    assert "nobody.png" in bench.run().fresh


def test_faults_of_photos_are_told_from_faults_of_a_machine(bench: Bench) -> None:
    bench.photos("a.png", "nobody.png")
    (bench.folder / "broken.png").write_text("no picture")
    result = bench.run()
    assert len(result.failed) == 2
    assert result.only_bad_photos
    bench.photos("bug.png")
    assert not bench.run().only_bad_photos


def test_a_photo_over_which_blender_died_once_is_given_a_second_chance(bench: Bench) -> None:
    bench.photos("a.png", "unlucky.png", "z.png")
    result = bench.run()
    assert not result.failed
    assert [photo for photo, _ in bench.built].count("unlucky") == 2
    assert bench.files == files_of("a", "unlucky", "z")


def test_an_export_that_fails_costs_only_itself(bench: Bench) -> None:
    bench.photos("noglb.png")
    bench.set(exports=(Export("glb"), Export("fbx")))
    result = bench.run()
    assert [record.fault.text for record in result.failed if record.fault] == ["The add-on is off."]
    assert bench.files == sorted([*files_of("noglb"), "noglb_person0.fbx"])
    bench.run()
    assert bench.built == [("noglb", ["person:export:glb:mhr"])]


def test_a_blender_that_hangs_is_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder_process.BuilderProcess.build, "__defaults__", (0.1,))
    bench.photos("slow.png")
    (fault,) = [record.fault for record in bench.run().failed]
    assert fault is not None
    assert "longer than 0.1 seconds" in fault.text


def test_builders_are_renewed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    start = builder_process.BuilderProcess.start

    def counted(self: builder_process.BuilderProcess) -> None:
        start(self)
        started.append(self.pid or 0)

    monkeypatch.setattr(builder_process.BuilderProcess, "start", counted)
    monkeypatch.setattr(builder_process, "MOST_JOBS", 2)
    bench.photos(*(f"{number}.png" for number in range(5)))
    assert not bench.run().failed
    assert len(set(started)) == 3


def test_a_run_that_cannot_begin_says_why(bench: Bench) -> None:
    bench.photos("a.png")
    with pytest.raises(ModelError, match="no model files"):
        bench.run(models=str(bench.folder))
    for out in (bench.folder, bench.folder.parent):
        with pytest.raises(UsageError, match="folder of their own"):
            bench.run(out=out)
    with pytest.raises(UsageError, match="no folder"):
        bench.run(folder=bench.folder / "nowhere")
    (bench.folder / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        bench.run(folder=bench.folder / "file")
    with pytest.raises(UsageError, match="cannot be made"):
        bench.run(out=bench.folder / "file" / "out")


def test_a_machine_that_cannot_open_the_engine_fails_no_photo(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, **given: Any) -> None:
        raise ModelError("A network is missing.")

    bench.photos("a.png", "b.png")
    with monkeypatch.context() as broken:
        broken.setattr(fake_engine, "open_engine", refuse)
        with pytest.raises(ModelError, match="network is missing"):
            bench.run()
        assert not bench.out.exists()
    bench.run()
    monkeypatch.setattr(fake_engine, "open_engine", refuse)
    os.utime(bench.folder / "a.png")
    (bench.out / "b_person0.blend").unlink()
    assert bench.run().ok  # nothing needs an estimate
    bench.photos("c.png")
    before = (bench.out / "manifest.jsonl").read_bytes()
    with pytest.raises(ModelError, match="network is missing"):
        bench.run()
    assert (bench.out / "manifest.jsonl").read_bytes() == before


def test_a_wrong_map_of_names_is_refused_before_any_photo(bench: Bench, tmp_path: Path) -> None:
    bench.photos("a.png")
    (tmp_path / "torn.json").write_text("{")
    identity = load_map("mhr")
    save_map(replace(identity, bones=identity.bones[:3]), tmp_path / "short.json")
    for names, reason in (
        ("unrael", "no retarget map 'unrael'"),
        (str(tmp_path / "nowhere.json"), "cannot be read"),
        (str(tmp_path / "torn.json"), "not a JSON"),
        (str(tmp_path / "short.json"), "cannot be used"),
    ):
        bench.set(exports=(Export("fbx", names),))
        with pytest.raises(UsageError, match=reason):
            bench.run()
    assert not bench.out.exists()


def test_an_unusable_wish_is_refused() -> None:
    with pytest.raises(UsageError, match="no preview 'sideways'"):
        Settings(previews=("sideways",))
    with pytest.raises(UsageError, match="not to 'obj'"):
        Export.parse("obj")
    with pytest.raises(UsageError, match=r"NAME_mine\.fbx"):
        Settings(exports=(Export("fbx", "/a/mine.json"), Export("fbx", "/b/mine.json")))


# --- interruptions ---


class StopsAfter(Silent):
    """A reporter that ends the run when so many photos are finished; several may be from one report to the next."""

    def __init__(self, photos: int) -> None:
        self._photos = photos

    def status(self, text: str) -> None:
        told = re.match(r"(\d+) of ", text)
        if told and int(told[1]) >= self._photos:
            raise KeyboardInterrupt


def test_a_cancelled_run_leaves_what_is_finished(bench: Bench) -> None:
    names = [f"{number}.png" for number in range(12)]
    bench.photos(*names)
    with pytest.raises(KeyboardInterrupt):
        bench.run(StopsAfter(3))
    finished = {name for name in bench.files if name.endswith(".blend")}
    assert 3 <= len(finished) < 12
    assert not list(bench.out.glob(".batch-part*"))
    before = bench.contents()
    again = bench.run()
    assert 0 < len(again.fresh) <= 9
    assert not again.failed
    assert len(bench.files) == 4 * 12
    assert all(bench.contents()[name] == before[name] for name in finished)


def full_after(monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """From now on so many files reach the disk, then it is full."""
    flush, left = os.fsync, [writes]

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("writes", [0, 1, 2, 5, 6, 9, 13, 20, 31])
def test_a_full_disk_ends_the_run_and_nothing_is_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    bench.photos(*(f"{number}.png" for number in range(4)))
    with monkeypatch.context() as patched:
        full_after(patched, writes)
        with pytest.raises(DiskFullError, match="continues where this one stopped"):
            bench.run()
    assert not list(bench.out.glob(".batch-part*"))
    assert not bench.run().failed
    assert bench.files == files_of("0", "1", "2", "3")


def test_blender_that_finds_the_disk_full_ends_the_run(bench: Bench) -> None:
    bench.photos("a.png", "crowded.png")
    with pytest.raises(DiskFullError):
        bench.run()


def test_a_disk_that_is_nearly_full_is_full(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blender does not always say why a file could not be written."""
    bench.photos("unbuildable.png")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(DiskFullError):
        bench.run()


def test_leftovers_of_killed_runs_are_removed(bench: Bench) -> None:
    bench.photos("a.png")
    left = bench.out / ".batch-part-1-of-1" / "xyz"
    left.mkdir(parents=True)
    (left / "half.blend").write_text("half")
    bench.run()
    assert bench.files == files_of("a")
    assert not list(bench.out.glob(f"{outputs._PREFIX}*"))


# --- parts ---


def test_parts_together_are_the_whole(bench: Bench) -> None:
    bench.photos(*(f"{number}.png" for number in range(12)), "sub/a.png", "sub/a.jpg", "nobody.png")
    bench.run()
    whole = set(bench.files)
    shutil.rmtree(bench.out)
    worked_on: list[str] = []
    for number in (3, 1, 2):
        worked_on += bench.run(shard=Shard(number, 3), contact_sheet=True).fresh
    assert sorted(worked_on) == sorted(set(worked_on))
    assert set(bench.files) == whole
    gathered = bench.run(contact_sheet=True)
    assert gathered.fresh == frozenset()
    assert len(gathered.photos) == 15
    assert set(bench.files) == {*whole, "contact_sheet.html", "contact_sheet.png"}


def test_a_part_does_not_redo_what_the_whole_has_done(bench: Bench) -> None:
    bench.photos(*(f"{number}.png" for number in range(6)))
    bench.run()
    assert bench.run(shard=Shard(1, 2)).fresh == frozenset()


def test_a_folder_that_a_newer_version_worked_on_is_left_alone(bench: Bench) -> None:
    bench.photos("a.png")
    bench.run()
    listed = bench.out / "manifest.jsonl"
    listed.write_bytes(listed.read_bytes().replace(b"sam3db-batch/1", b"sam3db-batch/2"))
    bench.photos("b.png")
    before = {path: path.read_bytes() for path in bench.out.rglob("*") if path.is_file()}
    with pytest.raises(NewerFormatError, match=r"newer version of this program\. Update the program to read it\."):
        bench.run()
    assert {path: path.read_bytes() for path in bench.out.rglob("*") if path.is_file()} == before


def test_a_batch_goes_on_with_the_engine_that_it_began_with(bench: Bench) -> None:
    network = Path(str(bench.request.models)) / "sam3d_body" / "network.onnx"
    network.parent.mkdir()
    network.write_bytes(b"another network")
    manifest.write(network.parent, {network.name: manifest.describe(network)})
    bench.photos("a.png")
    bench.run(engine="sam3d_body")
    assert bench.request.engine == "auto"  # which would be `landmarks`: only that can use this body
    assert bench.run().fresh == frozenset()
    bench.photos("b.png")
    assert bench.run().fresh == {"b.png"}
    head = json.loads((bench.out / "manifest.jsonl").read_text().splitlines()[0])
    assert head["settings"]["engine"] == "sam3d_body"
    assert bench.run(engine="landmarks").fresh == {"a.png", "b.png"}


def test_an_age_is_one_persons_and_changes_the_estimates(bench: Bench) -> None:
    request = replace(bench.request, engine="landmarks")
    digests = {Fingerprints(replace(request, age=age)).of("ab")["estimate"] for age in (None, 8.0, 9.0)}
    assert len(digests) == 3
    assert decode(BatchRequest, encode(replace(request, age=8.0))).age == 8.0
    with pytest.raises(UsageError, match="one person of each photo"):
        replace(request, age=8.0, persons="all")
    with pytest.raises(UsageError, match="between 5 and 90 years"):
        replace(request, age=3.0)
