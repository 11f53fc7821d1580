"""Installations that are broken in one way each: the doctor's verdict is one line, and the right one."""

from __future__ import annotations

import ast
import errno
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from native_runtime.cli.remedies import advised
from native_runtime.doctor import child, examination, libraries, model_files, networks, room
from native_runtime.doctor.extensions import check_extensions
from native_runtime.doctor.page import ALL_WORKS, verdict
from native_runtime.doctor.report import Section
from native_runtime.engines import engine_status
from native_runtime.errors import WorkerError
from native_runtime.models.shelf import shelf
from native_runtime.models.shelf.state import downloads_folder
from native_runtime.process.libraries import CPP_RUNTIME
from native_runtime.service.client import WorkerClient
from native_runtime.service.round_trip import round_trip
from tests.support.doctored import ROOT, run_sam3db, site_without, write_models, write_module

#: bytes
ROOMY, FULL = 10**11, 3_000_000


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return write_models(tmp_path / "models")


def said(*sections: Section) -> list[str]:
    return verdict(sections, advised)


def only_fault(*sections: Section) -> str:
    """The one thing that is said to be wrong."""
    count, line = said(*sections)
    assert count == "1 thing must be put right:"
    return line


def test_nothing_is_wrong_with_a_whole_models_folder(models: Path) -> None:
    assert said(model_files.check_models(models)) == [ALL_WORKS]


# --- the models ------------------------------------------------------------------------------------------------------


def _remove(path: Path) -> None:
    path.unlink()


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _no_bodies(path: Path) -> None:
    shutil.rmtree(path.parents[1] / "bodies")


def _half_a_list(path: Path) -> None:
    (path.parent / "manifest.json").write_text('{"format": "sam3db-mani', encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (_remove, "pose_landmark.onnx is missing. Build what is missing or damaged with `sam3db models build`."),
        (_flip, "pose_landmark.onnx is damaged: its SHA-256 is"),
        (_no_bodies, "There are no model files in"),
        (_half_a_list, "manifest.json is damaged"),
    ],
)
def test_a_file_that_is_missing_or_damaged_is_named(models: Path, harm: Callable[[Path], None], expected: str) -> None:
    harm(models / "landmarks" / "pose_landmark.onnx")
    line = only_fault(model_files.check_models(models))
    assert expected in line
    assert "`sam3db models build`" in line


def test_both_hashes_of_a_damaged_file_are_told(models: Path) -> None:
    path = models / "landmarks" / "face_age.onnx"
    whole = model_files.sha256_of(path)
    _flip(path)
    section = model_files.check_models(models)
    line, damaged = only_fault(section), model_files.sha256_of(path)
    assert whole != damaged
    assert whole[: model_files.SHORT] in line
    assert damaged[: model_files.SHORT] in line
    assert f"| landmarks/face_age.onnx | damaged | 0.0 | {damaged[: model_files.SHORT]} |" in section.lines


