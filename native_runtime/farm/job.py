"""A batch as a job of a farm: how many tasks it has, and what runs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from native_runtime.batch.engine_choice import with_settled_engine
from native_runtime.batch.photos import look_through, require_folder
from native_runtime.batch.settings import BatchRequest
from native_runtime.errors import UsageError
from native_runtime.farm.words import BatchWords, batch_words
from native_runtime.pipeline.reporting import Reporter

Program = Literal["blender", "sam3db"]
"""What a worker has: Blender with the extension, or the command line `sam3db`."""
PHOTOS_PER_TASK = 20
"""A task starts Blender and loads the networks, some seconds (docs/farm.md); twenty photos take a minute or more."""
MOST_TASKS = 1000
"""Flamenco, Deadline and SLURM take more, but their pages and schedulers become slow."""
LONGEST_NAME = 100


@dataclass(frozen=True)
class Job:
    """What a farm is to do.

    Attributes:
        name: what people see in the farm's list; one line of at most `LONGEST_NAME` characters.
        words: of the batch.
        photos: how many there are now.
        tasks: into how many parts the folder is divided; after them comes a last task over the whole folder.
        program: what a worker runs.
    """

    name: str
    words: BatchWords
    photos: int
    tasks: int
    program: Program = "blender"

    @property
    def facts(self) -> dict[str, Any]:
        """What answers say of it: its name, and how many photos and tasks it has."""
        return {"name": self.name, "photos": self.photos, "tasks": self.tasks}

    @property
    def summary(self) -> str:
        """The same for people, in a sentence."""
        photos = f"{self.photos} photo{'s' * (self.photos > 1)}"
        return f"{photos} in {_counted_tasks(self.tasks)}, and one for the contact sheet."

    def call(self, part: str | None, program: str | None = None) -> list[str]:
        """The command line of a task.

        Args:
            part: ``K/N``; None for the last task.
            program: what stands for the program's file.
        """
        return [program or self.program, *lead(self.program), *self.words.command(part)]


def lead(program: Program) -> list[str]:
    """What stands between a program and the words of `sam3db`: Blender's extension registers it as a command."""
    return ["--background", "--command", "sam3db"] if program == "blender" else []


def plan(
    request: BatchRequest,
    reporter: Reporter,
    *,
    tasks: int | None = None,
    photos_per_task: int | None = None,
    name: str | None = None,
    program: Program = "blender",
) -> Job:
    """Look at the folder and divide the batch.

    Args:
        tasks: how many parts; more than there are photos are not made.
        photos_per_task: the size of a part where their number is left open; parts differ a little, since a photo's
            part follows from its name.

    Raises:
        UsageError: there is no such folder, or no photo in it; the results have no folder of their own; both numbers
            are given, or one is impossible.
    """
    if tasks is not None and photos_per_task is not None:
        raise UsageError("Give either the number of tasks or the number of photos of each, not both.")
    if tasks is not None and not 1 <= tasks <= MOST_TASKS:
        raise UsageError(f"A job has from 1 to {MOST_TASKS} tasks, not {tasks}.")
    if photos_per_task is not None and photos_per_task < 1:
        raise UsageError(f"A task has at least one photo, not {photos_per_task}.")
    request = replace(request, folder=request.folder.absolute(), out=request.out.absolute())
    require_folder(request.folder)
    if request.folder.resolve().is_relative_to(request.out.resolve()):
        raise UsageError(f"The results need a folder of their own: {request.out} holds the photos.")
    for export in request.exports:
        if export.names.endswith(".json"):
            raise UsageError(
                f"Bone names of a file cannot be used on a farm: the path of {export.names} would have to be the same "
                "on all its machines. Export from the finished .blend files instead."
            )
    batch_words(request)  # what cannot be passed on is said before a large folder is searched
    reporter.status(f"Looking for photos in {request.folder}")
    found = len(look_through(request.folder, request.patterns, request.recursive, request.out).photos)
    if not found:
        raise UsageError(f"There is no photo in {request.folder}.")
    # What computes is the workers' matter: this machine may have no graphics card.
    engine = with_settled_engine(replace(request, providers=None), reporter).engine
    wanted = tasks or -(-found // (photos_per_task or PHOTOS_PER_TASK))
    if tasks is not None and tasks > found:
        reporter.status(f"{_counted_tasks(found)} instead of {tasks}: there are no more tasks than photos")
    return Job(
        named(name or f"Characters from {request.folder.name}"),
        batch_words(replace(request, engine=engine)),
        found,
        max(1, min(wanted, found, MOST_TASKS)),
        program,
    )


def _counted_tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number} tasks"


def named(name: str) -> str:
    """A job's name without what farms refuse: one line, not too long.

    Raises:
        UsageError: nothing is left of it.
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:LONGEST_NAME].strip()
    if not line:
        raise UsageError("A job needs a name.")
    return line
