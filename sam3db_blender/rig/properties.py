"""Sliders as custom properties of the armature object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError

from .sliders import Slider

Array = NDArray[np.float64]


def slider_path(key: str) -> str:
    """The data path of a slider on its rig."""
    return f'["{bpy.utils.escape_identifier(key)}"]'


def add_sliders(rig: bpy.types.Object, sliders: Iterable[Slider]) -> None:
    """Makes the properties, all 0, with ranges, descriptions and, for linked characters, permission to override."""
    for slider in sliders:
        rig[slider.key] = 0.0
        ui: Any = rig.id_properties_ui(slider.key)  # type: ignore[func-returns-value]
        ui.update(
            default=0.0,
            min=slider.floor,
            max=slider.ceiling,
            soft_min=slider.low,
            soft_max=slider.high,
            description=slider.description,
            precision=3,
        )
        rig.property_overridable_library_set(slider_path(slider.key), True)


def write_sliders(rig: bpy.types.Object, sliders: Sequence[Slider], values: Iterable[float]) -> None:
    """Sets sliders. Drivers follow when Blender next updates the scene."""
    for slider, value in zip(sliders, values):
        _require(rig, slider)
        rig[slider.key] = float(value)
    rig.update_tag()


def read_sliders(rig: bpy.types.Object, sliders: Sequence[Slider]) -> Array:
    """The values of sliders, (n,)."""
    for slider in sliders:
        _require(rig, slider)
    return np.array([float(rig[slider.key]) for slider in sliders])


def _require(rig: bpy.types.Object, slider: Slider) -> None:
    if rig.get(slider.key) is None:
        raise Sam3dbError(
            f"'{rig.name}' has no slider '{slider.key}': it was made of another body, or the property was removed."
        )
