"""A batch's work, done by the workers of a Dask cluster.

The batch's own process decides what is to be done, holds the lock of the output folder, moves finished files to their
places and writes the manifest, as it does without a cluster. Workers write into private folders only.
"""

from __future__ import annotations

import queue
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from distributed import Client, Future, KilledWorker

from native_runtime.batch.executor import Work
from native_runtime.batch.faults import disk_full, fault_of
from native_runtime.batch.fingerprints import Fingerprints
from native_runtime.batch.photos import PhotoFile, Shard
from native_runtime.batch.record import Record
from native_runtime.batch.settings import BatchRequest
from native_runtime.cluster.calls import caller
from native_runtime.cluster.choice import ClusterChoice
from native_runtime.cluster.connection import CONNECT_S, connected
from native_runtime.cluster.delivery import deliver
from native_runtime.cluster.job import Answer, Job
from native_runtime.cluster.seeing import PATIENCE_S
from native_runtime.cluster.station import TOKEN, do_photo, leave, prepare, version
from native_runtime.errors import DiskFullError, Sam3dbError, UsageError, WorkerError
from native_runtime.files.atomic import write_atomically
from native_runtime.pipeline.decoding import encode
from native_runtime.pipeline.reporting import Reporter

TRIES = 2
"""How often a photo is tried whose failure may be the machine's."""
WAIT_S = 60.0
"""How long a cluster may have no worker at all."""
_LOOK_S = 1.0  # between two looks for workers that have come or gone
_POLL_S = 0.2
_FETCH_S = 10.0  # for an answer of a few kilobytes
_AHEAD = 2  # photos for each thread of a worker: one that is worked on, one that waits


def executor_for(text: str, memory_gb: float | None, paths: Sequence[str]) -> ClusterExecutor:
    """For the cluster that is written so; arguments and errors as `ClusterChoice.parse`."""
    return ClusterExecutor(ClusterChoice.parse(text, memory_gb, paths))


class ClusterExecutor:
    """Lets the workers of a cluster do a batch's work (``batch.executor.Executor``).

    Args:
        choice: which cluster.
        engines: the module whose ``open_engine`` workers use.
        patience_s: how long files of other machines may take to be seen.
    """

    def __init__(
        self, choice: ClusterChoice, engines: str = "native_runtime.engines", patience_s: float = PATIENCE_S
    ) -> None:
        self.choice, self._engines, self._patience_s = choice, engines, patience_s

    def check(self, request: BatchRequest) -> None:
        """As ``Executor.check``: Blender is the workers' matter."""

    def get_ready(self, request: BatchRequest, reporter: Reporter) -> None:
        """As ``Executor.get_ready``: each worker opens an engine of its own."""

    def execute(self, work: Work) -> None:
        """As ``Executor.execute``.

        Raises:
            UsageError: there is no such cluster, or none of its workers can do the work.
            WorkerError: the scheduler has gone, or all workers have.
        """
        work.reporter.status(f"Connecting to the cluster {self.choice}")
        with connected(self.choice) as client:
            _Run(client, self.choice, work, self._job(work), self._patience_s).go()

    def _job(self, work: Work) -> Job:
        private = work.staging.folder
        token = secrets.token_hex(16)
        write_atomically(private / TOKEN, token.encode())
        there, request = self.choice.paths.there, work.request
        values: dict[str, Any] = encode(replace(request, shard=Shard()))
        values |= {key: there(values[key]) for key in ("folder", "out", "models", "body") if key in values}
        return Job(
            version=version(),
            run=uuid4().hex,
            request=values,
            private=private.relative_to(request.out).as_posix(),
            token=token,
            photo=_some_photo(work),
            fingerprints=dict(Fingerprints(request).of("")),
            engines=self._engines,
            sharing=1,
            patience_s=self._patience_s,
        )


def _some_photo(work: Work) -> tuple[str, int]:
    """A photo that can be read here, and its size; the first one's name where none can."""
    for photo in work.todo:
        with suppress(OSError):
            return photo.relative, photo.path.stat().st_size
    return work.todo[0].relative, -1


@dataclass
class _Task:
    """A photo that is not finished.

    Attributes:
        record: what was known of it.
        tries: how often a worker said what has come of it.
        deaths: how often the workers that had it were lost.
        avoid: workers on which it failed.
        allowed: those that may work on it now.
    """

    file: PhotoFile
    record: Record
    tries: int = 0
    deaths: int = 0
    avoid: set[str] = field(default_factory=set)
    allowed: frozenset[str] = frozenset()


