"""Masks: from outlines and pictures to files, and how they last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
import pytest

import sam3db_blender
from native_runtime.camera import camera_to_blender, unproject
from native_runtime.errors import PromptError, Sam3dbError
from native_runtime.image.reading import read_mask
from native_runtime.mhr import Body
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.handles import watch
from sam3db_blender.masks import store as masks
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.scene.source import photo_of
from tests.support.photo_scenes import photo_scene

SIZE = (320, 240)
SQUARE = np.array([[40.0, 30], [139, 30], [139, 109], [40, 109]])


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The add-on, writing below ``tmp_path``, with an engine that answers nothing; whom it was asked about."""
    names: list[str] = []
    monkeypatch.setattr(watch, "refresh", lambda rig: names.append(rig.name))

    def folder(name: str) -> Path:
        (tmp_path / name).mkdir(exist_ok=True)
        return tmp_path / name

    monkeypatch.setattr(places, "user_folder", folder)
    sam3db_blender.register()
    yield names
    sam3db_blender.unregister()


def _square() -> np.ndarray:
    mask = np.zeros(SIZE[::-1], bool)
    mask[30:110, 40:140] = True
    return mask


def _world_of(rig: bpy.types.Object, pixels: np.ndarray, depth: float) -> np.ndarray:
    """World points that the photo's camera, which looks along +y, sees at some pixels."""
    camera = next(obj for obj in bpy.data.objects if obj.type == "CAMERA")
    points = unproject(pixels, np.full(len(pixels), depth), read_origin(rig).arrays["intrinsics"])
    return camera_to_blender(points) + np.array(camera.location)


