"""What characters wear: it moves with them, follows their levels of detail, and is kept, made again and removed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.camera import mhr_to_blender
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.characters.parts import PARTS
from native_runtime.characters.presets import randomise
from native_runtime.characters.settings import CharacterSettings
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.texture.look import Tone
from native_runtime.wearables import wardrobe
from native_runtime.wearables.choice import Choice, Style
from native_runtime.wearables.defaults import default_outfit
from native_runtime.wearables.wearable import Wearable, from_faces
from sam3db_blender.exports.export import export_character
from sam3db_blender.handles.removal import remove_character
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.mesh import shape_key_names
from sam3db_blender.rig.pose import apply_settings
from sam3db_blender.rig.resting import rest, wake
from sam3db_blender.rig.worn import is_worn, worn_by
from sam3db_blender.scene.character import Character, build_character
from sam3db_blender.scene.materials import BodyColours, body_materials
from sam3db_blender.scene.person_colours import body_colours
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.wearables import dressing
from sam3db_blender.wearables.attaching import Worn, is_changed, put_on
from sam3db_blender.wearables.dressing import remove, wear, worn_of
from sam3db_blender.wearables.materials import chosen_colour, colour_of, recolour
from tests.support.estimates import neutral_estimate

BAR = 5e-5  # m
PLAIN = Choice("top", "every second face", (0.2, 0.3, 0.4))


def _every_second(body: Body, choice: Choice) -> Wearable:
    faces = np.arange(len(body.face_sizes)) % 2 == 0
    top = from_faces(body, "Top", "top", faces, np.full((body.vertex_count, 3), 0.2))
    return replace(top, colours={} if choice.colour is None else {"top": choice.colour})


@pytest.fixture(autouse=True)
def _style(monkeypatch: pytest.MonkeyPatch) -> None:
    style = {PLAIN.style: Style("Every second face", _every_second)}
    monkeypatch.setitem(wardrobe.STYLES, "top", {**wardrobe.STYLES["top"], **style})


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


def test_expressions_that_nobody_sees_on_it_are_left_out(small_body: Body) -> None:
    lengths = np.linalg.norm(mhr_to_blender(small_body.expression_basis), axis=2).max(axis=1)
    wanted = np.array([0.9e-4, 1.1e-4])  # m
    basis = small_body.expression_basis * (wanted / lengths)[:, None, None]
    body = replace(small_body, expression_basis=basis.astype(np.float32))
    character = build_character("A", neutral_estimate(body), body, body_materials(body), bpy.context.scene.collection)
    top = from_faces(body, "Top", "top", np.ones(len(body.face_sizes), bool), np.full((body.vertex_count, 3), 0.2))
    worn = put_on(character.rig, character.mesh, body, top)
    names = set(shape_key_names(body).expression)
    kept, own = (names & set(obj.data.shape_keys.key_blocks.keys()) for obj in (worn, character.mesh))
    assert kept == {body.expression_names[1]}
    assert own == names


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


def test_a_chosen_colour_stays_with_another_style(dressed: Character, small_body: Body) -> None:
    (worn,) = worn_by(dressed.rig)
    material = worn.material_slots[0].material
    assert colour_of(material) == pytest.approx(PLAIN.colour)
    assert chosen_colour(material) is None
    recolour(material, (0.5, 0.1, 0.2))
    assert chosen_colour(material) == pytest.approx((0.5, 0.1, 0.2))
    assert material.diffuse_color[0] == pytest.approx(0.5**0.7)
    remove(dressed.rig, "top")
    assert not [left for left in bpy.data.materials if left.users == 0], "nobody worked on it but on its colour"


def test_a_material_that_was_worked_on_stays_in_the_file(dressed: Character) -> None:
    (worn,) = worn_by(dressed.rig)
    material = worn.material_slots[0].material
    material.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.1
    remove(dressed.rig, "top")
    assert material.use_fake_user


@pytest.fixture(scope="module")
def default_body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


@pytest.fixture(scope="module")
def person(default_body: Body) -> Estimate:
    return neutral_estimate(default_body)


def test_new_characters_wear_underwear_until_they_have_a_texture(
    default_body: Body, person: Estimate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    character = build_character("A", person, default_body, body_materials(default_body), bpy.context.scene.collection)
    rig, mesh = character.rig, character.mesh
    assert dressing.dress(rig, mesh, default_body) == []
    assert {"A Trunks", "A Sports Top"} <= {obj.name for obj in worn_by(rig)}
    count = len(worn_by(rig))
    assert dressing.dress(rig, mesh, default_body) == []
    assert len(worn_by(rig)) == count, "nothing twice"
    monkeypatch.setattr(dressing, "texture_of", lambda mesh: (None, None))
    dressing.adapt(rig, mesh, default_body)
    assert worn_of(rig, "underwear") is None
    assert worn_of(rig, "top") is None
    monkeypatch.undo()
    rig["Body: gender"] = 1.0
    dressing.adapt(rig, mesh, default_body)
    assert worn_of(rig, "underwear") is not None
    assert worn_of(rig, "top") is None, "men need none"


def test_what_was_edited_stays_when_the_photo_is_read_again(default_body: Body, person: Estimate) -> None:
    character = build_character("A", person, default_body, body_materials(default_body), bpy.context.scene.collection)
    rig, mesh = character.rig, character.mesh
    dressing.wear(rig, mesh, default_body, Choice("underwear", "briefs"))
    worn = worn_of(rig, "underwear")
    worn.data.shape_keys.reference_key.points[0].co.x += 0.01
    assert "'A Briefs' was edited: it is kept." in dressing.dress_again(rig, mesh, default_body)
    assert worn_of(rig, "underwear") == worn
    assert worn_of(rig, "top") is not None


@pytest.fixture
def worn_by_default(default_body: Body, person: Estimate) -> Character:
    character = build_character("A", person, default_body, body_materials(default_body), bpy.context.scene.collection)
    assert dressing.dress(character.rig, character.mesh, default_body) == []
    return character


@pytest.fixture
def textured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Characters have textures that show clothes and brows."""
    monkeypatch.setattr(dressing, "texture_of", lambda mesh: (None, None))
    monkeypatch.setattr("native_runtime.wearables.defaults.shows_brows", lambda details: True)


