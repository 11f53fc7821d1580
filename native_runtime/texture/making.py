"""From photos and estimates to a texture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.render.colour import Floats, Pixels, encode_srgb

from .anatomy import anatomy_of
from .atlas import Atlas, atlas_of, padded
from .blending import blended
from .filling import Filled, filled
from .part_colours import PART_COLOURS
from .projection import Shot, look

if TYPE_CHECKING:
    from native_runtime.mhr import Body

#: Texels by which the map is continued beyond its borders, at 2048.
_PADDING = 16


#: The least confidence of what a photo shows.
SHOWN = 128


@dataclass(frozen=True, eq=False)
class Texture:
    """A person's texture; row 0 is its upper edge.

    Attributes:
        colour: (S, S, 3) sRGB.
        confidence: (S, S) 0..255: 128 and more where a photo shows the texel; see ``filling`` for the others.
        facts: what was done, ready for ``json.dumps``.
    """

    colour: Pixels
    confidence: Pixels
    facts: dict[str, Any]


def make_texture(body: Body, shots: Sequence[Shot], size: int = 2048, light: bool = True) -> Texture:
    """A person's texture from photos.

    Args:
        body: that the shots' vertices belong to; any level of detail.
        shots: the photos, at least one.
        size: texels along each side.
        light: take the light out, roughly.

    Raises:
        UsageError: there is no photo, or the vertices belong to another body.
        ModelError: the body has no texture coordinates.
    """
    if not shots:
        raise UsageError("A texture needs at least one photo of the person.")
    for shot in shots:
        if shot.vertices.shape != (body.vertex_count, 3):
            raise UsageError(
                f"The estimate has {len(shot.vertices)} vertices, but the body '{body.name}' has {body.vertex_count}: "
                "choose the body that the estimate was made for."
            )
    atlas, anatomy = atlas_of(body, size), anatomy_of(body)
    seen = [look(shot, body, anatomy, atlas, light) for shot in shots]
    whole = filled(body, anatomy, atlas, blended(seen))
    facts = {
        "size": size,
        "shares": {name: round(share, 4) for name, share in whole.shares.items()},
        "seen_by": [round(float((view.weight > 0).mean()), 4) for view in seen],
        "light_removed": [round(view.light.trust, 3) for view in seen],
        "skin_tone": encode_srgb(whole.tone).tolist(),
        "skin_seen": whole.tone_seen,
        "hips_covered": whole.covered,
    }
    colour, confidence = _pictures(body, anatomy.painted, atlas, whole)
    shown = colour[confidence >= SHOWN]
    facts["mean_seen"] = [round(float(c)) for c in shown.mean(axis=0)] if len(shown) else None
    return Texture(colour, confidence, facts)


def _pictures(body: Body, painted: NDArray[np.bool_], atlas: Atlas, whole: Filled) -> tuple[Pixels, Pixels]:
    colour = whole.colour.copy()
    of_triangle = body.face_materials[body.triangle_faces]
    for number, name in enumerate(body.material_names):
        if name in PART_COLOURS:
            wears = (of_triangle == number) & ~painted
            colour[wears[atlas.triangle]] = PART_COLOURS[name]
    covered = np.zeros(atlas.size**2, bool)
    covered[atlas.texel] = True
    square: Floats = padded(atlas.picture(colour), covered.reshape(atlas.size, -1), _PADDING * atlas.size / 2048)
    sure = atlas.picture(whole.confidence[:, None])[..., 0]
    return encode_srgb(square), np.round(255 * sure).astype(np.uint8)
