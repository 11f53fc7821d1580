"""Sliders and wiring: every model parameter has one home, and Blender's drivers say what the transform says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.settings import CharacterSettings, parameters_of
from native_runtime.characters.sliders import (
    Slider,
    identity_sliders,
    parameter_sliders,
)
from native_runtime.characters.stature import Stature
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.rig.armature import SHARED_CONSTRAINT, build_rig
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.mesh import build_mesh
from sam3db_blender.rig.pose import apply_parameters, apply_settings, read_settings
from sam3db_blender.rig.properties import CENTIMETRES, read_sliders, write_sliders
from sam3db_blender.ui.heights import measured

BAR = 5e-5  # m


def _build(body: Body) -> tuple[bpy.types.Object, bpy.types.Object]:
    stage = bpy.context.scene.collection
    rig = build_rig("rig", body, stage)
    return rig, build_mesh("mesh", body, rig, stage, [])


def _distance(mesh: bpy.types.Object, body: Body, settings: CharacterSettings) -> float:
    found = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
    expected = body.vertices(settings.model_parameters, settings.identity, settings.expression)
    return float(np.linalg.norm(found - mhr_to_blender(expected), axis=1).max())


def _random(body: Body, rng: np.random.Generator) -> CharacterSettings:
    """Any parameter at all, those that MHR fixes at 0 included."""
    return CharacterSettings(
        rng.normal(0, 0.25, len(body.parameter_names)),
        rng.normal(0, 1.5, body.identity_count),
        rng.uniform(-0.5, 1, body.expression_count),
    )


# --- without Blender's scene -----------------------------------------------------------------------------------------


# --- in Blender ------------------------------------------------------------------------------------------------------


def test_mesh_and_numbers_are_exact(any_body: Body) -> None:
    rig, mesh = _build(any_body)
    rng = np.random.default_rng(11)
    for _ in range(6):
        settings = _random(any_body, rng)
        apply_settings(rig, any_body, settings)
        assert _distance(mesh, any_body, settings) < BAR
        again = read_settings(rig, any_body)
        assert again.model_parameters == pytest.approx(settings.model_parameters, abs=1e-4)
        assert again.identity == pytest.approx(settings.identity, abs=1e-9)
        assert again.expression == pytest.approx(settings.expression, abs=1e-9)
        assert not len(again.beyond)


def test_sliders_move_the_skeleton_by_themselves(any_body: Body) -> None:
    """Only properties are set, as an artist does; the drivers do the rest, also for the spine on top of posing."""
    rig, mesh = _build(any_body)
    rng = np.random.default_rng(12)
    parameters = np.zeros(204)
    posing = {"c_spine1": rng.uniform(-0.4, 0.4, 3), "c_spine2": rng.uniform(-0.4, 0.4, 3), "l_uparm": [0.3, -0.5, 0.2]}
    for bone, angles in posing.items():
        rig.pose.bones[bone].rotation_euler = list(angles)
    bpy.context.view_layer.update()
    parameters = read_settings(rig, any_body).model_parameters
    for slider in parameter_sliders(any_body):
        value = float(rng.uniform(slider.low, slider.high))
        rig[slider.key] = value
        parameters[slider.index] += value / slider.units
    rig.update_tag()
    neutral = CharacterSettings.neutral(any_body)
    assert _distance(mesh, any_body, CharacterSettings(parameters, neutral.identity, neutral.expression)) < BAR
    assert read_settings(rig, any_body).model_parameters == pytest.approx(parameters, abs=1e-4)


def test_skeleton_and_shape_are_independent(small_body: Body) -> None:
    rig, _ = _build(small_body)

    def heads() -> np.ndarray:
        rig.update_tag()
        bpy.context.view_layer.update()
        return np.array([bone.head for bone in rig.pose.bones])

    rest = heads()
    sliders = RigMap.of(small_body)
    for slider in sliders.section("shape", "expression"):
        rig[slider.key] = slider.high
    assert np.array_equal(heads(), rest)
    shape = read_sliders(rig, sliders.section("shape", "expression"))
    for slider in sliders.section("skeleton"):
        rig[slider.key] = slider.high
    assert np.abs(heads() - rest).max() > 0.01
    assert np.array_equal(read_sliders(rig, sliders.section("shape", "expression")), shape)


def test_posing_does_not_fight_the_sliders(small_body: Body) -> None:
    """Channels that sliders own are locked; those that hold a parameter are free; hinges stay hinges."""
    rig, _ = _build(small_body)
    driven = {(c.data_path, c.array_index) for c in rig.animation_data.drivers}
    for bone in rig.pose.bones:
        for axis in range(3):
            if (f'pose.bones["{bone.name}"].rotation_euler', axis) in driven:
                assert bone.lock_rotation[axis], bone.name
        if bone.name not in ("body_world", "root"):
            assert all(bone.lock_location)
            assert all(bone.lock_scale)
    assert tuple(rig.pose.bones["l_lowarm"].lock_rotation) == (False, True, True)
    assert rig.pose.bones["l_lowarm"].lock_ik_y
    assert tuple(rig.pose.bones["c_spine1"].lock_rotation) == (False, False, False)
    assert tuple(rig.pose.bones["c_jaw"].lock_rotation) == (False, False, False)
    assert [bone.name for bone in rig.pose.bones if SHARED_CONSTRAINT in bone.constraints] == [
        "c_spine0",
        "c_spine1",
        "c_spine2",
        "c_spine3",
    ]


def test_drivers_need_no_python(any_body: Body) -> None:
    rig, mesh = _build(any_body)
    bpy.context.view_layer.update()
    curves = [*rig.animation_data.drivers, *mesh.data.shape_keys.animation_data.drivers]
    assert len(curves) > 250
    for curve in curves:
        assert curve.driver.type == "SUM" or curve.driver.is_simple_expression, curve.data_path
        assert curve.driver.is_valid
        assert curve.is_valid


def test_constraints_are_read_where_the_bones_stand(small_body: Body) -> None:
    """An arm that follows a target is read as it stands, in MHR's parameters as far as they go."""
    rig, _ = _build(small_body)
    target = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(target)
    target.rotation_euler = (0.2, 0.4, -0.3)
    constraint = rig.pose.bones["l_uparm"].constraints.new("COPY_ROTATION")
    constraint.target = target
    bpy.context.view_layer.update()
    before = np.array(rig.pose.bones["l_wrist"].matrix)
    settings = read_settings(rig, small_body)
    rig.pose.bones["l_uparm"].constraints.remove(constraint)
    apply_settings(rig, small_body, settings)
    bpy.context.view_layer.update()
    assert np.array(rig.pose.bones["l_wrist"].matrix) == pytest.approx(before, abs=1e-5)
    assert not len(settings.beyond)


