"""Calls of ``station`` that a scheduler can pass on without having this program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def caller(name: str) -> Callable[..., Any]:
    """A function that does what the function of ``station`` of this name does, on a worker.

    A scheduler unpickles what it passes on. Functions of a module go to it by their names, and it would import them;
    one that is made within another goes as it is.

    Raises:
        ImportError: (by the function) the worker does not have this program.
    """

    def call(*values: Any) -> Any:
        import importlib

        return getattr(importlib.import_module("native_runtime.cluster.station"), name)(*values)

    return call
