"""Jobs of minutes, such as downloads and conversions, which continue whatever happens to windows and files.

Each kind of job has a slot with a worker of its own, which ends with the job: photos should not wait for it.
"""

from __future__ import annotations

import sys
import time
import weakref
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import bpy

from .. import places
from ..app_handlers import ensure_timer, redraw, stop_timer
from .worker import Job

if TYPE_CHECKING:
    from native_runtime.service.client import WorkerClient

_TICK_S = 0.2
_POLL_S = 0.02


@dataclass
class LongJob(Job):
    """A job on its way through the worker.

    Attributes:
        do: the request; its keys are sent and not kept, since they may hold secrets.
        result: what the worker answered; set when done.
    """

    do: str
    keys: InitVar[dict[str, Any]]
    result: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self, keys: dict[str, Any]) -> None:
        self._number = self.client.request(self.do, **keys)

    def cancel(self) -> None:
        """Asks for the end, which ``poll`` will hear of within seconds."""
        if self.state == "running":
            self.status = "Cancelling"
            self.client.cancel(self._number)

    @property
    def notes(self) -> list[str]:
        """What the user should know of a job that is done."""
        return list(self.result.get("notes", []))

    @property
    def summary(self) -> str:
        """How things stand, in one line."""
        if self.state == "done":
            return self.achievement
        if self.state == "cancelled":
            kept = " What has arrived is kept; the next download continues from there."
            return "Cancelled." + (kept if self.do.startswith("download") else "")
        return self.error or self.status

    @property
    def achievement(self) -> str:
        """What a job that is done has brought, in one line."""
        return "Done."

    def _receive(self, result: dict[str, Any]) -> None:
        self.result = result


# Bound by name: typing remembers what stands in brackets for as long as Python runs, and with a class of this module
# bpy itself, which then never takes its threads down; the process waits for them for ever.
AnyJob = TypeVar("AnyJob", bound="LongJob")


class JobSlot(Generic[AnyJob]):
    """Does one job at a time, and remembers the last.

    Args:
        kind: what a job is made as.
        gpu_support: whether its worker loads the libraries for graphics cards that are installed.
    """

    def __init__(self, kind: type[AnyJob], gpu_support: bool = True) -> None:
        self.job: AnyJob | None = None
        self._gpu_support = gpu_support
        self._kind = kind
        self._client: WorkerClient | None = None
        # Blender knows a timer by its object, and `self._tick` is another one each time.
        self._timer = self._tick
        _slots.add(self)

    @property
    def busy(self) -> bool:
        return self.job is not None and self.job.state == "running"

    def start(self, do: str, keys: dict[str, Any]) -> AnyJob:
        """Begins a job. In a window it then continues by itself; in the background the caller waits for it."""
        from native_runtime.service.client import WorkerClient

        if self.busy:
            raise RuntimeError("another job is running")
        self._client = WorkerClient()
        self._client.start(
            python=sys.executable,
            paths=places.worker_paths(),
            gpu_support=places.gpu_folder() if self._gpu_support else None,
            limits=places.worker_limits(),
        )
        self.job = self._kind(self._client, do, keys)
        if not bpy.app.background:
            # persistent: opening another file does not end it
            ensure_timer(self._timer, _TICK_S)
        return self.job

    def wait(self) -> None:
        """Polls until the job is over; for processes without a window."""
        while not self.step():
            time.sleep(_POLL_S)

    def step(self) -> bool:
        """Hears what is new; whether the job is over, in which case its worker is ended."""
        if self.job is None or not self.job.poll():
            return self.job is None
        self._end_worker()
        return True

    def close(self) -> None:
        """Gives up what is under way and forgets it."""
        stop_timer(self._timer)
        self._end_worker()
        self.job = None

    def _tick(self) -> float | None:
        over = self.step()
        redraw("VIEW_3D", "PREFERENCES")  # the progress is shown in both
        return None if over else _TICK_S

    def _end_worker(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.stop()


_slots: weakref.WeakSet[JobSlot[Any]] = weakref.WeakSet()


def detach() -> None:
    """Gives up all jobs that are under way, and leaves nothing behind."""
    for slot in list(_slots):
        slot.close()
