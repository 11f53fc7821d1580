"""The rig that Blender evaluates is the body."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.driven_correctives import driven_correctives
from native_runtime.characters.layout import COLLECTIONS
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.mesh import build_mesh, shape_key_names
from sam3db_blender.rig.pose import (
    apply_parameters,
    apply_settings,
    read_joint_parameters,
    read_parameters,
    read_settings,
    read_shape,
    set_shape,
)

TOLERANCE = 1e-4  # m: the bar of 0.1 mm


def _build(body: Body) -> tuple[bpy.types.Object, bpy.types.Object]:
    stage = bpy.context.scene.collection
    rig = build_rig("rig", body, stage)
    materials = [bpy.data.materials.new(name) for name in body.material_names]
    return rig, build_mesh("mesh", body, rig, stage, materials)


def _random_parameters(body: Body, rng: np.random.Generator, beyond: float) -> np.ndarray:
    """Parameters over ``beyond`` times the range of the limits, any root motion."""
    low = np.where(np.isfinite(body.limit_min), body.limit_min, -0.5)
    high = np.where(np.isfinite(body.limit_max), body.limit_max, 0.5)
    middle, half = (low + high) / 2, (high - low) / 2 * beyond + (beyond > 1) * 0.1
    parameters = rng.uniform(middle - half, middle + half)
    parameters[:3] = rng.uniform(-20, 20, 3)
    parameters[3:6] = rng.uniform(-np.pi, np.pi, 3)
    return parameters


@pytest.mark.parametrize("beyond", [1.0, 2.0])
def test_blender_equals_the_body(any_body: Body, beyond: float) -> None:
    rig, mesh = _build(any_body)
    rng = np.random.default_rng(int(beyond))
    for _ in range(5):
        parameters = _random_parameters(any_body, rng, beyond)
        identity = rng.normal(0, 1.5, any_body.identity_count)
        expression = rng.uniform(-0.5, 1, any_body.expression_count)
        apply_parameters(rig, any_body, parameters)
        set_shape(rig, any_body, identity, expression)
        found = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
        expected = mhr_to_blender(any_body.vertices(parameters, identity, expression))
        assert np.linalg.norm(found - expected, axis=1).max() < TOLERANCE
        joints = mhr_to_blender(any_body.pose(parameters).translations)
        assert np.array([bone.head for bone in rig.pose.bones]) == pytest.approx(joints, abs=TOLERANCE)


def test_numbers_come_back(any_body: Body) -> None:
    rig, _ = _build(any_body)
    rng = np.random.default_rng(5)
    parameters = _random_parameters(any_body, rng, 1.0)
    identity = rng.normal(0, 1, any_body.identity_count)
    expression = rng.uniform(0, 1, any_body.expression_count)
    apply_parameters(rig, any_body, parameters)
    set_shape(rig, any_body, identity, expression)
    assert read_joint_parameters(rig, any_body) == pytest.approx(any_body.joint_parameters(parameters), abs=1e-4)
    found, rest = read_parameters(rig, any_body, near=parameters)
    assert found == pytest.approx(parameters, abs=1e-5)
    assert rest < 1e-5
    found_identity, found_expression = read_shape(rig, any_body)
    assert found_identity == pytest.approx(identity, abs=1e-6)
    assert found_expression == pytest.approx(expression, abs=1e-6)


def test_hand_posed_bones_are_read(small_body: Body) -> None:
    """A bone that an artist turned in another rotation mode, and a twist helper behind it, are read as they stand."""
    rig, _ = _build(small_body)
    arm = rig.pose.bones["l_uparm"]
    arm.rotation_mode = "QUATERNION"
    arm.rotation_quaternion = (0.9, 0.1, 0.3, -0.2)
    before = np.array(arm.rotation_quaternion.normalized().to_matrix())
    settings = read_settings(rig, small_body)
    apply_parameters(rig, small_body, np.zeros(204))
    assert arm.rotation_mode == "YZX"
    apply_settings(rig, small_body, settings)
    assert np.array(arm.matrix_basis.to_3x3()) == pytest.approx(before, abs=1e-5)


def test_clearing_the_pose_keeps_the_skeleton(small_body: Body) -> None:
    """Location and scale channels hold the person's proportions; "Clear Transforms" leaves them as they are."""
    rig, _ = _build(small_body)
    parameters = _random_parameters(small_body, np.random.default_rng(3), 1.0)
    apply_parameters(rig, small_body, parameters)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="SELECT")
    bpy.ops.pose.transforms_clear()
    bpy.ops.object.mode_set(mode="OBJECT")
    joints = read_joint_parameters(rig, small_body)
    expected = small_body.joint_parameters(parameters)
    moved = [i for i, name in enumerate(small_body.joint_names) if name not in ("body_world", "root")]
    assert joints[moved][:, [0, 1, 2, 6]] == pytest.approx(expected[moved][:, [0, 1, 2, 6]], abs=1e-4)
    assert np.abs(joints[:, 3:6]).max() < 1e-6


