"""What a 3D view shows while somebody poses on the photo: its camera, the person, the photo over the body, no bones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Vector

import sam3db_blender
from native_runtime.camera import intrinsics_for
from native_runtime.characters.beside import Footprint
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import keypoint_names
from native_runtime.render.view_framing import frame_box
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.handles import choice, view_look, watch
from sam3db_blender.handles.handles import State, by_keypoint
from sam3db_blender.handles.pins import set_state
from sam3db_blender.handles.tasks import Status
from sam3db_blender.handles.views import box_around, free_part
from sam3db_blender.handles.warming import warm
from sam3db_blender.scene.camera import camera_settings
from sam3db_blender.scene.photo_over import lay_over, over_of, show_over
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.scene.source import image_of
from sam3db_blender.ui import handles_panel
from sam3db_blender.ui.handle_tool import _stands_out
from tests.support.layout import Layout
from tests.support.photo_scenes import photo_scene
from tests.support.posing_stage import install_body

NAMES = keypoint_names()


@pytest.fixture
def extension() -> Iterator[None]:
    """The extension, registered."""
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


# --- looking through the camera --------------------------------------------------------------------------------------


def test_what_lies_over_a_view_is_not_free() -> None:
    regions = [
        SimpleNamespace(type="WINDOW", alignment="NONE", x=2, y=80, width=1300, height=700),
        SimpleNamespace(type="TOOLS", alignment="LEFT", x=2, y=80, width=58, height=650),
        SimpleNamespace(type="UI", alignment="RIGHT", x=1021, y=80, width=281, height=650),
        SimpleNamespace(type="HEADER", alignment="TOP", x=2, y=730, width=1300, height=50),
        SimpleNamespace(type="ASSET_SHELF", alignment="BOTTOM", x=2, y=80, width=1, height=1),
        SimpleNamespace(type="HUD", alignment="FLOAT", x=60, y=80, width=300, height=200),
    ]
    area: Any = SimpleNamespace(regions=regions)
    assert free_part(area) == (58, 0, 1019, 650)


def test_everybody_who_was_made_is_framed(small_body: Body) -> None:
    built = photo_scene(small_body, count=2)
    one, two = (box_around([character.rig]) for character in built.characters)
    both = box_around([character.rig for character in built.characters])
    assert both == pytest.approx([*np.minimum(one, two)[:2], *np.maximum(one, two)[2:]])
    assert not np.allclose(one, two)


def test_nobody_stands_in_the_default_cube(small_body: Body) -> None:
    mesh = bpy.data.meshes.new("Cube")
    mesh.from_pydata([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], [], [])
    cube = bpy.data.objects.new("Cube", mesh)
    bpy.context.scene.collection.objects.link(cube)
    bpy.context.view_layer.update()
    beside = photo_scene(small_body).characters[0].mesh
    corners = np.array([beside.matrix_world @ Vector(corner) for corner in beside.bound_box])
    assert corners[:, 0].min() >= 1.5


# --- what is seen ----------------------------------------------------------------------------------------------------


def test_the_photo_lies_over_the_body_once(small_body: Body) -> None:
    built = photo_scene(small_body)
    photo = image_of(built.characters[0].rig)
    assert over_of(built.camera) is None
    entry = lay_over(built.camera, photo)
    assert lay_over(built.camera, photo) == entry == over_of(built.camera)
    assert (entry.image, entry.display_depth, entry.frame_method) == (photo, "FRONT", "FIT")
    assert 0.2 < entry.alpha < 0.8
    assert not entry.show_background_image
    entry.alpha = 0.7
    for visible in (True, False):
        show_over(built.camera, visible)
        assert entry.show_background_image is visible
    assert entry.alpha == pytest.approx(0.7)
    assert image_of(built.characters[0].rig) == photo


def test_bones_come_back_where_they_were_hidden() -> None:
    screen = bpy.data.screens["Layout"]
    spaces: list[Any] = [area.spaces.active for area in screen.areas if area.type == "VIEW_3D"]
    assert spaces
    for own in (True, False):
        for space in spaces:
            space.overlay.show_bones = own
        for _ in range(2):
            view_look._set_bones(screen, hidden=True)
            assert not any(space.overlay.show_bones for space in spaces)
        for _ in range(2):
            view_look._set_bones(screen, hidden=False)
            assert all(space.overlay.show_bones == own for space in spaces)


def test_bones_of_other_armatures_are_left_alone(small_body: Body) -> None:
    scene = bpy.context.scene
    assert not view_look._has_only_characters(scene)  # the next one may be a horse
    photo_scene(small_body)
    assert view_look._has_only_characters(scene)
    scene.collection.objects.link(bpy.data.objects.new("Horse", bpy.data.armatures.new("Horse")))
    assert not view_look._has_only_characters(scene)


def test_handles_are_seen_through_the_camera_only(small_body: Body) -> None:
    """Blender draws the picture of such an empty only where the view looks along its own axis."""
    built = photo_scene(small_body)
    for handle in by_keypoint(built.characters[0].rig).values():
        assert handle.show_empty_image_only_axis_aligned
        assert not handle.show_empty_image_orthographic
        turn = (built.camera.matrix_world.inverted() @ handle.matrix_world).to_3x3()
        assert np.allclose((turn.col[2] / turn.col[2].length)[:], (0, 0, 1), atol=1e-5)


# --- before the first drag -------------------------------------------------------------------------------------------


class Client:
    """Notes what it is asked, and never answers."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        self.asked.append({"do": do, **keys})
        return len(self.asked)

    def poll(self) -> list[Event]:
        return []

    def cancel(self, number: int) -> None:
        raise AssertionError


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_body: Body) -> None:
    """A models folder with the small body."""
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    install_body(small_body, tmp_path / "models")


