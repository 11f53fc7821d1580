"""The worker's request `submit_batch`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from native_runtime.batch.settings import BatchRequest
from native_runtime.pipeline.decoding import one_of, read_by
from native_runtime.pipeline.requests import FilePath

FarmName = Literal["flamenco", "openjd"]


@dataclass(frozen=True, kw_only=True)
class SubmitRequest(BatchRequest):
    """A batch for a farm; its ``models`` are where workers find them.

    Attributes:
        farm: which.
        manager: the address of Flamenco's Manager.
        bundle: the folder into which the job bundle of OpenJD is written.
        tasks, photos_per_task, title: as ``job.plan`` takes them; ``title`` is the job's name.
        priority, worker_tag, paused: as ``flamenco.submitting.submit`` takes them.
        watch: whether to report how the job stands until it is over.
    """

    do: ClassVar = "submit_batch"

    farm: FarmName = field(default="flamenco", metadata=read_by(one_of(*get_args(FarmName))))
    manager: str = ""
    bundle: FilePath | None = None
    tasks: int | None = None
    photos_per_task: int | None = None
    title: str | None = None
    priority: int = 50
    worker_tag: str | None = None
    paused: bool = False
    watch: bool = True
