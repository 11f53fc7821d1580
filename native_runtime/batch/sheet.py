"""The contact sheet of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from native_runtime.batch.record import Record
from native_runtime.batch.settings import Settings
from native_runtime.contact_sheet import Entry, write_contact_sheet

NAME = "contact_sheet"


def write_sheet(out: Path, records: Iterable[Record], settings: Settings, title: str) -> tuple[Path, ...]:
    """Write ``contact_sheet.html`` and ``contact_sheet.png`` with every person of every photo, or why there is none.

    Raises:
        OSError: they cannot be written.
    """
    entries = [entry for record in records for entry in _entries(out, record, settings)]
    return tuple(write_contact_sheet(entries, out / f"{NAME}.html", out / f"{NAME}.png", title))


def _entries(out: Path, record: Record, settings: Settings) -> list[Entry]:
    if record.fault is not None:
        return [Entry(record.photo, error=record.fault.text)]
    wanted = [path for stage in settings.stages if stage in record.stages for path in record.stages[stage].outputs]
    if settings.layout == "photo":
        return [_entry(out, record, settings, wanted, "")]
    names = [f"{PurePosixPath(record.name).name}_person{person['person']}" for person in record.people]
    return [_entry(out, record, settings, wanted, name) for name in names]


def _entry(out: Path, record: Record, settings: Settings, paths: list[str], person: str) -> Entry:
    """One card; ``person`` is what the names of the person's files begin with, empty for all people together."""
    own = [path for path in paths if not person or _is_of(PurePosixPath(path).name, person)]
    pictures = {f"{settings.layout}:preview:{kind}" for kind in settings.previews[:1]}
    preview = next((path for name in pictures for path in record.stages[name].outputs if path in own), None)
    links = {PurePosixPath(path).name.removeprefix(person or "").lstrip("_."): out / path for path in own}
    found = record.found
    caption = f"{found} {'person' if found == 1 else 'people'} found"
    return Entry(record.photo, None if preview is None else out / preview, links, (caption,))


def _is_of(file: str, person: str) -> bool:
    return file.startswith(person) and not file[len(person) : len(person) + 1].isdigit()
