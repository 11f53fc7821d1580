"""A run over a folder: reading, inference and Blender work at the same time, each on another photo."""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from native_runtime.batch.builder_process import BuilderProcess
from native_runtime.batch.building import BuildTask, Workshop
from native_runtime.batch.estimating import Estimator, ReadAhead, Reader
from native_runtime.batch.faults import disk_full, fault_of, is_disk_full
from native_runtime.batch.fingerprints import Fingerprints
from native_runtime.batch.journal import Journal, now
from native_runtime.batch.lock import FolderLock
from native_runtime.batch.manifest import Head, last_settings, manifest_path, manifests, read_records
from native_runtime.batch.names import has_room, result_names
from native_runtime.batch.outputs import Staging
from native_runtime.batch.photos import FolderContent, PassedOver, PhotoFile, look_through, require_folder
from native_runtime.batch.plan import Plan, Planner
from native_runtime.batch.pool import BuilderPool
from native_runtime.batch.progress import Progress
from native_runtime.batch.record import Record
from native_runtime.batch.settings import ESTIMATE, BatchRequest
from native_runtime.batch.sheet import write_sheet
from native_runtime.engines import AUTO, engines, find_engine
from native_runtime.errors import UsageError
from native_runtime.files.system_errors import readable
from native_runtime.onnx.sessions import spare_cores
from native_runtime.pipeline.decoding import part_of
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import EngineChoice
from native_runtime.pipeline.support import chosen_engine
from native_runtime.retarget.checks import sound_map

_TELL_S = 0.5
# An engine that needs fewer seconds for a photo leaves work for Blender while it computes.
_AS_LONG_AS_BLENDER_S = 5.0
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


def run_batch(request: BatchRequest, reporter: Reporter, inference: Inference | None = None) -> BatchResult:
    """Do what is missing of a folder's results.

    Args:
        reporter: hears of progress, and may raise to end the run; what was finished then stays.

    Raises:
        UsageError: the request makes no sense, or another run holds the output folder.
        ModelError: the engine cannot be opened.
        DiskFullError: there is no room for more results.
        FileError: the output folder fails in another way.
    """
    request = _with_engine(replace(request, folder=request.folder.absolute(), out=request.out.absolute()), reporter)
    _check(request)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder for the results cannot be made. {readable(error)}") from error
    try:
        with FolderLock(request.out, request.shard.number, request.shard.count):
            return _Run(request, reporter, inference or Inference(kept_photos=1)).go()
    except OSError as error:
        if is_disk_full(error, request.out):
            raise disk_full(request.out) from error
        raise readable(error) from error


def _with_engine(request: BatchRequest, reporter: Reporter) -> BatchRequest:
    """The request with its engine's name: where that is left open, the one that made the folder's results, so that they
    are not all made again because a better one was installed; else as ``pipeline.support.chosen_engine``.
    """
    if request.engine == AUTO:
        before = last_settings(manifests(request.out)).get("engine")
        if isinstance(before, str) and before in engines():
            return replace(request, engine=before)
    chosen, notes = chosen_engine(request)
    for note in notes:
        reporter.warning(note)
    return chosen


def _check(request: BatchRequest) -> None:
    require_folder(request.folder)
    if request.folder.resolve().is_relative_to(request.out.resolve()):
        raise UsageError(
            f"The results need a folder of their own: {request.out} holds the photos. A folder inside the photos' "
            "folder works too; it is not searched for photos."
        )
    if request.needs_blender and not request.builder:
        raise UsageError("Characters, previews and exports need Blender; without it, only estimates are possible.")
    for names in dict.fromkeys(export.names for export in request.exports):
        sound_map(names)
    if not 1 <= request.builders <= 64:
        raise UsageError(f"Between 1 and 64 Blenders can work at once, not {request.builders}.")


