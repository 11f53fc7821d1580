"""A plain script that loads the extension ends by itself, whether or not it comes to unregister it.

Python's bpy module ends its threads when nothing holds the module any more. What the interpreter keeps beyond its own
end (the caches of ``typing`` and ``functools``) must therefore hold nothing of the extension.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

_TIMEOUT_S = 180

SCRIPTS = {
    "register and unregister": ("sam3db_blender.register(); sam3db_blender.unregister()", 0, ""),
    "import long_jobs": ("import sam3db_blender.jobs.long", 0, ""),
    "import everything": (
        "import sam3db_blender.builder.make, sam3db_blender.builder.headless, sam3db_blender.exports",
        0,
        "",
    ),
    "register": ("sam3db_blender.register()", 0, ""),
    "register and fail": ("sam3db_blender.register(); raise OSError('no such scene')", 1, "no such scene"),
    "register and exit": ("sam3db_blender.register(); sys.exit(3)", 3, ""),
}


@pytest.mark.bpy
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_with_the_extension_ends(name: str, repository: Path) -> None:
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("bpy is not installed")
    code, status, said = SCRIPTS[name]
    script = f"import sys; sys.path.insert(0, {str(repository)!r}); import bpy, sam3db_blender; {code}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert done.stderr.count("Traceback") == (1 if said else 0)
