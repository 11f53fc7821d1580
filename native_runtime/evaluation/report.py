"""Figures as a table for people, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping

Figures = Mapping[str, Mapping[str, float]]


def table(figures: Mapping[str, Figures]) -> str:
    """A row for each figure, a column for all people and for each category; intervals of 95 % in brackets."""
    columns = sorted(figures)
    names = list(dict.fromkeys(name for column in columns for name in figures[column]))
    lines = ["| | " + " | ".join(column or "all" for column in columns) + " |"]
    lines.append("| --- |" + " --- |" * len(columns))
    for name in names:
        cells = [_cell(figures[column].get(name)) for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(figure: Mapping[str, float] | None) -> str:
    return "" if figure is None else f"{figure['value']:.1f} ({figure['low']:.1f} to {figure['high']:.1f})"
