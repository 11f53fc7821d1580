"""What the tests inside Blender share."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if importlib.util.find_spec("bpy") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def _factory(blender_factory: None) -> None:
    """Each test of this folder starts from an empty factory file."""


@pytest.fixture
def online() -> Iterator[None]:
    """A Blender that may use the network."""
    import bpy

    system = bpy.context.preferences.system
    before = system.use_online_access
    system.use_online_access = True
    yield
    system.use_online_access = before


_VALIDATE = """
require(process.argv[1]).validateBytes(new Uint8Array(require("fs").readFileSync(process.argv[2])))
  .then(report => console.log(JSON.stringify(report.issues.messages.filter(message => message.severity == 0))))
"""


@pytest.fixture(scope="session")
def gltf_problems() -> Callable[[Path], list[dict]] | None:
    """The errors that Khronos's validator finds in a file; None where it is not installed.

    It is the package gltf-validator of npm; SAM3DB_GLTF_VALIDATOR is the folder that it lies in.
    """
    folder = os.environ.get("SAM3DB_GLTF_VALIDATOR")
    if folder is None or shutil.which("node") is None:
        return None

    def problems(path: Path) -> list[dict]:
        done = subprocess.run(
            ["node", "-e", _VALIDATE, folder, str(path)], capture_output=True, text=True, check=True, timeout=60
        )
        return json.loads(done.stdout)

    return problems


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The add-on with an engine that is asked, but answers nothing; the names of the characters it was asked about."""
    import sam3db_blender
    from sam3db_blender.handles import watch

    names: list[str] = []
    monkeypatch.setattr(watch, "refresh", lambda rig: names.append(rig.name))
    sam3db_blender.register()
    yield names
    sam3db_blender.unregister()
