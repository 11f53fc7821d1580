"""Who is found: people in crowds, panoramas and unusual places, and nobody in empty rooms."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.engines import open_engine
from native_runtime.mhr import Body

from .answers import answer_set
from .compare import SCORED, figure_in, landmark_columns, places_in_photo
from .finding import sorted_out
from .score import load_answers, pictures
from .truth import BODY_FILE, Person, Truth

SMALLEST = 60.0
"""Pixels that the longer side of a person's box must have to be counted."""
_SEEN = 0.35
"""The share of their points that must be seen."""


@dataclass
class Tally:
    """Counts: true people ``countable`` and of them ``found``; ``others`` (too small, hidden) found beside; and of what
    was found ``false``, ``duplicates`` and ``merged``."""

    pictures: int = 0
    countable: int = 0
    found: int = 0
    others: int = 0
    false: int = 0
    duplicates: int = 0
    merged: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in Tally.__dataclass_fields__))


def is_countable(truth: Truth, person: Person, body: Body) -> bool:
    """Whether somebody is large enough in the picture, and enough of them is seen, to be expected to be found."""
    box = np.ptp(truth.pixels(np.asarray(person.vertices, np.float64)), axis=0)
    points, _ = landmark_columns(body)
    return bool(box.max() >= SMALLEST and person.seen[points][SCORED].mean() >= _SEEN)


def tally(truth: Truth, body: Body, places: Sequence[Any]) -> Tally:
    """The counts of one picture, from the found people's scored points (P, 2) px."""
    finding = sorted_out([figure_in(truth, person, body) for person in truth.people], places)
    expected = {k for k, person in enumerate(truth.people) if is_countable(truth, person, body)}
    found = len(expected & finding.pairs.keys())
    others = len(finding.pairs) - found
    counts = len(finding.false), len(finding.duplicates), len(finding.merged)
    return Tally(1, len(expected), found, others, *counts)


def tallies(folder: Path, files: Sequence[Path], answers: Path, body: Body) -> dict[str, Tally]:
    """Counts by scene, and of ``all``, of answers ``answers/NNNN.npz``."""
    result: dict[str, Tally] = {}
    for file in files:
        truth = Truth.load(file)
        people = load_answers(answers / f"{file.stem}.npz", body)
        counts = tally(truth, body, [places_in_photo(body, found.landmarks, found.estimate) for found in people])
        for name in (truth.about.get("scene") or "people", "all"):
            result[name] = result.get(name, Tally()) + counts
    result["all"] = result.pop("all")
    return result


def search_set(
    folder: Path, split: str, engine_name: str, progress: Callable[[str], None], answers: Path | None = None
) -> dict[str, Tally]:
    """Let an engine look for people in a set's pictures; nobody is estimated."""
    files = pictures(folder, split)
    if not files:
        raise SystemExit(f"There are no rendered pictures of the split {split} in {folder}.")
    engine = open_engine(engine_name, body=folder / BODY_FILE)
    with tempfile.TemporaryDirectory() as temporary:
        out = answers or Path(temporary)
        answer_set(engine, folder, [file.stem for file in files], out, "default", True, progress)
        return tallies(folder, files, out, engine.body)


def table(result: dict[str, Tally]) -> str:
    """The counts as a table in Markdown."""
    lines = ["| scene | pictures | found, of those expected | others | false | twice | two as one |"]
    lines.append("| --- |" + " ---: |" * 6)
    for name, t in result.items():
        lines.append(
            f"| {name} | {t.pictures} | {t.found} of {t.countable} | {t.others} | {t.false} | {t.duplicates} | "
            f"{t.merged} |"
        )
    return "\n".join(lines)
