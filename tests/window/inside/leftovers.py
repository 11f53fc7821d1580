"""What the extension has put into Blender, wherever that may be."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from . import worker_process
from .scene import EXTENSION, in_viewport

_LETTERS = "SAM3DB"
#: Types that may carry properties of an extension.
_OWNERS = ("WindowManager", "Scene", "Object", "Armature", "Mesh", "Camera", "Image", "Collection", "PoseBone", "Bone")


def traces() -> dict[str, int]:
    """Everything of the extension that Blender holds, and how often."""
    found: Counter[str] = Counter()
    found.update(f"type {name}" for name in dir(bpy.types) if _LETTERS in name.upper())
    found.update(f"operator {name}" for name in dir(bpy.ops.sam3db))
    for owner in _OWNERS:
        properties = getattr(bpy.types, owner).bl_rna.properties
        found.update(f"property {owner}.{key}" for key, _ in properties.items() if _LETTERS in key.upper())
    found.update(_handlers())
    found.update(
        f"timer {function.__module__}.{function.__name__}"
        for function in _functions()
        if bpy.app.timers.is_registered(function)
    )
    found.update(_menus())
    found.update("manual" for one in bpy.utils._manual_map if _of_extension(one))
    found.update(f"tool {name}" for name in _tools() if _LETTERS in name.upper())
    for layout in bpy.context.window_manager.keyconfigs:
        for keymap in layout.keymaps:
            found.update(f"key {keymap.name} {item.idname}" for item in keymap.keymap_items if "sam3db" in item.idname)
    found.update(f"thread {thread.name}" for thread in threading.enumerate() if _of_extension(type(thread).run) or
                 _of_extension(getattr(thread, "_target", None)))  # fmt: skip
    found.update("child process" for _ in worker_process.children())
    return dict(found)


def _handlers() -> Iterator[str]:
    for name in dir(bpy.app.handlers):
        listeners = getattr(bpy.app.handlers, name)
        if isinstance(listeners, list):
            yield from (f"handler {name} {one.__module__}.{one.__name__}" for one in listeners if _of_extension(one))


def _menus() -> Iterator[str]:
    for name in dir(bpy.types):
        drawn = getattr(getattr(bpy.types, name, None), "draw", None)
        yield from (f"menu {name}" for one in getattr(drawn, "_draw_funcs", ()) if _of_extension(one))


def _tools() -> Iterator[str]:
    """The names of the 3D viewport's tools; groups of them are nested, separators are None."""
    from bl_ui.space_toolsystem_toolbar import VIEW3D_PT_tools_active

    waiting = [one for tools in VIEW3D_PT_tools_active._tools.values() for one in tools]
    while waiting:
        tool = waiting.pop()
        if hasattr(tool, "idname"):
            yield tool.idname
        elif isinstance(tool, tuple):
            waiting += tool


def _functions() -> list[Callable[..., Any]]:
    """All functions of the extension's modules: Blender does not say which timers there are."""
    modules = [module for name, module in sys.modules.items() if name.startswith(EXTENSION) and module is not None]
    return [one for module in modules for one in vars(module).values() if inspect.isfunction(one)]


def _of_extension(function: object) -> bool:
    name = str(getattr(function, "__module__", ""))
    return name.startswith((EXTENSION, "native_runtime"))


# --- errands ---------------------------------------------------------------------------------------------------------


def switch(on: bool) -> None:
    """Enables or disables the extension as the preferences do."""
    import addon_utils

    with in_viewport():
        (bpy.ops.preferences.addon_enable if on else bpy.ops.preferences.addon_disable)(module=EXTENSION)
    assert addon_utils.check(EXTENSION)[1] is on


def reload() -> None:
    """Reloads all scripts, as F3, Reload Scripts does."""
    with in_viewport(), contextlib.suppress(RuntimeError):
        bpy.ops.script.reload()


def drag(keypoint: int, right: float) -> None:
    """Moves a handle of the first character, as the tool does."""
    from .scene import part, rigs

    handles = part("handles.handles")
    rig = part("scene.lookup").rig_with(next(iter(rigs())))
    handles.by_keypoint(rig)[keypoint].location.x += right
    part("handles.watch").touch(rig)
