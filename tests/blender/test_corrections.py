"""Characters of .blend files as rows of a data set: what the artist placed, drew and posed is in them."""

from __future__ import annotations

import io
import json
import math
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.corrections.folder import SavedCharacter
from native_runtime.dataset.pictures import PictureFolder, photo_of
from native_runtime.dataset.shards import read
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import kind_of
from sam3db_blender import places
from sam3db_blender.builder.corrections import read_corrections
from sam3db_blender.cli import EXTENSION
from sam3db_blender.files.blend import save_blend
from sam3db_blender.handles.handles import State, by_keypoint, put
from sam3db_blender.handles.making import ensure_handles
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.handles.pins import set_state
from sam3db_blender.masks.store import set_mask
from tests.support import pictured
from tests.support.posing_stage import NOSE, WRIST, install_body

WRIST_PLACE = (91.0, 77.5)


@pytest.fixture(scope="module")
def made(small_body: Body, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo's four people: one with placed keypoints, one with a mask, one posed by hand, and one left alone."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(3)
    people = [
        pictured.seen(small_body, pictured.placed(small_body, rng, x), "mine.jpg", number)
        for number, x in enumerate(np.linspace(-0.5, 0.5, 4))
    ]
    photo = Photo(pictured.picture(people), Path("mine.jpg"))
    scene = build_photo_scene(bpy.context.scene, people, photo, small_body, light=False)
    rigs = [character.rig for character in scene.characters]
    ensure_handles(rigs[0])
    handles = by_keypoint(rigs[0])
    put(handles[WRIST], WRIST_PLACE)
    set_state(handles[WRIST], State.PINNED)
    set_state(handles[NOSE], State.INCORRECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "user_folder", lambda name: folder / name)
        set_mask(rigs[1], pictured.mask(people[1]))
    bpy.context.view_layer.update()
    rigs[2].pose.bones["l_lowarm"].rotation_euler.x += 0.4
    bpy.context.view_layer.update()
    save_blend(folder / "scene.blend")
    return folder / "scene.blend"


@pytest.fixture
def blend(made: Path, small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, on a machine that has the body; the file of the mask is elsewhere."""
    install_body(small_body, tmp_path / "models")
    monkeypatch.setenv("SAM3DB_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path / "user" / name)
    (tmp_path / "work").mkdir()
    return Path(shutil.copy(made, tmp_path / "work"))


def test_characters_are_read_as_they_are(blend: Path) -> None:
    saved = read_corrections(blend, pytest.fail)
    by_number = {one.person.estimate.person: one for one in saved}
    assert [by_number[number].person.corrected for number in range(4)] == [True, True, True, False]
    placed, masked, posed, alone = (by_number[number].person for number in range(4))
    assert placed.placed[WRIST] == pytest.approx(WRIST_PLACE, abs=0.01)
    assert {prompt[0]: kind_of(prompt) for prompt in placed.prompts} == {WRIST: "place", NOSE: "incorrect"}
    assert masked.mask is not None
    assert np.array_equal(masked.mask, pictured.mask(masked.estimate))
    assert (masked.edited, posed.edited, alone.edited) == (False, True, False)
    assert all(isinstance(one, SavedCharacter) and one.photo is not None for one in saved)


def test_a_pose_by_hand_is_in_the_rows(blend: Path, small_body: Body) -> None:
    before = {one.person.estimate.person: one.person.estimate for one in read_corrections(blend, pytest.fail)}[2]
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE" and "3" in obj.name)
    rig.pose.bones["l_lowarm"].rotation_euler.x += math.radians(20)
    bpy.context.view_layer.update()
    save_blend(blend)
    after = {one.person.estimate.person: one.person.estimate for one in read_corrections(blend, pytest.fail)}[2]
    changed = np.flatnonzero(np.abs(after.model_parameters - before.model_parameters) > 1e-3)
    assert len(changed) > 0
    assert {small_body.parameter_names[number].split("_")[0] for number in changed} == {"l"}
    next(obj for obj in bpy.data.objects if obj.type == "ARMATURE").scale *= 2
    save_blend(blend)
    told: list[str] = []
    assert len(read_corrections(blend, told.append)) == 3
    assert "is scaled as an object" in told[0]


def test_the_command_writes_them(blend: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    spoken = io.StringIO()
    words = ["dataset", "export", str(blend.parent), "-o", str(out), "--consent", "--json"]
    pytest.importorskip("pyarrow", reason="data sets need pyarrow")
    code = main(words, Console(spoken, True, False), extensions=[EXTENSION])
    result = json.loads(spoken.getvalue())
    assert (code, result["people"], result["passed_over"], result["pictures"]) == (0, 3, 1, 1), result
    rows = list(read(out / "000000.parquet"))
    first = next(row for row in rows if row.keypoints_2d[WRIST, 2] == 1)
    assert first.keypoints_2d[WRIST, :2] == pytest.approx(WRIST_PLACE, abs=0.01)
    assert first.keypoints_2d[NOSE, 2] == 0
    photo = photo_of(PictureFolder(out), first.image)
    assert photo.size == pictured.SIZE
    other = next(row for row in rows if row is not first)
    x, y = np.round(other.keypoints_2d[NOSE, :2]).astype(int)
    spot = photo.pixels[y - 1 : y + 2, x - 1 : x + 2].astype(int)
    assert (spot[..., 0] - spot[..., 1]).max() > 60
    for path in out.rglob("*"):
        assert not path.is_file() or b"mine" not in path.read_bytes()


def test_what_cannot_be_read_is_told(blend: Path, tmp_path: Path) -> None:
    (blend.parent / "broken.blend").write_bytes(b"BLENDER nothing")
    pytest.importorskip("pyarrow", reason="data sets need pyarrow")
    spoken = io.StringIO()
    words = ["dataset", "export", str(blend.parent), "-o", str(tmp_path / "data"), "--consent", "--json"]
    code = main(words, Console(spoken, True, False), extensions=[EXTENSION])
    result = json.loads(spoken.getvalue())
    assert (code, result["people"]) == (1, 3)
    assert "broken.blend" in result["problems"][0]["what"]
    code = main([*words[:4], str(tmp_path / "none"), *words[5:], "--no-blend"], Console(io.StringIO(), True, False))
    assert code == 1
    assert not (tmp_path / "none").exists()
