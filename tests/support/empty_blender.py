"""An empty Blender with factory settings, many times in one process."""

from __future__ import annotations

from functools import cache
from typing import Any

import bpy

#: Nine tenths of all preferences, which nothing in this project changes.
_UNTOUCHED = ("rna_type", "themes", "studio_lights")


def empty_blender() -> None:
    """Reset bpy to an empty file and factory settings.

    Reading factory settings registers Blender's own add-ons once more, which takes five times as long as all the rest.
    It is left out where all preferences, those of add-ons included, are the factory's.
    """
    expected = _factory_preferences()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    if preferences() != expected:
        bpy.ops.wm.read_factory_settings(use_empty=True)


@cache
def _factory_preferences() -> dict[str, Any]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return preferences()


def preferences() -> dict[str, Any]:
    """All preferences by their paths, such as ``system.use_online_access`` and ``addons[3].module``."""
    found: dict[str, Any] = {}
    _collect(bpy.context.preferences, "", found)
    return found


def _collect(struct: Any, path: str, found: dict[str, Any]) -> None:
    for setting in struct.bl_rna.properties:
        name = setting.identifier
        if name in _UNTOUCHED:
            continue
        value = getattr(struct, name)
        if setting.type == "COLLECTION":
            for number, item in enumerate(value):
                _collect(item, f"{path}{name}[{number}].", found)
        elif setting.type == "POINTER":
            if value is not None:
                _collect(value, f"{path}{name}.", found)
        else:
            found[path + name] = tuple(value) if getattr(setting, "is_array", False) else value
