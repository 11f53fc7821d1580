"""The operators on a character in the scene, and what they read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.camera import intrinsics_for, mhr_to_blender
from native_runtime.characters.settings import parameters_of
from native_runtime.characters.sliders import slider_groups
from native_runtime.engines.estimate import Estimate
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models import manifest
from sam3db_blender import places, registration
from sam3db_blender.controls.build import build_controls
from sam3db_blender.handles.handles import handles_of
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import read_settings
from sam3db_blender.scene.bodies import body_mesh
from sam3db_blender.scene.character import PhotoScene
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.scene.readback import estimate_of
from sam3db_blender.shelf import facts
from sam3db_blender.ui.character_panel import SAM3DB_PT_character

SIZE = (320, 240)


@pytest.fixture
def add_on(small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The add-on with a models folder in which the small body stands."""
    bodies = tmp_path / "models" / "bodies"
    bodies.mkdir(parents=True)
    small_body.save(bodies / "small.npz")
    manifest.write(bodies, {"small.npz": manifest.describe(bodies / "small.npz")})
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def _estimate(body: Body, seed: int) -> Estimate:
    rng = np.random.default_rng(seed)
    parameters = rng.normal(0, 0.2, 204)
    parameters[:3] = 0
    return Estimate.from_state(
        body,
        PlacedState(
            parameters,
            rng.normal(0, 1, body.identity_count),
            rng.uniform(0, 0.5, body.expression_count),
            np.array([0.4 * seed, 1.0, 4.0]),
        ),
        intrinsics_for(SIZE, focal_px=300.0),
        image_size=np.array(SIZE),
        bbox=np.array([10.0, 20, 200, 230]),
        engine="landmarks",
        photo="photo.jpg",
        person=seed,
    )


def _scene(body: Body, count: int = 1) -> PhotoScene:
    photo = Photo(pixels=np.full((*SIZE[::-1], 3), 127, np.uint8), path=Path("photo.jpg"), original_size=SIZE)
    built = build_photo_scene(bpy.context.scene, [_estimate(body, i) for i in range(count)], photo, body, light=False)
    bpy.context.view_layer.objects.active = built.characters[0].rig
    built.characters[0].rig.select_set(True)
    bpy.context.view_layer.update()
    return built


def test_poll_wants_a_character(add_on: None) -> None:
    with pytest.raises(RuntimeError, match="There is no character"):
        bpy.ops.sam3db.reset_character()


def test_operators_and_their_properties_explain_themselves(add_on: None) -> None:
    for cls in registration.CLASSES:
        if not issubclass(cls, bpy.types.Operator):
            continue
        properties = getattr(bpy.ops.sam3db, cls.bl_idname.split(".")[1]).get_rna_type().properties
        for name, value in properties.items():
            if name == "rna_type" or value.is_hidden:
                continue
            assert value.name, (cls, name)
            assert value.description or name in ("filepath", "check_existing"), (cls, name)
            assert not value.description.endswith("."), (cls, name)


@pytest.mark.parametrize("active", ["mesh", "handle", "camera"])
def test_sliders_and_operators_stay_whatever_of_the_photo_is_active(
    add_on: None, small_body: Body, active: str
) -> None:
    built = _scene(small_body)
    character = built.characters[0]
    assert body_mesh(character.rig) == character.mesh
    obj = {"mesh": character.mesh, "handle": handles_of(character.rig)[3], "camera": built.camera}[active]
    bpy.context.view_layer.objects.active = obj
    assert SAM3DB_PT_character.poll(bpy.context)
    assert bpy.ops.sam3db.reset_character(parts={"shape"}) == {"FINISHED"}
    settings = read_settings(character.rig, small_body)
    assert not settings.identity.any()
    assert settings.expression.any()
    assert settings.model_parameters.any()


def test_of_two_people_the_one_with_the_active_handle_is_changed(add_on: None, small_body: Body) -> None:
    first, second = (character.rig for character in _scene(small_body, 2).characters)
    bpy.context.view_layer.objects.active = handles_of(second)[0]
    bpy.ops.sam3db.reset_character()
    assert np.abs(read_settings(first, small_body).model_parameters).max() > 0.01
    assert np.abs(read_settings(second, small_body).model_parameters).max() < 1e-6


