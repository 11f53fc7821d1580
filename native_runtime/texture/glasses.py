"""Dark glasses in a photo: behind them nobody sees eyes, and painted on a body they would be dark skin around bare
eyeballs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from .anatomy import Anatomy

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

#: Parts of the distance between the eyes: how far around each eye a lens surely reaches, sideways and up or down; the
#: same of the cheek that it is compared with; and how far that lies below the eye, towards the mouth, in parts of the
#: way to the mouth's height.
_LENS, _CHEEK, _BELOW = (0.26, 0.2), 0.13, 0.62
#: Steps of CIELAB's lightness by which a lens is darker than the cheek, and its part of a lens that is so at least.
_DARKER, _LEAST = 16.0, 0.5
#: px between the eyes: smaller faces show too little.
_SMALLEST = 10.0
_SIDE = 15
#: cm about the middle of the eyes which glasses cover: half of their width beyond an eye, up, down, and how softly they
#: end.
_BESIDE, _ABOVE, _UNDER, _SOFT = 3.4, 2.4, 3.6, 1.0


def wears_dark_glasses(pixels: Pixels, face: Array) -> bool:
    """Whether both eyes lie behind dark glasses: what is around each is nearly all much darker than the cheek below it.
    An eye, its lashes and a shadow in its corner are dark in a part of that alone.

    Args:
        pixels: (H, W, 3) sRGB, red first.
        face: (4, 2) px, where the points of ``alignment.FACE_POINTS`` are seen.
    """
    right, left, _, mouth = np.asarray(face, np.float64)
    across = left - right
    apart = float(np.linalg.norm(across))
    if apart < _SMALLEST or not np.isfinite(face).all():
        return False
    down = mouth - (left + right) / 2
    across, height = across / apart, float(np.linalg.norm(down))
    if height < 0.3 * apart:  # seen from above or below
        return False
    down = down / height
    shares = []
    for eye in (right, left):
        lens = _lightness(pixels, eye, _LENS[0] * apart * across, _LENS[1] * apart * down)
        cheek = _lightness(pixels, eye + _BELOW * height * down, _CHEEK * apart * across, _CHEEK * apart * down)
        if lens is None or cheek is None:
            return False
        shares.append(float((lens < np.median(cheek) - _DARKER).mean()))
    return min(shares) >= _LEAST


def _lightness(pixels: Pixels, middle: Array, sideways: Array, down: Array) -> Array | None:
    """CIELAB's lightness 0..100 at places within an ellipse; None where it reaches out of the picture."""
    steps = np.linspace(-1, 1, _SIDE)
    u, v = (grid.ravel() for grid in np.meshgrid(steps, steps))
    within = np.hypot(u, v) <= 1
    places = middle + u[within, None] * sideways + v[within, None] * down
    if (places < 0).any() or (places > np.array(pixels.shape[1::-1]) - 1).any():
        return None
    x, y = places.astype(np.float32).T
    found = cv2.remap(pixels, x[None], y[None], cv2.INTER_LINEAR)
    lab = cv2.cvtColor(found.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(lab[0, :, 0], np.float64)


def behind_glasses(body: Body, anatomy: Anatomy) -> Array:
    """(V,) 0..1, how far glasses cover each vertex of the face; 0 everywhere for bodies without joints of eyes."""
    nothing = np.zeros(body.vertex_count)
    if "l_eye" not in body.joint_names:
        return nothing
    eye = body.pose(np.zeros(len(body.parameter_names))).translations[body.joint_index("l_eye")]
    rest = body.rest_vertices.astype(np.float64)
    out = np.stack(
        [np.abs(rest[:, 0]) - abs(eye[0]) - _BESIDE, rest[:, 1] - eye[1] - _ABOVE, eye[1] - rest[:, 1] - _UNDER]
    ).max(axis=0)
    return np.asarray(np.where(anatomy.face, np.clip(1 - out / _SOFT, 0, 1), 0.0))
