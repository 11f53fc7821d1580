"""Data sets in the columns of the one that Meta released with SAM 3D Body (``native_runtime.dataset``)."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from native_runtime.dataset.rows import Row
from native_runtime.dataset.shards import files_of
from native_runtime.dataset.shards import read as read_shard
from native_runtime.evaluation.surfaces import Surfaces
from native_runtime.evaluation.truth import TruePerson, TruePicture, Truth

_SEEN = 0.5


def read(folder: Path, surfaces: Surfaces) -> Truth:
    """The pictures of a folder of shards, or of one file. Where rows have MHR's numbers, vertices are compared as well,
    with estimates of the same body.

    Raises:
        FileError: there are none, or a row is damaged.
    """
    pictures: dict[str, list[TruePerson]] = {}
    for path in [folder] if folder.is_file() else files_of(folder):
        for row in read_shard(path):
            pictures.setdefault(row.image, []).append(_person(row, surfaces))
    return Truth([TruePicture(PurePosixPath(image).name, people) for image, people in sorted(pictures.items())])


def _person(row: Row, surfaces: Surfaces) -> TruePerson:
    flat = np.where(row.keypoints_2d[:, 2:] >= _SEEN, row.keypoints_2d[:, :2], np.nan)
    space = np.where(row.keypoints_3d[:, 3:] >= _SEEN, row.keypoints_3d[:, :3], np.nan)
    known = row.mhr_valid or row.placed is not None
    return TruePerson(
        row.box,
        flat,
        space if np.isfinite(space).any() else None,
        vertices=partial(surfaces.vertices, row) if known else None,
    )