def test_reset_randomise_symmetrise(add_on: None, small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    bpy.ops.sam3db.reset_character()
    assert np.abs(read_settings(rig, small_body).model_parameters).max() < 1e-6
    bpy.ops.sam3db.randomise_character(seed=3, parts={"skeleton", "pose"})
    settings = read_settings(rig, small_body)
    assert np.abs(settings.model_parameters).max() > 0.3
    assert not settings.identity.any()
    bpy.ops.sam3db.symmetrise_character(side="right", straighten=True)
    settings = read_settings(rig, small_body)
    left, right = (settings.model_parameters[small_body.parameter_index(f"{side}_elbow_bend")] for side in "lr")
    assert left == pytest.approx(right, abs=1e-6)
    assert right


def test_a_linked_character_is_not_changed(add_on: None, small_body: Body, tmp_path: Path) -> None:
    """What would be changed on it would be gone when the file is opened again."""
    _scene(small_body)
    file = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.link(directory=f"{file}/Collection/", filename="photo", instance_collections=False)
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    bpy.context.view_layer.objects.active = rig
    before = read_settings(rig, small_body)
    for change in (bpy.ops.sam3db.reset_character, bpy.ops.sam3db.randomise_character, bpy.ops.sam3db.set_age):
        with pytest.raises(RuntimeError, match="library override"):
            change()
    assert read_settings(rig, small_body).model_parameters == pytest.approx(before.model_parameters, abs=0.0)
    assert bpy.ops.sam3db.save_settings(filepath=str(tmp_path / "settings.json")) == {"FINISHED"}


@pytest.mark.parametrize("controlled", [False, True])
def test_a_preset_on_an_animated_character_stays(add_on: None, small_body: Body, controlled: bool) -> None:
    rig = _scene(small_body).characters[0].rig
    posed, name = (build_controls(rig, small_body), "upper_arm_fk.L") if controlled else (rig, "l_uparm")
    for frame in (1, 10):
        posed.pose.bones[name].keyframe_insert("rotation_euler", frame=frame)
    bpy.context.scene.frame_set(5)
    bpy.ops.sam3db.randomise_character(seed=3, parts={"pose"})
    bpy.context.view_layer.update()
    wanted = read_settings(rig, small_body).model_parameters
    bpy.context.scene.frame_set(6)
    bpy.context.scene.frame_set(5)
    assert read_settings(rig, small_body).model_parameters == pytest.approx(wanted, abs=1e-4)
    bpy.context.scene.frame_set(1)
    assert read_settings(rig, small_body).model_parameters != pytest.approx(wanted, abs=1e-2)


def test_copy_and_blend(add_on: None, small_body: Body) -> None:
    built = _scene(small_body, 2)
    first, second = (character.rig for character in built.characters)
    with pytest.raises(RuntimeError, match="exactly two"):
        bpy.ops.sam3db.copy_character()
    second.select_set(True)
    own, goal = read_settings(first, small_body), read_settings(second, small_body)
    bpy.ops.sam3db.blend_characters(share=0.25, parts={"shape"})
    assert read_settings(first, small_body).identity == pytest.approx(0.75 * own.identity + 0.25 * goal.identity)
    bpy.ops.sam3db.copy_character(parts={"skeleton"})
    skeleton = parameters_of(small_body, "skeleton")
    mixed = read_settings(first, small_body)
    assert mixed.model_parameters[skeleton] == pytest.approx(goal.model_parameters[skeleton])
    assert mixed.model_parameters[~skeleton] == pytest.approx(own.model_parameters[~skeleton], abs=1e-5)


def test_settings_files(add_on: None, small_body: Body, tmp_path: Path) -> None:
    rig = _scene(small_body).characters[0].rig
    before = read_settings(rig, small_body)
    path = tmp_path / "settings.json"
    bpy.ops.sam3db.save_settings(filepath=str(path), parts={"shape", "skeleton"})
    assert json.loads(path.read_text())["parts"] == ["skeleton", "shape"]
    bpy.ops.sam3db.reset_character()
    bpy.ops.sam3db.load_settings(filepath=str(path))
    after = read_settings(rig, small_body)
    skeleton = parameters_of(small_body, "skeleton")
    assert after.model_parameters[skeleton] == pytest.approx(before.model_parameters[skeleton])
    assert np.abs(after.model_parameters[~skeleton]).max() < 1e-6
    assert after.identity == pytest.approx(before.identity)
    path.write_text("{}")
    with pytest.raises(RuntimeError, match="no character settings"):
        bpy.ops.sam3db.load_settings(filepath=str(path))


def test_a_missing_body_is_named(add_on: None, small_body: Body, tmp_path: Path) -> None:
    _scene(small_body)
    (tmp_path / "models" / "bodies" / "small.npz").unlink()
    with pytest.raises(RuntimeError, match="'small' is not installed"):
        bpy.ops.sam3db.reset_character()


def test_untouched_characters_give_their_estimate(small_body: Body) -> None:
    estimate = _estimate(small_body, 1)
    rig = _scene(small_body, 2).characters[1].rig
    again = estimate_of(rig, small_body)
    assert again.model_parameters == pytest.approx(estimate.model_parameters, abs=1e-5)
    assert again.identity == pytest.approx(estimate.identity, abs=1e-9)
    assert again.camera_translation == pytest.approx(estimate.camera_translation, abs=1e-6)
    assert again.vertices == pytest.approx(estimate.vertices, abs=1e-5)
    assert (again.photo, again.person, again.engine) == ("photo.jpg", 1, "landmarks")


def test_estimates_follow_all_that_was_moved(add_on: None, small_body: Body, tmp_path: Path) -> None:
    """Object moved and turned, root and limbs posed, sliders set: the estimate's vertices are those in the scene."""
    built = _scene(small_body)
    rig, mesh = built.characters[0].rig, built.characters[0].mesh
    rig.location.x += 0.4
    rig.rotation_euler = (0.2, -0.1, 0.9)
    rig.pose.bones["root"].location = (0.1, 0.3, -0.2)
    rig.pose.bones["root"].rotation_euler = (0.3, 0.8, -0.4)
    rig.pose.bones["l_uparm"].rotation_euler[0] = 0.6
    rig["Legs: Thigh Length"] = 0.4
    rig.update_tag()
    bpy.context.view_layer.update()
    estimate = estimate_of(rig, small_body)
    found = built.placement.camera(evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get()))
    # what hangs on the bone above the root stays behind when the root is moved; no real body has anything there
    moved = ~(np.isin(small_body.skin_indices, 0) & (small_body.skin_weights > 0)).any(axis=1)
    assert moved.mean() > 0.98
    assert found[moved] == pytest.approx(estimate.vertices[moved], abs=1e-4)
    assert not estimate.model_parameters[:3].any()
    bpy.ops.sam3db.save_estimate(filepath=str(tmp_path / "person.npz"))
    assert np.array_equal(Estimate.load(tmp_path / "person.npz").model_parameters, estimate.model_parameters)
    assert (tmp_path / "person.json").is_file()
    rig.scale = (2, 2, 2)
    bpy.context.view_layer.update()
    with pytest.raises(RuntimeError, match="scaled as an object"):
        bpy.ops.sam3db.save_estimate(filepath=str(tmp_path / "person.npz"))


