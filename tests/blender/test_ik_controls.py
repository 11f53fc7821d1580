"""Motion on the IK controls of rigs: limbs stand as by FK, and poles never flip."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from numpy.typing import NDArray

import sam3db_blender
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.retarget.control_rigs import ControlRig
from sam3db_blender.compat import animation_curves
from sam3db_blender.retarget.animation import follow_motion
from sam3db_blender.retarget.armature import PosingOptions, pose_armature
from sam3db_blender.retarget.assignment import assignment_for
from sam3db_blender.retarget.ik_controls import control_rig
from sam3db_blender.retarget.person import person_of_character
from sam3db_blender.takes.build import TakeOptions, build_take_scene
from tests.support.armatures import bone_names, build_armature, relaid, stretched_arms
from tests.support.estimates import neutral_estimate
from tests.support.ik_rigs import ik_rig
from tests.support.takes import moving_take

COUNT = 9
#: m, radians: how near limbs stand in IK to where they do in FK.
NEAR, TURNED = 0.0002, np.radians(0.3)
MAKES = ("rigify", "cloudrig", "cloudrig without poles", "autorig_pro")


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture
def rigify() -> Iterator[None]:
    import addon_utils

    addon_utils.enable("rigify", default_set=True)
    yield
    addon_utils.disable("rigify", default_set=True)


def mover(body: Body) -> bpy.types.Object:
    """Somebody whose arms and legs go from straight to bent, and who goes about."""
    take = moving_take(body, COUNT)
    parameters = take.model_parameters.copy()
    parameters[:, 130:136] = parameters[0, 130:136]
    for name, bend in (("l_elbow_bend", -0.9), ("r_elbow_bend", -1.6), ("l_knee_bend", 0.7), ("r_knee_bend", 1.2)):
        parameters[:, body.parameter_index(name)] = bend * np.abs(np.linspace(-1.0, 1.0, COUNT))
    take = replace(take, model_parameters=body.parameterisation.clamp(parameters))
    made = build_take_scene(bpy.context.scene, [take], body, TakeOptions(rate="video", light=False))
    return made.built.characters[0].rig


def rig_of(make: str, body: Body) -> bpy.types.Object:
    if make != "rigify":
        name, _, rest = make.partition(" ")
        return ik_rig(body, name, not rest)  # type: ignore[arg-type]
    bpy.ops.object.armature_basic_human_metarig_add()
    bpy.ops.pose.rigify_generate()
    return bpy.context.object


def evaluated(armature: bpy.types.Object) -> dict[str, NDArray[np.float64]]:
    """Bone -> its matrix (4, 4) in armature space, as it is seen."""
    bpy.context.view_layer.update()
    seen = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {bone.name: np.array(bone.matrix, dtype=np.float64) for bone in seen.pose.bones}


def shown_end(make: str, end: str) -> str:
    """The bone that stands where a limb ends, whatever it is posed by."""
    return f"ORG-{end.replace('_fk', '')}" if make == "rigify" else f"SHOWN-{end}"


def off(seen: dict[str, NDArray[np.float64]], rig: ControlRig, make: str) -> tuple[float, float]:
    """How far limbs bend and end from where their FK controls do, and how far ends are turned."""
    aways, turns = [0.0], [0.0]
    for limb in rig.limbs:
        end = seen[shown_end(make, limb.chain[2])]
        aways.append(float(np.linalg.norm(seen[limb.shown][:3, 3] - seen[limb.chain[1]][:3, 3])))
        aways.append(float(np.linalg.norm(end[:3, 3] - seen[limb.chain[2]][:3, 3])))
        between = end[:3, :3].T @ seen[limb.chain[2]][:3, :3]
        turns.append(float(np.arccos(np.clip((np.trace(between) - 1.0) / 2.0, -1.0, 1.0))))
    return max(aways), max(turns)


@pytest.mark.parametrize("make", MAKES)
def test_limbs_stand_in_ik_as_they_do_in_fk(rigify: None, body: Body, make: str) -> None:
    rig = mover(body)
    armature = rig_of(make, body)
    controls = control_rig(armature)
    assert [limb.title for limb in controls.limbs] == ["left arm", "left leg", "right arm", "right leg"]
    assigned, _ = assignment_for(armature)
    notes = follow_motion(armature, rig, assigned, PosingOptions(controls="ik"))
    assert len(notes) == (1 if make == "rigify" else 0)  # that its solver stretches no more
    directions, moved = [], []
    for frame in range(1, COUNT + 1):
        bpy.context.scene.frame_set(frame)
        seen = evaluated(armature)
        away, turned = off(seen, controls, make)
        assert away < NEAR
        assert turned < TURNED
        poles = [(seen[limb.pole], seen[limb.chain[1]], seen[limb.chain[0]]) for limb in controls.limbs if limb.pole]
        assert len(poles) == (0 if "without" in make else 4)
        ways = [(pole[:3, 3] - middle[:3, 3]) @ upper[:3, :3] for pole, middle, upper in poles]
        directions.append([way / np.linalg.norm(way) for way in ways])
        moved.append([seen[limb.target][:3, 3] for limb in controls.limbs])
    # seen from the upper bone a pole stays on its side, though each limb is stretched on the way
    steps = np.diff(np.array(directions), axis=0)
    assert not steps.size or np.linalg.norm(steps, axis=2).max() < 0.7
    assert np.ptp(moved, axis=0).max() > 0.3
    # with the switch the other way the same is seen: the FK controls are keyed, too
    for limb in controls.limbs:
        for bone in armature.pose.bones:
            for name in limb.switches[0].names:
                if bone.get(name) is not None:
                    assert bone[name] == limb.switches[0].value


def test_one_pose_is_set_without_keys(body: Body) -> None:
    rig = mover(body)
    bpy.context.scene.frame_set(COUNT)
    armature = ik_rig(body, "autorig_pro")
    assigned, _ = assignment_for(armature)
    armature.pose.bones["c_foot_roll_cursor.l"].location = (0.1, 0.0, 0.0)
    assert pose_armature(armature, person_of_character(rig), assigned, PosingOptions(controls="ik")) == []
    away, turned = off(evaluated(armature), control_rig(armature), "autorig_pro")
    assert away < NEAR
    assert turned < TURNED
    assert armature.animation_data.action is None
    assert tuple(armature.pose.bones["c_foot_roll_cursor.l"].location) == (0.0, 0.0, 0.0)
    armature.pose.bones["c_hand_ik.l"].keyframe_insert("location", frame=1)
    with pytest.raises(Sam3dbError, match="insert keyframes"):
        pose_armature(armature, person_of_character(rig), assigned, PosingOptions(controls="ik"))


def test_who_has_no_ik_controls_is_told(body: Body) -> None:
    rig = mover(body)
    names = bone_names("mixamo", "mixamorig:")
    armature = build_armature(relaid(body, body.joint_parameters(stretched_arms(body)), names))
    before = evaluated(armature)
    assigned, _ = assignment_for(armature)
    with pytest.raises(Sam3dbError, match=r"no IK controls that are known .*Rigify"):
        pose_armature(armature, person_of_character(rig), assigned, PosingOptions(controls="ik"))
    for name, place in evaluated(armature).items():
        np.testing.assert_array_equal(place, before[name])


@pytest.fixture
def add_on() -> Iterator[None]:
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def test_the_panel_moves_a_rig_by_its_ik_controls_in_one_step(add_on: None, body: Body) -> None:
    settings = bpy.context.scene.sam3db_retarget
    settings.character, settings.armature = mover(body), ik_rig(body, "cloudrig")
    settings.source, settings.whole, settings.controls = "CHARACTER", True, "ik"
    name = settings.armature.name
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.sam3db.pose_armature("EXEC_DEFAULT", True) == {"FINISHED"}
    armature = bpy.data.objects[name]
    keyed = {curve.data_path for _, curve in animation_curves(armature)}
    assert {f'pose.bones["IK-{end}"].location' for end in ("Wrist.L", "Foot.R")} <= keyed
    assert 'pose.bones["POLE-Thigh.L"].location' in keyed
    assert 'pose.bones["Properties"]["ik_left_arm"]' in keyed
    bpy.context.scene.frame_set(COUNT)
    away, _ = off(evaluated(armature), control_rig(armature), "cloudrig")
    assert away < NEAR
    bpy.ops.ed.undo()
    assert not any(animation_curves(bpy.data.objects[name]))


def test_the_command_line_poses_ik_controls(body: Body, default_body_path: Path, tmp_path: Path) -> None:
    neutral_estimate(body).save(tmp_path / "somebody")
    ik_rig(body, "autorig_pro")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"))
    words = ["retarget", str(tmp_path / "somebody.npz"), "--armature", str(tmp_path / "rig.blend"), "--controls", "ik"]
    words += ["--body", str(default_body_path.with_name("default-lod2.npz")), "-o", str(tmp_path / "posed.blend")]
    assert main(words, Console(io.StringIO(), False, False)) == 0
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "posed.blend"))
    armature = bpy.data.objects["Studio Rig"]
    assert armature.pose.bones["c_hand_ik.l"]["ik_fk_switch"] == 0.0
    assert off(evaluated(armature), control_rig(armature), "autorig_pro")[0] < NEAR
