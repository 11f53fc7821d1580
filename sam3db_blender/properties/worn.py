"""The colour of a material of something worn, for the sidebar: its shader's and Solid view's at once.

Modules with bpy properties do without ``from __future__ import annotations``.
"""

from collections.abc import Sequence
from typing import Any

import bpy


def _get(material: bpy.types.Material) -> tuple[float, float, float]:
    from ..wearables.materials import colour_of

    return colour_of(material)


def _set(material: bpy.types.Material, value: Sequence[float]) -> None:
    from ..wearables.materials import recolour

    recolour(material, (value[0], value[1], value[2]))


def attach() -> None:
    """Adds the property to materials."""
    kind: Any = bpy.types.Material
    kind.sam3db_colour = bpy.props.FloatVectorProperty(  # type: ignore[func-returns-value]
        name="Color",
        description="The color of what is worn, in renders and in Solid view",
        subtype="COLOR",
        size=3,
        min=0.0,
        max=1.0,
        get=_get,
        set=_set,
    )


def detach() -> None:
    """Removes it."""
    kind: Any = bpy.types.Material
    del kind.sam3db_colour