def test_what_mhr_cannot_say_is_kept_beside(small_body: Body) -> None:
    rig, _ = _build(small_body)
    rig.pose.bones["c_jaw"].rotation_euler = (0.3, 0.0, 0.0)
    rig.pose.bones["l_lowarm"].rotation_euler = (0.5, 0.2, 0.0)
    bpy.context.view_layer.update()
    heads = np.array([bone.tail for bone in rig.pose.bones])
    settings = read_settings(rig, small_body)
    moved = np.flatnonzero(np.abs(settings.beyond).max(axis=1))
    assert {small_body.joint_names[i] for i in moved} == {"c_jaw", "l_lowarm"}
    apply_parameters(rig, small_body, np.zeros(204))
    apply_settings(rig, small_body, settings)
    bpy.context.view_layer.update()
    assert np.array([bone.tail for bone in rig.pose.bones]) == pytest.approx(heads, abs=1e-6)


def test_keyed_sliders_and_bones_play(small_body: Body) -> None:
    """A slider of the spine and a bone of it, both keyed, add up on every frame."""
    rig, mesh = _build(small_body)
    key = "Spine: Bend Lower"
    for frame, value in ((1, 0.0), (11, 1.0)):
        rig[key] = value
        rig.keyframe_insert(f'["{key}"]', frame=frame)
        rig.pose.bones["c_spine1"].rotation_euler = (0.0, 0.0, 0.3 * value)
        rig.pose.bones["c_spine1"].keyframe_insert("rotation_euler", frame=frame)
    bpy.context.scene.frame_set(11)
    settings = read_settings(rig, small_body)
    assert settings.model_parameters[small_body.parameter_index("spine_bend0")] > 0.9
    assert _distance(mesh, small_body, settings) < BAR


def test_bodies_without_the_sliders_are_refused(small_body: Body) -> None:
    rig, _ = _build(small_body)
    del rig["Arms: Forearm Length"]
    with pytest.raises(Sam3dbError, match="Forearm"):
        read_settings(rig, small_body)


OPEN_AND_MOVE = """
import json, sys
import bpy
import numpy as np
bpy.ops.wm.read_factory_settings(use_empty=True)
assert not bpy.context.preferences.filepaths.use_scripts_auto_execute
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
assert not any(name.startswith(("sam3db", "native_runtime")) for name in sys.modules)
rig, mesh = bpy.data.objects["rig"], bpy.data.objects["mesh"]
for key, value in json.loads(sys.argv[2]).items():
    rig[key] = value
rig.update_tag()
evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
points = np.empty(len(evaluated.data.vertices) * 3, np.float32)
evaluated.data.vertices.foreach_get("co", points)
np.save(sys.argv[3], points.reshape(-1, 3))
"""