def _curve(points: np.ndarray) -> bpy.types.Object:
    data = bpy.data.curves.new("outline", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new("POLY")
    spline.points.add(len(points) - 1)
    for point, place in zip(spline.points, points):
        point.co = (*place, 1.0)
    spline.use_cyclic_u = True
    return bpy.data.objects.new("outline", data)


def _mesh(points: np.ndarray) -> bpy.types.Object:
    data = bpy.data.meshes.new("outline")
    data.from_pydata(points.tolist(), [], [tuple(range(len(points)))])
    return bpy.data.objects.new("outline", data)


def _wire(points: np.ndarray) -> bpy.types.Object:
    data = bpy.data.meshes.new("outline")
    data.from_pydata(points.tolist(), [(k, (k + 1) % len(points)) for k in range(len(points))], [])
    return bpy.data.objects.new("outline", data)


def _pencil(points: np.ndarray) -> bpy.types.Object:
    if bpy.app.version < (4, 3, 0):
        data = bpy.data.grease_pencils.new("outline")
        stroke = data.layers.new("ink").frames.new(1).strokes.new()
        stroke.points.add(len(points))
        for point, place in zip(stroke.points, points):
            point.co = place
    else:
        kind = "grease_pencils_v3" if hasattr(bpy.data, "grease_pencils_v3") else "grease_pencils"
        data = getattr(bpy.data, kind).new("outline")
        drawing = data.layers.new("ink").frames.new(bpy.context.scene.frame_current).drawing
        drawing.add_strokes([len(points)])
        for point, place in zip(drawing.strokes[0].points, points):
            point.position = place
    return bpy.data.objects.new("outline", data)


@pytest.mark.parametrize("make", [_curve, _mesh, _wire, _pencil])
def test_objects_outline_what_the_camera_sees(asked: list[str], small_body: Body, make: object) -> None:
    rig = photo_scene(small_body).characters[0].rig
    world = _world_of(rig, SQUARE, 2.5)
    obj = make(world - (1.0, 2.0, 3.0))  # type: ignore[operator]
    obj.location = (1.0, 2.0, 3.0)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    bpy.context.view_layer.update()
    assert bpy.ops.sam3db.mask_from_object() == {"FINISHED"}
    found = read_mask(rig[masks.MASK], SIZE)
    # within a pixel of the outline: single precision decides on which side its own pixels fall
    assert (found != _square()).sum() <= 2 * (80 + 100)
    assert found[32:108, 42:138].all()
    assert asked == [rig.name]
    obj.location = (1.0, 2.0 - 50.0, 3.0)
    bpy.context.view_layer.update()
    with pytest.raises(RuntimeError, match="behind"):
        bpy.ops.sam3db.mask_from_object()


def test_masks_add_up_and_are_cut(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    for shift, mode in ((0, "ADD"), (20, "ADD"), (60, "SUBTRACT")):
        obj = _mesh(_world_of(rig, SQUARE + (shift, 0), 3.0))
        bpy.context.scene.collection.objects.link(obj)
        bpy.context.view_layer.objects.active = obj
        bpy.context.view_layer.update()
        bpy.ops.sam3db.mask_from_object(mode=mode)
    assert masks.read_own_mask(rig).sum() == pytest.approx(80 * 60, rel=0.03)
    bpy.context.view_layer.objects.active = rig
    with pytest.raises(RuntimeError, match="Make a curve"):
        bpy.ops.sam3db.mask_from_object()


class Segmenter:
    """A worker that sees the person in the lower half of the photo's file."""

    def __init__(self, folder: Path, size: tuple[int, int], error: str = "") -> None:
        self.asked: list[dict[str, Any]] = []
        self._error, self._path = error, folder / "mask.png"
        picture = np.zeros(size[::-1], np.uint8)
        picture[size[1] // 2 :] = 255
        cv2.imwrite(str(self._path), picture)

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        assert do == "segment"
        self.asked.append(keys)
        return 1

    def poll(self) -> list[Event]:
        if self._error:
            return [Event(1, "error", error="NoPersonError", text=self._error)]
        return [Event(1, "done", result={"mask": str(self._path)})]

    def cancel(self, number: int) -> None: ...


@pytest.mark.parametrize("reduced", [1, 2])
def test_the_bundled_segmentation_gives_a_mask(
    asked: list[str], small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reduced: int
) -> None:
    """Also where only a smaller copy of the photo is left, whose pixels are other ones."""
    built = photo_scene(small_body)
    rig, (width, height) = built.characters[0].rig, masks.size_of(built.characters[0].rig)
    assert built.image is not None
    built.image.scale(width // reduced, height // reduced)
    built.image.pack()
    worker = Segmenter(tmp_path, (width // reduced, height // reduced))
    monkeypatch.setattr("sam3db_blender.jobs.worker.worker", lambda: worker)
    assert bpy.ops.sam3db.mask_from_photo() == {"FINISHED"}
    mask = masks.read_own_mask(rig)
    assert mask[height // 2 + 1 :].all()
    assert not mask[: height // 2 - 1].any()
    assert masks.overlay_shown(rig)
    assert asked == [rig.name]
    box = read_origin(rig).arrays["bbox"]
    assert (np.array(worker.asked[0]["box"]) + 0.5) * reduced - 0.5 == pytest.approx(box)


def test_a_segmentation_that_sees_nobody_changes_nothing(
    asked: list[str], small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = photo_scene(small_body).characters[0].rig
    monkeypatch.setattr("sam3db_blender.jobs.worker.worker", lambda: Segmenter(tmp_path, (4, 4), "It found nobody."))
    with pytest.raises(RuntimeError, match="found nobody"):
        bpy.ops.sam3db.mask_from_photo()
    assert not masks.has_mask(rig)
    assert asked == []


def test_load_show_clear(asked: list[str], small_body: Body, tmp_path: Path) -> None:
    built = photo_scene(small_body, count=2)
    rig, other = (character.rig for character in built.characters)
    images = len(bpy.data.images)
    with pytest.raises(RuntimeError, match="has no mask"):
        bpy.ops.sam3db.clear_mask()
    picture = tmp_path / "drawn.png"
    cv2.imwrite(str(picture), _square().astype(np.uint8) * 255)
    assert bpy.ops.sam3db.load_mask(filepath=str(picture)) == {"FINISHED"}
    path = Path(rig[masks.MASK])
    assert path.parent == tmp_path / "masks"
    assert np.array_equal(read_mask(path, SIZE), _square())
    assert masks.overlay_shown(rig)
    assert not masks.has_mask(other)
    assert masks.overlay_of(other) is None

    bpy.ops.sam3db.show_mask(on=False)
    assert not masks.overlay_shown(rig)
    # another one replaces it, and stays hidden
    masks.set_mask(rig, ~_square())
    assert not masks.overlay_shown(rig)
    assert len(built.camera.data.background_images) == 2
    assert path.is_file()  # for those who undo

    bpy.ops.sam3db.clear_mask()
    assert masks.mask_file(rig) is None
    assert len(bpy.data.images) == images
    assert len(built.camera.data.background_images) == 1
    assert asked == [rig.name] * 2


def test_unusable_masks_change_nothing(asked: list[str], small_body: Body, tmp_path: Path) -> None:
    rig = photo_scene(small_body).characters[0].rig
    small, black = tmp_path / "small.png", tmp_path / "black.png"
    cv2.imwrite(str(small), np.full((24, 32), 255, np.uint8))
    cv2.imwrite(str(black), np.zeros(SIZE[::-1], np.uint8))
    for path, message in ((small, "32 x 24"), (black, "mask is empty"), (tmp_path / "no.png", "no such file")):
        with pytest.raises(RuntimeError, match=message):
            bpy.ops.sam3db.load_mask(filepath=str(path))
    with pytest.raises(PromptError, match="mask is empty"):
        masks.set_mask(rig, np.zeros(SIZE[::-1], bool))
    with pytest.raises(PromptError, match="240 x 320"):
        masks.set_mask(rig, np.ones(SIZE, bool))
    assert not masks.has_mask(rig)
    assert asked == []


def test_a_lost_file_comes_back_out_of_the_blend(asked: list[str], small_body: Body, tmp_path: Path) -> None:
    rig = photo_scene(small_body).characters[0].rig
    name, path = rig.name, masks.set_mask(rig, _square())
    saved = tmp_path / "saved.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(saved))
    path.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(saved))
    rig = bpy.data.objects[name]
    assert masks.mask_file(rig) == path
    assert np.array_equal(read_mask(path, SIZE), _square())
    path.unlink()
    masks._remove_overlay(rig)
    with pytest.raises(Sam3dbError, match="is gone"):
        masks.mask_file(rig)


def test_the_overlay_is_not_taken_for_the_photo(asked: list[str], small_body: Body) -> None:
    built = photo_scene(small_body)
    rig = built.characters[0].rig
    masks.set_mask(rig, _square())
    entries = built.camera.data.background_images
    entries.remove(next(entry for entry in entries if entry.image == built.image))
    with pytest.raises(Sam3dbError, match="no longer in its camera's background"):
        photo_of(rig, SIZE)
