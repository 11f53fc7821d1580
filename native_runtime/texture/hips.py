"""Hips that no photo shows dressed, behind a table or a sofa, say. They are covered with plain trousers, or with shorts
where bare legs are seen, so that nobody is left naked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .anatomy import PARTS

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from .anatomy import Anatomy
    from .garments import Garments

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

DENIM = np.array([0.030, 0.038, 0.056])
"""Linear Rec.709, of the trousers."""

_THIGHS, _SHINS = ("l_upleg", "r_upleg"), ("l_lowleg", "r_lowleg")
#: The waist is so far above the joint of the hip, parts of the length of the thigh.
_WAIST = 0.34
#: Part of the hips that has to be bare, or of hips and thighs up to which no garment is seen there.
_BARE, _NO_GARMENT = 0.4, 0.005
#: Where more of the hips is seen, in the skin's colour, than this part (about 0.3 from the front), that is what they
#: wear.
_SEEN = 0.18
#: From this part of the legs on that is seen bare, shorts are worn; they end at this part of the thigh from above.
_BARE_LEGS, _SHORTS = 0.03, 0.6


def hips_of(body: Body, anatomy: Anatomy) -> Bools:
    """(V,) from the waist to where the thighs begin; nothing of bodies that have no such joints."""
    below = np.zeros(body.vertex_count, bool)
    if not {"l_upleg", "l_lowleg"} <= set(body.joint_names):
        return below
    waist, knee = _heights(body)
    torso = anatomy.part == PARTS.index("torso")
    thighs = np.isin(anatomy.part, [PARTS.index(name) for name in _THIGHS])
    height = body.rest_vertices[:, 1]
    crotch = float(height[torso].min())
    return np.asarray((torso & (height < waist)) | (thighs & (height > crotch - 0.1 * (crotch - knee))))


def bare_hips(body: Body, anatomy: Anatomy, garments: Garments, votes: Array, shares: Array) -> Bools:
    """(V,) what plain trousers, or shorts, are to cover: nothing where a garment is seen on the hips, or they are
    seen well.

    Args:
        votes: (V, K) see ``garments.Samples``.
        shares: (V, K) see ``garments.worn``.
    """
    nothing = np.zeros(len(votes), bool)
    hips = hips_of(body, anatomy)
    if not hips.any():
        return nothing
    thighs, shins = (np.isin(anatomy.part, [PARTS.index(n) for n in names]) for names in (_THIGHS, _SHINS))
    bare = (shares[hips].argmax(axis=1) == garments.skin).mean() >= _BARE
    garment = np.delete(votes, garments.skin, axis=1)[hips | thighs].sum(axis=1).mean()
    if not (bare or garment < _NO_GARMENT) or votes[hips, garments.skin].mean() > _SEEN:
        return nothing
    legs = thighs | shins
    if votes[legs, garments.skin].mean() < _BARE_LEGS:
        return hips | legs
    height = body.rest_vertices[:, 1]
    top, knee = float(height[thighs].max()), _heights(body)[1]
    return np.asarray(hips | (thighs & (height > top - _SHORTS * (top - knee))))


def _heights(body: Body) -> tuple[float, float]:
    """cm at rest: of the waist, and of the knees."""
    height = body.pose(np.zeros(len(body.parameter_names))).translations[:, 1]
    hip, knee = (float(height[body.joint_index(name)]) for name in ("l_upleg", "l_lowleg"))
    return hip + _WAIST * (hip - knee), knee
