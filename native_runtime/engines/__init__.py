"""Engines: from a photo and prompts to estimates.

``landmarks`` works everywhere with what the project includes; ``instanthmr`` needs a network that its publisher offers,
``sam3d_body`` a model converted from the released checkpoint. Others register themselves from outside, by an entry
point of the group `GROUP` that names a ``base.EngineDescriptor``. Engines do not know each other; this module only
picks one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.plugins import load_plugins

from . import instanthmr, landmarks, sam3d_body
from .base import Engine, EngineDescriptor
from .status import EngineStatus

GROUP = "sam3db.engines"
"""Group of the entry points by which installed packages add engines."""

_BUILT_IN = (landmarks.ENGINE, sam3d_body.ENGINE, instanthmr.ENGINE)
DEFAULT_ENGINE = _BUILT_IN[0].name
"""Comes with the project, and works wherever anything does."""
AUTO = "auto"
"""In place of an engine's name: the best one that is ready (`best_engine`)."""

BEST_FIRST = ("sam3d_body", "instanthmr", DEFAULT_ENGINE)
"""By what is published of their errors (``docs/figures.md``)."""

_log = logging.getLogger(__name__)


@cache
def engines() -> Mapping[str, EngineDescriptor]:
    """All engines by their names, the default one first. One whose name is taken is logged and left out."""
    found = {engine.name: engine for engine in _BUILT_IN}
    for engine in load_plugins(GROUP, EngineDescriptor, "engine"):
        if found.setdefault(engine.name, engine) is not engine:
            _log.warning("An installed engine is not used: there is another one of the name %r.", engine.name)
    return found


def find_engine(name: str) -> EngineDescriptor:
    """The engine of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return engines()[name]
    except KeyError:
        raise UsageError(f"There is no engine {name!r}; there are: {', '.join(sorted(engines()))}.") from None


@dataclass(frozen=True)
class Best:
    """Which engine "auto" means.

    Attributes:
        name: of the engine.
        notes: sentences, for people: which better ones are installed, and why each was passed over.
    """

    name: str
    notes: tuple[str, ...] = ()


def choose_best(
    models: str | os.PathLike[str] | None = None,
    providers: Sequence[str] | None = None,
    suits: Callable[[EngineDescriptor], bool] = lambda engine: True,
) -> Best:
    """The best of the project's own engines that could work with these models and providers, and whose networks have
    not failed their last proof.

    Those that packages add are taken only by name: nobody has measured them against these.

    Args:
        suits: whether an engine can do what is asked for.

    Returns:
        `DEFAULT_ENGINE` where none could: it says what is missing when it is opened.

    Raises:
        UsageError: there is no such provider.
    """
    from native_runtime.models import manifest  # costs time that `sam3db --help` does not have

    passed_over: dict[str, str] = {}
    chosen = DEFAULT_ENGINE
    for name in BEST_FIRST:
        if not suits(engines()[name]):
            continue
        status = engine_status(name, models, providers)
        if status.ready and not proof_failed(name, models):
            chosen = name
            break
        passed_over[name] = "its last check failed" if status.ready else status.text.strip().rstrip(".")
    return Best(
        chosen,
        tuple(
            f"{engines()[name].title} is installed, but cannot be used ({why}); the engine '{chosen}' is used."
            for name, why in passed_over.items()
            if name != chosen and (own_folder(name, models) / manifest.NAME).is_file()
        ),
    )


def best_engine(
    models: str | os.PathLike[str] | None = None,
    providers: Sequence[str] | None = None,
    suits: Callable[[EngineDescriptor], bool] = lambda engine: True,
) -> str:
    """The name of the engine that `choose_best` chooses; arguments and errors as there."""
    return choose_best(models, providers, suits).name


def own_folder(name: str, models: str | os.PathLike[str] | None = None) -> Path:
    """Where an engine's own networks lie: the last of its folders; the others hold what it shares.

    Raises:
        UsageError: there is no such engine.
    """
    from native_runtime.models import store

    folders = find_engine(name).capabilities.model_folders
    return store.models_dir(models) / (folders[-1] if folders else name)


def proof_failed(name: str, models: str | os.PathLike[str] | None = None) -> bool:
    """Whether the last proof of just the networks that an engine would use has failed; False where there is none.

    Raises:
        UsageError: there is no such engine.
    """
    from native_runtime.models import manifest

    folder = own_folder(name, models)
    try:
        return manifest.failed_its_proof(manifest.read(folder), name)
    except Sam3dbError:
        return False


def open_engine(
    name: str = DEFAULT_ENGINE,
    models: str | os.PathLike[str] | None = None,
    providers: Sequence[str] | None = None,
    body: str | os.PathLike[str] = "default",
) -> Engine:
    """Open an engine.

    Args:
        name: one of ``engines()``, or `AUTO`.
        models: the models folder; None for the usual one.
        providers: ONNX Runtime providers to try, best first; None for the best that works here.
        body: name or file of the body; "default" is the engine's own.

    Raises:
        UsageError: there is no such engine.
        ModelError: a model file is missing or damaged.
    """
    if name == AUTO:
        best = choose_best(models, providers)
        for note in best.notes:
            _log.warning("%s", note)
        name = best.name
    return find_engine(name).open(models, providers, body)


def engine_status(
    name: str, models: str | os.PathLike[str] | None = None, providers: Sequence[str] | None = None
) -> EngineStatus:
    """Whether the engine `name` could work with these models and providers, and on what. Opens no large network.

    An engine that fails over the question is not ready.

    Raises:
        UsageError: there is no such engine or provider.
    """
    engine = find_engine(name)
    try:
        status = engine.status(models, providers)
        if not isinstance(status, EngineStatus):
            raise TypeError(f"its status is not an EngineStatus, but {status!r}")
    except Sam3dbError:
        raise
    except Exception as error:
        return EngineStatus(False, f"The engine failed: {type(error).__name__}: {error}")
    return status