def _styles(rig: bpy.types.Object) -> dict[str, str]:
    """What a character wears, by kinds."""
    found = (Worn.of(obj) for obj in worn_by(rig))
    return {worn.kind: worn.choice.style for worn in found if worn is not None and worn.choice is not None}


def test_a_texture_takes_off_what_nobody_chose(
    worn_by_default: Character, default_body: Body, textured: None, tmp_path: Path
) -> None:
    rig, mesh = worn_by_default.rig, worn_by_default.mesh
    assert {"brows", "underwear", "top"} <= _styles(rig).keys()
    dressing.wear(rig, mesh, default_body, Choice("underwear", "briefs"))
    dressing.wear(rig, mesh, default_body, Choice("brows", "natural"))
    names = rig.name, mesh.name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))  # the choice is kept in the file
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    rig, mesh = (bpy.data.objects[name] for name in names)
    for _ in range(2):
        assert dressing.adapt(rig, mesh, default_body) == []
        assert _styles(rig) == {"lashes": "natural", "brows": "natural", "underwear": "briefs"}


def test_what_somebody_took_off_stays_off(worn_by_default: Character, default_body: Body) -> None:
    rig, mesh = worn_by_default.rig, worn_by_default.mesh
    remove(rig, "top")
    dressing.adapt(rig, mesh, default_body)
    assert worn_of(rig, "top") is None
    dressing.dress_again(rig, mesh, default_body)
    assert worn_of(rig, "top") is None, "no photo tells of it"


