"""Characters of several photos: their cameras, photos and handles in the scene, and what is said with them."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from native_runtime.camera import project
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import PhotoError, UsageError
from native_runtime.mhr import POSE, Body
from native_runtime.service.client import Event
from native_runtime.takes.views.pose_request import PoseViewsRequest
from native_runtime.texture.files import save_texture
from native_runtime.texture.making import Texture
from sam3db_blender import places
from sam3db_blender.builder import views as builder
from sam3db_blender.handles.handles import by_keypoint, in_all_views, is_handle, place
from sam3db_blender.handles.question import question_for
from sam3db_blender.operators import views as operators
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.pose import read_settings, set_shape
from sam3db_blender.scene.bodies import body_mesh
from sam3db_blender.scene.camera import camera_of, cameras_of
from sam3db_blender.scene.source import photo_of
from sam3db_blender.scene.textured import record_of, texture_of
from sam3db_blender.scene.viewpoints import characters_of_body, read_views, view_of, viewpoint_of
from sam3db_blender.textures.projecting import projection_of
from sam3db_blender.ui.views_panel import draw_views
from sam3db_blender.views.build import ViewsScene, build_views_scene
from sam3db_blender.views.files import read_views_file
from tests.support.layout import Layout
from tests.support.posing_stage import install_body
from tests.support.told_worker import Worker as TellingWorker
from tests.support.view_files import NAMES, SIZES, UP, views_body, write_views

BAR = 0.05  # px


@pytest.fixture(scope="module")
def body() -> Body:
    return views_body()


def build(body: Body, summary: Path, **options: bool) -> ViewsScene:
    made = build_views_scene(bpy.context.scene, read_views_file(summary), body, light=False, **options)
    bpy.context.view_layer.update()
    return made


def pixels_in(camera: bpy.types.Object, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(N, 2) px where Blender itself has world points in the picture of a camera."""
    scene = bpy.context.scene
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = size
    seen = np.array([world_to_camera_view(scene, camera, Vector(point)) for point in points])
    return np.stack([seen[:, 0] * size[0] - 0.5, (1.0 - seen[:, 1]) * size[1] - 0.5], axis=1)


@pytest.mark.parametrize("units", [1.0, 0.01])
@pytest.mark.parametrize("controls", [False, True])
def test_every_camera_sees_the_one_body_where_its_photo_has_it(
    body: Body, tmp_path: Path, units: float, controls: bool
) -> None:
    bpy.context.scene.unit_settings.scale_length = units
    made = build(body, write_views(body, tmp_path), controls=controls)
    (character,) = made.characters
    assert len(made.cameras) == 3
    vertices = evaluated_vertices(character.mesh, bpy.context.evaluated_depsgraph_get())
    for number, camera in enumerate(made.cameras):
        estimate = Estimate.load(tmp_path / f"{NAMES[number]}_person0.npz")
        expected = project(estimate.vertices[::9], estimate.intrinsics)
        found = pixels_in(camera, vertices[::9], SIZES[number])
        assert np.abs(found - expected).max() < BAR
        assert camera_of(character.rig, number) == camera
        assert camera.data.background_images[0].image.name == NAMES[number]


def test_the_first_camera_stands_as_that_of_a_single_photo(body: Body, tmp_path: Path) -> None:
    """The body stands on the floor, and what is up for the first camera is up."""
    made = build(body, write_views(body, tmp_path))
    vertices = evaluated_vertices(made.characters[0].mesh, bpy.context.evaluated_depsgraph_get())
    assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-4)
    above = np.array(made.cameras[0].matrix_world)[:3, :3] @ (np.array(UP) * (1, -1, -1)) / np.linalg.norm(UP)
    np.testing.assert_allclose(above, (0, 0, 1), atol=1e-5)


