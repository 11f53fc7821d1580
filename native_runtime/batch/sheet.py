"""The contact sheet of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from native_runtime.batch.record import Record
from native_runtime.batch.settings import ESTIMATE, Settings
from native_runtime.render.contact_sheet import Entry, write_contact_sheet

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
    # What people look for comes first: the character, then files for other programs, the estimate last.
    stages = [stage for stage in (*settings.stages[1:], ESTIMATE) if stage in record.stages]
    files = [path for stage in stages for path in sorted(record.stages[stage].outputs)]
    if settings.layout == "photo":
        warnings = tuple(text for person in record.people for text in person["warnings"])
        return [_entry(out, record, settings, files, PurePosixPath(record.name).name, warnings)]
    entries = []
    for person in record.people:
        caption = (f"Person {person['person'] + 1} of {record.found}",) if record.found > 1 else ()
        stem = f"{PurePosixPath(record.name).name}_person{person['person']}"
        own = [path for path in files if PurePosixPath(path).name.startswith((f"{stem}.", f"{stem}_"))]
        entries.append(_entry(out, record, settings, own, stem, (*caption, *person["warnings"])))
    return entries


def _entry(
    out: Path, record: Record, settings: Settings, files: list[str], stem: str, caption: tuple[str, ...]
) -> Entry:
    shown = record.stages[f"{settings.layout}:preview:{settings.previews[0]}"].outputs if settings.previews else {}
    preview = next((out / path for path in files if path in shown), None)
    links = {PurePosixPath(path).name.removeprefix(stem).lstrip("_."): out / path for path in files}
    return Entry(record.photo, preview, links, caption)
