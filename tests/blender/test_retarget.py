"""Armatures of other makes, posed in Blender: what evaluated bones do, what is left alone, the list, the commands."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Quaternion

import sam3db_blender
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.mhr import Body
from native_runtime.retarget.checks import problems
from native_runtime.retarget.maps import load_map
from native_runtime.retarget.skeletons import SourcePose, standing_frame
from sam3db_blender import places
from sam3db_blender.compat import animation_curves
from sam3db_blender.retarget.armature import PosingOptions, pose_armature, skeleton_of
from sam3db_blender.retarget.assignment import assignment_for, map_titles
from sam3db_blender.retarget.headless import pose_in_file
from sam3db_blender.retarget.person import Person, person_of_character, person_of_estimate
from sam3db_blender.rig.pose import apply_parameters
from sam3db_blender.scene.character import build_character
from tests.support.armatures import Y_UP, bone_names, build_armature, relaid, stretched_arms
from tests.support.estimates import neutral_estimate
from tests.support.likeness import Likeness, likeness
from tests.support.poses import likely_poses


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(scope="module")
def people(body: Body) -> list[Person]:
    """Ten people in likely poses, each somewhere else."""
    found = []
    for i, parameters in enumerate(likely_poses(body, 10)):
        source = SourcePose.of(body, body.joint_parameters(parameters))
        world = np.array(
            Matrix.LocRotScale((0.3 * i, 1.0, -source.posed_floor), Matrix.Rotation(0.5 * i, 3, "Z"), None)
        )
        found.append(Person(f"person {i}", source, world))
    return found


@pytest.fixture
def add_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The add-on, whose files of the user's own lie in the folder that is given."""
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path / name)
    sam3db_blender.register()
    yield tmp_path
    sam3db_blender.unregister()


def mixamo(body: Body, scale: float = 1.0, axes: np.ndarray | None = None) -> bpy.types.Object:
    names = bone_names("mixamo", "mixamorig:")
    rest = body.joint_parameters(stretched_arms(body))
    return build_armature(
        relaid(body, rest, names, np.random.default_rng(3), scale=scale, axes=np.eye(3) if axes is None else axes)
    )


@pytest.fixture
def rigify() -> Iterator[None]:
    """Rigify, which Blender ships and does not enable by itself."""
    import addon_utils

    addon_utils.enable("rigify", default_set=True)
    yield
    addon_utils.disable("rigify", default_set=True)


def metarig(kind: str = "human") -> bpy.types.Object:
    """One of Rigify's metarigs."""
    getattr(bpy.ops.object, f"armature_{kind}_metarig_add")()
    return bpy.context.object


def evaluated(armature: bpy.types.Object) -> dict[str, np.ndarray]:
    """Bone -> its matrix (4, 4) in armature space, as it is seen."""
    bpy.context.view_layer.update()
    seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {bone.name: np.array(bone.matrix, dtype=np.float64) for bone in seen.pose.bones}


def seen_likeness(armature: bpy.types.Object, person: Person, assigned: dict[str, str]) -> Likeness:
    """How like the person the armature is, as it is seen."""
    target = skeleton_of(armature)
    standing = standing_frame(target, {joint: target.index[bone] for joint, bone in assigned.items()})
    seen = evaluated(armature)
    matrices = np.array([seen[name] for name in target.names])
    axes = matrices[:, :3, :3] / np.linalg.norm(matrices[:, :3, :3], axis=1, keepdims=True)
    return likeness(person.source, target.turned(standing), assigned, matrices[:, :3, 3] @ standing.T, standing @ axes)


@pytest.mark.parametrize("kind", ["mixamo", "rigify"])
def test_limbs_point_where_the_persons_do(rigify: None, kind: str, body: Body, people: list[Person]) -> None:
    armature = metarig() if kind == "rigify" else mixamo(body, scale=100.0, axes=Y_UP)
    armature.scale = (0.01, 0.01, 0.01) if kind == "mixamo" else (1.0, 1.0, 1.0)
    assigned, how = assignment_for(armature)
    assert load_map(kind).title in how
    for person in people:
        assert pose_armature(armature, person, assigned) == []
        alike = seen_likeness(armature, person, assigned)
        assert max(alike.limbs.values()) < 0.1
        assert max(alike.hinges.values(), default=0.0) < 40.0
        assert max(alike.palms.values()) < 2.0


