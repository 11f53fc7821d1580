"""MediaPipe's own TensorFlow Lite operators, which the common interpreter lacks, computed by numpy.

The semantics are those of ``mediapipe/util/tflite/operations`` (Apache-2.0), version 2 of each. This is the reference
that the converted networks are compared with, so it is written apart from ``tflite_writer``: in plain steps, one
picture at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def window_matrix(landmarks: Array, options: Mapping[str, Any]) -> Array:
    """(1, 4, 4) from pixels of the window around some landmarks (1, n, 3) to the picture they are in."""
    points = landmarks[0, :, :2].astype(np.float64)
    left, right = points[options["left_rotation_idx"]], points[options["right_rotation_idx"]]
    angle = options["target_rotation_radians"] - np.arctan2(right[1] - left[1], right[0] - left[0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = points[list(options["subset_idxs"])] @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    size = np.array([options["output_width"], options["output_height"]])
    steps = (high - low) * (options["scale_x"], options["scale_y"]) / size
    linear = turn.T @ np.diag(steps)
    matrix = np.eye(4)
    matrix[:2, :2] = linear
    matrix[:2, 3] = turn.T @ ((low + high) / 2) - linear @ (size / 2)
    return matrix[None].astype(np.float32)


def window(features: Array, matrix: Array, options: Mapping[str, Any]) -> Array:
    """(1, height, width, channels) sampled from a picture (1, h, w, channels); zero where a sample is outside it."""
    height, width = features.shape[1:3]
    result = np.zeros((1, options["output_height"], options["output_width"], features.shape[3]), np.float32)
    for row, column in np.ndindex(result.shape[1:3]):
        x, y = (matrix[0] @ (column + 0.5, row + 0.5, 0.0, 1.0))[:2] - 0.5
        if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
            continue
        first, top = int(np.floor(x)), int(np.floor(y))
        last, bottom = min(first + 1, width - 1), min(top + 1, height - 1)
        across, down = x - first, y - top
        upper = (1 - across) * features[0, top, first] + across * features[0, top, last]
        lower = (1 - across) * features[0, bottom, first] + across * features[0, bottom, last]
        result[0, row, column] = (1 - down) * upper + down * lower
    return result


def moved_points(points: Array, matrix: Array) -> Array:
    """Points (1, n, 2) carried over by a matrix (1, 4, 4)."""
    return points @ matrix[:, :2, :2].transpose(0, 2, 1) + matrix[:, None, :2, 3]


OPERATORS: dict[str, Callable[..., Array]] = {
    "Landmarks2TransformMatrix": window_matrix,
    "TransformLandmarks": lambda points, matrix, options: moved_points(points, matrix),
    "TransformTensorBilinear": window,
}
"""By their names in a file; each takes its tensors, then its options."""
