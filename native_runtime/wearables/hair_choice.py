"""Which hair a photo shows on a person: the style that comes nearest, its colour, and how sure that is.

Nothing is forced: where the head is small or hidden, where skin shows on the scalp, or where a hat is likelier than
hair, there is no style.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.details import colour_of, number_of
from native_runtime.mhr import Body
from native_runtime.render.colour import encode_srgb
from native_runtime.texture.look import COLOURS, PersonColours, Tone

from .choice import Choice, Colour
from .hair import KIND, hair_styles
from .hair_seen import TURNED, Seen, look_at_hair

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

HAIR = "hair"
"""Among an estimate's details: ``HairChoice.to_json``."""

#: Parts of the scalp that have to have the colour of hair, and of which less is bald.
_HAIR_ON_SCALP, _BALD = 0.5, 0.25
#: CIELAB: colours of a scalp that lie further apart are a hat's.
_MIXED = 13.0
#: cm of hair on each side of jaw and neck that hangs down; from the side, where the nape is seen as well, so much of
#: both together.
_JAW, _NECK, _JAW_TURNED = 1.4, 1.4, 7.0
#: cm on each side of the cheeks of what is neither skin nor hair: hair below a hat.
_OTHER = 3.0
#: cm on both sides of the jaw together of hair that is wavy or curled.
_WIDE = 12.0
#: cm below the chin to which hair reaches that is long; and that surely is.
_LONG, _FAR = 7.5, 12.0
#: Sine of the turn of a head from which on it is seen from the side.
_FROM_SIDE = 0.58
#: cm above the skull of hair that stands off.
_FULL = 2.8
#: Part of the upper forehead that is bare where hair recedes.
_RECEDED = 0.9
#: Coefficient of sex below which somebody surely is a woman, whose hair is tied back if it is not beside the face; of
#: whoever is above its opposite, hair may be cropped or recede.
_FEMALE = -0.3
#: How sure a style has to be, and the one that is taken where it is not.
_SURE, _UNSURE = 0.4, "short"
#: How sure the colour of a hat can be as that of hair.
_OF_HAT = 0.2


@dataclass(frozen=True)
class HairChoice:
    """What hair somebody has.

    Attributes:
        style: the name of one of ``hair_styles``; None for none, or where nobody can tell.
        colour: linear Rec.709, or None.
        confidence: 0..1.
        why: what decided, for people to read.
        hat: whether the scalp shows a hat's colour rather than hair's; files do not say it.
    """

    style: str | None
    colour: tuple[float, float, float] | None
    confidence: float
    why: str
    hat: bool = False

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        colour = None if self.colour is None else [round(channel, 5) for channel in self.colour]
        return {"style": self.style, "colour": colour, "confidence": round(self.confidence, 2), "why": self.why}

    @staticmethod
    def from_json(content: Any) -> HairChoice | None:
        """None where the content is none, or names a style that is not known; without a colour where it is none."""
        if not isinstance(content, Mapping):
            return None
        style, confidence = content.get("style"), number_of(content.get("confidence"), 0.0, 1.0)
        if confidence is None or not (style is None or style in [known.name for known in hair_styles()]):
            return None
        return HairChoice(style, colour_of(content.get("colour"), 1.0), confidence, str(content.get("why", "")))


def choose_hair(
    pixels: NDArray[np.uint8],
    intrinsics: Array,
    vertices: Array,
    body: Body,
    sex: float,
    colours: PersonColours,
    mask: Bools | None,
    shift: Array | None = None,
) -> HairChoice:
    """The hair that a photo shows.

    Args:
        pixels: (H, W, 3) sRGB, red first.
        intrinsics: (3, 3) px of ``pixels``.
        vertices: (V, 3) m, camera axes, of the posed body.
        sex: of the person's shape, -1 for a woman's to 1 for a man's.
        colours: what the photo tells of the person's colours.
        mask: (H, W) which pixels show the person, hair included; None where nobody knows.
        shift: (2,) px, from where the body has its face to where the photo shows it.
    """
    seen = look_at_hair(pixels, intrinsics, vertices, body, mask, np.zeros(2) if shift is None else shift)
    if isinstance(seen, str):
        return HairChoice(None, None, 0.0, seen)
    return _chosen(seen, colours, sex)


def without_hat(colours: PersonColours, found: HairChoice) -> PersonColours:
    """A person's colours with the hair's from below a hat, where there is one; where none shows there, the hat's is
    less sure than colours that are used.
    """
    if not found.hat or colours.hair is None:
        return colours
    if found.colour is None:
        return replace(colours, hair=replace(colours.hair, confidence=min(colours.hair.confidence, _OF_HAT)))
    red, green, blue = encode_srgb(np.array(found.colour)).tolist()
    return replace(colours, hair=Tone((red, green, blue), found.confidence))