def test_every_rotation_mode_gives_the_same_pose(body: Body, people: list[Person]) -> None:
    armature = mixamo(body)
    assigned, _ = assignment_for(armature)
    pose_armature(armature, people[0], assigned)
    wanted = evaluated(armature)
    for mode in ("XYZ", "ZYX", "YXZ", "AXIS_ANGLE"):
        for bone in armature.pose.bones:
            bone.matrix_basis = Matrix()
            bone.rotation_mode = mode
        pose_armature(armature, people[0], assigned)
        assert {bone.rotation_mode for bone in armature.pose.bones} == {mode}
        for name, matrix in evaluated(armature).items():
            assert matrix == pytest.approx(wanted[name], abs=1e-4), name


def test_only_rotations_and_the_hips_place_change(body: Body, people: list[Person]) -> None:
    armature = mixamo(body)
    bones = armature.pose.bones
    bones["mixamorig:LeftArm"].scale = (1.1, 1.1, 1.1)
    bones["mixamorig:Spine"].location = (0.0, 0.01, 0.0)
    assigned, _ = assignment_for(armature)
    del assigned["c_jaw" if "c_jaw" in assigned else "l_ball"]
    bones["mixamorig:LeftToeBase"].rotation_quaternion = (0.9, 0.4, 0.0, 0.0)
    toe = bones["mixamorig:LeftToeBase"].rotation_quaternion.copy()
    place = armature.matrix_world.copy()
    pose_armature(armature, people[1], assigned)
    assert tuple(bones["mixamorig:LeftArm"].scale) == pytest.approx((1.1, 1.1, 1.1))
    moved = {bone.name for bone in bones if bone.location.length > 0}
    assert moved == {"mixamorig:Hips", "mixamorig:Spine"}
    assert bones["mixamorig:LeftToeBase"].rotation_quaternion == toe
    assert armature.matrix_world == place
    assert max(seen_likeness(armature, people[1], assigned).limbs.values()) < 0.1


def test_bones_between_go_back_to_rest(body: Body, people: list[Person]) -> None:
    armature = mixamo(body)
    assigned, _ = assignment_for(armature)
    del assigned["c_neck"]
    armature.pose.bones["mixamorig:Neck"].rotation_quaternion = (0.8, 0.6, 0.0, 0.0)
    pose_armature(armature, people[0], assigned)
    assert tuple(armature.pose.bones["mixamorig:Neck"].rotation_quaternion) == pytest.approx((1, 0, 0, 0))


def test_bones_that_do_not_inherit_rotation_are_posed_as_well(body: Body, people: list[Person]) -> None:
    armature = mixamo(body)
    for name in ("Spine1", "LeftForeArm", "RightHandIndex2", "Head"):
        armature.data.bones[f"mixamorig:{name}"].use_inherit_rotation = False
    armature.data.bones["mixamorig:LeftArm"].inherit_scale = "NONE"
    assigned, _ = assignment_for(armature)
    assert pose_armature(armature, people[2], assigned) == []
    assert max(seen_likeness(armature, people[2], assigned).limbs.values()) < 0.1


def test_bones_that_something_else_holds_are_named(body: Body, people: list[Person]) -> None:
    armature = mixamo(body)
    goal = bpy.data.objects.new("goal", None)
    bpy.context.scene.collection.objects.link(goal)
    reach = armature.pose.bones["mixamorig:LeftForeArm"].constraints.new("IK")
    reach.target, reach.chain_count = goal, 2
    armature.pose.bones["mixamorig:Head"].driver_add("rotation_quaternion", 1).driver.expression = "0.7"
    assigned, _ = assignment_for(armature)
    by_ik, by_driver = _sorted_notes(pose_armature(armature, people[0], assigned), "IK", "driver")
    assert all(f"'mixamorig:{name}'" in by_ik for name in ("LeftArm", "LeftForeArm"))
    assert "the constraint 'IK'" in by_ik
    assert "RightArm" not in by_ik
    assert by_driver.startswith("'mixamorig:Head' does not have the intended pose, because of a driver")
    reach.mute = True
    armature.pose.bones["mixamorig:Head"].driver_remove("rotation_quaternion", 1)
    assert pose_armature(armature, people[0], assigned) == []
    armature.data.pose_position = "REST"
    assert any("rest position" in note for note in pose_armature(armature, people[0], assigned))


def _sorted_notes(notes: list[str], *words: str) -> list[str]:
    """Of each word the notes that have it, as one text."""
    return ["; ".join(note for note in notes if word in note) for word in words]


