"""Rigify itself: an add-on that Blender ships, and that is switched on only if the user agrees."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from contextlib import redirect_stdout
from typing import Any

import addon_utils
import bpy

from native_runtime.errors import Sam3dbError

_NAME = "rigify"
#: Where Rigify's script of a rig says how exactly the plane of a limb is searched, and what is to be said there.
_SEARCH = re.compile(r"(ternarySearch\(distance, [\w\[\], ]+, )pi / 180(?=\))")
_FINER = "pi / 1800"


def is_enabled() -> bool:
    """Whether Rigify is switched on."""
    return bool(addon_utils.check(_NAME)[1])


def is_there() -> bool:
    """Whether this Blender has Rigify at all."""
    add_ons: Any = addon_utils
    return any(module.__name__ == _NAME for module in add_ons.modules(refresh=False))


def enable() -> None:
    """Switches Rigify on, in the user's preferences, which it reads while it starts.

    Raises:
        Sam3dbError: this Blender has no Rigify, or it cannot be switched on.
    """
    if is_enabled():
        return
    add_ons: Any = addon_utils
    add_ons.modules(refresh=True)
    if add_ons.enable(_NAME, default_set=True) is None:
        raise Sam3dbError(
            "The add-on Rigify cannot be switched on in this Blender; it is a part of Blender's own download."
        )


def require() -> None:
    """Raises a Sam3dbError where Rigify is switched off."""
    if not is_enabled():
        raise Sam3dbError(
            "The add-on Rigify is switched off: switch it on in the preferences, under Add-ons, or let the dialog of "
            "'Make Rigify Rig' do so."
        )


def generate(metarig: bpy.types.Object) -> bpy.types.Object:
    """Lets Rigify make a rig, or make it again, out of a metarig that is shown; object mode.

    Raises:
        Sam3dbError: Rigify refuses, with its own words.
    """
    require()
    generator: Any = importlib.import_module(f"{_NAME}.generate")
    bpy.context.view_layer.objects.active = metarig
    before = set(bpy.data.armatures)
    try:
        with redirect_stdout(sys.stderr):  # it tells of its progress, and standard output may be someone else's
            generator.generate_rig(bpy.context, metarig)
    except Exception as error:
        words = str(error).strip("\"'").replace("RIGIFY ERROR: ", "")
        raise Sam3dbError(f"Rigify could not make the rig: {words}") from error
    finally:
        # it works on a copy of the metarig, whose bones it leaves behind
        bpy.data.batch_remove([data for data in set(bpy.data.armatures) - before if data.users == 0])
    made: bpy.types.Object = metarig.data.rigify_target_rig  # type: ignore[attr-defined,union-attr]
    _search_finely(metarig.data.rigify_rig_ui)  # type: ignore[attr-defined,union-attr]
    return made


def _search_finely(script: bpy.types.Text | None) -> None:
    """Lets the own button IK->FK of a generated rig find the plane of a limb within a tenth of a degree.

    Rigify's script ends its search at one degree, by which elbows and knees jumped 1.1 mm. Where another version words
    the search differently the script stays as it is.
    """
    if script is None:
        return
    text = script.as_string()
    finer = _SEARCH.sub(rf"\1{_FINER}", text)
    if finer != text:
        script.from_string(finer)
        script.as_module()  # registers the buttons of the rig again
