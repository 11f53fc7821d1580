"""Windows, anchors and suppression of the landmark networks: geometry that needs no network."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from native_runtime.detection import anchors, detector, hands, pose
from native_runtime.detection.crops import Crop, Picture, upright_angle


@pytest.mark.parametrize("angle", [0.0, 0.3, -2.0, math.pi])
def test_fractions_and_pixels_of_a_window_go_there_and_back(angle: float) -> None:
    crop = Crop(120.5, 40.25, 77.0, angle)
    points = np.array([[0.0, 0.0], [300.0, -20.0], [120.5, 40.25]])
    np.testing.assert_allclose(crop.from_fractions(crop.to_fractions(points)), points, atol=1e-9)
    np.testing.assert_allclose(crop.to_fractions(np.array([120.5, 40.25])), [0.5, 0.5])
    # Pixel u of a window of n pixels is the fraction (u + 0.5) / n.
    for pixels in (1, 64, 256):
        to_window = crop.pixels_from_photo(pixels)
        window = points @ to_window[:, :2].T + to_window[:, 2]
        np.testing.assert_allclose((window + 0.5) / pixels, crop.to_fractions(points), atol=1e-9)


def test_a_window_that_covers_the_photo_is_the_photo() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    np.testing.assert_array_equal(Picture(photo).sample(Crop(31.5, 31.5, 64.0), 64), photo)
    # A quarter turn to the right shows the photo turned to the left.
    turned = Picture(photo).sample(Crop(31.5, 31.5, 64.0, math.pi / 2), 64)
    assert np.abs(turned.astype(int) - np.rot90(photo).astype(int)).max() <= 1


@pytest.mark.parametrize("shape", [(300, 400), (301, 399), (1024, 700)])
@pytest.mark.parametrize("size", [40.0, 150.0, 700.0])
def test_sampling_keeps_places_at_every_scale(shape: tuple[int, int], size: float) -> None:
    """A soft dot appears in the window where the geometry says, to a twentieth of its pixel or of the photo's."""
    height, width = shape
    spot = np.array([width * 0.4, height * 0.55])
    y, x = np.mgrid[:height, :width]
    sigma = max(3.0, size / 40)
    dot = 255 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * sigma**2))
    photo = np.repeat(dot[..., None], 3, axis=2).round().astype(np.uint8)
    crop = Crop(spot[0] + 0.1 * size, spot[1] - 0.05 * size, size, 0.4)
    window = Picture(photo).sample(crop, 96, cv2.BORDER_CONSTANT)[..., 0].astype(float)
    rows, columns = np.mgrid[:96, :96]
    centre = np.array([(window * columns).sum(), (window * rows).sum()]) / window.sum()
    expected = crop.to_fractions(spot) * 96 - 0.5
    np.testing.assert_allclose(centre, expected, atol=max(0.05, 0.05 * 96 / size))


def test_a_reduced_copy_is_sampled_in_coordinates_of_the_photo() -> None:
    photo = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8), (0, 0), 9)
    small = cv2.resize(photo, (300, 200), interpolation=cv2.INTER_AREA)
    crop = Crop(310.0, 190.0, 250.0, -0.7)
    whole = Picture(photo).sample(crop, 64).astype(int)
    reduced = Picture(small, (600, 400)).sample(crop, 64).astype(int)
    assert np.abs(whole - reduced).max() <= 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 2)])
def test_tiny_photos_can_be_sampled(shape: tuple[int, int]) -> None:
    photo = np.full((*shape, 3), 77, np.uint8)
    assert (Picture(photo).sample(Crop(0, 0, 1000.0, 1.0), 32) == 77).all()


def test_upright_means_head_above_foot() -> None:
    assert upright_angle(np.array([5.0, 9.0]), np.array([5.0, 2.0])) == 0.0
    for angle in (-2.5, -0.4, 1.0, 3.0):
        head = Crop(0.0, 0.0, 1.0, angle).from_fractions(np.array([0.5, 0.0]))
        assert upright_angle(np.zeros(2), head) == pytest.approx(angle)


def test_the_anchors_are_those_of_the_networks() -> None:
    # Counts and order by MediaPipe's options: pose 28 x 28 x 2, 14 x 14 x 2, 7 x 7 x 6; palm 24 x 24 x 2, 12 x 12 x 6.
    body = anchors.anchor_centres(224, (8, 16, 32, 32, 32))
    assert body.shape == (2254, 2)
    np.testing.assert_allclose(body[[0, 1, 2, 2253]] * 28, [[0.5, 0.5], [0.5, 0.5], [1.5, 0.5], [26.0, 26.0]])
    assert anchors.anchor_centres(192, (8, 16, 16, 16)).shape == (2016, 2)


def test_raw_boxes_become_fractions_around_their_anchors() -> None:
    centres = np.array([[0.25, 0.75], [0.5, 0.5]])
    raw = np.array([[10.0, -20.0, 40.0, 60.0, 5.0, 6.0], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]])
    boxes, points, probabilities = anchors.decode(raw, np.array([2.0, -9.0]), centres, 100, 0.5)
    np.testing.assert_allclose(boxes, [[0.15, 0.25, 0.55, 0.85]])
    np.testing.assert_allclose(points, [[[0.3, 0.81]]])
    np.testing.assert_allclose(probabilities, [1 / (1 + math.exp(-2))])


