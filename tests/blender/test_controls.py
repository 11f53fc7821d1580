"""A character with controls stands as estimated, in FK and in IK, and can be posed by them."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.characters.controls.making import control_plan
from native_runtime.characters.controls.pose import bone_globals
from native_runtime.characters.rig_map import RigMap
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.controls.build import build_controls, remove_controls
from sam3db_blender.controls.snapping import limbs_of, snap, snap_frames
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.control_pose import CONTROLS, controls_of, set_controls
from sam3db_blender.rig.followed import FOLLOW
from sam3db_blender.rig.mesh import build_mesh
from sam3db_blender.rig.pose import apply_parameters, read_parameters, read_settings
from tests.support.controlled import Controlled, random_parameters

TOLERANCE = 1e-4  # m: the bar of 0.1 mm
TURN = np.radians(0.05)
#: m: IK takes the foot for level, and at the limits of its length it is off by the sine of its lean.
TURNED_FOOT = 1e-3


@pytest.fixture(scope="module")
def real_body(default_body_path: Path) -> Body:
    """A coarse body with real proportions."""
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture
def actor(real_body: Body) -> Controlled:
    return Controlled(real_body)


def test_fk_and_ik_show_the_estimate(any_body: Body, rng: np.random.Generator) -> None:
    """On the made-up body, too, whose wrists and ankles are no single points, and whose joints bend backwards."""
    actor = Controlled(any_body)
    assert controls_of(actor.rig) == actor.controls
    for curve in actor.controls.animation_data.drivers:
        assert curve.driver.is_simple_expression
    poses = [np.zeros(204), *(random_parameters(any_body, rng) for _ in range(4))]
    for parameters in poses:
        apply_parameters(actor.rig, any_body, parameters)
        for ik in (False, True):
            actor.switch(ik)
            assert actor.error(parameters) < TOLERANCE
            found, _ = read_parameters(actor.rig, any_body, near=parameters)
            assert found == pytest.approx(parameters, abs=1e-4)


def test_posing_by_controls_is_read(actor: Controlled, rng: np.random.Generator) -> None:
    """The controls alone are posed; the numbers of the pose are read, and the mesh is theirs."""
    any_body = actor.body
    first = random_parameters(any_body, rng)
    apply_parameters(actor.rig, any_body, first)
    for ik in (False, True):
        actor.switch(ik)
        goal = random_parameters(any_body, rng)
        goal[136:] = first[136:]
        set_controls(actor.controls, any_body, any_body.joint_parameters(goal))
        assert actor.error(goal) < TOLERANCE
        settings = read_settings(actor.rig, any_body, near=goal)
        assert settings.model_parameters[6:] == pytest.approx(goal[6:], abs=3e-4)
        assert np.abs(any_body.pose(settings.model_parameters).rotations - any_body.pose(goal).rotations).max() < 1e-3


def test_hand_moves_under_ik(actor: Controlled) -> None:
    """The wrist goes where its control goes, the elbow turns about its hinge alone, towards the pole."""
    body = actor.body
    actor.switch(True)
    wrist = actor.rig.pose.bones["l_wrist"]
    target = actor.controls.pose.bones["hand_ik.L"]
    pole = actor.controls.pose.bones["elbow_pole.L"]
    start = np.array(target.head)
    for step in ((-0.05, -0.1, 0.1), (-0.1, -0.15, 0.2), (-0.2, 0.1, 0.3), (-0.1, -0.1, -0.05)):
        moved = target.matrix.copy()
        moved.translation = (start + step).tolist()
        target.matrix = moved
        bpy.context.view_layer.update()
        assert np.array(wrist.head) == pytest.approx(start + step, abs=1e-5)
        settings = read_settings(actor.rig, body)
        assert len(settings.beyond) == 0 or np.abs(settings.beyond[body.joint_index("l_lowarm")]).max() < 1e-4
        shoulder, at, hand = (np.array(actor.rig.pose.bones[f"l_{n}"].head) for n in ("uparm", "lowarm", "wrist"))
        line = (hand - shoulder) / np.linalg.norm(hand - shoulder)
        side = (at - shoulder) - ((at - shoulder) @ line) * line
        goal = (np.array(pole.head) - shoulder) - ((np.array(pole.head) - shoulder) @ line) * line
        assert side @ goal > 0.9 * np.linalg.norm(side) * np.linalg.norm(goal)


def test_stretch_reaches(actor: Controlled) -> None:
    actor.switch(True)
    target, wrist = actor.controls.pose.bones["hand_ik.L"], actor.rig.pose.bones["l_wrist"]
    moved = target.matrix.copy()
    moved.translation = (1.5, 0.0, 1.4)
    target.matrix = moved
    bpy.context.view_layer.update()
    assert (wrist.head - moved.translation).length > 0.2  # too far for the arm
    actor.controls["arm_stretch.L"] = 1.0
    actor.controls.update_tag()
    bpy.context.view_layer.update()
    assert (wrist.head - moved.translation).length < 1e-4


def test_snapping_moves_nothing(actor: Controlled, rng: np.random.Generator) -> None:
    any_body = actor.body
    limbs = limbs_of(any_body)
    for _ in range(3):
        apply_parameters(actor.rig, any_body, random_parameters(any_body, rng))
        for ik in (True, False):
            # pose what is in use, then change over to the other
            actor.switch(not ik)
            if ik:
                for limb in limbs:
                    bone = actor.controls.pose.bones[limb.fk[0]]
                    bone.rotation_euler = (np.array(bone.rotation_euler) + rng.uniform(-0.2, 0.2, 3)).tolist()
            else:
                for limb in limbs:
                    bone = actor.controls.pose.bones[limb.target]
                    bone.location = (np.array(bone.location) + rng.uniform(-0.03, 0.03, 3)).tolist()
                actor.controls.pose.bones["foot_roll.L"].rotation_euler[0] = 0.3
            actor.controls.update_tag()
            before, turned = actor.vertices(), actor.turns()
            snap(actor.rig, any_body, limbs, ik)
            assert np.linalg.norm(actor.vertices() - before, axis=1).max() < TOLERANCE
            off = np.einsum("jab,jac->jbc", actor.turns(), turned)
            angles = np.arccos(np.clip((np.trace(off, axis1=1, axis2=2) - 1) / 2, -1, 1))
            assert angles.max() < TURN + 1e-3  # the arc cosine of single precision


def test_snapping_a_range_of_frames(actor: Controlled) -> None:
    body, limbs = actor.body, limbs_of(actor.body, ["arm_ik.L"])
    actor.switch(False)
    scene = bpy.context.scene
    upper = actor.controls.pose.bones["upper_arm_fk.L"]
    for frame, angles in ((1, (0.0, 0.0, 0.0)), (6, (0.8, 0.3, -0.4)), (11, (-0.3, -0.8, 0.5))):
        upper.rotation_euler = angles
        upper.keyframe_insert("rotation_euler", frame=frame)
    frames = range(1, 12)
    before = {}
    for frame in frames:
        scene.frame_set(frame)
        before[frame] = actor.vertices()
    assert snap_frames(actor.rig, body, limbs, True, frames) == len(frames)
    for frame in frames:
        scene.frame_set(frame)
        assert actor.controls["arm_ik.L"] == 1.0
        assert np.linalg.norm(actor.vertices() - before[frame], axis=1).max() < TOLERANCE


def test_what_mhr_has_no_number_for_is_shown(actor: Controlled, rng: np.random.Generator) -> None:
    """An open jaw, a turned eye, a swollen spine: what artists made of a character before it had controls."""
    body = actor.body
    beyond = np.zeros((len(body.joint_names), 7))
    beyond[body.joint_index("c_jaw")] = (0.3, 0.1, -0.2, 0.0, 0.2, 0.1, 0.0)
    beyond[body.joint_index("r_eye"), 3:6] = (0.1, 0.2, -0.1)
    beyond[body.joint_index("l_lowarm")] = (0, 0, 0, 0.1, 0.2, 0, 0)
    beyond[body.joint_index("c_spine2"), 6] = 0.1
    parameters = random_parameters(body, rng)
    apply_parameters(actor.rig, body, parameters, beyond)
    expected = bone_globals(body, body.joint_parameters(parameters) + beyond)[:, :3, 3]
    actor.turns()
    assert np.array([bone.head for bone in actor.rig.pose.bones]) == pytest.approx(expected, abs=TOLERANCE)
    settings = read_settings(actor.rig, body, near=parameters)
    assert settings.model_parameters[6:] == pytest.approx(parameters[6:], abs=1e-4)
    assert settings.beyond[:, 3:] == pytest.approx(beyond[:, 3:], abs=1e-4)


def test_following_another_bone_keeps_the_estimate(actor: Controlled, rng: np.random.Generator) -> None:
    """Whatever hands, feet, poles, neck and head follow, an estimate stands as it is."""
    plan = control_plan(actor.body)
    switches = [switch for switch in plan.switches if switch.whole]
    assert len(switches) >= 10
    for _ in range(4):
        for switch in switches:
            actor.controls[switch.name] = int(rng.integers(switch.low, switch.high + 1))
        parameters = random_parameters(actor.body, rng)
        apply_parameters(actor.rig, actor.body, parameters)
        for ik in (False, True):
            actor.switch(ik)
            assert actor.error(parameters) < TOLERANCE


def test_sliders_move_the_controls(actor: Controlled, rng: np.random.Generator) -> None:
    """Without an estimate, proportions move the rest of all controls: FK and IK stand alike."""
    body = actor.body
    parameters = np.zeros(204)
    goal = random_parameters(body, rng)
    parameters[136:] = goal[136:]
    for slider in RigMap.of(body).section("skeleton"):
        actor.rig[slider.key] = float(parameters[slider.index]) * slider.units
    actor.rig.update_tag()
    expected = bone_globals(body, body.joint_parameters(parameters))[:, :3, 3]
    actor.switch(False)
    actor.turns()
    assert np.array([bone.head for bone in actor.rig.pose.bones]) == pytest.approx(expected, abs=TOLERANCE)
    actor.switch(True)
    actor.turns()
    ends = [body.joint_index(name) for name in ("l_wrist", "r_wrist", "l_foot", "r_foot")]
    heads = np.array([bone.head for bone in actor.rig.pose.bones])
    assert heads[ends] == pytest.approx(expected[ends], abs=TOLERANCE)


def test_removing_keeps_the_pose(actor: Controlled, rng: np.random.Generator) -> None:
    apply_parameters(actor.rig, actor.body, random_parameters(actor.body, rng))
    actor.switch(True)
    target = actor.controls.pose.bones["hand_ik.R"]
    target.location.z += 0.05
    actor.controls.update_tag()
    before = actor.vertices()
    with pytest.raises(Sam3dbError, match="already"):
        build_controls(actor.rig, actor.body)
    assert len(bpy.data.armatures) == 2
    remove_controls(actor.rig, actor.body)
    assert controls_of(actor.rig) is None
    assert [obj.name for obj in bpy.data.objects if obj.type == "ARMATURE"] == ["A Rig"]
    assert np.linalg.norm(actor.vertices() - before, axis=1).max() < TOLERANCE


def test_controls_that_were_deleted_by_hand_can_be_added_again(actor: Controlled) -> None:
    shown = [
        collection.name
        for collection in build_rig("B", actor.body, bpy.context.scene.collection).data.collections
        if collection.is_visible
    ]
    bpy.data.objects.remove(actor.controls)
    assert controls_of(actor.rig) is None
    actor.controls = build_controls(actor.rig, actor.body)
    assert controls_of(actor.rig) == actor.controls
    before = actor.vertices()
    actor.controls.pose.bones["chest"].rotation_euler.x = 0.3
    actor.controls.update_tag()
    after = actor.vertices()
    assert np.abs(after - before).max() > 0.01
    remove_controls(actor.rig, actor.body)
    assert not any(bone.constraints.get(FOLLOW) for bone in actor.rig.pose.bones)
    assert np.abs(actor.vertices() - after).max() < TOLERANCE
    assert [collection.name for collection in actor.rig.data.collections if collection.is_visible] == shown


def test_a_copy_that_follows_the_same_controls_leaves_them_to_the_original(actor: Controlled) -> None:
    """As a duplicate of rig and mesh alone does."""
    copy = actor.rig.copy()
    copy.data = actor.rig.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    actor.controls.pose.bones["chest"].rotation_euler.x = 0.3
    actor.controls.update_tag()
    before = actor.vertices()
    remove_controls(copy, actor.body)
    assert controls_of(copy) is None
    assert controls_of(actor.rig) == actor.controls
    assert np.abs(actor.vertices() - before).max() < TOLERANCE
    own = build_controls(copy, actor.body)
    own.pose.bones["chest"].rotation_euler.x = -0.3
    assert np.abs(actor.vertices() - before).max() < TOLERANCE
    remove_controls(actor.rig, actor.body)
    assert [obj for obj in bpy.data.objects if obj.get(CONTROLS)] == [own]


def test_controls_of_another_file_are_added_and_removed_there(actor: Controlled, tmp_path: Path) -> None:
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(path), link=True) as (_, wanted):
        wanted.objects = ["A Rig", "A Body", "A Controls"]
    group = bpy.data.collections.new("group")
    bpy.context.scene.collection.children.link(group)
    for obj in wanted.objects:
        group.objects.link(obj)
    rig = wanted.objects[0].override_create(remap_local_usages=True)
    assert rig.override_library is not None
    with pytest.raises(Sam3dbError, match="another file: add and remove its controls there"):
        remove_controls(rig, actor.body)
    assert controls_of(rig) is not None


@pytest.mark.parametrize("nla", [False, True])
def test_animation_goes_along_when_controls_come_and_go(small_body: Body, nla: bool) -> None:
    stage = bpy.context.scene.collection
    rig = build_rig("A Rig", small_body, stage)
    mesh = build_mesh("A Body", small_body, rig, stage, [bpy.data.materials.new(n) for n in small_body.material_names])
    arm, root = rig.pose.bones["l_uparm"], rig.pose.bones["root"]
    for frame, angle in ((1, 0.0), (4, 0.7), (7, -0.4)):
        arm.rotation_euler = (angle, angle / 2, 0.1)
        root.location = (0.0, angle, 0.0)
        arm.keyframe_insert("rotation_euler", frame=frame)
        root.keyframe_insert("location", frame=frame)

    def played() -> list[np.ndarray]:
        found = []
        for frame in range(1, 8):
            bpy.context.scene.frame_set(frame)
            found.append(evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get()))
        return found

    before = played()
    controls = build_controls(rig, small_body)
    assert np.abs(np.array(played()) - before).max() < TOLERANCE
    if nla:
        controls.animation_data.nla_tracks.new().strips.new("walk", 1, controls.animation_data.action)
        controls.animation_data.action = None
        assert np.abs(np.array(played()) - before).max() < TOLERANCE
    remove_controls(rig, small_body)
    assert controls_of(rig) is None
    assert np.abs(np.array(played()) - before).max() < TOLERANCE


def test_feet_roll_and_fingers_curl(actor: Controlled) -> None:
    """Rolled forward the toes stay as they are while the ankle rises; a hand's curl bends three joints of a finger."""
    actor.switch(True)
    hips = actor.controls.pose.bones["hips"]
    hips.location.y -= 0.1
    actor.controls.update_tag()
    names = [bone.name for bone in actor.rig.pose.bones]
    ball, ankle, tip = (names.index(name) for name in ("l_ball", "l_foot", "l_index3"))
    turned = actor.turns()
    heads = np.array([bone.head for bone in actor.rig.pose.bones])
    actor.controls.pose.bones["foot_roll.L"].rotation_euler[0] = 0.5
    actor.controls.pose.bones["fingers.L"].rotation_euler[0] = 0.4
    actor.controls.update_tag()
    now = actor.turns()
    moved = np.array([bone.head for bone in actor.rig.pose.bones]) - heads
    assert np.linalg.norm(moved[ball]) < TOLERANCE
    assert now[ball] == pytest.approx(turned[ball], abs=1e-3)
    assert moved[ankle][2] > 0.03
    bent = np.trace(turned[tip].T @ now[tip])
    assert np.arccos((bent - 1) / 2) == pytest.approx(3 * 0.4, abs=0.05)


