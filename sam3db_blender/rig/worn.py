"""What a character wears in the scene: meshes that this extension made, each known by a custom property."""

from __future__ import annotations

import bpy

#: The custom property of such a mesh: what it is and what it was made of, as JSON (``wearables.attaching``).
WORN_PROPERTY = "sam3db_worn"


def is_worn(obj: bpy.types.Object) -> bool:
    """Whether an object is hair, a garment or the like that was made for a character."""
    return obj.type == "MESH" and obj.get(WORN_PROPERTY) is not None


def worn_by(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """What a character wears, by name."""
    return sorted((child for child in rig.children if is_worn(child)), key=lambda obj: obj.name)