def walking(armature: bpy.types.Object, action: str = "Walk") -> None:
    """Gives an armature an action that plays from frame 1 to 20."""
    for frame, angle in ((1, 0.2), (20, -0.2)):
        for name in ("LeftArm", "RightUpLeg"):
            bone = armature.pose.bones[f"mixamorig:{name}"]
            bone.rotation_quaternion = Quaternion((1, 0, 0), angle)
            bone.keyframe_insert("rotation_quaternion", frame=frame)
    armature.animation_data.action.name = action


def to_nla(armature: bpy.types.Object) -> None:
    """Makes a strip of the action."""
    animation = armature.animation_data
    animation.nla_tracks.new().strips.new("Walk", 1, animation.action)
    animation.action = None


def reopened(path: Path) -> bpy.types.Object:
    """The armature after saving, opening, and evaluating the frame."""
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    bpy.context.scene.frame_set(bpy.context.scene.frame_current)
    return bpy.data.objects["Target"]


@pytest.mark.parametrize("by", ["action", "strip"])
def test_an_animated_armature_is_keyed_or_refused(by: str, body: Body, people: list[Person], tmp_path: Path) -> None:
    """The file opened in the old pose, although so many bones were said to be posed."""
    armature = mixamo(body)
    walking(armature)
    if by == "strip":
        to_nla(armature)
    assigned, _ = assignment_for(armature)
    before = evaluated(armature)
    with pytest.raises(Sam3dbError, match="'Walk' would overwrite the pose of 'Target'"):
        pose_armature(armature, people[0], assigned)
    for name, matrix in evaluated(armature).items():
        assert matrix == pytest.approx(before[name])
    bpy.context.scene.frame_set(10)
    assert pose_armature(armature, people[0], assigned, PosingOptions(keyframe=10)) == []
    armature = reopened(tmp_path / "keyed.blend")
    assert max(seen_likeness(armature, people[0], assigned).limbs.values()) < 0.1


def test_animation_of_other_bones_is_no_reason_to_refuse(body: Body, people: list[Person], tmp_path: Path) -> None:
    armature = mixamo(body)
    armature.keyframe_insert("scale", frame=1)
    bone = armature.pose.bones["mixamorig:LeftArm"]
    bone.keyframe_insert("scale", frame=1)
    bone.keyframe_insert("rotation_euler", frame=1)  # it turns by quaternions
    assigned, _ = assignment_for(armature)
    assert pose_armature(armature, people[0], assigned) == []
    armature = reopened(tmp_path / "posed.blend")
    assert max(seen_likeness(armature, people[0], assigned).limbs.values()) < 0.1


def test_hips_that_something_moves_are_told_of(body: Body, people: list[Person]) -> None:
    armature = mixamo(body)
    hold = armature.pose.bones["mixamorig:Hips"].constraints.new("LIMIT_LOCATION")
    hold.use_min_z, hold.min_z, hold.owner_space = True, 5.0, "LOCAL"
    assigned, _ = assignment_for(armature)
    (note,) = pose_armature(armature, people[0], assigned)
    assert note == "'mixamorig:Hips' is not where it was placed: the constraint 'Limit Location' moves it."


def test_a_linked_armature_is_refused(body: Body, people: list[Person], tmp_path: Path) -> None:
    armature = mixamo(body)
    assigned, _ = assignment_for(armature)
    source = str(tmp_path / "source.blend")
    bpy.ops.wm.save_as_mainfile(filepath=source)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.link(directory=f"{source}/Object/", filename="Target")
    linked = bpy.data.objects["Target"]
    with pytest.raises(Sam3dbError, match="linked from another file"):
        pose_armature(linked, people[0], assigned)
    bpy.context.view_layer.objects.active = linked
    linked.select_set(True)
    override = linked.override_create(remap_local_usages=True)
    assert pose_armature(override, people[0], assigned) == []
    armature = reopened(tmp_path / "own.blend")
    assert max(seen_likeness(armature, people[0], assigned).limbs.values()) < 0.1


