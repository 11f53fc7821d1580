"""Whether an engine could work here and on what, without opening it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from native_runtime.errors import Remedy, Sam3dbError


@dataclass(frozen=True)
class EngineStatus:
    """How an engine stands.

    Attributes:
        ready: whether everything that it needs is there.
        text: one line for people: what it will run on, or what is missing.
        notes: why not on something better, for people.
        provider: short name of what it will run on; None when it is not ready.
        remedy: what can be done about what it lacks.
    """

    ready: bool
    text: str
    notes: tuple[str, ...] = ()
    provider: str | None = None
    remedy: Remedy | None = None

    def described(self, engine: str) -> dict[str, Any]:
        """The status as results tell it, without the remedy, which each program words in its own way."""
        return {
            "engine": engine,
            "ready": self.ready,
            "text": self.text,
            "notes": list(self.notes),
            "provider": self.provider,
        }


def missing(error: Sam3dbError) -> EngineStatus:
    """The status of an engine that lacks something."""
    return EngineStatus(False, str(error), remedy=error.remedy)


def ready_on(what: str, providers: Sequence[str] | None) -> EngineStatus:
    """The status of an engine whose files are there; `what` names its networks.

    Raises:
        UsageError: a requested provider does not exist here.
    """
    from native_runtime.onnx.probe import probe  # loads ONNX Runtime

    found = probe(providers)
    if found.provider is None:
        return EngineStatus(False, " ".join(found.notes), found.notes)
    return EngineStatus(True, f"{what}, on {found.provider.title}", found.notes, found.provider.short)
