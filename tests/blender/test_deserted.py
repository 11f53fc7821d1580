"""Controls that were deleted by hand, all or some: nothing of the character stays dead, nothing moves unasked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.camera import intrinsics_for
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models import manifest
from sam3db_blender import places
from sam3db_blender.controls.build import build_controls, remove_controls
from sam3db_blender.controls.renewal import renew_controls
from sam3db_blender.controls.snapping import limbs_of, snap
from sam3db_blender.rig.control_pose import controls_of
from sam3db_blender.rig.pose import apply_parameters, read_settings
from sam3db_blender.rig.releasing import is_deserted, release_deserted
from sam3db_blender.rig.shared_controls import shares_controls
from sam3db_blender.scene.provenance import write_origin
from tests.support.controlled import Controlled, random_parameters
from tests.support.meshes import off_body

TOLERANCE = 1e-4
SIZE = (320, 240)


@pytest.fixture
def actor(small_body: Body, rng: np.random.Generator) -> Controlled:
    """A character whose limbs are twisted."""
    actor = Controlled(small_body)
    apply_parameters(actor.rig, small_body, random_parameters(small_body, rng))
    return actor


def _dead(rig: bpy.types.Object) -> list[str]:
    """The drivers of a rig that read something that is gone."""
    animation = rig.animation_data
    curves = [] if animation is None else animation.drivers
    return [c.data_path for c in curves if any(t.id is None for v in c.driver.variables for t in v.targets)]


def test_posing_by_numbers_lets_go_of_deleted_controls(actor: Controlled, rng: np.random.Generator) -> None:
    """Also where no extension is switched on."""
    bpy.data.objects.remove(actor.controls)
    assert is_deserted(actor.rig)
    assert _dead(actor.rig)
    for parameters in (random_parameters(actor.body, rng) for _ in range(2)):
        apply_parameters(actor.rig, actor.body, parameters)
        assert actor.error(parameters) < TOLERANCE
    assert not is_deserted(actor.rig)
    assert not _dead(actor.rig)
    assert not release_deserted(actor.rig, actor.body)
    actor.controls = build_controls(actor.rig, actor.body)
    assert actor.error(parameters) < TOLERANCE


@pytest.fixture
def added(actor: Controlled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controlled]:
    """The same with the extension, among whose models the body is."""
    bodies = tmp_path / "models" / "bodies"
    bodies.mkdir(parents=True)
    actor.body.save(bodies / "small.npz")
    manifest.write(bodies, {"small.npz": manifest.describe(bodies / "small.npz")})
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    state = PlacedState(
        read_settings(actor.rig, actor.body).model_parameters,
        np.zeros(actor.body.identity_count),
        np.zeros(actor.body.expression_count),
        np.array([0.0, 1.0, 4.0]),
    )
    estimate = Estimate.from_state(
        actor.body,
        state,
        intrinsics_for(SIZE, focal_px=300.0),
        image_size=np.array(SIZE),
        bbox=np.array([10.0, 20, 200, 230]),
        engine="landmarks",
        photo="photo.jpg",
        person=0,
    )
    write_origin(actor.rig, estimate)
    sam3db_blender.register()
    yield actor
    sam3db_blender.unregister()


def _activate(obj: bpy.types.Object) -> None:
    for other in bpy.context.view_layer.objects:
        other.select_set(other == obj)
    bpy.context.view_layer.objects.active = obj


def _found() -> tuple[bpy.types.Object, bpy.types.Object]:
    """Rig and mesh; undoing and opening files make new objects of them."""
    return bpy.data.objects["A Rig"], bpy.data.objects["A Body"]


def _off(body: Body) -> float:
    rig, mesh = _found()
    bpy.context.view_layer.update()
    return off_body(mesh, body, read_settings(rig, body).model_parameters)


@pytest.mark.parametrize("by_operator", [True, False])
def test_deleting_the_controls_lets_the_character_go(added: Controlled, by_operator: bool, tmp_path: Path) -> None:
    """It stands by its last numbers, now and in the file."""
    before = added.vertices()
    if by_operator:
        _activate(added.controls)
        bpy.ops.object.delete()
    else:
        bpy.data.objects.remove(added.controls)
    bpy.context.view_layer.update()
    assert not is_deserted(added.rig)
    assert not _dead(added.rig)
    assert np.abs(added.vertices() - before).max() < TOLERANCE
    path = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert _off(added.body) < TOLERANCE
    _activate(_found()[0])
    assert bpy.ops.sam3db.randomise_character(seed=2, parts={"pose"}) == {"FINISHED"}
    assert _off(added.body) < TOLERANCE


def test_a_file_that_was_saved_without_the_extension_is_mended(added: Controlled, tmp_path: Path) -> None:
    sam3db_blender.unregister()
    bpy.data.objects.remove(added.controls)
    path = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert _dead(_found()[0])
    sam3db_blender.register()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert not is_deserted(_found()[0])
    assert not _dead(_found()[0])
    assert _off(added.body) < TOLERANCE


def test_undoing_the_deletion_brings_working_controls_back(added: Controlled) -> None:
    before = added.vertices()
    _activate(added.controls)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.object.delete()
    bpy.ops.ed.undo_push(message="deleted")
    for _ in range(2):
        bpy.context.view_layer.update()
        assert not is_deserted(_found()[0])
        bpy.ops.ed.undo()
        added.rig, added.mesh = _found()
        found = controls_of(added.rig)
        assert found is not None
        assert np.abs(added.vertices() - before).max() < TOLERANCE
        found.pose.bones["hand_fk.L"].rotation_euler[1] += 0.7
        found.update_tag()
        assert np.abs(added.vertices() - before).max() > 1e-2
        assert _off(added.body) < TOLERANCE
        bpy.ops.ed.redo()
        added.rig, added.mesh = _found()
        assert controls_of(added.rig) is None
        assert not _dead(added.rig)
        assert np.abs(added.vertices() - before).max() < TOLERANCE


def test_a_linked_character_is_left_alone(actor: Controlled, tmp_path: Path) -> None:
    bpy.data.objects.remove(actor.controls)
    path = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.objects = ["A Rig"]
    assert not is_deserted(wanted.objects[0])


def _delete_bones(controls: bpy.types.Object, *names: str) -> None:
    _activate(controls)
    bpy.ops.object.mode_set(mode="EDIT")
    for name in names:
        controls.data.edit_bones.remove(controls.data.edit_bones[name])
    bpy.ops.object.mode_set(mode="OBJECT")


def test_deleted_controls_are_named_and_come_back(actor: Controlled) -> None:
    _delete_bones(actor.controls, "f_index.L", "hand_ik.L")
    before = actor.vertices()
    limbs = limbs_of(actor.body)
    with pytest.raises(Sam3dbError, match=r"lost hand_ik\.L: press Remove Controls, then Add Controls"):
        snap(actor.rig, actor.body, limbs, True)
    with pytest.raises(Sam3dbError, match=r"lost .*f_index\.L.*: press Remove Controls, then Add Controls"):
        renew_controls(actor.rig, actor.body)
    assert np.abs(actor.vertices() - before).max() == 0.0
    assert actor.controls["leg_ik.L"] == 0.0
    snap(actor.rig, actor.body, limbs_of(actor.body, ["leg_ik.L"]), True)  # which has all that it needs
    assert np.abs(actor.vertices() - before).max() < TOLERANCE
    remove_controls(actor.rig, actor.body)
    actor.controls = build_controls(actor.rig, actor.body)
    assert not renew_controls(actor.rig, actor.body)
    snap(actor.rig, actor.body, limbs, True)
    assert np.abs(actor.vertices() - before).max() < TOLERANCE


@pytest.mark.parametrize("renew", [False, True])
def test_snapping_or_updating_a_copy_leaves_the_original(actor: Controlled, renew: bool) -> None:
    _activate(actor.rig)
    actor.mesh.select_set(True)
    bpy.ops.object.duplicate()
    copy = bpy.data.objects["A Rig.001"]
    assert shares_controls(copy)
    if renew:
        renew_controls(copy, actor.body)
    else:
        snap(copy, actor.body, limbs_of(actor.body), True)
        assert actor.controls["arm_ik.L"] == 0.0
        assert controls_of(copy)["arm_ik.L"] == 1.0
    assert not shares_controls(copy)
    assert controls_of(actor.rig) == actor.controls
