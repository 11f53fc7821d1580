"""A run over a folder: what is to be done, who does it, and what is known afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from native_runtime.batch.bookkeeping import Bookkeeping
from native_runtime.batch.engine_choice import with_settled_engine
from native_runtime.batch.executor import Executor, LocalExecutor, Work
from native_runtime.batch.faults import disk_full, is_disk_full
from native_runtime.batch.fingerprints import Fingerprints
from native_runtime.batch.journal import Journal, now
from native_runtime.batch.lock import FolderLock
from native_runtime.batch.manifest import Head, manifest_path, manifests, read_records
from native_runtime.batch.names import has_room, result_names
from native_runtime.batch.outputs import Staging
from native_runtime.batch.photos import (
    FolderContent,
    PassedOver,
    PhotoFile,
    look_through,
    require_folder,
    require_own_folder,
)
from native_runtime.batch.plan import Plan, Planner
from native_runtime.batch.record import Record
from native_runtime.batch.settings import BatchRequest
from native_runtime.batch.sheet import write_sheet
from native_runtime.errors import UsageError
from native_runtime.files.system_errors import readable
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter
from native_runtime.retarget.checks import sound_map

# Files that were passed over and are named in one line.
_NAMED = 5


@dataclass(frozen=True)
class BatchResult:
    """How a run went.

    Attributes:
        photos: all photos of the run's part, in the order of the folder.
        records: of each photo, by relative path.
        fresh: relative paths of those on which this run worked.
        sheets: files of the contact sheet.
        seconds: all in all.
        content: what the whole folder holds.
    """

    photos: tuple[PhotoFile, ...]
    records: dict[str, Record]
    fresh: frozenset[str]
    sheets: tuple[Path, ...] = ()
    seconds: float = 0.0
    content: FolderContent = field(default_factory=lambda: FolderContent(()))

    @property
    def failed(self) -> list[Record]:
        """In the order of the folder."""
        return [record for record in self.in_order() if record.state == "failed"]

    @property
    def ok(self) -> bool:
        """Whether there was something to do in the folder and no photo has failed."""
        return bool(self.content.photos) and not self.failed

    @property
    def only_bad_photos(self) -> bool:
        """Whether all that has failed are photos that would fail again wherever they are tried."""
        return all(record.fault is not None and record.fault.fingerprint for record in self.failed)

    @property
    def summary(self) -> list[str]:
        """How things stand, line by line."""
        fresh, failed = len(self.fresh), len(self.failed)
        done, photos = len(self.photos) - failed, _counted(len(self.photos), "photo", "photos")
        are = "is" if done == 1 else "are"
        lines = [f"{done} of {photos} {are} done, {_counted(fresh, 'was', 'were')} processed now."]
        if failed:
            lines.append(f"{failed} failed, the first: {self.failed[0].photo}")
        return lines + self.passed_over + [str(path) for path in self.sheets[:1]]

    @property
    def passed_over(self) -> list[str]:
        """What of the folder was not taken, and why; one line each."""
        content = self.content
        lines = [] if content.photos else ["There is no photo in this folder."]
        lines += [f"Passed over: {_some(content.passed_over)}."] if content.passed_over else []
        if content.others and (content.passed_over or not content.photos):
            lines.append(f"{_counted(content.others, 'other file is not a picture', 'other files are not pictures')}.")
        return lines

    def in_order(self) -> list[Record]:
        """The records of the photos, in the order of the folder."""
        return [self.records[photo.relative] for photo in self.photos]


def run_batch(
    request: BatchRequest,
    reporter: Reporter,
    inference: Inference | None = None,
    executor: Executor | None = None,
    content: FolderContent | None = None,
) -> BatchResult:
    """Do what is missing of a folder's results.

    Args:
        reporter: hears of progress, and may raise to end the run; what was finished then stays.
        inference: of this process, where it does the work itself.
        executor: who does the work; None for this process.
        content: what the photos' folder holds, where that is known already; None to look through it.

    Raises:
        UsageError: the request makes no sense, or another run holds the output folder.
        ModelError: the engine cannot be opened.
        DiskFullError: there is no room for more results.
        FileError: the output folder fails in another way.
    """
    started = time.perf_counter()
    request = with_settled_engine(
        replace(request, folder=request.folder.absolute(), out=request.out.absolute()), reporter
    )
    executor = executor or LocalExecutor(inference or Inference(kept_photos=1))
    _check(request)
    executor.check(request)
    if content is None:
        reporter.status(f"Looking for photos in {request.folder}")
        content = look_through(request.folder, request.patterns, request.recursive, request.out)
    if not manifests(request.out) and any(request.shard.has(photo.relative) for photo in content.photos):
        executor.get_ready(request, reporter)  # a machine that cannot do it leaves no folder behind
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder for the results cannot be made. {readable(error)}") from error
    try:
        with FolderLock(request.out, request.shard.number, request.shard.count):
            return _Run(request, content, reporter, executor).go(started)
    except OSError as error:
        if is_disk_full(error, request.out):
            raise disk_full(request.out) from error
        raise readable(error) from error


def _check(request: BatchRequest) -> None:
    require_folder(request.folder)
    require_own_folder(request.folder, request.out)
    for names in dict.fromkeys(export.names for export in request.exports):
        sound_map(names)
    if not 1 <= request.builders <= 64:
        raise UsageError(f"Between 1 and 64 Blenders can work at once, not {request.builders}.")


class _Run:
    """One run, under the lock of its part."""

    def __init__(self, request: BatchRequest, content: FolderContent, reporter: Reporter, executor: Executor) -> None:
        self._request, self._content, self._reporter, self._executor = request, content, reporter, executor

    def go(self, started: float) -> BatchResult:
        """Do the work; see `run_batch`.

        Args:
            started: when the run began, by ``time.perf_counter``.
        """
        request = self._request
        content, everything = self._content, self._content.photos
        photos = tuple(photo for photo in everything if request.shard.has(photo.relative))
        known = read_records(manifests(request.out))
        # All parts give the same names, since each looks at the whole folder.
        names = result_names([photo.relative for photo in everything], _names_to_keep(known))
        planner = Planner(request.out, Fingerprints(request), names, known, request.retry_failed)
        todo = [photo for photo in photos if not _is_finished(planner.at_a_glance(photo))]
        finished = _counted(len(photos) - len(todo), "was", "were")
        self._reporter.status(f"{_counted(len(photos), 'photo', 'photos')}; {finished} finished before")
        if any(planner.needs_estimate(photo) for photo in todo):
            self._executor.get_ready(request, self._reporter)
        with ExitStack() as stack:
            noted = {path: state for record in known.values() for path, state in record.outputs.items()}
            staging = Staging(request.out, noted, request.shard.number, request.shard.count)
            stack.callback(staging.close)
            journal = Journal(
                manifest_path(request.out, request.shard.number, request.shard.count),
                Head(str(request.folder), request.to_json(), now()),
                staging,
                known,
            )
            stack.callback(journal.close)
            if todo:
                books = Bookkeeping(journal, self._reporter, len(todo))
                self._executor.execute(Work(request, todo, planner, staging, books, self._reporter))
            records = journal.finish(photos)
        for text in staging.left:
            self._reporter.warning(f"An older result could not be removed. {text}")
        for path in staging.set_aside:
            self._reporter.warning(f"Somebody had changed a result: the changed file is now called {path}.")
        return BatchResult(
            photos,
            records,
            frozenset(photo.relative for photo in todo),
            self._sheets(photos, records),
            round(time.perf_counter() - started, 3),
            content,
        )

    def _sheets(self, photos: Sequence[PhotoFile], records: Mapping[str, Record]) -> tuple[Path, ...]:
        request = self._request
        if not request.contact_sheet or request.shard.count > 1 or not photos:
            return ()
        self._reporter.status("Writing the contact sheet")
        in_order = [records[photo.relative] for photo in photos]
        try:
            return write_sheet(request.out, in_order, request, request.folder.name)
        except OSError as error:
            if is_disk_full(error, request.out):
                raise
            self._reporter.warning(f"There is no contact sheet. {readable(error)}")
            return ()


def _names_to_keep(known: Mapping[str, Record]) -> dict[str, str]:
    """By photo, the names that results have; not those under which they cannot be written."""
    return {record.photo: record.name for record in known.values() if record.state == "done" or has_room(record.name)}


def _some(passed_over: Sequence[PassedOver]) -> str:
    """The first few, and how many there are."""
    named = ", ".join(map(str, passed_over[:_NAMED]))
    more = len(passed_over) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _is_finished(plan: Plan | None) -> bool:
    return plan is not None and plan.finished