def test_bones_below_constrained_ones_are_posed_under_where_these_are(body: Body, people: list[Person]) -> None:
    """As in control rigs: the hands hang on bones that follow others by constraints."""
    armature = mixamo(body)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    for side in ("Left", "Right"):
        seen = bones.new(f"MCH-{side}")
        seen.head, seen.tail = bones[f"mixamorig:{side}ForeArm"].head, bones[f"mixamorig:{side}ForeArm"].tail
        seen.parent = bones["mixamorig:Spine2"]
        bones[f"mixamorig:{side}Hand"].parent = seen
    bpy.ops.object.mode_set(mode="OBJECT")
    for side in ("Left", "Right"):
        follow = armature.pose.bones[f"MCH-{side}"].constraints.new("COPY_TRANSFORMS")
        follow.target, follow.subtarget = armature, f"mixamorig:{side}ForeArm"
    assigned, _ = assignment_for(armature)
    for person in people[:5]:
        notes = pose_armature(armature, person, assigned)
        assert all("is not below" in note for note in notes)
        alike = seen_likeness(armature, person, assigned)
        assert max(alike.limbs.values()) < 0.2
        assert max(alike.palms.values()) < 0.2


def test_a_generated_rigify_rig_is_posed_by_its_controls(rigify: None, body: Body, people: list[Person]) -> None:
    rig_of = metarig("basic_human")
    bpy.ops.pose.rigify_generate()
    armature = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE" and obj != rig_of)
    assigned, _ = assignment_for(armature)
    assert {"torso", "neck", "head", "upper_arm_fk.L", "toe_fk.L"} <= set(assigned.values())
    for person in people[:3]:
        assert pose_armature(armature, person, assigned) == []
        assert armature.pose.bones["thigh_parent.R"]["IK_FK"] == 1.0
        assert max(seen_likeness(armature, person, assigned).limbs.values()) < 0.1
        # what deforms the mesh follows
        seen = {
            joint: f"DEF-{bone.replace('_fk', '')}"
            for joint, bone in assigned.items()
            if joint[2:] in ("uparm", "lowarm")
        }
        seen |= {"root": "DEF-spine", "c_head": "DEF-spine.006"}
        assert max(seen_likeness(armature, person, seen).limbs.values()) < 0.1


def test_connected_hips_stay_where_they_are(body: Body, people: list[Person]) -> None:
    armature = mixamo(body)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    hips = armature.data.edit_bones["mixamorig:Hips"]
    below = armature.data.edit_bones.new("below")
    below.head, below.tail = (0.0, 0.0, 0.0), hips.head
    hips.parent, hips.use_connect = below, True
    bpy.ops.object.mode_set(mode="OBJECT")
    assigned, _ = assignment_for(armature)
    (note,) = pose_armature(armature, people[0], assigned)
    assert "connected" in note
    assert armature.pose.bones["mixamorig:Hips"].location.length == 0
    assert max(seen_likeness(armature, people[0], assigned).limbs.values()) < 0.1


@pytest.mark.parametrize("parented", [False, True])
def test_the_object_stands_where_the_person_stands(parented: bool, body: Body, people: list[Person]) -> None:
    armature = mixamo(body, scale=100.0, axes=Y_UP)
    armature.scale = (0.02, 0.02, 0.02)  # twice the person's size
    if parented:
        armature.parent = bpy.data.objects.new("parent", None)
        bpy.context.scene.collection.objects.link(armature.parent)
        armature.parent.matrix_world = Matrix.Rotation(1.0, 4, "X") @ Matrix.Translation((1, 2, 3))
        bpy.context.view_layer.update()
    assigned, _ = assignment_for(armature)
    for person in people[:4]:
        assert pose_armature(armature, person, assigned, PosingOptions(stand=True)) == []
        seen, world = evaluated(armature), np.array(armature.matrix_world)
        heads = {joint: (world @ seen[bone])[:3, 3] for joint, bone in assigned.items()}
        ours = {
            joint: (person.world @ [*person.source.posed[person.source.index[joint]], 1.0])[:3] for joint in assigned
        }
        assert tuple(armature.matrix_world.to_scale()) == pytest.approx((0.02, 0.02, 0.02), abs=1e-6)
        # on the same spot of the floor, in the same direction, twice as large
        hips = [np.mean([of["l_upleg"], of["r_upleg"]], axis=0) for of in (heads, ours)]
        assert hips[0][:2] == pytest.approx(hips[1][:2], abs=0.03)
        lowest = [min(of[joint][2] for joint in assigned if "spine" not in joint) for of in (heads, ours)]
        assert lowest[0] == pytest.approx(2.0 * lowest[1], rel=0.15, abs=0.02)
        arm = [of["l_lowarm"] - of["l_uparm"] for of in (heads, ours)]
        assert arm[0] / np.linalg.norm(arm[0]) == pytest.approx(arm[1] / np.linalg.norm(arm[1]), abs=1e-3)


