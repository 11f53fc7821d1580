"""Engines: from a photo and prompts to estimates.

``landmarks`` works everywhere with what the project brings along. Engines do not know each other; this module only
picks one.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from native_runtime.errors import UsageError

if TYPE_CHECKING:
    from .base import Engine

ENGINES = {"landmarks": "native_runtime.engines.landmarks.engine"}
"""Name -> module with a function ``open_engine(models, providers, body)``."""


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
        body: name or file of the body to fit.

    Raises:
        UsageError: there is no such engine.
        ModelError: a model file is missing or damaged.
    """
    if name not in ENGINES:
        raise UsageError(f"There is no engine {name!r}; there are: {', '.join(sorted(ENGINES))}.")
    engine: Engine = importlib.import_module(ENGINES[name]).open_engine(models, providers, body)
    return engine
