"""Renders that show the photo behind the character, at the photo's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

import sam3db_blender
from native_runtime.errors import Sam3dbError
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from sam3db_blender import compat
from sam3db_blender.handles.people import activate
from sam3db_blender.scene.behind import is_on
from sam3db_blender.scene.rendering import show_photo_behind
from tests.support.photo_scenes import photo_scene

SIZE = (64, 48)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


def _colours() -> np.ndarray:
    """A photo of four colours, none of them white or black: (48, 64, 3) uint8."""
    colours = np.array([[[200, 60, 40], [50, 160, 90]], [[40, 80, 190], [180, 170, 120]]], np.uint8)
    return colours.repeat(SIZE[1] // 2, 0).repeat(SIZE[0] // 2, 1)


def _render(tmp_path: Path, engine: str, percentage: int = 100) -> np.ndarray:
    """What F12 gives, as it is shown: (H, W, 4) 0..1, top row first."""
    scene = bpy.context.scene
    scene.render.engine = engine
    scene.render.resolution_percentage = percentage
    if engine == "CYCLES":
        scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.dither_intensity = 0.0
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.filepath = str(tmp_path / f"{engine}.png")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    image.colorspace_settings.name = "Non-Color"
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    width, height = image.size
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]


def _off_somebody(shown: np.ndarray) -> np.ndarray:
    """The four corners of a picture, where nobody stands: (4, 3)."""
    return np.array([shown[y, x, :3] for y in (2, -3) for x in (2, -3)])


@pytest.fixture
def scene(small_body: Body, monkeypatch: pytest.MonkeyPatch) -> bpy.types.Scene:
    """Somebody before a photo of four colours, on a stage."""
    made = Photo

    def coloured(pixels: np.ndarray, path: Path, original_size: tuple[int, int]) -> Photo:
        return made(pixels=_colours(), path=path, original_size=original_size)

    monkeypatch.setattr("tests.support.photo_scenes.Photo", coloured)
    photo_scene(small_body, size=SIZE, focal_px=60.0, light=True)
    return bpy.context.scene


@pytest.mark.parametrize("engine", ["CYCLES", "BLENDER_WORKBENCH"])
@pytest.mark.parametrize(("view", "exposure"), [("Standard", 0.0), ("AgX", 0.0), ("Filmic", 0.7)])
def test_a_render_shows_the_photo_in_its_own_colours(
    scene: bpy.types.Scene, tmp_path: Path, engine: str, view: str, exposure: float
) -> None:
    scene.view_settings.view_transform, scene.view_settings.exposure = view, exposure
    assert bpy.ops.sam3db.photo_behind() == {"FINISHED"}
    shown = _render(tmp_path, engine)
    assert shown.shape == (SIZE[1], SIZE[0], 4)
    assert _off_somebody(shown) == pytest.approx(_off_somebody(_colours() / 255.0), abs=0.03)
    assert shown[..., 3].min() == 1.0
    photo = np.abs(shown[..., :3] - _colours() / 255.0).max(axis=2) < 0.05
    assert 0.5 < photo.mean() < 0.999  # somebody stands before it


def test_a_smaller_render_shows_all_of_the_photo(scene: bpy.types.Scene, tmp_path: Path) -> None:
    show_photo_behind(scene, True)
    shown = _render(tmp_path, "BLENDER_WORKBENCH", 50)
    assert shown.shape == (SIZE[1] // 2, SIZE[0] // 2, 4)
    assert _off_somebody(shown) == pytest.approx(_off_somebody(_colours() / 255.0), abs=0.03)


def test_off_leaves_no_trace(scene: bpy.types.Scene) -> None:
    def state() -> tuple[object, ...]:
        tree = compat.compositor_of(scene)
        return (
            scene.render.film_transparent,
            scene.render.use_compositing,
            None if tree is None else len(tree.nodes),
            len(bpy.data.node_groups),
        )

    before = state()
    bpy.ops.sam3db.photo_behind()
    assert is_on(scene)
    assert state() != before
    bpy.ops.sam3db.photo_behind()
    assert not is_on(scene)
    assert state() == before


def test_an_artist_s_own_compositor_stays(scene: bpy.types.Scene, tmp_path: Path) -> None:
    tree = compat.new_compositor(scene, "own")
    tree.nodes.clear()
    layers, invert = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeExposure")
    tree.links.new(layers.outputs["Image"], invert.inputs["Image"])
    end = compat.compositor_input(tree)
    tree.links.new(invert.outputs[0], end)
    names = {node.name for node in tree.nodes}
    show_photo_behind(scene, True)
    assert end.links[0].from_node != invert
    shown = _render(tmp_path, "BLENDER_WORKBENCH")
    assert _off_somebody(shown) == pytest.approx(_off_somebody(_colours() / 255.0), abs=0.03)
    show_photo_behind(scene, False)
    assert {node.name for node in tree.nodes} == names
    assert end.links[0].from_node == invert


def test_size_and_photo_follow_the_scene_s_camera(scene: bpy.types.Scene, small_body: Body) -> None:
    show_photo_behind(scene, True)
    first = scene.camera
    second = photo_scene(small_body, size=(200, 300), name="other")
    group = next(node for node in compat.compositor_of(scene).nodes if node.type == "GROUP")
    bpy.context.view_layer.update()
    assert group.node_tree.nodes["Photo"].image == second.image
    scene.camera = first  # by hand
    bpy.context.view_layer.update()
    assert (scene.render.resolution_x, scene.render.resolution_y) == SIZE
    assert group.node_tree.nodes["Photo"].image != second.image
    scene.render.resolution_percentage = 25
    scene.render.resolution_x = 1920  # the artist's own choice stays
    bpy.context.view_layer.objects.active.location.x += 0.1
    bpy.context.view_layer.update()
    assert scene.render.resolution_x == 1920
    assert bpy.ops.sam3db.photo_size() == {"FINISHED"}
    assert scene.render.resolution_x == SIZE[0]
    activate(bpy.context, second.characters[0].rig)
    assert group.node_tree.nodes["Photo"].image == second.image
    assert scene.render.resolution_percentage == 25


def test_a_camera_without_a_photo_is_refused(scene: bpy.types.Scene) -> None:
    own = bpy.data.objects.new("own", bpy.data.cameras.new("own"))
    scene.collection.objects.link(own)
    scene.camera = own
    with pytest.raises(Sam3dbError, match="no photo"):
        show_photo_behind(scene, True)
    assert not is_on(scene)
    assert scene.render.film_transparent is False