def test_saved_characters_move_without_the_extension(small_body: Body, tmp_path: Path) -> None:
    """Scripts not trusted, no extension, another process: the sliders still deform the character."""
    _build(small_body)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "character.blend"))
    parameters = np.zeros(204)
    values = {}
    for slider in parameter_sliders(small_body):
        values[slider.key] = 0.7 * slider.high
        parameters[slider.index] = values[slider.key] / slider.units
    identity = np.array([0.5, -0.5, 1.0])
    for slider, value in zip(identity_sliders(small_body), identity.tolist()):
        values[slider.key] = value
    script = OPEN_AND_MOVE + "import os\nos._exit(0)\n"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    blend, out = tmp_path / "character.blend", tmp_path / "out.npy"
    done = subprocess.run(
        [sys.executable, "-c", script, str(blend), json.dumps(values), str(out)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    expected = mhr_to_blender(small_body.vertices(parameters, identity, np.zeros(small_body.expression_count)))
    assert np.linalg.norm(np.load(out) - expected, axis=1).max() < BAR


def test_duplicates_stand_alone(small_body: Body) -> None:
    """A duplicated character follows its own sliders, not those of the first."""
    rig, mesh = _build(small_body)
    bpy.ops.object.select_all(action="DESELECT")
    rig.select_set(True)
    mesh.select_set(True)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.duplicate()
    twin = bpy.context.view_layer.objects.active
    twin_mesh = twin.children[0]
    twin["Legs: Thigh Length"] = 0.4
    twin["Spine: Bend Lower"] = 0.5
    twin["Body: weight"] = 1.5
    twin.update_tag()
    assert _distance(twin_mesh, small_body, read_settings(twin, small_body)) < BAR
    assert read_settings(twin, small_body).identity[0] == 1.5
    assert _distance(mesh, small_body, CharacterSettings.neutral(small_body)) < BAR


# --- as an artist reads them -----------------------------------------------------------------------------------------


def test_lengths_are_in_centimetres(small_body: Body) -> None:
    rig, mesh = _build(small_body)
    settings = CharacterSettings.neutral(small_body)
    settings.model_parameters[small_body.parameter_index("scale_shoulder_width")] = 0.2
    apply_settings(rig, small_body, settings)
    assert rig["Torso: Shoulder Width"] == pytest.approx(2.0)
    rig["Torso: Shoulder Width"] = 1.5
    rig.update_tag()
    bpy.context.view_layer.update()
    shoulders = [mhr_to_blender(small_body.pose(np.zeros(204)).translations[small_body.joint_index("l_uparm")])]
    settings.model_parameters[small_body.parameter_index("scale_shoulder_width")] = 0.15
    shoulders += [
        mhr_to_blender(small_body.pose(settings.model_parameters).translations[small_body.joint_index("l_uparm")])
    ]
    assert np.linalg.norm(shoulders[1] - shoulders[0]) == pytest.approx(0.015, abs=2e-5)
    assert np.array(rig.pose.bones["l_uparm"].head) == pytest.approx(shoulders[1], abs=1e-6)
    assert _distance(mesh, small_body, settings) < BAR
    ui = rig.id_properties_ui("Spine: Bend Lower").as_dict()
    assert ui["subtype"] == "ANGLE"


def test_numbers_do_not_drift_through_centimetres(small_body: Body, rng: np.random.Generator) -> None:
    """Read and written again any number of times, a slider stays the same to the last bit."""
    rig, _ = _build(small_body)
    sliders = parameter_sliders(small_body)
    write_sliders(rig, sliders, rng.uniform(-2, 2, len(sliders)))
    once = read_sliders(rig, sliders)
    for _ in range(3):
        write_sliders(rig, sliders, read_sliders(rig, sliders))
    assert np.array_equal(read_sliders(rig, sliders), once)


def test_characters_of_the_first_version_keep_their_units(small_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their drivers and animations hold MHR's own units: 10 cm."""
    monkeypatch.setattr(Slider, "units", property(lambda slider: 1.0, lambda slider, value: None), raising=False)
    rig, mesh = _build(small_body)
    del rig[CENTIMETRES]
    monkeypatch.undo()
    rig["Torso: Shoulder Width"] = 0.2
    rig.update_tag()
    settings = read_settings(rig, small_body)
    assert settings.model_parameters[small_body.parameter_index("scale_shoulder_width")] == pytest.approx(0.2)
    assert _distance(mesh, small_body, settings) < BAR
    settings.model_parameters[small_body.parameter_index("scale_shoulder_width")] = 0.1
    apply_settings(rig, small_body, settings)
    assert rig["Torso: Shoulder Width"] == pytest.approx(0.1)
    assert _distance(mesh, small_body, settings) < BAR


def test_the_height_follows_from_the_sliders(any_body: Body, rng: np.random.Generator) -> None:
    """As the vertices of the standing body have it, whatever the pose."""
    stature, skeleton = Stature.of(any_body), parameters_of(any_body, "skeleton")
    bound = np.minimum(np.nan_to_num(any_body.limit_max, posinf=0.0), 1.0)
    rig, _ = _build(any_body)
    for _ in range(3):
        parameters = rng.uniform(-1, 1, len(bound)) * bound * skeleton
        identity = rng.uniform(-0.5, 0.5, any_body.identity_count)
        points = any_body.vertices(parameters, identity)
        posed = parameters + np.where(skeleton, 0.0, rng.normal(0, 0.2, len(bound)))
        apply_settings(rig, any_body, CharacterSettings(posed, identity, np.zeros(any_body.expression_count)))
        assert measured(rig, RigMap.of(any_body), stature) == pytest.approx(np.ptp(points[:, 1]), abs=0.05)
