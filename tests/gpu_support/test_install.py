"""Installing: from a server and from files, interrupted, killed, with a wrong hash, no room, the wrong Python."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections import namedtuple
from pathlib import Path

import pytest

from native_runtime.errors import ModelError, UsageError
from native_runtime.files import disks
from native_runtime.files.locks import lock
from native_runtime.gpu_runtime import ACTIVE, read_active
from native_runtime.gpu_support.apart import Trial
from native_runtime.gpu_support.install import State, install, remove, state_of
from native_runtime.gpu_support.sets import WheelSet
from native_runtime.models.download import DownloadCancelledError, NoRoomError
from tests.support.file_server import serving
from tests.support.toy_wheels import WORKS, toy_set, wheel_of, written

RUNTIME = wheel_of({"onnxruntime/__init__.py": WORKS}, padding=400_000)
LIBRARY = wheel_of({"openvino/libs/lib.txt": "a library"}, "openvino")
TERMS = ("mit", "apache")


def works(folder: Path) -> Trial:
    assert read_active(folder) is not None
    return Trial("openvino", onnxruntime="1.24.1", faults={"openvino": "", "cpu": ""})


@pytest.fixture
def chosen() -> WheelSet:
    return toy_set(onnxruntime_openvino=RUNTIME)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "gpu"


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_it_comes_from_the_index_and_goes_again(folder: Path, chosen: WheelSet) -> None:
    told: list[tuple[float, str]] = []
    with serving(RUNTIME) as server:
        made = install(folder, "openvino", TERMS, (), lambda at, text: told.append((at, text)), None,
                       server.address, chosen, works)  # fmt: skip
    assert made.notes == ()
    assert (made.folder / "onnxruntime" / "__init__.py").read_text() == WORKS
    assert (made.folder / "onnxruntime-openvino.dist-info" / "LICENSE").is_file()
    assert [at for at, _ in told] == sorted(at for at, _ in told)
    assert told[-1] == (1.0, "Intel OpenVINO is installed")
    assert {path.name for path in folder.iterdir()} == {ACTIVE, ".install.lock", made.folder.name}
    state = state_of(folder)
    assert (state.name, state.title, state.version, state.fault) == ("openvino", "Intel OpenVINO", "1.24.1", "")
    assert state.size == made.size == sum(path.stat().st_size for path in made.folder.rglob("*") if path.is_file())
    assert remove(folder) > made.size
    assert state_of(folder) == State()
    assert files_in(folder) == [".install.lock"]
    assert remove(folder) == 0


def test_an_older_set_is_replaced(folder: Path, chosen: WheelSet, tmp_path: Path) -> None:
    older = wheel_of({"onnxruntime/__init__.py": WORKS, "old": "old"})
    first = toy_set(onnxruntime_openvino=older)
    before = install(folder, "openvino", TERMS, written(tmp_path / "a", first, older), wanted=first, attempt=works)
    assert state_of(folder).outdated  # this program would install others
    after = install(folder, "openvino", TERMS, written(tmp_path / "b", chosen, RUNTIME), wanted=chosen, attempt=works)
    assert not before.folder.exists()
    assert after.folder.is_dir()


def test_terms_come_first(folder: Path, chosen: WheelSet) -> None:
    with pytest.raises(UsageError, match=r"terms are read and accepted: apache: Apache License 2.0 \(OpenVINO\)"):
        install(folder, "openvino", ["mit"], wanted=chosen)
    with pytest.raises(UsageError, match="There are no terms gpl; those of Intel OpenVINO are: mit, apache"):
        install(folder, "openvino", ["gpl"], wanted=chosen)
    assert not folder.exists()


def test_a_cancelled_download_goes_on(folder: Path, chosen: WheelSet, monkeypatch: pytest.MonkeyPatch) -> None:
    part = folder / "wheels" / f"{chosen.wheels[0].file}.part"
    with serving(RUNTIME, speed=4e6) as server:
        with pytest.raises(DownloadCancelledError):
            install(folder, "openvino", TERMS, (), None, lambda: part.exists() and part.stat().st_size > 100_000,
                    server.address, chosen, works)  # fmt: skip
        there = part.stat().st_size
        assert state_of(folder) == State(downloaded=there)
        server.speed = 0.0
        install(folder, "openvino", TERMS, (), None, None, server.address, chosen, works)
        assert server.asked[-1]["Range"] == f"bytes={there}-"
    assert not (folder / "wheels").exists()


def test_another_file_than_expected_is_refused(folder: Path, chosen: WheelSet) -> None:
    other = RUNTIME[:-1] + bytes([RUNTIME[-1] ^ 1])
    with serving(other) as server, pytest.raises(ModelError, match="is not the expected file"):
        install(folder, "openvino", TERMS, (), None, None, server.address, chosen, works)
    assert state_of(folder) == State()


def test_a_wheel_that_was_damaged_on_the_disk_comes_again(folder: Path, chosen: WheelSet) -> None:
    (damaged,) = written(folder / "wheels", chosen, bytes(len(RUNTIME)))
    with serving(RUNTIME) as server:
        install(folder, "openvino", TERMS, (), None, None, server.address, chosen, works)
        assert server.asked
    assert not damaged.exists()


def test_too_little_room_is_told_before_anything_comes(
    folder: Path, chosen: WheelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 500_000))
    with serving(RUNTIME) as server:
        with pytest.raises(NoRoomError, match="2 MB are needed, 0 MB are free"):
            install(folder, "openvino", TERMS, (), None, None, server.address, chosen, works)
        assert not server.asked


def test_files_by_hand_are_known_by_their_hashes(folder: Path, tmp_path: Path) -> None:
    both = toy_set(onnxruntime_openvino=RUNTIME, openvino=LIBRARY)
    paths = written(tmp_path, both, RUNTIME, LIBRARY)
    renamed = paths[0].rename(tmp_path / "download (1).whl")
    made = install(folder, "openvino", TERMS, [paths[1], renamed], wanted=both, attempt=works)
    assert (made.folder / "openvino" / "libs" / "lib.txt").is_file()
    assert (made.folder / "onnxruntime" / "__init__.py").is_file()
    assert renamed.is_file()  # the user's files stay


def test_a_wrong_file_by_hand_changes_nothing(folder: Path, tmp_path: Path, chosen: WheelSet) -> None:
    before = install(folder, "openvino", TERMS, written(tmp_path, chosen, RUNTIME), wanted=chosen, attempt=works)
    noted = (folder / ACTIVE).read_bytes()
    both = toy_set(onnxruntime_openvino=RUNTIME, openvino=LIBRARY)
    paths = written(tmp_path / "both", both, RUNTIME, LIBRARY)
    stranger = tmp_path / "numpy.whl"
    stranger.write_bytes(b"something else")
    damaged = tmp_path / paths[1].name
    damaged.write_bytes(LIBRARY[:-1])
    for files, text in (
        ([*paths, stranger], "numpy.whl is none of the files of Intel OpenVINO"),
        ([paths[0], damaged], "openvino-1.24.1-py3-none-any.whl is damaged or was changed"),
        ([paths[0]], "1 of 2 files are missing: https://.*openvino-1.24.1-py3-none-any.whl"),
        ([paths[0], tmp_path / "nothing.whl"], "nothing.whl cannot be read"),
    ):
        with pytest.raises(Exception, match=text):
            install(folder, "openvino", TERMS, files, wanted=both, attempt=works)
    assert (folder / ACTIVE).read_bytes() == noted
    assert before.folder.is_dir()


@pytest.mark.parametrize(
    ("trial", "text"),
    [
        (Trial(error="The process that tried it crashed (SIGSEGV)."), r"crashed \(SIGSEGV\)"),
        (Trial(fault="GPU support (Intel OpenVINO) is not used: libfoo is missing."), "libfoo is missing"),
    ],
)
def test_what_cannot_be_loaded_is_not_installed(
    folder: Path, tmp_path: Path, chosen: WheelSet, trial: Trial, text: str
) -> None:
    paths = written(tmp_path, chosen, RUNTIME)
    with pytest.raises(ModelError, match=f"cannot be loaded on this machine. .*{text}.* Nothing was changed"):
        install(folder, "openvino", TERMS, paths, wanted=chosen, attempt=lambda folder: trial)
    assert files_in(folder) == [".install.lock"]


def test_a_missing_driver_is_a_note(folder: Path, tmp_path: Path, chosen: WheelSet) -> None:
    trial = Trial("openvino", faults={"openvino": "Intel OpenVINO does not work: no device.", "cpu": ""})
    made = install(folder, "openvino", TERMS, written(tmp_path, chosen, RUNTIME), wanted=chosen,
                   attempt=lambda folder: trial)  # fmt: skip
    assert made.notes == ("It is installed, but cannot be used yet. Intel OpenVINO does not work: no device.",)


def test_two_installations_do_not_meet(folder: Path, chosen: WheelSet) -> None:
    folder.mkdir()
    with lock(folder / ".install.lock"):
        with pytest.raises(UsageError, match="being installed already"):
            install(folder, "openvino", TERMS, wanted=chosen)
        with pytest.raises(UsageError, match="being installed already"):
            remove(folder)


def _note(folder: Path, changes: dict[str, object]) -> None:
    entry = json.loads((folder / ACTIVE).read_text())
    (folder / ACTIVE).write_text(json.dumps(entry | changes))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"python": "3.9"}, r"it was installed for Python 3.9, and this is Python 3.\d+. Install it again."),
        ({"platform": "windows-x64"}, "it was installed for windows-x64, and this is .*"),
        ({"folder": "gone"}, "its files are gone. Install it again."),
    ],
)
def test_what_does_not_fit_any_more_is_told(
    folder: Path, tmp_path: Path, chosen: WheelSet, changes: dict[str, object], fault: str
) -> None:
    install(folder, "openvino", TERMS, written(tmp_path, chosen, RUNTIME), wanted=chosen, attempt=works)
    _note(folder, changes)
    assert re.fullmatch(fault, state_of(folder).fault)


@pytest.mark.parametrize("changes", [{"folder": "../../evil"}, {"format": "sam3db-gpu-support/2"}, {"name": 3}])
def test_a_note_that_cannot_be_trusted_counts_as_none(
    folder: Path, tmp_path: Path, chosen: WheelSet, changes: dict[str, object]
) -> None:
    install(folder, "openvino", TERMS, written(tmp_path, chosen, RUNTIME), wanted=chosen, attempt=works)
    _note(folder, changes)
    assert state_of(folder).name == ""


PROGRAM = """
    import sys
    from pathlib import Path
    from native_runtime.gpu_support import install as installing
    from native_runtime.gpu_support.apart import Trial
    from tests.gpu_support.test_install import TERMS, works
    from tests.support.toy_wheels import toy_set

    folder, wheel, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

    def here(*arguments, **options):
        print("here", flush=True)
        sys.stdin.readline()

    if moment == "unpacking":
        installing._proved = here
    elif moment == "unpacked":
        installing.write_atomically = here
    else:
        installing.forget_attempts = here
    chosen = toy_set(onnxruntime_openvino=wheel.read_bytes())
    installing.install(folder, "openvino", TERMS, [wheel], wanted=chosen, attempt=works)
