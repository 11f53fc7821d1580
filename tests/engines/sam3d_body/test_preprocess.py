"""Crops, rays and conditions against the reference, and what must hold for any photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.preprocess import BODY_PADDING, HAND_PADDING, Crops, default_intrinsics, mirrored
from native_runtime.image.reading import Photo
from tests.support.parity import recording

SIZE = 512
CASES = [
    (picture, kind, padding)
    for picture in ("gradient", "dancing")
    for kind, padding in (("body", BODY_PADDING), ("hand", HAND_PADDING))
]


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "parity" / "preprocess"


@pytest.fixture(scope="module")
def pictures(folder: Path, photos: Path) -> dict[str, Photo]:
    return {
        "gradient": Photo(recording(folder, "gradient_image")["image_rgb"], Path("gradient")),
        "dancing": Photo(
            np.asarray(cv2.cvtColor(cv2.imread(str(photos / "dancing.jpg")), cv2.COLOR_BGR2RGB)), Path("dancing")
        ),
    }


@pytest.mark.parametrize(("picture", "kind", "padding"), CASES)
def test_crops_and_cameras_are_those_of_the_reference(
    folder: Path, pictures: dict[str, Photo], picture: str, kind: str, padding: float
) -> None:
    """To the bit: OpenCV 4.11 and 4.14 cut alike."""
    expected, photo = recording(folder, f"{picture}_{kind}_pad{padding}"), pictures[picture]
    crops = Crops.around(expected["boxes_xyxy"], SIZE, padding)
    np.testing.assert_array_equal(crops.centre, expected["bbox_center"])
    np.testing.assert_array_equal(np.column_stack([crops.side, crops.side]), expected["bbox_scale"])
    np.testing.assert_array_equal(crops.affine, expected["affine_trans_float64"])
    np.testing.assert_allclose(default_intrinsics(photo), expected["cam_int_default"][0], rtol=1e-7)
    if "crop_rgb_uint8" in expected:
        np.testing.assert_array_equal(crops.cut(photo), expected["crop_rgb_uint8"])


@pytest.mark.parametrize(("picture", "kind", "padding"), CASES)
def test_rays_are_the_reduced_picture_of_rays(folder: Path, picture: str, kind: str, padding: float) -> None:
    expected = recording(folder, f"{picture}_{kind}_pad{padding}")
    crops = Crops.around(expected["boxes_xyxy"], SIZE, padding)
    rays = crops.rays(expected["cam_int_default"][0], (32, 32))
    np.testing.assert_allclose(rays, expected["ray_cond_downsampled_32"], rtol=0, atol=2e-6)
    # A narrower map shows the middle: the same rays, but for its first and last columns, where the filter is cut.
    narrow = crops.rays(expected["cam_int_default"][0], (32, 24))
    np.testing.assert_allclose(narrow[..., 1:-1], expected["ray_cond_downsampled_32"][..., 5:-5], rtol=0, atol=2e-6)
    assert np.abs(narrow[:, 0, :, [0, -1]] - rays[:, 0, :, [4, -5]]).min() > 1e-6


def test_rays_and_conditions_of_the_case(parity_case: Path) -> None:
    """Intrinsics off the middle, with a focal length of its own along y."""
    inputs = recording(parity_case, "inputs")
    crops = Crops(
        SIZE, inputs["bbox"], inputs["bbox_center"][0], inputs["bbox_scale"][0, :, 0], inputs["affine_trans"][0]
    )
    np.testing.assert_allclose(
        crops.rays(inputs["cam_int"][0], (32, 32)), inputs["ray_cond_downsampled_32"], rtol=0, atol=2e-6
    )
    told = crops.decoder_inputs(inputs["cam_int"][0])
    np.testing.assert_allclose(told["condition"], inputs["condition_info"], rtol=0, atol=1e-6)
    assert {name: array.dtype for name, array in told.items()} == dict.fromkeys(told, np.dtype(np.float32))


def test_masks_are_cut_like_the_photo(folder: Path) -> None:
    mask = recording(folder, "gradient_mask01")
    boxes = recording(folder, "gradient_body_pad1.25")["boxes_xyxy"]
    found = [
        Crops.around(box, SIZE, BODY_PADDING).cut_masks([mask["mask_in"][..., 0].astype(bool)])[0] for box in boxes
    ]
    assert any(np.array_equal(cut, mask["mask_crop"][0, 0]) for cut in found)
    assert not Crops.around(boxes[:1], SIZE, BODY_PADDING).cut_masks([None]).any()


def test_places_in_a_crop_go_from_0_to_1() -> None:
    crops = Crops.around(np.array([[10, 20, 50, 120], [0, 0, 90, 30]]), SIZE, BODY_PADDING)
    corners = np.stack([crops.centre - crops.side[:, None] / 2, crops.centre + crops.side[:, None] / 2], axis=1)
    np.testing.assert_allclose(crops.places(corners), [[[0, 0], [1, 1]]] * 2, atol=1e-6)
    np.testing.assert_allclose(crops.side, [125, 150])  # the taller by its height, the wider by its width / 0.75


def test_a_selection_and_its_join_give_back_the_crops() -> None:
    crops = Crops.around(np.array([[10, 20, 50, 120], [0, 0, 90, 30], [5, 5, 9, 9]]), SIZE, HAND_PADDING)
    back = Crops.join([crops[np.array([0, 1])], crops[2:]])
    for name in ("boxes", "centre", "side", "affine"):
        np.testing.assert_array_equal(getattr(back, name), getattr(crops, name))


def test_a_reduced_photo_is_cut_in_pixels_of_the_original() -> None:
    """A picture whose brightness is its own original coordinate tells where each crop pixel was taken."""
    x = (np.arange(300) + 0.5) * 2 - 0.5  # original coordinates of working pixels
    pixels = np.repeat(np.tile((x / 3).astype(np.uint8), (200, 1))[..., None], 3, axis=2)
    photo = Photo(pixels, Path("reduced"), original_size=(600, 400))
    crops = Crops.around(np.array([[100.0, 100, 400, 300]]), SIZE, BODY_PADDING)
    cut = crops.cut(photo)[0, SIZE // 2, :, 0].astype(float)
    original = (np.arange(SIZE) - crops.affine[0, 0, 2]) / crops.affine[0, 0, 0]
    inside = (original > 4) & (original < 590)
    np.testing.assert_allclose(cut[inside], np.floor(original[inside] / 3), atol=1.01)


def test_the_focal_length_of_exif_counts_in_original_pixels() -> None:
    photo = Photo(np.zeros((200, 300, 3), np.uint8), Path("p"), focal_px=250.0, original_size=(600, 400))
    np.testing.assert_allclose(default_intrinsics(photo), [[500, 0, 300], [0, 500, 200], [0, 0, 1]])


def test_twice_mirrored_is_the_photo() -> None:
    pixels: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 255, (20, 31, 3), dtype=np.uint8)
    photo = Photo(pixels, Path("p"))
    np.testing.assert_array_equal(mirrored(photo).pixels, pixels[:, ::-1])
    np.testing.assert_array_equal(mirrored(mirrored(photo)).pixels, pixels)


def test_crops_of_another_size_show_the_same_part_of_the_photo() -> None:
    crops = Crops.around(np.array([[100.0, 50, 300, 460], [10.5, 20.25, 70, 90]]), SIZE, BODY_PADDING)
    smaller = crops.at(384)
    points = np.random.default_rng(0).uniform(0, 500, (2, 9, 2))
    np.testing.assert_allclose(smaller.places(points), crops.places(points), atol=1e-6)
    assert (smaller.centre == crops.centre).all()
    assert crops.at(SIZE) is crops
    intrinsics = np.array([[700.0, 0, 320], [0, 710.0, 240], [0, 0, 1]])
    for axis in (0, 1):  # a ray is linear in its place, which cells of both sizes have in parts of the crop
        large, small = (c.rays(intrinsics, (n, n))[:, axis] for c, n in ((crops, 32), (smaller, 24)))
        along = (lambda rays: rays[0, 0]) if axis == 0 else (lambda rays: rays[0, :, 0])
        middle = [(16 * np.arange(n) + 7.5) / size for n, size in ((32, SIZE), (24, 384))]
        inner = slice(1, -1)  # the reduction is cut at the border
        fitted = np.polyfit(middle[0][inner], along(large)[inner], 1)
        np.testing.assert_allclose(np.polyval(fitted, middle[1])[inner], along(small)[inner], atol=1e-5)
