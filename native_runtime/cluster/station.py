"""A run's place on one worker: the open engine and the Blenders, and what is done with a photo there.

Dask calls `prepare`, `do_photo` and `leave` in the worker's process.
"""

from __future__ import annotations

import queue
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from distributed import get_worker

import native_runtime
from native_runtime.batch.builder_process import BuilderClosedError, BuilderProcess
from native_runtime.batch.estimating import read_now
from native_runtime.batch.executor import cores_for_blender
from native_runtime.batch.fingerprints import Fingerprints
from native_runtime.batch.photo_work import PhotoWork
from native_runtime.batch.photos import PhotoFile
from native_runtime.batch.plan import Planner
from native_runtime.batch.record import Record
from native_runtime.batch.settings import BatchRequest
from native_runtime.cli.commands import installed_extensions
from native_runtime.cluster.idle import IdleTimer
from native_runtime.cluster.job import PROTOCOL, Answer, Job
from native_runtime.cluster.parcel import Parcel
from native_runtime.cluster.seeing import seen
from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.files.system_errors import readable
from native_runtime.onnx.processor import usable_cores
from native_runtime.onnx.sessions import spare_cores
from native_runtime.pipeline.decoding import decode, part_of
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.pipeline.requests import EngineChoice
from native_runtime.process.payload import ErrorPayload

TOKEN = "token"
"""The file by which a worker knows the output folder."""
IDLE_S = 900.0
"""A run that says nothing for so long has gone without a word, and its networks' memory is needed."""


class LeftError(Exception):
    """The run is over; nothing is wrong with the photo."""


class _Stop(Silent):
    """Stops the work on a photo between two steps."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def status(self, text: str) -> None:
        self._check()

    def progress(self, value: float) -> None:
        self._check()

    def _check(self) -> None:
        if self.over.is_set():
            raise LeftError


class Station:
    """What a worker keeps for a run.

    Raises:
        Sam3dbError: this worker cannot do the run's work.
        OSError: the folders cannot be used.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._request = decode(BatchRequest, job.request)
        self._stop = _Stop()
        self._one_at_a_time = threading.Lock()  # the networks; Blender works beside them
        self._inference = Inference(job.engines, kept_photos=1)
        self._all_builders: list[BuilderProcess] = []
        self._free_builders: queue.SimpleQueue[BuilderProcess] = queue.SimpleQueue()
        self._idle = IdleTimer(IDLE_S, self.close)
        _check_folders(job, self._request)
        self._fingerprints = _same_fingerprints(job, self._request)
        self._stack = ExitStack()
        with self._stack:
            self._stack.enter_context(spare_cores(_cores_of_others(self._request, job.sharing)))
            if self._request.needs_blender:
                self._start_builders()
            with self._idle.busy():
                self._inference.open(part_of(EngineChoice, self._request), self._stop)
            self._stack = self._stack.pop_all()

    def do(self, relative: str, name: str, record: Mapping[str, Any] | None) -> Answer:
        """Do what is missing of a photo.

        Args:
            relative: its path from the folder of photos.
            name: of its results.
            record: what is known of it.
        """
        with self._idle.busy():
            answer = self._do(relative, name, record)
        return Answer(left=True) if self._stop.over.is_set() else answer

    def _do(self, relative: str, name: str, record: Mapping[str, Any] | None) -> Answer:
        request = self._request
        known = {} if record is None else {relative: Record.from_json(record)}
        file = PhotoFile(relative, request.folder / relative)
        planner = Planner(request.out, self._fingerprints, {relative: name}, known, request.retry_failed)
        parcel: Parcel | None = None
        try:
            parcel = Parcel(request.out, self._job.private)
            work = PhotoWork(request, planner, parcel, self._inference, self._stop)
            ready = read_now(file, planner)
            with self._one_at_a_time:
                self._stop.status("")
                step = work.estimate(ready)
            result = step.record
            if step.task is not None:
                with self._builder() as builder:
                    result = work.build(builder, step.task)
            return Answer(result, parcel.folder, parcel.files, step.estimated)
        except (LeftError, BuilderClosedError):
            return Answer(left=True)
        except Exception as error:
            if parcel is not None:
                parcel.discard()
            return Answer(error=ErrorPayload.from_exception(error))

    def close(self) -> None:
        """Stop all work, and let go of engine and Blenders. Any thread may call this, more than once."""
        self._stop.over.set()
        self._idle.cancel()
        for builder in self._all_builders:
            builder.kill()
        self._inference.release()
        self._stack.close()

    def _start_builders(self) -> None:
        command = self._request.builder or _own_builder()
        logs = Path(tempfile.mkdtemp(prefix="sam3db-"))
        self._stack.callback(shutil.rmtree, logs, ignore_errors=True)
        for number in range(self._request.builders):
            builder = BuilderProcess(command, logs / f"builder-{number}.log")
            self._stack.callback(builder.kill)
            builder.start()  # while the engine is opened
            self._all_builders.append(builder)
            self._free_builders.put(builder)

    @contextmanager
    def _builder(self) -> Iterator[BuilderProcess]:
        builder = self._free_builders.get()
        try:
            yield builder
        finally:
            self._free_builders.put(builder)


