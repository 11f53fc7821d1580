"""Files that tell the truth: what arrives is what Blender shows, or is named, and a broken file replaces nothing."""

from __future__ import annotations

import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
import pytest

import sam3db_blender
from native_runtime.characters.exports.frames import chosen_frames
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.cli.console import Console
from native_runtime.cli.main import main
from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.mhr import Body
from sam3db_blender.exports import formats
from sam3db_blender.exports.export import export_character
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.scene.bodies import body_mesh
from sam3db_blender.scene.character import Character
from sam3db_blender.scene.lookup import character_of
from sam3db_blender.scene.nodes import Shader
from sam3db_blender.scene.textured import picture_of
from tests.blender.test_exports import person
from tests.support.bodies import toy_body
from tests.support.export_scenes import bone_heads, cloud_distance, round_trips, stiff
from tests.support.glb import Glb
from tests.support.layout import Layout
from tests.support.reimport import import_again, open_again

FORMATS = ["fbx", "glb", "bvh", "usd"]
WITH_MESHES = ["fbx", "glb", "usd"]
CLOSE = 1e-3


@pytest.fixture
def somebody(small_body: Body) -> Character:
    return person(small_body)


def _shown(*meshes: bpy.types.Object) -> np.ndarray:
    """(V, 3) what Blender shows of some meshes."""
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    return np.concatenate([evaluated_vertices(mesh, depsgraph) for mesh in meshes])


def _arrived() -> list[bpy.types.Object]:
    return [obj for obj in bpy.data.objects if obj.type == "MESH" and obj.modifiers]


def _export(rig: bpy.types.Object, path: Path, **options: Any) -> list[str]:
    return export_character(rig, path, ExportOptions(to=path.suffix[1:].replace("vrm", "glb"), **options))


def _influences(meshes: list[bpy.types.Object]) -> int:
    return max(sum(group.weight > 0 for group in vertex.groups) for mesh in meshes for vertex in mesh.data.vertices)


# --- all that belongs to a character ---------------------------------------------------------------------------------


def test_all_parts_of_a_separated_body_arrive(shared, tmp_path):
    bpy.ops.wm.open_mainfile(filepath=str(shared / "cases" / "separated_material.blend"))
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    names = {slot.material.name for mesh in rig.children for slot in mesh.material_slots}
    assert _export(rig, tmp_path / "out.fbx") == []
    open_again(tmp_path / "out.fbx")
    assert sum(len(mesh.data.polygons) for mesh in _arrived()) == 14406
    assert {slot.material.name for mesh in _arrived() for slot in mesh.material_slots} == names


@pytest.mark.parametrize("to", WITH_MESHES)
def test_all_parts_of_a_separated_mesh_arrive(to, somebody, tmp_path):
    bpy.context.view_layer.objects.active = somebody.mesh
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.separate(type="MATERIAL")
    bpy.ops.object.mode_set(mode="OBJECT")
    parts = list(somebody.rig.children)
    assert len(parts) == 2
    expected = _shown(*parts)
    triangles = to in ("glb", "vrm")  # all that these formats know
    faces = sum(len(mesh.data.loop_triangles if triangles else mesh.data.polygons) for mesh in parts)
    assert _export(somebody.rig, tmp_path / f"out.{to}") == []
    import_again(tmp_path / f"out.{to}")
    assert sum(len(mesh.data.polygons) for mesh in _arrived()) == faces
    assert cloud_distance(_shown(*_arrived()), expected) < CLOSE


@pytest.mark.parametrize("to", WITH_MESHES)
def test_an_overridden_character_is_shaped_and_posed(to, somebody, tmp_path):
    blend = tmp_path / "library.blend"
    collection = bpy.data.collections.new("people")
    for obj in (somebody.rig, somebody.mesh):
        collection.objects.link(obj)
        bpy.context.scene.collection.objects.unlink(obj)
    bpy.data.libraries.write(str(blend), {collection}, fake_user=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(blend), link=True) as (source, wanted):
        wanted.collections = list(source.collections)
    scene = bpy.context.scene
    wanted.collections[0].override_hierarchy_create(scene, bpy.context.view_layer, do_fully_editable=True)
    rig = next(obj for obj in scene.objects if obj.type == "ARMATURE" and obj.library is None)
    mesh = next(obj for obj in scene.objects if obj.type == "MESH" and obj.library is None)
    rig.pose.bones["l_uparm"].rotation_euler.x += 0.7
    rig["Body: weight"] = 2.5
    rig.update_tag()
    expected = _shown(mesh)
    _export(rig, tmp_path / f"out.{to}")
    import_again(tmp_path / f"out.{to}")
    assert cloud_distance(_shown(*_arrived()), expected) < CLOSE


