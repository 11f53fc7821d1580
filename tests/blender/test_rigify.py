"""A character under Rigify's controls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.rigify.controls import LIMBS
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.controls.build import build_controls
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.followed import followed
from sam3db_blender.rig.mesh import build_mesh
from sam3db_blender.rig.pose import apply_parameters, read_parameters, read_shape, set_shape
from sam3db_blender.rig.properties import slider_path
from sam3db_blender.rigify import add_on
from sam3db_blender.rigify.animation import take_animation
from sam3db_blender.rigify.making import is_outdated, make_rigify, remove_rigify, switch_limbs, update_rigify
from tests.support.meshes import off_body
from tests.support.rigify import rigify_buttons

TOLERANCE = 1e-3  # m: the bar of 1 mm
EXACT = 1e-5  # m

Built = tuple[bpy.types.Object, bpy.types.Object]


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture
def rigify_on() -> Iterator[None]:
    """Rigify, which Blender ships and does not enable by itself."""
    add_on.enable()
    yield
    add_on_off()


def add_on_off() -> None:
    import addon_utils

    addon_utils.disable("rigify", default_set=True)


@pytest.fixture
def built(body: Body) -> Built:
    stage = bpy.context.scene.collection
    rig = build_rig("Ann Rig", body, stage)
    return rig, build_mesh("Ann Body", body, rig, stage, [bpy.data.materials.new(name) for name in body.material_names])


def random_pose(body: Body, rng: np.random.Generator, skeleton: np.ndarray, reach: float = 0.6) -> np.ndarray:
    """Parameters of the given skeleton, its joints within their limits."""
    low = np.where(np.isfinite(body.limit_min), body.limit_min, -0.5) * reach
    high = np.where(np.isfinite(body.limit_max), body.limit_max, 0.5) * reach
    parameters = rng.uniform(low, high)
    parameters[:3] = rng.uniform(-20, 20, 3)
    parameters[3:6] = rng.uniform(-np.pi, np.pi, 3)
    kept = [slider.index for slider in RigMap.of(body).section("skeleton")]
    parameters[kept] = skeleton[kept]
    return parameters


def switch(rigify: bpy.types.Object, fk: float) -> None:
    for limb in LIMBS:
        rigify.pose.bones[limb.master]["IK_FK"] = fk
    rigify.update_tag()


def test_the_character_keeps_its_pose_in_fk_and_in_ik(rigify_on: None, body: Body, built: Built) -> None:
    rig, mesh = built
    rng = np.random.default_rng(4)
    parameters = random_pose(body, rng, rng.uniform(-0.1, 0.1, 204))
    apply_parameters(rig, body, parameters)
    rigify = make_rigify(rig, body)
    assert rigify.parent == rig
    assert rigify.name == "Ann Rigify"
    assert off_body(mesh, body, parameters) < EXACT
    for fk in (1.0, 0.0):
        switch(rigify, fk)
        assert off_body(mesh, body, parameters) < 0.05  # until it is snapped
        for _ in range(3):
            parameters = random_pose(body, rng, parameters)
            apply_parameters(rig, body, parameters)
            assert off_body(mesh, body, parameters) < EXACT
            assert read_parameters(rig, body, near=parameters)[0] == pytest.approx(parameters, abs=1e-4)


def test_switching_a_limb_moves_nothing_and_no_other_control(rigify_on: None, body: Body, built: Built) -> None:
    rig, mesh = built
    rigify = make_rigify(rig, body)
    for name in ("chest", "hand_ik.L", "foot_heel_ik.R"):
        bone = rigify.pose.bones[name]
        bone.rotation_mode = "XYZ" if bone.rotation_mode == "QUATERNION" else bone.rotation_mode
        bone.rotation_euler = (0.3, 0.1, -0.2)
    rigify.pose.bones["foot_ik.R"].location = (0.0, -0.1, 0.2)
    rigify.pose.bones["hand_ik.L"].location = (-0.1, 0.0, 0.1)
    rigify.update_tag()
    before = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
    for fk, masters in ((True, ["upper_arm_parent.L"]), (True, []), (False, ["thigh_parent.R"]), (False, [])):
        switch_limbs(rig, body, fk, masters)
        bpy.context.view_layer.update()
        found = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
        assert np.linalg.norm(found - before, axis=1).max() < TOLERANCE
        assert list(rigify.pose.bones["chest"].rotation_euler) == pytest.approx([0.3, 0.1, -0.2])


def test_rigifys_own_buttons_move_little(rigify_on: None, body: Body, built: Built) -> None:
    """From FK to IK, where Rigify searches for the plane of a limb, and back."""
    rig, mesh = built
    apply_parameters(rig, body, random_pose(body, np.random.default_rng(6), np.zeros(len(body.parameter_names))))
    rigify = make_rigify(rig, body)
    bpy.context.view_layer.objects.active = rigify
    for kind, fk in (("limb_ik2fk", 0.0), ("generic_snap", 1.0)):
        switch_limbs(rig, body, fk=not fk)
        before = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
        bpy.ops.object.mode_set(mode="POSE")
        pressed = list(rigify_buttons(rigify, kind))
        for button, settings in pressed:
            getattr(bpy.ops.pose, button)(**settings)
        bpy.ops.object.mode_set(mode="OBJECT")
        switch(rigify, fk)
        after = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
        assert len(pressed) >= len(LIMBS)
        assert np.linalg.norm(after - before, axis=1).max() < TOLERANCE / 2


def test_removing_keeps_the_pose(rigify_on: None, body: Body, built: Built) -> None:
    rig, mesh = built
    before = {block: set(getattr(bpy.data, block).keys()) for block in ("objects", "armatures", "meshes", "texts")}
    make_rigify(rig, body)
    parameters = random_pose(body, np.random.default_rng(5), np.zeros(204))
    apply_parameters(rig, body, parameters)
    update_rigify(rig, body)
    remove_rigify(rig, body)
    assert followed(rig) is None
    assert off_body(mesh, body, parameters) < EXACT
    assert {block: set(getattr(bpy.data, block).keys()) for block in before} == before
    with pytest.raises(Sam3dbError, match="no Rigify rig"):
        remove_rigify(rig, body)


def test_update_follows_the_skeleton_and_keeps_what_was_keyed(rigify_on: None, body: Body, built: Built) -> None:
    rig, mesh = built
    rigify = make_rigify(rig, body)
    hand = rigify.pose.bones["hand_ik.L"]
    for frame, height in ((1, 0.0), (11, 0.2)):
        hand.location = (0.0, height, 0.0)
        hand.keyframe_insert("location", frame=frame)
    rigify.pose.bones["upper_arm_parent.L"]["IK_FK"] = 1.0
    action = rigify.animation_data.action
    waving = action.copy()
    strip = rigify.animation_data.nla_tracks.new().strips.new("wave", 40, waving)
    strip.name, strip.frame_end, strip.mute = "wave", 60, True
    slider = next(s for s in RigMap.of(body).section("skeleton") if "upleg" in body.parameter_names[s.index])
    rig[slider.key] = 3.0
    rig.update_tag()
    assert is_outdated(rig)
    assert update_rigify(rig, body) == []
    assert not is_outdated(rig)
    knee = np.array(rigify.data.bones["shin_fk.L"].head_local)
    standing = np.zeros(204)
    standing[slider.index] = 3.0 / slider.units
    assert knee == pytest.approx(
        mhr_to_blender(body.pose(standing).translations[body.joint_index("l_lowleg")]), abs=1e-5
    )
    assert rigify.pose.bones["upper_arm_parent.L"]["IK_FK"] == 1.0
    assert rigify.animation_data.action == action
    [track] = rigify.animation_data.nla_tracks
    [strip] = track.strips
    assert (strip.name, strip.action, strip.frame_start, strip.frame_end, strip.mute) == ("wave", waving, 40, 60, True)
    bpy.context.scene.frame_set(6)
    assert rigify.pose.bones["hand_ik.L"].location.y == pytest.approx(0.1, abs=1e-3)
    rigify.animation_data.action = None
    apply_parameters(rig, body, standing)
    assert off_body(mesh, body, standing) < EXACT


def test_other_lengths_are_exact_before_and_after_an_update(rigify_on: None, body: Body, built: Built) -> None:
    rig, mesh = built
    rng = np.random.default_rng(8)
    apply_parameters(rig, body, random_pose(body, rng, np.zeros(len(body.parameter_names))))
    rigify = make_rigify(rig, body)
    lengths = np.zeros(len(body.parameter_names))
    for slider in RigMap.of(body).section("skeleton"):
        limits = np.array([body.limit_min[slider.index], body.limit_max[slider.index]])
        lengths[slider.index] = 0.2 * limits[1] if np.isfinite(limits).all() else 0.0
    parameters = random_pose(body, rng, lengths)
    apply_parameters(rig, body, parameters)
    rigify.update_tag()
    assert off_body(mesh, body, parameters) < EXACT
    update_rigify(rig, body)
    assert off_body(mesh, body, parameters) < EXACT
    for fk in (True, False):
        switch_limbs(rig, body, fk)
        bpy.context.view_layer.update()
        assert off_body(mesh, body, parameters) < TOLERANCE / 5


def test_the_faces_bones_move_its_sliders_and_follow_new_expressions(rigify_on: None, body: Body, built: Built) -> None:
    rig, mesh = built
    expression = np.random.default_rng(8).uniform(-0.5, 1.5, body.expression_count)
    set_shape(rig, body, None, expression)
    rigify = make_rigify(rig, body)
    assert read_shape(rig.evaluated_get(bpy.context.evaluated_depsgraph_get()), body)[1] == pytest.approx(
        expression, abs=1e-5
    )
    assert off_body(mesh, body, np.zeros(204), expression) < EXACT
    names = {bone.name for bone in rigify.pose.bones}
    assert {"face_jawOpen", "face_mouthSmile.L", "face_mouthSmile.R"} <= names
    wanted = np.zeros(body.expression_count)
    set_shape(rig, body, None, wanted)
    assert off_body(mesh, body, np.zeros(204)) < EXACT
    rigify.pose.bones["face_jawOpen"].location[1] = 0.03
    rigify.update_tag()
    wanted[body.expression_names.index("jawOpen")] = 1.0
    assert off_body(mesh, body, np.zeros(204), wanted) < EXACT
    remove_rigify(rig, body)
    assert read_shape(rig, body)[1] == pytest.approx(wanted, abs=1e-5)
    assert off_body(mesh, body, np.zeros(204), wanted) < EXACT


def test_what_stands_in_the_way_is_said_and_nothing_changes(rigify_on: None, body: Body, built: Built) -> None:
    rig, _ = built
    constraint = rig.pose.bones["l_wrist"].constraints.new("LIMIT_ROTATION")
    with pytest.raises(Sam3dbError, match="'l_wrist' of 'Ann Rig' has the constraint 'Limit Rotation'"):
        make_rigify(rig, body)
    rig.pose.bones["l_wrist"].constraints.remove(constraint)
    key = RigMap.of(body).section("expression")[0].key
    rig.driver_add(slider_path(key))
    with pytest.raises(Sam3dbError, match="A driver of your own"):
        make_rigify(rig, body)
    rig.driver_remove(slider_path(key))
    add_on_off()
    with pytest.raises(Sam3dbError, match="switched off"):
        make_rigify(rig, body)
    assert [child.type for child in rig.children] == ["MESH"]
    add_on.enable()
    controls = build_controls(rig, body)
    controls.pose.bones[0].keyframe_insert("location")
    with pytest.raises(Sam3dbError, match="'Ann Controls' is animated"):
        make_rigify(rig, body)
    controls.animation_data_clear()
    rigify = make_rigify(rig, body)
    assert followed(rig) == rigify
    assert "Ann Controls" not in bpy.data.objects
    with pytest.raises(Sam3dbError, match=f"Rigify rig already, '{rigify.name}': press Update Rigify Rig"):
        make_rigify(rig, body)


def test_a_rig_that_was_deleted_by_hand_is_made_again(rigify_on: None, body: Body, built: Built) -> None:
    rig, _ = built
    shown = {collection.name for collection in rig.data.collections if collection.is_visible}
    first = make_rigify(rig, body)
    name = first.name
    bpy.data.objects.remove(first)
    rigify = make_rigify(rig, body)
    assert rigify.name == name
    assert followed(rig) == rigify
    rigify.pose.bones["face_jawOpen"].location[1] = 0.03
    rigify.update_tag()
    bpy.context.view_layer.update()
    _, expression = read_shape(rig.evaluated_get(bpy.context.evaluated_depsgraph_get()), body)
    assert expression[body.expression_names.index("jawOpen")] == pytest.approx(1.0, abs=1e-5)
    for curve in rig.animation_data.drivers:
        assert all(target.id is not None for variable in curve.driver.variables for target in variable.targets)
    remove_rigify(rig, body)
    assert shown <= {collection.name for collection in rig.data.collections if collection.is_visible}


def test_an_artists_driver_whose_target_is_gone_is_still_theirs(rigify_on: None, body: Body, built: Built) -> None:
    rig, _ = built
    driver = rig.driver_add(slider_path(RigMap.of(body).section("expression")[0].key)).driver
    driver.type = "SCRIPTED"
    variable = driver.variables.new()
    variable.targets[0].data_path = "location[0]"
    driver.expression = "2 * var"
    with pytest.raises(Sam3dbError, match="A driver of your own"):
        make_rigify(rig, body)


def test_an_override_beside_its_linked_original_stays_the_active_one(
    rigify_on: None, body: Body, built: Built, tmp_path: Path
) -> None:
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_on.enable()
    with bpy.data.libraries.load(str(path), link=True) as (_, wanted):
        wanted.objects = ["Ann Rig"]
    stage, (linked,) = bpy.context.scene.collection, wanted.objects
    stage.objects.link(linked)
    rig = linked.override_create()
    stage.objects.link(rig)
    assert rig.name == linked.name
    bpy.context.view_layer.objects.active = rig
    rig.select_set(True)
    make_rigify(rig, body)
    assert bpy.context.view_layer.objects.active == rig
    assert rig.select_get()
    assert not linked.select_get()


def test_the_characters_own_animation_comes_onto_the_controls(rigify_on: None, body: Body, built: Built) -> None:
    rig, mesh = built
    rng = np.random.default_rng(6)
    poses = [random_pose(body, rng, np.zeros(204), 0.3) for _ in range(2)]
    key = RigMap.of(body).section("expression")[17].key
    for frame, parameters in zip((1, 3), poses):
        apply_parameters(rig, body, parameters)
        rig[key] = frame / 4
        rig.keyframe_insert(slider_path(key), frame=frame)
        for bone in rig.pose.bones:
            bone.keyframe_insert("rotation_euler", frame=frame)
            bone.keyframe_insert("location", frame=frame)
    seen = []
    for frame in (1, 2, 3):
        bpy.context.scene.frame_set(frame)
        seen.append(evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get()))
    rigify = make_rigify(rig, body)
    take_animation(rig, body, range(1, 4))
    for frame, vertices in zip((1, 2, 3), seen):
        bpy.context.scene.frame_set(frame)
        found = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
        assert np.linalg.norm(found - vertices, axis=1).max() < EXACT
    assert rigify.animation_data.action != rig.animation_data.action
