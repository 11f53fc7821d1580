"""Pose correctives in Blender: one pose, a range of frames, and live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.camera import mhr_to_blender
from native_runtime.characters.parts import PARTS
from native_runtime.characters.presets import randomise
from native_runtime.characters.settings import CharacterSettings
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.mhr.correctives import PoseCorrectives
from native_runtime.models import manifest
from native_runtime.wearables.wearable import Wearable, from_faces
from sam3db_blender import compat, places
from sam3db_blender.operators.correctives import TOLERANCE_MM
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.correctives import PREFIX, bake_pose, bake_range, remove
from sam3db_blender.rig.pose import apply_settings, read_settings
from sam3db_blender.scene import live
from sam3db_blender.scene.character import Character, build_character
from sam3db_blender.scene.live import LiveCorrectives, Throttle
from sam3db_blender.wearables.attaching import put_on
from tests.support.estimates import neutral_estimate

BAR = 5e-5  # m


@pytest.fixture(scope="module")
def body(small_body: Body) -> Body:
    """The small body with a made-up corrective network: sparse, as MHR's, each component near one joint."""
    rng = np.random.default_rng(3)
    joints = np.arange(2, 127)
    activation = np.zeros((250, 125 * 6), np.float32)
    basis = np.zeros((250, small_body.vertex_count, 3), np.float32)
    for component in range(250):
        joint = joints[component % 125]
        activation[component, (joint - 2) * 6 : (joint - 1) * 6] = rng.normal(0, 1, 6)
        basis[component, joint * 6 : joint * 6 + 6] = rng.normal(0, 0.4, (6, 3))
    return replace(small_body, name="corrected", correctives=PoseCorrectives.from_dense(activation, basis))


def _character(body: Body) -> Character:
    estimate = neutral_estimate(body)
    materials = [bpy.data.materials.new(name) for name in body.material_names]
    character = build_character("somebody", estimate, body, materials, bpy.context.scene.collection)
    bpy.context.view_layer.objects.active = character.rig
    return character


def _dressed(character: Character, body: Body) -> bpy.types.Object:
    """What the character wears from now on: every second face, 2 mm away."""
    return put_on(character.rig, character.mesh, body, _every_second(body))


def _every_second(body: Body) -> Wearable:
    faces = np.arange(len(body.face_sizes)) % 2 == 0
    return from_faces(body, "Top", "top", faces, np.full((body.vertex_count, 3), 0.2))


def _worn_error(worn: bpy.types.Object, character: Character, body: Body) -> float:
    found = evaluated_vertices(worn, bpy.context.evaluated_depsgraph_get())
    settings = read_settings(character.rig, body)
    on = _every_second(body).on(body)
    expected = on.vertices(settings.model_parameters, settings.identity, settings.expression)
    return float(np.linalg.norm(found - mhr_to_blender(expected), axis=1).max())


def test_what_is_worn_gets_the_corrections_of_the_body(body: Body) -> None:
    character = _character(body)
    worn = _dressed(character, body)
    apply_settings(character.rig, body, _random(body, 1))
    assert _worn_error(worn, character, body) > 1e-3
    bake_pose(character.rig, character.mesh, body)
    assert _worn_error(worn, character, body) < BAR
    later = _dressed(character, body)
    assert _worn_error(later, character, body) < BAR, "also what is put on afterwards"
    remove(character.mesh)
    assert not [key for key in worn.data.shape_keys.key_blocks if key.name.startswith(PREFIX)]


def test_what_is_worn_follows_the_corrections_of_an_animation(body: Body) -> None:
    character = _character(body)
    worn = _dressed(character, body)
    for frame, seed in ((1, 1), (5, 2)):
        apply_settings(character.rig, body, _random(body, seed))
        for bone in character.rig.pose.bones:
            bone.keyframe_insert("rotation_euler", frame=frame)
            bone.keyframe_insert("location", frame=frame)
    bake_range(character.rig, character.mesh, body, range(1, 6), TOLERANCE_MM)
    for frame in (1, 3, 5):
        bpy.context.scene.frame_set(frame)
        assert _worn_error(worn, character, body) < 2 * TOLERANCE_MM / 1000


def _random(body: Body, seed: int) -> CharacterSettings:
    rng = np.random.default_rng(seed)
    return randomise(body, CharacterSettings.neutral(body), PARTS, rng, 0.8)


def _error(character: Character, body: Body) -> float:
    """Distance (m) of the evaluated mesh from the body with its correctives, for the character as it stands."""
    found = evaluated_vertices(character.mesh, bpy.context.evaluated_depsgraph_get())
    settings = read_settings(character.rig, body)
    expected = body.vertices(settings.model_parameters, settings.identity, settings.expression)
    return float(np.linalg.norm(found - mhr_to_blender(expected), axis=1).max())


def test_one_pose(body: Body) -> None:
    character = _character(body)
    apply_settings(character.rig, body, _random(body, 1))
    assert _error(character, body) > 1e-3
    bake_pose(character.rig, character.mesh, body)
    assert _error(character, body) < BAR
    # again, for another pose, in the same key
    apply_settings(character.rig, body, _random(body, 2))
    bake_pose(character.rig, character.mesh, body)
    assert _error(character, body) < BAR
    assert sum(key.name.startswith(PREFIX) for key in character.mesh.data.shape_keys.key_blocks) == 1
    assert remove(character.mesh) == 1
    assert remove(character.mesh) == 0


