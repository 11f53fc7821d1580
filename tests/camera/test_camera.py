"""Conversions between pixels, camera, MHR and Blender."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from native_runtime import camera
from native_runtime.errors import UsageError
from native_runtime.image.reading import Photo


def some_photo(width: int = 300, height: int = 200, focal: float | None = None) -> Photo:
    return Photo(np.zeros((height, width, 3), np.uint8), Path("x.jpg"), focal)


def test_default_focal_length_is_the_usual_one_and_the_middle_is_between_pixel_centres() -> None:
    matrix = camera.intrinsics_for((400, 300))
    assert matrix == pytest.approx(np.array([[350, 0, 199.5], [0, 350, 149.5], [0, 0, 1]]))


def test_overrides_come_before_exif_and_exif_before_the_default() -> None:
    photo = some_photo(focal=250.0)
    assert camera.intrinsics_for((300, 200), photo=photo)[0, 0] == 250.0
    assert camera.intrinsics_for((300, 200), focal_px=400, photo=photo)[0, 0] == 400.0
    assert camera.intrinsics_for((300, 200), fov_deg=90, photo=photo)[0, 0] == pytest.approx(150.0)


def test_exif_focal_length_follows_the_size_asked_for() -> None:
    assert camera.intrinsics_for((600, 400), photo=some_photo(focal=250.0))[0, 0] == pytest.approx(500.0)


@pytest.mark.parametrize("bad", [0, -5, math.nan, math.inf, 1, 1e12])
def test_impossible_focal_lengths_are_refused(bad: float) -> None:
    with pytest.raises(UsageError):
        camera.intrinsics_for((300, 200), focal_px=bad)


@pytest.mark.parametrize("bad", [0, -5, math.nan, 180, 360])
def test_impossible_angles_are_refused(bad: float) -> None:
    with pytest.raises(UsageError):
        camera.intrinsics_for((300, 200), fov_deg=bad)


def test_both_overrides_are_refused() -> None:
    with pytest.raises(UsageError):
        camera.intrinsics_for((300, 200), focal_px=100, fov_deg=50)


def test_angle_and_focal_length_are_inverse() -> None:
    assert camera.fov_from_focal(camera.focal_from_fov(37.5, 1234), 1234) == pytest.approx(37.5)


def test_project_and_unproject_are_inverse(rng: np.random.Generator) -> None:
    matrix = camera.intrinsics_for((640, 480))
    points = rng.uniform([-1, -1, 1], [1, 1, 5], (4, 7, 3))
    pixels = camera.project(points, matrix)
    assert pixels.shape == (4, 7, 2)
    assert camera.unproject(pixels, points[..., 2], matrix) == pytest.approx(points)


def test_points_behind_the_camera_have_no_pixel() -> None:
    pixels = camera.project([[0, 0, 1], [0, 0, 0], [0, 0, -1]], camera.intrinsics_for((10, 10)))
    assert np.isfinite(pixels[0]).all()
    assert np.isnan(pixels[1:]).all()


def test_resizing_a_picture_moves_its_projection_with_it(rng: np.random.Generator) -> None:
    points = rng.uniform([-1, -1, 2], [1, 1, 5], (20, 3))
    matrix = camera.intrinsics_for((640, 480))
    photo = Photo(np.zeros((240, 160, 3), np.uint8), Path("x"), original_size=(640, 480))
    small = camera.resize_intrinsics(matrix, *photo.scale)
    assert camera.project(points, small) == pytest.approx(photo.to_working(camera.project(points, matrix)))
    assert photo.to_original(photo.to_working(points[:, :2])) == pytest.approx(points[:, :2])


def test_cropping_moves_the_projection(rng: np.random.Generator) -> None:
    points = rng.uniform([-1, -1, 2], [1, 1, 5], (20, 3))
    matrix = camera.intrinsics_for((640, 480))
    cropped = camera.crop_intrinsics(matrix, 100, 30)
    assert camera.project(points, cropped) == pytest.approx(camera.project(points, matrix) - (100, 30))


def test_mhr_axes_become_camera_axes() -> None:
    # A hand's breadth to the left, up and forward of the character, three metres away from the camera.
    assert camera.mhr_to_camera([10, 20, 30], [0, 0, 3]) == pytest.approx([0.1, -0.2, 2.7])


def test_mhr_axes_become_blender_axes() -> None:
    assert camera.mhr_to_blender([10, 20, 30]) == pytest.approx([0.1, -0.3, 0.2])


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)])
def test_conversions_are_inverse(rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    points = rng.normal(size=shape)
    shift = rng.normal(size=(2, 3) if len(shape) == 3 else 3)
    assert camera.camera_to_mhr(camera.mhr_to_camera(points, shift), shift) == pytest.approx(points)
    assert camera.blender_to_mhr(camera.mhr_to_blender(points)) == pytest.approx(points)


def test_all_conversions_keep_right_handedness() -> None:
    for matrix in (camera.MHR_TO_CAMERA, camera.MHR_TO_BLENDER, camera.blender_camera_matrix([1, 2, 3])[:3, :3]):
        assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_rotations_travel_with_vectors(rng: np.random.Generator) -> None:
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    vector = rng.normal(size=3)
    moved = camera.mhr_rotation_to_blender(rotation) @ camera.mhr_to_blender(vector)
    assert moved == pytest.approx(camera.mhr_to_blender(rotation @ vector))


def test_blender_camera_matrix_agrees_with_the_estimates_axes(rng: np.random.Generator) -> None:
    translation = np.array([0.3, 1.1, 4.0])
    points = rng.normal(scale=50, size=(9, 3))
    world = camera.mhr_to_blender(points)
    placed = camera.blender_camera_matrix(translation)
    local = (world - placed[:3, 3]) @ placed[:3, :3]
    assert local @ camera.CAMERA_TO_BLENDER_CAMERA == pytest.approx(camera.mhr_to_camera(points, translation))


@pytest.mark.bpy
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (512, 512), (1921, 1081), (4, 3000)])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (45.3, -61.7)])
@pytest.mark.parametrize("stretch", [1.0, 1.25, 0.8])
def test_blender_projects_as_the_pinhole_does(
    blender_factory: None, rng: np.random.Generator, size: tuple[int, int], offset: tuple[float, float], stretch: float
) -> None:
    import bpy

    intrinsics = camera.intrinsics_for(size, fov_deg=50)
    intrinsics[1, 1] *= stretch
    intrinsics[:2, 2] += offset
    settings = camera.blender_camera(intrinsics, size)
    data = bpy.data.cameras.new("camera")
    data.sensor_fit = settings.sensor_fit
    data.sensor_width, data.sensor_height = settings.sensor_width, settings.sensor_height
    data.lens, data.shift_x, data.shift_y = settings.lens, settings.shift_x, settings.shift_y
    built = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(built)
    projection = np.array(
        built.calc_matrix_camera(
            bpy.context.evaluated_depsgraph_get(),
            x=size[0],
            y=size[1],
            scale_x=settings.pixel_aspect_x,
            scale_y=settings.pixel_aspect_y,
        )
    )
    points = rng.uniform([-2, -2, 3], [2, 2, 9], (50, 3))
    local = np.concatenate([points @ camera.CAMERA_TO_BLENDER_CAMERA, np.ones((50, 1))], axis=1)
    clip = local @ projection.T
    unit = clip[:, :2] / clip[:, 3:]
    seen = np.stack([(unit[:, 0] + 1) / 2 * size[0] - 0.5, (1 - unit[:, 1]) / 2 * size[1] - 0.5], axis=1)
    # Blender keeps single precision numbers: a few millionths of the picture's side.
    assert np.abs(seen - camera.project(points, intrinsics)).max() < 0.01
