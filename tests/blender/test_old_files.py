"""A .blend that version 0.1.0 saved opens as it was left, and can be worked on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.characters.exchange import load_settings
from native_runtime.characters.settings import CharacterSettings
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.prompts.prompt import keypoint_names
from sam3db_blender import places
from sam3db_blender.handles.handles import State, by_keypoint, place, state_of
from sam3db_blender.handles.session import request_for
from sam3db_blender.rig.pose import read_settings
from sam3db_blender.scene.provenance import is_character, read_origin

FILES = Path(__file__).resolve().parents[1] / "fixtures" / "v0.1.0"
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
    assert settings.parameters[body.parameter_index("l_elbow_bend")] == 0.7
    assert settings.identity == pytest.approx(np.full(body.identity_count, 0.3))
    assert notes == []