def test_a_photo_that_tells_nothing_takes_off_no_hair_that_was_chosen(
    worn_by_default: Character, default_body: Body
) -> None:
    rig, mesh = worn_by_default.rig, worn_by_default.mesh
    dressing.wear(rig, mesh, default_body, Choice("hair", "bob"))
    hair = worn_of(rig, "hair")
    note = "'A Bob' was chosen, and the photo tells nothing of it: it is kept."
    assert note in dressing.dress_again(rig, mesh, default_body)
    assert worn_of(rig, "hair") == hair


def test_a_photo_that_tells_of_hair_replaces_what_was_chosen(default_body: Body, person: Estimate) -> None:
    hair = {"style": "long", "colour": [0.4, 0.26, 0.12], "confidence": 0.9, "why": ""}
    seen = replace(person, details={"hair": hair})
    character = build_character("A", seen, default_body, body_materials(default_body), bpy.context.scene.collection)
    rig, mesh = character.rig, character.mesh
    dressing.wear(rig, mesh, default_body, Choice("hair", "bob"))
    dressing.dress_again(rig, mesh, default_body)
    assert _styles(rig)["hair"] == "long"
    assert colour_of(worn_of(rig, "hair").material_slots[0].material) == pytest.approx(hair["colour"])


@pytest.mark.parametrize("renamed", [False, True])
def test_another_style_keeps_what_an_artist_added_to_the_object(
    worn_by_default: Character, default_body: Body, renamed: bool
) -> None:
    rig, mesh = worn_by_default.rig, worn_by_default.mesh
    worn = worn_of(rig, "underwear")
    meshes, materials = len(bpy.data.meshes), len(bpy.data.materials)
    worn.modifiers.new("thick", "SOLIDIFY").thickness = 0.004
    worn["asset"] = "A17"
    if renamed:
        worn.name = "my trunks"
    before = len(worn.data.vertices)
    dressing.wear(rig, mesh, default_body, Choice("underwear", "briefs", (0.1, 0.2, 0.3)))
    assert worn_of(rig, "underwear") == worn
    assert worn.name == ("my trunks" if renamed else "A Briefs")
    assert [modifier.name for modifier in worn.modifiers] == ["Armature", "thick"]
    assert worn.modifiers["thick"].thickness == pytest.approx(0.004)
    assert worn["asset"] == "A17"
    assert len(worn.data.vertices) != before
    assert not is_changed(worn)
    assert colour_of(worn.material_slots[0].material) == pytest.approx((0.1, 0.2, 0.3))
    assert (len(bpy.data.meshes), len(bpy.data.materials)) == (meshes, materials), "nothing is left over"


def test_a_chosen_style_has_the_colour_of_the_photo_unless_an_artist_chose_one(
    default_body: Body, person: Estimate
) -> None:
    blond = {"style": "short", "colour": [0.4, 0.26, 0.12], "confidence": 0.9, "why": ""}
    seen = replace(person, details={"hair": blond, "colours": {"brows": {"srgb": [90, 60, 40], "confidence": 0.8}}})
    character = build_character("A", seen, default_body, body_materials(default_body), bpy.context.scene.collection)
    rig, mesh = character.rig, character.mesh

    def colour(kind: str, style: str) -> tuple[float, float, float]:
        dressing.wear(rig, mesh, default_body, dressing.choice_of(rig, kind, style))
        return colour_of(worn_of(rig, kind).material_slots[0].material)

    assert colour("hair", "long") == pytest.approx(blond["colour"])
    assert colour("brows", "natural") == pytest.approx(Tone((90, 60, 40), 1.0).linear)
    recolour(worn_of(rig, "hair").material_slots[0].material, (0.1, 0.2, 0.6))
    assert colour("hair", "bob") == pytest.approx((0.1, 0.2, 0.6))
    assert colour("hair", "buzz") == pytest.approx((0.1, 0.2, 0.6))


