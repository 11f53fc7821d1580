"""Hair in the scene: it is made for the person, and shows strands of its colour."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.settings import CharacterSettings
from native_runtime.mhr import Body
from native_runtime.wearables.choice import Choice
from native_runtime.wearables.hair import make_hair
from native_runtime.wearables.hair_picture import strand_picture
from sam3db_blender.exports.materials import needs_plain
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import apply_settings
from sam3db_blender.scene.character import Character, build_character
from sam3db_blender.scene.materials import body_materials
from sam3db_blender.scene.textured import picture_of, pixels_of
from sam3db_blender.wearables.dressing import wear, worn_of
from tests.support.estimates import neutral_estimate

BLOND = (0.40, 0.26, 0.12)


@pytest.fixture(scope="module")
def body(models: Path) -> Body:
    return Body.load(models / "bodies" / "default-lod2.npz")


@pytest.fixture
def character(body: Body) -> Character:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return build_character("A", neutral_estimate(body), body, body_materials(body), bpy.context.scene.collection)


def _hair(character: Character) -> bpy.types.Object:
    worn = worn_of(character.rig, "hair")
    assert worn is not None
    return worn


def test_hair_shows_strands_that_previews_and_exports_show_as_well(character: Character, body: Body) -> None:
    assert wear(character.rig, character.mesh, body, Choice("hair", "buzz", BLOND)) == []
    material = _hair(character).material_slots[0].material
    picture = picture_of(material)
    assert picture is not None
    assert picture.packed_file is not None
    assert np.abs(pixels_of(picture).astype(int) - strand_picture(BLOND)).max() <= 1
    assert not needs_plain(material)
    wear(character.rig, character.mesh, body, Choice("hair", "buzz", (0.01, 0.01, 0.01)))
    other = picture_of(_hair(character).material_slots[0].material)
    assert other is not None
    assert pixels_of(other).mean() < 0.5 * pixels_of(picture).mean()


def test_hair_is_made_for_the_person_as_the_sliders_are(character: Character, body: Body) -> None:
    settings = CharacterSettings.neutral(body)
    settings.identity[body.identity_names.index("head_width")] = 1.0
    apply_settings(character.rig, body, settings)
    wear(character.rig, character.mesh, body, Choice("hair", "short"))
    worn = make_hair(body, "short", settings.model_parameters, settings.identity)
    expected = worn.on(body).vertices(settings.model_parameters, settings.identity)
    found = evaluated_vertices(_hair(character), bpy.context.evaluated_depsgraph_get())
    assert np.linalg.norm(found - mhr_to_blender(expected), axis=1).max() < 2e-4