def _animate(character: Character, body: Body, frames: int) -> None:
    start, end = _random(body, 1).model_parameters, _random(body, 2).model_parameters
    neutral = CharacterSettings.neutral(body)
    for frame in range(1, frames + 1):
        share = (frame - 1) / (frames - 1)
        apply_settings(character.rig, body, replace(neutral, model_parameters=(1 - share) * start + share * end))
        for bone in character.rig.pose.bones:
            bone.keyframe_insert("rotation_euler", frame=frame)


def test_a_range_of_frames(body: Body) -> None:
    character = _character(body)
    _animate(character, body, 12)
    bake_pose(character.rig, character.mesh, body)
    bpy.context.scene.frame_set(4)
    count = bake_range(character.rig, character.mesh, body, range(1, 13), tolerance_mm=0.02)
    assert 1 <= count <= 12
    assert bpy.context.scene.frame_current == 4
    keys = [key.name for key in character.mesh.data.shape_keys.key_blocks if key.name.startswith(PREFIX)]
    assert len(keys) == count
    for frame in (1, 4, 9, 12):
        bpy.context.scene.frame_set(frame)
        assert _error(character, body) < BAR, frame
    # coarser is smaller
    fewer = bake_range(character.rig, character.mesh, body, range(1, 13), tolerance_mm=1.0)
    assert 1 <= fewer < count
    bpy.context.scene.frame_set(6)
    assert _error(character, body) < 1.05e-3
    remove(character.mesh)
    assert not list(compat.animation_curves(character.mesh.data.shape_keys))
    assert not any(key.name.startswith(PREFIX) for key in character.mesh.data.shape_keys.key_blocks)


def test_bodies_without_correctives_say_so(small_body: Body) -> None:
    character = _character(small_body)
    with pytest.raises(Sam3dbError, match="no pose correctives"):
        bake_pose(character.rig, character.mesh, small_body)
    with pytest.raises(Sam3dbError, match="frame range is empty"):
        bake_range(character.rig, character.mesh, small_body, [], TOLERANCE_MM)


# --- live ------------------------------------------------------------------------------------------------------------


def test_throttle() -> None:
    throttle = Throttle(quiet=0.1, share=0.25)
    assert not throttle.due(0.0)
    throttle.mark(0.0)
    assert throttle.due(0.0)  # the first change of a drag shows at once
    throttle.finished(0.06, 0.06)
    assert not throttle.due(1.0)
    # while a drag goes on, the work takes a quarter of the time
    runs = 0
    for step in range(100):
        now = 0.06 + 0.01 * (step + 1)
        throttle.mark(now)
        if throttle.due(now):
            throttle.finished(now, 0.06)
            runs += 1
    assert runs == 4
    # and when it ends, the last pose is not forgotten
    throttle.mark(2.0)
    throttle.finished(2.0, 10.0)
    throttle.mark(2.01)
    assert not throttle.due(2.05)
    assert throttle.due(2.12)


@pytest.fixture
def add_on(body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    bodies = tmp_path / "models" / "bodies"
    bodies.mkdir(parents=True)
    body.save(bodies / "corrected.npz")
    manifest.write(bodies, {"corrected.npz": manifest.describe(bodies / "corrected.npz")})
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def test_live_follows_the_pose(add_on: None, body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    follower = LiveCorrectives(clock=lambda: now[0])
    monkeypatch.setattr(live, "live", follower)
    character = _character(body)
    bpy.ops.sam3db.live_correctives(on=True)
    assert live.is_live(character.rig)
    character.rig.pose.bones["l_lowarm"].rotation_euler[0] = 1.2
    bpy.context.view_layer.update()
    assert _error(character, body) > 1e-3
    now[0] = 1.0
    assert follower.tick() == 1
    bpy.context.view_layer.update()
    assert _error(character, body) < BAR
    # its own writing is no change of the pose: nothing goes round in circles
    now[0] = 2.0
    assert follower.tick() == 0
    # moving the object is none either
    character.rig.location.x = 1.0
    bpy.context.view_layer.update()
    now[0] = 3.0
    assert follower.tick() == 0
    bpy.ops.sam3db.live_correctives(on=False)
    character.rig.pose.bones["l_lowarm"].rotation_euler[0] = 0.2
    bpy.context.view_layer.update()
    now[0] = 4.0
    assert follower.tick() == 0


def test_live_follows_frames_and_undo(add_on: None, body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    follower = LiveCorrectives(clock=lambda: now[0])
    monkeypatch.setattr(live, "live", follower)
    character = _character(body)
    _animate(character, body, 5)
    bpy.ops.sam3db.live_correctives(on=True)
    bpy.context.scene.frame_set(3)
    now[0] = 1.0
    assert follower.tick() == 1
    bpy.context.view_layer.update()
    assert _error(character, body) < BAR


def test_live_gives_up_with_a_reason(add_on: None, body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    follower = LiveCorrectives(clock=lambda: now[0])
    monkeypatch.setattr(live, "live", follower)
    character = _character(body)
    bpy.ops.sam3db.live_correctives(on=True)
    (tmp_path / "models" / "bodies" / "corrected.npz").unlink()
    character.rig.pose.bones["l_lowarm"].rotation_euler[0] = 1.2
    bpy.context.view_layer.update()
    now[0] = 1.0
    follower.tick()
    assert not live.is_live(character.rig)
    assert "not installed" in follower.problems[character.rig.name]


def test_operators(add_on: None, body: Body) -> None:
    character = _character(body)
    _animate(character, body, 4)
    bpy.context.scene.frame_set(2)
    bpy.ops.sam3db.bake_correctives()
    assert _error(character, body) < BAR
    bpy.ops.sam3db.bake_correctives_range(start=1, end=4)
    bpy.context.scene.frame_set(3)
    assert _error(character, body) < 1e-4
    bpy.ops.sam3db.remove_correctives()
    assert _error(character, body) > 1e-3
