"""Previews show the characters where they are, take in all of them, and leave the scene as it was."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import bpy
import cv2
import numpy as np
import pytest

import sam3db_blender
from native_runtime.camera import project
from native_runtime.cli.console import Console
from native_runtime.cli.main import main
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.render.framing import crop_around, cropped, turntable_views
from native_runtime.render.pictures import Kind
from native_runtime.render.studio import TINTS, lit
from sam3db_blender.cli import preview_arguments
from sam3db_blender.files.blend import save_blend
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.previews.blender_engines import Engine, blender_renderer
from sam3db_blender.previews.making import KINDS, RENDERERS, preview_steps, render_previews
from sam3db_blender.previews.saved import groups_of_file, named_groups
from sam3db_blender.previews.subject import camera_view, heading_of, photo_view_of, surface_of
from sam3db_blender.properties.preview_items import KIND_ITEMS, RENDERER_ITEMS
from sam3db_blender.scene.character import PhotoScene
from tests.support.photo_scenes import photo_scene

Array = np.ndarray
STUDIO: tuple[Kind, ...] = ("turntable", "wire", "shaded")


def _scene(
    body: Body,
    size: tuple[int, int] = (320, 240),
    centre: tuple[float, float] | None = None,
    focal: tuple[float, float] = (300.0, 300.0),
    reduced: int = 1,
) -> tuple[PhotoScene, Estimate, Photo]:
    """One person, bent and turned, before a camera that may be anything; the photo may hold fewer pixels."""
    parameters = np.zeros(204)
    parameters[3:6] = (0.2, 0.5, -0.1)
    for name, angle in (("l_uparm_ry", -0.9), ("r_upleg_rz", 0.7), ("l_lowarm_rz", 0.8)):
        if name in body.parameter_names:
            parameters[body.parameter_index(name)] = angle
    width, height = size
    cx, cy = centre or ((width - 1) / 2, (height - 1) / 2)
    estimate = Estimate.from_state(
        body,
        PlacedState(
            parameters, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([0.1, 0.9, 3.2])
        ),
        np.array([[focal[0], 0, cx], [0, focal[1], cy], [0, 0, 1]]),
        image_size=np.array(size),
        bbox=np.array([0.0, 0.0, *size]),
        engine="landmarks",
        photo="photo.jpg",
    )
    rng = np.random.default_rng(3)
    # red throughout, which no tint ever is
    pixels = rng.integers((200, 0, 0), (256, 60, 60), (height // reduced // 20 + 1, width // reduced // 20 + 1, 3))
    pixels = cv2.resize(pixels.astype(np.uint8), (width // reduced, height // reduced), interpolation=cv2.INTER_LINEAR)
    photo = Photo(pixels=pixels, path=Path("photo.jpg"), original_size=size)
    built = build_photo_scene(bpy.context.scene, [estimate], photo, body)
    bpy.context.view_layer.update()
    return built, estimate, photo


_COLLECTIONS = (
    *("actions", "armatures", "cameras", "collections", "curves", "images", "lights", "materials", "meshes"),
    *("node_groups", "objects", "scenes", "shape_keys", "texts", "worlds"),
)


def _snapshot() -> dict[str, Any]:
    """All of Blender's data that a preview could disturb."""
    context = bpy.context
    collections = {
        name: sorted((block.name_full, block.users, block.use_fake_user) for block in getattr(bpy.data, name))
        for name in _COLLECTIONS
    }
    objects = {
        obj.name: (
            [list(row) for row in obj.matrix_world],
            obj.hide_viewport,
            obj.hide_render,
            obj.hide_get(),
            obj.select_get(),
            [collection.name for collection in obj.users_collection],
            sorted(obj.keys()),
            [len(attributes.data) for attributes in obj.data.attributes] if obj.type == "MESH" else None,
        )
        for obj in context.scene.objects
    }
    render = context.scene.render
    settings = {
        name: str(getattr(render, name))
        for name in ("engine", "resolution_x", "resolution_y", "resolution_percentage", "filepath", "film_transparent")
    }
    return {
        "collections": collections,
        "objects": objects,
        "render": settings,
        "view": (context.scene.view_settings.view_transform, context.scene.view_settings.look),
        "camera": context.scene.camera.name if context.scene.camera else None,
        "world": context.scene.world.name if context.scene.world else None,
        "frame": context.scene.frame_current,
        "scene": context.scene.name,
        "active": context.object.name if context.object else None,
        "mode": context.mode,
    }


