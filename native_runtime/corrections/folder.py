"""The characters below a folder: results of batches and other commands, what lies beside them, and .blend files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from native_runtime.batch.manifest import Head, is_output_folder, manifests, newest_head, read_records
from native_runtime.batch.record import Record
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import FileError, Remedy, Sam3dbError
from native_runtime.image.reading import read_mask
from native_runtime.prompts.prompt import Prompt, read_sound_prompts

from .person import CorrectedPerson
from .photos import CarriedPhoto, PhotoFile, PhotoFolder

MASK, PROMPTS = "_mask.png", "_prompts.json"
"""Endings of files beside ``NAME_personK.npz``: a mask, and prompts that were given after the estimate."""

_PERSON = re.compile(r"(.+)_person\d+")


@dataclass(frozen=True, eq=False)
class SavedCharacter:
    """A character of a .blend file, and the copy of its photo that the file carries; None without one."""

    person: CorrectedPerson
    photo: CarriedPhoto | None


class CharacterReader(Protocol):
    """Reads the characters of .blend files."""

    def __call__(self, blend: Path, tell: Callable[[str], None]) -> list[SavedCharacter]:
        """The characters of a file that can become rows.

        Args:
            tell: called for each that cannot, with the reason.

        Raises:
            Sam3dbError: the file cannot be read.
        """


@dataclass
class PhotoOfPeople:
    """A photo and who was found in it.

    Attributes:
        name: for messages, the photo's.
        photo: None where it is not to be had; then ``missing`` says why.
        people: by number.
    """

    name: str
    photo: PhotoFile | CarriedPhoto | None
    missing: Sam3dbError | None = None
    people: dict[int, CorrectedPerson] = field(default_factory=dict)

    def add(self, person: CorrectedPerson) -> None:
        """Adds somebody; of two of the same number the one that was saved last stays."""
        known = self.people.get(person.estimate.person)
        if known is None or known.changed <= person.changed:
            self.people[person.estimate.person] = person


def read_folder(
    folder: Path,
    photos: PhotoFolder | None,
    characters: CharacterReader | None,
    failed: Callable[[Path, Sam3dbError], None],
    note: Callable[[str], None],
) -> list[PhotoOfPeople]:
    """All people below a folder, by photo.

    A character in a .blend file replaces the estimate of the same person of the same photo in its folder.

    Args:
        photos: where photos lie that are not where a batch's manifest says; None: nowhere else.
        characters: reads .blend files; None: they are passed over.
        failed: called for each file that cannot be used, which then counts as not there, and for each entry of a file
            of prompts that cannot.
        note: called with what else somebody should know.

    Raises:
        FileError: there are no characters.
        NewerFormatError: a newer version of the program has worked on a batch.
    """
    shown: dict[tuple[Path, str, tuple[int, int]], PhotoOfPeople] = {}
    batches = _Batches(folder)
    estimates = [path for path in _files(folder, "*_person*.npz") if _PERSON.fullmatch(path.stem)]
    blends = _files(folder, "*.blend") if characters is not None else []
    if not estimates and not blends:
        raise FileError(f"There are no characters in {folder}: neither estimates (.npz) nor .blend files.")
    for path in estimates:
        try:
            person = _person(path, failed)
        except Sam3dbError as error:
            failed(path, error)
            continue
        key = path.parent, person.estimate.photo, _size(person.estimate)
        if key not in shown:
            shown[key] = _with_photo(path, person.estimate.photo, batches, photos)
        shown[key].add(person)
    carried: dict[tuple[Path, str, str], PhotoOfPeople] = {}
    for path in blends:
        assert characters is not None
        try:
            saved = characters(path, note)
        except Sam3dbError as error:
            failed(path, error)
            continue
        for character in saved:
            key = path.parent, character.person.estimate.photo, _size(character.person.estimate)
            _place(character, key, shown, carried)
    return [*shown.values(), *carried.values()]


def _place(
    character: SavedCharacter,
    key: tuple[Path, str, tuple[int, int]],
    shown: dict[tuple[Path, str, tuple[int, int]], PhotoOfPeople],
    carried: dict[tuple[Path, str, str], PhotoOfPeople],
) -> None:
    """Adds a character of a .blend file to the photo that it is of."""
    folder, name, _ = key
    photo = character.photo
    if key in shown:
        known = shown[key]
        if known.photo is None and photo is not None:
            known.photo, known.missing = photo, None
        known.add(character.person)
        return
    content = "" if photo is None else photo.content
    missing = None if photo is not None else FileError(f"The .blend file of '{name}' carries no photo any more.")
    carried.setdefault((folder, name, content), PhotoOfPeople(name, photo, missing)).add(character.person)


def _person(path: Path, failed: Callable[[Path, Sam3dbError], None]) -> CorrectedPerson:
    """An estimate with the prompts and the mask beside it; what of these cannot be read is left out.

    Raises:
        Sam3dbError: the estimate cannot be read.
    """
    estimate = Estimate.load(path)
    prompts: Iterable[Prompt] = estimate.prompts.keypoints
    later, drawn = path.with_name(path.stem + PROMPTS), path.with_name(path.stem + MASK)
    files = [path]
    if later.is_file():
        prompts = _later_prompts(later, prompts, failed)
        files.append(later)
    mask = None
    if drawn.is_file():
        try:
            mask = read_mask(drawn, _size(estimate))
        except Sam3dbError as error:
            failed(drawn, error)
        files.append(drawn)
    changed = max(file.stat().st_mtime_ns for file in files)
    return CorrectedPerson(estimate, tuple(prompts), mask, estimate.prompts.mask, changed)


def _later_prompts(
    path: Path, known: Iterable[Prompt], failed: Callable[[Path, Sam3dbError], None]
) -> Iterable[Prompt]:
    """The prompts of a file that was written after the estimate; those that it knew where none of them can be used."""
    try:
        prompts, wrong = read_sound_prompts(path)
    except Sam3dbError as error:
        failed(path, error)
        return known
    for one in wrong:
        failed(path, one)
    return known if wrong and not prompts else prompts


def _with_photo(path: Path, name: str, batches: _Batches, photos: PhotoFolder | None) -> PhotoOfPeople:
    stem = _PERSON.fullmatch(path.stem)
    assert stem is not None
    try:
        return PhotoOfPeople(name, batches.photo(path.with_name(stem[1]), name, photos))
    except Sam3dbError as error:
        return PhotoOfPeople(name, None, error)


class _Batches:
    """What the manifests of batches below a folder say, each read once."""

    def __init__(self, top: Path) -> None:
        self._top = top.absolute()
        self._known: dict[Path, tuple[Head | None, dict[str, Record]]] = {}

    def photo(self, stem: Path, name: str, photos: PhotoFolder | None) -> PhotoFile:
        """The photo of the results of a stem.

        Raises:
            FileError: it is not to be found, or was changed.
        """
        for folder in (stem.absolute().parent, *stem.absolute().parents):
            if is_output_folder(folder):
                head, records = self._read(folder)
                record = records.get(stem.absolute().relative_to(folder).as_posix())
                if record is not None:
                    return self._recorded(head, record, photos)
            if folder == self._top:
                break
        if photos is None:
            raise FileError(f"Nothing says where the photo '{name}' lies.", Remedy.NAME_PHOTOS)
        return photos.find(name)

    def _recorded(self, head: Head | None, record: Record, photos: PhotoFolder | None) -> PhotoFile:
        place = None if head is None else Path(head.folder).joinpath(*record.photo.split("/"))
        if photos is not None:
            place = photos.find(record.photo).path
        if place is None or not place.is_file():
            raise FileError(f"The photo '{record.photo}' is no longer where the batch read it.", Remedy.NAME_PHOTOS)
        if record.file is not None and not record.file.holds(place):
            raise FileError(f"The photo {place} was changed since the batch read it: run the batch again.")
        return PhotoFile(place, record.turn)

    def _read(self, folder: Path) -> tuple[Head | None, dict[str, Record]]:
        if folder not in self._known:
            paths = manifests(folder)
            records = {record.name: record for record in read_records(paths).values()}
            self._known[folder] = newest_head(paths), records
        return self._known[folder]


def _files(folder: Path, pattern: str) -> list[Path]:
    """Files below a folder, but for hidden ones and those of hidden folders."""
    found = (path for path in folder.rglob(pattern) if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _size(estimate: Estimate) -> tuple[int, int]:
    width, height = (int(side) for side in estimate.image_size)
    return width, height


def by_content(photos: Iterable[PhotoOfPeople]) -> Iterator[list[PhotoOfPeople]]:
    """Photos whose picture is to be had, those of the same content together."""
    same: dict[str, list[PhotoOfPeople]] = {}
    for photo in photos:
        if photo.photo is not None:
            same.setdefault(photo.photo.content, []).append(photo)
    yield from same.values()
