"""Calibrations of Qualisys Track Manager (``.qca.txt``, XML).

World in millimetres. ``transform``'s x, y, z are the camera's place, and r11 to r33, by rows, turn world vectors to
Qualisys's camera axes: x right, y up, z backward. Intrinsics are in 1/64 of a pixel of the whole sensor, whose part
``fov_video`` is the picture. (Checked with the demo of Pose2Sim, whose ``calibration.py`` reads them alike but for the
distortion, which it divides by 64 as well; the coefficients are of rays as OpenCV's are.)
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from native_runtime.errors import FileError
from native_runtime.takes.views.cameras import ViewCamera

from .numbers import distinct, intrinsics_of, numbers, rotation_of, size_of

_SUBPIXELS = 64.0
_MM = 1000.0
_TO_OPENCV = np.diag([1.0, -1.0, -1.0])


def read_qualisys(text: str) -> list[ViewCamera]:
    """The cameras of a ``.qca.txt`` file's text.

    Raises:
        FileError: it is no such file.
    """
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise FileError("it declares entities, which no calibration needs.")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise FileError(f"it is no XML ({error}).") from error
    if root.tag != "calibration":
        raise FileError(f"it is no calibration of Qualisys: its root is <{root.tag}>.")
    return distinct([_camera(entry) for entry in root.iterfind("cameras/camera") if entry.get("active", "1") != "0"])


def _camera(entry: ElementTree.Element) -> ViewCamera:
    name = entry.get("serial") or ""
    if not name:
        raise FileError("a camera has no serial.")
    transform, lens, picture = (_part(entry, tag, name) for tag in ("transform", "intrinsic", "fov_video"))
    axes = rotation_of(_values(transform, [f"r{a}{b}" for a in "123" for b in "123"], name), f"The rotation of {name}")
    place = _values(transform, "xyz", name) / _MM
    left, top, right, bottom = _values(picture, ("left", "top", "right", "bottom"), name)
    focal_x, focal_y, centre_x, centre_y = (
        _values(lens, ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV"), name) / _SUBPIXELS
    )
    matrix = [focal_x, 0.0, centre_x - left, 0.0, focal_y, centre_y - top, 0.0, 0.0, 1.0]
    first, second, third, across, down = _values(
        lens,
        ("radialDistortion1", "radialDistortion2", "radialDistortion3", "tangentalDistortion1", "tangentalDistortion2"),
        name,
    )
    rotation = _TO_OPENCV @ axes
    return ViewCamera(
        name,
        size_of([right - left + 1, bottom - top + 1], f"The picture of {name}"),
        intrinsics_of(matrix, f"The lens of {name}"),
        rotation,
        -rotation @ place,
        np.array([first, second, across, down, third]),
    )


def _part(entry: ElementTree.Element, tag: str, name: str) -> ElementTree.Element:
    found = entry.find(tag)
    if found is None:
        raise FileError(f"the camera {name} has no <{tag}>.")
    return found


def _values(entry: ElementTree.Element, names: str | list[str] | tuple[str, ...], camera: str) -> np.ndarray:
    values = [entry.get(name) for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if value is None]
    if missing:
        raise FileError(f"the camera {camera} has no {missing[0]}.")
    return numbers(values, len(values), f"What <{entry.tag}> of the camera {camera} says")
