"""Clothes are not the body: which parts of an outline are loose.

Clothes only add. What a body of plausible girth leaves between itself and the border of the mask, all along a part of
the body, is cloth, and must not be filled with flesh. Whether somebody is fat all over shows on the limbs, too: that is
decided before, by the fit of the outline, whose prior makes weight cheap and a single broad part dear.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

Array = NDArray[np.float64]

_PARTS: dict[str, tuple[str, ...]] = {
    "chest": ("c_spine2", "c_spine3", "l_clavicle", "r_clavicle"),
    "hips": ("root", "body_world", "c_spine0", "c_spine1"),
    **{f"{s}_{part}": (f"{s}_{part}",) for s in "lr" for part in ("uparm", "lowarm", "upleg", "lowleg")},
}
"""Parts that garments cover as a whole, by the beginnings of their joints' names."""

LOOSE = 0.006
"""Of the person's size: a part whose rim lies farther than this (about 1 cm) within the mask by the median is loose."""

_FEWEST = 4
"""Points of the rim that say something about a part."""

_TIGHT = 0.25
"""The least share of the rim that is not loose: where nothing shows how slim somebody is, all of it counts."""


def parts_of(body: Body) -> NDArray[np.int64]:
    """(V,) number of the part that a vertex belongs to by the joint that holds it most; -1 where it is none."""
    of_joint = np.array(
        [
            next((i for i, starts in enumerate(_PARTS.values()) if name.startswith(starts)), -1)
            for name in body.joint_names
        ]
    )
    return of_joint[body.skin_indices[np.arange(body.vertex_count), np.argmax(body.skin_weights, axis=1)]]


def loose_points(parts: NDArray[np.int64], slack: Array, person_size: float) -> NDArray[np.bool_]:
    """Which points of a rim belong to loose parts.

    Args:
        parts: (n,) of each point, as ``parts_of`` numbers them.
        slack: (n,) px, how far each lies within the mask; negative outside.
        person_size: px.
    """
    loose = np.zeros(len(parts), bool)
    for part in range(len(_PARTS)):
        mine = parts == part
        if mine.sum() >= _FEWEST and np.median(slack[mine]) > LOOSE * person_size:
            loose |= mine
    return loose if np.mean(~loose) >= _TIGHT else np.zeros(len(parts), bool)
