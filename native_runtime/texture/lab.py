"""Colours as CIELAB, as OpenCV stores it in 8 bit."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb


def lab8(linear: NDArray) -> NDArray[np.float32]:
    """(N, 3) linear Rec.709 as CIELAB, whole numbers: lightness 0..255, a and b around 128."""
    return cv2.cvtColor(encode_srgb(linear)[None], cv2.COLOR_RGB2LAB)[0].astype(np.float32)
