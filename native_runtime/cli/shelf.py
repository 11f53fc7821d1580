"""`sam3db models shelf` and `sam3db models get`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from native_runtime.cli.console import Console
from native_runtime.errors import UsageError
from native_runtime.models.shelf import ItemState, ShelfItem, Source, Terms, shelf, shelf_item, state_of
from native_runtime.models.store import models_dir
from native_runtime.pipeline.decoding import gather
from native_runtime.pipeline.requests import InstallModelRequest

_QUIET_S = 5.0
"""So long a download says nothing new about how far it is."""


def show(arguments: argparse.Namespace, console: Console) -> bool:
    """Show what there is; it always succeeds."""
    if arguments.licences and not arguments.item:
        raise UsageError("Name the item whose licences should be shown.")
    items = [shelf_item(arguments.item)] if arguments.item else list(shelf().values())
    for item in items:
        state = state_of(item, arguments.models)
        console.line(f"{item.name:29} {state.state:10} {_size(item):>7}  {item.title}: {item.gives}")
        if state.state == "broken":
            console.line(f"  {state.detail}. Get it again with `sam3db models get {item.name}`.")
        if arguments.item:
            _show_one(item, console, arguments.licences)
    console.result(
        {
            "command": "models shelf",
            "ok": True,
            "folder": str(models_dir(arguments.models)),
            "items": [_as_json(item, state_of(item, arguments.models), arguments.licences) for item in items],
        }
    )
    return True


def get(arguments: argparse.Namespace, console: Console) -> bool:
    """Make an item ready; it succeeds or raises.

    Raises:
        UsageError: an option names no file, or what is asked for does not fit together.
        Further errors: as ``native_runtime.build.install.install``.
    """
    # Converting and proving need much that a list does not.
    from native_runtime.service.shelf import install_requested, installed_as_json

    for option in ("file", "mhr"):
        if (value := getattr(arguments, option)) is not None and not value.strip():
            raise UsageError(f"--{option} names no file.")
    commercial = None if arguments.commercial is None else arguments.commercial == "yes"
    request = gather(InstallModelRequest, arguments, token=_token_in(arguments.token_file), commercial=commercial)
    made = install_requested(request, paced(console.step))
    for note in made.notes:
        console.warning(note)
    item = shelf_item(made.item)
    done = "is ready" if made.source else "was ready before"
    console.line(f"{item.title} {done}: {made.folder} ({made.size / 1e6:.0f} MB).")
    if item.engine:
        console.line(f"Use it with --engine {item.engine}; without --engine, the best engine that is ready is taken.")
    console.result({"command": "models get", "ok": True, **installed_as_json(made)})
    return True


def paced(step: Callable[[float, str], None]) -> Callable[[float, str], None]:
    """Report each stage once, and how far a download is every few seconds."""
    last, when = "", 0.0

    def report(fraction: float, text: str) -> None:
        nonlocal last, when
        stage, now = text.partition(":")[0], time.monotonic()
        if stage != last or now - when > _QUIET_S:
            last, when = stage, now
            step(fraction, text)

    return report


def _show_one(item: ShelfItem, console: Console, licences: bool) -> None:
    for figure in item.figures:
        console.line(f"  {figure.label}: {figure.value:g} {figure.unit}, {figure.source}")
    for terms in item.terms:
        console.line(f"  terms {terms.key}: {terms.title}, {terms.date}, {terms.url}")
        for point in terms.points:
            console.line(f"    - {point}")
    for source in item.sources:
        console.line(f"  source {source.key} ({source.kind}): {source.title}")
        console.line(f"    {source.note}")
        for file in source.files:
            console.line(f"    {file.path}: {file.size or 'unknown'} bytes, SHA-256 {file.sha256 or 'unknown'}")
    if licences:
        for terms in item.terms:
            console.line(f"\n==== {terms.title}, {terms.date} ({terms.origin}) ====\n\n{terms.text}")


def _size(item: ShelfItem) -> str:
    size = item.download_bytes
    return "?" if size is None else f"{size / 1e6:.0f} MB"


def _as_json(item: ShelfItem, state: ItemState, licences: bool) -> dict[str, Any]:
    return {
        "name": item.name,
        "title": item.title,
        "gives": item.gives,
        "engine": item.engine,
        "state": state.state,
        "detail": state.detail,
        "missing": [{"name": needs.name, "size": needs.size} for needs in state.missing],
        "bytes": state.bytes_there,
        "figures": [{"label": f.label, "value": f.value, "unit": f.unit, "source": f.source} for f in item.figures],
        "seconds": item.seconds,
        "disk_bytes": item.disk_bytes,
        "commercial_use_allowed": item.commercial,
        "terms": [_terms_as_json(terms, licences) for terms in item.terms],
        "sources": [_source_as_json(source) for source in item.sources],
    }


def _terms_as_json(terms: Terms, licences: bool) -> dict[str, Any]:
    known = {"key": terms.key, "title": terms.title, "date": terms.date, "url": terms.url, "points": list(terms.points)}
    return known | {"forbidden": list(terms.forbidden)} | ({"text": terms.text} if licences else {})


def _source_as_json(source: Source) -> dict[str, Any]:
    return {
        "key": source.key,
        "title": source.title,
        "kind": source.kind,
        "repository": source.repository,
        "revision": source.revision,
        "note": source.note,
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in source.files],
    }


def _token_in(path: str | None) -> str | None:
    """What a file holds.

    Raises:
        UsageError: it cannot be read.
    """
    if path is None:
        return None
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The access token in {path} cannot be read ({type(error).__name__}).") from error
