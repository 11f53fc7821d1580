"""The tone of a character's skin, for the sidebar.

Modules with bpy properties do without ``from __future__ import annotations``.
"""

from collections.abc import Sequence
from typing import Any

import bpy

from native_runtime.errors import Sam3dbError


def _get(rig: bpy.types.Object) -> tuple[float, float, float]:
    from ..scene.materials import USUAL
    from ..scene.person_colours import colours_of

    try:
        return colours_of(rig).skin
    except Sam3dbError:  # no character; the panels say so where one is damaged
        return USUAL.skin


def _set(rig: bpy.types.Object, value: Sequence[float]) -> None:
    from ..scene.bodies import body_mesh
    from ..scene.person_colours import give_skin

    give_skin(rig, body_mesh(rig), (value[0], value[1], value[2]))


def attach() -> None:
    """Adds the property to objects; only characters have a skin to show."""
    kind: Any = bpy.types.Object
    kind.sam3db_skin_color = bpy.props.FloatVectorProperty(  # type: ignore[func-returns-value]
        name="Skin",
        description="The tone of the skin; lips, nails, palms and soles follow. Materials that you changed, and those "
        "that show a texture, stay as they are",
        subtype="COLOR",
        size=3,
        min=0.0,
        max=1.0,
        get=_get,
        set=_set,
    )


def detach() -> None:
    """Removes it."""
    kind: Any = bpy.types.Object
    del kind.sam3db_skin_color
