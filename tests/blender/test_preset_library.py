"""The bodies and poses that come with the extension."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import pytest

import sam3db_blender
from native_runtime.characters.preset_library import preset_named
from native_runtime.mhr import Body
from sam3db_blender.rig.pose import read_settings
from sam3db_blender.scene import edits
from tests.support.photo_scenes import photo_scene


@pytest.fixture
def add_on() -> Iterator[None]:
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def test_the_operators_apply_presets(add_on: None, small_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = photo_scene(small_body).characters[0].rig
    monkeypatch.setattr("sam3db_blender.scene.bodies.body_of", lambda rig, exact=False: small_body)
    bpy.context.view_layer.objects.active = rig
    assert bpy.ops.sam3db.apply_pose_preset(preset="sit") == {"FINISHED"}
    bend = small_body.parameter_index("l_knee_bend")
    assert read_settings(rig, small_body).model_parameters[bend] == pytest.approx(
        preset_named("poses", "sit").parameters["l_knee_bend"], abs=1e-4
    )
    assert bpy.ops.sam3db.apply_body_preset(preset="slim_man") == {"FINISHED"}
    settings = read_settings(rig, small_body)
    thigh = preset_named("bodies", "slim_man").parameters["scale_uplegs"]
    assert settings.model_parameters[small_body.parameter_index("scale_uplegs")] == pytest.approx(thigh, abs=1e-5)
    assert settings.model_parameters[bend] == pytest.approx(
        preset_named("poses", "sit").parameters["l_knee_bend"], abs=1e-4
    )
    # the artist's own work, as if done with bones and sliders
    mine = edits.notice(rig, small_body).mine
    assert mine[bend] == pytest.approx(preset_named("poses", "sit").parameters["l_knee_bend"], abs=1e-4)
    assert mine[small_body.parameter_index("scale_uplegs")] == pytest.approx(thigh, abs=1e-5)
    for name in ("apply_pose_preset", "apply_body_preset"):  # one step back
        assert {"REGISTER", "UNDO"} <= getattr(bpy.types, f"SAM3DB_OT_{name}").bl_options