def test_keys_are_set_at_the_frame_and_only_where_posed(body: Body, people: list[Person]) -> None:
    armature = mixamo(body)
    assigned, _ = assignment_for(armature)
    del assigned["l_ball"]
    for frame, person in ((1, people[0]), (11, people[1])):
        pose_armature(armature, person, assigned, PosingOptions(keyframe=frame, stand=True))
    curves = [curve for _, curve in animation_curves(armature)]
    assert {tuple(key.co[0] for key in curve.keyframe_points) for curve in curves} == {(1.0, 11.0)}
    paths = {curve.data_path for curve in curves}
    assert 'pose.bones["mixamorig:LeftArm"].rotation_quaternion' in paths
    assert {path for path in paths if path.endswith("location")} == {
        "location",
        'pose.bones["mixamorig:Hips"].location',
    }
    assert not any("LeftToeBase" in path or path.endswith("scale") for path in paths)
    bpy.context.scene.frame_set(1)
    assert max(seen_likeness(armature, people[0], assigned).limbs.values()) < 0.1


def test_a_character_of_the_scene_is_taken_as_it_stands(body: Body) -> None:
    estimate = neutral_estimate(body)
    character = build_character("somebody", estimate, body, [], bpy.context.scene.collection)
    parameters = likely_poses(body, 1, seed=5)[0]
    apply_parameters(character.rig, body, parameters)
    character.rig.matrix_world = Matrix.Translation((1, 2, 0)) @ Matrix.Rotation(0.7, 4, "Z")
    bpy.context.view_layer.update()
    from sam3db_blender.retarget import person as module

    original, module.body_of = module.body_of, lambda rig: body
    try:
        person = person_of_character(character.rig)
    finally:
        module.body_of = original
    wanted = SourcePose.of(body, body.joint_parameters(parameters), estimate.identity)
    assert person.source.posed == pytest.approx(wanted.posed, abs=1e-5)
    assert person.world == pytest.approx(np.array(character.rig.matrix_world), abs=1e-6)
    with pytest.raises(Sam3dbError, match="Copy from Selected"):
        pose_armature(character.rig, person, {"root": "root"})


def test_the_list_is_filled_corrected_saved_and_used(add_on: Path, body: Body, tmp_path: Path) -> None:
    armature = mixamo(body)
    for bone in armature.data.bones:  # names that say nothing to a map, and one that misleads
        bone.name = bone.name.removeprefix("mixamorig:").replace("Left", "L_").replace("Right", "R_")
    armature.data.bones["Head"].name = "Kopf"
    settings = bpy.context.scene.sam3db_retarget
    settings.armature = armature
    assert bpy.ops.sam3db.find_bones() == {"FINISHED"}
    rows = armature.sam3db_retarget.bones
    found = {row.joint: row.bone for row in rows if row.bone}
    assert found["l_uparm"] == "L_Arm"
    assert "c_head" not in found
    # the active bone of the armature goes into the chosen row
    armature.sam3db_retarget.active = [row.joint for row in rows].index("c_head")
    armature.data.bones.active = armature.data.bones["Kopf"]
    assert bpy.ops.sam3db.take_active_bone() == {"FINISHED"}
    assert rows["Head"].bone == "Kopf"

    estimate = neutral_estimate(body)
    estimate.save(tmp_path / "somebody")
    settings.source, settings.estimate = "FILE", str(tmp_path / "somebody.npz")
    assert bpy.ops.sam3db.pose_armature() == {"FINISHED"}
    person = person_of_estimate(estimate, body)
    assert max(seen_likeness(armature, person, {row.joint: row.bone for row in rows if row.bone}).limbs.values()) < 0.1

    own = add_on / "retarget" / "kopf.json"
    assert bpy.ops.sam3db.save_bones(filepath=str(own)) == {"FINISHED"}
    assert map_titles()["kopf"] == "kopf"
    assert problems(load_map(own), body.joint_names, body.joint_parents) == []
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    settings = bpy.context.scene.sam3db_retarget
    assert settings.armature.sam3db_retarget.bones["Head"].bone == "Kopf"
    settings.armature.sam3db_retarget.bones["Head"].bone = ""
    settings.map = "kopf"
    assert bpy.ops.sam3db.find_bones() == {"FINISHED"}
    assert settings.armature.sam3db_retarget.bones["Head"].bone == "Kopf"