def _silhouette(points: Array, triangles: Array, width: int, height: int) -> Array:
    """Which pixels the triangles cover that face the camera and whose corners are seen at (V, 2) px: by OpenCV."""
    canvas = np.zeros((height, width), np.uint8)
    fraction = 4
    a, b, c = points[triangles].transpose(1, 0, 2)
    facing = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
    for corners in np.round(points[triangles[facing]] * 2**fraction).astype(np.int32):
        cv2.fillConvexPoly(canvas, corners, 255, cv2.LINE_8, fraction)
    return canvas > 0


# --- where things are -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def default_body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


CAMERAS = {
    "landscape": {},
    "portrait": {"size": (240, 320)},
    "square": {"size": (256, 256)},
    "off centre": {"size": (300, 220), "centre": (120.0, 130.0)},
    "pixels not square": {"focal": (280.0, 330.0)},
    "fewer pixels": {"size": (640, 480), "focal": (600.0, 600.0), "reduced": 2},
}


@pytest.mark.parametrize("camera", CAMERAS)
def test_vertices_line_up_with_the_estimates(any_body: Body, camera: str) -> None:
    built, estimate, photo = _scene(any_body, **CAMERAS[camera])
    rig = built.characters[0].rig
    height, width = photo.pixels.shape[:2]
    seen = camera_view(rig, width, height)
    found = project(seen.local(surface_of([rig]).vertices), seen.intrinsics)
    expected = project(estimate.vertices, estimate.intrinsics)
    scale = np.array([width, height]) / estimate.image_size
    assert np.abs(found - ((expected + 0.5) * scale - 0.5)).max() < 0.1


def test_the_overlay_has_the_outline_of_the_mesh(default_body: Body, tmp_path: Path) -> None:
    """What the picture changes in the photo is what the estimate's own vertices cover, within a pixel."""
    built, estimate, photo = _scene(default_body)
    size = 480
    pictures = render_previews([built.characters[0].rig], ["overlay"], tmp_path, "p", size, photo)
    picture = cv2.cvtColor(cv2.imread(str(pictures["overlay"])), cv2.COLOR_BGR2RGB)
    whole = photo_view_of(built.characters[0].rig, photo).view
    expected = project(estimate.vertices, estimate.intrinsics)
    crop = crop_around(expected, whole.width, whole.height)
    view = cropped(whole, crop, size)
    assert picture.shape[:2] == (view.height, view.width)
    scale = np.array([view.width / crop.width, view.height / crop.height])
    placed = (expected - (crop.left, crop.top) + 0.5) * scale - 0.5
    covered = _silhouette(placed, default_body.triangles, view.width, view.height)

    part = photo.pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    part = cv2.resize(part, (view.width, view.height), interpolation=cv2.INTER_CUBIC)
    changed = np.abs(picture.astype(int) - part).max(axis=2) > 50
    kernel = np.ones((3, 3), np.uint8)
    near = cv2.dilate(covered.astype(np.uint8), kernel) > 0
    assert not (changed & ~near).any()
    inner = cv2.erode(covered.astype(np.uint8), kernel) > 0
    assert changed[inner].mean() > 0.999


def test_the_renderer_covers_what_the_mesh_covers(default_body: Body) -> None:
    built, estimate, _ = _scene(default_body, size=(640, 480), focal=(700.0, 700.0))
    rig = built.characters[0].rig
    coverage = lit(surface_of([rig]), camera_view(rig, 640, 480))[..., 3]
    points = project(estimate.vertices, estimate.intrinsics)
    expected = _silhouette(points, default_body.triangles, 640, 480).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    assert (coverage[cv2.dilate(expected, kernel) == 0] == 0).all()
    assert (coverage[cv2.erode(expected, kernel) > 0] > 0.5).mean() > 0.999


