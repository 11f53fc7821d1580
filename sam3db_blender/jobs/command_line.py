"""The command line `sam3db` as a command of Blender: ``blender --background --command sam3db ...``.

It runs in a process of its own, as the worker does: what Blender has loaded must not stand in the networks' way.
"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import bpy

import native_runtime

from .. import places

_PROGRAM = Path(native_runtime.__file__).with_name("cli") / "child.py"
_WRONG_USAGE = 2
#: Commands that need Blender itself, and what does their work here.
_ELSEWHERE = {
    "character": "a folder of photos is made into characters by `batch`",
    "preview": "`batch --preview` renders pictures of what it makes",
    "export": "`batch --export` writes files of what it makes",
    "retarget": "the panel Retarget does it",
}
#: Commands that fetch something.
_NETWORK = (("models", "get"), ("models", "build"), ("gpu", "install"))


def run(words: list[str]) -> int:
    """Runs one command; its exit code, which becomes Blender's."""
    from . import online

    command = next((word for word in words if not word.startswith("-")), None)
    if command in _ELSEWHERE:
        sys.stderr.write(
            f"error: `sam3db {command}` needs Python with the bpy module (`pip install bpy`); in Blender, "
            f"{_ELSEWHERE[command]}.\n"
        )
        return _WRONG_USAGE
    refusal = online.refusal("use what is there already") if _needs_network(words) else ""
    if refusal:
        sys.stderr.write(f"error: {refusal}. For this command alone, `--online-mode` before `--command` allows it.\n")
        return _WRONG_USAGE
    sys.stdout.flush()
    child = subprocess.Popen(_call(words), stdin=subprocess.PIPE, env=_environment())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child hears of it as well, and ends in good order
            continue


def _needs_network(words: list[str]) -> bool:
    """Whether a command asks other machines; a Manager on this one is none."""
    from native_runtime.build.catalogue import can_build

    named = [word for word in words if not word.startswith("-")]
    if named[:2] == ["models", "build"] and not can_build():  # the command says so, and what to do
        return False
    if named[:2] != ["farm", "flamenco"]:
        return any(named[: len(command)] == list(command) for command in _NETWORK)
    if named[2:3] == ["job-type"] or "--dry-run" in words or {"--help", "-h"} & set(words):
        return False
    from native_runtime.errors import UsageError
    from native_runtime.farm.flamenco.address import is_on_this_machine

    given = [after for word, after in pairwise(words) if word == "--manager"]
    given += [word.partition("=")[2] for word in words if word.startswith("--manager=")]
    try:
        return not is_on_this_machine(given[-1] if given else os.environ.get("SAM3DB_FLAMENCO", ""))
    except UsageError:  # the command says what is wrong with it
        return False


def _call(words: list[str]) -> list[str]:
    from .batch import builder_command

    paths = [word for path in places.worker_paths() for word in ("--path", str(path))]
    builder = [f"--builder={word}" for word in builder_command()]
    return [sys.executable, "-I", "-X", "utf8", str(_PROGRAM), *paths, *builder, "--", *words]


def _environment() -> dict[str, str]:
    """With the models and the libraries for graphics cards that the extension uses, unless others are named; and
    Blender's version.
    """
    from native_runtime.cli.doctor import BLENDER
    from native_runtime.gpu_runtime import VARIABLE

    folder = places.models_folder()
    known = {VARIABLE: str(places.gpu_folder())} | ({} if folder is None else {"SAM3DB_MODELS": str(folder)})
    named = {name: value for name, value in os.environ.items() if value}
    return {**known, **named, BLENDER: bpy.app.version_string}
