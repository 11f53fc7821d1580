"""FreiHAND (Zimmermann et al. 2019): ``evaluation_xyz.json`` and ``evaluation_K.json`` beside ``evaluation/rgb``.

Facts: the readme, ``view_samples.py`` and ``eval.py`` of github.com/lmb-freiburg/freihand. ``xyz`` are 21 points of a
right hand, m, camera axes: the wrist, then thumb to little finger, each from the palm to its tip; ``K`` is (3, 3) px.
The evaluation aligns all 21 by Procrustes analysis.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.camera import project
from native_runtime.errors import FileError
from native_runtime.evaluation.truth import Joints, TruePerson, TruePicture, Truth, nowhere
from native_runtime.evaluation.unreadable import unreadable

#: MHR-70's numbers of the points, in their order.
_HAND = (41, *(number for tip in (21, 25, 29, 33, 37) for number in range(tip + 3, tip - 1, -1)))
_MARGIN = 0.2


def read(path: Path) -> Truth:
    """The pictures of a part of the data set: of its file ``evaluation_xyz.json`` (or ``training_xyz.json``), or of the
    folder that it lies in.

    Compared are the 21 points, from the wrist. The camera's file is read from beside it.

    Raises:
        FileError: one is missing or damaged.
    """
    names = ("evaluation_xyz.json", "training_xyz.json")
    file = next((path / name for name in names if (path / name).exists()), None) if path.is_dir() else path
    if file is None:
        raise FileError(f"There is neither {names[0]} nor {names[1]} in '{path.name}'.")
    lenses = file.with_name(file.name.replace("_xyz", "_K"))
    if lenses == file or not lenses.exists():
        raise FileError(f"There is no file of cameras (..._K.json) beside {file.name}.")
    try:
        pictures = []
        for number, (points, lens) in enumerate(zip(_numbers(file), _numbers(lenses), strict=True)):
            points, lens = np.asarray(points, np.float64).reshape(21, 3), np.asarray(lens, np.float64).reshape(3, 3)
            flat, space = nowhere(2), nowhere(3)
            flat[list(_HAND)], space[list(_HAND)] = project(points, lens), points
            low, high = np.nanmin(flat, axis=0), np.nanmax(flat, axis=0)
            margin = _MARGIN * float((high - low).max())
            box = np.concatenate([low - margin, high + margin])
            pictures.append(TruePicture(f"{number:08d}.jpg", [TruePerson(box, flat, space)]))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise unreadable(file.name, "points of FreiHAND", error) from error
    return Truth(pictures, joints=Joints(_HAND, (_HAND[0],)), everybody=False)


def _numbers(path: Path) -> list[Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, list):
        raise ValueError(f"{path.name} holds no list")
    return content