def test_edits_are_seen(small_body: Body) -> None:
    built, _, _ = _scene(small_body)
    rig = built.characters[0].rig
    before = surface_of([rig]).vertices
    rig.location.x += 0.25
    bpy.context.view_layer.update()
    np.testing.assert_allclose(
        surface_of([rig]).vertices - before, np.broadcast_to((0.25, 0, 0), before.shape), atol=1e-5
    )
    bone = rig.pose.bones["l_uparm"]
    bone.rotation_mode = "XYZ"
    bone.rotation_euler = (0.0, 0.8, 0.3)
    bpy.context.view_layer.update()
    moved = np.linalg.norm(surface_of([rig]).vertices - before - (0.25, 0, 0), axis=1)
    assert moved.max() > 0.02
    assert (moved < 1e-4).mean() > 0.3


def test_a_mesh_is_drawn_that_its_modifier_alone_ties_to_the_rig(small_body: Body) -> None:
    built, _, _ = _scene(small_body)
    rig, mesh = built.characters[0].rig, built.characters[0].mesh
    before = surface_of([rig]).vertices
    mesh.parent = None
    mesh.matrix_world = rig.matrix_world
    bpy.context.view_layer.update()
    np.testing.assert_allclose(surface_of([rig]).vertices, before, atol=1e-5)


def test_a_changed_lens_is_seen(small_body: Body) -> None:
    built, _, _ = _scene(small_body)
    rig = built.characters[0].rig
    before = camera_view(rig, 320, 240)
    built.camera.data.lens *= 2
    built.camera.location.z += 0.5
    bpy.context.view_layer.update()
    after = camera_view(rig, 320, 240)
    assert after.intrinsics[0, 0] == pytest.approx(2 * before.intrinsics[0, 0], rel=1e-5)
    np.testing.assert_allclose(after.position - before.position, (0, 0, 0.5), atol=1e-6)


def test_each_person_has_a_tint(small_body: Body) -> None:
    built = photo_scene(small_body, count=3)
    surface = surface_of([character.rig for character in built.characters])
    count = len(surface.vertices) // 3
    parts = [surface.colours[number * count : (number + 1) * count] for number in range(3)]
    for part, tint in zip(parts, TINTS):
        directions = part / np.linalg.norm(part, axis=1, keepdims=True)
        np.testing.assert_allclose(directions, np.broadcast_to(tint / np.linalg.norm(tint), part.shape), atol=1e-6)


def test_dark_parts_stay_darker(small_body: Body) -> None:
    built, _, _ = _scene(small_body)
    mesh = built.characters[0].mesh
    for polygon in mesh.data.polygons:
        polygon.material_index = 0
    bpy.context.view_layer.update()
    usual = surface_of([built.characters[0].rig]).colours
    black = bpy.data.materials.new("black")
    black.diffuse_color = (0, 0, 0, 1)
    mesh.data.materials.append(black)
    for polygon in mesh.data.polygons[:6]:  # one of the cubes that the body is made of
        polygon.material_index = len(mesh.data.materials) - 1
    bpy.context.view_layer.update()
    colours = surface_of([built.characters[0].rig]).colours
    changed = np.flatnonzero(np.abs(colours - usual).max(axis=1) > 1e-6)
    assert changed.tolist() == list(range(8))
    assert (colours[changed] < 0.1 * usual[changed]).all()


# --- what is taken in -------------------------------------------------------------------------------------------------


def test_the_first_view_is_from_where_the_photo_was_taken(small_body: Body) -> None:
    built, _, _ = _scene(small_body)
    rig = built.characters[0].rig
    for turn in (0.0, 1.1, -2.5):
        built.camera.rotation_euler = (math.pi / 2, 0, turn)
        bpy.context.view_layer.update()
        photo = camera_view(rig, 320, 240)
        first = turntable_views(surface_of([rig]).vertices, heading_of(rig), 0.0, 200, 8)[0]
        np.testing.assert_allclose(first.axes, photo.axes, atol=1e-5)


# --- wire -------------------------------------------------------------------------------------------------------------


