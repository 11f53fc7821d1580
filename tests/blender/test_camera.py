"""The camera sees each point on the pinhole model's pixel."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from native_runtime.characters.placement import Placement
from native_runtime.errors import Sam3dbError
from sam3db_blender import compat
from sam3db_blender.scene.camera import build_camera, camera_settings, frame_scene
from sam3db_blender.scene.nodes import Shader

TOLERANCE = 0.01  # px: the bar

CASES = {
    "landscape": ((1280, 853), 1500.0, 1500.0, None),
    "portrait": ((853, 1280), 1500.0, 1500.0, None),
    "square": ((640, 640), 500.0, 500.0, None),
    "off centre": ((1280, 853), 1100.0, 1100.0, (500.0, 610.0)),
    "off centre, portrait": ((600, 1000), 1100.0, 1100.0, (410.0, 312.5)),
    "tall pixels": ((900, 800), 1000.0, 800.0, (420.0, 450.0)),
    "flat pixels": ((900, 800), 800.0, 1000.0, (480.0, 350.0)),
    "flat pixels, portrait": ((700, 1000), 800.0, 1000.0, (380.0, 350.0)),
    "12 megapixels": ((4032, 3024), 3100.0, 3100.0, (2050.0, 1490.0)),
}


def _intrinsics(size: tuple[int, int], fx: float, fy: float, centre: tuple[float, float] | None) -> np.ndarray:
    cx, cy = centre or ((size[0] - 1) / 2, (size[1] - 1) / 2)
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def _project(intrinsics: np.ndarray, points: np.ndarray) -> np.ndarray:
    pixels = points @ intrinsics.T
    return pixels[:, :2] / pixels[:, 2:]


@pytest.mark.parametrize("case", CASES)
def test_points_fall_on_their_pixels(case: str) -> None:
    size, fx, fy, centre = CASES[case]
    intrinsics = _intrinsics(size, fx, fy, centre)
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(-1.5, 1.5, (50, 2)), rng.uniform(2, 9, (50, 1))], axis=1)
    placement = Placement(camera_location=np.array([0.4, -3.1, 1.6]))
    scene = bpy.context.scene
    settings = camera_settings(intrinsics, size)
    camera = build_camera("camera", settings, placement, scene.collection)
    frame_scene(scene, camera, settings)
    bpy.context.view_layer.update()
    assert (scene.render.resolution_x, scene.render.resolution_y) == size
    views = np.array([world_to_camera_view(scene, camera, Vector(p)) for p in placement.world(points).tolist()])
    # the view runs from the frame's lower left corner, and pixel 0 has its centre half a pixel inside
    found = np.stack([views[:, 0] * size[0], (1 - views[:, 1]) * size[1]], axis=1) - 0.5
    assert np.abs(found - _project(intrinsics, points)).max() < TOLERANCE
    assert views[:, 2] == pytest.approx(points[:, 2], abs=1e-5)


@pytest.mark.parametrize("case", ["off centre", "off centre, portrait", "tall pixels"])
def test_a_render_shows_markers_on_their_pixels(case: str, tmp_path) -> None:
    """The picture that Cycles makes, not only what Blender says about its camera: the light's centroid of each
    small marker.
    """
    size, fx, fy, centre = CASES[case]
    scale = 0.125
    size = tuple(int(n * scale) for n in size)
    centre = tuple(c * scale for c in centre)
    intrinsics = _intrinsics(size, fx * scale, fy * scale, centre)
    points = np.array([[0.0, 0.0, 4.0], [0.5, 0.4, 4.5], [-0.5, -0.5, 4.0], [0.2, -0.8, 5.0], [-0.5, 0.6, 5.5]])
    placement = Placement(camera_location=np.array([-0.2, -3.0, 1.1]))
    scene = bpy.context.scene
    settings = camera_settings(intrinsics, size)
    frame_scene(scene, build_camera("camera", settings, placement, scene.collection), settings)
    light = bpy.data.materials.new("light")
    shader = Shader(compat.node_tree_of(light))
    shader.surface(shader.node("ShaderNodeEmission").outputs[0])
    # a disc parallel to the picture is seen as an ellipse around its projected centre
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    disc = 0.15 * np.stack([np.cos(angles), 0 * angles, np.sin(angles)], axis=1)
    mesh = bpy.data.meshes.new("disc")
    mesh.from_pydata(disc.tolist(), [], [tuple(range(64))])
    mesh.materials.append(light)
    for point in placement.world(points):
        marker = bpy.data.objects.new("marker", mesh)
        marker.location = point.tolist()
        scene.collection.objects.link(marker)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 256
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.filter_width = 1.0
    scene.cycles.max_bounces = 0
    scene.view_settings.view_transform = "Raw"
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.render.filepath = str(tmp_path / "markers.exr")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = np.empty(size[0] * size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    light_map = pixels.reshape(size[1], size[0], 4)[::-1, :, 0].astype(np.float64)
    rows, columns = np.mgrid[: size[1], : size[0]]
    for expected in _project(intrinsics, points):
        near = light_map * (np.hypot(columns - expected[0], rows - expected[1]) < 9)
        found = np.array([(columns * near).sum(), (rows * near).sum()]) / near.sum()
        assert found == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("intrinsics", "size"),
    [
        (np.diag([0.0, 500, 1]), (100, 100)),
        (np.diag([500.0, np.nan, 1]), (100, 100)),
        (np.diag([500.0, 500, 1]), (0, 100)),
        (np.array([[500, 30, 50], [0, 500, 50], [0, 0, 1.0]]), (100, 100)),
    ],
)
def test_unusable_intrinsics_are_refused(intrinsics: np.ndarray, size: tuple[int, int]) -> None:
    with pytest.raises(Sam3dbError, match="intrinsics"):
        camera_settings(intrinsics, size)