def test_settling_moves_the_sliders_into_the_bones(add_on: None, small_body: Body) -> None:
    character = _scene(small_body).characters[0]
    character.rig["Spine: Bend Upper"] = 0.5
    character.rig.update_tag()
    before = evaluated_vertices(character.mesh, bpy.context.evaluated_depsgraph_get())
    bpy.ops.sam3db.settle_pose()
    assert character.rig["Spine: Bend Upper"] == 0
    after = evaluated_vertices(character.mesh, bpy.context.evaluated_depsgraph_get())
    assert after == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (
            {"model": "instanthmr_small", "terms": ["sam"], "commercial": False},
            "Not for commercial use: made by InstantHMR small, whose terms forbid it",
        ),
        ({"model": "gone", "commercial": False}, "Not for commercial use: made by a model, whose terms forbid it"),
        ({"model": "sam3d_body", "commercial": True}, ""),
        ({"model": "my own", "commercial": None}, ""),
        ("?", ""),
    ],
)
def test_a_character_carries_the_terms_on_which_it_was_made(
    add_on: None, small_body: Body, terms: object, said: str
) -> None:
    estimate = replace(_estimate(small_body, 0), details={"model_terms": terms})
    rig = build_photo_scene(bpy.context.scene, [estimate], None, small_body).characters[0].rig
    assert facts.restriction(read_origin(rig).details) == said


def test_the_panel_finds_all_sliders(small_body: Body) -> None:
    rig = _scene(small_body).characters[0].rig
    groups = slider_groups(rig.keys())
    assert list(groups["pose"]) == ["Spine"]
    assert list(groups["skeleton"]) == [
        "Torso",
        "Neck and Eyes",
        "Arms",
        "Legs",
        "Feet",
        "Left Hand",
        "Right Hand",
    ]
    assert groups["shape"] == {"Body": ["Body: weight"], "Head": ["Head: jaw"], "Hands": ["Hands: palm"]}
    assert groups["expression"] == {"Face": ["Face: jawOpen", "Face: mouthSmileLeft"]}
    assert sum(len(keys) for keys in groups["skeleton"].values()) == 74
    joints = mhr_to_blender(small_body.pose(np.zeros(204)).translations)
    assert len(joints) == len(rig.pose.bones)