def test_suppression_averages_what_overlaps_and_keeps_what_does_not() -> None:
    boxes = np.array([[0.0, 0.0, 1.0, 1.0], [0.1, 0.0, 1.1, 1.0], [3.0, 3.0, 4.0, 4.0]])
    points = boxes[:, None, :2].copy()
    merged, merged_points, probabilities = anchors.weighted_suppression(boxes, points, np.array([0.9, 0.3, 0.5]), 0.3)
    np.testing.assert_allclose(merged, [[0.025, 0.0, 1.025, 1.0], [3.0, 3.0, 4.0, 4.0]])
    np.testing.assert_allclose(merged_points[:, 0], merged[:, :2])
    np.testing.assert_allclose(probabilities, [0.9, 0.5])
    nothing = anchors.weighted_suppression(np.zeros((0, 4)), np.zeros((0, 7, 2)), np.zeros(0), 0.3)
    assert [values.shape for values in nothing] == [(0, 4), (0, 7, 2), (0,)]


@pytest.mark.parametrize("size", [(810, 1080), (2250, 1500), (5000, 300), (1, 1)])
def test_every_place_of_the_photo_is_well_inside_some_window_of_every_level(size: tuple[int, int]) -> None:
    places = np.random.default_rng(0).uniform(0, 1, (200, 2)) * size - 0.5
    for level in detector.LEVELS:
        margins = [
            np.minimum(window.to_fractions(places), 1 - window.to_fractions(places)).min(axis=1)
            for window in detector.windows(*size, level)
        ]
        assert np.max(margins, axis=0).min() >= 0.06


def test_painting_over_removes_what_is_masked_and_leaves_the_rest() -> None:
    photo = np.full((200, 300, 3), (40, 90, 160), np.uint8)
    photo[80:120, 130:170] = 255
    scene = detector.Scene(Picture(photo))
    window = Crop(150.0, 100.0, 80.0)
    assert scene.free_share(window) == 1.0
    mask = np.zeros((64, 64), np.float32)
    mask[10:54, 10:54] = 1.0  # a little more than the white square
    scene.erase(mask, window.pixels_from_photo(64))
    left = scene.picture.sample(Crop(149.5, 99.5, 200.0), 200).astype(int)
    assert np.abs(left - (40, 90, 160)).max() <= 3
    assert scene.free_share(window) < 0.6


def test_heatmaps_move_points_to_their_peaks() -> None:
    heatmap = np.full((64, 64, 2), -20.0)
    heatmap[30:33, 40:43, 0] = 5.0  # centred at row 31, column 41
    refined = pose.refine(np.array([[0.65, 0.5], [0.2, 0.2]]), heatmap)
    np.testing.assert_allclose(refined, [[41 / 64, 31 / 64], [0.2, 0.2]], atol=1e-6)
    outside = np.array([[-0.4, 0.5], [1.3, 0.5]])
    np.testing.assert_array_equal(pose.refine(outside, heatmap), outside)


def test_the_window_of_a_hand_turns_and_grows_with_it() -> None:
    points = np.random.default_rng(3).normal(size=(21, 2)) * 5
    points[0], points[9] = (0.0, 30.0), (0.0, 0.0)
    base = hands._crop_from_hand(points)
    for angle, factor in ((0.7, 1.0), (-2.0, 3.0)):
        frame = Crop(50.0, 60.0, factor, angle)
        moved = hands._crop_from_hand(frame.from_fractions(points + 0.5))
        assert moved.size == pytest.approx(base.size * factor)
        assert math.remainder(moved.angle - base.angle - angle, 2 * math.pi) == pytest.approx(0.0, abs=1e-9)
        np.testing.assert_allclose(
            [moved.x, moved.y], frame.from_fractions(np.array([base.x, base.y]) + 0.5), atol=1e-6
        )


def test_every_point_is_refined_by_its_own_neighbourhood() -> None:
    rng = np.random.default_rng(5)
    heatmap = rng.normal(-1.0, 3.0, (12, 16, 40))
    fractions = rng.uniform(-0.1, 1.1, (40, 2))
    expected = fractions.copy()
    for k, (x, y) in enumerate(fractions):
        column, row = math.floor(x * 16), math.floor(y * 12)
        if 0 <= column < 16 and 0 <= row < 12:
            rows = np.arange(max(row - 3, 0), min(row + 4, 12))
            columns = np.arange(max(column - 3, 0), min(column + 4, 16))
            weights = 1.0 / (1.0 + np.exp(-heatmap[np.ix_(rows, columns, [k])][..., 0]))
            if weights.max() >= 0.5:
                expected[k] = [(weights.sum(axis=0) @ columns) / 16, (weights.sum(axis=1) @ rows) / 12] / weights.sum()
    assert (expected != fractions).any(axis=1).sum() > 20
    np.testing.assert_allclose(pose.refine(fractions, heatmap), expected, atol=1e-12)
