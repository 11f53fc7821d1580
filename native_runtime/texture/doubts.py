"""What is seen, but probably of something else: near an outline, a photo may show what lies beside.

A fit is some centimetres off. So the outline of a hand before a thigh lies elsewhere in the photo than on the body, and
the thigh has skin there, or the hand trousers. What lies well within an outline is certain of its garment. Near an
outline, only what fits in with that counts as seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .garments import Garments, Samples, worn

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from .anatomy import Anatomy
    from .atlas import Atlas
    from .projection import Floats

#: Parts of the person's size: nearer to an outline than the first, the photo may show anything; from the second on, it
#: shows the person.
_NEAR, _CERTAIN = 0.006, 0.035
#: What is near counts so far where a garment is told.
_LEAST = 0.05
#: From this share of what a place wears on, a garment is surely one of its own.
_OWN = 0.4
#: CIELAB (scaled as garments are): farther from all garments than this, a colour is none of theirs.
_STRANGE = 30.0
_TOLERANCE = 2e-2


def supported(
    body: Body, anatomy: Anatomy, atlas: Atlas, garments: Garments, colour: Floats, weight: Floats, inset: Floats
) -> Floats:
    """(N,) 0..1, how far what is seen of each texel fits in with what is certainly seen around it.

    Args:
        colour, weight, inset: (N, 3) linear, (N,) and (N,), see ``projection.Seen``.
    """
    certain = np.clip((inset - _NEAR) / (_CERTAIN - _NEAR), 0, 1)
    votes = Samples.of(body, atlas, colour, weight * np.maximum(certain, _LEAST), garments).votes
    shares = worn(garments, votes, body, anatomy, _TOLERANCE)
    alike = shares @ garments.kin
    below = ~anatomy.head[body.triangles].any(axis=1)
    asked = np.flatnonzero((weight > 0) & (certain < 1) & below[atlas.triangle])
    kind, off = garments.nearest(colour[asked])
    corners, weights = body.triangles[atlas.triangle[asked]], atlas.weights[asked]
    own = np.sum([weights[:, k] * alike[corners[:, k], kind] for k in range(3)], axis=0)
    fits = np.clip(own / _OWN, 0, 1) ** 2 * np.clip(2 - off / _STRANGE, 0, 1)
    result = np.ones(len(weight), np.float32)
    result[asked] = certain[asked] + (1 - certain[asked]) * fits
    return result
