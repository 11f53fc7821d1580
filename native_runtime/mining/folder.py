"""The estimates of a folder, and the photos that they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from native_runtime.batch.manifest import manifests, photos_folder, read_records
from native_runtime.batch.photos import folder_order
from native_runtime.batch.record import Record
from native_runtime.batch.settings import ESTIMATE
from native_runtime.errors import UsageError

_PREVIEW = "person:preview:"
_LINKED = (".blend",)
"""Endings of files that are linked beside an estimate."""


@dataclass(frozen=True)
class FoundPhoto:
    """A photo that a batch has done.

    Attributes:
        name: relative path, with "/".
        path: where it lies now, or lay.
        estimates: ``.npz`` files of its people.
        previews: pictures by the stem of the estimate's file, the first of each person.
        files: other files of each person, by that stem.
    """

    name: str
    path: Path
    estimates: tuple[Path, ...]
    previews: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundFolder:
    """What a batch's output folder holds, in the order of the photos' folder.

    Attributes:
        place: the photos' folder.
        photos: those with estimates.
        failed: others by their names, and why.
    """

    place: Path
    photos: tuple[FoundPhoto, ...]
    failed: tuple[tuple[str, str], ...] = ()


def look_into(out: Path, photos: Path | None = None) -> FoundFolder:
    """Look into a batch's output folder.

    Args:
        out: the output folder.
        photos: where the photos lie now; None for where they lay.

    Raises:
        UsageError: there is no estimate in it.
        NewerFormatError: a newer version of the program has worked on it.
    """
    paths = manifests(out)
    place = photos or photos_folder(paths) or out
    records = sorted(read_records(paths).values(), key=lambda record: folder_order(record.photo))
    found = tuple(_found(out, place, record) for record in records if ESTIMATE in record.stages)
    failed = [(record.photo, record.fault.text) for record in records if record.fault and ESTIMATE not in record.stages]
    if not any(photo.estimates for photo in found):
        if failed:
            raise UsageError(f"There is an estimate of none of the photos in {place}. {failed[0][0]}: {failed[0][1]}")
        raise UsageError(f"There are no estimates in {out}: run the batch to its end first.")
    return FoundFolder(place, found, tuple(failed))


def _found(out: Path, photos: Path, record: Record) -> FoundPhoto:
    estimates = tuple(out / path for path in sorted(record.stages[ESTIMATE].outputs) if path.endswith(".npz"))
    previews: dict[str, Path] = {}
    files: dict[str, list[Path]] = {}
    for stage, done in record.stages.items():
        for path in sorted(done.outputs):
            stem = next((one.stem for one in estimates if _is_of(path, one.stem)), None)
            if stem is None:
                continue
            if stage.startswith(_PREVIEW):
                previews.setdefault(stem, out / path)
            elif path.endswith(_LINKED):
                files.setdefault(stem, []).append(out / path)
    return FoundPhoto(
        record.photo, photos / record.photo, estimates, previews, {stem: tuple(own) for stem, own in files.items()}
    )


def _is_of(path: str, stem: str) -> bool:
    return PurePosixPath(path).name.startswith((f"{stem}.", f"{stem}_"))
