"""What exporting leaves behind (nothing), and what it does where something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.characters.exports.rest import Joints, rest_pose
from native_runtime.cli.main import main
from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.mhr import Body
from native_runtime.retarget.maps import copy_map
from sam3db_blender.exports import formats
from sam3db_blender.exports.export import export_character
from sam3db_blender.exports.snapshot import read_joints
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.scene.character import Character
from tests.blender.test_exports import distance, person
from tests.support.glb import Glb
from tests.support.reimport import import_again

FORMATS = ["fbx", "glb", "bvh", "usd"]


@pytest.fixture
def somebody(small_body: Body) -> Character:
    return person(small_body)


def _scene_state() -> dict[str, Any]:
    """All that an export might touch."""
    blocks = {}
    for item in bpy.data.bl_rna.properties:
        if item.type == "COLLECTION":
            blocks[item.identifier] = sorted(
                (block.name_full, block.users) for block in getattr(bpy.data, item.identifier)
            )
    scene, layer = bpy.context.scene, bpy.context.view_layer
    return {
        "blocks": blocks,
        "scene": bpy.context.window.scene.name,
        "layer": layer.name,
        "selected": sorted(obj.name for obj in bpy.context.selected_objects),
        "active": layer.objects.active.name,
        "mode": bpy.context.mode,
        "frame": (scene.frame_current, scene.frame_subframe, scene.frame_start, scene.frame_end),
        "places": {obj.name: np.array(obj.matrix_world).tolist() for obj in scene.objects},
        "bones": {
            obj.name: np.array([bone.matrix for bone in obj.pose.bones]).tolist()
            for obj in scene.objects
            if obj.type == "ARMATURE"
        },
    }


@pytest.mark.parametrize("mode", ["OBJECT", "POSE", "EDIT"])
@pytest.mark.parametrize("to", FORMATS)
def test_the_scene_stays_as_it_is(to, mode, somebody, tmp_path):
    other = bpy.data.objects.new("Armature", None)  # has the name that FBX files need
    bpy.context.scene.collection.objects.link(other)
    other.select_set(True)
    if mode == "EDIT":
        bpy.context.view_layer.objects.active = somebody.mesh
    bpy.ops.object.mode_set(mode=mode)
    bpy.context.scene.frame_set(17, subframe=0.25)
    before = _scene_state()
    path = tmp_path / f"out{ExportOptions(to=to).suffix}"
    export_character(somebody.rig, path, ExportOptions(to=to, names="mixamo", rest="t"))
    assert _scene_state() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("to", FORMATS)
def test_a_failing_exporter_leaves_nothing(to, somebody, tmp_path, monkeypatch):
    before = _scene_state()
    kind = formats.FORMATS[to]

    def fails(path: str, posed: bool, moving: bool) -> None:
        Path(path).write_bytes(b"half a file")
        bpy.data.images.new("left over", 1, 1)
        raise RuntimeError("Error: no more memory")

    for failure in (fails, lambda *_: {"CANCELLED"}):
        monkeypatch.setitem(formats.FORMATS, to, replace(kind, write=failure))
        with pytest.raises(Sam3dbError, match=kind.title):
            export_character(somebody.rig, tmp_path / f"out{ExportOptions(to=to).suffix}", ExportOptions(to=to))
        assert _scene_state() == before
        assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_new_one_is_complete(somebody, tmp_path, monkeypatch):
    path = tmp_path / "out.glb"
    path.write_bytes(b"the one before")
    monkeypatch.setitem(formats.FORMATS, "glb", replace(formats.FORMATS["glb"], write=lambda *_: {"CANCELLED"}))
    with pytest.raises(Sam3dbError):
        export_character(somebody.rig, path, ExportOptions())
    assert path.read_bytes() == b"the one before"
    monkeypatch.undo()
    export_character(somebody.rig, path, ExportOptions())
    assert path.read_bytes()[:4] == b"glTF"


def test_folders_that_cannot_be_written(somebody, tmp_path):
    with pytest.raises(Sam3dbError, match="Cannot write"):
        export_character(somebody.rig, tmp_path / "none" / "out.glb", ExportOptions())
    (tmp_path / "file").write_text("")
    with pytest.raises(Sam3dbError, match="Cannot write"):
        export_character(somebody.rig, tmp_path / "file" / "out.glb", ExportOptions())
    (tmp_path / "taken.glb").mkdir()
    with pytest.raises(Sam3dbError, match="Cannot write"):
        export_character(somebody.rig, tmp_path / "taken.glb", ExportOptions())
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "taken.glb"]


def test_an_exporter_that_is_switched_off(somebody, tmp_path):
    import addon_utils

    addon_utils.disable("io_scene_fbx")
    try:
        with pytest.raises(Sam3dbError, match=r"FBX exporter is switched off: open Edit > Preferences > Add-ons"):
            export_character(somebody.rig, tmp_path / "out.fbx", ExportOptions(to="fbx"))
    finally:
        addon_utils.enable("io_scene_fbx")


def test_a_blender_without_usd(somebody, tmp_path, monkeypatch):
    monkeypatch.setitem(formats.FORMATS, "usd", replace(formats.FORMATS["usd"], operator="wm.no_such_export"))
    with pytest.raises(Sam3dbError, match="built without USD"):
        export_character(somebody.rig, tmp_path / "out.usd", ExportOptions(to="usd"))


def test_maps_that_cannot_be_used(somebody, tmp_path):
    path = copy_map("mixamo", tmp_path / "mine.json")
    path.write_text(path.read_text().replace('"LeftArm", "joint": "l_uparm"', '"LeftArm", "joint": "l_wing"'))
    with pytest.raises(UsageError, match="not a joint of MHR"):
        export_character(somebody.rig, tmp_path / "out.glb", ExportOptions(names="mine"), [tmp_path])
    path.write_text("{")
    with pytest.raises(UsageError, match="not a JSON"):
        export_character(somebody.rig, tmp_path / "out.glb", ExportOptions(names=str(path)))
    with pytest.raises(UsageError, match="ends in"):
        export_character(somebody.rig, tmp_path / "out.fbx", ExportOptions())


def test_an_own_map_names_the_bones(somebody, tmp_path):
    path = copy_map("mixamo", tmp_path / "mine.json")
    path.write_text(path.read_text().replace('"mixamorig:"', '"own_"', 1).replace('"Hips"', '"Becken"'))
    export_character(somebody.rig, tmp_path / "out.glb", ExportOptions(names="mine"), [tmp_path])
    names = Glb.read(tmp_path / "out.glb").joint_names
    assert "own_Becken" in names
    assert "own_LeftArm" in names


def test_a_character_without_its_mesh(somebody, tmp_path):
    bpy.data.objects.remove(somebody.mesh)
    with pytest.raises(Sam3dbError, match="no body mesh any more"):
        export_character(somebody.rig, tmp_path / "out.glb", ExportOptions())
    export_character(somebody.rig, tmp_path / "out.bvh", ExportOptions(to="bvh"))
    assert len(import_again(tmp_path / "out.bvh").posed) == 127


def test_a_character_whose_bones_were_renamed(somebody, tmp_path):
    somebody.rig.data.bones["l_wrist"].name = "hand"
    with pytest.raises(Sam3dbError, match="no bone 'l_wrist' any more"):
        export_character(somebody.rig, tmp_path / "out.glb", ExportOptions())


def test_a_scaled_character(somebody, tmp_path):
    somebody.rig.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    expected = evaluated_vertices(somebody.mesh, bpy.context.evaluated_depsgraph_get())
    rig = somebody.rig
    wrist = np.array(rig.matrix_world @ rig.pose.bones["l_wrist"].head)
    export_character(rig, tmp_path / "out.fbx", ExportOptions(to="fbx"))
    export_character(rig, tmp_path / "t.fbx", ExportOptions(to="fbx", rest="t", names="unity"))
    found = import_again(tmp_path / "out.fbx")
    assert found.posed["l_wrist"] == pytest.approx(wrist, abs=5e-4)
    assert np.linalg.norm(found.vertices - expected, axis=1).max() < 1e-3
    assert import_again(tmp_path / "t.fbx").posed["LeftHand"] == pytest.approx(wrist, abs=5e-4)


@pytest.mark.parametrize("scale", [(1.0, 1.0, 1.5), (-1.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_what_no_skeleton_can_be(scale, somebody, tmp_path):
    somebody.rig.scale = scale
    bpy.context.view_layer.update()
    with pytest.raises(Sam3dbError, match="clear its scale"):
        export_character(somebody.rig, tmp_path / "out.glb", ExportOptions())


def test_a_linked_character(small_body, tmp_path):
    person(small_body)
    blend = tmp_path / "somebody.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(blend), link=True) as (source, wanted):
        wanted.objects = list(source.objects)
    for obj in wanted.objects:
        bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = rig = bpy.data.objects["somebody Rig"]
    bpy.context.view_layer.update()
    before = _scene_state()
    expected = evaluated_vertices(bpy.data.objects["somebody Body"], bpy.context.evaluated_depsgraph_get())
    export_character(rig, tmp_path / "out.fbx", ExportOptions(to="fbx"))
    assert _scene_state() == before
    found = import_again(tmp_path / "out.fbx")
    assert np.linalg.norm(found.vertices - expected, axis=1).max() < 1e-3


def test_modifiers_are_applied(somebody, tmp_path):
    modifier = somebody.mesh.modifiers.new("Finer", "SUBSURF")
    modifier.subdivision_type, modifier.levels = "SIMPLE", 1
    off = somebody.mesh.modifiers.new("Off", "DECIMATE")
    off.ratio, off.show_viewport = 0.1, False
    bpy.context.view_layer.update()
    expected = evaluated_vertices(somebody.mesh, bpy.context.evaluated_depsgraph_get())
    before = _scene_state()
    notes = export_character(somebody.rig, tmp_path / "out.fbx", ExportOptions(to="fbx"))
    assert _scene_state() == before
    assert any("Modifiers were applied: Finer." in note for note in notes)
    assert any("shape keys were baked" in note for note in notes)
    found = import_again(tmp_path / "out.fbx")
    assert len(found.vertices) == len(expected)
    assert np.linalg.norm(found.vertices - expected, axis=1).max() < 1e-3


@pytest.mark.parametrize("to", ["fbx", "glb"])
def test_modifiers_see_the_mesh_as_it_was(to, somebody, tmp_path):
    """In its own axes and in metres, whatever the file has; shapes are kept where the vertices are."""
    modifier = somebody.mesh.modifiers.new("Moved", "DISPLACE")
    modifier.direction, modifier.strength, modifier.mid_level = "Z", 0.1, 0.0
    somebody.rig.scale = (1.5, 1.5, 1.5)
    bpy.context.view_layer.update()
    expected = evaluated_vertices(somebody.mesh, bpy.context.evaluated_depsgraph_get())
    path = tmp_path / f"out.{to}"
    export_character(somebody.rig, path, ExportOptions(to=to))
    found = import_again(path)
    assert "jawOpen" in found.mesh.data.shape_keys.key_blocks
    assert distance(found.vertices, expected) < 1e-3


def test_bones_that_an_artist_added(somebody, tmp_path):
    bpy.ops.object.mode_set(mode="EDIT")
    bone = somebody.rig.data.edit_bones.new("tail")
    bone.head, bone.tail = (0, 0, 1), (0, 1, 1)
    bone.parent = somebody.rig.data.edit_bones["root"]
    bpy.ops.object.mode_set(mode="OBJECT")
    notes = export_character(somebody.rig, tmp_path / "out.glb", ExportOptions())
    assert any("folded into their parents: tail" in note for note in notes)
    assert "tail" not in Glb.read(tmp_path / "out.glb").joint_names


# --- rest poses --------------------------------------------------------------------------------------------------


@pytest.mark.models
def test_at_rest_people_stand_on_the_floor(default_body_path, tmp_path):
    body = Body.load(default_body_path.with_name("default-lod2.npz"))
    export_character(person(body).rig, tmp_path / "out.vrm", ExportOptions.for_target("vrm"))
    glb = Glb.read(tmp_path / "out.vrm")
    assert glb.skinned(False)[:, 2].min() == pytest.approx(0.0, abs=1e-4)
    assert glb.joint_places(False)["hips"][:2] == pytest.approx([0.0, 0.0], abs=1e-5)


# --- VRM ---------------------------------------------------------------------------------------------------------


def test_vrm_files_say_who_is_which_bone(somebody, tmp_path):
    notes = export_character(somebody.rig, tmp_path / "out.vrm", ExportOptions.for_target("vrm"))
    assert any("author" in note for note in notes)
    content = Glb.read(tmp_path / "out.vrm").content
    vrm = content["extensions"]["VRMC_vrm"]
    assert "VRMC_vrm" in content["extensionsUsed"]
    assert vrm["specVersion"] == "1.0"
    assert vrm["meta"] == {"name": "out", "authors": ["unknown"], "licenseUrl": "https://vrm.dev/licenses/1.0/"}
    bones = vrm["humanoid"]["humanBones"]
    assert len(bones) == 55
    assert all(content["nodes"][entry["node"]]["name"] == name for name, entry in bones.items())
    named = replace(ExportOptions.for_target("vrm"), author="Somebody")
    assert export_character(somebody.rig, tmp_path / "named.vrm", named) == []
    assert Glb.read(tmp_path / "named.vrm").content["extensions"]["VRMC_vrm"]["meta"]["authors"] == ["Somebody"]


# --- options -----------------------------------------------------------------------------------------------------


# --- operators and command line ----------------------------------------------------------------------------------


@pytest.fixture
def add_on(small_body: Body, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The extension, and a folder of the user's own maps."""
    from sam3db_blender import places

    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path / name)
    sam3db_blender.register()
    yield tmp_path / "retarget"
    sam3db_blender.unregister()


