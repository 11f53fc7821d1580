"""What is still to be done for a photo, according to its record and the output folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from native_runtime.batch.faults import hopeless_mark
from native_runtime.batch.fingerprints import Fingerprints
from native_runtime.batch.photos import PhotoFile
from native_runtime.batch.record import FileState, Record
from native_runtime.batch.settings import ESTIMATE


@dataclass(frozen=True)
class Plan:
    """The work on one photo.

    Attributes:
        photo: the photo.
        before: what was known of it, with this run's name; a fresh record where nothing was.
        wanted: fingerprint of each stage of the settings.
        missing: stages that are to be done, in their order.
        hopeless: the photo failed before for a reason of its own, and nothing has changed since.
    """

    photo: PhotoFile
    before: Record
    wanted: Mapping[str, str]
    missing: tuple[str, ...]
    hopeless: bool = False

    @property
    def finished(self) -> bool:
        """Whether there is nothing to do, and the record says so already."""
        return self.hopeless or (not self.missing and self.before.state == "done")

    @property
    def needs_estimate(self) -> bool:
        return ESTIMATE in self.missing


class Planner:
    """Makes plans for the photos of one run.

    Args:
        out: the output folder.
        names: of the results, by photo.
        records: what earlier runs noted, by photo.
        retry_failed: whether photos that failed for a reason of their own are tried again.
    """

    def __init__(
        self,
        out: Path,
        fingerprints: Fingerprints,
        names: Mapping[str, str],
        records: Mapping[str, Record],
        retry_failed: bool = False,
    ) -> None:
        self._out, self._fingerprints = out, fingerprints
        self._names, self._records, self._retry_failed = names, records, retry_failed

    def at_a_glance(self, photo: PhotoFile) -> Plan | None:
        """The plan of a photo that is as it was; None where the photo has to be read to know."""
        record = self.record(photo)
        if record.file is None or not record.file.untouched(photo.path):
            return None
        return self._plan(photo, record, record.file)

    def look(self, photo: PhotoFile) -> Plan:
        """The plan of a photo that is new or was touched.

        Raises:
            OSError: it cannot be read.
        """
        record = self.record(photo)
        known = record.file is not None and record.file.untouched(photo.path)
        return self._plan(photo, record, record.file if known and record.file else FileState.of(photo.path))

    def needs_estimate(self, photo: PhotoFile) -> bool:
        """Whether a photo needs the engine: one that was never seen does; one that was touched is read to know."""
        plan = self.at_a_glance(photo)
        if plan is None and self.record(photo).file is not None:
            try:
                plan = self.look(photo)
            except OSError:  # it fails when its turn has come
                return False
        return plan is None or (plan.needs_estimate and not plan.finished)

    def record(self, photo: PhotoFile) -> Record:
        """What is known of a photo; nothing where its results get another name than they had."""
        name = self._names[photo.relative]
        known = self._records.get(photo.relative)
        return Record(photo.relative, name) if known is None or known.name != name else known

    def _plan(self, photo: PhotoFile, record: Record, file: FileState) -> Plan:
        wanted = self._fingerprints.of(file.sha256)
        missing = tuple(name for name, fingerprint in wanted.items() if not self._is_done(record, name, fingerprint))
        fault = record.fault
        marks = {hopeless_mark(fingerprint) for fingerprint in wanted.values()}
        hopeless = fault is not None and fault.fingerprint in marks and not self._retry_failed
        return Plan(photo, replace(record, file=file), wanted, missing, hopeless)

    def _is_done(self, record: Record, name: str, fingerprint: str) -> bool:
        stage = record.stages.get(name)
        return stage is not None and stage.fingerprint == fingerprint and stage.whole(self._out)