@pytest.mark.usefixtures("models")
def test_the_worker_is_made_ready_for_the_next_drag(small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    set_state(by_keypoint(rig)[0], State.PINNED)
    before, client = read_origin(rig), Client()
    assert warm(rig, lambda: client)
    (asked,) = client.asked
    assert (asked["do"], asked["slot"], asked["engine"]) == ("pose", before.id, "landmarks")
    assert [pin[0] for pin in asked["pins"]] == [0]
    assert str(read_origin(rig)) == str(before)


@pytest.mark.usefixtures("models")
def test_a_heavy_engine_waits_until_it_is_needed(small_body: Body) -> None:
    rig, client = photo_scene(small_body).characters[0].rig, Client()
    rig["sam3db"]["details"] = json.dumps(read_origin(rig).details | {"engine": "sam3d_body"})
    assert read_origin(rig).details["engine"] == "sam3d_body"
    assert not warm(rig, lambda: client)
    assert client.asked == []


def test_without_its_photo_nothing_is_asked(small_body: Body) -> None:
    built, client = photo_scene(small_body), Client()
    bpy.data.objects.remove(built.camera)
    assert not warm(built.characters[0].rig, lambda: client)
    assert client.asked == []


# --- one handle a joint ----------------------------------------------------------------------------------------------


# --- fixed places in the sidebar -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("extension")
def test_buttons_stay_where_they_are(small_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not a handle is suggested, and whether or not a pose is awaited."""
    rig = photo_scene(small_body).characters[0].rig
    places = []
    for suggested, status in ((0, Status()), (1, Status("waiting", "Posing")), (0, Status("waiting", "Fitting"))):
        by_keypoint(rig)[0]["sam3db_suggested"] = suggested
        monkeypatch.setattr(watch, "status", lambda rig, status=status: status)
        places.append(buttons_of_pose_panel())
    assert places[0] == places[1] == places[2]
    assert "[sam3db.next_handle] " in places[0]
    assert "[sam3db.pose_whole_body] " in places[0]


def buttons_of_pose_panel() -> list[str]:
    """The rows of the panel "Pose"; of what is being done, only that there is a row."""
    layout = Layout()
    panel: Any = SimpleNamespace(layout=layout)
    kind = handles_panel.SAM3DB_PT_pose
    for name, method in vars(kind).items():
        if name.startswith("_draw"):
            setattr(panel, name, method.__get__(panel))
    context = SimpleNamespace(
        region=SimpleNamespace(width=300), preferences=bpy.context.preferences, window=None, space_data=None,
        object=bpy.context.object, scene=bpy.context.scene, window_manager=bpy.context.window_manager,
    )  # fmt: skip
    kind.draw(panel, context)  # type: ignore[arg-type]
    status = ("Up to Date", "Posing", "Fitting", "[sam3db.cancel_pose] ")
    return [line for line in layout.drawn if line not in status]


@pytest.mark.usefixtures("extension")
def test_buttons_are_about_the_handle_of_the_tool(small_body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no empty is selected, and only while posing with the tool, and of the person who is worked on."""
    built = photo_scene(small_body, count=2)
    one, two = (by_keypoint(character.rig)[NAMES.index("left_wrist")] for character in built.characters)
    context, posing = bpy.context, [True]
    monkeypatch.setattr(choice, "posing_in", lambda context: posing[0])
    assert choice.selected_handles(context) == []
    choice.choose_handle(context, one)
    assert choice.selected_handles(context) == [one]
    posing[0] = False
    assert choice.selected_handles(context) == []
    posing[0] = True
    choice.choose_handle(context, two)
    assert choice.selected_handles(context) == []
    nose = by_keypoint(built.characters[0].rig)[0]
    nose.select_set(True)
    assert choice.selected_handles(context) == [nose]


def test_a_pinned_handle_needs_no_window(small_body: Body) -> None:
    """The state that keeps a spot shown is the handle's own."""
    rig = photo_scene(small_body).characters[0].rig
    handle = by_keypoint(rig)[NAMES.index("left_olecranon")]
    assert not _stands_out(handle)
    set_state(handle, State.PINNED)
    assert _stands_out(handle)


@pytest.mark.parametrize("size", [(1200, 800), (600, 1400)])
@pytest.mark.parametrize("region", [(1300, 780), (500, 900)])
@pytest.mark.parametrize("box", [(100.0, 50.0, 500.0, 700.0), (520.0, 600.0, 560.0, 700.0), (9.0, 300.0, 590.0, 400.0)])
def test_a_person_fills_what_is_free_of_the_view(
    size: tuple[int, int], region: tuple[int, int], box: tuple[float, ...]
) -> None:
    """Against the projection that Blender itself works out for the camera in a region of that size."""
    intrinsics = intrinsics_for(size, focal_px=900.0)
    intrinsics[:2, 2] += (40.0, -25.0)
    settings = camera_settings(intrinsics, size)
    free = (60, 0, region[0] - 180, region[1] - 50)
    view = frame_box(box, intrinsics, settings, region, free)
    corners = seen_in_view(np.array(box).reshape(2, 2), intrinsics, settings, region, view)
    low, high = corners.min(axis=0), corners.max(axis=0)
    edges = np.array(free, float).reshape(2, 2)
    assert (low + high) / 2 == pytest.approx(edges.mean(axis=0), abs=0.5)
    assert max((high - low) / (edges[1] - edges[0])) == pytest.approx(0.86, abs=0.005)


def seen_in_view(points: np.ndarray, intrinsics: np.ndarray, settings: Any, region: tuple[int, int], view: Any) -> Any:
    """(N, 2) px of the region, y up, at which a 3D view shows pixels (N, 2) of the photo."""
    data = bpy.data.cameras.new("test")
    camera = bpy.data.objects.new("test", data)
    data.lens, data.sensor_fit = settings.lens, settings.sensor_fit
    data.sensor_width, data.sensor_height = settings.sensor_width, settings.sensor_height
    data.shift_x, data.shift_y = settings.shift_x, settings.shift_y
    bpy.context.scene.collection.objects.link(camera)
    projection = camera.calc_matrix_camera(bpy.context.evaluated_depsgraph_get(), x=region[0], y=region[1])
    x, y = ((points - intrinsics[:2, 2]) / (intrinsics[0, 0], intrinsics[1, 1])).T
    clip = np.column_stack([x, -y, -np.ones(len(x)), np.ones(len(x))]) @ np.array(projection).T
    plain = clip[:, :2] / clip[:, 3:] / 2.0 * region
    factor = (np.sqrt(2.0) + view.zoom / 50.0) ** 2 / 4.0
    return np.array(region) / 2.0 + factor * (plain - 2.0 * np.array(view.offset) * region)


def box(low: tuple[float, ...], high: tuple[float, ...]) -> Footprint:
    return Footprint(np.array(low), np.array(high))
