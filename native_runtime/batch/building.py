"""From estimates to Blender's files: what a builder receives, and what becomes of its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from native_runtime.batch.builder_process import BuilderClosedError, BuilderProcess
from native_runtime.batch.faults import disk_full, fault_of, is_disk_full
from native_runtime.batch.outputs import Results
from native_runtime.batch.plan import Plan
from native_runtime.batch.record import Fault, Record, Stage
from native_runtime.batch.settings import ESTIMATE, Settings
from native_runtime.errors import DiskFullError, WorkerError
from native_runtime.process.payload import ErrorPayload


@dataclass(frozen=True)
class BuildTask:
    """A photo whose estimates are there, on its way to Blender."""

    plan: Plan
    record: Record


class Workshop:
    """Lets builders make what is missing of a photo's files."""

    def __init__(self, out: Path, settings: Settings, results: Results) -> None:
        self._out, self._settings, self._results = out, settings, results
        self._body = settings.body_file()

    def build(self, builder: BuilderProcess, task: BuildTask) -> tuple[Record, Fault | None]:
        """The record with all stages that could be done, and why one could not.

        A job over which Blender died is given to a fresh one once.

        Raises:
            DiskFullError: there is no room for the files.
            BuilderClosedError: the run was given up.
        """
        try:
            try:
                return self._try(builder, task)
            except WorkerError:
                return self._try(builder, task)
        except WorkerError as error:
            return task.record, Fault(WorkerError.__name__, str(error))
        except Exception as error:
            if isinstance(error, BuilderClosedError | DiskFullError):
                raise
            if is_disk_full(error, self._out):
                raise disk_full(self._out) from error
            return task.record, fault_of(error, task.plan.photo.path)

    def _try(self, builder: BuilderProcess, task: BuildTask) -> tuple[Record, Fault | None]:
        missing = [stage for stage in task.plan.missing if stage != ESTIMATE]
        with self._results.room() as room:
            rooms = {stage: room / str(number) for number, stage in enumerate(missing)}
            scratch = room / "scratch"
            for folder in (*rooms.values(), scratch):
                folder.mkdir()
            answer = builder.build(self._job(task, rooms, scratch))
            if answer["event"] == "error":
                return task.record, self._fault(answer)
            return self._take(task, rooms, answer["result"]["stages"])

    def _take(
        self, task: BuildTask, rooms: Mapping[str, Path], said: Mapping[str, Mapping[str, Any]]
    ) -> tuple[Record, Fault | None]:
        place = PurePosixPath(task.record.name).parent.as_posix()
        done, fault = {}, None
        for name, folder in rooms.items():
            if "error" in said[name]:
                fault = fault or self._fault(said[name]["error"])
                continue
            done[name] = Stage(
                task.plan.wanted[name],
                task.plan.wanted[ESTIMATE],
                self._results.publish(folder, place),
                round(float(said[name]["seconds"]), 3),
                tuple(said[name]["notes"]),
            )
        return task.record.with_stages(done), fault

    def _fault(self, error: Mapping[str, Any]) -> Fault:
        failure = ErrorPayload.from_json(error)
        if isinstance(failure.as_error(), DiskFullError) or is_disk_full(None, self._out):
            raise disk_full(self._out)
        return Fault(failure.kind, failure.text)

    def _job(self, task: BuildTask, rooms: Mapping[str, Path], scratch: Path) -> dict[str, Any]:
        name = PurePosixPath(task.record.name)
        people = [f"{name.name}_person{person['person']}" for person in task.record.people]
        files = [str(self._results.find(str(name.with_name(f"{person}.npz")))) for person in people]
        if self._settings.layout == "photo":
            scenes = [{"stem": name.name, "estimates": files}]
        else:
            scenes = [{"stem": person, "estimates": [file]} for person, file in zip(people, files)]
        return {
            "id": 1,
            "do": "build",
            "photo": str(task.plan.photo.path),
            "turn": task.record.turn,
            "body": str(self._body),
            "scenes": scenes,
            "texture": any(map(self._settings.shows_texture, rooms)),
            "wear": any(map(self._settings.shows_wearables, rooms)),
            "scratch": str(scratch),
            "stages": [self._stage(name, folder) for name, folder in rooms.items()],
        }

    def _stage(self, name: str, folder: Path) -> dict[str, Any]:
        what = name.partition(":")[2]  # without the layout, which the scenes show
        for export in self._settings.exports:
            if what == f"export:{export}":
                target = {"export": {"to": export.to, "names": export.names, "label": export.label}}
                return {"name": name, "folder": str(folder), **target}
        kind = what.partition(":")[2]
        return {"name": name, "folder": str(folder), **({"preview": kind} if kind else {"blend": True})}
