"""Calibrations of EasyMocap (``intri.yml`` and ``extri.yml``, written by OpenCV).

``names`` lists the cameras; for a camera NAME there are ``K_NAME`` (3 x 3, px), ``dist_NAME`` (k1 k2 p1 p2 k3),
``R_NAME`` (a rotation vector) or ``Rot_NAME`` (3 x 3), and ``T_NAME`` (m): world to camera in OpenCV's axes; sometimes
``H_NAME`` and ``W_NAME``, px. (EasyMocap, ``easymocap/mytools/camera_utils.py``.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from native_runtime.errors import FileError
from native_runtime.takes.views.cameras import ViewCamera

from .numbers import distinct, intrinsics_of, numbers, rotation_of, size_of
from .storage import parsed


def read_easymocap(intrinsics: str, extrinsics: str) -> list[ViewCamera]:
    """The cameras of both files' texts.

    Raises:
        FileError: they are no such files.
    """
    lens, place = parsed(intrinsics), parsed(extrinsics)
    names = lens.get("names")
    if not isinstance(names, list) or not all(isinstance(name, str | float) for name in names):
        raise FileError("it has no list of names.")
    texts = [name if isinstance(name, str) else f"{name:g}" for name in names]
    return distinct([_camera(name, lens, place) for name in texts])


def _camera(name: str, lens: dict[str, Any], place: dict[str, Any]) -> ViewCamera:
    turn = f"Rot_{name}" if f"Rot_{name}" in place else f"R_{name}"
    for key, content, file in ((f"K_{name}", lens, "intri.yml"), (turn, place, "extri.yml"),
                               (f"T_{name}", place, "extri.yml")):  # fmt: skip
        if key not in content:
            raise FileError(f"{file} has no {key}.")
    height, width = lens.get(f"H_{name}"), lens.get(f"W_{name}")
    known = isinstance(height, float) and isinstance(width, float) and height > 0 and width > 0
    return ViewCamera(
        name,
        size_of([width, height], f"The size of {name}") if known else None,
        intrinsics_of(lens[f"K_{name}"], f"K_{name}"),
        rotation_of(place[turn], turn),
        numbers(place[f"T_{name}"], 3, f"T_{name}"),
        numbers(lens.get(f"dist_{name}", np.zeros(4)), (4, 5, 8), f"dist_{name}"),
    )
