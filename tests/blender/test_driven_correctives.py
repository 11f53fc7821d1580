"""Pose correctives that follow the bones by drivers."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
import pytest

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.parts import PARTS
from native_runtime.characters.presets import randomise
from native_runtime.characters.settings import CharacterSettings
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.exports.snapshot import read_joints, read_piece
from sam3db_blender.rig import resting
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.correctives import bake_pose, bake_range
from sam3db_blender.rig.driven import DRIVEN_PREFIX, has_driven_correctives
from sam3db_blender.rig.pose import apply_settings, read_settings
from sam3db_blender.scene import live
from sam3db_blender.scene.belongings import belongings_of
from sam3db_blender.scene.character import Character, build_character
from sam3db_blender.scene.levels import switch_level
from tests.support.bodies import aged
from tests.support.correctives import limb_correctives
from tests.support.estimates import neutral_estimate

BAR = 1e-4  # m


@pytest.fixture(scope="module")
def body(small_body: Body) -> Body:
    return replace(small_body, name="bending", correctives=limb_correctives(small_body))


@pytest.fixture
def character(body: Body, blender_factory: None) -> Character:
    return _character(body)


def _character(body: Body) -> Character:
    materials = [bpy.data.materials.new(name) for name in body.material_names]
    made = build_character("somebody", neutral_estimate(body), body, materials, bpy.context.scene.collection)
    bpy.context.view_layer.objects.active = made.rig
    return made


def _random(body: Body, seed: int) -> CharacterSettings:
    return randomise(body, CharacterSettings.neutral(body), PARTS, np.random.default_rng(seed), 0.8)


def _error(character: Character, body: Body, correctives: bool = True) -> float:
    """Distance (m) of the evaluated mesh from the body's for the character as it stands."""
    found = evaluated_vertices(character.mesh, bpy.context.evaluated_depsgraph_get())
    now = read_settings(character.rig, body)
    expected = body.vertices(now.model_parameters, now.identity, now.expression, correctives=correctives)
    return float(np.linalg.norm(found - mhr_to_blender(expected), axis=1).max())


def test_the_mesh_is_the_bodys_in_every_pose(character: Character, body: Body) -> None:
    drivers = [c.driver for c in character.mesh.data.shape_keys.animation_data.drivers if "Corrective" in c.data_path]
    assert body.correctives is not None
    assert len(drivers) == body.correctives.component_count
    assert all(driver.is_simple_expression for driver in drivers)  # runs where scripts are not trusted
    for seed in range(6):
        apply_settings(character.rig, body, _random(body, seed))
        assert _error(character, body) < BAR
        assert _error(character, body, correctives=False) > 1e-3


def test_they_are_a_childs_on_a_child(body: Body, blender_factory: None) -> None:
    young = replace(aged(body), name="bending young")
    assert young.corrective_sizes[-1] < -0.2
    character = _character(young)
    keys = character.mesh.data.shape_keys
    drivers = [c.driver for c in keys.animation_data.drivers if "Corrective" in c.data_path]
    assert drivers
    assert all(driver.is_simple_expression for driver in drivers)
    settings = _random(young, 1)
    for childhood in (0.0, 0.6, 1.0):
        identity = settings.identity.copy()
        identity[-1] = childhood
        apply_settings(character.rig, young, replace(settings, identity=identity))
        assert _error(character, young) < BAR
        assert _error(character, young, correctives=False) > 5e-4


def test_constraints_count_as_the_bones_own_channels_do(character: Character, body: Body) -> None:
    leader = bpy.data.objects.new("leader", None)
    bpy.context.scene.collection.objects.link(leader)
    leader.rotation_euler = (0.6, -0.8, 1.1)
    constraint = character.rig.pose.bones["l_lowarm"].constraints.new("COPY_ROTATION")
    constraint.target = leader
    bpy.context.view_layer.update()
    name = next(k.name for k in character.mesh.data.shape_keys.key_blocks if k.name.startswith("Corrective l_lowarm"))
    keys = character.mesh.data.shape_keys
    before = keys.evaluated_get(bpy.context.evaluated_depsgraph_get()).key_blocks[name].value
    leader.rotation_euler = (0.6, 0.9, -1.4)
    bpy.context.view_layer.update()
    after = keys.evaluated_get(bpy.context.evaluated_depsgraph_get()).key_blocks[name].value
    assert before != after
    assert not resting.may_rest(character.rig)


def test_they_rest_and_wake_with_the_other_drivers(character: Character, body: Body) -> None:
    apply_settings(character.rig, body, _random(body, 1))
    assert resting.may_rest(character.rig)
    resting.rest(character.rig)
    assert _error(character, body) < BAR
    assert not resting.stirred(character.rig)
    character.rig.pose.bones["l_lowarm"].rotation_euler[0] += 0.8
    assert resting.stirred(character.rig)
    resting.wake(character.rig)
    bpy.context.view_layer.update()
    assert _error(character, body) < BAR


def test_others_are_not_added_to_them(character: Character, body: Body) -> None:
    assert has_driven_correctives(character.mesh)
    for act in (
        lambda: bake_pose(character.rig, character.mesh, body),
        lambda: bake_range(character.rig, character.mesh, body, [1, 2], tolerance_mm=0.1),
        lambda: live.switch(character.rig, True),
    ):
        with pytest.raises(Sam3dbError, match="follow the pose already"):
            act()
    assert not live.is_live(character.rig)


def test_another_level_has_its_own(character: Character, body: Body) -> None:
    apply_settings(character.rig, body, _random(body, 2))
    other = replace(body, name="bending-lod1", correctives=limb_correctives(body, seed=9))
    assert switch_level(character.rig, character.mesh, other) == []
    bpy.context.view_layer.update()
    assert _error(character, other) < BAR
    assert _error(character, body) > 1e-3


def test_exports_know_them_as_corrections(character: Character, body: Body) -> None:
    apply_settings(character.rig, body, _random(body, 3))
    depsgraph = bpy.context.evaluated_depsgraph_get()
    joints = read_joints(character.rig, depsgraph)
    (mesh,), _ = belongings_of(character.rig, [character.mesh])
    piece = read_piece(mesh, character.rig, joints, depsgraph)
    assert body.correctives is not None
    assert len(piece.skin.corrections) == body.correctives.component_count
    assert any(key.value > 0.1 for key in piece.skin.corrections)
    assert not any(key.name.startswith(DRIVEN_PREFIX) for key in piece.skin.keys)