def _dress(somebody: Character) -> list[bpy.types.Object]:
    """A shirt with weights, a hat on the head, a feather on the hat, a bag that follows a bone, a cape on the skin."""
    rig, collection = somebody.rig, bpy.context.scene.collection

    def made(name: str, **changes: Any) -> bpy.types.Object:
        data = bpy.data.meshes.new(name)
        data.from_pydata([(0, 0, 0), (0.1, 0, 0), (0.1, 0.1, 0), (0, 0.1, 0.02)], [], [(0, 1, 2, 3)])
        obj = bpy.data.objects.new(name, data)
        collection.objects.link(obj)
        for key, value in changes.items():
            setattr(obj, key, value)
        return obj

    shirt = made("Shirt")
    for name, vertices in (("c_spine2", (0, 1)), ("l_uparm", (1, 2, 3))):
        shirt.vertex_groups.new(name=name).add(vertices, 0.5, "REPLACE")
    shirt.modifiers.new("Armature", "ARMATURE").object = rig
    hat = made("Hat", parent=rig, parent_type="BONE", parent_bone="c_head", location=(0, 0, 0.2), scale=(1, 2, 1))
    feather = made("Feather", parent=hat, location=(0.1, 0, 0))
    board = made("Board", parent=rig, rotation_euler=(0.3, 0, 0))
    bag: Any = made("Bag").constraints.new("CHILD_OF")
    bag.target, bag.subtarget = rig, "r_wrist"
    return [shirt, hat, feather, board, bag.id_data]


@pytest.mark.parametrize(("to", "rest"), [("fbx", "current"), ("fbx", "t"), ("glb", "t"), ("usd", "current")])
def test_clothes_and_props_arrive(to, rest, somebody, tmp_path):
    things = _dress(somebody)
    carried = _shown(*things[1:])
    everything = _shown(somebody.mesh, *things)
    names = {re.sub(r"\W", "_", obj.name) for obj in (somebody.mesh, *things)}
    _export(somebody.rig, tmp_path / f"out.{to}", rest=rest)
    import_again(tmp_path / f"out.{to}")
    # Blender's importer puts an empty of the name above a mesh whose shapes are animated
    assert {re.sub(r"\W", "_", mesh.name.removesuffix(".001")) for mesh in _arrived()} == names
    if rest == "current":
        assert cloud_distance(_shown(*_arrived()), everything) < CLOSE
    stiff_things = [mesh for mesh in _arrived() if mesh.name in ("Hat", "Feather", "Board", "Bag")]
    assert cloud_distance(_shown(*stiff_things), carried) < CLOSE


def test_clothes_that_follow_the_skin_get_its_bones(somebody, tmp_path):
    depsgraph = bpy.context.evaluated_depsgraph_get()
    data: Any = bpy.data.meshes.new_from_object(somebody.mesh.evaluated_get(depsgraph), depsgraph=depsgraph)
    cape = bpy.data.objects.new("Cape", data)
    bpy.context.scene.collection.objects.link(cape)
    cape.vertex_groups.clear()
    cape.matrix_world = somebody.mesh.matrix_world
    cape.modifiers.new("Follow", "SURFACE_DEFORM").target = somebody.mesh
    notes = _export(somebody.rig, tmp_path / "out.glb", rest="t")
    assert any("'Cape' follows the surface of 'somebody Body'" in note for note in notes)
    open_again(tmp_path / "out.glb")
    found = next(mesh for mesh in _arrived() if mesh.name.startswith("Cape"))
    assert len({group.group for vertex in found.data.vertices for group in vertex.groups}) > 20


def _packed(name: str, colour: tuple[float, float, float], path: str = "") -> bpy.types.Image:
    """A picture in the .blend of one colour, which lies nowhere on the disk."""
    pixels = np.full((4, 8, 3), [round(255 * channel) for channel in colour[::-1]], np.uint8)
    content = cv2.imencode(".png", pixels)[1].tobytes()
    picture = bpy.data.images.new(name, 1, 1, alpha=False)
    picture.pack(data=content, data_len=len(content))
    picture.source = "FILE"
    picture.filepath_raw = path
    return picture


