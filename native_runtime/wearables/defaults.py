"""What a new character wears, by its shape and by what the photo says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.texture.look import COLOURS, PersonColours

from .choice import Choice
from .face_hair import brows_of, lashes_of, shows_brows
from .hair_choice import hair_colour, worn_hair

#: The kinds that are worn where no texture shows clothes.
UNDERWEAR = ("underwear", "top")
#: The kinds that a texture may show.
SHOWN = (*UNDERWEAR, "brows")
#: From this coefficient of sex on (positive: male) a body certainly has no breasts; children wear a top in any case.
_MALE, _CHILD = 0.35, 0.3
#: From this confidence on the photo shows shoes.
_SURE = 0.3


def default_outfit(
    body: Body, identity: NDArray[np.float64], details: Mapping[str, Any], textured: bool = False
) -> list[Choice]:
    """What a character wears unless somebody says otherwise.

    Args:
        identity: (n_id,) its shape.
        details: of its estimate, which hold what the photo told.
        textured: whether a texture shows its clothes: it then wears no underwear, and no brows besides those that the
            photo shows.
    """
    outfit = [lashes_of(details)] if "eyes" in body.material_names else []  # MHR's own body has its eyes in its skin
    if not (textured and shows_brows(details)):
        outfit.append(brows_of(details))
    hair = worn_hair(details)
    if hair is not None:
        outfit.append(hair)
    if not textured:
        outfit.append(Choice("underwear", "trunks"))
        if needs_top(body, identity):
            outfit.append(Choice("top", "sports"))
    colours = PersonColours.from_json(details.get(COLOURS))
    if colours.shoes is not None and colours.shoes.confidence > _SURE:
        outfit.append(Choice("shoes", "sneakers", colours.shoes.linear))
    elif textured and colours.feet in ("covered", "unseen"):  # whoever is dressed seldom goes barefoot
        told = colours.shoes if colours.feet == "unseen" else None  # in greys, where feet may be bare as well
        outfit.append(Choice("shoes", "sneakers", None if told is None else told.linear))
    return outfit


def is_told(choice: Choice) -> bool:
    """Whether a choice of ``default_outfit`` says something that the photo told, its style or its colour."""
    return choice.kind == "hair" or choice.colour is not None


def in_seen_colour(details: Mapping[str, Any], kind: str, style: str) -> Choice:
    """A style that somebody chose, of hair, brows or lashes in the colour that the photo told; of other kinds, or where
    it told none, in the style's own.

    Args:
        details: of the person's estimate.
    """
    if kind == "hair":
        return Choice(kind, style, hair_colour(details))
    if kind == "brows":
        return replace(brows_of(details), style=style)
    if kind == "lashes":
        return replace(lashes_of(details), style=style)
    return Choice(kind, style)


def needs_top(body: Body, identity: NDArray[np.float64]) -> bool:
    """Whether a body has breasts, may have, or is a child's."""
    values = dict(zip((str(name) for name in body.identity_names), np.asarray(identity).tolist()))
    child = any(values.get(name, 0.0) > _CHILD for name in ("childhood", "late_childhood"))
    return child or "gender" not in values or values["gender"] < _MALE
