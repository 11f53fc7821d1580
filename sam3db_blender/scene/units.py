"""Blender's units and metres: the only place that converts between them.

Estimates, bodies and files speak metres. A scene says how many metres one of its units is (Scene Properties > Units >
Unit Scale): with 0.01 a unit is a centimetre, and somebody 1.8 m tall is 180 units tall. As Blender's own exporters
do, a scene whose unit system is "None" is taken to be in metres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bpy


def metres_per_unit(scene: bpy.types.Scene) -> float:
    """The length of one unit of a scene, m."""
    settings = scene.unit_settings
    return 1.0 if settings.system == "NONE" else float(settings.scale_length)


def units_per_metre(scene: bpy.types.Scene) -> float:
    """How many units of a scene make one metre."""
    return 1.0 / metres_per_unit(scene)