@pytest.mark.parametrize("path", ["", "//one/skin.png"])
@pytest.mark.parametrize("to", ["fbx", "glb"])
def test_each_material_shows_its_own_packed_picture(to, path, somebody, tmp_path):
    colours = {"small skin": (1.0, 0.0, 0.2), "small eyes": (0.0, 0.6, 1.0)}
    pictures = []
    for slot in somebody.mesh.material_slots:
        tree = slot.material.node_tree
        tree.nodes.clear()
        output, shader, image = (
            tree.nodes.new(f"ShaderNode{kind}") for kind in ("OutputMaterial", "BsdfPrincipled", "TexImage")
        )
        image.image = _packed(slot.material.name, colours[slot.material.name], path)
        pictures.append(image.image)
        tree.links.new(image.outputs["Color"], shader.inputs["Base Color"])
        tree.links.new(shader.outputs[0], output.inputs["Surface"])
    _export(somebody.rig, tmp_path / f"out.{to}", pose=False)
    assert [picture.filepath for picture in pictures] == [path, path]
    assert b".export-" not in (tmp_path / f"out.{to}").read_bytes()
    open_again(tmp_path / f"out.{to}")
    (mesh,) = _arrived()
    found = {slot.material.name: picture_of(slot.material) for slot in mesh.material_slots}
    assert {name: picture.size[:] for name, picture in found.items()} == dict.fromkeys(colours, (8, 4))
    for name, picture in found.items():
        assert picture.pixels[:3] == pytest.approx(colours[name], abs=0.01)


@pytest.mark.parametrize("kind", ["computed", "pictures"])
def test_normals_and_roughness_are_pictures_of_them_or_plain(kind, somebody, tmp_path):
    """Exporters write any picture that they find behind an input, as if it held what the input wants."""
    material = somebody.mesh.material_slots[0].material
    material.roughness = 0.9
    tree = material.node_tree
    tree.nodes.clear()
    shader = Shader(tree)
    colour, normal = (shader.node("ShaderNodeTexImage", image=_packed(name, (0.5, 0.5, 1.0))) for name in "ab")
    if kind == "computed":
        rough = shader.math("MULTIPLY_ADD", colour.outputs["Color"], 0.5, 0.2)
        bump = shader.node("ShaderNodeBump", {"Height": colour.outputs["Color"]})
    else:
        split = shader.node("ShaderNodeSeparateColor", {"Color": normal.outputs["Color"]})
        rough = shader.math("MULTIPLY", split.outputs["Green"], 0.5)
        bump = shader.node("ShaderNodeNormalMap", {"Color": normal.outputs["Color"]})
    inputs = {"Base Color": colour.outputs["Color"], "Roughness": rough, "Normal": bump.outputs[0]}
    shader.surface(shader.node("ShaderNodeBsdfPrincipled", inputs).outputs[0])
    links, name = len(tree.links), material.name
    _export(somebody.rig, tmp_path / "out.glb", pose=False)
    assert (len(tree.links), material.name) == (links, name)
    glb = Glb.read(tmp_path / "out.glb").content
    written = next(entry for entry in glb["materials"] if entry["name"] == name)
    shown = written["pbrMetallicRoughness"]
    assert "baseColorTexture" in shown
    if kind == "computed":
        assert "normalTexture" not in written
        assert "metallicRoughnessTexture" not in shown
        assert shown["roughnessFactor"] == pytest.approx(0.9)
        assert len(glb["images"]) == 1
    else:
        assert glb["images"][glb["textures"][written["normalTexture"]["index"]]["source"]]["name"] == "b"
        assert shown["roughnessFactor"] == pytest.approx(0.5)
        assert "metallicRoughnessTexture" in shown


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize("to", WITH_MESHES)
def test_pictures_are_written_as_they_are_painted(to, saved, somebody, tmp_path):
    picture = _packed("paint", (0.0, 0.0, 1.0)) if saved else bpy.data.images.new("paint", 8, 4)
    material = somebody.mesh.material_slots[0].material
    material.node_tree.nodes.clear()
    shader = Shader(material.node_tree)
    colour = shader.node("ShaderNodeTexImage", image=picture)
    shader.surface(shader.node("ShaderNodeBsdfPrincipled", {"Base Color": colour.outputs["Color"]}).outputs[0])
    picture.pixels = [1.0, 0.4, 0.0, 1.0][: picture.channels] * 32
    assert picture.is_dirty
    _export(somebody.rig, tmp_path / f"out.{to}", pose=False)
    assert (picture.name, picture.is_dirty, colour.image) == ("paint", True, picture)
    open_again(tmp_path / f"out.{to}")
    (found,) = (image for image in bpy.data.images if image.name.startswith("paint") and image.size[0])
    assert found.name in ("paint", "paint.png")
    assert found.pixels[:3] == pytest.approx((1.0, 0.4, 0.0), abs=0.01)


