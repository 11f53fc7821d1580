"""Handing a batch to Flamenco: everything that can be known to be wrong is said before a job is there."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from native_runtime.errors import FarmError, Remedy, UsageError
from native_runtime.farm.flamenco import job_type
from native_runtime.farm.flamenco.manager import AnswerError, Manager, Version
from native_runtime.farm.job import Job
from native_runtime.pipeline.reporting import Reporter

_ETAG_CHANGED = 412
_NAMES = {"Windows": "windows", "Darwin": "darwin"}
LOWEST_PRIORITY, HIGHEST_PRIORITY = 0, 100


@dataclass(frozen=True)
class Submitted:
    """A job that a Manager has, or would have.

    Attributes:
        content: what was sent.
        number: its id; empty where it was only checked.
        page: where it can be watched.
        notes: what may surprise.
    """

    content: Mapping[str, Any]
    number: str = ""
    page: str = ""
    notes: tuple[str, ...] = ()


def this_platform() -> str:
    """Flamenco's name of the system this runs on."""
    return _NAMES.get(platform.system(), platform.system().lower())


def submit(
    job: Job,
    manager: Manager,
    reporter: Reporter,
    *,
    priority: int = 50,
    tag: str | None = None,
    paused: bool = False,
    only_check: bool = False,
    version: str = "",
) -> Submitted:
    """Hand a job in, once the Manager has compiled it on trial.

    Args:
        tag: the name of a worker tag.
        only_check: stop after the trial.
        version: of this program, for the job's metadata.

    Raises:
        UsageError: a path holds the name of a variable in braces; the priority or the tag is none.
        FarmError: the Manager cannot be reached, is too old, has no such job type or another version of it, or refuses.
    """
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise UsageError(f"A priority is from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}, not {priority}.")
    reporter.status(f"Asking {manager.address}")
    etag = installed_etag(manager)
    here = this_platform()
    variables = manager.variables(here)
    check_braces(job, variables)
    notes = uncovered(job, variables, here)
    number = _tag_id(manager, tag)
    metadata = {"sam3db.version": version} if version else {}
    for again in (True, False):
        content = job_type.submission(job, here, etag, priority=priority, tag=number, paused=paused, metadata=metadata)
        try:
            manager.check(content)
            answer = {} if only_check else manager.submit(content)
        except AnswerError as error:
            if error.status != _ETAG_CHANGED or not again:
                raise
            etag = installed_etag(manager)  # somebody changed the job type's file just now
            continue
        if only_check:
            return Submitted(content, notes=notes)
        if not isinstance(answer.get("id"), str):
            raise FarmError(f"Flamenco Manager at {manager.address} took the job, but did not say its id.")
        return Submitted(content, answer["id"], manager.page(answer["id"]), notes)
    raise AssertionError


def installed_etag(manager: Manager) -> str:
    """The etag of the job type that the Manager has.

    Raises:
        FarmError: the Manager is too old, has no such job type, or another version of it.
    """
    require_new_enough(manager.version(), manager.address)
    known = manager.job_type(job_type.NAME)
    if known is None:
        raise FarmError(
            f"Flamenco Manager at {manager.address} has no job type {job_type.NAME!r}. Put {job_type.FILE} into the "
            "folder 'scripts' beside the Manager's program, and restart the Manager if that folder is new.",
            Remedy.WRITE_JOB_TYPE,
        )
    there = {str(setting.get("key")) for setting in known.get("settings") or []}
    if there != job_type.keys():
        raise FarmError(
            f"The job type {job_type.NAME!r} of the Manager at {manager.address} is of another version of this "
            f"program. Replace its {job_type.FILE} by that of this version.",
            Remedy.WRITE_JOB_TYPE,
        )
    return str(known.get("etag", ""))


def require_new_enough(version: Version, address: str) -> None:
    """Raises: FarmError: the Manager is too old."""
    if version.numbers < job_type.OLDEST:
        needed = ".".join(map(str, job_type.OLDEST))
        raise FarmError(f"Flamenco {version.text or '?'} at {address} is too old: {needed} or newer is needed.")


def check_braces(job: Job, variables: Iterable[str]) -> None:
    """See that nothing of a job would be taken for a variable: ``{blender}`` in a folder's name.

    Raises:
        UsageError: something would.
    """
    for word in job.call(None):
        taken = next((name for name in variables if f"{{{name}}}" in word), None)
        if taken is not None:
            raise UsageError(f"Flamenco would replace {{{taken}}} in {word!r}, since it has a variable of that name.")


def uncovered(job: Job, variables: Mapping[str, Mapping[str, Any]], here: str) -> tuple[str, ...]:
    """Notes on paths that workers may not find."""
    notes = [
        f"{path} is an address of Windows' network, which Flamenco does not support: use a drive's letter."
        for path in job.words.paths.values()
        if path.startswith("\\\\")
    ]
    ways = [_slashed(str(known["value"])) for known in variables.values() if known.get("is_twoway")]
    if ways:  # a farm of several systems
        notes += [
            f"No two-way variable of the Manager covers {path}: workers on other systems than {here} will not find it."
            for path in job.words.paths.values()
            if not any(_slashed(path).startswith(way) for way in ways)
        ]
    return tuple(notes)


def _slashed(path: str) -> str:
    """As the Manager compares them: without regard to case and to the kind of slash."""
    return path.replace("\\", "/").lower()


def _tag_id(manager: Manager, name: str | None) -> str | None:
    if not name:
        return None
    tags = manager.tags()
    if name not in tags:
        there = ", ".join(sorted(tags)) or "none"
        raise UsageError(f"The Manager has no worker tag {name!r}; there are: {there}.")
    return tags[name]