"""


@pytest.mark.parametrize(("moment", "new"), [("unpacking", False), ("unpacked", False), ("noted", True)])
def test_a_killed_installation_leaves_the_former_or_the_new(
    folder: Path, tmp_path: Path, chosen: WheelSet, moment: str, new: bool, repository: Path
) -> None:
    older = wheel_of({"onnxruntime/__init__.py": WORKS, "old": "old"})
    first = toy_set(onnxruntime_openvino=older)
    install(folder, "openvino", TERMS, written(tmp_path / "a", first, older), wanted=first, attempt=works)
    (wheel,) = written(tmp_path / "b", chosen, RUNTIME)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(folder), str(wheel), moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(repository)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.communicate()
    entry = read_active(folder)
    assert entry is not None
    site = folder / entry["folder"]
    assert (site / "onnxruntime" / "__init__.py").read_text() == WORKS
    assert (site / "old").exists() != new
    assert entry["definition"] == (chosen if new else first).definition
    # what is left over goes with the next one
    install(folder, "openvino", TERMS, [wheel], wanted=chosen, attempt=works)
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {read_active(folder)["folder"]}  # type: ignore[index]


def test_definitions_differ_by_files(chosen: WheelSet) -> None:
    other = dataclasses.replace(chosen, wheels=(dataclasses.replace(chosen.wheels[0], sha256="0" * 64),))
    assert other.definition != chosen.definition == toy_set(onnxruntime_openvino=RUNTIME).definition
