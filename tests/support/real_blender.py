"""A real Blender, as an executable, with the extension installed from its zip as an artist would do it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from native_runtime.gpu_runtime import platform_key
from sam3db_blender import packaging

#: What scripts inside Blender print before their result.
MARK = "RESULT "
#: Blender's variable for the folder of a user's preferences and extensions.
USER = "BLENDER_USER_RESOURCES"


#: Runs a command with no network but a loopback that is down; Linux only.
NO_NETWORK = ("unshare", "--map-root-user", "--net")


def without_network() -> tuple[str, ...]:
    """What a command is run by so that it has no network; nothing where the system cannot take it away."""
    try:
        done = subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return ()
    return NO_NETWORK if done.returncode == 0 else ()


def run_blender(
    command: str, environment: dict[str, str], *words: str, background: bool = True
) -> subprocess.CompletedProcess[str]:
    """Runs Blender to its end, with this environment besides one's own."""
    return subprocess.run(
        [command, *(["--background"] if background else []), *words],
        capture_output=True,
        text=True,
        env=environment_with(environment),
        timeout=300,
        check=False,
    )


def environment_with(more: dict[str, str]) -> dict[str, str]:
    """One's own environment without what would mislead Blender's Python, and with ``more``."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | more


def result_of(done: subprocess.CompletedProcess[str]) -> dict:
    """What a script inside Blender printed behind `MARK`."""
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    assert lines, done.stdout + done.stderr
    return json.loads(lines[-1][len(MARK) :])


def python_of(command: str) -> str:
    """The Python that a Blender runs, as in "3.11"."""
    expression = f"import sys; print('{MARK}\"%d.%d\"' % sys.version_info[:2])"
    return str(result_of(run_blender(command, {}, "--python-expr", expression)))


def build_extension(python: str, models: Path, folder: Path) -> Path:
    """The zip for this platform and one Python; its path."""
    return packaging.build(packaging.Target(platform_key(), (python,)), folder, models)


def install(command: str, extension: Path, user: Path, enable: bool = True) -> dict[str, str]:
    """Installs the zip for a user who has nothing else; the environment in which Blender is theirs."""
    environment = {USER: str(user)}
    done = run_blender(
        command, environment, "--command", "extension", "install-file", "-r", "user_default",
        *(["-e"] if enable else []), str(extension), background=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return environment
