"""Batches on a farm: handed in and watched by a separate worker."""

from __future__ import annotations

from .long import JobSlot, LongJob


class FarmJob(LongJob):
    """A batch on its way to a farm, and on it."""

    @property
    def page(self) -> str:
        """Where the job can be watched in a browser, once it is over."""
        return str(self.result.get("page", ""))

    @property
    def achievement(self) -> str:
        photos, tasks = (_counted(int(self.result.get(f"{word}s", 0)), word) for word in ("photo", "task"))
        done = "The job is written" if self.result.get("files") else "The farm is done"
        return f"{done}: {photos} in {tasks}, and the contact sheet."

    @property
    def summary(self) -> str:
        if self.state == "cancelled":
            return "No longer watched. A job that was handed in goes on on the farm."
        return super().summary


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


#: That of this Blender.
slot = JobSlot(FarmJob)
