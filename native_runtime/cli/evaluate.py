"""`sam3db evaluate`: estimates against annotations."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.cli.console import Console, describe
from native_runtime.cli.evaluate_boxes import ESTIMATES, in_true_boxes
from native_runtime.cli.people import make_folder
from native_runtime.cli.words import counted
from native_runtime.errors import FileError, Sam3dbError, UsageError

if TYPE_CHECKING:
    from native_runtime.evaluation.found import Matched
    from native_runtime.evaluation.score import Scores
    from native_runtime.evaluation.truth import Truth


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every photo could be estimated, and every estimate be read."""
    from native_runtime.evaluation.report import FORMAT, NAME, comparison, table
    from native_runtime.files.atomic import write_atomically

    given = [Path(folder) for folder in arguments.folders]
    for folder in given:
        if not folder.is_dir():
            raise UsageError(f"There is no folder '{folder}' with {'photos' if arguments.engine else 'estimates'}.")
    truth = _truth(arguments, console)
    damaged: list[dict[str, Any]] = []
    if arguments.engine:
        make = in_true_boxes if arguments.true_boxes else _estimated
        given = [make(arguments, truth, console, damaged)]
    elif arguments.true_boxes:
        raise UsageError("--true-boxes says how estimates are made: name an --engine as well.")
    names = _names(given)

    def tell(path: Path, error: Sam3dbError) -> None:
        console.warning(f"{path.name}: {error}")
        damaged.append({"file": str(path), **describe(error)})

    matched = [_matched(folder, truth, tell, console) for folder in given]
    if arguments.only_estimated:
        known = set.intersection(*(set(one.people) for one in matched))
        truth = replace(truth, pictures=[picture for picture in truth.pictures if picture.name in known])
        if not known:
            raise UsageError("There is no photo of which all folders have an estimate.")
    out = make_folder(arguments.out)
    pictures = truth.pictures
    console.status(f"Comparing the people of {counted(len(pictures), 'photo')}")
    scores = {name: _score(truth, one) for name, one in zip(names, matched)}
    figures = {name: {kind: those.figures() for kind, those in own.items()} for name, own in scores.items()}
    people = sum(len(picture.people) for picture in pictures)
    content: dict[str, Any] = {"format": str(FORMAT), "photos": len(pictures), "people": people}
    if len(names) == 1:
        content["figures"] = figures[names[0]]
        text = table(content["figures"])
    else:
        less = {name: scores[name][""].less(scores[names[0]][""]) for name in names[1:]}
        content |= {"folders": figures, "differences": less}
        text = comparison(figures, less)
    files = [
        write_atomically(out / NAME, (json.dumps(content, indent=1) + "\n").encode()),
        write_atomically(out / "evaluation.md", text.encode()),
    ]
    console.line(text.rstrip())
    ok = not damaged
    console.result({"command": arguments.command, "ok": ok, **content, "damaged": damaged, "files": [*map(str, files)]})
    return ok


def _truth(arguments: argparse.Namespace, console: Console) -> Truth:
    from native_runtime.evaluation.kinds import read_kinds, with_kinds
    from native_runtime.evaluation.layouts import read_truth

    path, smpl = Path(arguments.truth), None if arguments.smpl is None else Path(arguments.smpl)
    if not path.exists():
        raise UsageError(f"There is no '{path}' with annotations.")
    if smpl is not None and not smpl.is_dir():
        raise UsageError(f"There is no folder '{smpl}' with files of SMPL.")
    models = None if arguments.models is None else Path(arguments.models)
    try:
        truth = read_truth(arguments.layout, path, smpl, models)
        kinds = None if arguments.kinds is None else read_kinds(Path(arguments.kinds))
    except FileError as error:
        raise UsageError(error.template, error.remedy, **error.people) from error
    if kinds is not None:
        truth, known = with_kinds(truth, kinds)
        if not known:
            raise UsageError(f"None of the photos of '{arguments.kinds}' is among the annotations.")
        console.status(f"{known} of {counted(len(truth.pictures), 'photo')} have kinds")
    return truth


def _estimated(arguments: argparse.Namespace, truth: Truth, console: Console, failed: list[dict[str, Any]]) -> Path:
    """The folder of the estimates of everybody in the photos of a folder, made where they are missing. A photo in which
    nobody is found is no failure.
    """
    from native_runtime.batch.run import run_batch
    from native_runtime.batch.settings import BatchRequest
    from native_runtime.cli.requests import request_of
    from native_runtime.errors import NoPersonError

    if len(arguments.folders) > 1:
        raise UsageError("--engine takes one folder of photos; compare engines by the folders of their estimates.")
    out = make_folder(arguments.out) / ESTIMATES
    request = request_of(
        BatchRequest,
        arguments,
        folder=arguments.folders[0],
        out=str(out),
        layout=None,  # of files, not of annotations
        persons=arguments.persons or "all",
        blend=False,
        previews=[],
        contact_sheet=False,
        builder=(),
    )
    for record in run_batch(request, console).failed:
        if record.fault is not None and record.fault.kind != NoPersonError.__name__:
            failed.append({"file": record.photo, "kind": record.fault.kind, "text": record.fault.text})
    return out


def _names(folders: list[Path]) -> list[str]:
    """What tables call the folders: their names, or their paths where two have one name."""
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise UsageError("A folder is named twice.")
    return names


def _matched(folder: Path, truth: Truth, tell: Any, console: Console) -> Matched:
    """The estimates of a folder by the pictures that they are of.

    Raises:
        UsageError: none is of any.
    """
    from native_runtime.evaluation.found import match, read_found

    matched = match(read_found(folder, tell), truth.pictures)
    here = "/".join(folder.resolve().parts[1:]) + "/"
    unclear, strangers = (
        [photo.removeprefix(here) for photo in those] for those in (matched.unclear, matched.strangers)
    )
    if not matched.people:
        why = "None of the estimates is of a photo that the annotations name."
        if strangers and truth.pictures:
            why += f" An estimate is of '{strangers[0]}', for example; the annotations name '{truth.pictures[0].name}'."
        if unclear:
            why = (
                "Photos of several sequences have the same name, and the estimates' folders do not say which they are "
                "of: keep the data set's folders when you make estimates."
            )
        raise UsageError(why)
    if unclear:
        console.warning(
            f"The folders of {counted(len(unclear), 'photo')} do not say which sequence they are of: {unclear[0]}."
        )
    if strangers:
        console.warning(
            f"{counted(len(strangers), 'photo')} with estimates {'is' if len(strangers) == 1 else 'are'} not among the "
            f"annotations: {strangers[0]}{' first' if len(strangers) > 1 else ''}."
        )
    return matched


def _score(truth: Truth, matched: Matched) -> dict[str, Scores]:
    from native_runtime.evaluation.score import score

    return score(truth, matched.people)