class _Run:
    """One run, under the lock of its part."""

    def __init__(self, request: BatchRequest, reporter: Reporter, inference: Inference) -> None:
        self._request, self._reporter, self._inference = request, reporter, inference
        self._finished: queue.SimpleQueue[Record] = queue.SimpleQueue()
        self._told = 0.0

    def go(self) -> BatchResult:
        """Do the work; see `run_batch`."""
        started = time.perf_counter()
        request = self._request
        self._reporter.status(f"Looking for photos in {request.folder}")
        content = look_through(request.folder, request.patterns, request.recursive, request.out)
        everything = content.photos
        photos = tuple(photo for photo in everything if request.shard.has(photo.relative))
        known = read_records(manifests(request.out))
        # All parts give the same names, since each looks at the whole folder.
        names = result_names([photo.relative for photo in everything], _names_to_keep(known))
        planner = Planner(request.out, Fingerprints(request), names, known, request.retry_failed)
        todo = [photo for photo in photos if not _is_finished(planner.at_a_glance(photo))]
        self._progress = Progress(len(todo))
        finished = _counted(len(photos) - len(todo), "was", "were")
        self._reporter.status(f"{_counted(len(photos), 'photo', 'photos')}; {finished} finished before")
        with ExitStack() as stack:
            noted = {path: state for record in known.values() for path, state in record.outputs.items()}
            self._staging = Staging(request.out, noted, request.shard.number, request.shard.count)
            stack.callback(self._staging.close)
            self._journal = Journal(
                manifest_path(request.out, request.shard.number, request.shard.count),
                Head(str(request.folder), request.to_json(), now()),
                self._staging,
                known,
            )
            stack.callback(self._journal.close)
            if todo:
                with spare_cores(self._cores_for_blender()):
                    self._work(todo, planner)
            records = self._journal.finish(photos)
        for text in self._staging.left:
            self._reporter.warning(f"An older result could not be removed. {text}")
        for path in self._staging.set_aside:
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

    def _work(self, todo: list[PhotoFile], planner: Planner) -> None:
        request = self._request
        reader = Reader(todo, planner)
        pool: BuilderPool[BuildTask] | None = None
        try:
            if request.needs_blender:
                self._workshop = Workshop(request.out, request, self._staging)
                pool = BuilderPool(request.builder, request.builders, self._build, self._staging.folder)
            estimator = Estimator(request, self._inference, self._staging)
            for ready in reader.photos(self._alive):
                self._alive()
                if pool is not None:
                    pool.check()
                task = self._begin(ready, planner, estimator)
                if task is not None and pool is not None:
                    pool.submit(task, self._alive)
            if pool is not None:
                pool.finish(self._alive)
            self._alive()
        finally:
            reader.close()
            if pool is not None:
                pool.kill()

    def _cores_for_blender(self) -> int:
        """With pictures or exports Blender takes as long over a character as `landmarks` over a photo, so that each
        builder has use for a core of its own: measured on two cores, 2.3 s a photo against 2.9 s. Without, it mostly
        waits; and an engine that takes many times as long as Blender wants all cores.
        """
        request = self._request
        quick = find_engine(request.engine).capabilities.seconds < _AS_LONG_AS_BLENDER_S
        busy = bool(request.previews or request.exports) and quick
        return request.builders if busy else 0

    def _begin(self, ready: ReadAhead, planner: Planner, estimator: Estimator) -> BuildTask | None:
        """All that comes before Blender; what is left for it."""
        plan, error = ready.plan, ready.error
        if plan is None or error is not None:
            self._fail(ready.file, planner.record(ready.file) if plan is None else plan.before, plan, error)
            return None
        if plan.finished:
            self._finish(plan.before)
            return None
        record = plan.before
        if plan.needs_estimate and ready.photo is not None:
            # An engine that cannot be opened ends the run; what fails after that is the photo's matter.
            self._inference.open(part_of(EngineChoice, self._request), self._reporter)
            try:
                record = estimator.estimate(plan, ready.photo)
            except UsageError:
                raise
            except Exception as failure:
                if is_disk_full(failure, self._request.out):
                    raise disk_full(self._request.out) from failure
                self._fail(ready.file, plan.before, plan, failure)
                return None
            self._journal.write(record)
            self._warn(record)
        if any(stage != ESTIMATE for stage in plan.missing):
            return BuildTask(plan, record)
        self._finish(_settled(record, plan))
        return None

    def _warn(self, record: Record) -> None:
        """Say what may be wrong with a photo's estimates, in one line."""
        warnings = dict.fromkeys(text for person in record.people for text in person["warnings"])
        if warnings:
            self._reporter.warning(f"{record.photo}: {' '.join(warnings)}")

    def _build(self, builder: BuilderProcess, task: BuildTask) -> None:
        """Blender's part; in a builder's thread."""
        record, fault = self._workshop.build(builder, task)
        self._finish(_settled(record, task.plan) if fault is None else replace(record, state="failed", fault=fault))

    def _fail(self, file: PhotoFile, record: Record, plan: Plan | None, error: Exception | None) -> None:
        assert error is not None
        fault = fault_of(error, file.path, "" if plan is None else plan.wanted[ESTIMATE])
        self._finish(replace(record, state="failed", fault=fault))

    def _finish(self, record: Record) -> None:
        self._journal.write(record)
        self._finished.put(record)

    def _alive(self) -> None:
        """Report what was finished, and let the reporter end the run."""
        tell = time.monotonic() - self._told > _TELL_S
        while not self._finished.empty():
            record = self._finished.get()
            self._progress.count()
            tell = True
            if record.fault is not None:
                self._reporter.warning(f"{record.photo}: {record.fault.text}")
        if tell:
            self._told = time.monotonic()
            self._reporter.progress(self._progress.fraction)
            self._reporter.status(self._progress.in_words)


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


def _settled(record: Record, plan: Plan) -> Record:
    """The record of a finished photo. Results of an older estimate that are no longer made are released;
    what the same estimate led to under other settings stays.
    """
    current = plan.wanted[ESTIMATE]
    stages = {name: stage for name, stage in record.stages.items() if stage.estimate == current}
    return replace(record, state="done", fault=None, stages=stages)
