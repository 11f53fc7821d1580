"""Importing takes by the operators, as an artist does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from sam3db_blender.rig.control_pose import controls_of
from sam3db_blender.takes.quality import lamps
from sam3db_blender.takes.record import read_record
from tests.support.takes import moving_take

KINDS = ("objects", "meshes", "armatures", "actions", "cameras", "collections", "images", "lights", "worlds")


@pytest.fixture
def body(small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Body]:
    """A body that is installed, and the add-on."""
    import sam3db_blender
    from sam3db_blender.operators import importing

    monkeypatch.setattr(importing, "installed_body", lambda name: small_body)
    sam3db_blender.register()
    yield small_body
    sam3db_blender.unregister()


@pytest.fixture
def file(body: Body, tmp_path: Path) -> Path:
    return moving_take(body, 5).save(tmp_path / "walk_person0_take")[0]


def _counts() -> dict[str, int]:
    return {kind: len(getattr(bpy.data, kind)) for kind in KINDS}


def _state() -> tuple[dict[str, int], tuple[float, ...]]:
    scene = bpy.context.scene
    times = (scene.frame_start, scene.frame_end, scene.frame_current, scene.render.fps, scene.render.fps_base)
    return _counts(), (*times, scene.render.resolution_x, scene.render.resolution_y)


def test_a_take_becomes_a_character_with_keys(body: Body, file: Path) -> None:
    assert bpy.ops.sam3db.import_take(filepath=str(file), rate="video", start=10) == {"FINISHED"}
    rig = bpy.context.view_layer.objects.active
    controls = controls_of(rig)
    assert controls is not None
    assert tuple(controls.animation_data.action.frame_range) == (10.0, 14.0)
    record = read_record(rig)
    assert record is not None
    assert Path(record.take) == file
    assert bpy.context.scene.frame_current == 10


def test_several_files_are_several_people(body: Body, tmp_path: Path) -> None:
    for person in range(2):
        moving_take(body, 4, person=person).save(tmp_path / f"walk_person{person}_take")
    names = [{"name": f"walk_person{person}_take.npz"} for person in range(2)]
    assert bpy.ops.sam3db.import_take(directory=f"{tmp_path}/", files=names) == {"FINISHED"}
    people = [obj for obj in bpy.context.scene.objects if obj.get("sam3db_take")]
    assert sorted(json.loads(rig["sam3db_take"])["person"] for rig in people) == [0, 1]


def test_one_undo_takes_it_back(body: Body, file: Path) -> None:
    bpy.ops.ed.undo_push(message="before")
    before = _state()
    bpy.ops.sam3db.import_take("EXEC_DEFAULT", True, filepath=str(file), rate="video", start=10)
    assert _state() != before
    bpy.ops.ed.undo()
    assert _state() == before


def _no_zip(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 not a zip at all")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _with(**arrays: np.ndarray):
    def spoil(path: Path) -> None:
        with np.load(path) as archive:
            content = dict(archive)
        write_arrays(path, content | arrays)

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        _no_zip,
        _cut,
        Path.unlink,
        _with(model_parameters=np.full((5, 204), np.nan)),
        _with(frames=np.array([5, 4, 3, 2, 1])),
        _with(intrinsics=np.zeros((3, 3))),
        _with(intrinsics=np.array([[500.0, 90.0, 1.0], [0.0, 500.0, 1.0], [0.0, 0.0, 1.0]])),
        _with(identity=np.full(3, 1e6)),
        _with(identity=np.ones(9)),
        _with(expression=np.zeros((5, 40))),
    ],
)
def test_hostile_files_leave_the_scene_as_it_was(body: Body, file: Path, spoil) -> None:
    spoil(file)
    before = _state()
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.sam3db.import_take(filepath=str(file), rate="video")
    assert "Traceback" not in str(raised.value)
    assert "Building the characters failed" not in str(raised.value)
    assert _state() == before


def test_a_failure_on_the_way_leaves_the_scene_as_it_was(
    body: Body, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sam3db_blender.takes import build

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(build, "write_record", fail)
    before = _state()
    with pytest.raises(RuntimeError, match="no space left"):
        bpy.ops.sam3db.import_take(filepath=str(file), rate="video", start=7)
    assert _state() == before


def test_the_same_person_twice_is_refused(body: Body, file: Path) -> None:
    copy = file.with_name("copy_take.npz")
    copy.write_bytes(file.read_bytes())
    with pytest.raises(RuntimeError, match="same person"):
        bpy.ops.sam3db.import_take(directory=f"{file.parent}/", files=[{"name": file.name}, {"name": copy.name}])


def test_frames_before_the_scenes_range_are_said(body: Body, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bpy.ops.sam3db.import_take(filepath=str(file), rate="video", start=-3)
    assert bpy.context.scene.frame_start == 0
    assert "begins on frame -3, but a scene's range begins on frame 0" in capfd.readouterr().out
    bpy.ops.sam3db.import_take(filepath=str(file), rate="video", start=0)
    assert "a scene's range" not in capfd.readouterr().out


def test_footage_that_is_not_found_is_said(body: Body, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bpy.ops.sam3db.import_take(filepath=str(file))
    said = capfd.readouterr().out
    assert "'walk.mp4' was not found" in said
    assert "choose it as 'Footage'" in said


def test_footage_beside_the_take_is_found(body: Body, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import cv2

    writer = cv2.VideoWriter(str(file.parent / "walk.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (64, 48))
    for _ in range(12):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    bpy.ops.sam3db.import_take(filepath=str(file))
    image = bpy.context.scene.camera.data.background_images[0].image
    assert (image.source, Path(bpy.path.abspath(image.filepath))) == ("MOVIE", file.parent / "walk.mp4")
    assert "was not found" not in capfd.readouterr().out


def test_the_figures_are_lamps(body: Body) -> None:
    shown = {lamp.title: (lamp.text, lamp.level) for lamp in lamps({"jitter": 3.6, "foot_slide_mm": 30.0, "note": ""})}
    assert shown == {"Jitter": ("36 m/s³", "good"), "Foot slide": ("30.0 mm", "poor")}
    assert lamps({}) == []


def test_a_take_of_another_build_of_its_body_comes_in(body: Body, file: Path, tmp_path: Path) -> None:
    take = moving_take(body, 4)
    replace(take, body_hash="0" * 64).save(tmp_path / "old_take")
    assert bpy.ops.sam3db.import_take(filepath=str(tmp_path / "old_take.npz")) == {"FINISHED"}
