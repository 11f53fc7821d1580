"""Textures from photos on characters: material, pictures, painting, levels, previews, exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import cv2
import numpy as np
import pytest

import sam3db_blender
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import ModelError, Sam3dbError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models.store import load_body
from native_runtime.pipeline.requests import EstimateRequest
from native_runtime.service.client import Event
from native_runtime.texture.files import EncodedTexture, save_texture
from native_runtime.texture.making import Texture, make_texture
from native_runtime.texture.run import shot_of
from native_runtime.wearables.defaults import UNDERWEAR
from sam3db_blender.exports.export import export_character
from sam3db_blender.handles.loop import UNDO_STEP, Loop
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.jobs.photo import ImportJob, LastStep
from sam3db_blender.masks import store as masks
from sam3db_blender.operators.importing import add_to_scene
from sam3db_blender.previews.making import render_previews
from sam3db_blender.previews.subject import surface_of
from sam3db_blender.properties.import_options import to_request
from sam3db_blender.scene.levels import switch_level
from sam3db_blender.scene.materials import body_materials
from sam3db_blender.scene.provenance import character_id
from sam3db_blender.scene.textured import (
    CONFIDENCE,
    is_painted_on,
    picture_of,
    pixels_of,
    put_on,
    record_of,
    take_off,
    texture_of,
)
from sam3db_blender.textures.projecting import projection_of
from sam3db_blender.ui.look_panel import SAM3DB_PT_look
from sam3db_blender.wearables.dressing import dress, worn_of
from tests.support.glb import Glb
from tests.support.layout import Layout
from tests.support.painted import INTRINSICS, SIZE, Model, photograph, symmetric
from tests.support.told_worker import Worker as TellingWorker

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def body(models: Path) -> Body:
    return load_body("default-lod2", models)


def _estimate(body: Body, aside: float = 0.0) -> Estimate:
    state = PlacedState(
        np.zeros(len(body.parameter_names)),
        np.zeros(body.identity_count),
        np.zeros(body.expression_count),
        np.array([aside, 0.85, 3.8]),
    )
    return Estimate.from_state(
        body,
        state,
        INTRINSICS,
        image_size=np.array(SIZE),
        bbox=np.array([0.0, 0, *SIZE]),
        engine="truth",
        photo="a.png",
    )


@pytest.fixture(scope="module")
def photo(body: Body) -> Photo:
    estimate = _estimate(body)
    picture = photograph([Model(body, estimate.vertices.astype(float), symmetric(body.rest_vertices))])
    return Photo(picture, Path("a.png"))


@pytest.fixture(scope="module")
def texture(body: Body, photo: Photo) -> Texture:
    return make_texture(body, [shot_of(photo, _estimate(body), body)], 256)


@pytest.fixture
def rig(body: Body, photo: Photo) -> Any:
    built = build_photo_scene(bpy.data.scenes[0], [_estimate(body)], photo, body)
    bpy.context.view_layer.objects.active = built.characters[0].rig
    bpy.context.view_layer.update()
    return built.characters[0].rig


@pytest.fixture
def add_on() -> Iterator[None]:
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def _mesh(rig: Any) -> Any:
    return next(child for child in rig.children if child.type == "MESH")


def _dress(rig: Any, body: Body, texture: Texture) -> None:
    put_on(rig, EncodedTexture.of(texture), projection_of(rig, body, 256).sources)


def _slots(mesh: Any, body: Body) -> dict[str, Any]:
    return {part: slot.material for part, slot in zip(body.material_names, mesh.material_slots)}


def test_the_scene_gives_what_the_estimate_gives(rig: Any, body: Body, photo: Photo, texture: Texture) -> None:
    projection = projection_of(rig, body, 256)
    expected = shot_of(photo, _estimate(body), body)
    assert np.abs(projection.shots[0].vertices - expected.vertices).max() < 1e-4
    assert projection.shots[0].intrinsics == pytest.approx(expected.intrinsics, rel=1e-4)
    assert np.abs(projection.shots[0].pixels.astype(int) - photo.pixels).mean() < 4  # the .blend's copy is a JPEG


def test_skin_shows_the_picture_and_eyes_stay(rig: Any, body: Body, texture: Texture) -> None:
    mesh = _mesh(rig)
    before = _slots(mesh, body)
    _dress(rig, body, texture)
    after = _slots(mesh, body)
    assert after["skin"] == after["lips"] == after["nails"] != before["skin"]
    assert {part: after[part] for part in ("eyes", "iris", "teeth")} == {
        part: before[part] for part in ("eyes", "iris", "teeth")
    }
    picture = picture_of(after["skin"])
    assert picture is not None
    assert picture.packed_file is not None
    assert np.array_equal(pixels_of(picture), texture.colour)
    sure = after["skin"][CONFIDENCE]
    assert np.array_equal(pixels_of(sure)[..., 0], texture.confidence)
    assert after["skin"].node_tree.nodes.active.image == picture, "Texture Paint paints on the active one"
    record = record_of(mesh)
    assert record is not None
    assert record["shares"] == texture.facts["shares"]
    assert record["body_hash"] == body.hash


def test_another_one_keeps_the_material_and_what_was_painted(rig: Any, body: Body, texture: Texture) -> None:
    mesh = _mesh(rig)
    _dress(rig, body, texture)
    material, node = texture_of(mesh)
    principled = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    principled.inputs["Roughness"].default_value = 0.125
    first = node.image.name
    _dress(rig, body, texture)
    assert first not in bpy.data.images, "nobody had changed it"
    assert texture_of(mesh) == (material, node)
    assert principled.inputs["Roughness"].default_value == 0.125

    painted = node.image
    values = np.array(painted.pixels[:])
    values[:4000] = 1.0
    painted.pixels.foreach_set(values.astype(np.float32))
    painted.update()
    assert is_painted_on(painted)
    _dress(rig, body, texture)
    assert node.image != painted
    assert painted.use_fake_user, "an artist's work stays in the file"
    assert not is_painted_on(node.image)


@pytest.mark.parametrize("again", [False, True])
def test_what_was_painted_is_there_after_saving_and_opening(
    rig: Any, body: Body, texture: Texture, tmp_path: Path, again: bool
) -> None:
    """Whether the texture was removed or projected again."""
    mesh = _mesh(rig)
    _dress(rig, body, texture)
    material, node = texture_of(mesh)
    painted = [node.image, material[CONFIDENCE]]
    names = [picture.name for picture in painted]
    for picture in painted:
        _paint(picture, (1.0, 0.2, 0.4))
    expected = [pixels_of(picture) for picture in painted]
    if again:
        _dress(rig, body, texture)
    else:
        take_off(mesh, body_materials(body))
    path = str(tmp_path / "a.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    for name, pixels in zip(names, expected):
        assert np.array_equal(pixels_of(bpy.data.images[name]), pixels)
        assert is_painted_on(bpy.data.images[name])


def _paint(picture: Any, colour: tuple[float, float, float]) -> None:
    """Fills a block of a picture, as a brush does: in memory only."""
    width, height = picture.size
    values = np.empty(width * height * picture.channels, np.float32)
    picture.pixels.foreach_get(values)
    values.reshape(height, width, -1)[10:50, 20:90, :3] = colour
    picture.pixels.foreach_set(values)
    picture.update()
    assert picture.is_dirty


def test_a_character_that_shares_the_material_keeps_its_own(
    body: Body, photo: Photo, texture: Texture, rig: Any
) -> None:
    _dress(rig, body, texture)
    mesh = _mesh(rig)
    copy = mesh.copy()
    copy.data = mesh.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    material, node = texture_of(copy)
    image = node.image
    _dress(rig, body, texture)
    assert texture_of(copy) == (material, node)
    assert node.image == image
    assert texture_of(mesh)[0] != material


def test_it_can_be_taken_off(rig: Any, body: Body, texture: Texture) -> None:
    mesh = _mesh(rig)
    before, images = _slots(mesh, body), set(bpy.data.images.keys())
    _dress(rig, body, texture)
    take_off(mesh, body_materials(body))
    assert _slots(mesh, body) == before
    assert set(bpy.data.images.keys()) == images
    take_off(mesh, body_materials(body))
    assert _slots(mesh, body) == before


def test_it_stays_on_other_levels_of_detail_and_in_the_file(
    rig: Any, body: Body, texture: Texture, models: Path, tmp_path: Path
) -> None:
    _dress(rig, body, texture)
    mesh = _mesh(rig)
    material = texture_of(mesh)[0]
    switch_level(rig, mesh, load_body("default-lod1", models))
    assert texture_of(mesh)[0] == material
    path = tmp_path / "a.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    found = next(obj for obj in bpy.data.objects if obj.type == "MESH" and texture_of(obj))
    assert np.array_equal(pixels_of(texture_of(found)[1].image), texture.colour)
    assert not is_painted_on(texture_of(found)[1].image)


def test_previews_show_it_unless_they_are_of_clay(
    rig: Any, body: Body, texture: Texture, photo: Photo, tmp_path: Path
) -> None:
    red = replace(texture, colour=np.full_like(texture.colour, (220, 10, 10)))
    _dress(rig, body, red)
    assert surface_of([rig]).paint is not None
    assert surface_of([rig], textured=False).paint is None
    shown = {}
    for look in ("textured", "clay"):
        written = render_previews([rig], ["shaded"], tmp_path, look, 120, photo, look=look)
        shown[look] = cv2.imread(str(written["shaded"]))[40:60, 25:45].astype(int).reshape(-1, 3)
    blue, _, red_channel = shown["textured"].T
    assert (red_channel - blue).max() > 120
    blue, _, red_channel = shown["clay"].T
    assert (red_channel - blue).max() < 20


def test_files_for_other_programs_carry_it(rig: Any, body: Body, texture: Texture, tmp_path: Path) -> None:
    _dress(rig, body, texture)
    path = tmp_path / "a.glb"
    export_character(rig, path, replace(ExportOptions.for_target("unreal"), to="glb"))
    content = Glb.read(path).content
    assert len(content["images"]) == 1
    with_picture = [m for m in content["materials"] if "baseColorTexture" in m["pbrMetallicRoughness"]]
    assert len(with_picture) == 1
    primitives = [p for mesh in content["meshes"] for p in mesh["primitives"]]
    own = [p for p in primitives if content["materials"][p["material"]] == with_picture[0]]
    assert own
    assert all("TEXCOORD_0" in p["attributes"] for p in own)


def test_the_button_makes_it_and_undoes_nothing_else(rig: Any, body: Body, add_on: None) -> None:
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.sam3db.project_texture(size="1024") == {"FINISHED"}
    mesh = _mesh(rig)
    record = record_of(mesh)
    assert record is not None
    assert record["size"] == 1024
    assert record["shares"]["seen"] > 0.15
    rig.pose.bones["l_uparm"].rotation_mode = "XYZ"
    assert bpy.ops.sam3db.project_texture(size="1024", remove_light=False) == {"FINISHED"}
    assert record_of(mesh)["light_removed"] == [0.0]
    assert bpy.ops.sam3db.remove_texture() == {"FINISHED"}
    assert texture_of(mesh) is None
    assert not bpy.ops.sam3db.remove_texture.poll()


def test_the_panel_says_why_the_skin_takes_no_colour(rig: Any, body: Body, texture: Texture, add_on: None) -> None:
    context = SimpleNamespace(
        region=SimpleNamespace(width=1000), preferences=bpy.context.preferences, object=rig, scene=bpy.context.scene
    )

    def texts() -> str:
        panel: Any = SimpleNamespace(layout=Layout())
        SAM3DB_PT_look._draw_person(panel, context, rig)  # type: ignore[arg-type]
        return "\n".join(panel.layout.drawn)

    assert "<sam3db_skin_color>" in texts()
    assert "texture covers it" not in texts()
    _dress(rig, body, texture)
    assert "<sam3db_skin_color>\nThe texture covers it: paint there, or remove it." in texts()


def test_a_mask_of_the_person_is_kept_to(rig: Any, body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sam3db_blender.places.user_folder", lambda name: tmp_path)
    mask = np.zeros(SIZE[::-1], bool)
    mask[:240] = True
    masks.set_mask(rig, mask)
    assert np.array_equal(projection_of(rig, body).shots[0].mask, mask)


def test_other_people_of_the_photo_are_known(body: Body, photo: Photo) -> None:
    built = build_photo_scene(bpy.data.scenes[0], [_estimate(body), _estimate(body, 0.4)], photo, body)
    bpy.context.view_layer.update()
    first = built.characters[0].rig
    ((points, triangles),) = projection_of(first, body).shots[0].others
    assert np.abs(points - _estimate(body, 0.4).vertices).max() < 1e-4
    assert len(triangles) == len(body.triangles)


def test_meshes_with_other_vertices_are_refused(rig: Any, body: Body) -> None:
    _mesh(rig).modifiers.new("finer", "SUBSURF")
    with pytest.raises(Sam3dbError, match="switch off modifiers"):
        projection_of(rig, body)


def test_a_photo_that_is_gone_is_named(rig: Any, body: Body, add_on: None) -> None:
    camera = bpy.context.scene.camera
    camera.data.background_images.clear()
    with pytest.raises(RuntimeError, match="no longer in its camera's background"):
        bpy.ops.sam3db.project_texture(size="1024")
    assert texture_of(_mesh(rig)) is None


def test_an_import_brings_the_textures_that_the_worker_made(
    body: Body, photo: Photo, texture: Texture, tmp_path: Path
) -> None:
    """Only the first person has one; where one cannot be read, the scene stays as it was."""
    cv2.imwrite(str(tmp_path / "a.png"), photo.pixels[..., ::-1])
    people = []
    for number in range(2):
        _estimate(body, 0.4 * number).save(tmp_path / f"a_person{number}")
        people.append(tmp_path / f"a_person{number}.npz")
    files = save_texture(texture, tmp_path / "a_person0", {"photos": [{"name": "a.png"}], "body_hash": body.hash})
    result = {
        "people": [
            {"estimate": str(people[0]), "texture": files.to_json()},
            {"bbox": [0.0, 0.0, 1.0, 1.0]},
            {"estimate": str(people[1])},
        ]
    }
    request = EstimateRequest(photo=tmp_path / "a.png", body=body.name, texture=True)
    worker = TellingWorker(Event(1, "done", result=result))
    job = ImportJob(worker, request)
    assert worker.asked[0][1]["texture"] is True
    assert job.poll()
    assert job.textures == [files, None]
    assert LastStep(job, 0).texture == files
    assert LastStep(job, 1).texture is None

    built = add_to_scene(bpy.context, request, job.estimates, light=False, textures=job.textures)
    first, second = (_mesh(character.rig) for character in built.characters)
    found = texture_of(first)
    assert found is not None
    assert texture_of(second) is None
    assert np.array_equal(pixels_of(found[1].image), texture.colour)
    assert found[1].image.packed_file.size == files.colour.stat().st_size, "the worker's file as it is"
    assert not is_painted_on(found[1].image)
    record = record_of(first)
    assert record is not None
    assert record["photos"] == [{"name": "a.png"}]

    before = {kind: set(getattr(bpy.data, kind).keys()) for kind in ("objects", "images", "materials", "meshes")}
    files.colour.unlink()
    with pytest.raises(ModelError, match="texture"):
        add_to_scene(bpy.context, request, job.estimates, light=False, textures=job.textures)
    assert {kind: set(getattr(bpy.data, kind).keys()) for kind in before} == before


def test_an_artist_can_leave_the_texture_out(body: Body, add_on: None) -> None:
    state = bpy.context.window_manager.sam3db
    state.body, state.engine = body.name, "landmarks"
    assert to_request(state, Path("a.png"), None).texture
    state.texture = False
    assert not to_request(state, Path("a.png"), None).texture


def test_the_last_step_of_an_import_brings_the_texture(rig: Any, body: Body, texture: Texture, tmp_path: Path) -> None:
    """Characters that were made of an early step get it with the last one, in the same step of undo."""
    _estimate(body).save(tmp_path / "a_person0")
    files = save_texture(texture, tmp_path / "a_person0", {})
    window, made = Steps(), tmp_path / "a_person0.npz"
    dress(rig, _mesh(rig), body)
    assert any(worn_of(rig, kind) for kind in UNDERWEAR)
    loop = Loop(window, TellingWorker)
    awaited = SimpleNamespace(
        state="done",
        status="",
        error="",
        kind="",
        estimate=made,
        texture=files,
        poll=lambda: True,
    )
    loop.expect(character_id(rig), awaited)
    while loop.busy:
        loop.tick()
    found = texture_of(_mesh(rig))
    assert found is not None
    assert np.array_equal(pixels_of(found[1].image), texture.colour)
    assert not any(worn_of(rig, kind) for kind in UNDERWEAR), "the texture shows clothes"
    assert window.pushed == [UNDO_STEP]


class Steps:
    """A window in which nobody drags, and whose undo steps are counted."""

    def __init__(self) -> None:
        self.pushed: list[str] = []

    def dragging(self) -> bool:
        return False

    def push_undo(self, message: str) -> None:
        self.pushed.append(message)

    def step(self, direction: str) -> bool:
        return False
