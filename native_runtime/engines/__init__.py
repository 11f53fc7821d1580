"""Engines: from a photo and prompts to estimates.

``landmarks`` works everywhere with what the project brings along; ``sam3d_body`` needs a model that its owner converted
from the released checkpoint. Engines do not know each other; this module only picks one.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from native_runtime.errors import UsageError

if TYPE_CHECKING:
    from .base import Engine
    from .status import EngineStatus


ENGINES = {
    "landmarks": "native_runtime.engines.landmarks",
    "sam3d_body": "native_runtime.engines.sam3d_body",
}
"""Name -> package with ``engine.open_engine(models, providers, body)`` and ``status.status(models, providers)``."""


def open_engine(
    name: str = "landmarks",
    models: str | os.PathLike[str] | None = None,
    providers: Sequence[str] | None = None,
    body: str | os.PathLike[str] = "default",
) -> Engine:
    """Open an engine.

    Args:
        name: one of ``ENGINES``.
        models: the models folder; None for the usual one.
        providers: ONNX Runtime providers to try, best first; None for the best that works here.
        body: name or file of the body; "default" is the engine's own.

    Raises:
        UsageError: there is no such engine.
        ModelError: a model file is missing or damaged.
    """
    engine: Engine = _part(name, "engine").open_engine(models, providers, body)
    return engine


def engine_status(
    name: str, models: str | os.PathLike[str] | None = None, providers: Sequence[str] | None = None
) -> EngineStatus:
    """Whether the engine `name` could work with these models and providers, and on what. Opens no large network.

    Raises:
        UsageError: there is no such engine or provider.
    """
    status: EngineStatus = _part(name, "status").status(models, providers)
    return status


def _part(name: str, part: str) -> ModuleType:
    if name not in ENGINES:
        raise UsageError(f"There is no engine {name!r}; there are: {', '.join(sorted(ENGINES))}.")
    return importlib.import_module(f"{ENGINES[name]}.{part}")
