"""The people that a program found, by its estimates on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.estimate import Estimate
from native_runtime.errors import FileError, Sam3dbError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """What is compared of an estimate: see ``Estimate``."""

    keypoints_2d: Array
    keypoints_3d: Array
    bbox: Array
    image_size: NDArray[np.int64]


def read_found(folder: Path, damaged: Callable[[Path, Sam3dbError], None]) -> dict[str, list[FoundPerson]]:
    """All estimates below a folder, by the file name of their photo.

    Args:
        damaged: called for each that cannot be read; it then counts as not there.

    Raises:
        FileError: there is none.
    """
    people: dict[str, list[FoundPerson]] = {}
    paths = [path for path in sorted(folder.rglob("*_person*.npz")) if not path.stem.endswith("_take")]
    if not paths:
        raise FileError(f"There are no estimates in '{folder.name}'.")
    for path in paths:
        try:
            estimate = Estimate.load(path)
        except Sam3dbError as error:
            damaged(path, error)
            continue
        one = FoundPerson(estimate.keypoints_2d, estimate.keypoints_3d, estimate.bbox, estimate.image_size)
        people.setdefault(estimate.photo, []).append(one)
    return people
