"""Batches to hand to farms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime.batch.settings import BatchRequest
from native_runtime.farm.job import Job, plan
from native_runtime.pipeline.reporting import Silent

#: What a folder may be called on some system, with all that shells, farms and templates have rules for.
HOSTILE = 'it\'s {{Param.Tasks}} {blender} {{x}} "fête" $HOME `id` %PATH% 100% & ; # 人'


@dataclass
class Album:
    """A folder of files that look like photos by their names, and what is made of it."""

    folder: Path
    out: Path

    def fill(self, count: int) -> None:
        """Put photos in; nobody looks into them before a task runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (self.folder / f"{number:03}.jpg").write_bytes(b"")

    def request(self, **changes: Any) -> BatchRequest:
        return BatchRequest(**({"folder": self.folder, "out": self.out, "engine": "landmarks"} | changes))

    def job(self, count: int = 3, **more: Any) -> Job:
        """The job of so many photos; ``more`` are arguments of `plan`, or fields of the request."""
        self.fill(count)
        of_plan = {name: more.pop(name) for name in ("tasks", "photos_per_task", "name", "program") if name in more}
        return plan(self.request(**more), Silent(), **of_plan)
