"""An error as one process sends it to another, and as results contain it. Standard library only."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from native_runtime import errors
from native_runtime.errors import Remedy, Sam3dbError, UsageError, WorkerError
from native_runtime.files.system_errors import readable
from native_runtime.onnx.memory import is_out_of_memory, limit_in_force, limit_in_words
from native_runtime.process.libraries import explained

CANCELLED = "Cancelled"
INTERNAL = "Internal"


@dataclass(frozen=True)
class ErrorPayload:
    """What went wrong.

    Attributes:
        kind: the class in ``native_runtime.errors``, or `INTERNAL` for an error that was not foreseen.
        text: what happened, for people.
        remedy: what can be done about it; the command line and the window each have words for it.
        details: ``template`` and ``people`` where ``text`` names people (see `Sam3dbError`).
        traceback: for a log.
    """

    kind: str
    text: str
    remedy: Remedy | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    traceback: str = ""

    @staticmethod
    def from_exception(error: BaseException) -> ErrorPayload:
        trace = "".join(traceback.format_exception(error))
        if isinstance(error, OSError):
            error = readable(error)
        if isinstance(error, ImportError):
            error = explained(error) or error
        if isinstance(error, Sam3dbError):
            details = {"template": error.template, "people": error.people} if error.people else {}
            return ErrorPayload(type(error).__name__, str(error), error.remedy, details, trace)
        if is_out_of_memory(error):
            limit = None
            with suppress(UsageError):  # which was told where the limit was first read
                limit = limit_in_force()
            if limit is not None:
                text = f"The memory limit of {limit_in_words(limit)} is too small for this. Smaller photos need less."
                return ErrorPayload(INTERNAL, text, Remedy.RAISE_MEMORY_LIMIT, traceback=trace)
            text = "There is not enough memory. Smaller photos need less."
            return ErrorPayload(INTERNAL, text, Remedy.FREE_MEMORY, traceback=trace)
        what = f"{type(error).__name__}: {error}".strip(": ").partition("\n")[0]
        return ErrorPayload(INTERNAL, f"An unexpected error occurred ({what}).", Remedy.SEE_TRACEBACK, traceback=trace)

    def to_json(self) -> dict[str, Any]:
        """``kind`` and ``text``, and ``remedy`` and ``details`` where there are some; without the traceback."""
        named = {"remedy": self.remedy.value} if self.remedy is not None else {}
        return {"kind": self.kind, "text": self.text, **named, **({"details": self.details} if self.details else {})}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> ErrorPayload:
        """The error of what ``to_json`` gave, in this version or another; ``detail`` is taken for the traceback."""
        remedy = next((remedy for remedy in Remedy if remedy.value == content.get("remedy")), None)
        kind, text, detail = (str(content.get(key, "")) for key in ("kind", "text", "detail"))
        return ErrorPayload(kind, text, remedy, content.get("details") or {}, detail)

    def as_error(self) -> Sam3dbError:
        """An error to raise in this process: of the same class where it has one, else a `WorkerError`."""
        known = getattr(errors, self.kind, None)
        kind = known if isinstance(known, type) and issubclass(known, Sam3dbError) else WorkerError
        return kind(self.details.get("template", self.text), self.remedy, **self.details.get("people", {}))

    def counted_from_one(self) -> str:
        """The text with people counted from 1, as a window does; files and commands count them from 0."""
        people = {name: number + 1 for name, number in self.details.get("people", {}).items()}
        return self.details["template"].format(**people) if people else self.text