@pytest.mark.parametrize("length", [-0.1, 0.1])  # MHR's limits
def test_long_and_short_feet_roll_over_their_own_heel_and_ball(actor: Controlled, length: float) -> None:
    """The slider of the foot moves what it rolls over along with it: heel and ball stay where they are on the floor."""
    body = actor.body
    parameters = np.zeros(204)
    parameters[body.parameter_index("scale_foot_length")] = length
    apply_parameters(actor.rig, body, parameters)
    actor.switch(True)
    hips, roll = (actor.controls.pose.bones[name] for name in ("hips", "foot_roll.L"))
    hips.location.y -= 0.12
    actor.controls.update_tag()
    level = actor.vertices()
    main = body.skin_indices[np.arange(len(level)), body.skin_weights.argmax(axis=1)]
    foot = np.flatnonzero(np.isin(main, [body.joint_index(f"l_{n}") for n in ("subtalar", "transversetarsal", "ball")]))
    ankle, ball = actor.rig.pose.bones["l_talocrural"], actor.rig.pose.bones["l_ball"]
    rear, front = ankle.matrix.inverted() @ actor.controls.pose.bones["MCH-foot_heel.L"].head, np.array(ball.head)
    on_floor = np.array(ankle.matrix @ rear)
    roll.rotation_euler[0] = -0.35
    actor.controls.update_tag()
    assert actor.vertices()[foot, 2].min() == pytest.approx(level[foot, 2].min(), abs=2e-3)  # it rests on its heel
    assert np.array(ankle.matrix @ rear) == pytest.approx(on_floor, abs=TURNED_FOOT)
    assert ball.head[2] - front[2] > 0.04
    roll.rotation_euler[0] = 0.5
    actor.controls.update_tag()
    actor.turns()
    assert (ankle.matrix @ rear)[2] - on_floor[2] > 0.05
    assert np.array(ball.head) == pytest.approx(front, abs=TURNED_FOOT)