class _Run:
    """One run on a cluster."""

    def __init__(self, client: Client, choice: ClusterChoice, work: Work, job: Job, patience_s: float) -> None:
        self._client, self._choice, self._work, self._job = client, choice, work, job
        self._patience_s = patience_s
        self._waiting = deque(_Task(file, work.planner.record(file)) for file in work.todo)
        self._suspects: deque[_Task] = deque()  # workers died over them, or over what they did beside them
        self._running: dict[Future, _Task] = {}
        self._preparing: dict[Future, str] = {}
        self._ready: dict[str, int] = {}  # workers that may be given photos, and how many threads they have
        self._refused: dict[str, str] = {}
        self._opening = 0  # how many workers were last said to open the engine
        self._told_of_death = False
        self._answered: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._looked = self._had_workers = time.monotonic() - _LOOK_S

    def go(self) -> None:
        """Do the work; see `ClusterExecutor.execute`."""
        try:
            while self._waiting or self._suspects or self._running:
                self._work.books.alive()
                self._look_at_workers()
                self._hand_out()
                with suppress(queue.Empty):
                    future = self._answered.get(timeout=_POLL_S)
                    self._take(future)
            self._work.books.alive()
        finally:
            self._give_up()

    # --- workers ---

    def _look_at_workers(self) -> None:
        """Greet workers that have come, and take from those that have gone what only they could have done."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        workers = self._workers_now()
        self._looked = time.monotonic()
        if workers:
            self._had_workers = self._looked
        elif self._looked - self._had_workers > WAIT_S:
            raise WorkerError(f"The cluster {self._choice} has had no worker for {WAIT_S:g} seconds. {_KEPT}")
        gone = [address for address in self._ready if address not in workers]
        for address in gone:
            del self._ready[address]
        if gone and not self._told_of_death:
            self._told_of_death = True
            self._work.reporter.warning("A worker ended; its photos go to others.")
        for future in [future for future, address in self._preparing.items() if address not in workers]:
            del self._preparing[future]
        for address in [address for address in self._refused if address not in workers]:
            del self._refused[address]
        for future in [future for future, task in self._running.items() if not task.allowed & workers.keys()]:
            self._suspect(self._running.pop(future))
            self._forget(future)
        sharing = _sharing(workers)
        for address, facts in workers.items():
            if address not in (*self._ready, *self._refused, *self._preparing.values()):
                self._greet(address, sharing[facts["host"]])
        self._tell_of_opening()
        if workers and self._refused.keys() >= workers.keys():
            raise UsageError(f"No worker of the cluster can do this. {self._refusal(next(iter(workers)))}")

    def _tell_of_opening(self) -> None:
        """Say how many workers get ready, when there are more than before: that takes most of a minute."""
        opening = len(self._preparing)
        if opening > self._opening:
            workers = "1 worker" if opening == 1 else f"{opening} workers"
            self._work.reporter.status(f"Opening the engine on {workers}")
        self._opening = opening

    def _workers_now(self) -> Mapping[str, Mapping[str, Any]]:
        """By address."""
        give_up = time.monotonic() + CONNECT_S
        while True:
            with suppress(OSError, TypeError):  # a client that has lost its scheduler has none to ask
                if self._client.status == "running":
                    found: Mapping[str, Mapping[str, Any]] = self._client.scheduler_info(n_workers=-1)["workers"]
                    return found
            if self._client.status == "closed" or time.monotonic() > give_up:
                raise WorkerError(f"The scheduler of the cluster {self._choice} no longer answers. {_KEPT}")
            self._work.books.alive()
            time.sleep(_POLL_S)

    def _greet(self, address: str, sharing: int) -> None:
        job = replace(self._job, sharing=sharing).to_json()
        future = self._submit("prepare", prepare, job, workers=[address])
        self._preparing[future] = address

    def _welcome(self, address: str, future: Future) -> None:
        """Let a worker work that is prepared, or say why it cannot."""
        if future.status == "finished":
            why = self._result(future)
            if why is None:
                return
        elif future.status == "error":
            why = _why_not(future.exception())
        else:  # the connection was lost: it is greeted again
            return
        if why:
            self._refused[address] = why
            self._work.reporter.warning(self._refusal(address))
            return
        threads = self._workers_now().get(address, {}).get("nthreads")
        if threads:
            self._ready[address] = int(threads)
            ready = len(self._ready)
            self._work.reporter.status(f"{ready} {'worker is' if ready == 1 else 'workers are'} ready")

    def _refusal(self, address: str) -> str:
        return f"The worker at {address} is not used: {self._refused[address]}."

    # --- photos ---

    def _hand_out(self) -> None:
        """Give photos to workers: a few more than are worked on; those over which workers died one by one, at last."""
        most = _AHEAD * sum(self._ready.values())
        while self._ready and self._waiting and len(self._running) < most:
            self._give(self._waiting.popleft())
        if self._ready and self._suspects and not self._waiting and not self._running:
            self._give(self._suspects.popleft(), alone=True)

    def _give(self, task: _Task, alone: bool = False) -> None:
        workers = [address for address in self._ready if address not in task.avoid] or list(self._ready)
        if alone:  # one death is enough to know
            workers = workers[:1]
        record = task.record.to_json()
        task.allowed = frozenset(workers)
        future = self._submit(
            "photo", do_photo, self._job.run, task.file.relative, task.record.name, record, workers=workers
        )
        self._running[future] = task

    def _submit(self, what: str, function: Callable[..., Any], *values: Any, workers: list[str]) -> Future:
        key = f"sam3db-{what}-{uuid4().hex}"
        there = caller(function.__name__)
        future = self._client.submit(there, *values, key=key, workers=workers, pure=False, retries=0)
        future.add_done_callback(self._answered.put)
        return future

    def _take(self, future: Future) -> None:
        """See what has come of something."""
        address = self._preparing.pop(future, None)
        if address is not None:
            self._welcome(address, future)
            return
        task = self._running.pop(future, None)
        if task is None:  # somebody else has it already
            return
        if future.status == "finished":
            content = self._result(future)
            if content is None:
                self._waiting.appendleft(task)
            else:
                self._take_answer(task, Answer.from_json(content))
        elif future.status == "error" and isinstance(future.exception(), KilledWorker):
            self._suspect(task)
        elif future.status == "error":
            self._fail(task, "", future.exception())
        else:  # the connection was lost
            self._waiting.appendleft(task)

    def _result(self, future: Future) -> Any:
        """What a task that is finished gave; None where the worker that has it is lost."""
        try:
            return future.result(timeout=_FETCH_S)
        except (OSError, TimeoutError, CancelledError, KilledWorker):
            self._forget(future)
            return None

    def _take_answer(self, task: _Task, answer: Answer) -> None:
        worker = answer.worker
        if answer.left:
            self._ready.pop(worker, None)
            self._waiting.appendleft(task)
        elif answer.error is not None:
            error = answer.error.as_error()
            if isinstance(error, DiskFullError):
                raise disk_full(self._work.request.out)
            self._fail(task, worker, error)
        else:
            self._deliver(task, answer)

    def _deliver(self, task: _Task, answer: Answer) -> None:
        worker, record = answer.worker, answer.record
        assert record is not None
        fault = record.fault
        task.tries += 1
        if fault is not None and not fault.fingerprint and self._may_try_again(task, worker):
            self._try_again(task, worker)
            return
        try:
            record = deliver(answer, self._work.request.out, self._work.staging, self._patience_s)
        except Sam3dbError as error:
            self._fail(task, worker, error)
            return
        if answer.estimated:
            self._work.books.warn(record)
        self._work.books.finish(record)

    def _fail(self, task: _Task, worker: str, error: BaseException | None) -> None:
        """A photo could not be worked on: another worker may do better."""
        task.tries += 1
        if self._may_try_again(task, worker):
            self._try_again(task, worker)
            return
        fault = fault_of(error or WorkerError("The cluster does not say what happened."), task.file.path)
        self._work.books.finish(replace(task.record, state="failed", fault=fault))

    def _may_try_again(self, task: _Task, worker: str) -> bool:
        return task.tries < TRIES and any(address not in task.avoid | {worker} for address in self._ready)

    def _try_again(self, task: _Task, worker: str) -> None:
        task.avoid.add(worker)
        self._waiting.append(task)

    def _suspect(self, task: _Task) -> None:
        """The workers that had this photo died, of it or of another that they had as well: it is tried alone at the
        end.
        """
        task.deaths += 1
        if task.deaths < TRIES:
            self._suspects.append(task)
            return
        died = WorkerError("Every worker that worked on this photo was killed. Was there not enough memory?")
        self._work.books.finish(replace(task.record, state="failed", fault=fault_of(died, task.file.path)))

    def _forget(self, future: Future) -> None:
        with suppress(OSError):
            future.cancel()

    def _give_up(self) -> None:
        """Leave nothing behind on the cluster."""
        if self._client.status != "running":
            return
        with suppress(OSError):
            self._client.cancel([*self._running, *self._preparing], force=True)
        with suppress(OSError, KeyError):  # a worker goes in this moment
            self._client.run(leave, self._job.run, on_error="ignore")


_KEPT = "Finished results are kept: run the batch again, with or without a cluster."


def _sharing(workers: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """How many workers each machine has."""
    hosts = [facts["host"] for facts in workers.values()]
    return {host: hosts.count(host) for host in set(hosts)}


def _why_not(error: BaseException | None) -> str:
    """Why a worker could not even be asked."""
    if isinstance(error, ImportError):
        return f"it has no version of this program that works on clusters ({error})"
    if isinstance(error, KilledWorker):
        return "it died while it got ready; was there not enough memory?"
    return f"it could not get ready ({type(error).__name__}: {error})"
