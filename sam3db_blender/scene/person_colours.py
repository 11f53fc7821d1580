"""The colours of a character: those that its photo showed, and those that an artist chose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import bpy

from native_runtime.texture.look import COLOURS, PersonColours, Tone

from ..rig.mesh import PARTS_PROPERTY
from .materials import MADE_FOR, TINTED_BY_SKIN, BodyColours, Colour, is_untouched, skin_material
from .provenance import read_origin
from .readback import units_of

#: Custom property of a character's armature: the skin that an artist chose, linear Rec.709.
SKIN = "sam3db_skin"
#: Colours that are less sure are not used.
_SURE = 0.25


def seen_colours(details: Mapping[str, Any]) -> PersonColours:
    """What an estimate's details tell of the person's colours; nothing in files of older versions."""
    return PersonColours.from_json(details.get(COLOURS))


def body_colours(details: Mapping[str, Any]) -> BodyColours:
    """The colours for a body's materials by an estimate's details, as far as they are sure."""
    seen, usual = seen_colours(details), BodyColours()
    skin = _sure(seen.skin)
    return BodyColours(
        skin=skin or usual.skin,
        iris=_sure(seen.iris) or usual.iris,
        lips=_sure(seen.lips) if skin else None,
    )


def colours_of(rig: bpy.types.Object) -> BodyColours:
    """The colours of a character: its photo's, but for a skin that an artist chose.

    Raises:
        Sam3dbError: its record is damaged.
    """
    seen = body_colours(read_origin(rig).details["details"])
    chosen = rig.get(SKIN)
    if chosen is None or len(chosen) != 3:
        return seen
    red, green, blue = (float(channel) for channel in chosen)
    return BodyColours(skin=(red, green, blue), iris=seen.iris)


def give_skin(rig: bpy.types.Object, mesh: bpy.types.Object, skin: Colour | None) -> None:
    """Gives a character's skin another tone: its materials of skin, lips and nails are replaced, unless an artist has
    changed them, or they show a picture.

    Args:
        mesh: the character's own.
        skin: linear Rec.709; None for what the photo showed.

    Raises:
        Sam3dbError: the character's record is damaged.
    """
    record = read_origin(rig).details
    if skin is None:
        rig.pop(SKIN, None)
    else:
        rig[SKIN] = [float(channel) for channel in skin]
    colours, units = colours_of(rig), units_of(rig)
    left = []
    for slot, part in zip(mesh.material_slots, json.loads(mesh.get(PARTS_PROPERTY, "[]"))):
        old = slot.material
        if part in TINTED_BY_SKIN and old is not None and old.get(MADE_FOR) and is_untouched(old):
            slot.material = skin_material(part, record["body_name"], record["body_hash"], units, colours)
            left.append(old)
    for material in dict.fromkeys(left):
        if material.users == 0 and not material.library:
            bpy.data.materials.remove(material)


def _sure(tone: Tone | None) -> Colour | None:
    return tone.linear if tone is not None and tone.confidence >= _SURE else None
