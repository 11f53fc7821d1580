"""Figures as tables for people, in Markdown, and the file that holds the same for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from native_runtime.errors import FileError
from native_runtime.files.formats import Format
from native_runtime.files.reasons import reason

FORMAT = Format("sam3db-evaluation")
NAME = "evaluation.json"

Figure = Mapping[str, float | None]
Figures = Mapping[str, Figure]

#: Measures that figures of each kind are shown of, where several engines are compared.
_OF_KINDS = ("PCK@0.05, %", "MPJPE, mm", "PA-MPJPE, mm", "PVE, mm")


def read_evaluation(path: Path) -> dict[str, Any]:
    """The content of an ``evaluation.json`` of any version.

    Raises:
        FileError: it cannot be read, or is no such file.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content: dict[str, Any] = FORMAT.parsed(path.read_bytes(), path)
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read as figures of an evaluation ({reason(error)}).") from error
    return content


def table(figures: Mapping[str, Figures]) -> str:
    """A row for each figure, a column for all people and for each category; intervals of 95 % in brackets."""
    columns = sorted(figures)
    names = list(dict.fromkeys(name for column in columns for name in figures[column]))
    return _table(
        ["", *(column or "all" for column in columns)],
        [[name, *(_cell(figures[column].get(name)) for column in columns)] for name in names],
    )


def comparison(folders: Mapping[str, Mapping[str, Figures]], differences: Mapping[str, Figures]) -> str:
    """Several engines beside each other, as in papers: a row for each engine, a column for each measure; how far each
    is from the first; and of each category a row.

    Args:
        folders: by engine, the figures of all people ("") and of each category.
        differences: by engine but the first, its figures less the first's, of the same people.
    """
    measures = list(dict.fromkeys(name for figures in folders.values() for name in figures[""]))
    parts = [
        _table(
            ["", *measures],
            [[name, *(_cell(figures[""].get(measure)) for measure in measures)] for name, figures in folders.items()],
        )
    ]
    if differences:
        first = next(iter(folders))
        parts.append(
            _table(
                [f"more than {first}", *measures],
                [[name, *(_cell(own.get(measure), "+") for measure in measures)] for name, own in differences.items()],
            )
        )
    kinds = sorted({kind for figures in folders.values() for kind in figures if kind})
    for measure in (measure for measure in _OF_KINDS if kinds and measure in measures):
        rows = [[kind, *(_cell(figures.get(kind, {}).get(measure)) for figures in folders.values())] for kind in kinds]
        parts.append(_table([measure, *folders], rows))
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_text(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(figure: Figure | None, sign: str = "") -> str:
    if figure is None:
        return ""
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "" if value is None else f"{value:{sign}.1f}"
    return f"{value:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def _text(cell: str) -> str:
    """As a cell of a table, whatever folders are called."""
    return " ".join(cell.split()).replace("|", "\\|")