def _chosen(seen: Seen, colours: PersonColours, sex: float) -> HairChoice:
    colour = colours.hair.linear if colours.hair is not None else seen.colour
    sure = seen.clearness * (1.0 if colours.hair is not None else 0.7)
    if seen.scalp < _BALD:
        return HairChoice(None, None, seen.clearness * (1 - 2 * seen.scalp), "the scalp shows skin")
    if not _is_hair(colour) or seen.mixed > _MIXED:
        return HairChoice(None, None, 0.6 * seen.clearness, "its colour is none that hair has", hat=True)
    if seen.turned <= TURNED and seen.other[1] >= _OTHER:
        if not _is_hair(seen.other_colour):
            return HairChoice(None, None, 0.4 * seen.clearness, "something else than hair is beside the face", hat=True)
        return HairChoice("bob", seen.other_colour, 0.5 * seen.clearness, "hair shows below a hat", hat=True)
    sure *= min(1.0, seen.scalp / _HAIR_ON_SCALP)
    if _beside(seen.jaw, seen, _JAW, _JAW_TURNED):
        far = not seen.clothes_alike and seen.below >= _FAR
        if far or (_beside(seen.neck, seen, _NECK, _NECK) and (seen.clothes_alike or seen.below >= _LONG)):
            wide = seen.turned <= TURNED and sum(seen.jaw) >= _WIDE
            return HairChoice("wavy" if wide else "long", colour, 0.9 * sure, "it reaches below the chin")
        return HairChoice("bob", colour, 0.8 * sure, "it is beside the face")
    if sex < _FEMALE:
        if seen.below >= _LONG and not seen.clothes_alike:
            return HairChoice("long", colour, 0.6 * sure, "it reaches below the chin")
        return HairChoice("ponytail", colour, 0.7 * sure, "it is not beside the face")
    if seen.height >= _FULL:
        return HairChoice("curly", colour, sure * _part(seen.height, _FULL), "it stands off the skull")
    if seen.forehead >= _RECEDED and sex > -_FEMALE and seen.turned <= TURNED:
        return HairChoice("receding", colour, 0.7 * sure, "the upper forehead is bare")
    return HairChoice("short", colour, sure, "it ends above the ears")


def _beside(widths: tuple[float, float], seen: Seen, least: float, least_turned: float) -> bool:
    """Whether hair hangs down: on both sides, or on one where the other is out of view or in another light."""
    if seen.turned > TURNED:
        return sum(widths) >= float(np.interp(seen.turned, (TURNED, _FROM_SIDE), (1.5 * least, least_turned)))
    return widths[1] >= least or (widths[0] >= 3 * least and not seen.clothes_alike)


def _part(value: float, least: float) -> float:
    """How sure it is that something is at least so much: 0.6 there, 1 at half as much again."""
    return float(np.clip(0.6 + 0.8 * (value / least - 1), 0.6, 1.0))


def _is_hair(colour: tuple[float, float, float]) -> bool:
    """Whether hair has a colour by itself: grey, or between red and yellow."""
    lab = cv2.cvtColor(np.array([[colour]], np.float32), cv2.COLOR_LRGB2LAB)[0, 0]
    chroma, hue = float(np.hypot(lab[1], lab[2])), float(np.degrees(np.arctan2(lab[2], lab[1])))
    return chroma < 12 or 15 < hue < 100


def worn_hair(details: Mapping[str, Any]) -> Choice | None:
    """What a character wears by what the photo told, from an estimate's details; None for no hair.

    Where the style is unsure, it is short hair of the colour that was seen.
    """
    found = HairChoice.from_json(details.get(HAIR))
    if found is None or found.style is None:
        return None
    return Choice(KIND, found.style if found.confidence >= _SURE else _UNSURE, hair_colour(details))


def hair_colour(details: Mapping[str, Any]) -> Colour | None:
    """The colour of a person's hair by what the photo told, whatever its style, from an estimate's details: linear
    Rec.709, None where nobody can tell, or where it is a hat's rather.
    """
    found = HairChoice.from_json(details.get(HAIR))
    if found is not None and found.colour is not None:
        return found.colour
    tone = PersonColours.from_json(details.get(COLOURS)).hair
    return tone.linear if tone is not None and tone.confidence >= _SURE and _is_hair(tone.linear) else None


def sex_of(body: Body, identity: NDArray) -> float:
    """-1 for a woman's shape to 1 for a man's; 0 for bodies that do not say."""
    names = list(body.identity_names)
    return float(identity[names.index("gender")]) if "gender" in names else 0.0
