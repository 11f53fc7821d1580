"""Web data sets: tar files with a picture and its annotations one after the other, as the released data set's script
writes them (facebookresearch/sam-3d-body, ``data/scripts/create_webdataset.py``): ``KEY.jpg``, ``KEY.metadata.json``
and ``KEY.annotation.pyd``, a pickle. It is read without running anything that it names (``files.pickles``).
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime.errors import FileError
from native_runtime.files.pickles import read_pickled

from .rows import Row
from .runs import Runs

_PICTURE, _ANNOTATION = "jpg", "annotation.pyd"
#: Bytes of the annotations of a picture: a crowd with masks takes some hundred thousand.
_LARGEST_ANNOTATION = 64 << 20


@dataclass(frozen=True)
class _Member:
    """Where a file lies within a tar file."""

    archive: Path
    offset: int
    size: int

    def read(self) -> bytes:
        try:
            with self.archive.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.size)
        except OSError as error:
            raise FileError(f"{self.archive} cannot be read ({error.strerror or error}).") from error
        if len(data) != self.size:
            raise FileError(f"{self.archive} is cut off: copy or download it again.")
        return data


class WebDataSet:
    """The tar files of a folder. They are looked through once; pictures are read when they are wanted."""

    def __init__(self, archives: list[Path]) -> None:
        """Look through the files.

        Raises:
            FileError: one is damaged.
        """
        self._pictures: dict[str, _Member] = {}
        self._annotations: dict[str, _Member] = {}
        for archive in archives:
            for name, member in _members(archive):
                folder, _, file = name.rpartition("/")
                key, _, kind = file.partition(".")  # the web data sets' rule
                image = f"{archive.stem}/{folder}/{key}.jpg" if folder else f"{archive.stem}/{key}.jpg"
                if kind == _PICTURE:
                    self._pictures[image] = member
                elif kind == _ANNOTATION:
                    self._annotations[image] = member

    def read(self, name: str) -> bytes:
        """See ``pictures.Pictures``."""
        if name not in self._pictures:
            raise FileError(f"There is no picture '{name}' in the tar files.")
        return self._pictures[name].read()

    def rows(self) -> Iterator[tuple[Row, Runs | None]]:
        """All people, without their masks, and these as they were written.

        Raises:
            FileError: annotations are damaged, or would run something when they are read by others.
        """
        for image, member in self._annotations.items():
            title = f"{member.archive.name}, {image}"
            if member.size > _LARGEST_ANNOTATION:
                raise FileError(f"{title}: annotations of {member.size >> 20} MB are none.")
            people = read_pickled(member.read(), title)
            try:
                for number, person in enumerate(people):
                    yield Row.with_runs(_columns(image, number, len(people), person))
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                raise FileError(f"{title}: {error}.") from error


def _members(archive: Path) -> Iterator[tuple[str, _Member]]:
    try:
        with tarfile.open(archive, "r:") as file:
            for member in file:
                if member.isreg() and not member.issparse():
                    yield member.name.removeprefix("./"), _Member(archive, member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise FileError(f"{archive} cannot be read as a tar file ({error}).") from error


def _columns(image: str, number: int, count: int, person: Mapping[str, Any]) -> dict[str, Any]:
    """A person of an annotation by the columns of rows."""
    parameters, mask = person.get("mhr_params") or {}, person.get("mask") or {}
    return {
        "image": image,
        "person_id": person["person_id"],
        "subject_idx": number,
        "subject_cnt": count,
        "keypoints_2d": person["keypoints_2d"],
        "keypoints_3d": person["keypoints_3d"],
        "model_params": parameters.get("model_params"),
        "shape_params": parameters.get("shape_params"),
        "mhr_valid": person["mhr_valid"],
        "date": person.get("mhr_version", ""),
        "bbox": person["bbox"],
        "bbox_format": person.get("bbox_format"),
        "cam_int": person["metadata"]["cam_int"],
        "mask_size": mask.get("size", [-1, -1]),
        "mask_cnts": mask.get("counts", b""),
    }
