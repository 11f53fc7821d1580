"""The whole examination: each check in turn, none of which can stop the others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from native_runtime.errors import Remedy, Sam3dbError
from native_runtime.files.folders import user_cache
from native_runtime.models.store import models_dir

from .extensions import check_extensions
from .libraries import check_libraries
from .machine import Machine, this_machine
from .model_files import check_models
from .networks import Found, run_networks, section_of
from .report import Fault, Section
from .room import Folder, check_room
from .table import machine_lines

Tell = Callable[[float, str], None]
"""Is given the share that is done, 0..1, and what is done now."""


@dataclass(frozen=True)
class Examined:
    """What is looked at.

    Attributes:
        checks: the keys of those that are done; None: all.
        models: the models folder; None for the usual one.
        more_models: further ones, which hold what was imported.
        providers: of ONNX Runtime; None: the best that works.
        engines: by their names.
        blender: the version of the Blender that asks.
        extensions: Blender's folders of extensions; None: those of this user's Blenders.
        folders: of the program that asks, besides those that it always has.
        wrong_limits: what is wrong with the limits that the process was told (``onnx.limits.wrong_limits_hidden``).
    """

    checks: tuple[str, ...] | None = None
    models: str | os.PathLike[str] | None = None
    more_models: tuple[Path, ...] = ()
    providers: tuple[str, ...] | None = None
    engines: tuple[str, ...] = ()
    blender: str | None = None
    extensions: tuple[Path, ...] | None = None
    folders: tuple[Folder, ...] = ()
    wrong_limits: tuple[str, ...] = ()


@dataclass
class Result:
    """What was found: the machine, and the sections in their order on the page."""

    machine: Machine
    sections: list[Section]
    found: Found = field(default_factory=Found)


def examine(what: Examined, round_trip: Callable[[], float], tell: Tell = lambda share, text: None) -> Result:
    """Look at everything.

    Args:
        round_trip: starts a worker, asks it something and ends it; how many seconds that took until its answer.
            Raises `Sam3dbError` where there is none.
    """
    found = Found()

    def networks() -> Section:
        nonlocal found
        found = run_networks(what.models, what.providers, what.engines, lambda text: tell(0.4, text))
        return section_of(found)

    steps: list[tuple[float, str, str, Callable[[], Section]]] = [
        (0.0, "Importing the libraries", "versions", lambda: check_libraries(what.blender)),
        (0.1, "Looking at memory and disks", "room", lambda: check_room(_folders(what), what.wrong_limits)),
        (0.15, "Hashing the model files", "models", lambda: check_models(what.models)),
        *((0.3, "Hashing the model files", "more_models", _of_more(folder)) for folder in what.more_models),
        (0.35, "Trying the providers", "networks", networks),
        (0.85, "Asking a worker", "worker", lambda: _check_worker(round_trip)),
        (0.95, "Looking for the extension", "extensions", lambda: check_extensions(what.extensions)),
    ]
    sections = []
    for share, text, key, check in steps:
        if what.checks is not None and key not in what.checks:
            continue
        tell(share, text)
        sections.append(_guarded(key, check))
    machine = this_machine(found.onnxruntime, found.providers, found.provider)
    here = Section("machine", "Machine", tuple(machine_lines(machine)), machine.described())
    return Result(machine, [here, *sections], found)


def _guarded(key: str, check: Callable[[], Section]) -> Section:
    """What a check finds; what it raises is a fault like others."""
    title = key.replace("_", " ").capitalize()
    try:
        return check()
    except Sam3dbError as error:
        return Section(key, title, ("- could not be looked at",), faults=(Fault.of(error),))
    except Exception as error:  # a doctor never faints
        text = f"The check of '{title.lower()}' failed ({type(error).__name__}: {error})."
        return Section(key, title, ("- could not be looked at",), faults=(Fault(text, Remedy.SEE_TRACEBACK),))


def _of_more(folder: Path) -> Callable[[], Section]:
    return lambda: replace(check_models(folder, whole=False), key="more_models")


def _folders(what: Examined) -> Sequence[Folder]:
    models = models_dir(what.models)
    return (
        Folder(models, "models", written=False),
        *(Folder(folder, "models that were imported", written=False) for folder in what.more_models),
        Folder(user_cache(), "what is remembered"),
        Folder(Path(tempfile.gettempdir()), "temporary files"),
        *what.folders,
    )


def _check_worker(round_trip: Callable[[], float]) -> Section:
    try:
        seconds = round_trip()
    except Sam3dbError as error:
        return Section("worker", "Worker", ("- does not answer",), {"seconds": None}, (Fault.of(error),))
    line = f"- a worker was started and answered within {seconds:.1f} s"
    return Section("worker", "Worker", (line,), {"seconds": round(seconds, 3)})
