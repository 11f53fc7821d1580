"""The page: Markdown that is read as it is and can be pasted into a report, and that ends with a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from native_runtime.errors import Remedy

from .privacy import hidden, without_names
from .report import Fault, Section

Advise = Callable[[str, Remedy | None], str]
"""Words a text with what can be done: ``cli.remedies.advised`` or that of the window."""

ALL_WORKS = "Everything works."


def faults_of(sections: Iterable[Section]) -> list[Fault]:
    """What is wrong, in the order of the sections."""
    return [fault for section in sections for fault in section.faults]


def notes_of(sections: Iterable[Section]) -> list[Fault]:
    """What a person should know, although it is no fault."""
    return [note for section in sections for note in section.notes]


def verdict(sections: Sequence[Section], advise: Advise) -> list[str]:
    """One line, or one for each fault with what to do about it; then the notes."""
    faults = [f"- {_line(fault, advise)}" for fault in faults_of(sections)]
    count = f"{len(faults)} thing{'s' * (len(faults) != 1)} must be put right:"
    notes = [f"- {_line(note, advise)}" for note in notes_of(sections)]
    return [*([count, *faults] if faults else [ALL_WORKS]), *(["", "Good to know:", *notes] if notes else [])]


def page(sections: Sequence[Section], advise: Advise, measured: Sequence[str] = ()) -> list[str]:
    """The lines of the page, without anybody's name or home folder in it.

    Args:
        measured: further lines, which stand before the verdict.
    """
    lines: list[str] = []
    for section in sections:
        lines += [f"## {section.title}", "", *section.lines, ""]
    lines += [*measured, "## Verdict", "", *verdict(sections, advise)]
    return [without_names(line) for line in lines]


def described(sections: Sequence[Section], advise: Advise) -> dict[str, Any]:
    """The same for programs: ``checks`` by their keys, ``faults`` and ``notes`` with what to do."""
    return {
        "checks": hidden({section.key: dict(section.facts) for section in sections}),
        "faults": [without_names(_line(fault, advise)) for fault in faults_of(sections)],
        "notes": [without_names(_line(note, advise)) for note in notes_of(sections)],
    }


def _line(fault: Fault, advise: Advise) -> str:
    return " ".join(advise(fault.text, fault.remedy).split())