def test_what_no_file_can_hold_is_named(somebody, tmp_path):
    curve = bpy.data.curves.new("strand", "CURVE")
    hair = bpy.data.objects.new("Strand", curve)
    lamp = bpy.data.objects.new("Torch", bpy.data.lights.new("Torch", "POINT"))
    empty = bpy.data.objects.new("Bare", bpy.data.meshes.new("Bare"))
    for obj in (hair, lamp, empty):
        bpy.context.scene.collection.objects.link(obj)
        obj.parent, obj.parent_type, obj.parent_bone = somebody.rig, "BONE", "c_head"
    somebody.mesh.modifiers.new("Fur", "PARTICLE_SYSTEM")
    somebody.mesh.particle_systems[0].settings.type = "HAIR"
    notes = " ".join(_export(somebody.rig, tmp_path / "out.fbx"))
    assert "Loose vertices and edges" not in notes
    hat = _dress(somebody)[1]
    hat.data.vertices.add(1)
    assert "Loose vertices and edges were left out: 'Hat'" in " ".join(_export(somebody.rig, tmp_path / "out.glb"))
    assert "'Strand' (a curve)" in notes
    assert "'Torch' (a light)" in notes
    assert "the hair particles of 'somebody Body'" in notes
    assert "because they have no faces: 'Bare'" in notes


def test_people_are_told_apart(small_body, somebody, tmp_path):
    """Each file holds its own character's meshes."""
    other = person(small_body, seed=5)
    mine, theirs = _shown(somebody.mesh), _shown(other.mesh)
    other.mesh.parent = None
    other.mesh.matrix_world = other.rig.matrix_world
    clouds = {somebody.rig.name: mine, other.rig.name: theirs}
    for rig in (somebody.rig, other.rig):
        _export(rig, tmp_path / f"{rig.name}.fbx")
    for name, expected in clouds.items():
        open_again(tmp_path / f"{name}.fbx")
        assert cloud_distance(_shown(*_arrived()), expected) < CLOSE


# --- hidden, unparented, without a mesh ------------------------------------------------------------------------------


def test_the_armature_modifier_says_whose_a_mesh_is(somebody, tmp_path):
    somebody.mesh.parent = None
    somebody.mesh.matrix_world = somebody.rig.matrix_world
    expected = _shown(somebody.mesh)
    assert body_mesh(somebody.rig) == somebody.mesh
    assert character_of(somebody.mesh) == somebody.rig
    _export(somebody.rig, tmp_path / "out.fbx")
    open_again(tmp_path / "out.fbx")
    assert cloud_distance(_shown(*_arrived()), expected) < CLOSE


def _hide(obj: bpy.types.Object, how: str) -> None:
    if how == "eye":
        obj.hide_set(True)
    elif how == "screen":
        obj.hide_viewport = True
    else:
        collection = bpy.data.collections.new("hidden")
        bpy.context.scene.collection.children.link(collection)
        collection.objects.link(obj)
        bpy.context.scene.collection.objects.unlink(obj)
        bpy.context.view_layer.layer_collection.children["hidden"].exclude = True


