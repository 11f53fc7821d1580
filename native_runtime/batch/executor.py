"""Who does the work of a run: this process, or the workers of a cluster (``native_runtime.cluster``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from native_runtime.batch.bookkeeping import Bookkeeping
from native_runtime.batch.builder_process import BuilderProcess
from native_runtime.batch.building import BuildTask
from native_runtime.batch.estimating import Reader
from native_runtime.batch.outputs import Staging
from native_runtime.batch.photo_work import PhotoWork
from native_runtime.batch.photos import PhotoFile
from native_runtime.batch.plan import Planner
from native_runtime.batch.pool import BuilderPool
from native_runtime.batch.settings import BatchRequest
from native_runtime.engines import find_engine
from native_runtime.errors import UsageError
from native_runtime.onnx.sessions import spare_cores
from native_runtime.pipeline.decoding import part_of
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import EngineChoice

# An engine that needs fewer seconds for a photo leaves work for Blender while it computes.
_AS_LONG_AS_BLENDER_S = 5.0


@dataclass(frozen=True)
class Work:
    """The work of a run, under the lock of its part.

    Attributes:
        request: what is to be done.
        todo: the photos that are not known to be finished, in order.
        planner: knows what is missing of each.
        staging: takes the files.
        books: take the records; ``alive`` is to be called several times a second.
        reporter: hears of anything else.
    """

    request: BatchRequest
    todo: Sequence[PhotoFile]
    planner: Planner
    staging: Staging
    books: Bookkeeping
    reporter: Reporter


class Executor(Protocol):
    """Does the work of a run."""

    def check(self, request: BatchRequest) -> None:
        """Refuse what cannot be done, before anything is written.

        Raises:
            UsageError: something that is needed is not there.
        """

    def get_ready(self, request: BatchRequest, reporter: Reporter) -> None:
        """Open what every estimate needs, before anything is written; again, it does nothing.

        Raises:
            ModelError, UsageError: the engine cannot be opened, which is not the matter of one photo.
        """

    def execute(self, work: Work) -> None:
        """Finish every photo of ``work.todo``.

        Raises:
            ModelError: the engine cannot be opened.
            DiskFullError: there is no room for more results.
            BaseException: what ``work.books.alive`` raises; then nothing goes on behind.
        """


class LocalExecutor:
    """Does the work in this process, and in Blenders that it starts: reading, inference and Blender work at the same
    time, each on another photo.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    def check(self, request: BatchRequest) -> None:
        """As `Executor.check`."""
        if request.needs_blender and not request.builder:
            raise UsageError("Characters, previews and exports need Blender; without it, only estimates are possible.")

    def get_ready(self, request: BatchRequest, reporter: Reporter) -> None:
        """As `Executor.get_ready`."""
        with spare_cores(cores_for_blender(request)):
            self._inference.open(part_of(EngineChoice, request), reporter)

    def execute(self, work: Work) -> None:
        """As `Executor.execute`."""
        request, books = work.request, work.books
        with spare_cores(cores_for_blender(request)):
            reader = Reader(work.todo, work.planner)
            pool: BuilderPool[BuildTask] | None = None
            try:
                photo_work = PhotoWork(request, work.planner, work.staging, self._inference, work.reporter)
                if request.needs_blender:

                    def build(builder: BuilderProcess, task: BuildTask) -> None:
                        books.finish(photo_work.build(builder, task))

                    pool = BuilderPool(request.builder, request.builders, build, work.staging.folder)
                for ready in reader.photos(books.alive):
                    books.alive()
                    if pool is not None:
                        pool.check()
                    step = photo_work.estimate(ready)
                    if step.estimated:
                        books.warn(step.record)
                        if step.task is not None:
                            books.write(step.record)
                    if step.task is None:
                        books.finish(step.record)
                    elif pool is not None:
                        pool.submit(step.task, books.alive)
                if pool is not None:
                    pool.finish(books.alive)
                books.alive()
            finally:
                reader.close()
                if pool is not None:
                    pool.kill()


def cores_for_blender(request: BatchRequest) -> int:
    """How many cores the networks leave to builders.

    With pictures or exports Blender takes as long over a character as `landmarks` over a photo, so that each builder
    has use for a core of its own: measured on two cores, 2.3 s a photo against 2.9 s. Without, it mostly waits; and an
    engine that takes many times as long as Blender wants all cores.
    """
    quick = find_engine(request.engine).capabilities.seconds < _AS_LONG_AS_BLENDER_S
    busy = bool(request.previews or request.exports) and quick
    return request.builders if busy else 0
