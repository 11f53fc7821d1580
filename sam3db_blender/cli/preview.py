"""`sam3db preview`: pictures of saved characters; a file that fails never stops the rest."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from native_runtime.batch.names import result_stems
from native_runtime.cli.console import Console
from native_runtime.cli.people import make_folder
from native_runtime.render.contact_sheet import Entry, write_contact_sheet

from .blender import require_blender
from .preview_arguments import KINDS

_SHEET = "contact_sheet"


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every picture was made."""
    require_blender("Rendering previews")
    started = time.perf_counter()
    out = make_folder(arguments.out)
    files = []
    for file, stem in zip(arguments.files, result_stems(arguments.files)):
        console.status(f"Rendering {file}")
        files.append(_one_file(file, stem, out, arguments, console))
    sheet = _write_sheet(files, out, console) if arguments.contact_sheet else []
    ok = all(file["error"] is None and not any(photo["errors"] for photo in file["photos"]) for file in files)
    seconds = round(time.perf_counter() - started, 3)
    console.result({"command": "preview", "ok": ok, "files": files, "contact_sheet": sheet, "seconds": seconds})
    return ok


def _one_file(file: str, stem: str, out: Path, arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The pictures of one file. ``photos`` holds those that were made before an error."""
    from ..previews.making import preview_steps
    from ..previews.saved import groups_of_file

    result: dict[str, Any] = {"file": file, "photos": [], "error": None}
    kinds: list[Any] = list(dict.fromkeys(arguments.kinds or KINDS[1:]))
    with console.one_of_many(result):
        for group in groups_of_file(Path(file), stem):
            photo: dict[str, Any] = {"photo": group.photo, "people": len(group.rigs), "pictures": {}, "errors": {}}
            result["photos"].append(photo)
            for kind, outcome in preview_steps(
                group.rigs,
                kinds,
                out,
                group.stem,
                arguments.size,
                renderer=arguments.renderer,
                look=arguments.look,
            ):
                if isinstance(outcome, Path):
                    photo["pictures"][kind] = str(outcome)
                    console.line(str(outcome))
                else:
                    photo["errors"][kind] = console.error(outcome)
    return result


def _write_sheet(files: list[dict[str, Any]], out: Path, console: Console) -> list[str]:
    """The contact sheet of everything that was tried, in its order."""
    entries = [entry for file in files for entry in _entries(file)]
    title = f"{len(files)} file{'s' * (len(files) != 1)}" if len(files) != 1 else Path(files[0]["file"]).name
    written = write_contact_sheet(entries, out / f"{_SHEET}.html", out / f"{_SHEET}.png", title)
    for path in written:
        console.line(str(path))
    return [str(path) for path in written]


def _entries(file: dict[str, Any]) -> list[Entry]:
    blend = Path(file["file"])
    entries = []
    for photo in file["photos"]:
        pictures = {kind: Path(path) for kind, path in photo["pictures"].items()}
        people = f"{photo['people']} {'person' if photo['people'] == 1 else 'people'}"
        error = next((error["text"] for error in photo["errors"].values()), None)
        first = next(iter(pictures.values()), None)
        entries.append(Entry(photo["photo"], first, {"blend": blend, **pictures}, (blend.name, people), error))
    if file["error"] is not None:
        entries.append(Entry(blend.name, links={"blend": blend}, error=file["error"]["text"]))
    return entries
