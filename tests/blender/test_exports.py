"""Characters in files for other programs, read again: by Blender, and glTF by a reader of our own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils.kdtree import KDTree
from numpy.typing import NDArray

from native_runtime.characters.exports.character import ExportCharacter
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.characters.exports.skinning import blend, spread
from native_runtime.characters.parts import PARTS
from native_runtime.characters.presets import randomise
from native_runtime.characters.settings import CharacterSettings
from native_runtime.mhr import Body
from native_runtime.retarget.maps import load_map
from sam3db_blender.exports import export
from sam3db_blender.exports.export import export_character
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import apply_settings
from sam3db_blender.scene.character import Character, build_character
from sam3db_blender.scene.materials import body_materials
from tests.support.empty_blender import empty_blender
from tests.support.estimates import neutral_estimate
from tests.support.glb import Glb
from tests.support.reimport import import_again

TARGETS = ["mhr", "mixamo", "rigify", "unity", "unreal", "vrm"]
FORMATS = ["fbx", "glb", "bvh", "usd"]
#: The bars of a round trip, m: joints and skin.
JOINT, SKIN = 5e-4, 1e-3

Array = NDArray[np.float64]


def person(body: Body, seed: int = 3) -> Character:
    """Somebody with a shape, a face and a pose of their own, who does not stand at the origin."""
    character = build_character(
        "somebody", neutral_estimate(body), body, body_materials(body), bpy.context.scene.collection
    )
    rng = np.random.default_rng(seed)
    settings = randomise(body, CharacterSettings.neutral(body), PARTS, rng)
    settings.expression[0] = 0.7
    apply_settings(character.rig, body, settings)
    character.rig.location = (1.0, 2.0, 0.5)
    character.rig.rotation_euler = (0.1, 0.0, 0.4)
    bpy.context.view_layer.objects.active = character.rig
    bpy.context.view_layer.update()
    return character


@dataclass(frozen=True)
class Written:
    """An export, and what the scene and the exporter meant by it."""

    path: Path
    options: ExportOptions
    meant: ExportCharacter
    joints: dict[str, Array]
    skin: Array
    notes: list[str]

    @property
    def names(self) -> list[str]:
        """The bones' names; USD writes other letters as underscores."""
        names = self.meant.skeleton.names
        return [re.sub(r"\W", "_", name) for name in names] if self.options.to == "usd" else list(names)

    @property
    def in_pose(self) -> bool:
        return self.meant.posed or self.options.rest == "current"

    def meant_skin(self, posed: bool) -> Array:
        """(V, 3) the mesh with its shapes as they are set, or are keyed for the pose."""
        skin = self.meant.skins[0]
        values = [key.values[0] if posed and len(key.values) else key.value for key in skin.keys]
        points = skin.points + sum(value * key.offsets for value, key in zip(values, skin.keys))
        table = spread(skin.bones, skin.shares, len(self.names))
        return blend(points, table, self.meant.skeleton.motion) if posed else points


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Written]:
    """Exports a character, and keeps what was meant."""
    kept: list[ExportCharacter] = []

    def spy(*arguments: Any) -> ExportCharacter:
        kept.append(original(*arguments))
        return kept[-1]

    original = export.export_character_arrays
    monkeypatch.setattr(export, "export_character_arrays", spy)

    def written(character: Character, names: str, **changes: Any) -> Written:
        options = replace(ExportOptions.for_target(names), **changes)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        rig = character.rig.evaluated_get(depsgraph)
        joints = {bone.name: np.array((rig.matrix_world @ bone.matrix).translation) for bone in rig.pose.bones}
        skin = evaluated_vertices(character.mesh, depsgraph)
        path = tmp_path / f"{names}{options.suffix}"
        notes = export_character(character.rig, path, options)
        return Written(path, options, kept[-1], joints, skin, notes)

    return written


