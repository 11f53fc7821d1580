"""Enabled, the extension costs Blender little until somebody works with it: what only the work needs is not loaded."""

from __future__ import annotations

import ast
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

MOST_MODULES = 115
"""So many modules of the project are loaded at most when the extension is enabled; each costs time at every start."""
ROOMS = ("operators", "ui", "properties", "preferences")
"""The packages of the extension whose modules are registered, and loaded for it."""
OTHERS = {
    "native_runtime": {
        "bounds", "errors", "characters", "characters.measures", "characters.measures.definitions", "wearables",
        "wearables.kinds",
    },
    "sam3db_blender": {
        "registration", "app_handlers", "command", "compat", "listening", "places", "files", "files.levels", "handles",
        "handles.handles", "handles.sex", "scene", "scene.rendering",
    },
}  # fmt: skip
"""What else is loaded then: what classes are made of, and what listens to Blender for them."""

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


def test_enabling_loads_only_what_classes_are_made_of(stages: list[list[str]]) -> None:
    enabled, disabled, _ = stages
    own = [name for name in enabled if name.partition(".")[0] in OTHERS and "." in name]
    assert len(own) <= MOST_MODULES
    strange = []
    for name in own:
        package, _, rest = name.partition(".")
        if rest not in OTHERS[package] and not (package == "sam3db_blender" and rest.partition(".")[0] in ROOMS):
            strange.append(name)
    assert not strange, "import these within the functions that need them"
    assert not [name for name in disabled if name.partition(".")[0] in OTHERS and name not in enabled]


_LISTENING = f"""
import json, sys, tempfile

import bpy
import sam3db_blender
from bpy.app import handlers

LISTS = [name for name in dir(handlers) if isinstance(getattr(handlers, name), list)]

def listeners():
    found = [function.__module__ for name in LISTS for function in getattr(handlers, name)]
    return sorted({{name for name in found if name.startswith("sam3db_blender.")}})

def empty():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)

empty()
path = tempfile.mkdtemp() + "/armature.blend"
bpy.context.scene.collection.objects.link(bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig")))
bpy.ops.wm.save_as_mainfile(filepath=path)
empty()
sam3db_blender.register()
bpy.context.scene.collection.objects.link(bpy.data.objects.new("Empty", None))
bpy.context.view_layer.update()
stages = [listeners()]
bpy.context.scene.collection.objects.link(bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig")))
bpy.context.view_layer.update()
stages.append(listeners())
sam3db_blender.unregister()
stages.append(listeners())
empty()
sam3db_blender.register()
bpy.context.view_layer.update()
stages.append(listeners())
bpy.ops.wm.open_mainfile(filepath=path)
stages.append(listeners())
sam3db_blender.unregister()
stages.append(listeners())
print({_MARK!r} + json.dumps(stages), flush=True)
"""


def test_what_looks_after_characters_listens_from_the_first_armature_on(repository: Path) -> None:
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("bpy is not installed")
    done = subprocess.run(
        [sys.executable, "-c", _LISTENING],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    assert lines, done.stderr
    nobody, made, off, on_again, opened, off_again = json.loads(lines[-1].removeprefix(_MARK))
    minders = {f"sam3db_blender.{name}" for name in ("controls.copies", "handles.deletions", "handles.deserted")}
    minders |= {f"sam3db_blender.{name}" for name in ("handles.watch", "scene.idle", "scene.live")}
    assert nobody == on_again
    assert not minders & set(nobody)
    assert set(made) == set(opened) == minders | set(nobody)
    assert off == off_again == []


def test_all_that_can_be_ended_is_ended(repository: Path) -> None:
    """Whatever has a ``detach`` is registered at once, or named among what may have been loaded since."""
    folder = repository / "sam3db_blender"
    tree = ast.parse((folder / "registration.py").read_text())
    late = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LATE"
    )
    with_detach = set()
    for path in folder.rglob("*.py"):
        names = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
        if "detach" in names:
            with_detach.add(".".join(path.relative_to(folder).with_suffix("").parts))
    assert set(late) <= with_detach
    at_once = {name for name in with_detach - set(late) if name.partition(".")[0] not in ROOMS}
    assert at_once == {"command", "listening", "scene.rendering"}
    end = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "unregister")
    calls = sum(isinstance(node, ast.Attribute) and node.attr == "detach" for node in ast.walk(end))
    assert calls == len(with_detach - set(late)) + 1  # and that of the late ones


@pytest.mark.parametrize("module", HEAVY)
def test_drawing_the_panels_loads_nothing_heavy(stages: list[list[str]], module: str) -> None:
    assert module not in stages[-1]