def test_a_models_folder_that_may_not_be_read(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.listdir

    def refuse(path: object = ".") -> list[str]:
        if str(path) == str(models):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(os, "listdir", refuse)
    line = only_fault(model_files.check_models(models))
    assert "cannot be read (Permission denied). Change its permissions" in line


def test_a_network_that_may_not_be_read_is_one_fault(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, access = models / "landmarks" / "pose_landmark.onnx", os.access
    monkeypatch.setattr(os, "access", lambda file, *rest: file != path and access(file, *rest))
    section = model_files.check_models(models)
    assert only_fault(section) == (
        f"- The model file {path} cannot be read (Permission denied): change its permissions."
    )
    assert not [line for line in section.lines if "damaged" in line]
    run = [name for name, _ in networks._networks_in(models)]
    assert len(run) == 9
    assert "landmarks/pose_landmark" not in run


def test_a_models_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    line = only_fault(model_files.check_models(tmp_path / "models"))
    assert line == f"- The models folder {tmp_path / 'models'} is a file; name a folder."
    status = engine_status("landmarks", tmp_path / "models")
    assert not status.ready
    assert "is a file; name a folder" in status.text
    assert "damaged" not in status.text


def test_a_folder_without_models_is_one_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "none"
    assert f"The models folder {missing} does not exist. Build" in only_fault(model_files.check_models(missing))
    assert f"There are no models in {tmp_path}. Build" in only_fault(model_files.check_models(tmp_path))
    for folder, what in ((missing, "a folder that does not exist"), (tmp_path, "a folder without models")):
        monkeypatch.setenv("SAM3DB_MODELS", str(folder))
        line = only_fault(model_files.check_models(None))
        assert line.startswith(f"- SAM3DB_MODELS names {what}: {folder}. Unset it, or put models there. Build")


def test_an_installation_that_was_interrupted_is_a_note_and_no_fault(models: Path) -> None:
    item = shelf()["instanthmr_small"] if "instanthmr_small" in shelf() else next(iter(shelf().values()))
    folder = downloads_folder(item, models)
    folder.mkdir(parents=True)
    (folder / "network.bin").write_bytes(bytes(3_000_000))
    all_works, _, heading, note = said(model_files.check_models(models))
    assert (all_works, heading) == (ALL_WORKS, "Good to know:")
    assert f"The download of {item.title} is not finished (3 MB are here). Get it with" in note


def test_a_folder_for_what_is_imported_need_not_have_what_everybody_has(tmp_path: Path) -> None:
    (tmp_path / "landmarks").mkdir()
    section = model_files.check_models(tmp_path, whole=False)
    assert (said(section), section.lines) == ([ALL_WORKS], ("- none",))
    write_models(tmp_path / "imported")
    (tmp_path / "imported" / "bodies" / "default.npz").write_bytes(b"?")
    assert "default.npz is damaged" in only_fault(model_files.check_models(tmp_path / "imported", whole=False))


# --- memory and disks ------------------------------------------------------------------------------------------------

Usage = namedtuple("Usage", ["total", "used", "free"])


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = tmp_path / "cache"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, FULL if Path(path) == full else ROOMY))
    full.mkdir()
    folders = (room.Folder(full, "what is remembered"), room.Folder(tmp_path, "temporary files"))
    line = only_fault(room.check_room(folders))
    assert line == (
        f"- The disk of {full} (the folder for what is remembered) is full: 3 MB are free. Free at least 0.2 GB."
    )
    assert said(room.check_room([room.Folder(full, "models", written=False)])) == [ALL_WORKS]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = only_fault(room.check_room([room.Folder(tmp_path / "file" / "cache", "your own files of the extension")]))
    assert "for your own files of the extension cannot be written to (Not a directory). Move the file" in line


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EACCES, "(Permission denied). Change its permissions."), (errno.ENOSPC, "Free some space.")],
)
def test_the_advice_fits_the_refusal(number: int, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(room.tempfile, "TemporaryFile", refuse)
    line = only_fault(room.check_room([room.Folder(tmp_path, "what is remembered")]))
    assert line.endswith(advice)
    assert ("space" in line) == (number == errno.ENOSPC)


def test_looking_at_a_folder_leaves_nothing(tmp_path: Path) -> None:
    assert said(room.check_room([room.Folder(tmp_path / "a" / "b", "models")])) == [ALL_WORKS]
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_bytes", lambda: 400_000_000)
    monkeypatch.setattr(room, "limit_in_force", lambda: None)
    line = only_fault(room.check_room([]))
    assert "Only 0.4 GB of memory are free" in line
    assert "Close other programs." in line
    monkeypatch.setattr(room, "limit_in_force", lambda: 450_000_000)
    assert "The memory limit of 0.5 GB leaves 0.4 GB" in only_fault(room.check_room([]))


# --- libraries -------------------------------------------------------------------------------------------------------


@pytest.fixture
def shadowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python looks into first, with good stand-ins for all libraries."""
    for library in libraries.LIBRARIES:
        version = ".".join(map(str, library.least))
        write_module(tmp_path / "site", library.module, f"__version__ = {version!r}")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("numpy", "__version__ = '1.21.6'", "NumPy 1.21.6 is installed, but this program needs 1.26.4 or newer"),
        (
            "numpy",
            "__version__ = '3.0.1'",
            "NumPy 3.0.1 is installed, but this program needs 1.26.4 or newer, below 3.",
        ),
        ("onnxruntime", "raise ImportError('wrong ELF class')", "ONNX Runtime cannot be used (wrong ELF class)."),
        ("cv2", "import os; os.abort()", "OpenCV cannot be used (crashed (SIGABRT))"),
    ],
)
def test_a_library_of_another_version_or_build(shadowed: Path, module: str, text: str, expected: str) -> None:
    write_module(shadowed, module, text)
    line = said(libraries.check_libraries())[1]
    assert expected in line
    assert "Install the program again" in line


def test_a_crash_is_the_fault_of_the_library_that_crashed_alone(shadowed: Path) -> None:
    write_module(shadowed, "cv2", "import os; os.abort()")
    section = libraries.check_libraries()
    assert only_fault(section).startswith("- OpenCV cannot be used (crashed")
    assert "- ONNX Runtime: not looked at" in section.lines


def test_a_python_that_cannot_even_begin(shadowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child.sys, "executable", "/bin/false")
    assert "The process that imports the libraries ended unexpectedly" in only_fault(libraries.check_libraries())


def test_what_follows_from_a_missing_numpy_is_not_said_again(shadowed: Path) -> None:
    write_module(shadowed, "numpy", "raise ModuleNotFoundError(\"No module named 'numpy'\")")
    for module in ("cv2", "onnxruntime"):
        write_module(shadowed, module, "import numpy")
    assert only_fault(libraries.check_libraries()).startswith("- NumPy is not installed.")


def test_a_library_that_only_rare_pictures_need(shadowed: Path) -> None:
    write_module(shadowed, "pi_heif", "raise ModuleNotFoundError(\"No module named 'pi_heif'\")")
    all_works, *_, note = said(libraries.check_libraries())
    assert all_works == ALL_WORKS
    assert "pi-heif is not installed. Without it these cannot be read: HEIC and AVIF pictures." in note


def test_microsofts_runtime_is_named_where_windows_lacks_it(shadowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_module(shadowed, "onnxruntime", "raise ImportError('DLL load failed while importing onnxruntime_pybind11')")
    monkeypatch.setattr(libraries.sys, "platform", "win32")
    line = only_fault(libraries.check_libraries())
    assert f"ONNX Runtime cannot be loaded: Windows lacks the {CPP_RUNTIME}" in line
    assert "Install it from" in line


def test_the_supported_versions_are_those_that_are_installed_with_the_program() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = {}
    for requirement in project["dependencies"]:
        name, _, versions = requirement.partition(">=")
        bounds[name] = tuple(libraries.numbers(version) for version in versions.split(",<"))
    packages = {"cv2": "opencv-python-headless", "PIL": "pillow", "pi_heif": "pi-heif"}
    for library in libraries.LIBRARIES:
        least, below = bounds[packages.get(library.module, library.module)]
        assert least[: len(library.least)] == library.least  # OpenCV's wheels have a number more than OpenCV
        assert below == library.below


def test_a_python_without_onnx_runtime(models: Path, tmp_path: Path) -> None:
    """A whole run, in a Python that really has none."""
    environment = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}
    site = site_without(tmp_path / "site", ["onnxruntime", "bpy"])
    done = run_sam3db(site, "doctor", "--models", str(models), "--json", environment=environment)
    content = json.loads(done.stdout)
    assert done.returncode == 1
    assert content["ok"] is False
    assert content["faults"] == [
        "ONNX Runtime is not installed. Install the program again, which brings it: `make models`, or `pip install .`, "
        "in its folder."
    ]
    assert content["checks"]["worker"]["seconds"] > 0
    assert content["machine"]["onnxruntime"] == ""


def test_limits_that_make_no_sense_are_told_and_the_page_is_whole(models: Path, tmp_path: Path) -> None:
    limits = {"SAM3DB_MEMORY": "abc", "SAM3DB_THREADS": "0"}
    environment = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"], **limits}
    site = site_without(tmp_path / "site", ["onnxruntime", "bpy"])
    content = json.loads(run_sam3db(site, "doctor", "--models", str(models), "--json", environment=environment).stdout)
    assert content["faults"][-2:] == [
        "SAM3DB_THREADS is '0', but must be a number of threads: 1 or more.",
        "SAM3DB_MEMORY is 'abc', but must be a number of bytes, or one such as 800MB or 4GB.",
    ]
    assert content["checks"]["worker"]["seconds"] > 0
    refused = run_sam3db(site, "models", "list", environment=environment)
    assert refused.returncode == 2
    assert "SAM3DB_THREADS" in refused.stderr


def test_a_python_that_is_too_old_is_told_in_a_line() -> None:
    path = ROOT / "native_runtime" / "__init__.py"
    source = path.read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 4))  # or it would stumble over this very file
    program = (
        "import sys, collections; "
        "sys.version_info = collections.namedtuple('V', 'major minor micro')(3, 9, 18); "
        "sys.argv = {argv!r}; exec(compile(open({path!r}).read(), {path!r}, 'exec'), {{'__file__': {path!r}}})"
    )
    for argv, status, ending in (
        (["-m"], 1, "Start it with a newer one."),
        ([str(ROOT / "sam3db_blender" / "__main__.py")], 1, "Start it with a newer one."),
        (["/elsewhere/program.py"], 1, "Start it with a newer one."),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program.format(argv=argv, path=str(path))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status
        lines = done.stderr.strip().splitlines()
        assert "Python 3.11 or newer is needed, and this is Python 3.9" in lines[-1]
        assert lines[-1].endswith(ending)
        assert (len(lines) == 1) == (argv[0] != "/elsewhere/program.py")  # an import of others is an ImportError


def test_older_pythons_of_this_machine_say_so_themselves() -> None:
    """With those that are found; the test above stands in for them on machines that have none."""
    homes = (Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions").glob("3.[789].*/bin/python")
    for python in sorted(homes):
        for module in ("native_runtime", "native_runtime.cli", "sam3db_blender"):
            done = subprocess.run(
                [python, "-m", module, "doctor"], capture_output=True, text=True, cwd=ROOT, check=False
            )
            assert done.returncode == 1
            assert "Python 3.11 or newer is needed, and this is Python 3." in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1


# --- networks and worker ---------------------------------------------------------------------------------------------


def test_a_network_that_onnx_runtime_does_not_take(models: Path) -> None:
    path = models / "landmarks" / "face_sex.onnx"
    path.write_bytes(b"this is no network")
    found = networks.run_networks(models, ["cpu"], ["landmarks"])
    line = only_fault(networks.section_of(found))
    assert "The network landmarks/face_sex does not run:" in line
    assert len(found.networks) == 10
    assert found.provider == "cpu"


def test_a_network_that_ends_its_process(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> object:
        yield {"onnxruntime": "1.30", "providers": ["cuda", "cpu"], "provider": "cuda"}
        yield {"begun": "landmarks/face_age"}
        raise child.ChildError("crashed (SIGSEGV)")

    monkeypatch.setattr(networks, "messages_of", crash)
    line = only_fault(networks.section_of(networks.run_networks(models, None, [])))
    assert "The process that runs the network landmarks/face_age crashed (SIGSEGV)." in line


def test_a_process_that_is_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_module(tmp_path, "sleeping", "import time; print('{\"pid\": 1}', flush=True); time.sleep(600)")
    monkeypatch.syspath_prepend(str(tmp_path))
    heard = child.messages_of("sleeping", [], 0.5)
    assert next(heard) == {"pid": 1}
    with pytest.raises(child.ChildError, match="did not answer within"):
        next(heard)


def _worker_of(tmp_path: Path, script: str) -> WorkerClient:
    """A client whose Python runs a script instead of what it is told."""
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
    python.chmod(0o755)
    client = WorkerClient()
    client.start(python=python, paths=[])
    return client


def test_a_worker_that_is_stuck(tmp_path: Path) -> None:
    stuck = _worker_of(tmp_path, "import time; time.sleep(600)")
    section = examination._check_worker(lambda: round_trip(stuck, 0.4))
    assert "was started, but did not answer within" in only_fault(section)
    assert not stuck.running


def test_a_worker_that_ends(tmp_path: Path) -> None:
    ending = _worker_of(tmp_path, "import sys; sys.exit('No module named encodings')")
    with pytest.raises(WorkerError, match=r"ended unexpectedly \(exit code 1\).*No module named encodings"):
        round_trip(ending)


def test_a_worker_that_cannot_be_started(tmp_path: Path) -> None:
    client = WorkerClient()
    client.start(python=tmp_path / "nowhere", paths=[])
    with pytest.raises(WorkerError, match="could not be started"):
        round_trip(client)


def test_a_check_that_fails_is_a_fault_and_the_others_go_on() -> None:
    def faint() -> Section:
        raise RuntimeError("of all things")

    assert "The check of 'room' failed (RuntimeError: of all things)." in only_fault(
        examination._guarded("room", faint)
    )


# --- Blender's extensions --------------------------------------------------------------------------------------------


def test_an_extension_without_its_wheels(tmp_path: Path) -> None:
    folder = tmp_path / "user_default" / "sam3db_blender"
    folder.mkdir(parents=True)
    (folder / "blender_manifest.toml").write_text('id = "sam3db_blender"\nversion = "0.0.1"\n', encoding="utf-8")
    section = check_extensions([tmp_path])
    fault, note = said(section)[1], said(section)[-1]
    assert "is not complete: native_runtime, onnxruntime, cv2 missing. In Blender, remove it" in fault
    assert "has version 0.0.1; this program has" in note
    for name in ("native_runtime", "onnxruntime", "cv2"):
        (tmp_path / ".local" / "lib" / "python3.13" / "site-packages" / name).mkdir(parents=True)
    assert check_extensions([tmp_path]).faults == ()
