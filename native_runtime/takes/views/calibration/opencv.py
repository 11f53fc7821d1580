"""Calibrations in OpenCV's own terms (``.xml``, ``.yml``, ``.json``).

OpenCV has no file format for several cameras. Read are

* a pair as OpenCV's sample ``stereo_calib`` names it: ``M1 D1 M2 D2 R T`` in one file, the first camera being the
  world;
* an entry for each camera, by its name or in a list ``cameras`` (each with a ``name``). Its camera matrix is called
  ``camera_matrix``, ``cameraMatrix``, ``intrinsic`` or ``K`` (3 x 3, px); its distortion ``distortion_coefficients``,
  ``dist_coeffs``, ``distCoeffs``, ``dist`` or ``D``; its rotation ``rvec``, ``rotation`` or ``R`` (3 x 3 or a rotation
  vector) and translation ``tvec``, ``translation``, ``T`` or ``t`` (m), world to camera in OpenCV's axes; its picture
  ``image_size``, ``size`` or ``resolution`` (width, height), or ``image_width`` and ``image_height``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from native_runtime.errors import FileError
from native_runtime.takes.views.cameras import ViewCamera

from .numbers import distinct, intrinsics_of, numbers, rotation_of, size_of
from .storage import parsed

_MATRIX = ("camera_matrix", "cameraMatrix", "intrinsic", "K")
_DISTORTION = ("distortion_coefficients", "dist_coeffs", "distCoeffs", "dist", "D")
_ROTATION = ("rvec", "rotation", "R")
_TRANSLATION = ("tvec", "translation", "T", "t")
_SIZE = ("image_size", "size", "resolution")


def read_opencv(text: str) -> list[ViewCamera]:
    """The cameras of a file's text.

    Raises:
        FileError: it is no such file.
    """
    content = parsed(text)
    if {"M1", "M2", "R", "T"} <= set(content):
        return _pair(content)
    return distinct([_camera(name, entry) for name, entry in _entries(content)])


def _pair(content: dict[str, Any]) -> list[ViewCamera]:
    first = {"K": content["M1"], "D": content.get("D1"), "R": np.eye(3), "T": np.zeros(3)}
    second = {"K": content["M2"], "D": content.get("D2"), "R": content["R"], "T": content["T"]}
    size = {name: content[name] for name in ("image_width", "image_height", *_SIZE) if name in content}
    return [_camera("1", first | size), _camera("2", second | size)]


def _entries(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = content.get("cameras", content)
    if isinstance(listed, list):
        listed = {
            str(entry.get("name", number + 1)) if isinstance(entry, dict) else str(number): entry
            for number, entry in enumerate(listed)
        }
    if not isinstance(listed, dict):
        raise FileError("its 'cameras' are neither a list nor named.")
    for name, entry in listed.items():
        if isinstance(entry, dict) and _first(entry, _MATRIX) is not None:
            yield str(entry.get("name", name)), entry
        elif listed is not content:
            raise FileError(f"the camera {name!r} has no camera matrix.")


def _first(entry: dict[str, Any], names: tuple[str, ...]) -> Any:
    value = next((entry[name] for name in names if entry.get(name) is not None), None)
    return value["data"] if isinstance(value, dict) and "data" in value else value


def _camera(name: str, entry: dict[str, Any]) -> ViewCamera:
    turn, shift, bent = _first(entry, _ROTATION), _first(entry, _TRANSLATION), _first(entry, _DISTORTION)
    if turn is None or shift is None:
        raise FileError(f"the camera {name!r} has no {'rotation' if turn is None else 'translation'}.")
    size = _first(entry, _SIZE)
    if size is None and "image_width" in entry and "image_height" in entry:
        size = [entry["image_width"], entry["image_height"]]
    return ViewCamera(
        name,
        None if size is None else size_of(size, f"The picture of {name}"),
        intrinsics_of(_first(entry, _MATRIX), f"The camera matrix of {name}"),
        rotation_of(turn, f"The rotation of {name}"),
        numbers(shift, 3, f"The translation of {name}"),
        np.zeros(0) if bent is None else numbers(bent, (4, 5, 8, 12, 14), f"The distortion of {name}"),
    )
