"""`sam3db evaluate`: estimates against annotations."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from native_runtime.cli.console import Console, describe
from native_runtime.cli.people import make_folder
from native_runtime.errors import Sam3dbError, UsageError

if TYPE_CHECKING:
    from native_runtime.evaluation.found import Matched
    from native_runtime.evaluation.truth import Truth


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every estimate could be read."""
    from native_runtime.evaluation.found import match, read_found
    from native_runtime.evaluation.report import table
    from native_runtime.evaluation.score import score
    from native_runtime.files.atomic import write_atomically

    folder = Path(arguments.estimates)
    if not folder.is_dir():
        raise UsageError(f"There is no folder '{folder}' with estimates.")
    damaged: list[dict[str, str]] = []

    def tell(path: Path, error: Sam3dbError) -> None:
        console.warning(f"{path.name}: {error}")
        damaged.append({"file": str(path), **describe(error)})

    truth = _truth(arguments)
    matched = match(read_found(folder, tell), truth.pictures)
    _tell_unmatched(matched, console)
    if arguments.only_estimated:
        truth = replace(truth, pictures=[picture for picture in truth.pictures if picture.name in matched.people])
    out = make_folder(arguments.out)
    pictures = truth.pictures
    console.status(f"Comparing the people of {len(pictures)} photos")
    figures = {category: scores.figures() for category, scores in score(truth, matched.people).items()}
    text = table(figures)
    content = {"photos": len(pictures), "people": sum(len(picture.people) for picture in pictures), "figures": figures}
    files = [
        write_atomically(out / "evaluation.json", (json.dumps(content, indent=1) + "\n").encode()),
        write_atomically(out / "evaluation.md", text.encode()),
    ]
    console.line(text.rstrip())
    ok = not damaged
    console.result({"command": arguments.command, "ok": ok, **content, "damaged": damaged, "files": [*map(str, files)]})
    return ok


def _truth(arguments: argparse.Namespace) -> Truth:
    from native_runtime.evaluation.layouts import read_truth

    path, smpl = Path(arguments.truth), None if arguments.smpl is None else Path(arguments.smpl)
    if not path.exists():
        raise UsageError(f"There is no '{path}' with annotations.")
    if smpl is not None and not smpl.is_dir():
        raise UsageError(f"There is no folder '{smpl}' with files of SMPL.")
    models = None if arguments.models is None else Path(arguments.models)
    return read_truth(arguments.layout, path, smpl, models)


def _tell_unmatched(matched: Matched, console: Console) -> None:
    """Say which photos cannot be compared.

    Raises:
        UsageError: none can.
    """
    unclear, strangers = matched.unclear, matched.strangers
    if not matched.people:
        why = "None of the estimates is of a photo that the annotations name."
        if unclear:
            why = (
                "Photos of several sequences have the same name, and the estimates' folders do not say which they are "
                "of: keep the data set's folders when you make estimates."
            )
        raise UsageError(why)
    if unclear:
        console.warning(f"The folders of {len(unclear)} photos do not say which sequence they are of: {unclear[0]}.")
    if strangers:
        console.warning(f"{len(strangers)} photos with estimates are not among the annotations, {strangers[0]} first.")
