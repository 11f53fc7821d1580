"""What is done with one photo, by a batch of this process and by the workers of a cluster alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from native_runtime.batch.builder_process import BuilderProcess
from native_runtime.batch.building import BuildTask, Workshop
from native_runtime.batch.estimating import Estimator, ReadAhead
from native_runtime.batch.faults import disk_full, fault_of, is_disk_full
from native_runtime.batch.outputs import Results
from native_runtime.batch.plan import Plan, Planner
from native_runtime.batch.record import Record
from native_runtime.batch.settings import ESTIMATE, BatchRequest
from native_runtime.errors import UsageError
from native_runtime.pipeline.decoding import part_of
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import EngineChoice


@dataclass(frozen=True)
class Step:
    """How far a photo has come without Blender.

    Attributes:
        record: its record so far.
        task: what is left for Blender; None where the photo is finished, or has failed.
        estimated: whether there are new estimates.
    """

    record: Record
    task: BuildTask | None = None
    estimated: bool = False


class PhotoWork:
    """Does what is missing of a photo.

    Args:
        planner: knows what is missing.
        results: takes the files.
        reporter: hears of the engine's opening.
    """

    def __init__(
        self, request: BatchRequest, planner: Planner, results: Results, inference: Inference, reporter: Reporter
    ) -> None:
        self._request, self._planner, self._inference, self._reporter = request, planner, inference, reporter
        self._estimator = Estimator(request, inference, results)
        self._workshop = Workshop(request.out, request, results) if request.needs_blender else None

    def open_engine(self) -> None:
        """Open the engine, where it is not open.

        Raises:
            ModelError, UsageError: it cannot be opened, which is not the matter of one photo.
        """
        self._inference.open(part_of(EngineChoice, self._request), self._reporter)

    def estimate(self, ready: ReadAhead) -> Step:
        """All that comes before Blender.

        Raises:
            ModelError, UsageError: the engine cannot be opened, or cannot do what the settings say.
            DiskFullError: there is no room for the estimates.
        """
        plan, error = ready.plan, ready.error
        if plan is None or error is not None:
            assert error is not None
            return Step(self._failed(ready, error))
        if plan.finished:
            return Step(plan.before)
        record = plan.before
        if plan.needs_estimate and ready.photo is not None:
            self.open_engine()
            try:
                record = self._estimator.estimate(plan, ready.photo)
            except UsageError:
                raise
            except Exception as failure:
                if is_disk_full(failure, self._request.out):
                    raise disk_full(self._request.out) from failure
                return Step(self._failed(ready, failure))
        estimated = record is not plan.before
        if any(stage != ESTIMATE for stage in plan.missing):
            return Step(record, BuildTask(plan, record), estimated)
        return Step(_settled(record, plan), None, estimated)

    def build(self, builder: BuilderProcess, task: BuildTask) -> Record:
        """Blender's part; several builders may work at the same time. Errors as `Workshop.build`."""
        assert self._workshop is not None
        record, fault = self._workshop.build(builder, task)
        return _settled(record, task.plan) if fault is None else replace(record, state="failed", fault=fault)

    def _failed(self, ready: ReadAhead, error: Exception) -> Record:
        plan = ready.plan
        before = self._planner.record(ready.file) if plan is None else plan.before
        fault = fault_of(error, ready.file.path, "" if plan is None else plan.wanted[ESTIMATE])
        return replace(before, state="failed", fault=fault)


def _settled(record: Record, plan: Plan) -> Record:
    """The record of a finished photo. Results of an older estimate that are no longer made are released;
    what the same estimate led to under other settings stays.
    """
    current = plan.wanted[ESTIMATE]
    stages = {name: stage for name, stage in record.stages.items() if stage.estimate == current}
    return replace(record, state="done", fault=None, stages=stages)
