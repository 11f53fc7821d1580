"""Characters that nobody works on cost other work nothing, and still do all that they can."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.mhr import Body
from sam3db_blender.controls.build import build_controls
from sam3db_blender.rig import resting as resting_rigs
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import apply_parameters
from sam3db_blender.rig.resting import is_resting
from sam3db_blender.scene import idle
from tests.support.photo_scenes import photo_scene


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def _drivers(rig: bpy.types.Object) -> list[tuple[Any, ...]]:
    """All that the drivers of a character say."""
    mesh = next(child for child in rig.children if child.type == "MESH")
    said = []
    for owner in (rig, mesh.data.shape_keys):
        for curve in owner.animation_data.drivers if owner.animation_data else ():
            variables = [(v.name, v.targets[0].id.name, v.targets[0].data_path) for v in curve.driver.variables]
            said.append((curve.data_path, curve.array_index, curve.driver.type, curve.driver.expression, *variables))
    return sorted(said)


def _points(rig: bpy.types.Object) -> np.ndarray:
    bpy.context.view_layer.update()
    mesh = next(child for child in rig.children if child.type == "MESH")
    return evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())


@pytest.fixture
def resting(small_body: Body) -> bpy.types.Object:
    """A character that rests; another one is worked on."""
    rig = photo_scene(small_body).characters[0].rig
    photo_scene(small_body)
    assert idle.rest_idle(bpy.context) == 1
    assert is_resting(rig)
    return rig


def test_an_idle_character_adds_hardly_more_to_blender_s_graph_than_a_plain_one(small_body: Body) -> None:
    """A driver is a part of the graph that every operator has Blender build again: none may be left."""
    rigs = [photo_scene(small_body).characters[0].rig for _ in range(4)]
    bpy.ops.object.select_all(action="DESELECT")
    bpy.ops.object.empty_add()
    assert idle.rest_idle(bpy.context) == 4
    assert all(_drivers(rig) == [] for rig in rigs)
    bpy.context.view_layer.update()
    names = {obj.name for obj in bpy.context.evaluated_depsgraph_get().ids if isinstance(obj, bpy.types.Object)}
    assert not any("Drivers" in name for name in names)


def test_a_character_looks_the_same_at_rest(small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    for key in ("Body: weight", "Face: jawOpen"):
        if key in rig:
            rig[key] = 0.7
    rig.update_tag()
    before = _points(rig)
    photo_scene(small_body)
    assert idle.rest_idle(bpy.context) == 1
    assert _points(rig) == pytest.approx(before, abs=1e-7)


@pytest.mark.parametrize("kind", ["shape", "skeleton", "twist"])
def test_whatever_is_moved_wakes_it_at_once(resting: bpy.types.Object, small_body: Body, kind: str) -> None:
    awake = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE" and obj != resting)

    def move(rig: bpy.types.Object) -> None:
        if kind == "twist":
            rig.pose.bones["l_wrist_twist"].rotation_euler = (0.3, 0.2, 0.1)
        else:
            prefix = {"shape": "Body: ", "skeleton": "Arms: "}[kind]
            rig[next(key for key in sorted(rig.keys()) if key.startswith(prefix))] = 0.8
        rig.update_tag()

    # both are of one body and pose: moved in the same way they differ by their places alone
    away = np.array(awake.location) - np.array(resting.location)
    before = _points(resting)
    move(resting)
    move(awake)
    moved = _points(resting)
    assert np.abs(moved - before).max() > 1e-3
    assert _points(awake) - away == pytest.approx(moved, abs=1e-5)
    assert not is_resting(resting)


@pytest.mark.parametrize("moved", ["control", "switch", "slider"])
def test_a_character_with_controls_rests_and_wakes(small_body: Body, moved: str) -> None:
    rig = photo_scene(small_body).characters[0].rig
    controls = build_controls(rig, small_body)
    photo_scene(small_body)
    bpy.ops.object.select_all(action="DESELECT")
    before = _points(rig)
    drivers = len(controls.animation_data.drivers)
    assert idle.rest_idle(bpy.context) >= 1
    assert is_resting(rig)
    assert controls.animation_data is None
    assert _points(rig) == pytest.approx(before, abs=1e-6)
    if moved == "control":
        controls.pose.bones["thigh_fk.L"].rotation_euler[0] += 0.3
        controls.update_tag()
    elif moved == "switch":
        controls.pose.bones["foot_ik.L"].location[2] += 0.03  # IK is not in use; it is as soon as it is chosen
        controls["leg_ik.L"] = 1.0
        controls.update_tag()
    else:
        rig[next(key for key in sorted(rig.keys()) if key.startswith("Arms: "))] = 0.8
        rig.update_tag()
    assert np.abs(_points(rig) - before).max() > 1e-3
    assert not is_resting(rig)
    assert len(controls.animation_data.drivers) == drivers
    there = {obj.name for obj in bpy.data.objects if "Drivers" in obj.name}
    assert not any(rig.name in name or controls.name in name for name in there)


def test_it_wakes_with_the_very_drivers_that_it_had(resting: bpy.types.Object) -> None:
    awake = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE" and obj != resting)
    resting_rigs.wake_all()
    found = [tuple(str(part) for part in said) for said in _drivers(resting)]
    assert len(found) > 200
    assert found == _as_text(awake, resting.name)
    assert not any(obj.name.endswith("Drivers") for obj in bpy.data.objects)


def _as_text(rig: bpy.types.Object, name: str) -> list[tuple[str, ...]]:
    return [tuple(str(part).replace(rig.name, name) for part in said) for said in _drivers(rig)]


def test_an_inferred_pose_arrives_at_a_resting_character(resting: bpy.types.Object, small_body: Body) -> None:
    parameters = np.random.default_rng(3).normal(0, 0.2, 204)
    parameters[:3] = 0.0
    apply_parameters(resting, small_body, parameters)
    posed = _points(resting)
    resting_rigs.wake_all()
    assert _points(resting) == pytest.approx(posed, abs=1e-5)


def test_files_hold_characters_that_are_awake(resting: bpy.types.Object, tmp_path: Path) -> None:
    name, count = (
        resting.name,
        len(_drivers(next(o for o in bpy.data.objects if o.type == "ARMATURE" and o != resting))),
    )
    file = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    assert is_resting(resting)  # again, once the file was written
    idle.detach()
    bpy.ops.wm.open_mainfile(filepath=str(file))
    opened = bpy.data.objects[name]
    assert not is_resting(opened)
    assert len(_drivers(opened)) == count
    idle.attach()


def test_what_plays_or_is_worked_on_does_not_rest(small_body: Body) -> None:
    played = photo_scene(small_body).characters[0].rig
    played.pose.bones["l_wrist"].keyframe_insert("rotation_euler", frame=1)
    driven = photo_scene(small_body).characters[0].rig
    key = next(key for key in sorted(driven.keys()) if key.startswith("Body: "))
    driven.driver_add(f'["{key}"]')
    photo_scene(small_body)  # active
    assert idle.rest_idle(bpy.context) == 0


def test_disabling_the_extension_wakes_everybody(resting: bpy.types.Object) -> None:
    idle.detach()
    assert not is_resting(resting)
    assert _drivers(resting)
    idle.attach()


def test_a_copy_of_a_resting_character_has_drivers_of_its_own(resting: bpy.types.Object) -> None:
    copy = resting.copy()
    mesh = next(child for child in resting.children if child.type == "MESH").copy()
    mesh.data = mesh.data.copy()
    mesh.parent = copy
    for obj in (copy, mesh):
        bpy.context.scene.collection.objects.link(obj)
    resting_rigs.wake_all()
    assert len(_drivers(copy)) == len(_drivers(resting)) > 200
    targets = {v.targets[0].id for curve in copy.animation_data.drivers for v in curve.driver.variables}
    assert targets == {copy}


@pytest.mark.parametrize("rendered", [False, True])
def test_an_action_that_it_gets_at_rest_moves_all_of_it(
    resting: bpy.types.Object, rendered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = next(key for key in sorted(resting.keys()) if key.startswith("Body: "))
    action = bpy.data.actions.new("grows")
    awake = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE" and obj != resting)
    awake.animation_data.action = action
    for frame, value in ((1, 0.0), (20, 1.0)):
        awake[key] = value
        awake.keyframe_insert(f'["{key}"]', frame=frame)
    if rendered:  # no update of the scene between the action and its frames
        monkeypatch.setattr(resting_rigs, "stirred", lambda rig: False)
    resting.animation_data_create().action = action
    if hasattr(awake.animation_data, "action_slot"):
        resting.animation_data.action_slot = awake.animation_data.action_slot
    bpy.context.scene.frame_set(1)
    before = _points(resting)
    bpy.context.scene.frame_set(20)
    assert np.abs(_points(resting) - before).max() > 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_undoing_and_redoing_lose_no_driver(small_body: Body, seed: int) -> None:
    """Resting is no step of undoing, which reads some data-blocks back and leaves others as they are."""
    names = [photo_scene(small_body).characters[0].rig.name for _ in range(3)]
    bpy.ops.object.select_all(action="DESELECT")
    bpy.ops.mesh.primitive_cube_add()
    whole = {name: _drivers(bpy.data.objects[name]) for name in names}
    bpy.ops.ed.undo_push(message="Begin")
    dice = random.Random(seed)

    def select(name: str) -> None:
        bpy.ops.object.select_all(action="DESELECT")
        bpy.context.view_layer.objects.active = bpy.data.objects[name]
        bpy.data.objects[name].select_set(True)
        bpy.ops.ed.undo_push(message="Select")

    def slide(name: str) -> None:
        rig = bpy.data.objects[name]
        rig[next(key for key in sorted(rig.keys()) if key.startswith("Body: "))] = dice.random()
        rig.update_tag()
        bpy.context.view_layer.update()
        bpy.ops.ed.undo_push(message="Slide")

    def sculpt(name: str) -> None:
        mesh = next(child for child in bpy.data.objects[name].children if child.type == "MESH")
        mesh.data.shape_keys.key_blocks[1].data[0].co.x += 0.01
        bpy.ops.ed.undo_push(message="Sculpt")

    for _ in range(60):
        name = dice.choice(names)
        act = dice.choice(("rest", "rest one", "undo", "undo", "redo", "select", "cube", "slide", "sculpt", "wake"))
        if act in ("undo", "redo") and getattr(bpy.ops.ed, act).poll():
            with contextlib.suppress(RuntimeError):  # nothing left to undo
                getattr(bpy.ops.ed, act)()
        elif act.startswith("rest"):
            idle.rest_idle(bpy.context, 1 if act == "rest one" else None)
        elif act == "wake":
            resting_rigs.wake_all()
        elif act == "cube":
            select("Cube")
        elif act in ("select", "slide", "sculpt"):
            {"select": select, "slide": slide, "sculpt": sculpt}[act](name)
        bpy.context.view_layer.update()
        for rig in (bpy.data.objects[name] for name in names):
            assert is_resting(rig) == (_drivers(rig) == [])
    resting_rigs.wake_all()
    assert {name: _drivers(bpy.data.objects[name]) for name in names} == whole
    assert not any(obj.name.endswith("Drivers") for obj in bpy.data.objects)
