"""Scenes whose unit is not the metre."""

import bpy
import pytest

from sam3db_blender.scene.units import metres_per_unit, units_per_metre


@pytest.mark.parametrize(
    ("system", "scale", "units"), [("METRIC", 1.0, 1.0), ("METRIC", 0.01, 100.0), ("NONE", 0.01, 1.0)]
)
def test_a_scene_says_how_long_its_unit_is(system: str, scale: float, units: float) -> None:
    settings = bpy.context.scene.unit_settings
    settings.system, settings.scale_length = system, scale
    assert units_per_metre(bpy.context.scene) == pytest.approx(units)
    assert metres_per_unit(bpy.context.scene) == pytest.approx(1 / units)