def test_each_view_has_handles_where_it_shows_the_keypoints(body: Body, tmp_path: Path) -> None:
    made = build(body, write_views(body, tmp_path))
    rig = made.characters[0].rig
    assert len(in_all_views(rig)) == 3 * 70
    for number, camera in enumerate(made.cameras):
        estimate = Estimate.load(tmp_path / f"{NAMES[number]}_person0.npz")
        handles = by_keypoint(rig, number)
        assert list(handles) == list(range(70))
        there = np.array([place(handle) for handle in handles.values()])
        assert np.abs(there - estimate.keypoints_2d).max() < BAR
        assert all(handle.parent.parent == camera for handle in handles.values())
        np.testing.assert_allclose(viewpoint_of(rig, number).keypoints_3d, estimate.keypoints_3d, atol=1e-4)


def test_the_photos_are_found_again(body: Body, tmp_path: Path) -> None:
    rig = build(body, write_views(body, tmp_path)).characters[0].rig
    for number, name in enumerate(NAMES):
        assert photo_of(rig, SIZES[number], number).path == tmp_path / f"{name}.png"


def test_photos_are_looked_for_above_the_file_and_in_a_folder(body: Body, tmp_path: Path) -> None:
    summary = write_views(body, tmp_path / "out" / "views", photos=tmp_path)
    assert len(read_views_file(summary).people) == 3
    elsewhere = write_views(body, tmp_path / "a" / "b" / "c" / "views", photos=tmp_path / "photos")
    with pytest.raises(PhotoError, match=r"front\.png is not beside front_views\.json"):
        read_views_file(elsewhere)
    assert len(read_views_file(elsewhere, folder=tmp_path / "photos").people) == 3


def test_photos_of_different_moments_become_a_character_each_of_one_body(body: Body, tmp_path: Path) -> None:
    made = build(body, write_views(body, tmp_path, one_pose=False))
    assert len(made.characters) == 3
    rigs = [character.rig for character in made.characters]
    assert characters_of_body(rigs[1]) == rigs
    for number, character in enumerate(made.characters):
        estimate = Estimate.load(tmp_path / f"{NAMES[number]}_person0.npz")
        vertices = evaluated_vertices(character.mesh, bpy.context.evaluated_depsgraph_get())
        found = pixels_in(made.cameras[number], vertices[::9], SIZES[number])
        assert np.abs(found - project(estimate.vertices[::9], estimate.intrinsics)).max() < BAR
        assert cameras_of(character.rig) == {0: made.cameras[number]}
        assert len(by_keypoint(character.rig)) == 70


def test_files_that_do_not_belong_together_are_refused_and_the_scene_stays(body: Body, tmp_path: Path) -> None:
    from dataclasses import replace

    summary = write_views(body, tmp_path)
    other = Estimate.load(tmp_path / "side_person0.npz")
    bent = other.model_parameters.copy()
    bent[40] += 0.1
    replace(other, model_parameters=bent).save(tmp_path / "side_person0")
    with pytest.raises(UsageError, match="front and side are not of one pose"):
        build(body, summary)
    assert not bpy.data.objects


