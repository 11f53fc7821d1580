"""An extension of which files are missing: it says so in words, and any other error stays what it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bpy

_MARK = "TOLD "
_SCRIPT = f"""
import json, sys
from types import SimpleNamespace

# an editable installation would find the missing files in the checkout
sys.meta_path[:] = [one for one in sys.meta_path if not getattr(one, "__module__", "").startswith("__editable__")]
import bpy
import sam3db_blender
from tests.support.layout import Layout

told = {{"path": sam3db_blender.__file__}}
before = set(dir(bpy.types))
try:
    sam3db_blender.register()
except Exception as error:
    told["raised"] = [type(error).__name__, str(error)]
else:
    for width in (150, 400):
        drawn = Layout()
        context = SimpleNamespace(region=SimpleNamespace(width=width), preferences=bpy.context.preferences)
        shown = getattr(bpy.types, "SAM3DB_PT_incomplete", None)
        if shown is not None:
            shown.draw(SimpleNamespace(layout=drawn), context)
        told[width] = drawn.drawn
    told["operators"] = "import_character" in dir(bpy.ops.sam3db)
    sam3db_blender.unregister()
    told["left"] = sorted(set(dir(bpy.types)) - before)
print("{_MARK}" + json.dumps(told))
"""


def enabled(repository: Path, folder: Path) -> dict:
    """What a Blender that enables the copy of the extension in `folder` shows."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(folder), str(repository)]), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith(_MARK)), None)
    assert line is not None, done.stdout + done.stderr
    told: dict = json.loads(line[len(_MARK) :])
    assert Path(told["path"]).is_relative_to(folder)
    return told | {"errors": done.stderr}


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """A copy of the extension's code."""
    return Path(
        shutil.copytree(
            repository / "sam3db_blender", tmp_path / "sam3db_blender", ignore=shutil.ignore_patterns("__pycache__")
        )
    )


@pytest.mark.parametrize("gone", ["handles", "listening.py"])
def test_missing_files_are_told_in_words(repository: Path, copy: Path, gone: str) -> None:
    path = copy / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    told = enabled(repository, copy.parent)
    assert "raised" not in told, told["errors"]
    narrow, wide = told["150"], told["400"]
    assert len(narrow) > len(wide) > 1
    assert " ".join(narrow) == " ".join(wide)
    assert " ".join(wide).startswith("Files of the extension are missing")
    assert " ".join(wide).endswith("Remove the extension, restart Blender, and install it again.")
    assert not told["operators"]
    assert told["left"] == []
    assert "Files of the extension are missing" in told["errors"]
    assert "Traceback" not in told["errors"]


def test_other_errors_stay_what_they_are(repository: Path, copy: Path) -> None:
    path = copy / "listening.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nimport of_another_maker\n", encoding="utf-8")
    told = enabled(repository, copy.parent)
    assert told["raised"] == ["ModuleNotFoundError", "No module named 'of_another_maker'"]


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("from .nothing.here import one", "nothing"),
        ("from .rig import nothing", "rig.nothing" if sys.version_info >= (3, 12) else ""),
        ("import native_runtime.nothing", "native_runtime.nothing"),
        ("from .places import nothing", None),  # the file is there
        ("from json import nothing", None),
        ("import json.nothing", None),
        ("import native_runtime_of_others", None),
    ],
)
def test_missing_files_of_ours_are_told_from_other_errors(code: str, missing: str | None) -> None:
    from sam3db_blender.incomplete import missing_module

    with pytest.raises(ImportError) as raised:
        exec(code, {"__package__": "sam3db_blender"})
    assert missing_module(raised.value) == missing