def test_posing_is_one_step_of_undo(add_on: Path, body: Body, tmp_path: Path) -> None:
    armature = mixamo(body)
    name = armature.name
    neutral_estimate(body).save(tmp_path / "somebody")
    settings = bpy.context.scene.sam3db_retarget
    settings.armature, settings.source, settings.estimate = armature, "FILE", str(tmp_path / "somebody.npz")
    settings.stand = True
    bpy.ops.ed.undo_push(message="before")
    # an operator that is called from Python makes no step of its own in background mode
    assert bpy.ops.sam3db.pose_armature("EXEC_DEFAULT", True) == {"FINISHED"}
    assert bpy.data.objects[name].pose.bones["mixamorig:LeftArm"].matrix_basis != Matrix()
    bpy.ops.ed.undo()
    back = bpy.data.objects[name]
    assert all(np.allclose(bone.matrix_basis, Matrix(), atol=1e-6) for bone in back.pose.bones)
    assert np.allclose(back.matrix_world, Matrix())


def test_what_cannot_be_posed_is_said(add_on: Path, body: Body, people: list[Person], tmp_path: Path) -> None:
    armature = mixamo(body)
    settings = bpy.context.scene.sam3db_retarget
    assert not bpy.ops.sam3db.pose_armature.poll()
    settings.armature = armature
    with pytest.raises(RuntimeError, match="Choose the character"):
        bpy.ops.sam3db.pose_armature()
    settings.source = "FILE"
    with pytest.raises(RuntimeError, match=r"Choose an estimate's \.npz file"):
        bpy.ops.sam3db.pose_armature()
    settings.map = "unreal"
    with pytest.raises(RuntimeError, match="No bone of"):
        bpy.ops.sam3db.find_bones()
    bpy.context.scene.collection.objects.unlink(armature)
    with pytest.raises(RuntimeError, match="of this scene"):
        bpy.ops.sam3db.find_bones()
    with pytest.raises(UsageError, match="no bone 'gone'"):
        pose_armature(armature, people[0], {"root": "mixamorig:Hips", "c_head": "gone"})
    with pytest.raises(Sam3dbError, match="no bones"):
        skeleton_of(bpy.data.objects.new("empty", bpy.data.armatures.new("empty")))


def test_the_command_line_poses_an_armature_of_a_file(body: Body, default_body_path: Path, tmp_path: Path) -> None:
    neutral_estimate(body).save(tmp_path / "somebody")
    mixamo(body)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    words = ["retarget", str(tmp_path / "somebody.npz"), "--armature", str(tmp_path / "file.blend"), "--json"]
    words += ["--body", str(default_body_path.with_name("default-lod2.npz"))]

    def call(*more: str) -> tuple[int, dict]:
        out = io.StringIO()
        code = main([*words, *more], Console(out, True, False))
        return code, json.loads(out.getvalue())

    code, result = call("-o", str(tmp_path / "posed.blend"), "--keyframe", "4")
    assert (code, result["object"], result["missing"], result["notes"]) == (0, "Target", [], [])
    assert result["bones"]["l_uparm"] == "mixamorig:LeftArm"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "posed.blend"))
    armature = bpy.data.objects["Target"]
    assert any(animation_curves(armature))
    person = person_of_estimate(neutral_estimate(body), body)
    assert max(seen_likeness(armature, person, result["bones"]).limbs.values()) < 0.1
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "file.blend"))
    walking(bpy.data.objects["Target"])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    code, result = call("-o", str(tmp_path / "other.blend"))
    assert code != 0
    assert "--keyframe" in result["error"]["text"]
    assert not (tmp_path / "other.blend").exists()
    for more, text in (
        (["--object", "nobody"], "'Target'"),
        (["--map", "unreal"], "No bone of"),
        (["--map", "nothing"], "no retarget map"),
    ):
        code, result = call("-o", str(tmp_path / "other.blend"), *more)
        assert code == 2
        assert text in result["error"]["text"]
        assert not (tmp_path / "other.blend").exists()
    assert call("-o", str(tmp_path / "nowhere" / "other.blend"))[0] == 2


@pytest.mark.parametrize("name", [None, "Somebody"])
def test_a_file_with_a_character_alone_says_what_it_is(name: str | None, body: Body, tmp_path: Path) -> None:
    estimate = neutral_estimate(body)
    build_character("somebody", estimate, body, [], bpy.context.scene.collection).rig.name = "Somebody"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    person = person_of_estimate(estimate, body)
    with pytest.raises(UsageError, match=r"^'Somebody' of file\.blend is a character of this extension"):
        pose_in_file(tmp_path / "file.blend", name, person, "guess", PosingOptions(), tmp_path / "out.blend")