@pytest.mark.parametrize("how", ["eye", "screen", "collection"])
def test_hidden_characters_are_written(how, somebody, tmp_path, capfd):
    expected = _shown(somebody.mesh)
    for obj in (somebody.mesh, somebody.rig):
        _hide(obj, "eye" if how == "collection" and obj == somebody.rig else how)
    hidden = (somebody.mesh.hide_get(), somebody.mesh.hide_viewport, somebody.mesh.visible_get())
    notes = _export(somebody.rig, tmp_path / "out.fbx")
    assert any("Written although they are hidden: 'somebody Body'" in note for note in notes)
    assert (somebody.mesh.hide_get(), somebody.mesh.hide_viewport, somebody.mesh.visible_get()) == hidden
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "hidden.blend"))
    assert _command(capfd, tmp_path / "hidden.blend", "-o", tmp_path / "command.fbx") == 0
    for name in ("out.fbx", "command.fbx"):
        open_again(tmp_path / name)
        assert cloud_distance(_shown(*_arrived()), expected) < CLOSE


def test_visible_only(somebody, tmp_path):
    hat = _dress(somebody)[1]
    hat.hide_set(True)
    notes = _export(somebody.rig, tmp_path / "out.fbx", visible_only=True)
    assert "Left out because they are hidden: 'Hat'." in notes
    somebody.mesh.hide_render = True
    for obj in bpy.context.scene.objects:
        obj.hide_render = True
    with pytest.raises(Sam3dbError, match="no mesh that is shown"):
        _export(somebody.rig, tmp_path / "none.fbx", visible_only=True)
    open_again(tmp_path / "out.fbx")
    assert "Hat" not in bpy.data.objects
    assert "Feather" in bpy.data.objects


def test_a_skeleton_alone_by_the_command(somebody, tmp_path, capfd):
    bpy.data.objects.remove(somebody.mesh)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "bones.blend"))
    assert _command(capfd, tmp_path / "bones.blend", "-o", tmp_path / "new" / "folder" / "out.bvh") == 0
    assert (tmp_path / "new" / "folder" / "out.bvh").read_text().startswith("HIERARCHY")
    assert _command(capfd, tmp_path / "bones.blend", "-o", tmp_path / "out.glb") == 1
    assert _command(capfd, tmp_path / "none.blend", "-o", tmp_path / "left" / "out.bvh") == 2
    assert not (tmp_path / "left").exists()


def _command(capfd: pytest.CaptureFixture[str], *words: Any) -> int:
    return main(["export", *map(str, words)], Console(sys.stdout, as_json=True, debug=False))


# --- animation -------------------------------------------------------------------------------------------------------


