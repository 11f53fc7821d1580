"""A plain script that registers and unregisters the extension ends by itself.

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
    "register and unregister": "sam3db_blender.register(); sam3db_blender.unregister()",
    "import long_jobs": "import sam3db_blender.long_jobs",
    "import everything": "import sam3db_blender.builder.make, sam3db_blender.headless, sam3db_blender.exports",
}


@pytest.mark.bpy
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_with_the_extension_ends(name: str, repository: Path) -> None:
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("bpy is not installed")
    script = f"import sys; sys.path.insert(0, {str(repository)!r}); import bpy, sam3db_blender; {SCRIPTS[name]}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
