"""Calibrations of Pose2Sim, and of Anipose and Caliscope, which write the same (``.toml``).

One table for each camera: ``name``, ``size`` (width, height, px), ``matrix`` (3 x 3, px), ``distortions`` (k1 k2 p1 p2
[k3]), ``rotation`` (a rotation vector) and ``translation`` (m), world to camera in OpenCV's axes, and ``fisheye``.
(Pose2Sim, ``calibration.py``, ``toml_write``.)
"""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np

from native_runtime.errors import FileError
from native_runtime.takes.views.cameras import ViewCamera

from .numbers import distinct, intrinsics_of, numbers, rotation_of, size_of

_OTHER_TABLES = ("metadata", "capture_volume", "charuco", "checkerboard")


def read_pose2sim(text: str) -> list[ViewCamera]:
    """The cameras of a file's text.

    Raises:
        FileError: it is no such file.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileError(f"it is no TOML ({error}).") from error
    tables = {
        key: table for key, table in content.items() if isinstance(table, dict) and key.lower() not in _OTHER_TABLES
    }
    return distinct([_camera(key, table) for key, table in tables.items()])


def _camera(key: str, table: dict[str, Any]) -> ViewCamera:
    missing = next((name for name in ("matrix", "rotation", "translation") if name not in table), None)
    if missing is not None:
        raise FileError(f"the table [{key}] has no {missing}.")
    fisheye = bool(table.get("fisheye", False))
    return ViewCamera(
        str(table.get("name") or key),
        size_of(table["size"], f"The size of {key}") if "size" in table else None,
        intrinsics_of(table["matrix"], f"The matrix of {key}"),
        rotation_of(table["rotation"], f"The rotation of {key}"),
        numbers(table["translation"], 3, f"The translation of {key}"),
        numbers(table.get("distortions", np.zeros(4)), 4 if fisheye else (4, 5, 8), f"The distortions of {key}"),
        fisheye,
    )