@pytest.fixture
def installed(body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The body among the installed ones."""
    install_body(body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")


def shown_handles(view_layer: bpy.types.ViewLayer) -> set[int]:
    """The views whose handles are seen."""
    return {view_of(obj) for obj in view_layer.objects if is_handle(obj) and obj.visible_get()}


def panel_of(rig: bpy.types.Object) -> list[str]:
    """What the panel shows of a character."""
    layout = Layout()
    draw_views(layout, rig, 60)
    return layout.drawn


def test_a_click_in_the_panel_switches_to_a_photo(
    asked: list[str], installed: None, body: Body, tmp_path: Path
) -> None:
    assert bpy.ops.sam3db.import_views(filepath=str(write_views(body, tmp_path)), light=False) == {"FINISHED"}
    rig, scene = bpy.context.view_layer.objects.active, bpy.context.scene
    assert shown_handles(bpy.context.view_layer) == {0}
    rows = ("cam0", "1.2 px", "cam1", "2.2 px", "cam2", "3.2 px")
    assert [text.removeprefix("[sam3db.pose_in_view] ") for text in panel_of(rig)[:6]] == list(rows)
    assert "contradicts the others" in " ".join(panel_of(rig)[6:])
    for number in (2, 1, 0):
        before = np.array(rig.matrix_world)
        assert bpy.ops.sam3db.pose_in_view(number=number) == {"FINISHED"}
        assert scene.camera == cameras_of(rig)[number]
        assert (scene.render.resolution_x, scene.render.resolution_y) == SIZES[number]
        assert shown_handles(bpy.context.view_layer) == {number}
        assert bpy.context.view_layer.objects.active == rig
        np.testing.assert_array_equal(np.array(rig.matrix_world), before)
    with pytest.raises(RuntimeError, match="no photo of the number 4"):
        bpy.ops.sam3db.pose_in_view(number=3)
    assert asked == []


@pytest.mark.parametrize("one_pose", [True, False])
def test_a_photo_without_its_camera_is_not_switched_to(
    asked: list[str], installed: None, body: Body, tmp_path: Path, one_pose: bool
) -> None:
    bpy.ops.sam3db.import_views(filepath=str(write_views(body, tmp_path, one_pose=one_pose)), light=False)
    bpy.ops.sam3db.pose_in_view(number=0)
    rig, scene = bpy.context.view_layer.objects.active, bpy.context.scene
    camera, last = scene.camera, characters_of_body(rig)[-1]
    bpy.data.objects.remove(camera_of(last, 2 if one_pose else 0))
    with pytest.raises(RuntimeError, match="was deleted: undo the deletion, choose another photo"):
        bpy.ops.sam3db.pose_in_view(number=2)
    assert (bpy.context.view_layer.objects.active, view_of(rig), scene.camera) == (rig, 0, camera)
    assert shown_handles(bpy.context.view_layer) == {0}
    for shown in (True, False):
        assert bpy.ops.sam3db.show_handles(on=shown) == {"FINISHED"}
    if one_pose:  # beside the first camera the others stand
        bpy.data.objects.remove(camera)
        with pytest.raises(RuntimeError, match="was deleted"):
            bpy.ops.sam3db.pose_in_view(number=1)
        assert view_of(rig) == 0


def test_a_click_switches_to_the_character_of_a_photo(
    asked: list[str], installed: None, body: Body, tmp_path: Path
) -> None:
    summary = write_views(body, tmp_path, one_pose=False)
    assert bpy.ops.sam3db.import_views(filepath=str(summary), light=False) == {"FINISHED"}
    rigs = characters_of_body(bpy.context.view_layer.objects.active)
    assert bpy.context.view_layer.objects.active == rigs[0]
    assert bpy.ops.sam3db.pose_in_view(number=2) == {"FINISHED"}
    assert bpy.context.view_layer.objects.active == rigs[2]
    assert bpy.context.scene.camera == camera_of(rigs[2])
    bpy.ops.sam3db.remove_character(character=rigs[1]["sam3db"]["id"])
    with pytest.raises(RuntimeError, match="was removed"):
        bpy.ops.sam3db.pose_in_view(number=1)


def test_a_shape_is_shared_with_the_other_photos(asked: list[str], installed: None, body: Body, tmp_path: Path) -> None:
    """What was changed on one character becomes all others', whose poses stay and are inferred again."""
    bpy.ops.sam3db.import_views(filepath=str(write_views(body, tmp_path, one_pose=False)), light=False)
    rigs = characters_of_body(bpy.context.view_layer.objects.active)
    before = [read_settings(rig, body) for rig in rigs]
    identity = before[0].identity + 0.3
    set_shape(rigs[0], body, identity, None)
    bpy.context.view_layer.update()
    assert "[sam3db.share_body] " in panel_of(rigs[0])
    assert bpy.ops.sam3db.share_body() == {"FINISHED"}
    assert asked == [rig.name for rig in rigs[1:]]
    for rig, old in zip(rigs, before, strict=True):
        now = read_settings(rig, body)
        np.testing.assert_allclose(now.identity, identity, atol=1e-5)
        np.testing.assert_allclose(now.model_parameters[POSE], old.model_parameters[POSE], atol=1e-4)
    asked_next = question_for(rigs[2])
    assert not isinstance(asked_next, PoseViewsRequest)
    assert asked_next.edits is not None
    np.testing.assert_allclose(list(asked_next.edits.identity.values()), identity, atol=1e-5)


def test_all_cameras_and_handles_go_with_the_character(
    asked: list[str], installed: None, body: Body, tmp_path: Path
) -> None:
    assert bpy.ops.sam3db.import_views(filepath=str(write_views(body, tmp_path))) == {"FINISHED"}
    bpy.ops.sam3db.remove_character(character=bpy.context.view_layer.objects.active["sam3db"]["id"])
    assert not bpy.data.objects
    assert not bpy.data.collections
    assert {image.name for image in bpy.data.images if image.users} == set()


def test_a_file_without_its_photos_is_refused(asked: list[str], installed: None, body: Body, tmp_path: Path) -> None:
    summary = write_views(body, tmp_path / "a" / "b" / "c", photos=tmp_path / "photos")
    with pytest.raises(RuntimeError, match="say which folder holds the photos"):
        bpy.ops.sam3db.import_views(filepath=str(summary))
    assert not bpy.data.objects
    assert bpy.ops.sam3db.import_views(filepath=str(summary), photos=str(tmp_path / "photos")) == {"FINISHED"}


def import_photos(folder: Path, names: list[str], **options: object) -> set[str]:
    files = [{"name": name} for name in names]
    return bpy.ops.sam3db.import_view_photos(directory=f"{folder}/", files=files, light=False, **options)


@pytest.mark.parametrize("one_pose", [True, False])
def test_photos_become_a_character(
    asked: list[str], installed: None, body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_pose: bool
) -> None:
    """Two photos or more, chosen in the file browser, go to the worker by their names' order."""
    summary = write_views(body, tmp_path / "made", one_pose=one_pose, photos=tmp_path)
    answering = TellingWorker(Event(1, "done", result={"summary": str(summary)}))
    monkeypatch.setattr("sam3db_blender.jobs.worker.worker", answering)
    monkeypatch.setattr("native_runtime.models.store.load_body", lambda name, models: body)
    names = [f"{name}.png" for name in NAMES]
    moment = "SAME" if one_pose else "DIFFERENT"
    # the stand-in's files are in its own order, whatever that of the names
    monkeypatch.setattr(operators, "sorted", lambda given: given, raising=False)
    assert import_photos(tmp_path, names, moment=moment, engine="landmarks") == {"FINISHED"}
    ((do, keys),) = answering.asked
    assert do == "views"
    assert keys["photos"] == [str(tmp_path / name) for name in names]
    assert keys["synchronised"] is one_pose
    assert len(characters_of_body(bpy.context.view_layer.objects.active)) == (1 if one_pose else 3)
    assert len([obj for obj in bpy.data.objects if obj.type == "CAMERA"]) == 3


@pytest.mark.parametrize("one_pose", [True, False])
def test_a_texture_is_made_of_all_photos(body: Body, tmp_path: Path, one_pose: bool) -> None:
    made = build(body, write_views(body, tmp_path, one_pose=one_pose))
    bpy.context.view_layer.update()
    rig = made.characters[0].rig
    projection = projection_of(rig, body)
    assert [photo["name"] for photo in projection.sources["photos"]] == [f"{name}.png" for name in NAMES]
    for number, shot in enumerate(projection.shots):
        assert shot.pixels.shape[:2] == SIZES[number][::-1]
        character, view = (rig, number) if one_pose else (made.characters[number].rig, 0)
        seen = viewpoint_of(character, view)
        np.testing.assert_allclose(shot.intrinsics, seen.intrinsics, rtol=1e-4)
        middle = project(shot.vertices, shot.intrinsics).mean(axis=0)
        assert np.linalg.norm(middle - np.nanmean(seen.keypoints_2d, axis=0)) < 0.2 * max(SIZES[number])
    # a photo that is gone costs only itself
    bpy.data.objects.remove(made.cameras[2])
    assert len(projection_of(rig, body).shots) == 2


@pytest.mark.parametrize("one_pose", [True, False])
def test_all_characters_of_a_body_wear_the_texture_of_all_photos(
    asked: list[str], installed: None, body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_pose: bool
) -> None:
    summary = write_views(body, tmp_path / "made", one_pose=one_pose, photos=tmp_path)
    facts = {"size": 8, "shares": {"seen": 1.0}, "mean_seen": [90, 90, 90]}
    flat = Texture(np.full((8, 8, 3), 90, np.uint8), np.full((8, 8), 255, np.uint8), facts)
    files = save_texture(flat, tmp_path / "made" / "worn", {"photos": [{"name": name} for name in NAMES]})
    answering = TellingWorker(Event(1, "done", result={"summary": str(summary), "texture": files.to_json()}))
    monkeypatch.setattr("sam3db_blender.jobs.worker.worker", answering)
    monkeypatch.setattr("native_runtime.models.store.load_body", lambda name, models: body)
    monkeypatch.setattr(operators, "sorted", lambda given: given, raising=False)
    moment = "SAME" if one_pose else "DIFFERENT"
    assert import_photos(tmp_path, [f"{name}.png" for name in NAMES], moment=moment) == {"FINISHED"}
    assert answering.asked[0][1]["texture"] is True
    meshes = [body_mesh(rig) for rig in characters_of_body(bpy.context.view_layer.objects.active)]
    worn = [texture_of(mesh) for mesh in meshes]
    assert len(worn) == (1 if one_pose else 3)
    assert all(worn)
    assert len({material for material, _ in worn}) == 1, "one picture for all"
    record = record_of(meshes[0])
    assert record is not None
    assert [photo["name"] for photo in record["photos"]] == list(NAMES)


def test_what_is_wrong_with_the_photos_is_said_and_the_scene_stays(
    asked: list[str], installed: None, body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_views(body, tmp_path)
    with pytest.raises(RuntimeError, match="need two photos or more"):
        import_photos(tmp_path, ["front.png"])
    failing = TellingWorker(Event(1, "error", error="NoPersonError", text="Nobody is in front.png."))
    monkeypatch.setattr("sam3db_blender.jobs.worker.worker", failing)
    with pytest.raises(RuntimeError, match="Nobody is in front"):
        import_photos(tmp_path, ["front.png", "side.png"])
    assert not bpy.data.objects


def test_a_calibration_counts_for_photos_of_one_moment(
    asked: list[str], installed: None, body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_views(body, tmp_path)
    failing = TellingWorker(Event(1, "error", error="FileError", text="no"))
    monkeypatch.setattr("sam3db_blender.jobs.worker.worker", failing)
    given = {"calibration": str(tmp_path / "rig.toml"), "unit": "mm"}
    for moment in ("SAME", "DIFFERENT"):
        with pytest.raises(RuntimeError, match="no"):
            import_photos(tmp_path, ["front.png", "side.png"], moment=moment, **given)
    (_, same), (_, different) = failing.asked
    assert (same["calibration"], same["unit"]) == (str(tmp_path / "rig.toml"), "mm")
    assert not {"calibration", "unit"} & different.keys()


def test_the_command_line_writes_a_file(body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "load_body", lambda name, models: body)
    summary = write_views(body, tmp_path / "out", photos=tmp_path / "photos")
    photos = [tmp_path / "photos" / f"{name}.png" for name in NAMES]
    notes = builder.write_views_scene(summary, photos, tmp_path / "person.blend", texture=False)
    assert all(note.startswith("'seen' has") for note in notes), "what it cannot wear, and nothing else"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "person.blend"))
    rig = bpy.context.view_layer.objects.active
    assert [camera.name for camera in cameras_of(rig).values()] == [f"{name} Camera" for name in NAMES]
    assert len(in_all_views(rig)) == 3 * 70
    assert photo_of(rig, SIZES[1], 1).path == photos[1]


def test_the_record_says_what_the_summary_says(body: Body, tmp_path: Path) -> None:
    views = read_views(build(body, write_views(body, tmp_path)).characters[0].rig)
    assert views is not None
    assert views.one_pose
    assert [view.title for view in views.views] == list(NAMES)
    assert [view.error_px for view in views.views] == [1.25, 2.25, 3.25]
    assert [view.camera for view in views.views] == ["cam0", "cam1", "cam2"]
    assert [view.doubted for view in views.views] == [False, False, True]
