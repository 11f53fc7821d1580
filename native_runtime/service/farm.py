"""The worker's request `submit_batch`: a folder of photos for a farm."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from native_runtime import __version__
from native_runtime.errors import FarmError, UsageError
from native_runtime.farm import openjd
from native_runtime.farm.flamenco.manager import Manager
from native_runtime.farm.flamenco.submitting import submit
from native_runtime.farm.flamenco.watching import Standing, watch
from native_runtime.farm.job import plan
from native_runtime.farm.request import SubmitRequest
from native_runtime.pipeline.reporting import Reporter

# So often a cancellation is heard while nothing else happens.
_STEP_S = 0.5


def submit_batch(request: SubmitRequest, reporter: Reporter) -> dict[str, Any]:
    """Do a `submit_batch` (see ``docs/worker.md``); the result of `done`.

    Raises:
        UsageError: the folder, the address or the numbers make no sense.
        FarmError: the farm cannot be reached or refuses; or the job has failed there.
    """
    if request.farm == "openjd" and request.bundle is None:
        raise UsageError("Choose a folder for the job bundle.")
    manager = Manager(request.manager) if request.farm == "flamenco" else None
    job = plan(request, reporter, tasks=request.tasks, photos_per_task=request.photos_per_task, name=request.title)
    if manager is None:
        files = openjd.write_bundle(job, Path(str(request.bundle)))
        return {**job.facts, "files": [str(file.absolute()) for file in files], "notes": []}
    sent = submit(
        job,
        manager,
        reporter,
        priority=request.priority,
        tag=request.worker_tag,
        paused=request.paused,
        version=__version__,
    )
    answer = {**job.facts, "job": sent.number, "page": sent.page, "notes": list(sent.notes)}
    for note in sent.notes:
        reporter.warning(note)
    if not request.watch:
        return answer
    reporter.status(f"On the farm: {sent.page}")
    now = watch(manager, sent.number, reporter, _Pause(reporter))
    if now.state != "completed":
        raise FarmError(f"{_ended(now)} {sent.page} shows why.")
    return {**answer, "state": now.state, "done": now.done}


class _Pause:
    """Waits, and hears of a cancellation meanwhile."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def __call__(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _STEP_S))
            self._reporter.progress(0.0)  # a fraction never falls: this changes nothing


def _ended(now: Standing) -> str:
    if now.state == "canceled":
        return f"The job was cancelled on the farm, with {now.done} of {now.tasks} tasks done."
    return f"The job has failed on the farm: {now.failed} of {now.tasks} tasks."
