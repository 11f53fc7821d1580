"""Sliders as custom properties of the armature object.

Lengths are in centimetres. Characters that version 0.1.0 made have MHR's own units in the same properties, which their
drivers and animations go by; they keep them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.sliders import Slider, is_length
from native_runtime.errors import Sam3dbError

Array = NDArray[np.float64]

#: The custom property of a rig whose lengths are in centimetres.
CENTIMETRES = "sam3db_centimetres"


def slider_path(key: str) -> str:
    """The data path of a slider on its rig."""
    return f'["{bpy.utils.escape_identifier(key)}"]'


def add_sliders(rig: bpy.types.Object, sliders: Iterable[Slider]) -> None:
    """Makes the properties, all 0, with ranges, descriptions and, for linked characters, permission to override."""
    rig[CENTIMETRES] = True
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
            precision=1 if is_length(slider.key) else 3,
            subtype="ANGLE" if slider.angle else "NONE",
        )
        rig.property_overridable_library_set(slider_path(slider.key), True)


def write_sliders(rig: bpy.types.Object, sliders: Sequence[Slider], values: Iterable[float]) -> None:
    """Sets sliders to model parameters and coefficients. Drivers follow when Blender next updates the scene."""
    for slider, value in zip(sliders, values):
        _require(rig, slider)
        rig[slider.key] = float(value) * units_of(rig, slider)
    rig.update_tag()


def read_sliders(rig: bpy.types.Object, sliders: Sequence[Slider]) -> Array:
    """The model parameters and coefficients that sliders hold, (n,)."""
    for slider in sliders:
        _require(rig, slider)
    return np.array([float(rig[slider.key]) / units_of(rig, slider) for slider in sliders])


def in_centimetres(rig: bpy.types.Object) -> bool:
    """Whether a character's lengths are in centimetres, or in MHR's units as version 0.1.0 had them."""
    return bool(rig.get(CENTIMETRES, False))


def units_of(rig: bpy.types.Object, slider: Slider) -> float:
    """How many units of a slider one of its parameter is on this rig.

    They are 1 or 10, with which dividing and multiplying again gives back the very same number.
    """
    return slider.units if in_centimetres(rig) else 1.0


def _require(rig: bpy.types.Object, slider: Slider) -> None:
    if rig.get(slider.key) is None:
        raise Sam3dbError(
            f"'{rig.name}' has no slider '{slider.key}': it was made of another body, or the property was removed."
        )
