"""A .blend that version 0.1.0 saved opens as it was left, and can be worked on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from inspect import getattr_static
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.characters.exchange import load_settings
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.characters.settings import CharacterSettings
from native_runtime.errors import NewerFormatError, Sam3dbError
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.prompts.prompt import keypoint_names
from sam3db_blender import places
from sam3db_blender.exports.saved import export_from_file
from sam3db_blender.files import recent_photos, speeds
from sam3db_blender.handles.handles import State, by_keypoint, place, state_of
from sam3db_blender.handles.session import apply_answer, go_back, request_for
from sam3db_blender.masks.store import mask_file, read_own_mask
from sam3db_blender.retarget.person import person_of_character
from sam3db_blender.rig.pose import read_settings
from sam3db_blender.scene import edits, provenance, snapshots, viewpoints
from sam3db_blender.scene.provenance import is_character, read_origin
from sam3db_blender.takes import record
from sam3db_blender.ui.character_panel import SAM3DB_PT_character
from sam3db_blender.ui.handles_panel import SAM3DB_PT_earlier_estimates, SAM3DB_PT_edits, SAM3DB_PT_pose
from sam3db_blender.ui.takes_panel import draw_quality
from tests.support.formats import OLD_FILES as FILES
from tests.support.formats import ROOT, declared, following, restate
from tests.support.layout import Layout

NEWER = r"was written by a newer version of this program\. Update the program to read it\."
FORMATS = declared("sam3db_blender")
LEFT_WRIST, RIGHT_WRIST = keypoint_names().index("left_wrist"), keypoint_names().index("right_wrist")


@pytest.fixture
def body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Body:
    body = Body.load(FILES / "body.npz")
    folder = tmp_path / "models" / "bodies"
    folder.mkdir(parents=True)
    body.save(folder / "small.npz")
    manifest.write(folder, {"small.npz": manifest.describe(folder / "small.npz")})
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    return body


@pytest.fixture
def rig(body: Body) -> Iterator[bpy.types.Object]:
    sam3db_blender.register()
    bpy.ops.wm.open_mainfile(filepath=str(FILES / "character.blend"))
    (rig,) = (obj for obj in bpy.data.objects if is_character(obj))
    yield rig
    bpy.ops.wm.read_factory_settings(use_empty=True)
    sam3db_blender.unregister()


def test_the_character_stands_as_it_was_left(rig: bpy.types.Object, body: Body) -> None:
    origin = read_origin(rig)
    assert origin.details["version"] == "0.1.0"
    before, now = origin.estimate(body), read_settings(rig, body)
    bend = body.parameter_index("l_elbow_bend")
    assert before.model_parameters[bend] == 0.7
    assert np.abs(now.joint_parameters(body) - body.joint_parameters(before.model_parameters)).max() == pytest.approx(
        0.25, abs=1e-5
    )
    assert now.identity == pytest.approx(before.identity, abs=1e-6)


def test_its_handles_keep_what_was_said(rig: bpy.types.Object) -> None:
    handles = by_keypoint(rig)
    assert len(handles) == 70
    assert state_of(handles[LEFT_WRIST]) is State.PINNED
    assert place(handles[LEFT_WRIST]) == pytest.approx((150, 100), abs=0.01)
    assert state_of(handles[RIGHT_WRIST]) is State.IGNORED


def test_its_pose_can_be_inferred_again(rig: bpy.types.Object) -> None:
    request = request_for(rig)
    pins = {pin[0]: pin[1:] for pin in request.pins}
    assert pins[LEFT_WRIST][:2] == pytest.approx((150, 100), abs=0.01)
    assert pins[RIGHT_WRIST][2] == "ignore"
    assert request.edits is not None, "the arm was turned by hand"
    assert request.edits.model_parameters


def test_saved_settings(body: Body) -> None:
    settings, notes = load_settings(FILES / "settings.json", body, CharacterSettings.neutral(body))
    assert settings.model_parameters[body.parameter_index("l_elbow_bend")] == 0.7
    assert settings.identity == pytest.approx(np.full(body.identity_count, 0.3))
    assert notes == []


# --- a character that was worked on ----------------------------------------------------------------------------------


@pytest.fixture
def worked_on(body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bpy.types.Object]:
    """A character with a mask, snapshots, and edits by hand."""
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path / "own")
    sam3db_blender.register()
    bpy.ops.wm.open_mainfile(filepath=str(FILES / "worked_on.blend"))
    rig = next(obj for obj in bpy.data.objects if is_character(obj) and obj.get("sam3db_mask"))
    bpy.context.view_layer.objects.active = rig
    yield rig
    bpy.ops.wm.read_factory_settings(use_empty=True)
    sam3db_blender.unregister()


def records(rig: bpy.types.Object) -> dict[str, Any]:
    """All that this extension keeps with a character."""
    own = {key: value for key, value in rig.items() if key.startswith("sam3db")}
    return {key: value.to_dict() if key == provenance.PROPERTY else str(value) for key, value in own.items()}


def test_edits_by_hand_are_remembered(worked_on: bpy.types.Object, body: Body) -> None:
    assert edits.recall(worked_on, body).mine[46] == pytest.approx(0.2203, abs=1e-4)
    request = request_for(worked_on)
    assert request.edits is not None
    assert request.edits.model_parameters == pytest.approx({46: 0.2203}, abs=1e-4)
    assert json.loads(worked_on[edits.PROPERTY])["format"] == str(edits.FORMAT)


def test_snapshots_can_be_gone_back_to(worked_on: bpy.types.Object, body: Body) -> None:
    found = dict(snapshots.entries(worked_on))
    assert list(found) == ["Import", "Nose Dragged", "Left Wrist Dragged"]
    numbers = snapshots.snapshot_of(worked_on, found["Nose Dragged"])
    assert numbers is not None
    assert go_back(worked_on, found["Nose Dragged"]) == "Nose Dragged"
    standing = read_settings(worked_on, body)
    assert standing.model_parameters == pytest.approx(
        numbers.memory.slots.state(numbers.memory.applied).model_parameters, abs=1e-4
    )
    assert [name for name, _ in snapshots.entries(worked_on)][:3] == list(found), "nothing is lost by going back"


def test_a_mask_is_written_again_from_the_file(worked_on: bpy.types.Object, tmp_path: Path) -> None:
    worked_on["sam3db_mask"] = str(tmp_path / "gone" / Path(worked_on["sam3db_mask"]).name)
    path = mask_file(worked_on)
    assert path is not None
    assert path.parent == tmp_path / "own"
    assert read_own_mask(worked_on).sum() == 150 * 120


def test_recent_photos_are_still_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path)
    (tmp_path / "a.png").touch()
    old = (FILES / "recent_photos.json").read_text(encoding="utf-8")
    (tmp_path / "photos.json").write_text(
        old.replace("/photos/a.png", (tmp_path / "a.png").as_posix()), encoding="utf-8"
    )
    assert recent_photos.recent() == [tmp_path / "a.png"]
    (tmp_path / "c.png").touch()
    recent_photos.remember(tmp_path / "c.png")
    assert recent_photos.recent() == [tmp_path / "c.png", tmp_path / "a.png"]
    restate(tmp_path / "photos.json", following(recent_photos.FORMAT))
    before = (tmp_path / "photos.json").read_bytes()
    assert recent_photos.recent() == []
    recent_photos.remember(tmp_path / "a.png")
    assert (tmp_path / "photos.json").read_bytes() == before


def test_seconds_of_engines_are_still_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path)
    file = tmp_path / "engine_seconds.json"
    file.write_bytes((FILES / "engine_seconds.json").read_bytes())
    assert (speeds.measured("landmarks"), speeds.measured("sam3d_body")) == (1.5, None)
    speeds.remember("landmarks", {"fit": 4.0, "mesh": 0.5})
    assert speeds.measured("landmarks") == 2.0  # the median of 1, 2 and 4.5
    for _ in range(9):
        speeds.remember("landmarks", {"fit": 3.0})
    assert speeds.measured("landmarks") == 3.0
    speeds.remember("instanthmr", {})
    assert speeds.measured("instanthmr") is None
    restate(file, following(speeds.FORMAT))
    before = file.read_bytes()
    speeds.remember("landmarks", {"fit": 1.0})
    assert file.read_bytes() == before
    assert speeds.measured("landmarks") is None
    file.write_bytes(b'{"format": "sam3db-engine-seconds/1", "seconds": 3}')
    speeds.remember("landmarks", {"fit": 1.0})
    assert speeds.measured("landmarks") == 1.0


# --- newer versions --------------------------------------------------------------------------------------------------


def test_every_format_of_the_extension_is_covered() -> None:
    assert FORMATS.keys() == {
        "sam3db-character",
        "sam3db-edits",
        "sam3db-snapshot",
        "sam3db-take-record",
        "sam3db-character-views",
        "sam3db-recent-photos",
        "sam3db-engine-seconds",
        "sam3db-provider-times",
    }
    rows = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").splitlines()
    for made in FORMATS.values():
        assert any(row.startswith("|") and f"`{made}`" in row for row in rows)
        assert sorted(made.migrations) == list(range(1, made.version))


def made_newer(rig: bpy.types.Object, name: str) -> None:
    newer = following(FORMATS[name])
    if name == "sam3db-character":
        rig[provenance.PROPERTY]["format"] = newer
    elif name == "sam3db-edits":
        rig[edits.PROPERTY] = json.dumps({**json.loads(rig[edits.PROPERTY]), "format": newer})
    else:
        first, *others = json.loads(rig[snapshots.PROPERTY])
        rig[snapshots.PROPERTY] = json.dumps([{**first, "format": newer}, *others])


@pytest.mark.parametrize("name", ["sam3db-character", "sam3db-edits", "sam3db-snapshot"])
def test_records_of_a_newer_version_are_refused_and_left_alone(
    worked_on: bpy.types.Object, body: Body, name: str
) -> None:
    time, estimate = snapshots.entries(worked_on)[1][1], read_origin(worked_on).estimate(body)
    made_newer(worked_on, name)
    before = records(worked_on)
    with pytest.raises(NewerFormatError, match=NEWER):
        go_back(worked_on, time)
    with pytest.raises(NewerFormatError):
        apply_answer(worked_on, estimate)
    with pytest.raises(RuntimeError, match=NEWER):
        bpy.ops.sam3db.go_back(when=repr(time))
    assert records(worked_on) == before


def test_the_record_of_a_take_of_a_newer_version_is_told_and_left_alone(worked_on: bpy.types.Object) -> None:
    """It tells where the motion is from; the character can be worked on without it."""
    worked_on[record.PROPERTY] = newer = json.dumps({"format": following(record.FORMAT)})
    with pytest.raises(NewerFormatError, match=NEWER):
        record.read_record(worked_on)
    layout = Layout()
    draw_quality(layout, worked_on, 300)
    assert "was written by a newer version of this program" in " ".join(layout.drawn)
    go_back(worked_on, snapshots.entries(worked_on)[1][1])
    assert worked_on[record.PROPERTY] == newer


def test_the_record_of_views_of_a_newer_version_is_told_and_left_alone(worked_on: bpy.types.Object) -> None:
    worked_on[viewpoints.PROPERTY] = newer = json.dumps({"format": following(viewpoints.FORMAT)})
    with pytest.raises(NewerFormatError, match=NEWER):
        viewpoints.read_views(worked_on)
    with pytest.raises(NewerFormatError, match=NEWER):
        request_for(worked_on)
    assert worked_on[viewpoints.PROPERTY] == newer


@pytest.mark.parametrize("spoilt", ["{", "7", "{}", '{"format": "sam3db-character-views/1", "views": []}'])
def test_a_spoilt_record_of_views_says_so(worked_on: bpy.types.Object, spoilt: str) -> None:
    worked_on[viewpoints.PROPERTY] = spoilt
    with pytest.raises(Sam3dbError, match=r"The record of the views of '.*' is damaged"):
        viewpoints.read_views(worked_on)


def test_a_character_of_a_newer_version_is_not_exported_or_posed_after(
    worked_on: bpy.types.Object, tmp_path: Path
) -> None:
    made_newer(worked_on, "sam3db-character")
    out, blend = tmp_path / "a.glb", tmp_path / "newer.blend"
    with pytest.raises(RuntimeError, match="newer version"):
        bpy.ops.sam3db.export_character(filepath=str(out))
    with pytest.raises(NewerFormatError, match="newer version"):
        person_of_character(worked_on)
    name = worked_on.name
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), copy=True)
    with pytest.raises(NewerFormatError, match="newer version"):
        export_from_file(blend, name, out, ExportOptions())
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("sam3db-character", (SAM3DB_PT_character, SAM3DB_PT_pose)),
        ("sam3db-edits", (SAM3DB_PT_pose, SAM3DB_PT_edits)),
        ("sam3db-snapshot", (SAM3DB_PT_earlier_estimates,)),
    ],
)
def test_panels_say_that_a_newer_version_is_needed(
    worked_on: bpy.types.Object, name: str, kinds: tuple[Any, ...]
) -> None:
    made_newer(worked_on, name)
    context = SimpleNamespace(
        region=SimpleNamespace(width=300), preferences=bpy.context.preferences, window=None, space_data=None,
        object=worked_on, scene=bpy.context.scene, window_manager=bpy.context.window_manager,
    )  # fmt: skip
    for kind in kinds:
        panel: Any = SimpleNamespace(layout=Layout())
        for method in (name for name in dir(kind) if name.startswith("_draw")):
            setattr(panel, method, getattr_static(kind, method).__get__(panel))
        kind.draw(panel, context)
        assert "was written by a newer version of this program. Update the program to read it." in " ".join(
            panel.layout.drawn
        )


@pytest.mark.parametrize("key", [provenance.PROPERTY, edits.PROPERTY, snapshots.PROPERTY])
def test_records_that_somebody_spoilt_say_so(worked_on: bpy.types.Object, body: Body, key: str) -> None:
    good = worked_on[key]
    if key == provenance.PROPERTY:
        good = good.to_dict()
        spoilt = [
            {**good, "format": "foreign/1"},
            {**good, "details": "{"},
            {**good, "bbox": [1.0]},
            {"id": good["id"]},
        ]
    else:
        content = json.loads(good)
        whole = content if isinstance(content, dict) else content[0]
        broken = [{}, {"format": "foreign/1"}, *({**whole, name: None} for name in ("applied", "groups", "name"))]
        spoilt = ["{", "7", "[" * 100_000, *(json.dumps([it] if isinstance(content, list) else it) for it in broken)]
    for content in spoilt:
        worked_on[key] = content
        for read in (
            lambda: read_origin(worked_on),
            lambda: edits.recall(worked_on, body),
            lambda: edits.shown_groups(worked_on),
            lambda: [snapshots.snapshot_of(worked_on, when) for _, when in snapshots.entries(worked_on)],
        ):
            with suppress(Sam3dbError):
                read()
    worked_on[key] = "{" if key != provenance.PROPERTY else spoilt[0]
    with pytest.raises(Sam3dbError, match="is damaged"):
        (read_origin(worked_on), edits.recall(worked_on, body), snapshots.entries(worked_on))
