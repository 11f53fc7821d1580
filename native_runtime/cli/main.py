"""Entry points: parse, run one command, turn every outcome into an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from native_runtime.cli.commands import ORDER, Extension, all_commands, installed_extensions, missing, parser
from native_runtime.cli.console import Console, OutputClosedError, show
from native_runtime.cli.gpu import use_installed
from native_runtime.errors import PromptError, UsageError
from native_runtime.files.streams import take_stdout
from native_runtime.onnx.limits import limits_of
from native_runtime.service.forwarding import warnings_forwarded_to

OK, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
CONTINUING = frozenset({"batch", "take"})
"""Commands that go on where they were interrupted."""
OUTPUT_CLOSED = 141
"""As shells say of programs that write to a pipe which nobody reads any more."""


def main(
    argv: Sequence[str] | None = None, console: Console | None = None, extensions: Sequence[Extension] | None = None
) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after `sam3db`; by default those of this process.
        console: where to speak; by default the process's standard output, which is then kept clean of what libraries
            print.
        extensions: what other packages add; by default those that are installed.
    """
    try:
        return _main(argv, console, extensions)
    except OutputClosedError:
        return OUTPUT_CLOSED


def _main(argv: Sequence[str] | None, console: Console | None, extensions: Sequence[Extension] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    as_json, debug = "--json" in words, "--debug" in words
    command = next((word for word in words if not word.startswith("-")), None)
    added = installed_extensions() if extensions is None else extensions
    commands = all_commands(added)
    try:
        if command in ORDER and command not in commands:
            raise missing(f"`sam3db {command}`")
        known = parser(commands.values())
        if not words:
            show(known.format_help(), sys.stderr)
            return WRONG_USAGE
        arguments = known.parse_args(words)
    except UsageError as error:
        console = console or Console(sys.stdout, as_json, debug)
        console.result({"command": command, "ok": False, "error": console.error(error)})
        return WRONG_USAGE
    except SystemExit as stop:  # --help
        show("", sys.stdout)
        return int(stop.code or 0)

    console = console or Console(take_stdout(sys.stderr if debug else None), as_json, debug)
    try:
        arguments.builder = added[0].builder if added else None
        arguments.take_scene = added[0].take_scene if added else None
        arguments.views_scene = added[0].views_scene if added else None
        arguments.corrections = added[0].corrections if added else None
        if arguments.command != "doctor":  # which tells of wrong ones, and goes on
            limits_of()
        if arguments.command != "gpu":  # which replaces the files that would be in use
            use_installed()
        module = importlib.import_module(commands[arguments.command].module)
        with warnings_forwarded_to(console):
            return OK if module.run(arguments, console) else SOME_FAILED
    except (UsageError, PromptError) as error:
        console.result({"command": command, "ok": False, "error": console.error(error)})
        return WRONG_USAGE
    except KeyboardInterrupt:
        console.warning(_interrupted(arguments))
        return INTERRUPTED
    except Exception as error:
        described = console.error(error)
        console.result({"command": command, "ok": False, "error": described})
        return SOME_FAILED


def _interrupted(arguments: argparse.Namespace) -> str:
    """What to say of an interruption: what there is by then, and how to go on."""
    if arguments.command not in CONTINUING:
        return "Interrupted. Results that were finished before are kept."
    if getattr(arguments, "restart", False):
        return "Interrupted. To go on, run the same command without --restart."
    return "Interrupted. Run the same command again to go on; what was finished is not done again."


def run(extensions: Sequence[Extension] | None = None) -> NoReturn:
    """`main` as a program: end the process with its exit code."""
    code = main(extensions=extensions)
    sys.stdout.flush()
    sys.stderr.flush()
    if "bpy" in sys.modules:
        # Some releases of the bpy module crash while the interpreter winds down, after all work is done and written.
        os._exit(code)
    sys.exit(code)
