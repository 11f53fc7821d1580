"""MediaPipe's own operators as numpy computes them: the reference for the converted face mesh."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.build.convert_networks import mediapipe_operators as operators

OPTIONS = {
    "left_rotation_idx": 0,
    "right_rotation_idx": 1,
    "subset_idxs": [0, 1, 2, 3],
    "target_rotation_radians": 0.0,
    "scale_x": 1.5,
    "scale_y": 1.5,
    "output_width": 16,
    "output_height": 8,
}


def at(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    return np.asarray((matrix[0] @ (x, y, 0.0, 1.0))[:2])


@pytest.mark.parametrize("angle", [0.0, 0.4, -2.8])
def test_the_window_is_half_as_large_again_as_its_landmarks_and_upright_by_two(angle: float) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rectangle = np.array([[-10.0, 0.0], [10.0, 0.0], [3.0, -4.0], [-2.0, 6.0]])
    landmarks = np.column_stack([rectangle @ turn.T + (24.0, 20.0), np.zeros(4)])[None].astype(np.float32)
    matrix = operators.window_matrix(landmarks, OPTIONS)
    middle = turn @ (0.0, 1.0) + (24.0, 20.0)
    np.testing.assert_allclose(at(matrix, 8.0, 4.0), middle, atol=1e-4)
    np.testing.assert_allclose(at(matrix, 0.0, 0.0), middle + turn @ (-15.0, -7.5), atol=1e-4)
    np.testing.assert_allclose(at(matrix, 16.0, 8.0), middle + turn @ (15.0, 7.5), atol=1e-4)


def test_samples_follow_a_plane_and_are_zero_outside() -> None:
    rows, columns = np.mgrid[:12, :12].astype(np.float32)
    features = np.stack([columns, 2 * rows + 1], axis=-1)[None]
    matrix = np.eye(4, dtype=np.float32)[None].copy()
    matrix[0, 0, 0], matrix[0, 0, 3], matrix[0, 1, 3] = 0.5, 3.25, 9.0
    window = operators.window(features, matrix, OPTIONS)[0]
    assert window.shape == (8, 16, 2)
    places = 3.25 + 0.5 * (np.arange(16) + 0.5) - 0.5
    inside = places <= 11
    np.testing.assert_allclose(window[1, inside, 0], places[inside], atol=1e-5)
    np.testing.assert_allclose(window[1, inside, 1], 2 * 10 + 1, atol=1e-5)
    assert not window[1, ~inside].any()
    assert not window[3:].any()


def test_points_move_as_the_matrix_says() -> None:
    matrix = np.eye(4, dtype=np.float32)[None].copy()
    matrix[0, :2, :2], matrix[0, :2, 3] = [[0.0, -2.0], [2.0, 0.0]], [5.0, 7.0]
    moved = operators.moved_points(np.array([[[1.0, 0.0], [0.0, 3.0]]], np.float32), matrix)
    np.testing.assert_allclose(moved, [[[5.0, 9.0], [-1.0, 7.0]]])
