"""Programs that a build starts, each to its end: pip, virtual environments, and whatever those bring."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from native_runtime.errors import ModelError, Remedy

CHECK_NETWORK = "Check the network access."

_TIMEOUT_S = 900.0


def run(command: list[str], purpose: str, environment: dict[str, str] | None = None) -> None:
    """Run `command` to its end. Its output is only shown when it fails.

    Args:
        purpose: what it is for, as in "Could not fetch the networks".
        environment: variables beside those of this process.

    Raises:
        ModelError: it cannot be started, fails or takes too long.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
            env={**os.environ, **(environment or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"Could not {purpose}: {error}. {CHECK_NETWORK}", Remedy.BUILD_MODELS) from error
    if done.returncode != 0:
        tail = "\n".join(done.stdout.strip().splitlines()[-8:])
        raise ModelError(f"Could not {purpose}. {CHECK_NETWORK} Its output:\n{tail}\n", Remedy.BUILD_MODELS)


def make_venv(folder: Path) -> Path:
    """Make a virtual environment and return its Python."""
    run([sys.executable, "-m", "venv", str(folder)], "make an environment for the converter")
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def pip(python: Path | str, *arguments: str) -> None:
    """Run the pip of `python`. Errors as `run`."""
    run(
        [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        "install or download Python packages",
    )
