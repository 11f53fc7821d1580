"""Enabled, the extension costs Blender little until somebody works with it: what only the work needs is not loaded."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bpy

_TIMEOUT_S = 180
_MARK = "LOADED "

HEAVY = ("cv2", "onnxruntime", "PIL", "pi_heif", "torch", "scipy")
"""Never in the window's process before somebody works with a photo."""
LATER = (
    *HEAVY,
    "numpy",
    "native_runtime.mhr",
    "native_runtime.fitting",
    "native_runtime.pipeline.requests",
    "native_runtime.engines",
    "native_runtime.models.shelf",
    "native_runtime.models.download",
)
"""Nor these when the extension is enabled, and disabled without having been used."""

_SCRIPT = f"""
import inspect, json, sys
from types import FunctionType, SimpleNamespace

import bpy

# the module bpy loads NumPy, Blender does not
names = [name for name in sys.modules if name.partition(".")[0] == "numpy"]
numpy = {{name: sys.modules.pop(name) for name in names}}
import sam3db_blender

sam3db_blender.register()
stages = [sorted(sys.modules)]
sam3db_blender.unregister()
stages.append(sorted(sys.modules))
sys.modules.update(numpy)

from tests.support.layout import Layout
from sam3db_blender import registration


class Drawing:
    def __init__(self, cls):
        self._cls, self.layout, self.is_popover = cls, Layout(), False

    def __getattr__(self, name):
        found = getattr(self._cls, name)
        is_method = isinstance(inspect.getattr_static(self._cls, name), FunctionType)
        return found.__get__(self) if is_method else found


class Context:
    region = SimpleNamespace(width=300, height=800, x=0, y=0)
    space_data = SimpleNamespace(type="VIEW_3D", active_operator=None)

    def __getattr__(self, name):
        return getattr(bpy.context, name)


sam3db_blender.register()
drawn, context = [], Context()
for cls in registration.CLASSES:
    in_sidebar = getattr(cls, "bl_space_type", "") == "VIEW_3D" and getattr(cls, "bl_region_type", "") == "UI"
    parent = getattr(cls, "bl_parent_id", None)
    if in_sidebar and (parent is None or parent in drawn) and (not hasattr(cls, "poll") or cls.poll(context)):
        cls.draw(Drawing(cls), context)
        drawn.append(cls.__name__)
stages.append(sorted(sys.modules))
sam3db_blender.unregister()
print({_MARK!r} + json.dumps([*stages, drawn]), flush=True)
"""


@pytest.fixture(scope="module")
def stages(repository: Path) -> list[list[str]]:
    """What is loaded when the extension is enabled, when it is disabled again, and after all panels were drawn."""
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("bpy is not installed")
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], cwd=repository, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    assert lines, done.stderr
    *stages, panels = json.loads(lines[-1].removeprefix(_MARK))
    assert "SAM3DB_PT_import" in panels, panels
    return stages


@pytest.mark.parametrize("module", LATER)
def test_enabling_loads_nothing_heavy(stages: list[list[str]], module: str) -> None:
    enabled, disabled, _ = stages
    assert "sam3db_blender.registration" in enabled
    assert module not in enabled
    assert module not in disabled


@pytest.mark.parametrize("module", HEAVY)
def test_drawing_the_panels_loads_nothing_heavy(stages: list[list[str]], module: str) -> None:
    assert module not in stages[-1]
