"""A copy of a character never moves with the controls of the original unasked."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.mhr import Body
from sam3db_blender.controls.copies import settle
from sam3db_blender.controls.snapping import limbs_of, snap
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.control_pose import CONTROLS, controls_of
from sam3db_blender.rig.followed import followed
from sam3db_blender.rig.pose import apply_parameters, read_settings
from sam3db_blender.rig.shared_controls import own_controls, shares_controls, sharing
from tests.support.controlled import Controlled
from tests.support.meshes import off_body

TOLERANCE = 1e-4


def _duplicate(*objects: bpy.types.Object, linked: bool = False) -> list[bpy.types.Object]:
    """As Shift+D or Alt+D do."""
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj in objects)
    bpy.context.view_layer.objects.active = objects[0]
    before = set(bpy.data.objects)
    bpy.ops.object.duplicate(linked=linked)
    return [obj for obj in bpy.data.objects if obj not in before]


def _points(mesh: bpy.types.Object) -> np.ndarray:
    return evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())


@pytest.fixture
def actor(small_body: Body) -> Controlled:
    actor = Controlled(small_body)
    chest = actor.controls.pose.bones["chest"]
    for frame, angle in ((1, 0.2), (11, 0.5)):
        chest.rotation_euler.x = angle
        chest.keyframe_insert("rotation_euler", frame=frame)
    bpy.context.scene.frame_set(6)
    return actor


@pytest.mark.parametrize("linked", [False, True])
def test_a_copy_without_controls_gets_its_own(actor: Controlled, linked: bool) -> None:
    """With the animation, so that both play as they did, and each can be changed alone."""
    copies = _duplicate(actor.rig, actor.mesh, linked=linked)
    rig = next(obj for obj in copies if obj.type == "ARMATURE")
    mesh = next(obj for obj in copies if obj.type == "MESH")
    assert sharing() == [rig]
    before = _points(mesh)
    own = own_controls(rig)
    assert own is not None
    assert controls_of(rig) == own
    assert controls_of(actor.rig) == actor.controls
    assert own.parent == rig
    bpy.context.view_layer.update()
    assert own.name in bpy.context.view_layer.objects
    assert sharing() == []
    assert own_controls(rig) is None
    assert np.abs(_points(mesh) - before).max() < 1e-6
    used = {t.id for c in own.animation_data.drivers for v in c.driver.variables for t in v.targets}
    assert used == {own, rig}
    used = {t.id for c in rig.animation_data.drivers for v in c.driver.variables for t in v.targets}
    assert used == {own, rig}

    assert own.animation_data.action != actor.controls.animation_data.action
    bpy.context.scene.frame_set(11)
    assert np.abs(_points(mesh) - _points(actor.mesh)).max() < 1e-6
    stand = actor.vertices()
    own.animation_data.action = None
    apply_parameters(rig, actor.body, np.full(204, 0.05))
    assert np.abs(actor.vertices() - stand).max() == 0.0
    found = read_settings(rig, actor.body).model_parameters
    assert off_body(mesh, actor.body, found) < TOLERANCE


def test_posing_a_copy_by_numbers_leaves_the_original(actor: Controlled) -> None:
    """Scripts need not know of any of this."""
    actor.controls.animation_data.action = None
    copies = _duplicate(actor.rig, actor.mesh)
    rig = next(obj for obj in copies if obj.type == "ARMATURE")
    mesh = next(obj for obj in copies if obj.type == "MESH")
    before = actor.vertices()
    parameters = np.full(204, 0.1)
    parameters[136:] = 0.0
    apply_parameters(rig, actor.body, parameters)
    assert np.abs(actor.vertices() - before).max() == 0.0
    assert not shares_controls(rig)
    assert off_body(mesh, actor.body, parameters) < TOLERANCE


def test_a_whole_copy_has_its_own(actor: Controlled) -> None:
    """Blender sees to that where the controls were copied, too."""
    copies = _duplicate(actor.rig, actor.mesh, actor.controls)
    controls = next(obj for obj in copies if obj.get(CONTROLS))
    rig = next(obj for obj in copies if obj.type == "ARMATURE" and obj != controls)
    assert followed(rig) == controls
    assert sharing() == []
    before = actor.vertices()
    controls.animation_data.action = None
    controls["arm_ik.L"] = 1.0
    controls.pose.bones["hips"].location.z = 0.3
    snap(rig, actor.body, limbs_of(actor.body), True)
    assert np.abs(actor.vertices() - before).max() == 0.0


def test_controls_whose_parent_was_changed_are_still_shared_by_nobody(actor: Controlled) -> None:
    actor.controls.parent = None
    assert sharing() == []
    _duplicate(actor.rig)
    assert len(sharing()) == 1
    assert sharing() != [actor.rig]


def test_two_overrides_have_their_own(actor: Controlled, tmp_path: Path) -> None:
    group = bpy.data.collections.new("group")
    bpy.context.scene.collection.children.link(group)
    for obj in (actor.rig, actor.mesh, actor.controls):
        group.objects.link(obj)
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(path), link=True) as (_, wanted):
        wanted.collections = ["group"]
    scene, layer = bpy.context.scene, bpy.context.view_layer
    made = [wanted.collections[0].override_hierarchy_create(scene, layer, do_fully_editable=True) for _ in range(2)]
    rigs = [next(o for o in one.objects if o.name.startswith("A Rig")) for one in made]
    controls = [followed(rig) for rig in rigs]
    assert controls[0] != controls[1]
    assert sharing() == []


def test_an_appended_character_brings_its_own(actor: Controlled, tmp_path: Path) -> None:
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for _ in range(2):
        with bpy.data.libraries.load(str(path), link=False) as (_, wanted):
            wanted.objects = ["A Rig", "A Body"]
        for obj in wanted.objects:
            bpy.context.scene.collection.objects.link(obj)
    rigs = [obj for obj in bpy.data.objects if obj.type == "ARMATURE" and not obj.get(CONTROLS)]
    found = [followed(rig) for rig in rigs]
    assert len(rigs) == 2
    assert None not in found
    assert len(set(found)) == 2
    assert sharing() == []
    told = settle()
    assert len(told) == 2
    assert all(controls.users_collection for controls in found)
    assert settle() == []


def test_a_file_is_saved_with_own_controls(actor: Controlled, tmp_path: Path) -> None:
    """Where no timer runs, as in scripts; with the extension only."""
    _duplicate(actor.rig, actor.mesh)
    sam3db_blender.register()
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    finally:
        sam3db_blender.unregister()
    assert sharing() == []
    assert len([obj for obj in bpy.data.objects if obj.get(CONTROLS)]) == 2


def test_a_copy_is_told_of(actor: Controlled) -> None:
    _duplicate(actor.rig, actor.mesh)
    assert settle() == ["'A Rig.001' is a copy: it moves by controls of its own now, 'A Rig.001 Controls'."]
