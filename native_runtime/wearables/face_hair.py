"""The brows and lashes that a person has, by what their photo told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from native_runtime.engines.details import number_of, part_of, points_of
from native_runtime.engines.looks import LOOKS
from native_runtime.texture.alignment import FACE_POINTS, is_seen_aside
from native_runtime.texture.hints import SEEN, looks_of, wore_dark_glasses
from native_runtime.texture.look import COLOURS, PersonColours, Tone

from .choice import Choice
from .strands import Colour

#: Colours that are less sure are not used.
_SURE = 0.25
#: Of hair's colour in brows: nearly all of dark hair, about half of light hair; and in lashes.
_DARK_BROWS, _LIGHT_BROWS, _LASHES = 0.9, 0.45, 0.45
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
#: Luminance of hair that is light.
_LIGHT = 0.25
#: Linear Rec.709: no lashes are lighter.
_LIGHTEST_LASHES = 0.06
#: Years up to which brows are finer.
_CHILD, _CHILD_BROWS = 12.0, 0.75


def brows_of(details: Mapping[str, Any]) -> Choice:
    """Natural brows in the person's colour; as wide as men's, women's or children's, as far as that is known.

    Args:
        details: of an estimate.
    """
    looks = part_of(details, LOOKS)
    certainty, age = number_of(looks.get("certainty"), 0.0, 1.0) or 0.0, number_of(looks.get("age"))
    leaning = {"male": 0.5, "female": -0.5}.get(str(looks.get("sex")), 0.0)
    numbers = {"man": 0.5 + leaning * certainty, "thickness": 1.0}
    if age is not None and age <= _CHILD:
        numbers = {"man": 0.3, "thickness": _CHILD_BROWS}
    return Choice("brows", "natural", _brow_colour(PersonColours.from_json(details.get(COLOURS))), numbers)


def lashes_of(details: Mapping[str, Any]) -> Choice:
    """Natural lashes, darker than the brows."""
    brows = _brow_colour(PersonColours.from_json(details.get(COLOURS)))
    return Choice("lashes", "natural", None if brows is None else _scaled(brows, _LASHES, _LIGHTEST_LASHES))


def shows_brows(details: Mapping[str, Any]) -> bool:
    """Whether the photo shows the face, so that a texture of it has the person's own brows: not one that is turned far
    aside, or behind dark glasses.
    """
    looks = looks_of(details)
    if wore_dark_glasses(details) or (looks is not None and is_seen_aside(looks)):
        return False
    return points_of(part_of(details, SEEN).get("face"), len(FACE_POINTS)) is not None


def _brow_colour(colours: PersonColours) -> Colour | None:
    if _is_sure(colours.brows):
        assert colours.brows is not None
        return colours.brows.linear
    if not _is_sure(colours.hair):
        return None
    assert colours.hair is not None
    light = float(np.clip(np.array(colours.hair.linear) @ _LUMINANCE / _LIGHT, 0, 1))
    return _scaled(colours.hair.linear, _DARK_BROWS + light * (_LIGHT_BROWS - _DARK_BROWS), 1.0)


def _is_sure(tone: Tone | None) -> bool:
    return tone is not None and tone.confidence >= _SURE


def _scaled(colour: Colour, factor: float, most: float) -> Colour:
    red, green, blue = (factor * channel for channel in colour)
    limit = min(1.0, most / max(red, green, blue, 1e-6))
    return red * limit, green * limit, blue * limit
