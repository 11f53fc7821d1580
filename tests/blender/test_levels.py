"""Switching a character's level of detail."""

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
from native_runtime.models import manifest
from native_runtime.wearables import wardrobe
from native_runtime.wearables.choice import Choice, Style
from native_runtime.wearables.wearable import Wearable, from_faces
from sam3db_blender import places
from sam3db_blender.rig.arrays import add_shape_key, evaluated_vertices, take
from sam3db_blender.rig.correctives import PREFIX
from sam3db_blender.rig.mesh import shape_key_names
from sam3db_blender.rig.pose import apply_settings, read_settings
from sam3db_blender.rig.transfer import nearest_surface
from sam3db_blender.rig.worn import worn_by
from sam3db_blender.scene.bodies import levels_of
from sam3db_blender.scene.character import Character, build_character
from sam3db_blender.scene.levels import switch_level
from sam3db_blender.scene.materials import body_materials
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.wearables import dressing
from tests.support.estimates import neutral_estimate

BAR = 5e-5  # m


def _coarser(body: Body) -> Body:
    """Every second cube of the small body."""
    vertices = np.flatnonzero((np.arange(body.vertex_count) // 8) % 2 == 0)
    renumbered = np.full(body.vertex_count, -1)
    renumbered[vertices] = np.arange(len(vertices))
    corners = renumbered[body.face_vertices].reshape(-1, 4)
    faces = (corners >= 0).all(axis=1)
    loops = np.repeat(faces, 4)
    rows = np.arange(70, dtype=np.int32)
    return replace(
        body,
        name="small-lod1",
        rest_vertices=body.rest_vertices[vertices],
        face_sizes=body.face_sizes[faces],
        face_vertices=corners[faces].ravel().astype(np.int32),
        face_materials=(1 - body.face_materials[faces]).astype(np.int32),
        material_names=body.material_names[::-1],
        uvs=body.uvs[loops],
        identity_basis=body.identity_basis[:, vertices],
        expression_basis=body.expression_basis[:, vertices],
        skin_indices=body.skin_indices[vertices],
        skin_weights=body.skin_weights[vertices],
        keypoint_rows=replace(body.keypoint_rows, columns=(len(vertices) + rows).astype(np.int32)),
    )


@pytest.fixture(scope="module")
def coarse_body(small_body: Body) -> Body:
    return _coarser(small_body)


def _character(body: Body) -> Character:
    estimate = neutral_estimate(body)
    character = build_character("somebody", estimate, body, body_materials(body), bpy.context.scene.collection)
    rng = np.random.default_rng(4)
    apply_settings(character.rig, body, randomise(body, CharacterSettings.neutral(body), PARTS, rng))
    bpy.context.view_layer.objects.active = character.rig
    return character


def _error(character: Character, body: Body, settings: CharacterSettings) -> float:
    found = evaluated_vertices(character.mesh, bpy.context.evaluated_depsgraph_get())
    expected = body.vertices(settings.model_parameters, settings.identity, settings.expression)
    return float(np.linalg.norm(found - mhr_to_blender(expected), axis=1).max())


def test_everything_stays(small_body: Body, coarse_body: Body) -> None:
    character = _character(small_body)
    mesh, rig = character.mesh, character.rig
    settings = read_settings(rig, small_body)
    mine = bpy.data.materials.new("my skin")
    mesh.material_slots[0].material = mine
    subdivision = mesh.modifiers.new("Subdivision", "SUBSURF")
    subdivision.show_viewport = False
    counts = {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "materials", "shape_keys")}

    assert switch_level(rig, mesh, coarse_body) == []
    assert {kind: len(getattr(bpy.data, kind)) for kind in counts} == counts
    assert len(mesh.data.vertices) == coarse_body.vertex_count
    assert [modifier.name for modifier in mesh.modifiers] == ["Armature", "Subdivision"]
    assert [slot.material.name for slot in mesh.material_slots] == ["small eyes", "my skin"]
    again = read_settings(rig, coarse_body)
    assert again.model_parameters == pytest.approx(settings.model_parameters, abs=1e-5)
    assert np.array_equal(again.identity, settings.identity)
    assert np.array_equal(again.expression, settings.expression)
    assert _error(character, coarse_body, settings) < BAR
    assert read_origin(rig).details["body_name"] == "small-lod1"
    assert read_origin(rig).estimate(coarse_body).body_hash == coarse_body.hash
    # the sliders drive the new mesh too, and the way back is open
    rig["Body: weight"] = 2.0
    rig.update_tag()
    assert _error(character, coarse_body, read_settings(rig, coarse_body)) < BAR
    switch_level(rig, mesh, small_body)
    assert _error(character, small_body, read_settings(rig, small_body)) < BAR
    assert [slot.material.name for slot in mesh.material_slots] == ["my skin", "small eyes"]


def test_what_an_artist_added_is_carried_over(small_body: Body, coarse_body: Body) -> None:
    character = _character(small_body)
    mesh = character.mesh
    rest = take(mesh.data.shape_keys.reference_key.points, "co", 3)
    key = add_shape_key(mesh, "scar", rest + (0.0, 0.0, 0.01))
    key.value = 0.5
    group = mesh.vertex_groups.new(name="pin")
    group.add(list(range(small_body.vertex_count)), 0.75, "REPLACE")
    add_shape_key(mesh, PREFIX, rest)
    (note,) = switch_level(character.rig, mesh, coarse_body)
    assert "corrections" in note
    keys = mesh.data.shape_keys
    names = shape_key_names(coarse_body)
    assert [k.name for k in keys.key_blocks] == ["Basis", *names.identity, *names.expression, "scar"]
    moved = take(keys.key_blocks["scar"].points, "co", 3) - take(keys.reference_key.points, "co", 3)
    assert moved == pytest.approx(np.tile([0, 0, 0.01], (coarse_body.vertex_count, 1)), abs=1e-6)
    assert keys.key_blocks["scar"].value == 0.5
    assert mesh.vertex_groups["pin"].weight(3) == pytest.approx(0.75, abs=1e-6)


def test_other_bodies_are_refused(small_body: Body) -> None:
    character = _character(small_body)
    skeleton = replace(small_body.skeleton, offsets=small_body.skeleton.offsets * 1.1)
    with pytest.raises(Sam3dbError, match="its bones are others"):
        switch_level(character.rig, character.mesh, replace(small_body, name="tall", skeleton=skeleton))
    other = replace(small_body, name="other", identity_names=("weight", "jaw", "belly"))
    with pytest.raises(Sam3dbError, match="no 'Hands: belly'"):
        switch_level(character.rig, character.mesh, other)
    assert len(character.mesh.data.vertices) == small_body.vertex_count


def test_nearest_surface() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]], float)
    places = nearest_surface([[0.25, 0.25, 0.3], [-1, -1, 0]], vertices, [[0, 1, 2], [3, 3, 3]])
    assert places.carry(vertices) == pytest.approx(np.array([[0.25, 0.25, 0], [0, 0, 0]]), abs=1e-6)
    assert places.weights.sum(axis=1) == pytest.approx(1)


