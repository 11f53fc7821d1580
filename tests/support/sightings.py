"""People as the landmark networks see them, without any network."""

from __future__ import annotations

import numpy as np

from native_runtime.detection.landmarks import PersonLandmarks


def seen_person(middle: tuple[float, float], turn: float = 0.3, side: float = 300.0) -> PersonLandmarks:
    """An upright ellipse, as the networks see it in a crop that is turned by some radians; the nose in its middle."""
    y, x = np.mgrid[0:256, 0:256]
    mask = ((((x - 128) / 60) ** 2 + ((y - 128) / 100) ** 2) < 1).astype(np.float32)
    scale = 256 / side
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    to_mask = np.column_stack([rotation, 128 - rotation @ np.array(middle)])
    points = np.tile(np.array(middle), (33, 1)) + np.arange(33)[:, None] * [1.0, 0.5]
    ones = np.ones(33)
    return PersonLandmarks(np.zeros(4), 1.0, points, np.zeros((33, 3)), ones, ones, mask, to_mask)
