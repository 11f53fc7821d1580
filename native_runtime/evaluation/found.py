"""The people that a program found, by its estimates on disk, and the pictures that they are of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.estimate import Estimate
from native_runtime.errors import FileError, Sam3dbError

from .truth import TruePicture

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """What is compared of an estimate: see ``Estimate``.

    Attributes:
        body: name of its body.
        path: its file, which holds its vertices; None of one that is on no disk, which has none.
    """

    keypoints_2d: Array
    keypoints_3d: Array
    bbox: Array
    image_size: NDArray[np.int64]
    body: str = ""
    path: Path | None = None

    def vertices(self) -> Array:
        """(V, 3) m, camera axes; read when asked for, since those of thousands of people fill a memory."""
        if self.path is None:
            return np.zeros((0, 3))
        return np.asarray(Estimate.load(self.path).vertices, np.float64)


@dataclass(frozen=True)
class Matched:
    """Which estimates are of which pictures.

    Attributes:
        people: by the picture's name.
        strangers: photos that are none of the pictures.
        unclear: photos that several pictures have the name of, and none the folders.
    """

    people: dict[str, list[FoundPerson]]
    strangers: list[str]
    unclear: list[str]


def read_found(folder: Path, damaged: Callable[[Path, Sam3dbError], None]) -> dict[str, list[FoundPerson]]:
    """All estimates below a folder, by the folders that they are in (with the folder's own) and the file name of their
    photo, with "/".

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
        one = FoundPerson(
            estimate.keypoints_2d,
            estimate.keypoints_3d,
            estimate.bbox,
            estimate.image_size,
            estimate.body_name,
            path,
        )
        people.setdefault("/".join([*path.resolve().parent.parts[1:], estimate.photo]), []).append(one)
    return people


def match(found: Mapping[str, Sequence[FoundPerson]], pictures: Iterable[TruePicture]) -> Matched:
    """Find the picture of each photo, as ``pictures_of`` does."""
    names, strangers, unclear = pictures_of(found, pictures)
    people: dict[str, list[FoundPerson]] = {}
    for photo, name in names.items():
        people.setdefault(name, []).extend(found[photo])
    return Matched(people, strangers, unclear)


def pictures_of(photos: Iterable[str], pictures: Iterable[TruePicture]) -> tuple[dict[str, str], list[str], list[str]]:
    """The name of the picture that each photo is: of the one of its file name, whose folders are among the photo's, in
    this order. And photos that are none of the pictures, and those that might be several.

    Args:
        photos: paths with "/".
    """
    by_file: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        by_file[PurePosixPath(picture.name).name].append(picture.name)
    names: dict[str, str] = {}
    strangers, unclear = [], []
    for photo in photos:
        *folders, file = photo.split("/")
        same = [*by_file.get(file, ()), *(by_file.get(PurePosixPath(file).stem, ()) if "." in file else ())]
        fitting = [name for name in same if _within(name.split("/")[:-1], folders)]
        if len(fitting) == 1:
            names[photo] = fitting[0]
        elif same:
            unclear.append(photo)
        else:
            strangers.append(photo)
    return names, sorted(strangers), sorted(unclear)


def _within(some: Sequence[str], folders: Sequence[str]) -> bool:
    """Whether some folders are among others, in the same order."""
    rest = iter(folders)
    return all(folder in rest for folder in some)
