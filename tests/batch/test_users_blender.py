"""The bpy module must leave alone what the user's own Blender has installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy

SCRIPT = """
import os, sys
if sys.argv[1] == "guarded":
    from sam3db_blender.cli.blender import require_blender
    require_blender("A test")
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the user's folder is elsewhere")
@pytest.mark.parametrize("guard", ["guarded", "bare"])
def test_modules_of_the_users_extensions_stay(repository: Path, tmp_path: Path, guard: str) -> None:
    import bpy

    release = "{}.{}".format(*bpy.app.version[:2])
    packages = tmp_path / "config" / "blender" / release / "extensions/.local/lib"
    packages = packages / "python{}.{}".format(*sys.version_info[:2]) / "site-packages"
    (packages / "useful").mkdir(parents=True)
    (packages / "useful" / "__init__.py").touch()
    (packages / "useful-1.0.dist-info").mkdir()
    (packages / "useful-1.0.dist-info" / "RECORD").write_text("useful/__init__.py,,\n")
    home = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
    # What the guard sets in a process, which may be that of earlier tests, children inherit.
    own = {name: value for name, value in os.environ.items() if not name.startswith("BLENDER_USER_")} | home
    subprocess.run([sys.executable, "-c", SCRIPT, guard], cwd=repository, env=own, check=True, timeout=60)
    # Without the guard they go: should Blender mend its ways, the guard can go as well.
    assert (packages / "useful" / "__init__.py").exists() == (guard == "guarded")
