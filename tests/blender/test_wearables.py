"""What characters wear: it moves with them, follows their levels of detail, and is kept, made again and removed."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.presets import randomise
from native_runtime.characters.settings import PARTS, CharacterSettings
from native_runtime.mhr import Body
from native_runtime.wearables import wardrobe
from native_runtime.wearables.choice import Choice, Style
from native_runtime.wearables.wearable import Wearable, from_faces
from sam3db_blender.handles.removal import remove_character
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import apply_settings
from sam3db_blender.rig.resting import rest, wake
from sam3db_blender.rig.worn import is_worn, worn_by
from sam3db_blender.scene.character import Character, build_character
from sam3db_blender.scene.materials import body_materials
from sam3db_blender.wearables.attaching import Worn, is_changed
from sam3db_blender.wearables.dressing import remove, wear, worn_of
from tests.support.estimates import neutral_estimate

BAR = 5e-5  # m
PLAIN = Choice("top", "every second face", (0.2, 0.3, 0.4))


def _every_second(body: Body, choice: Choice) -> Wearable:
    faces = np.arange(len(body.face_sizes)) % 2 == 0
    return from_faces(body, "Top", "top", faces, np.full((body.vertex_count, 3), 0.2))


@pytest.fixture(autouse=True)
def _style(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wardrobe.STYLES, "top", {PLAIN.style: Style("Every second face", _every_second)})


@pytest.fixture
def dressed(small_body: Body) -> Character:
    estimate = neutral_estimate(small_body)
    character = build_character("A", estimate, small_body, body_materials(small_body), bpy.context.scene.collection)
    assert wear(character.rig, character.mesh, small_body, PLAIN) == []
    return character


def _off(rig: bpy.types.Object, body: Body, seed: int) -> float:
    """m, how far what is worn lies from where the runtime has it, for random settings."""
    rng = np.random.default_rng(seed)
    settings = randomise(body, CharacterSettings.neutral(body), PARTS, rng)
    apply_settings(rig, body, settings)
    (worn,) = worn_by(rig)
    found = evaluated_vertices(worn, bpy.context.evaluated_depsgraph_get())
    on = _every_second(body, PLAIN).on(body)
    expected = on.vertices(settings.model_parameters, settings.identity, settings.expression)
    return float(np.linalg.norm(found - mhr_to_blender(expected), axis=1).max())


def test_it_moves_with_pose_and_sliders(dressed: Character, small_body: Body) -> None:
    (worn,) = worn_by(dressed.rig)
    assert worn.name == "A Top"
    assert worn.parent == dressed.rig
    assert worn.users_collection == dressed.mesh.users_collection
    assert _off(dressed.rig, small_body, 1) < BAR
    assert _off(dressed.rig, small_body, 2) < BAR


def test_it_rests_and_wakes_with_the_character(dressed: Character, small_body: Body) -> None:
    (worn,) = worn_by(dressed.rig)
    keys = worn.data.shape_keys
    count = len(keys.animation_data.drivers)
    assert count
    rest(dressed.rig)
    assert keys.animation_data is None
    wake(dressed.rig)
    assert len(keys.animation_data.drivers) == count
    assert _off(dressed.rig, small_body, 3) < BAR


def test_it_is_removed_with_the_character(dressed: Character) -> None:
    remove_character(dressed.rig)
    assert not [obj for obj in bpy.data.objects if is_worn(obj)]
    assert not bpy.data.meshes


def test_one_of_each_kind(dressed: Character, small_body: Body) -> None:
    wear(dressed.rig, dressed.mesh, small_body, PLAIN)
    assert len(worn_by(dressed.rig)) == 1
    assert remove(dressed.rig, "top") == []
    assert worn_of(dressed.rig, "top") is None
    assert not [mesh for mesh in bpy.data.meshes if "Top" in mesh.name]


def test_what_was_edited_is_kept(dressed: Character, small_body: Body) -> None:
    (worn,) = worn_by(dressed.rig)
    assert not is_changed(worn)
    worn.data.shape_keys.reference_key.points[0].co.x += 0.01
    assert is_changed(worn)
    assert wear(dressed.rig, dressed.mesh, small_body, PLAIN) == ["'A Top' was edited: it is kept, hidden."]
    assert worn.hide_render
    assert not is_worn(worn)
    assert [obj.name for obj in worn_by(dressed.rig)] == ["A Top.001"]


def test_what_cannot_be_read_is_left_alone(dressed: Character) -> None:
    (worn,) = worn_by(dressed.rig)
    worn["sam3db_worn"] = "no JSON"
    assert Worn.of(worn) is None
    assert is_changed(worn)
    assert remove(dressed.rig, "top") == []
    assert worn_by(dressed.rig) == [worn]
