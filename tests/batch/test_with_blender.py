"""Batches with a real Blender beside them: what it builds, and what is left when everything is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from native_runtime.batch.run import run_batch
from native_runtime.batch.settings import BatchRequest, Export
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from sam3db_blender.jobs.builder_command import module_command
from tests.support.batch_results import results_of

pytest.importorskip("bpy")
pytestmark = [pytest.mark.bpy, pytest.mark.models, pytest.mark.slow]

PHOTOS = ("a.png", "sub/two.png", "nobody.png", "z.png")
KILLS = 2


@pytest.fixture
def folder(models: Path, tmp_path: Path, add_photo: Callable[..., Path]) -> Path:
    for number, name in enumerate(PHOTOS):
        add_photo(tmp_path / "photos" / name, grey=80 + 20 * number)
    (tmp_path / "photos" / "broken.png").write_text("no picture")
    return tmp_path / "photos"


def start(repository: Path, folder: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.support.batch_program", str(folder), str(out), "shaded"]
    return subprocess.Popen(command, cwd=repository, stdout=subprocess.DEVNULL, start_new_session=True)


def finished(out: Path) -> int:
    """How many photos the manifest calls done."""
    try:
        lines = (out / "manifest.jsonl").read_bytes().split(b"\n")
    except OSError:
        return 0
    return sum(b'"state":"done"' in line for line in lines)


def test_killed_batches_end_as_undisturbed_ones(repository: Path, folder: Path, tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    started = time.monotonic()
    assert start(repository, folder, undisturbed).wait() == 2
    takes = time.monotonic() - started

    dice = random.Random(20260101)
    done = 0
    for _ in range(KILLS):
        program = start(repository, folder, killed)
        time.sleep(dice.uniform(0.25, 0.75) * takes)
        program.send_signal(signal.SIGKILL)
        program.wait()
        assert finished(killed) >= done, "what was done is not done any more"
        done = finished(killed)
    assert start(repository, folder, killed).wait() == 2

    expected, found = results_of(undisturbed), results_of(killed)
    assert found.keys() == expected.keys()
    assert "sub/two_person0.blend" in found
    assert {name for name in expected if found[name] != expected[name]} == set()


def test_builders_end_with_their_batch(repository: Path, folder: Path, tmp_path: Path) -> None:
    """Whatever becomes of the batch, no Blender stays behind."""
    program = start(repository, folder, tmp_path / "out")
    while not (builders := children_of(program.pid)):
        time.sleep(0.05)
        assert program.poll() is None
    program.send_signal(signal.SIGKILL)
    program.wait()
    give_up = time.monotonic() + 10.0
    while any(os.path.exists(f"/proc/{pid}") and not is_dead(pid) for pid in builders):
        assert time.monotonic() < give_up, "a builder has outlived its batch"
        time.sleep(0.05)


def children_of(parent: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()] or [
            int(pid)
            for task in Path(f"/proc/{parent}/task").iterdir()
            for pid in (task / "children").read_text().split()
        ]
    except OSError:
        pytest.skip("this system does not list the children of a process")


def is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_all_people_of_a_photo_in_one_file_and_for_other_programs(
    models: Path, tmp_path: Path, add_photo: Callable[..., Path]
) -> None:
    add_photo(tmp_path / "photos" / "two.png")
    request = BatchRequest(
        folder=tmp_path / "photos",
        out=tmp_path / "out",
        body="default-lod2",
        persons="all",
        layout="photo",
        previews=("wire",),
        exports=(Export("bvh"), Export("glb", "mixamo")),
        builder=module_command(),
        contact_sheet=False,
    )
    result = run_batch(request, Silent(), Inference("tests.blender.posed_engine"))
    assert not result.failed, result.failed[0].fault
    found = results_of(tmp_path / "out")
    assert sorted(found) == [
        "manifest.jsonl", "two.blend", "two_person0.bvh", "two_person0.json", "two_person0.npz",
        "two_person0_mixamo.glb", "two_person1.bvh", "two_person1.json", "two_person1.npz",
        "two_person1_mixamo.glb", "two_wire.jpg",
    ]  # fmt: skip
    armatures = [name for name, (kind, *_) in found["two.blend"]["objects"].items() if kind == "ARMATURE"]
    assert sorted(name.rsplit(" ", 1)[-1] for name in armatures) == ["Controls", "Controls", "Rig", "Rig"]
    glb = (tmp_path / "out" / "two_person1_mixamo.glb").read_bytes()
    assert b"mixamorig:Hips" in glb
    assert b"Texture" in glb, "the photo is laid on people, and exports carry it"
