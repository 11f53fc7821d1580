"""`sam3db gpu`: libraries for graphics cards, and how fast networks are with them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from native_runtime.cli.console import Console
from native_runtime.cli.shelf import paced
from native_runtime.files.folders import user_cache
from native_runtime.gpu_runtime import ACTIVE, VARIABLE, forget_attempts, loaded
from native_runtime.gpu_support.cards import find_cards
from native_runtime.gpu_support.install import install, remove, state_of
from native_runtime.gpu_support.sets import WheelSet, host, offered
from native_runtime.gpu_support.table import gpu_lines, state_line


def folder_of(named: str | None = None) -> Path:
    """Where GPU support lies."""
    given = named or os.environ.get(VARIABLE)
    return Path(given).expanduser().absolute() if given else user_cache() / "gpu"


def use_installed() -> None:
    """Load what is installed, if anything is: now, before any module imports ONNX Runtime."""
    if VARIABLE not in os.environ and (folder_of() / ACTIVE).is_file():
        os.environ[VARIABLE] = str(folder_of())
    loaded()


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Do one of the actions."""
    folder = folder_of(arguments.folder)
    match arguments.action:
        case "install":
            return _install(arguments, console, folder)
        case "remove":
            freed = remove(folder)
            console.line(
                f"GPU support is removed ({freed / 1e6:.0f} MB)." if freed else "No GPU support was installed."
            )
            console.result({"command": "gpu remove", "ok": True, "bytes": freed})
            return True
        case "test":
            ok, lines, described = measure(folder, arguments.models, arguments.providers, console)
            for line in lines:
                console.line(line)
            console.result({"command": "gpu test", "ok": ok, **described})
            return ok
    return _list(console, folder)


def measure(
    folder: Path, models: str | None, providers: list[str] | None, console: Console
) -> tuple[bool, list[str], dict[str, object]]:
    """Time the networks on each provider.

    Returns:
        whether any works; the table in lines; all of it for programs.
    """
    from native_runtime.gpu_support.timing import time_providers

    forget_attempts(folder)
    cards, state = find_cards(), state_of(folder)
    times = time_providers(folder if state.name else None, models, providers, paced(console.step))
    described = {"cards": [card.to_json() for card in cards], "installed": state.name, **times.to_json()}
    return bool(times.fastest), gpu_lines(cards, state, times), described


def _list(console: Console, folder: Path) -> bool:
    cards, state, sets = find_cards(), state_of(folder), offered()
    for card in cards:
        console.line(f"card       {card.described}")
    if not cards:
        console.line("card       none found")
    console.line(f"installed  {state_line(state)}")
    if state.downloaded:
        console.line(f"           {state.downloaded / 1e6:.0f} MB of an installation that was interrupted")
    for one in sets:
        console.line(
            f"{one.kind.name:10} {one.kind.title} {one.version}: {one.kind.cards}; {one.size / 1e6:.0f} MB to "
            f"download, about {one.disk_bytes / 1e6:.0f} MB on the disk; tried: {one.kind.tried}"
        )
        for terms in one.kind.terms:
            console.line(f"  terms {terms.key}: {terms.title}, {terms.url}")
        for wheel in one.wheels:
            console.line(f"  file {host()}/{wheel.path}")
            console.line(f"    {wheel.size} bytes, SHA-256 {wheel.sha256}")
    console.result(
        {
            "command": "gpu list",
            "ok": True,
            "folder": str(folder),
            "cards": [card.to_json() for card in cards],
            "installed": state.name,
            "version": state.version,
            "fault": state.fault,
            "outdated": state.outdated,
            "offered": [_as_json(one) for one in sets],
        }
    )
    return True


def _install(arguments: argparse.Namespace, console: Console, folder: Path) -> bool:
    files = [Path(name).expanduser() for name in arguments.files]
    made = install(folder, arguments.name, arguments.accepted, files, paced(console.step))
    for note in made.notes:
        console.warning(note)
    console.line(f"GPU support is installed: {made.folder} ({made.size / 1e6:.0f} MB).")
    console.result({"command": "gpu install", "ok": True, **made.to_json()})
    return True


def _as_json(one: WheelSet) -> dict[str, object]:
    return {
        "name": one.kind.name,
        "title": one.kind.title,
        "version": one.version,
        "provider": one.kind.provider,
        "bytes": one.size,
        "disk_bytes": one.disk_bytes,
        "terms": [{"key": terms.key, "title": terms.title, "url": terms.url} for terms in one.kind.terms],
        "files": [
            {"file": w.file, "url": f"{host()}/{w.path}", "size": w.size, "sha256": w.sha256} for w in one.wheels
        ],
    }
