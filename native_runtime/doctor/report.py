"""What an examination found: sections of a page, and what is wrong. Standard library only.

Nothing that the doctor imports before it looks needs a library: it is there for the day on which one is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from native_runtime.errors import Remedy, Sam3dbError


@dataclass(frozen=True)
class Fault:
    """Something that is wrong, or that a person should know.

    Attributes:
        text: what it is, in whole sentences; what to do as well, where that is the same everywhere.
        remedy: what to do, where command line and window have words of their own for it.
    """

    text: str
    remedy: Remedy | None = None

    @staticmethod
    def of(error: Sam3dbError) -> Fault:
        """What an error says."""
        return Fault(str(error), error.remedy)

    def described(self) -> dict[str, Any]:
        """For JSON."""
        return {"text": self.text, "remedy": None if self.remedy is None else self.remedy.value}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Fault:
        """What ``described`` gave, in this version or another."""
        remedy = next((remedy for remedy in Remedy if remedy.value == content.get("remedy")), None)
        return Fault(str(content["text"]), remedy)


@dataclass(frozen=True)
class Section:
    """What one check found.

    Attributes:
        key: its name in JSON.
        title: for people.
        lines: Markdown.
        facts: the same for programs.
        faults: what is wrong.
        notes: what a person should know, although all works.
    """

    key: str
    title: str
    lines: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()

    def described(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "key": self.key,
            "title": self.title,
            "lines": list(self.lines),
            "facts": dict(self.facts),
            "faults": [fault.described() for fault in self.faults],
            "notes": [note.described() for note in self.notes],
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Section:
        """What ``described`` gave."""
        faults, notes = (tuple(Fault.from_json(one) for one in content[name]) for name in ("faults", "notes"))
        lines = tuple(str(line) for line in content["lines"])
        return Section(str(content["key"]), str(content["title"]), lines, dict(content["facts"]), faults, notes)