def test_wires_of_a_body_are_those_of_its_polygons(any_body: Body) -> None:
    built, _, _ = _scene(any_body)
    surface = surface_of([built.characters[0].rig])
    mesh = built.characters[0].mesh.data
    # each edge of the mesh is a side of the triangles left and right of it
    sides = int(surface.edges.sum())
    corners = sum(polygon.loop_total for polygon in mesh.polygons)
    assert sides == corners


# --- files and scenes -------------------------------------------------------------------------------------------------


def test_all_kinds_are_written_and_the_scene_stays(small_body: Body, tmp_path: Path) -> None:
    built = photo_scene(small_body, count=2, size=(200, 260))
    rigs = [character.rig for character in built.characters]
    before = _snapshot()
    written = render_previews(rigs, KINDS, tmp_path, "a b", 200)
    assert _snapshot() == before
    assert list(written) == list(KINDS)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"a b_{kind}.jpg" for kind in KINDS)
    for kind, path in written.items():
        picture = cv2.imread(str(path))
        assert 150 <= picture.shape[0] <= 230, kind
        assert picture.std() > 3, kind


def test_blenders_engines_leave_nothing_behind(small_body: Body, tmp_path: Path) -> None:
    """Cycles stands for all: Workbench and EEVEE end the process where there is no OpenGL."""
    renderer: Engine = "cycles"
    built, _, photo = _scene(small_body)
    rig = built.characters[0].rig
    before = _snapshot()
    kinds: list[Kind] = ["overlay", "shaded"]
    own = render_previews([rig], kinds, tmp_path, "own", 120, photo)
    theirs = render_previews([rig], kinds, tmp_path, "theirs", 120, photo, renderer)
    assert _snapshot() == before
    for kind in kinds:
        assert cv2.imread(str(own[kind])).shape == cv2.imread(str(theirs[kind])).shape

    surface, view = surface_of([rig]), camera_view(rig, 160, 120)
    with blender_renderer(renderer, [rig], surface) as drawing:
        (picture,) = drawing([view], False)
    assert _snapshot() == before
    # the same outline as by our own renderer
    expected = lit(surface, view)[..., 3]
    assert np.abs(picture[..., 3] - expected).mean() < 0.02
    assert (picture[..., :3] <= picture[..., 3:] * 1.01 + 0.01).all()


def test_steps_that_are_given_up_clean_up(small_body: Body, tmp_path: Path) -> None:
    built, _, photo = _scene(small_body)
    before = _snapshot()
    steps = preview_steps([built.characters[0].rig], ["shaded", "wire"], tmp_path, "a", 80, photo, "cycles")
    kind, outcome = next(steps)
    assert (kind, outcome) == ("shaded", tmp_path / "a_shaded.jpg")
    assert _snapshot() != before
    steps.close()  # type: ignore[attr-defined]
    assert _snapshot() == before


def test_the_photo_is_found_by_the_file(small_body: Body, tmp_path: Path) -> None:
    built, _, photo = _scene(small_body)
    seen = photo_view_of(built.characters[0].rig)
    assert np.abs(seen.pixels.astype(int) - photo.pixels).mean() < 3
    blend = tmp_path / "a.blend"
    save_blend(blend)
    (group,) = groups_of_file(blend, "a")
    again = photo_view_of(group.rigs[0])
    np.testing.assert_array_equal(again.pixels, seen.pixels)
    np.testing.assert_allclose(again.view.intrinsics, seen.view.intrinsics, rtol=1e-6)


def test_without_its_photo_the_rest_is_done(small_body: Body, tmp_path: Path) -> None:
    built, _, _ = _scene(small_body)
    rig = built.characters[0].rig
    bpy.data.images.remove(built.image)
    outcomes = dict(preview_steps([rig], KINDS, tmp_path, "a", 100))
    for kind in ("panels", "overlay", "beside"):
        assert isinstance(outcomes[kind], Sam3dbError)
        assert "photo" in str(outcomes[kind])
    assert all(outcomes[kind] == tmp_path / f"a_{kind}.jpg" for kind in STUDIO)
    with pytest.raises(Sam3dbError, match="photo"):
        render_previews([rig], ["overlay", "shaded"], tmp_path, "b", 100)
    assert (tmp_path / "b_shaded.jpg").is_file()


