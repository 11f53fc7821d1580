"""What is behind people."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project

from .views import View


def background(view: View, rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W, 3) linear: a wall with things on it, and a floor below where it meets the wall."""
    width, height = view.size
    wall, ground = rng.random((2, 3)) ** 1.5 * 0.7 + 0.02
    picture = np.tile(wall, (height, width, 1)) * (0.8 + 0.4 * np.linspace(rng.random(), rng.random(), width))[:, None]
    for _ in range(int(rng.integers(0, 14))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = rng.uniform(0.03, 0.4, 2) * (width, height)
        cv2.rectangle(picture, (int(x - w), int(y - h)), (int(x + w), int(y + h)), (rng.random(3) ** 1.5).tolist(), -1)
    foot = view.from_world(np.array([view.place[0], rng.uniform(0.6, 4.0), 0.0]))
    line = int(np.clip(project(foot, view.intrinsics)[1], 0, height)) if foot[2] > 0 else 0
    picture[line:] = ground * np.linspace(0.8, 1.1, height)[line:, None, None]
    soft = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 4)))
    noise = cv2.resize(rng.normal(1, 0.12, (max(height // 6, 2), max(width // 6, 2))), (width, height))
    return np.clip(soft * noise[..., None], 0.0, 1.0).astype(np.float32)
