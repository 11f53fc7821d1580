"""The job type that Flamenco's Manager needs, and a job's settings for it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from native_runtime.farm.job import Job
from native_runtime.files.atomic import write_atomically

NAME = "sam3db-batch"
FILE = "sam3db_batch.js"
"""Flamenco names a job type after its file, with ``-`` for ``_``."""
OLDEST = (3, 3)
"""The first Flamenco whose workers have the command ``exec``."""
_SOURCE = Path(__file__).with_name(FILE)
_SEPARATE = {"--engine": "engine", "--layout": "layout", "--person": "persons", "--preview": "previews"}
_DEFAULTS = {"layout": "person", "persons": "largest", "previews": "panels", "exports": ""}
_ADDED = "--accept-bad-photos"


def source() -> str:
    """The text of the JavaScript file."""
    return _SOURCE.read_text(encoding="utf-8")


def keys() -> frozenset[str]:
    """The keys of its settings."""
    return frozenset(re.findall(r"\{ key: \"(\w+)\"", source()))


def write(place: Path) -> Path:
    """Write the file into a folder, such as ``scripts`` beside the Manager.

    Raises:
        OSError: it cannot be written there.
    """
    return write_atomically(place / FILE, source().encode())


def settings_of(job: Job) -> dict[str, Any]:
    """A job's settings. Each path is one of its own: two-way variables replace only what a setting begins with."""
    settings: dict[str, Any] = {**job.words.paths, **_DEFAULTS, "tasks": job.tasks, "run_with": job.program}
    exports, more = [], []
    for word in job.words.options:
        option, _, value = word.partition("=")
        if option in _SEPARATE:
            settings[_SEPARATE[option]] = value
        elif option == "--export":
            exports.append(value)
        elif word != _ADDED:  # the job type adds it to every task
            more.append(word)
    return settings | {"exports": ",".join(exports), "options": shlex.join(more)}


def submission(
    job: Job,
    platform: str,
    etag: str,
    *,
    priority: int = 50,
    tag: str | None = None,
    paused: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A ``SubmittedJob`` of Flamenco's API.

    Args:
        platform: the system whose paths these are: linux, windows or darwin.
        etag: of the job type that the Manager has.
        tag: the id of a worker tag; None for all workers.
        paused: whether the job waits until somebody lets it run.
    """
    content: dict[str, Any] = {
        "name": job.name,
        "type": NAME,
        "type_etag": etag,
        "priority": priority,
        "submitter_platform": platform,
        "settings": settings_of(job),
        "metadata": {"project": job.name, "sam3db.photos": str(job.photos), **(metadata or {})},
    }
    content |= {"worker_tag": tag} if tag else {}
    return content | ({"initial_status": "paused"} if paused else {})


def as_text(content: Mapping[str, Any]) -> str:
    """A submission for people."""
    return json.dumps(content, indent=2, ensure_ascii=False)