def _animate(somebody: Character) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Keys an arm, the place and a shape over frames 5 to 16; what Blender shows at each."""
    rig, bone = somebody.rig, somebody.rig.pose.bones["l_uparm"]
    key = somebody.mesh.shape_key_add(name="own", from_mix=False)
    for point in key.data:
        point.co.z += 0.03
    for frame, turn, value in ((5, 0.0, 0.0), (16, 1.0, 1.0)):
        bone.rotation_euler.x, rig.location.x, key.value = turn, 1.0 + turn, value
        bone.keyframe_insert("rotation_euler", frame=frame)
        rig.keyframe_insert("location", frame=frame)
        key.keyframe_insert("value", frame=frame)
    seen = []
    for frame in range(5, 17):
        bpy.context.scene.frame_set(frame)
        seen.append((_shown(somebody.mesh), bone_heads(rig)))
    bpy.context.scene.frame_set(5)
    return seen


@pytest.mark.parametrize(
    ("to", "rest"), [("fbx", "current"), ("fbx", "t"), ("glb", "current"), ("usd", "t"), ("bvh", "t")]
)
def test_keyed_frames_arrive(to, rest, tmp_path):
    somebody = person(stiff(toy_body()))
    seen = _animate(somebody)
    bpy.context.scene.render.fps = 30
    bpy.context.scene.frame_set(9)
    _export(somebody.rig, tmp_path / f"out.{to}", rest=rest, positions=True)
    open_again(tmp_path / f"out.{to}")
    bpy.context.scene.render.fps = 30  # glTF speaks of seconds
    first = min(round(action.frame_range[0]) for action in bpy.data.actions)
    if to == "glb":
        open_again(tmp_path / f"out.{to}")
        first = 1 * 24 / 30
    for number, (points, heads) in enumerate(seen):
        at = first + number * (24 / 30 if to == "glb" else 1)
        bpy.context.scene.frame_set(int(at), subframe=at % 1)
        found = bone_heads(next(obj for obj in bpy.data.objects if obj.type == "ARMATURE"))
        assert found["l_wrist"] == pytest.approx(heads["l_wrist"], abs=CLOSE)
        if to != "bvh":
            assert cloud_distance(_shown(*_arrived()), points) < CLOSE


def test_a_range_with_steps_keeps_its_time(somebody, tmp_path):
    _animate(somebody)
    notes = _export(somebody.rig, tmp_path / "out.bvh", frames="5:15:5")
    text = (tmp_path / "out.bvh").read_text()
    assert "Frames: 3" in text
    assert float(re.search(r"Frame Time: (\S+)", text)[1]) == pytest.approx(5 / 24, rel=1e-4)
    assert any("frames 5 to 16, 5 to 15 were written, every 5 frames" in note for note in notes)


@pytest.mark.parametrize("changes", [{"frames": "current"}, {"pose": False}, {"names": "vrm", "rest": "t"}])
def test_an_animation_that_is_left_out_is_named(changes, somebody, tmp_path):
    _animate(somebody)
    path = tmp_path / ("out.vrm" if "names" in changes else "out.glb")
    assert any("frames 5 to 16" in note for note in _export(somebody.rig, path, **changes))
    assert "animations" not in Glb.read(path).content


@pytest.mark.parametrize("to", FORMATS)
def test_changes_that_were_not_keyed_stay(to, somebody, tmp_path):
    _animate(somebody)
    bone = somebody.rig.pose.bones["l_uparm"]
    bone.rotation_euler.x = somebody.rig.location.x = 0.33
    somebody.mesh.hide_set(True)
    expected = bone_heads(somebody.rig)["l_wrist"]
    for frames in ("action", "current"):
        _export(somebody.rig, tmp_path / f"{frames}.{to}", frames=frames)
        assert bone.rotation_euler.x == somebody.rig.location.x == pytest.approx(0.33)
        assert bone_heads(somebody.rig)["l_wrist"] == pytest.approx(expected, abs=1e-6)
    import_again(tmp_path / f"current.{to}")
    found = bone_heads(next(obj for obj in bpy.data.objects if obj.type == "ARMATURE"))
    assert found["l_wrist"] == pytest.approx(expected, abs=CLOSE)


def test_which_frames_are_meant():
    keyed, scene = range(3, 8), range(1, 251)
    assert chosen_frames("action", keyed, scene) == keyed
    assert chosen_frames("scene", keyed, scene) == scene
    assert list(chosen_frames("current", keyed, scene)) == []
    assert list(chosen_frames("-2:6:4", keyed, scene)) == [-2, 2, 6]
    for text in ("1", "8:1", "1:8:0", "a:b", "1:8:1:1", "0:9999999", ""):
        with pytest.raises(UsageError, match="Frames"):
            ExportOptions(frames=text)


def test_the_panel_offers_frames_and_writes_them(somebody, tmp_path):
    _animate(somebody)
    sam3db_blender.register()
    try:
        settings = bpy.context.window_manager.sam3db_export
        settings.names, settings.to, settings.frames = "mhr", "bvh", "range"
        layout = Layout()
        settings.draw_details(layout)
        assert {"<frames>", "<frame_start>", "<positions>"} <= set(layout.drawn)
        assert "<influences>" not in layout.drawn
        path = tmp_path / "out.bvh"
        bpy.ops.sam3db.export_character(
            filepath=str(path), names="mhr", to="bvh", frames="range", frame_start=6, frame_end=8
        )
        assert "Frames: 3" in path.read_text()
        with pytest.raises(RuntimeError, match="are not a range"):
            bpy.ops.sam3db.export_character(
                filepath=str(path), names="mhr", to="bvh", frames="range", frame_start=6, frame_end=5
            )
        settings.names, settings.to = "vrm", "glb"
        layout = Layout()
        settings.draw_details(layout)
        assert "<frames>" not in layout.drawn
    finally:
        sam3db_blender.unregister()


def test_vertices_that_a_modifier_chooses_at_each_frame_are_no_distance(somebody, tmp_path):
    """Compared by their numbers the vertices that Decimate leaves lay metres off, and the rest pose was blamed."""
    modifier: Any = somebody.mesh.modifiers.new("Fewer", "DECIMATE")
    modifier.ratio = 0.6
    bone = somebody.rig.pose.bones["l_upleg"]
    for frame, turn in ((1, 0.0), (10, 1.0)):
        bone.rotation_euler.x = turn
        bone.keyframe_insert("rotation_euler", frame=frame)
    bpy.context.scene.frame_set(1)
    notes = _export(somebody.rig, tmp_path / "out.glb")
    assert any("At frame" in note and "other vertices than now" in note for note in notes)
    off = [(int(found[1]), note) for note in notes if (found := re.search(r"and (\d+) mm at most", note))]
    assert max(most for most, _ in off) < 50
    most, reason = next((most, note) for most, note in off if "Where vertices change" in note)
    assert most > 5
    assert "modifiers choose other vertices at each frame (Fewer)" in reason
    assert "rest pose" not in reason


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", WITH_MESHES)
@pytest.mark.parametrize("kind", ["SUBSURF", "DECIMATE"])
def test_influences_hold_after_modifiers(to, kind, somebody, tmp_path):
    groups = somebody.mesh.vertex_groups
    for i, vertex in enumerate(somebody.mesh.data.vertices):
        for k in range(3):
            groups[(5 * i + 7 * k) % len(groups)].add((vertex.index,), 0.2, "REPLACE")
    modifier: Any = somebody.mesh.modifiers.new("Modifier", kind)
    if kind == "DECIMATE":
        modifier.ratio = 0.5
    depsgraph = bpy.context.evaluated_depsgraph_get()
    data: Any = bpy.data.meshes.new_from_object(somebody.mesh.evaluated_get(depsgraph), depsgraph=depsgraph)
    assert max(len(vertex.groups) for vertex in data.vertices) > 4
    path = tmp_path / f"out.{to}"
    notes = _export(somebody.rig, path, influences=4)
    assert any("same vertices" in note for note in notes) == (kind == "DECIMATE")
    open_again(path)
    assert _influences(_arrived()) == 4
    if to == "glb":
        glb = Glb.read(path)
        _, weights = glb.influences(glb.content["meshes"][0]["primitives"][0])
        assert (weights > 0).sum(axis=1).max() == 4
        assert weights.sum(axis=1) == pytest.approx(np.ones(len(weights)), abs=1e-5)


# --- units and the floor ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("to", "scale"), [("fbx", 0.01), ("glb", 0.01), ("bvh", 0.01), ("usd", 0.01), ("fbx", 2.0)])
def test_files_are_in_metres_whatever_the_unit(to, scale, somebody, tmp_path):
    rig = somebody.rig
    expected, heads = _shown(somebody.mesh), bone_heads(rig)
    rig.location, rig.scale = np.array(rig.location) / scale, [1.0 / scale] * 3
    bpy.context.scene.unit_settings.scale_length = scale
    _export(rig, tmp_path / f"out.{to}")
    import_again(tmp_path / f"out.{to}")
    found = bone_heads(next(obj for obj in bpy.data.objects if obj.type == "ARMATURE"))
    assert found["l_wrist"] == pytest.approx(heads["l_wrist"], abs=CLOSE)
    if to != "bvh":
        assert cloud_distance(_shown(*_arrived()), expected) < CLOSE


@pytest.mark.parametrize(("rest", "pose"), [("current", False), ("t", True), ("a", True), ("a", False)])
def test_unreals_root_stands_on_the_floor(rest, pose, somebody, tmp_path):
    options = replace(ExportOptions.for_target("unreal"), rest=rest, pose=pose)
    export_character(somebody.rig, tmp_path / "out.fbx", options)
    open_again(tmp_path / "out.fbx")
    bpy.context.scene.frame_set(1)
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    rest_head = rig.matrix_world @ rig.data.bones["root"].head_local
    assert rest_head.z == pytest.approx(0.0, abs=1e-5)
    assert bone_heads(rig)["root"][2] == pytest.approx(0.0, abs=1e-5)


# --- BVH -------------------------------------------------------------------------------------------------------------


def test_bvh_bones_only_turn_unless_asked(somebody, tmp_path):
    notes = _export(somebody.rig, tmp_path / "turns.bvh", names="unreal", rest="a")
    channels = re.findall(r"CHANNELS (\d)", (tmp_path / "turns.bvh").read_text())
    assert channels[0] == "6"
    assert set(channels[1:]) == {"3"}
    assert any("joints are up to" in note for note in notes)
    notes = _export(somebody.rig, tmp_path / "all.bvh", names="unreal", rest="a", positions=True)
    assert set(re.findall(r"CHANNELS (\d)", (tmp_path / "all.bvh").read_text())) == {"6"}
    assert not any("joints are up to" in note for note in notes)


@pytest.mark.parametrize(("names", "hips"), [("mhr", "root"), ("unreal", "pelvis"), ("mixamo", "mixamorig:Hips")])
def test_hips_keep_their_place_where_bones_only_turn(names, hips, somebody, tmp_path):
    bone = somebody.rig.pose.bones["root"]
    seen = []
    for frame, height in ((1, 0.0), (2, -0.4)):
        bone.location.y = height
        bone.keyframe_insert("location", frame=frame)
    for frame in (1, 2):
        bpy.context.scene.frame_set(frame)
        seen.append(bone_heads(somebody.rig)["root"])
    assert np.linalg.norm(seen[1] - seen[0]) > 0.3
    _export(somebody.rig, tmp_path / "out.bvh", names=names, rest="t")
    open_again(tmp_path / "out.bvh")
    for frame, place in zip((1, 2), seen):
        bpy.context.scene.frame_set(frame)
        rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
        assert bone_heads(rig)[hips] == pytest.approx(place, abs=CLOSE)


# --- broken files ----------------------------------------------------------------------------------------------------


@contextmanager
def _full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond some bytes, as on a disk that has no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("to", FORMATS)
def test_a_full_disk_replaces_nothing(to, somebody, tmp_path, capsys):
    path = tmp_path / f"out.{to}"
    path.write_bytes(b"the one before")
    with _full_disk(8192), pytest.raises(Sam3dbError) as failure:
        _export(somebody.rig, path)
    assert path.read_bytes() == b"the one before"
    assert "Traceback" not in str(failure.value) + capsys.readouterr().err
    assert "Errno" not in str(failure.value)
    assert "\n" not in str(failure.value)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("to", FORMATS)
def test_a_full_disk_is_told_in_a_line_by_the_command(to, somebody, tmp_path, capfd):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "somebody.blend"))
    capfd.readouterr()
    with _full_disk(8192):
        assert _command(capfd, tmp_path / "somebody.blend", "-o", tmp_path / f"out.{to}") == 1
    said = capfd.readouterr().err.splitlines()
    assert [line.partition(" ")[0] for line in said] == ["Exporting", "error:"]


@pytest.mark.parametrize("share", [0.3, 0.98])
@pytest.mark.parametrize("to", FORMATS)
def test_a_truncated_file_replaces_nothing(to, share, somebody, tmp_path, monkeypatch):
    kind = formats.FORMATS[to]

    def cut_short(path: str, posed: bool, moving: bool) -> Any:
        result = kind.write(path, posed, moving)
        content = Path(path).read_bytes()
        Path(path).write_bytes(content[: int(share * len(content))])
        return result

    path = tmp_path / f"out.{to}"
    path.write_bytes(b"the one before")
    monkeypatch.setitem(formats.FORMATS, to, replace(kind, write=cut_short))
    with pytest.raises(Sam3dbError, match="not kept"):
        _export(somebody.rig, path)
    assert path.read_bytes() == b"the one before"


@pytest.mark.parametrize("to", WITH_MESHES)
def test_a_file_with_less_replaces_nothing(to, somebody, tmp_path, monkeypatch):
    """An exporter that leaves a mesh out, or moves it, and says that all went well."""
    _dress(somebody)
    kind = formats.FORMATS[to]

    def loses(path: str, posed: bool, moving: bool) -> Any:
        bpy.data.objects.remove(bpy.data.objects["Hat"])
        return kind.write(path, posed, moving)

    def moves(path: str, posed: bool, moving: bool) -> Any:
        bpy.data.objects["Hat"].data.vertices[0].co.x += 0.3
        return kind.write(path, posed, moving)

    for fault, words in ((moves, "another shape"), (loses, "meshes were to be written")):
        monkeypatch.setitem(formats.FORMATS, to, replace(kind, write=fault))
        with pytest.raises(Sam3dbError, match=words):
            _export(somebody.rig, tmp_path / f"out.{to}")
        assert list(tmp_path.iterdir()) == []


# --- all at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [2, 7])
def test_random_scenes_come_back(seed, tmp_path):
    """A few of the scenes of ``bench/export_fuzz.py``."""
    body = toy_body()
    assert round_trips(seed, stiff(body) if seed % 2 else body, tmp_path).faults == []
