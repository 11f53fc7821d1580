"""What cameras do to a picture: exposure, colour balance, contrast, blur, grain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb

Floats = NDArray[np.float32]


def developed(linear: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB of linear light (H, W, 3)."""
    height, width = linear.shape[:2]
    bright = float(np.percentile(linear.mean(axis=2), 90))
    gain = float(np.exp(rng.normal(0, 0.3))) * (0.75 / max(bright, 0.1)) ** 0.6
    balance = np.exp(rng.normal(0, 0.07, 3))
    picture = linear * (gain * balance).astype(np.float32)
    if rng.random() < 0.3:
        y, x = np.mgrid[:height, :width]
        away = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / (width**2 + height**2)
        picture = picture * (1 - rng.uniform(0.2, 1.2) * away).astype(np.float32)[..., None]
    pixels = encode_srgb(picture).astype(np.float32)
    contrast = float(np.exp(rng.normal(0, 0.12)))
    pixels = (pixels - 118) * contrast + 118
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * float(rng.uniform(0.6, 1.15) if rng.random() > 0.03 else 0.0)
    if rng.random() < 0.3:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.4, 1.3)))
    if rng.random() < 0.1:
        pixels = cv2.filter2D(pixels, -1, _shake(rng))
    grain = rng.uniform(0.5, 4) if rng.random() < 0.8 else rng.uniform(4, 14)
    noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(grain)
    return np.clip(np.round(pixels + noise), 0, 255).astype(np.uint8)


def _shake(rng: np.random.Generator) -> Floats:
    """A line of a few pixels in some direction: motion during the exposure."""
    length, angle = float(rng.uniform(2.0, 9.0)), float(rng.uniform(0, np.pi))
    kernel = np.zeros((13, 13), np.float32)
    way = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [tuple(int(v) for v in np.round((6 + sign * way) * 16)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    kernel[6, 6] = max(kernel[6, 6], 1e-3)
    return np.asarray(kernel / kernel.sum(), np.float32)