def _check_import(written: Written) -> None:
    found = import_again(written.path)
    skeleton, names = written.meant.skeleton, written.names
    above = {name: names[p] if p >= 0 else None for name, p in zip(names, skeleton.parents)}
    assert found.parents == above
    for i, name in enumerate(names):
        assert found.rest[name] == pytest.approx(skeleton.rest[i, :3, 3], abs=JOINT)
    if written.in_pose:
        retarget = load_map(written.options.names)
        for name, written_name in zip(skeleton.names, names):
            joint = retarget.joint_of(name) or name
            bone = retarget.by_name.get(name.removeprefix(retarget.prefixes[0]))
            if bone is None or bone.stands_for_joint:
                place = written.joints[joint].copy()
                if joint == "body_world" and retarget.name != "mhr":
                    place[2] = 0.0  # other programs want it on the floor
                assert found.posed[written_name] == pytest.approx(place, abs=JOINT)
    if written.options.to != "bvh":
        expected = written.meant_skin(written.in_pose)
        assert distance(found.vertices, expected) < SKIN
        if written.options.rest == "current" or (written.in_pose and written.options.shapes == "keep"):
            assert distance(found.vertices, written.skin) < SKIN
        _check_mesh(found.mesh, written)


def distance(found: Array, expected: Array) -> float:
    """The largest distance between vertices; where an exporter split some at seams they are matched by their place."""
    if len(found) == len(expected):
        return float(np.linalg.norm(found - expected, axis=1).max())
    return max(_nearest(found, expected), _nearest(expected, found))


def _nearest(points: Array, others: Array) -> float:
    tree = KDTree(len(others))
    for i, point in enumerate(others.tolist()):
        tree.insert(point, i)
    tree.balance()
    return max(tree.find(point)[2] for point in points.tolist())


def _check_mesh(mesh: bpy.types.Object, written: Written) -> None:
    """Weights sum to 1 and are few; UVs, normals, materials and shape keys are there."""
    for vertex in mesh.data.vertices:
        shares = [group.weight for group in vertex.groups if group.weight > 0]
        assert 0 < len(shares) <= written.options.influences
        assert sum(shares) == pytest.approx(1.0, abs=1e-4)
    assert len(mesh.data.uv_layers) == 1
    assert {slot.material.name for slot in mesh.material_slots} == {"small skin", "small eyes"} or (
        written.options.to == "usd"
    )
    keys = mesh.data.shape_keys
    kept = {"jawOpen", "mouthSmileLeft"} if written.options.shapes == "keep" else set()
    there = set(keys.key_blocks.keys()) - {keys.reference_key.name} if keys else set()
    assert {name for name in there if not name.startswith("Pose")} == kept
    added = [key.name for key in written.meant.skins[0].keys if key.name.startswith("Pose")]
    assert len(there - kept) == len(added)


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("names", TARGETS)
def test_presets_come_back(names, to, small_body, write):
    written = write(person(small_body), names, to=to, positions=True)
    _check_import(written)


@pytest.mark.parametrize("to", FORMATS)
def test_all_other_options_come_back(to, small_body, write):
    for changes in (
        {"rest": "current", "shapes": "bake"},
        {"rest": "t", "twist": "keep", "shapes": "bake", "influences": 4},
        {"rest": "a", "twist": "fold", "pose": False},
    ):
        empty_blender()
        _check_import(write(person(small_body), "mixamo", to=to, positions=True, **changes))


@pytest.mark.parametrize("names", TARGETS)
def test_gltf_by_the_specification(names, small_body, write, gltf_problems):
    """Another reader than Blender's, and Khronos's validator."""
    character = person(small_body)
    before = {slot.material.name for slot in character.mesh.material_slots}
    written = write(character, names, to="glb")
    glb = Glb.read(written.path)
    skeleton = written.meant.skeleton
    assert glb.joint_parents() == {
        name: skeleton.names[p] if p >= 0 else None for name, p in zip(skeleton.names, skeleton.parents)
    }
    for posed, frames in ((False, skeleton.rest), (written.meant.posed, skeleton.pose)):
        if not posed and frames is skeleton.pose:
            continue
        places = glb.joint_places(posed)
        for name, frame in zip(skeleton.names, frames):
            assert places[name] == pytest.approx(frame[:3, 3], abs=JOINT)
        assert distance(glb.skinned(posed), written.meant_skin(posed)) < SKIN
    for primitive in glb.content["meshes"][0]["primitives"]:
        bones, weights = glb.influences(primitive)
        assert weights.sum(axis=1) == pytest.approx(np.ones(len(bones)), abs=1e-5)
        assert {"NORMAL", "TEXCOORD_0"} <= primitive["attributes"].keys()
        lengths = np.linalg.norm(glb.array(primitive["attributes"]["NORMAL"]), axis=1)
        assert lengths == pytest.approx(np.ones(len(lengths)), abs=1e-3)
    assert {material["name"] for material in glb.content["materials"]} == before
    assert glb.content["scenes"][0]["nodes"] == [glb.parents.index(-1)]
    assert [node["name"] for node in glb.content["nodes"] if "mesh" in node] == ["somebody Body"]
    if gltf_problems is not None:
        assert gltf_problems(written.path) == []


