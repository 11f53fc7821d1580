"""A character that follows another armature stands where that stands, and is read there."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from native_runtime.characters.rig_map import RigMap
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.controls.build import build_controls
from sam3db_blender.controls.following import follow, unfollow
from sam3db_blender.rig.armature import build_armature, build_rig
from sam3db_blender.rig.arrays import fill
from sam3db_blender.rig.control_pose import CONTROLS
from sam3db_blender.rig.followed import followed
from sam3db_blender.rig.mesh import build_mesh
from sam3db_blender.rig.pose import apply_parameters, read_parameters
from sam3db_blender.rig.rigify_pose import PART, RIG
from tests.support.meshes import off_body

TOLERANCE = 1e-4  # m: the bar of 0.1 mm


def _random_parameters(body: Body, rng: np.random.Generator) -> np.ndarray:
    low = np.where(np.isfinite(body.limit_min), body.limit_min, -0.5)
    high = np.where(np.isfinite(body.limit_max), body.limit_max, 0.5)
    parameters = rng.uniform(low, high)
    parameters[:3] = rng.uniform(-5, 5, 3)
    parameters[3:6] = rng.uniform(-np.pi, np.pi, 3)
    return parameters


def _pose(armature: bpy.types.Object, body: Body, parameters: np.ndarray) -> None:
    """Poses an armature of MHR's bones that has no drivers."""
    channels = RigMap.of(body).channels.channels(body.joint_parameters(parameters))
    fill(armature.pose.bones, "location", channels.location)
    fill(armature.pose.bones, "rotation_euler", channels.rotation)
    fill(armature.pose.bones, "scale", np.repeat(channels.scale[:, None], 3, axis=1))
    armature.update_tag()


def _build(body: Body) -> tuple[bpy.types.Object, bpy.types.Object, bpy.types.Object]:
    stage = bpy.context.scene.collection
    rig = build_rig("rig", body, stage)
    mesh = build_mesh("mesh", body, rig, stage, [bpy.data.materials.new(name) for name in body.material_names])
    leader = build_armature("leader", RigMap.of(body).layout, stage)
    leader.parent = rig
    return rig, mesh, leader


def test_the_mesh_is_the_body_and_stays(any_body: Body, rng: np.random.Generator) -> None:
    rig, mesh, leader = _build(any_body)
    first = _random_parameters(any_body, rng)
    apply_parameters(rig, any_body, first)
    posed = [str(name) for name in any_body.joint_names if not str(name).endswith("_proc")]
    follow(rig, any_body, leader, {name: name for name in posed})
    assert followed(rig) == leader
    for curve in rig.animation_data.drivers:
        assert curve.driver.type == "SUM" or curve.driver.is_simple_expression
    for _ in range(3):
        parameters = _random_parameters(any_body, rng)
        parameters[136:] = first[136:]  # lengths and sizes are the rig's
        _pose(leader, any_body, parameters)
        assert off_body(mesh, any_body, parameters) < TOLERANCE
        found, rest = read_parameters(rig, any_body, near=parameters)
        assert found[6:] == pytest.approx(parameters[6:], abs=1e-4)
        assert any_body.pose(found).rotations == pytest.approx(any_body.pose(parameters).rotations, abs=5e-4)
        assert rest < 1e-3  # cm, radians or log2: single precision
    unfollow(rig, any_body)
    assert followed(rig) is None
    bpy.data.objects.remove(leader)
    assert off_body(mesh, any_body, parameters) < TOLERANCE
    again = _random_parameters(any_body, rng)
    apply_parameters(rig, any_body, again)
    assert off_body(mesh, any_body, again) < TOLERANCE  # the twist follows the channels again


def test_what_cannot_be_followed_is_said(small_body: Body) -> None:
    rig, _, leader = _build(small_body)
    with pytest.raises(Sam3dbError, match="no bone 'elbow'"):
        follow(rig, small_body, leader, {"l_lowarm": "elbow"})
    assert followed(rig) is None
    follow(rig, small_body, leader, {"l_lowarm": "l_lowarm"})
    with pytest.raises(Sam3dbError, match="already"):
        follow(rig, small_body, leader, {"l_lowarm": "l_lowarm"})


def test_a_rigify_rig_is_named(small_body: Body) -> None:
    """Who adds controls to a character that Rigify poses reads what to do."""
    rig, other = (build_rig(name, small_body, bpy.context.scene.collection) for name in ("A Rig", "A Rigify"))
    other[PART] = RIG
    follow(rig, small_body, other, {"l_uparm": "l_uparm"})
    with pytest.raises(Sam3dbError, match=r"the Rigify rig 'A Rigify'.*press Remove Rigify Rig"):
        build_controls(rig, small_body)
    assert not any(obj.get(CONTROLS) for obj in bpy.data.objects)
