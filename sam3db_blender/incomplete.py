"""What is left of the extension where files of it are missing: a sentence that says so, where one looks for it.

It imports nothing of the extension but the command, so that it works whatever else is missing.
"""

from __future__ import annotations

import sys
import textwrap
import traceback

import bpy

from . import command

_OURS = (str(__package__), "native_runtime", "rig_templates")
_ADVICE = "Remove the extension, restart Blender, and install it again."
_WIDTH = 7
"""Of a letter, in pixels at the interface's usual scale, about."""


def missing_module(error: ImportError) -> str | None:
    """The module for want of which an import failed, as people call it; "" where Python does not say which, and None
    where the reason is another one.
    """
    name = error.name or ""
    root = next((root for root in _OURS if name == root or name.startswith(f"{root}.")), None)
    if root is None:
        return None
    if not isinstance(error, ModuleNotFoundError):
        # `from package import module` says no more than that the package has no such name; Python 3.11 not even which.
        if not (error.path or "").endswith("__init__.py"):
            return None
        module = getattr(error, "name_from", None)
        name = f"{name}.{module}" if module else f"{root}."
    return name[len(root) + 1 :] if root == __package__ or name.endswith(".") else name


class SAM3DB_AddonPreferences(bpy.types.AddonPreferences):
    """Says what is wrong where one would look for settings. Named as the real ones, whose values Blender keeps."""

    bl_idname = str(__package__)

    def draw(self, context: bpy.types.Context) -> None:
        assert self.layout is not None
        _draw(self.layout, context)


class SAM3DB_PT_incomplete(bpy.types.Panel):
    """Says what is wrong where one would look for the extension."""

    bl_label = "Character from Photo"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Photo"

    text: str = ""

    def draw(self, context: bpy.types.Context) -> None:
        assert self.layout is not None
        _draw(self.layout, context)


_CLASSES = (SAM3DB_AddonPreferences, SAM3DB_PT_incomplete)


def _draw(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    scale = context.preferences.system.ui_scale or 1.0  # there is none without a window
    letters = int(context.region.width / (_WIDTH * scale)) - 6
    column = layout.column(align=True)
    column.alert = True
    for number, line in enumerate(textwrap.wrap(SAM3DB_PT_incomplete.text, max(16, letters))):
        column.label(text=line, icon="NONE" if number else "ERROR")


def register(missing: str) -> None:
    """Say which module is missing: in the preferences, in the sidebar, by the command, and on the console.

    Args:
        missing: as `missing_module` gives it.
    """
    which = f" ({missing})" if missing else ""
    SAM3DB_PT_incomplete.text = f"Files of the extension are missing{which}. {_ADVICE}"
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    command.attach_incomplete(SAM3DB_PT_incomplete.text)
    if bpy.app.debug_python:
        traceback.print_exc()
    sys.stderr.write(f"Character from Photo: {SAM3DB_PT_incomplete.text}\n")


def unregister() -> bool:
    """The opposite of `register`; whether there was anything to do."""
    if not SAM3DB_PT_incomplete.is_registered:
        return False
    command.detach()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    return True
