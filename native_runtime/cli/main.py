"""Entry points: parse, run one command, turn every outcome into an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from native_runtime.cli.arguments import parser
from native_runtime.cli.console import Console
from native_runtime.errors import UsageError
from native_runtime.files.streams import take_stdout
from native_runtime.service.forwarding import warnings_forwarded_to

OK, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
_MODULES = {
    "batch": "batch",
    "character": "people",
    "estimate": "people",
    "preview": "preview",
    "export": "export",
    "models": "models",
    "engines": "engines",
    "retarget": "retarget",
    "convert-checkpoint": "convert",
}


def main(argv: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after `sam3db`; by default those of this process.
        console: where to speak; by default the process's standard output, which is then kept clean of what libraries
            print.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    as_json, debug = "--json" in words, "--debug" in words
    command = next((word for word in words if not word.startswith("-")), None)
    try:
        arguments = parser().parse_args(words)
    except UsageError as error:
        console = console or Console(sys.stdout, as_json, debug)
        console.result({"command": command, "ok": False, "error": console.error(error)})
        return WRONG_USAGE
    except SystemExit as stop:  # --help
        return int(stop.code or 0)

    console = console or Console(take_stdout(sys.stderr if debug else None), as_json, debug)
    try:
        module = importlib.import_module(f"native_runtime.cli.{_MODULES[arguments.command]}")
        with warnings_forwarded_to(console):
            return OK if module.run(arguments, console) else SOME_FAILED
    except UsageError as error:
        console.result({"command": command, "ok": False, "error": console.error(error)})
        return WRONG_USAGE
    except KeyboardInterrupt:
        console.warning("Interrupted; what was finished before has been written.")
        return INTERRUPTED
    except Exception as error:
        described = console.error(error)
        console.result({"command": command, "ok": False, "error": described})
        return SOME_FAILED


def run() -> NoReturn:
    """`main` as a program: end the process with its exit code."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    if "bpy" in sys.modules:
        # Some releases of the bpy module crash while the interpreter winds down, after all work is done and written.
        os._exit(code)
    sys.exit(code)
