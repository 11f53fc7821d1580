"""The zip through several Blenders, as somebody has it who has nothing else: install, enable, make a character,
disable, uninstall. Without a network where the system can take it away (Linux: ``unshare``).

    SAM3DB_BLENDERS=/venvs/4.2/bin/python:/opt/blender/blender python -m bench.installs --extension ZIP --photo PHOTO

Each entry of ``SAM3DB_BLENDERS`` (or ``--blender``, which may be repeated) is a Blender, or a Python with the module
bpy. Printed is a row of Markdown for each: versions and seconds of each step; what is left goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.real_blender import MARK, USER, environment_with, without_network

_TIMEOUT_S = 900
_INSIDE = Path(__file__).with_name("installs_inside.py")


def run(program: str, extension: Path, photo: Path) -> dict[str, Any]:
    """Everything with one Blender, in a home folder of its own; what it reported."""
    with tempfile.TemporaryDirectory(prefix="sam3db-installs-") as folder:
        home, user = Path(folder) / "home", Path(folder) / "user"
        home.mkdir()
        user.mkdir()
        words = [str(extension), str(photo)]
        if "python" in Path(program).name:
            command = [program, "-I", str(_INSIDE), *words]
        else:
            command = [program, "--background", "--python-exit-code", "1", "--python", str(_INSIDE), "--", *words]
        environment = environment_with({"HOME": str(home), USER: str(user), "SAM3DB_MODELS": "/nowhere"})
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            environment.pop(name, None)
        done = subprocess.run(
            [*without_network(), *command],
            capture_output=True,
            text=True,
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
        if not lines:
            return {"program": program, "error": (done.stdout + done.stderr)[-2000:]}
        report = json.loads(lines[-1].removeprefix(MARK))
        report["program"] = program
        report["complaints"] = [
            line for line in (done.stdout + done.stderr).splitlines() if "Traceback" in line or "Error:" in line
        ]
        report["left"] = sorted(
            path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()
        )
        return report


def row(report: dict[str, Any]) -> str:
    """A row of the table in ``docs/install.md``."""
    if "error" in report:
        return f"| {report['program']} | failed |"
    seconds = " | ".join(f"{report['seconds'][step]:.1f}" for step in ("install", "enable", "character"))
    verdict = "works" if not report["faults"] and not report["complaints"] else "fails"
    return f"| {report['blender']} | {report['python']} | {report['numpy']} | {seconds} | {verdict} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    named = [word for word in os.environ.get("SAM3DB_BLENDERS", "").split(os.pathsep) if word]
    parser.add_argument("--blender", action="append", help="a Blender, or a Python with bpy; may be repeated")
    parser.add_argument("--extension", type=Path, required=True, metavar="ZIP")
    parser.add_argument("--photo", type=Path, required=True)
    arguments = parser.parse_args()
    programs = arguments.blender or named
    if not programs:
        parser.error("name Blenders: --blender or SAM3DB_BLENDERS")
    faults = 0
    print(
        f"network: {'none' if without_network() else 'as it is'}; {shutil.which('unshare') or 'no unshare'}",
        file=sys.stderr,
    )
    for program in programs:
        report = run(program, arguments.extension.resolve(), arguments.photo.resolve())
        print(json.dumps(report, indent=1), file=sys.stderr)
        print(row(report), flush=True)
        faults += "error" in report or bool(report["faults"]) or bool(report["complaints"])
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
