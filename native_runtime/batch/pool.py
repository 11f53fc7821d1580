"""Builders and the jobs that wait for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from native_runtime.batch.builder_process import BuilderClosedError, BuilderProcess

Task = TypeVar("Task")

_POLL_S = 0.2


class BuilderPool(Generic[Task]):
    """Some builders, each with a thread that gives it one task after the other.

    Args:
        command: starts a builder.
        count: how many there are.
        work: does a task with a builder; it may run in several threads at once. What it raises ends the run.
        logs: folder for what Blenders print.
    """

    def __init__(
        self, command: Sequence[str], count: int, work: Callable[[BuilderProcess, Task], None], logs: Path
    ) -> None:
        self._work = work
        # A few wait, so that no builder ever does; not more, since a cancelled run would have estimated them in vain.
        self._tasks: queue.Queue[Task] = queue.Queue(maxsize=2 * count)
        self._builders = [BuilderProcess(command, logs / f"builder-{number}.log") for number in range(count)]
        self._no_more, self._given_up = threading.Event(), threading.Event()
        self._fault: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._serve, args=(builder,), name="builder", daemon=True)
            for builder in self._builders
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task, alive: Callable[[], None]) -> None:
        """Hand a task over; waits while all builders have enough to do, calling ``alive`` now and then.

        Raises:
            BaseException: what an earlier task raised, or what ``alive`` does.
        """
        while True:
            self.check()
            try:
                self._tasks.put(task, timeout=_POLL_S)
                return
            except queue.Full:
                alive()

    def finish(self, alive: Callable[[], None]) -> None:
        """Wait until all tasks are done, then end the builders. Raises as `submit`."""
        self._no_more.set()
        while any(thread.is_alive() for thread in self._threads):
            self.check()
            for thread in self._threads:
                thread.join(_POLL_S)
            alive()
        self.check()

    def check(self) -> None:
        """Raises: what a task raised."""
        if self._fault is not None:
            raise self._fault

    def kill(self) -> None:
        """Give up whatever is under way."""
        self._given_up.set()
        for builder in self._builders:
            builder.kill()
        for thread in self._threads:
            thread.join()

    def _serve(self, builder: BuilderProcess) -> None:
        try:
            builder.start()  # while the first photo is being looked at
            while (task := self._next()) is not None:
                self._work(builder, task)
            builder.stop()
        except BuilderClosedError:
            pass
        except BaseException as error:
            self._fault = self._fault or error
            builder.kill()

    def _next(self) -> Task | None:
        while not self._given_up.is_set():
            try:
                return self._tasks.get(timeout=_POLL_S)
            except queue.Empty:
                if self._no_more.is_set():
                    break
        return None
