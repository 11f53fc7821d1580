"""What hands show: skin, a glove, or something beside them. Hands are small and often beside their estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .anatomy import PARTS
from .lab import lab8

if TYPE_CHECKING:
    from .anatomy import Anatomy
    from .atlas import Atlas

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

#: Difference in a and b of CIELAB (8 bit) from where on a colour is not the skin's, and the least part of a hand that
#: has to be the skin's for the rest to be something else.
_OTHER_HUE, _BARE = 11.0, 0.15
#: In black-and-white photos: difference in lightness (8 bit) from where on a grey is not the skin's, up to which a hand
#: and its sleeve are of one cloth, and texels of each at least for that to be judged.
_OTHER_GREY, _ONE_CLOTH, _FEWEST = 25.0, 25.0, 12


def plausible_hands(
    anatomy: Anatomy, triangles: NDArray[np.int32], atlas: Atlas, colour: Floats, weight: Floats, tone: Array
) -> Floats:
    """(N,) 0 on the texels of a hand that show something else than skin, 1 elsewhere; all 1 where most of what is seen
    of the hand is something else, such as a glove.

    Args:
        colour, weight: (N, 3) linear and (N,), of the texels.
        tone: (3,) linear, of the skin.
    """
    plausible = np.ones(len(weight), np.float32)
    part = anatomy.part[triangles[atlas.triangle, 0]]
    skin = lab8(np.asarray(tone)[None])[:, 1:]
    for name in ("l_hand", "r_hand"):
        mine = np.flatnonzero((part == PARTS.index(name)) & (weight > 0))
        if not len(mine):
            continue
        away = np.linalg.norm(lab8(colour[mine])[:, 1:] - skin, axis=1)
        if (away < _OTHER_HUE).mean() >= _BARE:
            plausible[mine] = np.clip(2 - away / _OTHER_HUE, 0, 1)
    return plausible


def bare_hands_in_greys(
    anatomy: Anatomy, triangles: NDArray[np.int32], atlas: Atlas, colour: Floats, weight: Floats, tone: Array
) -> tuple[Bools, Floats]:
    """Which texels are of bare hands in a black-and-white photo (N,), and how far each shows skin (N,), 0..1.

    Hue does not tell skin from cloth there. So hands are bare, unless what is seen of one has hardly anywhere the grey
    of the face, but that of its sleeve. A hand that is not seen is as the other one. What a bare hand shows in another
    grey than the face's is something beside it, and counts as not seen.

    Args:
        colour, weight, tone: as of ``plausible_hands``.
    """
    part = anatomy.part[triangles[atlas.triangle, 0]]
    skin = lab8(np.asarray(tone)[None])[0, 0]
    plausible = np.ones(len(weight), np.float32)
    verdicts: dict[str, bool] = {}
    for side in "lr":
        hand, sleeve = (
            np.flatnonzero((part == PARTS.index(f"{side}_{name}")) & (weight > 0)) for name in ("hand", "lowarm")
        )
        if len(hand) < _FEWEST:
            continue
        lightness = lab8(colour[hand])[:, 0]
        away = np.abs(lightness - skin)
        gloved = False
        if (away < _OTHER_GREY).mean() < _BARE and len(sleeve) >= _FEWEST:
            gloved = bool(abs(np.median(lab8(colour[sleeve])[:, 0]) - np.median(lightness)) < _ONE_CLOTH)
        verdicts[side] = not gloved
        if not gloved:
            plausible[hand] = np.clip(2 - away / _OTHER_GREY, 0, 1)
    bare = np.zeros(len(weight), bool)
    for side, other in ("lr", "rl"):
        if verdicts.get(side, verdicts.get(other, True)):
            bare |= part == PARTS.index(f"{side}_hand")
    return bare, plausible
