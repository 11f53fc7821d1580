"""Changing the lens of a photo."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view

from native_runtime.lens.prior import usual_focal
from native_runtime.mhr import Body
from sam3db_blender.handles.handles import handles_of, place
from sam3db_blender.handles.lens import focal_of
from sam3db_blender.scene.provenance import read_origin
from tests.support.photo_scenes import photo_scene

SIZE = (320, 240)
USUAL = float(np.exp(usual_focal(SIZE).quantile([0.5])[0]))


def _seen(handle: bpy.types.Object) -> np.ndarray:
    """The pixel at which the scene's camera shows a handle."""
    scene = bpy.context.scene
    x, y, _ = world_to_camera_view(scene, scene.camera, handle.matrix_world.translation)
    return np.array([x * SIZE[0], (1 - y) * SIZE[1]]) - 0.5


def test_everybody_of_the_photo_gets_the_lens(asked: list[str], small_body: Body) -> None:
    other = photo_scene(small_body, name="other").characters[0].rig
    built = photo_scene(small_body, count=2)
    rigs = [character.rig for character in built.characters]
    before = [place(handle) for handle in handles_of(rigs[0])]
    for settings, focal in (
        ({"mode": "focal", "focal": 512.0}, 512.0),
        ({"mode": "mm", "focal_mm": 27.0, "sensor_mm": 36.0}, 240.0),
        ({"mode": "auto"}, USUAL),  # nothing is known of this photo
    ):
        assert bpy.ops.sam3db.set_lens(**settings) == {"FINISHED"}
        bpy.context.view_layer.update()
        for rig in rigs:
            assert focal_of(rig) == pytest.approx(focal, rel=0.03)
            assert read_origin(rig).arrays["intrinsics"][:2, 2] == pytest.approx([159.5, 119.5])
        assert built.camera.data.angle_x == pytest.approx(2 * np.arctan(SIZE[0] / 2 / focal_of(rigs[0])), abs=1e-6)
        # handles keep their pixels, in numbers and to the eye
        handles = handles_of(rigs[0])
        assert [place(handle) for handle in handles] == before
        for handle, pixel in zip(handles, before):
            assert _seen(handle) == pytest.approx(pixel, abs=2e-2)
    assert asked == [rig.name for rig in rigs] * 3
    assert focal_of(other) == 300.0


def test_a_deleted_camera_is_told(asked: list[str], small_body: Body) -> None:
    built = photo_scene(small_body)
    bpy.data.objects.remove(built.camera)
    with pytest.raises(RuntimeError, match="camera of the photo"):
        bpy.ops.sam3db.set_lens(mode="focal", focal=500.0)
    assert asked == []
