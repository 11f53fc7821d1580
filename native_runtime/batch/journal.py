"""What a run knows about its photos, written to the disk first and then kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from native_runtime.batch.manifest import Head, Manifest, read_records
from native_runtime.batch.outputs import Staging
from native_runtime.batch.photos import PhotoFile, folder_order
from native_runtime.batch.record import Record


class Journal:
    """The records of a run. Several threads may write, each about another photo.

    Args:
        path: of the run's own manifest.
        head: what the run was asked to do.
        staging: removes results that no record lists any more.
        known: what all manifests say.
    """

    def __init__(self, path: Path, head: Head, staging: Staging, known: Mapping[str, Record]) -> None:
        self._own = set(read_records([path]))
        self._manifest = Manifest(path, head)
        self._staging = staging
        self._records = dict(known)
        self._lock = Lock()

    def write(self, record: Record) -> None:
        """Note how a photo stands. Results that its record listed before and does not list now are removed first: who
        is interrupted in between does them again, and nothing ever lies there that nobody knows of.

        Raises:
            OSError: the disk takes no more.
        """
        record = replace(record, changed=now())
        before = self._records.get(record.photo)
        if before is not None:
            outputs = record.outputs
            self._staging.withdraw({path: state for path, state in before.outputs.items() if path not in outputs})
        self._manifest.append(record)
        self._staging.note(record.outputs)
        with self._lock:
            self._records[record.photo] = record
            self._own.add(record.photo)

    def finish(self, photos: Iterable[PhotoFile]) -> dict[str, Record]:
        """Write the manifest in the order of the folder, with the photos of this run and those that it listed before;
        the records of the former.

        Raises:
            OSError: it cannot be written.
        """
        mine = [photo.relative for photo in photos]
        gone = self._own.difference(mine)
        self._manifest.finish(self._records[name] for name in sorted({*mine, *gone}, key=folder_order))
        return {name: self._records[name] for name in mine}

    def close(self) -> None:
        self._manifest.close()


def now() -> str:
    """The time, ISO 8601, such that later times sort behind earlier ones."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