def test_without_its_camera_the_rest_is_done(small_body: Body, tmp_path: Path) -> None:
    built, _, photo = _scene(small_body)
    rig = built.characters[0].rig
    bpy.data.objects.remove(built.camera)
    outcomes = dict(preview_steps([rig], ["overlay", "shaded"], tmp_path, "a", 100, photo))
    assert "camera" in str(outcomes["overlay"])
    assert outcomes["shaded"] == tmp_path / "a_shaded.jpg"


def test_a_camera_without_perspective_is_refused(small_body: Body) -> None:
    built, _, photo = _scene(small_body)
    built.camera.data.type = "ORTHO"
    with pytest.raises(Sam3dbError, match="perspective"):
        photo_view_of(built.characters[0].rig, photo)


def test_what_is_hidden_is_left_out(small_body: Body) -> None:
    built = photo_scene(small_body, count=3)
    first, second, third = built.characters
    everybody = len(surface_of([c.rig for c in built.characters]).vertices)
    second.mesh.hide_render = True
    third.mesh.hide_viewport = True
    bpy.context.view_layer.update()
    (group,) = named_groups(bpy.context.scene, "a")
    assert group.rigs == (first.rig,)
    assert len(surface_of(group.rigs).vertices) == everybody // 3
    first.mesh.hide_set(True)
    with pytest.raises(Sam3dbError, match="is visible"):
        named_groups(bpy.context.scene, "a")
    with pytest.raises(Sam3dbError, match="show them"):
        surface_of([first.rig])


def test_a_hidden_rig_does_not_hide_its_body(small_body: Body) -> None:
    built, _, _ = _scene(small_body)
    before = surface_of([built.characters[0].rig]).vertices
    built.characters[0].rig.hide_set(True)
    bpy.context.view_layer.update()
    np.testing.assert_array_equal(surface_of([built.characters[0].rig]).vertices, before)


def test_several_photos_of_one_file(small_body: Body, tmp_path: Path) -> None:
    for name in ("one", "two"):
        photo_scene(small_body, count=2, name=name)
    groups = named_groups(bpy.context.scene, "a")
    assert [len(group.rigs) for group in groups] == [2, 2]
    assert len({group.stem for group in groups}) == 2
    for group in groups:
        render_previews(group.rigs, ["overlay"], tmp_path, group.stem, 80)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["../../evil.jpg", "C:\\temp\\a.jpg", 'a<b>:"|?*.jpg', "", ".", "con.jpg"])
def test_names_of_photos_do_not_leave_the_folder(small_body: Body, name: str) -> None:
    for _ in range(2):
        rig = photo_scene(small_body).characters[0].rig
        details = json.loads(rig["sam3db"]["details"])
        rig["sam3db"]["details"] = json.dumps({**details, "photo": name})
    stems = [group.stem for group in named_groups(bpy.context.scene, "file")]
    assert len(set(stems)) == 2
    for stem in stems:
        assert stem.startswith("file_")
        assert not set(stem) & set('/\\<>:"|?*')


def test_empty_scenes_and_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(Sam3dbError, match="No character made"):
        named_groups(bpy.context.scene, "a")
    empty = tmp_path / "empty.blend"
    save_blend(empty)
    with pytest.raises(Sam3dbError, match="holds no character"):
        list(groups_of_file(empty, "a"))
    junk = tmp_path / "junk.blend"
    junk.write_bytes(b"this is no .blend")
    with pytest.raises(Sam3dbError, match="cannot be opened"):
        list(groups_of_file(junk, "a"))
    with pytest.raises(Sam3dbError, match="no file"):
        list(groups_of_file(tmp_path / "missing.blend", "a"))


def test_a_folder_that_cannot_be_written(small_body: Body, tmp_path: Path) -> None:
    built, _, photo = _scene(small_body)
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(Sam3dbError, match="Cannot write"):
        render_previews([built.characters[0].rig], ["shaded"], blocked / "sub", "a", 64, photo)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_line_knows_what_there_is() -> None:
    assert preview_arguments.KINDS == KINDS == get_args(Kind) == tuple(kind for kind, *_ in KIND_ITEMS)
    assert preview_arguments.RENDERERS == RENDERERS == tuple(name for name, *_ in RENDERER_ITEMS)


