"""`sam3db compare`: which of several engines people prefer."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.cli.console import Console, describe
from native_runtime.cli.people import make_folder
from native_runtime.errors import PhotoError, Sam3dbError, UsageError

if TYPE_CHECKING:
    from native_runtime.evaluation.preference.pairs import Seen
    from native_runtime.evaluation.preference.pictures import Painter, PairPictures


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the action; whether every file could be used."""
    return {"page": _page, "count": _count}[arguments.action](arguments, console)


def _page(arguments: argparse.Namespace, console: Console) -> bool:
    from native_runtime.evaluation.preference.page import html_page
    from native_runtime.evaluation.preference.pairs import Pairs, choose, people_seen
    from native_runtime.evaluation.preference.pictures import Painter
    from native_runtime.files.atomic import write_atomically

    folders, photos = _folders(arguments), Path(arguments.photos)
    if not photos.is_dir():
        raise UsageError(f"There is no folder '{photos}' with photos.")
    if arguments.count < 1 or arguments.seed < 0:
        raise UsageError("--count is at least 1, and --seed at least 0.")
    faults: list[dict[str, Any]] = []

    def tell(path: Path, error: Sam3dbError) -> None:
        console.warning(f"{path.name}: {error}")
        faults.append({"file": str(path), **describe(error)})

    chosen = choose(people_seen(folders, tell), list(folders), arguments.count, arguments.seed)
    out = make_folder(arguments.out)
    painter = Painter(None if arguments.models is None else Path(arguments.models))
    drawn: list[tuple[str, PairPictures]] = []
    kept = []
    for number, (pair, seen) in enumerate(chosen):
        console.step(number / len(chosen), "Drawing pairs")
        try:
            pictures = _pictures(painter, photos, seen, pair.left, pair.right)
        except Sam3dbError as error:
            tell(photos / pair.photo, error)
            continue
        kept.append(replace(pair, name=f"{len(drawn) + 1:04d}"))
        drawn.append((kept[-1].name, pictures))
    if not kept:
        raise UsageError("None of the pairs could be drawn; the reasons are above.")
    pairs = Pairs(tuple(folders), tuple(kept), arguments.seed)
    key = json.dumps(pairs.to_json(), indent=1, ensure_ascii=False) + "\n"
    files = [
        write_atomically(out / "vote.html", html_page(arguments.title, pairs.set, drawn)),
        write_atomically(out / "pairs.json", key.encode()),
    ]
    for path in files:
        console.line(str(path))
    console.result(
        {
            "command": arguments.command,
            "action": arguments.action,
            "ok": not faults,
            "pairs": len(kept),
            "engines": list(folders),
            "set": pairs.set,
            "damaged": faults,
            "files": [*map(str, files)],
        }
    )
    return not faults


def _folders(arguments: argparse.Namespace) -> dict[str, Path]:
    """By the name of each engine, its folder."""
    folders = [Path(folder) for folder in arguments.folders]
    names = arguments.names or [folder.resolve().name for folder in folders]
    if len(folders) < 2:
        raise UsageError("Two folders of estimates are needed at least.")
    if len(names) != len(folders):
        raise UsageError(f"There are {len(folders)} folders, and {len(names)} names.")
    if len(set(names)) < len(names):
        raise UsageError("Two folders have the same name; tell them apart with --names.")
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"There is no folder '{folder}' with estimates.")
    return dict(zip(names, folders))


def _pictures(painter: Painter, photos: Path, seen: Seen, left: str, right: str) -> PairPictures:
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import read_photo

    path = photos / seen.photo
    if not path.is_file():
        raise PhotoError(f"There is no photo '{seen.photo}' in '{photos.name}'.")
    estimates = [Estimate.load(seen.estimates[engine]) for engine in (left, right)]
    return painter.draw(read_photo(path), *estimates)


def _count(arguments: argparse.Namespace, console: Console) -> bool:
    from native_runtime.evaluation.preference.count import count, table
    from native_runtime.evaluation.preference.pairs import read_key
    from native_runtime.evaluation.preference.votes import gather, read_votes
    from native_runtime.files.atomic import write_atomically

    key = read_key(Path(arguments.pairs))
    faults: list[dict[str, Any]] = []
    read = []
    for name in arguments.votes:
        try:
            read.append(read_votes(Path(name), key))
        except Sam3dbError as error:
            console.warning(str(error))
            faults.append({"file": name, **describe(error)})
    ballots = gather(read, key)
    if ballots.unknown:
        console.warning(f"{ballots.unknown} votes name pairs that are not on the page; they do not count.")
    if ballots.replaced:
        console.warning(f"{ballots.replaced} votes were replaced by a later one of the same voter on the same pair.")
    preference = count(ballots, key)
    out = make_folder(arguments.out)
    text = table(preference)
    content = {**preference.to_json(), "unknown": ballots.unknown, "replaced": ballots.replaced}
    files = [
        write_atomically(out / "preference.json", (json.dumps(content, indent=1) + "\n").encode()),
        write_atomically(out / "preference.md", text.encode()),
    ]
    console.line(text.rstrip())
    ok = not faults and not ballots.unknown
    console.result(
        {
            "command": arguments.command,
            "action": arguments.action,
            "ok": ok,
            **content,
            "damaged": faults,
            "files": [*map(str, files)],
        }
    )
    return ok
