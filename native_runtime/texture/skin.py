"""The tone of a person's skin."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb

Array = NDArray[np.float64]

DEFAULT_TONE = np.array([0.53, 0.29, 0.20])
"""Linear Rec.709, where no skin is seen."""
_FEWEST, _LEAST_SHARE = 60, 0.15
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
#: Photos whose colours differ from grey by less than this are black and white, 0..255.
_GREY = 8.0


def is_grey(linear: NDArray) -> bool:
    """Whether colours (N, 3) are of a black-and-white photo; colours that are none are of no such photo."""
    return len(linear) > 0 and float(np.percentile(np.ptp(encode_srgb(linear).astype(np.int64), axis=1), 90)) < _GREY


def in_greys(linear: NDArray) -> NDArray:
    """Colours (..., 3) by their luminance alone."""
    return np.repeat((linear @ _LUMINANCE)[..., None], 3, axis=-1).astype(linear.dtype)


def skin_tone(regions: list[NDArray], lit: bool = False, grey: bool = False) -> tuple[Array, bool]:
    """The median colour of what looks like skin in the first region that shows some, linear; and whether any does.

    Args:
        regions: (N, 3) linear colours that were seen of the face, the hands and the feet.
        lit: take the brighter half of it alone: faces that are turned aside show hair and shade besides.
        grey: the photo is black and white, in which skin is the brighter half of a face.
    """
    lit = lit or grey
    for colours in regions:
        likely = colours if grey else colours[looks_like_skin(colours)]
        if len(likely) >= max(_FEWEST, _LEAST_SHARE * len(colours)):
            if lit:
                luminance = likely @ _LUMINANCE
                likely = likely[luminance >= np.median(luminance)]
            return np.median(likely, axis=0).astype(np.float64), True
    return (in_greys(DEFAULT_TONE) if grey else DEFAULT_TONE.copy()), False


def looks_like_skin(linear: NDArray) -> NDArray[np.bool_]:
    """(N,) whether a colour is within what skin of all tones has in daylight and lamplight: reds and oranges of middle
    saturation (bounds of Kolkur and others, "Human Skin Detection Using RGB, HSV and YCbCr", 2017, widened for dark
    skin).
    """
    if len(linear) == 0:
        return np.zeros(0, bool)
    rgb = encode_srgb(linear)
    hue, saturation, _ = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2HSV)[0].T.astype(np.float64)
    red, green, blue = rgb.T.astype(np.int64)
    warm = (hue <= 25) | (hue >= 172)  # OpenCV's hues are halves of degrees
    return np.asarray(warm & (saturation >= 35) & (saturation <= 190) & (red > 40) & (red > green) & (red > blue))
