"""The 478 points of MediaPipe's face mesh: where brows, lids, lips and the outline of a face lie in the photo.

Sources: MediaPipe's module face_landmark (Apache-2.0), network ``face_landmark_with_attention``. It gives 468 points of
the whole face and, from closer looks at lips and eyes, better places for those and five points for each iris; which
numbers these have is listed in ``face_landmark_cpu.pbtxt`` and in the network itself. The window follows
``FaceLandmarksToRectCalculator``: upright by the outer corners of the eyes, half as large again as the points.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.crops import Crop, Picture, upright_angle
from native_runtime.detection.landmarks import FaceMesh
from native_runtime.files.templates import load_json
from native_runtime.onnx.sessions import Network

Array = NDArray[Any]

MESH_INPUT = 192
MESH_POINTS, ALL_POINTS = 468, 478
RIGHT_IRIS, LEFT_IRIS = slice(468, 473), slice(473, 478)
"""The middle of each iris, then its four sides; right and left are the person's own."""

SMALLEST_FACE = 32.0
"""px, side of a face: on smaller ones the points are where they are on the mean face."""

LIPS: tuple[int, ...] = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)  # fmt: skip
RIGHT_EYE: tuple[int, ...] = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112,
    243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
    35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
)  # fmt: skip
LEFT_EYE: tuple[int, ...] = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252, 256,
    341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442,
    441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336,
    285, 417,
)  # fmt: skip
"""What the closer looks at lips and eyes give, in their order: numbers of points of the mesh."""

_EYE_CONTOUR = 16
"""So many of an eye's points, from the first, are the edges of its lids."""

_OUTER_CORNERS = (33, 263)
_WINDOW_SCALE = 1.5
# Windows in which the network sees hardly anything of a face are not worth a second look.
_HOPELESS = 0.05
_FACE_SCORE = 0.5


def read_mesh(network: Network, picture: Picture, face_points: Array, size: float) -> FaceMesh | None:
    """The mesh of a face that was found; None where it is too small, or the network sees none. The points are the means
    of those in the picture and in its mirror image.

    Args:
        picture: the photo, in its own pixels.
        face_points: (4 or more, 2) px: right eye, left eye, nose, mouth.
        size: px, the side of the square around brows, chin and cheeks.
    """
    if size < SMALLEST_FACE:
        return None
    return read_around(network, picture, _first_window(face_points, size))


def read_around(network: Network, picture: Picture, window: Crop) -> FaceMesh | None:
    """As ``read_mesh``, of a face that fills about two thirds of a window."""
    first = _read(network, picture, window)
    if first.score < _HOPELESS:
        return None
    window = window_around(first.points)
    plain, mirrored = (_read(network, picture, window, turned) for turned in (False, True))
    if plain.score < _FACE_SCORE:
        return None
    return FaceMesh(
        (plain.points + mirrored.points) / 2, (plain.depths + mirrored.depths) / 2, (plain.score + mirrored.score) / 2
    )


@lru_cache(maxsize=1)
def mirror_partners() -> NDArray[np.int64]:
    """(478,) for each point the one on the other side of the face."""
    return np.array(load_json("face", "mirror.json")["points"], np.int64)


def window_around(points: Array) -> Crop:
    """The window that shows a face with these (478, 2) px points best."""
    right, left = points[list(_OUTER_CORNERS)]
    angle = math.atan2(*(left - right)[::-1])
    axes = Crop(0.0, 0.0, 1.0, angle).axes
    turned = points[:MESH_POINTS] @ axes
    low, high = turned.min(axis=0), turned.max(axis=0)
    centre = axes @ ((low + high) / 2)
    return Crop(float(centre[0]), float(centre[1]), float(max((high - low).max(), 1.0)) * _WINDOW_SCALE, angle)


def _first_window(face_points: Array, size: float) -> Crop:
    eyes, mouth = face_points[:2].mean(axis=0), face_points[3]
    middle = (face_points[:4].mean(axis=0) + mouth + eyes) / 3
    return Crop(float(middle[0]), float(middle[1]), size * _WINDOW_SCALE, upright_angle(mouth, eyes))


def _read(network: Network, picture: Picture, crop: Crop, mirrored: bool = False) -> FaceMesh:
    """What is seen in a window, or in its mirror image, in pixels of the picture."""
    pixels = picture.sample(crop, MESH_INPUT).astype(np.float32) / 255.0
    pixels = np.ascontiguousarray(pixels[:, ::-1]) if mirrored else pixels
    output = {name: values.reshape(-1) for name, values in network.run(image=pixels[None]).items()}
    places = np.empty((ALL_POINTS, 3))
    places[:MESH_POINTS] = output["landmarks"].reshape(MESH_POINTS, 3)
    for name, numbers in (("lips", LIPS), ("right_eye", RIGHT_EYE), ("left_eye", LEFT_EYE)):
        places[list(numbers), :2] = output[name].reshape(-1, 2)
    for name, rows, eye in (("right_iris", RIGHT_IRIS, RIGHT_EYE), ("left_iris", LEFT_IRIS, LEFT_EYE)):
        places[rows, :2] = output[name].reshape(-1, 2)
        places[rows, 2] = places[list(eye[:_EYE_CONTOUR]), 2].mean()
    score = float(1.0 / (1.0 + np.exp(-float(output["presence"][0]))))
    if mirrored:
        places = places[mirror_partners()]
        places[:, 0] = MESH_INPUT - places[:, 0]
    points = crop.from_fractions(places[:, :2] / MESH_INPUT)
    return FaceMesh(points, places[:, 2] * (crop.size / MESH_INPUT), score)
