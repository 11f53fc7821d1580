"""Changing the lens of a photo."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from native_runtime.camera import intrinsics_for
from native_runtime.lens.by_hand import lines_of_camera
from native_runtime.lens.cameras import up_vector
from native_runtime.lens.prior import usual_focal
from native_runtime.mhr import Body
from sam3db_blender.handles.handles import handles_of, place
from sam3db_blender.handles.lens import focal_of, lens_of, source_in_words
from sam3db_blender.handles.lens_lines import lines_of
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.scene.readback import estimate_of
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


def _shown(mesh: bpy.types.Object) -> np.ndarray:
    """(N, 2) where the scene's camera shows the vertices of a mesh, in shares of the picture."""
    scene = bpy.context.scene
    points = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())[::29]
    return np.array([world_to_camera_view(scene, scene.camera, Vector(point)) for point in points.tolist()])


def _up_of_camera(camera: bpy.types.Object) -> np.ndarray:
    """The world's Z axis in camera axes (x right, y down, z forward)."""
    return np.array(camera.matrix_world.normalized())[2, :3] * [1, -1, -1]


def test_lines_set_lens_and_tilt(asked: list[str], small_body: Body) -> None:
    """Camera and people turn together: everybody stays on their pixels but for the lens, and stands on the floor."""
    built = photo_scene(small_body, count=2)
    rigs = [character.rig for character in built.characters]
    meshes = [character.mesh for character in built.characters]
    before, pixels = [place(handle) for handle in handles_of(rigs[0])], [_shown(mesh) for mesh in meshes]
    matrix, up = intrinsics_for(SIZE, focal_px=300.0), up_vector(-0.25, 0.06)
    lines = lines_of_camera(matrix, up, SIZE).ravel().tolist()
    assert bpy.ops.sam3db.draw_lens(lines=lines, vertical=True) == {"FINISHED"}
    assert _up_of_camera(built.camera) == pytest.approx(up, abs=1e-5)
    assert built.camera.matrix_world.to_3x3() @ Vector((0, 0, -1)) @ Vector((1, 0, 0)) == pytest.approx(0, abs=1e-5)
    assert focal_of(rigs[0]) == pytest.approx(300.0, rel=1e-4)
    clouds = [evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get()) for mesh in meshes]
    assert min(cloud[:, 2].min() for cloud in clouds) == pytest.approx(0, abs=1e-4)
    for mesh, shown in zip(meshes, pixels):
        assert _shown(mesh) == pytest.approx(shown, abs=1e-4)
    assert [place(handle) for handle in handles_of(rigs[0])] == before
    assert asked == [rig.name for rig in rigs]
    for rig in rigs:
        assert lens_of(rig)["source"] == "hand"
        assert lens_of(rig)["up"] == pytest.approx(up)
        assert estimate_of(rig, small_body).camera_translation == pytest.approx(
            read_origin(rig).arrays["camera_translation"], abs=1e-5
        )
    # the lines are there again next time, and saying the same again changes nothing
    assert lines_of(rigs[0])[0] == pytest.approx(lines)
    matrices = [np.array(rig.matrix_world) for rig in rigs]
    assert bpy.ops.sam3db.draw_lens(lines=lines, vertical=True) == {"FINISHED"}
    for rig, known in zip(rigs, matrices):
        assert np.array(rig.matrix_world) == pytest.approx(known, abs=1e-4)


def test_lines_that_no_camera_sees_change_nothing(asked: list[str], small_body: Body) -> None:
    built = photo_scene(small_body)
    known = np.array(built.camera.matrix_world), built.camera.data.lens
    with pytest.raises(RuntimeError, match="too short"):
        bpy.ops.sam3db.draw_lens(lines=[0.0] * 16)
    assert np.array_equal(np.array(built.camera.matrix_world), known[0])
    assert built.camera.data.lens == known[1]
    assert asked == []


def test_the_panel_says_where_the_lens_is_from(asked: list[str], small_body: Body) -> None:
    rig = photo_scene(small_body).characters[0].rig
    assert source_in_words(lens_of(rig)) == ""  # of an older version
    assert source_in_words({"source": "picture", "evidence": ["lines", "people"]}) == "From lines and people who stand"
    assert source_in_words({"source": "exif"}) == "From the photo's file"
    assert bpy.ops.sam3db.set_lens(mode="focal", focal=512.0) == {"FINISHED"}
    assert source_in_words(lens_of(rig)) == "Set by hand"
