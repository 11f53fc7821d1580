"""The studio in which the people are shown: light that moves with the camera, and a plain backdrop."""

from __future__ import annotations

import numpy as np

from .floor import floor_shadow
from .raster import Floats, Surface, View
from .shading import Light, render

#: One colour for each person, linear Rec.709: cool and pale first, which stands out against skin, cloth and streets.
TINTS = np.array(
    [
        (0.46, 0.54, 0.63),
        (0.70, 0.54, 0.39),
        (0.46, 0.58, 0.42),
        (0.65, 0.47, 0.58),
        (0.68, 0.62, 0.38),
        (0.38, 0.58, 0.58),
    ]
)
#: Key from the upper left, cool fill, rim from behind: the direction towards each in the camera's axes (x right, y
#: down, z forward), its power, and its colour.
LAMPS: tuple[tuple[tuple[float, float, float], float, tuple[float, float, float]], ...] = (
    ((-0.65, -0.75, -0.8), 1.02, (1.0, 0.965, 0.91)),
    ((0.9, -0.1, -0.7), 0.18, (0.86, 0.93, 1.0)),
    ((0.6, -0.5, 0.9), 0.32, (1.0, 0.98, 0.95)),
)
_WRAPS = (0.15, 0.5, 0.1)
_BACKDROP_TOP, _BACKDROP_BOTTOM = np.array([0.84, 0.835, 0.82]), np.array([0.60, 0.595, 0.58])
_FLOOR_SHADOW = 0.75
_SKY, _GROUND = np.array([0.27, 0.285, 0.30]), np.array([0.10, 0.092, 0.088])
#: Pictures of cloth and skin have light and shade of their own: more light from all around, and less from the lamps, so
#: that a face has about the brightness that the photo shows, also in the shadow of its hair.
_PAINTED_SKY, _PAINTED_GROUND, _PAINTED_LAMPS = np.array([0.80, 0.81, 0.82]), np.array([0.62, 0.61, 0.60]), 0.3


def lit(surface: Surface, view: View) -> Floats:
    """The surface (H, W, 4), linear colour times coverage, and coverage, in the light of the studio."""
    share, sky, ground = 1.0, _SKY, _GROUND
    if surface.paint is not None:
        share, sky, ground = _PAINTED_LAMPS, _PAINTED_SKY, _PAINTED_GROUND
    lamps = [
        Light(view.axes @ np.array(direction) / np.linalg.norm(direction), share * power * np.array(colour), wrap)
        for (direction, power, colour), wrap in zip(LAMPS, _WRAPS)
    ]
    return render(surface, view, lamps[0], lamps[1:], sky=sky, ground=ground)


def backdrop(surface: Surface, view: View, shadow: bool = True) -> Floats:
    """A light grey ground that darkens where the surface stands: (H, W, 3) linear.

    Args:
        shadow: of the surface on the floor below its lowest point.
    """
    ramp = np.linspace(0, 1, view.height)[:, None, None]
    grey = np.broadcast_to(_BACKDROP_TOP * (1 - ramp) + _BACKDROP_BOTTOM * ramp, (view.height, view.width, 3))
    if shadow:
        level = float(surface.vertices[:, 2].min())
        grey = grey * (1 - _FLOOR_SHADOW * floor_shadow(surface, view, level)[..., None])
    return np.asarray(grey, np.float32)
