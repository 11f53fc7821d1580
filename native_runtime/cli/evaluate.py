"""`sam3db evaluate`: estimates against annotations."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from native_runtime.cli.console import Console, describe
from native_runtime.cli.people import make_folder
from native_runtime.errors import Sam3dbError, UsageError

if TYPE_CHECKING:
    from native_runtime.evaluation.truth import TruePicture


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every estimate could be read."""
    from native_runtime.evaluation.found import read_found
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

    pictures = _truth(arguments.layout, Path(arguments.truth))
    found = read_found(folder, tell)
    known = {picture.name for picture in pictures}
    if arguments.only_estimated:
        pictures = [picture for picture in pictures if picture.name in found]
    if not known & found.keys():
        raise UsageError("None of the estimates is of a photo that the annotations name.")
    strangers = sorted(found.keys() - known)
    if strangers:
        console.warning(f"{len(strangers)} photos with estimates are not among the annotations, {strangers[0]} first.")
    out = make_folder(arguments.out)
    console.status(f"Comparing the people of {len(pictures)} photos")
    figures = {category: scores.figures() for category, scores in score(pictures, found).items()}
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


def _truth(layout: str, path: Path) -> list[TruePicture]:
    if not path.exists():
        raise UsageError(f"There is no '{path}' with annotations.")
    if layout == "coco":
        from native_runtime.evaluation.layouts.coco import read

        return read(path)
    from native_runtime.evaluation.layouts.rows import read_rows

    return read_rows(path)
