"""`sam3db train`. Training has packages of its own, which may be missing, and stands above the command line."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from native_runtime.cli.console import Console
from native_runtime.errors import UsageError

_COMMAND = "native_runtime.training.command"


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command."""
    try:
        for package in ("torch", "safetensors", "pyarrow"):
            importlib.import_module(package)
        command: Any = importlib.import_module(_COMMAND)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Training needs the package {error.name}, which is not installed: pip install 'sam3db[export]' "
            "(in a checkout: pip install '.[export]'). It is no part of the extension."
        ) from error
    return bool(command.run(arguments, console))