def test_the_panels_operators(add_on, somebody, tmp_path):
    settings = bpy.context.window_manager.sam3db_export
    settings.names = "unity"
    assert settings.chosen() == ExportOptions.for_target("unity")
    path = tmp_path / "out.fbx"
    assert bpy.ops.sam3db.export_character(filepath=str(path), names="unity", to="fbx", author="me") == {"FINISHED"}
    assert path.is_file()
    assert settings.author == "me"
    with pytest.raises(RuntimeError, match="Cannot write"):
        bpy.ops.sam3db.export_character(filepath=str(tmp_path / "none" / "out.fbx"), to="fbx")

    copy = add_on / "mine.json"
    assert bpy.ops.sam3db.copy_map(filepath=str(copy), names="mixamo") == {"FINISHED"}
    settings.names = "mine"
    assert settings.rest == "t"
    assert bpy.ops.sam3db.export_character(filepath=str(path), names="mine", to="fbx") == {"FINISHED"}
    copy.write_text("{")
    with pytest.raises(RuntimeError, match="not a JSON"):
        bpy.ops.sam3db.export_character(filepath=str(path), names="mine", to="fbx")


def test_nobody_to_export(add_on):
    assert not bpy.ops.sam3db.export_character.poll()


def test_the_command(somebody, tmp_path, capfd):
    blend = tmp_path / "somebody.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    out = tmp_path / "out.bvh"
    assert _command(capfd, blend, "-o", out, "--names", "mixamo", "--rest", "a", "--no-pose") == 0
    assert out.read_text().startswith("HIERARCHY")
    for words in (
        (tmp_path / "none.blend", "-o", out),
        (blend, "-o", tmp_path / "out.obj"),
        (blend, "-o", out, "--to", "fbx"),
        (blend, "-o", out, "--names", "maya"),
        (blend, "-o", out, "--character", "Nobody"),
    ):
        assert _command(capfd, *words) in (1, 2)
    assert _command(capfd, blend, "-o", tmp_path / "out.xyz") == 2
    assert "ends in .fbx, .glb, .bvh, .usd, .vrm, .usdc, .usda or .usdz." in capfd.readouterr().err
    occupied = tmp_path / "occupied"
    occupied.touch()
    assert _command(capfd, blend, "-o", occupied / "out.glb") in (1, 2)
    assert occupied.is_file()
    assert _command(capfd, blend, "-o", tmp_path / "none" / "deeper" / "out.glb") == 0
    assert (tmp_path / "none" / "deeper" / "out.glb").read_bytes()[:4] == b"glTF"


