"""Writes corrected characters as a data set: rows, pictures and a data card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.dataset import pictures, shards
from native_runtime.dataset.rows import Row
from native_runtime.dataset.runs import Runs, encode
from native_runtime.errors import FileError, Remedy, Sam3dbError, UsageError
from native_runtime.evaluation.metrics import overlap
from native_runtime.files.staging import staged
from native_runtime.image.reading import Photo

from .card import CARD, Content, card
from .faces import blurred
from .folder import PhotoOfPeople, by_content
from .person import CorrectedPerson

Array = NDArray[np.float64]

#: People of a file of rows.
_IN_A_FILE = 1000
_JPEG_QUALITY = 92
#: MHR-70's keypoints of the face: nose, eyes, ears.
_FACE = slice(0, 5)
#: Two whose boxes share so much are one person whom two results show.
_SAME_PERSON = 0.6

FacesOf = Callable[[NDArray[np.uint8]], Sequence[tuple[Array, float]]]
"""Finds the faces of a picture (H, W, 3): see ``faces.blurred``."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: all of them.
        content: what is in them.
        passed_over: people whom nobody corrected.
    """

    files: list[Path]
    content: Content
    passed_over: int


def check_target(out: Path) -> None:
    """See whether a data set can be written there.

    Raises:
        UsageError: there is something already.
    """
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        what = "is a folder with other content" if out.is_dir() else "is no folder"
        raise UsageError(f"'{out}' {what}. Name a new folder, or an empty one: nothing there is written over.")


def export(
    photos: Iterable[PhotoOfPeople],
    out: Path,
    failed: Callable[[str, Sam3dbError], None],
    everybody: bool = False,
    faces_of: FacesOf | None = None,
    unread: int = 0,
) -> Exported:
    """Write a data set, completely or not at all.

    Args:
        out: a folder that is not there, or empty.
        failed: called with each photo that cannot be used; its people are left out.
        everybody: characters that nobody corrected as well.
        faces_of: makes faces coarse: those that it finds, and those of all characters of a photo.
        unread: how many corrections could not be read, for the message where nobody is left.

    Raises:
        UsageError: see ``check_target``.
        FileError: nobody is left to be written.
    """
    check_target(out)
    photos = list(photos)
    for photo in photos:
        if photo.missing is not None and _chosen([photo], everybody):
            failed(photo.name, photo.missing)
    with staged(out) as part:
        writer = _Writer(part / pictures.FOLDER, everybody, faces_of)
        for same in by_content(photos):
            if not _chosen(same, everybody):
                continue
            try:
                writer.add(same)
            except Sam3dbError as error:
                failed(same[0].name, error)
        if not writer.rows:
            raise _nobody(bool(_chosen(photos, everybody)), unread)
        names = writer.write(part)
        (part / CARD).write_text(card(writer.content, faces_of is not None), encoding="utf-8")
        names.append(CARD)
    people = sum(len(photo.people) for photo in photos)
    chosen = sum(len(_chosen([photo], everybody)) for photo in photos)
    return Exported([out / name for name in names], writer.content, people - chosen)


def _nobody(chosen: bool, unread: int) -> FileError:
    """Why nothing is left to be written."""
    if chosen:
        return FileError("There is no character whose photo can be used.")
    if unread:
        those = "1 correction" if unread == 1 else f"{unread} corrections"
        return FileError(
            f"{those} could not be read, and no other character was corrected. Mend what the warnings name, and export "
            "again."
        )
    return FileError(
        "No character was corrected: no keypoint was placed, no mask given, no pose changed by hand.",
        Remedy.CORRECT_FIRST,
    )


class _Writer:
    """Writes pictures as they come, and keeps their rows, whose order follows from the pictures' content."""

    def __init__(self, folder: Path, everybody: bool, faces_of: FacesOf | None) -> None:
        folder.mkdir()
        self._folder, self._everybody, self._faces_of = folder, everybody, faces_of
        self.rows: dict[str, list[tuple[Row, Runs | None]]] = {}
        self.content = Content()

    def add(self, same: Sequence[PhotoOfPeople]) -> None:
        """One picture, and all results that show it.

        Raises:
            Sam3dbError: it cannot be read, or is another picture than that of the characters.
        """
        people = _chosen(same, self._everybody)
        first = people[0].estimate.image_size
        assert same[0].photo is not None
        photo = same[0].photo.read((int(first[0]), int(first[1])))
        pixels = photo.pixels
        if self._faces_of is not None:
            everyone = [person for one in same for person in one.people.values()]
            pixels = blurred(pixels, [*self._faces_of(pixels), *_faces(everyone, photo)])
        data = _jpeg(pixels)
        name = f"{hashlib.sha256(data).hexdigest()[:32]}.jpg"
        (self._folder / name).write_bytes(data)
        made = [person.row(name, 0, i, len(people), photo.size) for i, person in enumerate(people)]
        self.rows[name] = [_lean(row) for row in made]
        self.content.add(people)

    def write(self, folder: Path) -> list[str]:
        """Writes the rows; the names of all files."""
        ordered = [entry for name in sorted(self.rows) for entry in self.rows[name]]
        names = [f"{pictures.FOLDER}/{name}" for name in sorted(self.rows)]
        for number, start in enumerate(range(0, len(ordered), _IN_A_FILE)):
            name = shards.SHARD.format(number)
            shards.write(folder / name, _full(ordered[start : start + _IN_A_FILE], start))
            names.append(name)
        return names


def _chosen(same: Sequence[PhotoOfPeople], everybody: bool) -> list[CorrectedPerson]:
    """The people of one picture who are written. Where several results show the same person, the newest one counts."""
    people = [
        (person, source)
        for source, photo in enumerate(same)
        for person in photo.people.values()
        if everybody or person.corrected
    ]
    chosen: list[tuple[CorrectedPerson, int]] = []
    for person, source in sorted(people, key=lambda one: -one[0].changed):
        others = [other.estimate.bbox for other, its in chosen if its != source]
        if not (overlap(person.estimate.bbox[None], np.array(others).reshape(-1, 4)) > _SAME_PERSON).any():
            chosen.append((person, source))
    return [person for person, _ in sorted(chosen, key=lambda one: one[0].estimate.person)]


def _faces(people: Iterable[CorrectedPerson], photo: Photo) -> Iterator[tuple[Array, float]]:
    """Points of faces, px of the photo's pixels, and the longer sides of their people's boxes."""
    for person in people:
        box = person.estimate.bbox
        yield photo.to_working(person.estimate.keypoints_2d[_FACE]), float((box[2:] - box[:2]).max()) * photo.scale[0]


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    assert done
    return encoded.tobytes()


def _lean(row: Row) -> tuple[Row, Runs | None]:
    """A row without its mask, and that as run lengths: masks of large photos would fill the memory."""
    if row.mask is None:
        return row, None
    return replace(row, mask=None), Runs(encode(row.mask), *row.mask.shape)


def _full(entries: Iterable[tuple[Row, Runs | None]], first: int) -> Iterator[Row]:
    for number, (row, mask) in enumerate(entries, first):
        yield replace(row, person=number, mask=None if mask is None else mask.decoded())