@pytest.fixture
def add_on(small_body: Body, coarse_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    bodies = tmp_path / "models" / "bodies"
    bodies.mkdir(parents=True)
    for body in (small_body, coarse_body):
        body.save(bodies / f"{body.name}.npz")
    manifest.write(bodies, {file.name: manifest.describe(file) for file in bodies.glob("*.npz")})
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def test_operator(add_on: None, small_body: Body, coarse_body: Body) -> None:
    character = _character(small_body)
    assert levels_of("small") == ["small", "small-lod1"]
    assert levels_of("tall") == []
    assert bpy.ops.sam3db.switch_level(level="small-lod1") == {"FINISHED"}
    assert len(character.mesh.data.vertices) == coarse_body.vertex_count
    with pytest.raises(TypeError):
        bpy.ops.sam3db.switch_level(level="tall")


def test_default_levels(default_body_path: Path) -> None:
    """From the finest default body to a coarse one and back, as an artist does it."""
    fine, coarse = Body.load(default_body_path), Body.load(default_body_path.with_name("default-lod2.npz"))
    character = _character(fine)
    settings = read_settings(character.rig, fine)
    for body in (coarse, fine):
        switch_level(character.rig, character.mesh, body)
        assert _error(character, body, settings) < BAR


def test_what_is_worn_is_made_again(small_body: Body, coarse_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of(body: Body, choice: Choice) -> Wearable:
        faces = np.ones(len(body.face_sizes), bool)
        return from_faces(body, "Top", "top", faces, np.full((body.vertex_count, 3), 0.2))

    choice = Choice("top", "all")
    monkeypatch.setitem(wardrobe.STYLES, "top", {"all": Style("All", all_of)})
    character = _character(small_body)
    rig, mesh = character.rig, character.mesh
    dressing.wear(rig, mesh, small_body, choice)
    (worn,) = worn_by(rig)
    worn.modifiers.new("Smooth", "SMOOTH").show_viewport = False
    mine = bpy.data.materials.new("my cloth")
    worn.material_slots[0].material = mine
    switch_level(rig, mesh, coarse_body)
    assert dressing.renew(rig, mesh, coarse_body) == []
    assert [modifier.name for modifier in worn.modifiers] == ["Armature", "Smooth"]
    assert worn.material_slots[0].material == mine
    settings = read_settings(rig, coarse_body)
    found = evaluated_vertices(worn, bpy.context.evaluated_depsgraph_get())
    on = all_of(coarse_body, choice).on(coarse_body)
    expected = on.vertices(settings.model_parameters, settings.identity, settings.expression)
    assert np.linalg.norm(found - mhr_to_blender(expected), axis=1).max() < BAR
    # what somebody has worked on keeps its mesh, and still moves with the rig
    worn.data.shape_keys.reference_key.points[0].co.x += 0.01
    switch_level(rig, mesh, small_body)
    assert dressing.renew(rig, mesh, small_body) == ["'somebody Top' keeps its mesh, which was made or edited by hand."]
    assert len(worn.data.vertices) == coarse_body.vertex_count