@pytest.mark.models
@pytest.mark.parametrize("names", TARGETS)
def test_a_real_body_comes_back(names, default_body_path, write, gltf_problems):
    body = Body.load(default_body_path.with_name("default-lod2.npz"))
    written = write(person(body), names)
    found = import_again(written.path)
    assert set(found.posed) == set(written.names)
    retarget = load_map(names)
    frames = written.meant.skeleton.pose if written.in_pose else written.meant.skeleton.rest
    for name, frame in zip(written.names, frames):
        assert found.posed[name] == pytest.approx(frame[:3, 3], abs=JOINT)
        joint = retarget.joint_of(name)
        bone = retarget.by_name.get(name.removeprefix(retarget.prefixes[0]))
        if written.in_pose and joint not in (None, "body_world") and bone and bone.stands_for_joint:
            assert frame[:3, 3] == pytest.approx(written.joints[joint], abs=JOINT)
    glb = names in ("rigify", "vrm", "mhr")
    vertices = Glb.read(written.path).skinned(written.meant.posed) if glb else found.vertices
    expected = written.meant_skin(written.in_pose)
    assert distance(vertices, expected) < SKIN
    if glb and gltf_problems is not None:
        assert gltf_problems(written.path) == []


@pytest.mark.models
@pytest.mark.parametrize(("names", "bar"), [("mhr", 1e-6), ("unreal", 0.03)])
def test_what_folding_costs(names, bar, default_body_path, write):
    """In the current pose nothing; elsewhere the note says what, unless shape keys hold it."""
    somebody = person(Body.load(default_body_path.with_name("default-lod2.npz")))
    held = write(somebody, names)
    assert np.linalg.norm(held.meant_skin(True) - held.skin, axis=1).max() < min(bar, 3e-4)
    written = write(somebody, names, correctives=0)
    off = np.linalg.norm(written.meant_skin(True) - written.skin, axis=1)
    assert off.max() < bar
    assert bool(written.notes) == (off.max() > 1e-3)
    assert written.meant.skins[0].deviation == pytest.approx(off, abs=1e-5)


def test_units_and_axes(small_body, write):
    """FBX in centimetres, y up, without scaled or turned nodes: what engines take as it is."""
    written = write(person(small_body), "unreal")
    from io_scene_fbx import parse_fbx

    root, _ = parse_fbx.parse(str(written.path))
    sections = {element.id: element for element in root.elems}

    def properties(element: Any) -> dict[bytes, tuple]:
        table = next(child for child in element.elems if child.id == b"Properties70")
        return {row.props[0]: tuple(row.props[4:]) for row in table.elems}

    settings = properties(sections[b"GlobalSettings"])
    assert settings[b"UnitScaleFactor"] == (1.0,)
    assert settings[b"UpAxis"] == (1,)
    assert settings[b"FrontAxis"] == (2,)
    models = {
        element.props[1].split(b"\0")[0]: properties(element)
        for element in sections[b"Objects"].elems
        if element.id == b"Model"
    }
    for name in (b"Armature", b"somebody Body"):
        assert models[name].get(b"Lcl Scaling", (1.0, 1.0, 1.0)) == pytest.approx((1.0, 1.0, 1.0), abs=1e-5)
        assert models[name].get(b"Lcl Rotation", (0.0, 0.0, 0.0)) == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)
    bvh = write(person(small_body), "mixamo", to="bvh").path.read_text()
    assert bvh.startswith("HIERARCHY\nROOT mixamorig:Hips\n")
    assert float(re.search(r"OFFSET \S+ (\S+)", bvh)[1]) > 50  # the hips' height, cm, along y
