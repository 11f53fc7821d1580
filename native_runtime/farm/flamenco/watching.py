"""How a job stands on Flamenco."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from native_runtime.errors import FarmError
from native_runtime.farm.flamenco.manager import Manager
from native_runtime.pipeline.reporting import Reporter

OVER = frozenset({"completed", "failed", "canceled"})
"""States in which nothing more happens by itself."""
EVERY_S = 5.0
_MOST_FAULTS = 12


@dataclass(frozen=True)
class Standing:
    """How a job stands.

    Attributes:
        state: Flamenco's word: queued, active, completed, failed, paused, ...
        activity: what the Manager says about it last.
        done, failed, tasks: how many tasks are completed, have failed for good, and are there.
    """

    state: str
    activity: str
    done: int
    failed: int
    tasks: int

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def fraction(self) -> float:
        """0..1 of the tasks."""
        return self.done / self.tasks if self.tasks else 0.0

    @property
    def in_words(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.state}: {self.done} of {self.tasks} tasks done{failed}"


def standing(manager: Manager, number: str) -> Standing:
    """How a job stands now.

    Raises:
        FarmError: the Manager cannot be reached, or has no such job.
    """
    job, tasks = manager.job(number), manager.tasks(number)
    states = [str(task.get("status")) for task in tasks]
    return Standing(
        str(job.get("status")), str(job.get("activity", "")), states.count("completed"), states.count("failed"),
        len(states),
    )  # fmt: skip


def watch(manager: Manager, number: str, reporter: Reporter, wait: Callable[[float], None] = time.sleep) -> Standing:
    """Report how a job stands until it is over. A Manager that is away for a minute does not end this.

    Args:
        wait: sleeps so many seconds.

    Raises:
        FarmError: the Manager cannot be reached for a minute, or has lost the job.
    """
    faults = 0
    while True:
        try:
            now = standing(manager, number)
        except FarmError as error:
            faults += 1
            if faults >= _MOST_FAULTS or getattr(error, "status", None) == 404:
                raise
        else:
            faults = 0
            reporter.progress(now.fraction)
            reporter.status(f"On the farm, {now.in_words}")
            if now.over:
                return now
        wait(EVERY_S)
