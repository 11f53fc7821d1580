"""The photographer's studio in which the people are seen: light that stands with the camera, and a quiet backdrop."""

from __future__ import annotations

import numpy as np

from .floor import floor_shadow
from .raster import Floats, Surface, View
from .shading import Light, render

#: One colour for each person, linear Rec.709: cool and pale first, which stands out against skin, cloth and streets.
TINTS = np.array(
    [
        (0.52, 0.62, 0.74),
        (0.78, 0.58, 0.40),
        (0.52, 0.70, 0.50),
        (0.74, 0.53, 0.68),
        (0.78, 0.72, 0.44),
        (0.44, 0.68, 0.70),
    ]
)
_BACKDROP_TOP, _BACKDROP_BOTTOM = np.array([0.80, 0.82, 0.84]), np.array([0.56, 0.58, 0.61])
_FLOOR_SHADOW = 0.75
_SKY, _GROUND = np.array([0.25, 0.265, 0.28]), np.array([0.11, 0.10, 0.095])


def lit(surface: Surface, view: View) -> Floats:
    """The surface (H, W, 4), linear colour times coverage, and coverage: key light from the upper left, cool fill, rim
    from behind.
    """

    def light(
        right: float, up: float, back: float, colour: tuple[float, float, float], power: float, wrap: float
    ) -> Light:
        direction = view.axes @ np.array([right, -up, -back])
        return Light(direction / np.linalg.norm(direction), power * np.array(colour), wrap)

    key = light(-0.65, 0.75, 0.8, (1.0, 0.96, 0.90), 0.92, 0.12)
    fill = light(0.9, 0.1, 0.7, (0.86, 0.93, 1.0), 0.18, 0.5)
    rim = light(0.6, 0.5, -0.9, (1.0, 0.98, 0.95), 0.32, 0.1)
    return render(surface, view, key, [fill, rim], sky=_SKY, ground=_GROUND)


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
