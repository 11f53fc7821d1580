"""The expression of the first character, and its part of the panel."""

from __future__ import annotations

import bpy

from .scene import part, rigs


class _Open(str):
    """A section that the panel draws open."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__

    def __format__(self, spec: str) -> str:
        return f"{self!s}_open"  # what was closed is remembered by its name


def show() -> None:
    """Leaves only the panel of the character in the sidebar's tab, with the expression alone, open."""
    panel = part("ui.character_panel")
    for cls in reversed(part("registration").CLASSES):
        if issubclass(cls, bpy.types.Panel) and getattr(cls, "bl_category", "") == "Photo" and cls.is_registered:
            bpy.utils.unregister_class(cls)
    panel._SECTIONS = ((_Open("expression"), "Expression", "USER"),)
    bpy.utils.register_class(panel.SAM3DB_PT_character)


def shown() -> dict[str, float]:
    """The sliders of the face that are not 0."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    body = part("scene.bodies").body_of(rig)
    _, expression = part("rig.pose").read_shape(rig, body)
    return {name: float(value) for name, value in zip(body.expression_names, expression) if abs(value) > 1e-4}