def _command(*words: str) -> tuple[int, dict[str, Any]]:
    out = StringIO()
    code = main(["preview", *words, "--json"], Console(out, as_json=True, debug=False))
    return code, json.loads(out.getvalue())


def test_the_command(small_body: Body, tmp_path: Path) -> None:
    photo_scene(small_body, count=2)
    good, junk, out = tmp_path / "good.blend", tmp_path / "junk.blend", tmp_path / "out"
    save_blend(good)
    junk.write_bytes(b"junk")
    code, result = _command(
        str(good), str(junk), str(good), "-o", str(out), "--kinds", "shaded,overlay", "--size", "80"
    )
    assert code == 1
    assert [file["error"] is None for file in result["files"]] == [True, False, True]
    (photo,) = result["files"][0]["photos"]
    assert photo["people"] == 2
    assert photo["errors"] == {}
    assert list(photo["pictures"]) == ["shaded", "overlay"]
    pictures = [Path(p) for file in result["files"] for shown in file["photos"] for p in shown["pictures"].values()]
    assert len(set(pictures)) == 4
    sheets = {out / "contact_sheet.html", out / "contact_sheet.png"}
    assert {Path(path) for path in result["contact_sheet"]} == sheets
    assert set(out.iterdir()) == set(pictures) | sheets
    assert "junk.blend" in (out / "contact_sheet.html").read_text()

    code, result = _command(str(good), "-o", str(out / "more"), "--kinds", "wire", "--size", "64", "--no-contact-sheet")
    assert (code, result["ok"], result["contact_sheet"]) == (0, True, [])
    assert [path.name for path in (out / "more").iterdir()] == ["good_wire.jpg"]


@pytest.mark.parametrize("words", [("--kinds", "front"), ("--size", "10"), ("--size", "big"), ("--renderer", "magic")])
def test_wrong_words(tmp_path: Path, words: tuple[str, str]) -> None:
    code, result = _command("a.blend", "-o", str(tmp_path / "out"), *words)
    assert code == 2
    assert result["error"]["kind"] == "UsageError"
    assert not (tmp_path / "out").exists()


# --- the panel's operators --------------------------------------------------------------------------------------------


@pytest.fixture
def state() -> Iterator[Any]:
    sam3db_blender.register()
    yield bpy.context.window_manager.sam3db_previews
    sam3db_blender.unregister()


def test_the_operator(state: Any, small_body: Body, tmp_path: Path) -> None:
    photo_scene(small_body, count=2)
    state.kinds, state.size, state.folder = {"shaded", "overlay"}, 80, str(tmp_path / "new" / "folder")
    before = _snapshot()
    assert bpy.ops.sam3db.render_previews() == {"FINISHED"}
    assert _snapshot() == before
    assert not state.running
    paths = [Path(picture.path) for picture in state.pictures]
    assert [path.name for path in paths] == ["untitled_overlay.jpg", "untitled_shaded.jpg"]
    assert all(path.is_file() for path in paths)
    assert bpy.ops.sam3db.render_previews() == {"FINISHED"}
    assert len(state.pictures) == 2


def test_the_operator_refuses_plainly(state: Any, small_body: Body, tmp_path: Path) -> None:
    assert not bpy.ops.sam3db.render_previews.poll()
    built = photo_scene(small_body)
    with pytest.raises(RuntimeError, match="Save the"):
        bpy.ops.sam3db.render_previews()
    state.folder, state.kinds = str(tmp_path), set()
    with pytest.raises(RuntimeError, match="at least one kind"):
        bpy.ops.sam3db.render_previews()
    state.kinds = {"overlay"}
    bpy.data.images.remove(built.image)
    with pytest.raises(RuntimeError, match="photo"):
        bpy.ops.sam3db.render_previews()
    assert not state.running
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="no longer exists"):
        bpy.ops.sam3db.show_preview(filepath=str(tmp_path / "missing.jpg"))
