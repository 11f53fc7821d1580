"""Cameras of COLMAP's text export (``cameras.txt`` and ``images.txt``).

``cameras.txt``: CAMERA_ID MODEL WIDTH HEIGHT PARAMS; ``images.txt``: IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME,
and a line of points after each: world to camera in OpenCV's axes. COLMAP's pixel (0.5, 0.5) is the centre of the
top-left one. Lengths have no known unit. (COLMAP's documentation, "Output Format"; ``src/colmap/sensor/models.h``.)
"""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import FileError
from native_runtime.mhr.rotations import quaternion_to_matrix
from native_runtime.takes.views.cameras import ViewCamera

from .numbers import distinct, intrinsics_of, numbers, size_of

Array = NDArray[np.float64]

_MODELS: dict[str, tuple[int, int, bool]] = {
    "SIMPLE_PINHOLE": (1, 0, False),
    "PINHOLE": (2, 0, False),
    "SIMPLE_RADIAL": (1, 1, False),
    "RADIAL": (1, 2, False),
    "OPENCV": (2, 4, False),
    "FULL_OPENCV": (2, 8, False),
    "OPENCV_FISHEYE": (2, 4, True),
    "SIMPLE_RADIAL_FISHEYE": (1, 1, True),
    "RADIAL_FISHEYE": (1, 2, True),
}
"""How many focal lengths and distortion coefficients a model has, and whether it is a fisheye's."""
_CORNER = 0.5

_Lens = tuple[tuple[int, int], Array, Array, bool]


def read_colmap(cameras: str, images: str) -> list[ViewCamera]:
    """The camera of each image, named as the image's file without its ending.

    Raises:
        FileError: these are no such files.
    """
    lenses = dict(_lens(line) for line in cameras.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    # every image has a second line, its points, which may be empty
    lines = [line for line in images.splitlines() if not line.lstrip().startswith("#")]
    found = []
    for line in lines[::2]:
        if line.strip():
            found.append(_camera(line, lenses))
    return distinct(found)


def _lens(line: str) -> tuple[str, _Lens]:
    words = line.split()
    if len(words) < 5 or words[1] not in _MODELS:
        kind = words[1] if len(words) > 1 else line[:40]
        raise FileError(f"cameras.txt has the model {kind!r}; known are {', '.join(_MODELS)}.")
    focals, bends, fisheye = _MODELS[words[1]]
    what = f"The camera {words[0]} of cameras.txt"
    values = numbers(words[4:], focals + 2 + bends, what)
    focal = np.repeat(values[:1], 2) if focals == 1 else values[:2]
    centre = values[focals : focals + 2] - _CORNER
    matrix = intrinsics_of([focal[0], 0, centre[0], 0, focal[1], centre[1], 0, 0, 1], what)
    bent = np.zeros(0)
    if bends:
        bent = np.zeros(max(bends, 4))
        bent[:bends] = values[focals + 2 :]
    return words[0], (size_of(words[2:4], what), matrix, bent, fisheye)


def _camera(line: str, lenses: dict[str, _Lens]) -> ViewCamera:
    words = line.split(maxsplit=9)
    if len(words) != 10:
        raise FileError(f"images.txt has a line that is no image: {line[:60]!r}.")
    if words[8] not in lenses:
        raise FileError(f"images.txt speaks of a camera {words[8]!r} that cameras.txt does not have.")
    values = numbers(words[1:8], 7, f"The image {words[9]}")
    w, x, y, z = values[:4]
    if not np.linalg.norm(values[:4]) > 1e-6:
        raise FileError(f"the rotation of the image {words[9]} is 0.")
    size, matrix, bent, fisheye = lenses[words[8]]
    return ViewCamera(
        PurePosixPath(words[9]).stem, size, matrix, quaternion_to_matrix(np.array([x, y, z, w])), values[4:], bent,
        fisheye, metric=False,
    )  # fmt: skip