def test_twist_follows_a_hand_posed_limb(small_body: Body) -> None:
    rig, _ = _build(small_body)
    rig.pose.bones["l_uparm"].rotation_euler[1] = 0.8
    rig.update_tag()
    bpy.context.view_layer.update()
    joints = read_joint_parameters(rig, small_body)
    assert joints[small_body.joint_index("l_uparm_twist0_proc"), 3] == pytest.approx(-0.8, abs=1e-6)
    for curve in rig.animation_data.drivers:
        assert curve.driver.type == "SUM" or curve.driver.is_simple_expression
        assert curve.driver.is_valid


def test_structure(any_body: Body) -> None:
    rig, mesh = _build(any_body)
    assert [bone.name for bone in rig.data.bones] == list(any_body.joint_names)
    parents = [None if p < 0 else any_body.joint_names[p] for p in any_body.joint_parents]
    assert [bone.parent and bone.parent.name for bone in rig.data.bones] == parents
    assert [collection.name for collection in rig.data.collections] == [name for name, _, _ in COLLECTIONS]
    assert all(len(bone.collections) == 1 for bone in rig.data.bones)
    assert np.array(rig.matrix_world) == pytest.approx(np.eye(4))
    assert np.array(mesh.matrix_world) == pytest.approx(np.eye(4))
    assert not mesh.data.validate(verbose=False)
    assert len(mesh.data.polygons) == len(any_body.face_sizes)
    uvs = np.empty((len(mesh.data.loops), 2), np.float32)
    mesh.data.uv_layers[0].uv.foreach_get("vector", uvs.ravel())
    assert uvs == pytest.approx(any_body.uvs)
    names = shape_key_names(any_body)
    keys = mesh.data.shape_keys.key_blocks
    correctives = [f"Corrective {each.name}" for each in driven_correctives(any_body)]
    assert [key.name for key in keys] == ["Basis", *names.identity, *names.expression, *correctives]
    assert all(keys[name].slider_min < 0 < keys[name].slider_max for name in names.expression)


def test_impossible_coefficients_are_refused(small_body: Body) -> None:
    rig, _ = _build(small_body)
    with pytest.raises(Sam3dbError, match="sliders end"):
        set_shape(rig, small_body, [0, 11, 0], None)
    with pytest.raises(Sam3dbError, match="3 shape coefficients"):
        set_shape(rig, small_body, [0, 1], None)
    with pytest.raises(Sam3dbError):
        set_shape(rig, small_body, [0, np.nan, 0], None)


def test_foreign_rig_is_refused(small_body: Body) -> None:
    rig, _ = _build(small_body)
    rig.data.bones["l_wrist"].name = "hand"
    with pytest.raises(ValueError, match="not the joints"):
        apply_parameters(rig, small_body, np.zeros(204))
