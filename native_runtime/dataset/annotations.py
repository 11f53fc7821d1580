"""All people of a data set in memory, column by column: about 4 KB each, so that a million fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import FileError

from .pictures import PictureFolder, Pictures
from .rows import SHAPE, Row
from .runs import Runs
from .shards import files_of, read_with_runs
from .web import WebDataSet

Array = NDArray[np.float32]

_TAR = ".tar"


@dataclass(frozen=True, eq=False)
class Annotations:
    """N people, in the order of the files.

    Attributes:
        pictures: names of the pictures, each once.
        picture: (N,) which of them shows the person.
        keypoints_2d, keypoints_3d: (N, 70, 3) and (N, 70, 4), as in ``Row``.
        parameters: (N, 204) MHR's model parameters, by Meta's columns or our own; zeros where they are not known.
        posed: (N,) whether they are.
        shape: (N, 45) the first coefficients of the identity.
        body: (N,) whose identity that is: the body's hash, "mhr" for MHR's official one, "" where it is not known, or
            where it has more coefficients that are not zero.
        box, intrinsics, quality: (N, 4), (N, 3, 3), (N,).
        masks: N, as they were written; None where there is none.
    """

    pictures: list[str]
    picture: NDArray[np.int64]
    keypoints_2d: Array
    keypoints_3d: Array
    parameters: Array
    posed: NDArray[np.bool_]
    shape: Array
    body: list[str]
    box: Array
    intrinsics: Array
    quality: Array
    masks: list[Runs | None]

    def __len__(self) -> int:
        return len(self.picture)


OFFICIAL = "mhr"
"""Stands for MHR's official body in ``Annotations.body``."""


def open_data_set(
    path: Path, pictures: Path | None = None, held_out: bool | None = False
) -> tuple[Annotations, Pictures]:
    """The people of a data set, and their pictures: of a folder with parquet files or with tar files (``web``), or of
    one such file.

    Args:
        pictures: the folder of the pictures, where they do not lie beside parquet files.
        held_out: whether to take those that are kept for measuring; None: everybody.

    Raises:
        FileError: there are no files, one is damaged, or nobody is left.
    """
    archives = [path] if path.suffix == _TAR else sorted(path.glob(f"*{_TAR}")) if path.is_dir() else []
    shown: Pictures
    if archives:
        shown = web = WebDataSet(archives)
        rows = web.rows()
    else:
        files = [path] if path.is_file() else files_of(path)
        rows = (entry for file in files for entry in read_with_runs(file))
        shown = PictureFolder(path.parent if path.is_file() else path, pictures)
    wanted = [entry for entry in rows if held_out is None or entry[0].held_out == held_out]
    if not wanted:
        raise FileError(f"'{path.name}' holds no people to learn from.")
    return stacked(wanted), shown


def stacked(entries: Iterable[tuple[Row, Runs | None]]) -> Annotations:
    """Rows as columns."""
    entries = list(entries)
    rows = [row for row, _ in entries]
    names = list(dict.fromkeys(row.image for row in rows))
    numbers = {name: number for number, name in enumerate(names)}
    parameters, shapes, bodies = zip(*map(_body, rows)) if rows else ((), (), ())
    return Annotations(
        pictures=names,
        picture=np.array([numbers[row.image] for row in rows], np.int64),
        keypoints_2d=_column([row.keypoints_2d for row in rows]),
        keypoints_3d=_column([row.keypoints_3d for row in rows]),
        parameters=_column(parameters),
        posed=np.array([row.mhr_valid or row.placed is not None for row in rows], bool),
        shape=_column(shapes),
        body=list(bodies),
        box=_column([row.box for row in rows]),
        intrinsics=_column([row.intrinsics for row in rows]),
        quality=np.array([row.quality for row in rows], np.float32),
        masks=[mask for _, mask in entries],
    )


def _body(row: Row) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Model parameters, 45 coefficients of an identity, and whose."""
    if row.mhr_valid:
        return row.model_parameters, row.shape, OFFICIAL
    if row.placed is None:
        return row.model_parameters, np.zeros(SHAPE), ""
    identity, shape = row.placed.identity, np.zeros(SHAPE)
    shape[: len(identity)] = identity[:SHAPE]
    return row.placed.parameters, shape, "" if identity[SHAPE:].any() else row.placed.hash


def _column(values: Sequence[NDArray[np.float64]]) -> Array:
    return np.stack(values).astype(np.float32)