def _command(capfd: pytest.CaptureFixture[str], *words: Any) -> int:
    from native_runtime.cli.console import Console

    return main(["export", *map(str, words)], Console(sys.stdout, as_json=True, debug=False))


@pytest.fixture
def joints(default_body_path: Path) -> Joints:
    body = Body.load(default_body_path.with_name("default-lod2.npz"))
    return read_joints(person(body).rig, bpy.context.evaluated_depsgraph_get())


@pytest.mark.models
@pytest.mark.parametrize(("kind", "degrees"), [("t", 0.0), ("a", 45.0)])
def test_rest_poses_are_true(kind, degrees, joints):
    rest = rest_pose(joints, kind)
    places = dict(zip(joints.names, rest[:, :3, 3]))
    for side, sign in (("l", 1.0), ("r", -1.0)):
        expected = np.array([sign * np.cos(np.radians(degrees)), 0.0, -np.sin(np.radians(degrees))])
        for joint, following in (("uparm", "lowarm"), ("lowarm", "wrist"), ("wrist", "middle1")):
            along = places[f"{side}_{following}"] - places[f"{side}_{joint}"]
            assert along / np.linalg.norm(along) == pytest.approx(expected, abs=1e-6)
        across = places[f"{side}_index1"] - places[f"{side}_pinky1"]
        across -= (across @ expected) * expected
        assert across / np.linalg.norm(across) == pytest.approx([0.0, -1.0, 0.0], abs=1e-6)  # thumbs to the front
        assert places[f"{side}_lowleg"][2] < places[f"{side}_upleg"][2] - 0.3
    upright = rest[joints.index("c_head"), :3, 1]
    assert upright[2] / np.linalg.norm(upright) > 0.9


@pytest.mark.models
@pytest.mark.parametrize("kind", ["t", "a"])
def test_rest_poses_keep_the_proportions(kind, joints):
    """Every bone is as long and as large as it is posed."""
    rest = rest_pose(joints, kind)
    for i, parent in enumerate(joints.parents):
        if parent >= 0 and joints.names[i] != "root":
            posed = np.linalg.norm(joints.pose[i, :3, 3] - joints.pose[parent, :3, 3])
            assert np.linalg.norm(rest[i, :3, 3] - rest[parent, :3, 3]) == pytest.approx(posed, abs=1e-5)
        assert np.linalg.det(rest[i, :3, :3]) == pytest.approx(np.linalg.det(joints.pose[i, :3, :3]), rel=1e-4)
