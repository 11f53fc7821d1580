"""The shipped poses as Pose Assets: applied to the controls they are the presets' poses."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.characters.preset_library import library, preset_named, with_pose
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.controls.asset_catalogue import CATALOGUE, ensure_catalogue
from sam3db_blender.controls.build import build_controls
from sam3db_blender.controls.pose_assets import POSE, make_pose_assets
from sam3db_blender.controls.snapping import limbs_of
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.mesh import build_mesh
from sam3db_blender.rig.pose import apply_parameters, read_settings
from tests.support.meshes import off_body


def test_an_asset_is_the_pose_of_its_preset(default_body_path: Path) -> None:
    body = Body.load(default_body_path.with_name("default-lod2.npz"))
    stage = bpy.context.scene.collection
    rig = build_rig("A Rig", body, stage)
    mesh = build_mesh("A Body", body, rig, stage, [bpy.data.materials.new(n) for n in body.material_names])
    with pytest.raises(Sam3dbError, match="add them first"):
        make_pose_assets(rig, body)
    controls = build_controls(rig, body)
    stand = np.zeros(204)
    stand[[0, 2, 4]] = 3.0, -2.0, 0.6
    stand[body.parameter_index("scale_lowlegs")] = 0.3
    apply_parameters(rig, body, stand)
    settings = read_settings(rig, body)
    before = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
    names = {obj.name for obj in bpy.data.objects}
    made = {action[POSE]: action for action in make_pose_assets(rig, body)}
    assert set(made) == {preset.key for preset in library("poses")}
    assert np.array_equal(evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get()), before)
    assert {obj.name for obj in bpy.data.objects} == names
    assert make_pose_assets(rig, body) == []  # what an artist may have changed is kept
    for action in made.values():
        assert action.asset_data.catalog_id == CATALOGUE
        assert min(action.preview.image_size) > 0
    for key in ("sit", "run"):
        goal = with_pose(body, settings, preset_named("poses", key)).model_parameters
        controls.pose.apply_pose_from_action(made[key])
        for ik in (0.0, 1.0):
            for limb in limbs_of(body):
                controls[limb.switch] = ik
            controls.update_tag()
            assert off_body(mesh, body, goal) < 1e-4


def test_the_catalogue_is_added_and_nothing_lost(tmp_path: Path) -> None:
    listed = tmp_path / "blender_assets.cats.txt"
    assert ensure_catalogue(tmp_path / "mine.blend") == listed
    text = listed.read_text()
    assert text.index("VERSION 1") < text.index(CATALOGUE)
    ensure_catalogue(tmp_path / "mine.blend")
    assert listed.read_text() == text
    own = "VERSION 1\n\n11111111-2222-3333-4444-555555555555:Chairs:Chairs"
    listed.write_text(own)
    ensure_catalogue(tmp_path / "mine.blend")
    assert listed.read_text().startswith(own + "\n")
    assert listed.read_text().count(CATALOGUE) == 1
    listed.write_text("VERSION 7\n")
    with pytest.raises(Sam3dbError, match="another version"):
        ensure_catalogue(tmp_path / "mine.blend")
    assert listed.read_text() == "VERSION 7\n"


def test_the_catalogue_is_that_of_the_library(tmp_path: Path) -> None:
    """Where the file lies in an asset library of the user, Blender reads the library's list."""
    (tmp_path / "library" / "people").mkdir(parents=True)
    known = bpy.context.preferences.filepaths.asset_libraries
    entry = known.new(name="Test", directory=str(tmp_path / "library"))
    try:
        assert ensure_catalogue(tmp_path / "library" / "people" / "a.blend").parent == tmp_path / "library"
    finally:
        known.remove(entry)