NONSENSE = (None, 7, "x", [], {"srgb": [-9, 900, 900], "confidence": 9}, {"style": "bob", "colour": [-9, 9, 9]})


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_details_that_make_no_sense_change_nobody(default_body: Body, person: Estimate, nonsense: Any) -> None:
    keys = ("colours", "hair", "seen", "face", "looks", "height")
    details: Any = dict.fromkeys(keys, nonsense) | {"colours": dict.fromkeys(("skin", "hair", "iris"), nonsense)}
    usual, made = BodyColours(), body_colours(details)
    assert (made.skin, made.iris, made.lips) == (usual.skin, usual.iris, None)
    expected = [(choice.kind, choice.colour) for choice in default_outfit(default_body, person.identity, {})]
    given = default_outfit(default_body, person.identity, details)
    assert [(choice.kind, choice.colour) for choice in given] == expected


def test_a_character_whose_record_says_null_can_be_dressed(default_body: Body, person: Estimate) -> None:
    character = build_character("A", person, default_body, body_materials(default_body), bpy.context.scene.collection)
    record = character.rig["sam3db"]
    record["details"] = json.dumps(json.loads(record["details"]) | {"details": None})
    assert read_origin(character.rig).details["details"] == {}
    assert dressing.dress(character.rig, character.mesh, default_body) == []


def test_the_operators_wear_and_take_off(default_body: Body, person: Estimate) -> None:
    sam3db_blender.register()
    try:
        character = build_character("A", person, default_body, body_materials(default_body), bpy.context.collection)
        bpy.context.view_layer.objects.active = character.rig
        for kind, styles in wardrobe.STYLES.items():  # as the menus of the panel do
            properties = bpy.context.window_manager.operator_properties_last("sam3db.wear")
            properties.kind = kind
            for style in ("none", *styles):
                properties.style = style
            assert getattr(bpy.types, f"SAM3DB_MT_wear_{kind}").kind == kind
        assert bpy.ops.sam3db.wear_from_photo() == {"FINISHED"}
        assert bpy.ops.sam3db.wear(kind="underwear", style="briefs") == {"FINISHED"}
        worn = worn_of(character.rig, "underwear")
        assert worn.name == "A Briefs"
        worn.material_slots[0].material.sam3db_colour = (0.1, 0.2, 0.6)
        bpy.ops.sam3db.wear(kind="underwear", style="trunks")
        cloth = worn_of(character.rig, "underwear").material_slots[0].material
        assert tuple(cloth.sam3db_colour) == pytest.approx((0.1, 0.2, 0.6))
        bpy.ops.sam3db.wear(kind="underwear", style="briefs")
        cloth = worn_of(character.rig, "underwear").material_slots[0].material
        assert tuple(cloth.sam3db_colour) == pytest.approx((0.1, 0.2, 0.6)), "with every further style"
        bpy.ops.sam3db.wear(kind="underwear", style="none")
        assert worn_of(character.rig, "underwear") is None
    finally:
        sam3db_blender.unregister()


def test_exports_carry_what_is_worn(default_body_path: Path, tmp_path: Path) -> None:
    body = load_body("default-lod2", default_body_path.parents[1])
    character = build_character("A", neutral_estimate(body), body, body_materials(body), bpy.context.scene.collection)
    for choice in (Choice("underwear", "trunks"), Choice("shoes", "sneakers", (0.1, 0.3, 0.5))):
        dressing.wear(character.rig, character.mesh, body, choice)
    counts = {obj.name: len(obj.data.vertices) for obj in worn_by(character.rig)}
    assert set(counts) == {"A Trunks", "A Sneakers"}
    assert export_character(character.rig, tmp_path / "a.fbx", ExportOptions(to="fbx")) == []
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(tmp_path / "a.fbx"))
    back = {obj.name: obj for obj in bpy.data.objects if obj.name in counts}
    assert {name: len(obj.data.vertices) for name, obj in back.items()} == counts
    colour = back["A Sneakers"].material_slots[0].material.diffuse_color[:3]
    assert colour == pytest.approx((0.1, 0.3, 0.5), abs=0.02)
    assert all(obj.vertex_groups for obj in back.values())