class Stations:
    """Of one worker, by run. Several threads may use them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stations: dict[str, Station] = {}
        self._over: set[str] = set()

    def get(self, run: str) -> Station | None:
        with self._lock:
            return self._stations.get(run)

    def open(self, job: Job) -> None:
        """Make the station of a run, in place of one that has closed itself. Errors as `Station`."""
        station = Station(job)
        with self._lock:
            old = self._stations.pop(job.run, None)
            over = job.run in self._over
            if not over:
                self._stations[job.run] = station
        for closed in filter(None, (old, station if over else None)):
            closed.close()

    def leave(self, run: str) -> None:
        """A run is over, even if its station is still being made."""
        with self._lock:
            self._over.add(run)
            station = self._stations.pop(run, None)
        if station is not None:
            station.close()

    @property
    def runs(self) -> list[str]:
        """Those that have a station."""
        with self._lock:
            return list(self._stations)


def stations_of(worker: Any) -> Stations:
    """Of a worker of Dask's."""
    stations: Stations = worker.extensions.setdefault("sam3db", Stations())
    return stations


def prepare(content: Mapping[str, Any]) -> str:
    """Get ready for a run; why this worker cannot, or nothing.

    Args:
        content: of the `Job`.
    """
    theirs, ours = content.get("version"), version()
    if theirs != ours:
        return f"it has version {ours}, and this batch is of version {theirs}: install the same on both"
    try:
        stations_of(get_worker()).open(Job.from_json(content))
    except OSError as error:
        return str(readable(error))
    except Sam3dbError as error:
        return str(error)
    except Exception as error:
        return ErrorPayload.from_exception(error).text
    return ""


def do_photo(run: str, relative: str, name: str, record: Mapping[str, Any] | None) -> dict[str, Any]:
    """The JSON of the `Answer` about a photo of a run for which this worker is prepared."""
    worker = get_worker()
    station = stations_of(worker).get(run)
    answer = Answer(left=True) if station is None else station.do(relative, name, record)
    return replace(answer, worker=worker.address).to_json()


def leave(run: str, dask_worker: Any) -> None:
    """The run is over for this worker."""
    stations = stations_of(dask_worker)
    threading.Thread(target=stations.leave, args=(run,), daemon=True).start()  # Dask waits for this function


def version() -> str:
    """Of this program, as a worker and who asks it must share it."""
    return f"{native_runtime.__version__}/{PROTOCOL}"


def _check_folders(job: Job, request: BatchRequest) -> None:
    """See that both folders are those that the client means.

    Raises:
        UsageError: they are not.
    """
    token = request.out / job.private / TOKEN
    if not seen(token.parent, lambda: token.read_text(encoding="utf-8") == job.token, job.patience_s):
        raise UsageError(
            f"it does not see the folder of the results at {request.out}: mount it there, or say what it is called on "
            "the workers with --cluster-path"
        )
    relative, size = job.photo
    photo = request.folder / relative
    if size >= 0 and not seen(photo.parent, lambda: photo.stat().st_size == size, job.patience_s):
        raise UsageError(
            f"it does not see the photos at {request.folder} ({relative} is missing or another file): mount the folder "
            "there, or say what it is called on the workers with --cluster-path"
        )


def _same_fingerprints(job: Job, request: BatchRequest) -> Fingerprints:
    """Raises:
    ModelError, UsageError: this worker would give other results.
    """
    fingerprints = Fingerprints(request)
    if fingerprints.of("") != job.fingerprints:
        raise UsageError(
            "it has another body or other networks than this machine, and would give other results: install the same "
            "model files on both"
        )
    return fingerprints


def _own_builder() -> tuple[str, ...]:
    """The command that starts a Blender on this machine.

    Raises:
        UsageError: there is none.
    """
    extensions = installed_extensions()
    if not extensions:
        raise UsageError("it cannot build characters: the package sam3db_blender is not installed there")
    return tuple(extensions[0].builder())


def _cores_of_others(request: BatchRequest, sharing: int) -> int:
    """How many cores this worker's networks leave to its Blenders and to the other workers of the machine."""
    cores = usable_cores()
    return cores - max(1, cores // sharing - cores_for_blender(request))
