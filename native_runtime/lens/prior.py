"""What cameras are like before one looks at the picture.

Focal lengths are told as parts of the picture's diagonal, which does not depend on how a picture was resized. The
main cameras of phones have 23 to 28 mm equivalent (Apple's, Google's and Samsung's data sheets of 2017 to 2025 say 23
to 28), that is 0.53 to 0.65 diagonals of 43.27 mm (CIPA DCG-001) at 4:3; what cuts their picture to another shape
makes it longer. Cameras with zooms and portrait lenses (24-70 and 18-55 x 1.5, 35, 50, 85 mm) spread around 40 mm.
What was cropped out of a picture is longer than either. People hold cameras level, but for some degrees, and
look down with them more often than up: the spreads of pitch and roll
are near those of the photos and panoramas that estimators are trained with (Hold-Geoffroy et al., CVPR 2018, section
3; Kocabas et al., SPEC, ICCV 2021, section 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .marginal import Marginal

Array = NDArray[np.float64]

_PHONE, _PHONE_SPREAD = 0.60, 0.13
"""Diagonals of a phone's whole picture, 26 mm / 43.27 mm, and the spread of the logarithm."""
_LENS, _LENS_SPREAD = 0.92, 0.38
"""The same of cameras: 40 mm."""
_SMALL_PX, _CROPPED, _CROPPED_SPREAD = 1600, 1.0, 0.18
"""Pictures that are smaller than this along the longer side were made so by cropping or, mostly, by resizing, which
leaves the focal length in diagonals as it was: by this factor, and this spread."""
_RANGE = (0.25, 6.0)
"""Diagonals: wider and longer lenses do not take pictures of people."""

_PITCH = ((0.85, 0.0, math.radians(8.0)), (0.15, math.radians(-6.0), math.radians(16.0)))
_ROLL = ((0.85, 0.0, math.radians(2.0)), (0.15, 0.0, math.radians(8.0)))
_PITCH_LIMIT, _ROLL_LIMIT = math.radians(75.0), math.radians(40.0)
_YAW_LIMIT = math.radians(45.0)


@dataclass(frozen=True)
class CameraPrior:
    """Independent distributions of a camera's numbers, in the order of ``Cameras.values``.

    Attributes:
        parts: of the logarithm of the focal length in px, of pitch, roll and yaw in radians.
    """

    parts: tuple[Marginal, Marginal, Marginal, Marginal]

    @classmethod
    def of(cls, log_focal: Marginal) -> CameraPrior:
        """Of a photo, by what is known of its focal length."""
        return cls(
            (
                log_focal,
                Marginal.normals(-_PITCH_LIMIT, _PITCH_LIMIT, _PITCH),
                Marginal.normals(-_ROLL_LIMIT, _ROLL_LIMIT, _ROLL),
                Marginal.even(-_YAW_LIMIT, _YAW_LIMIT),
            )
        )

    def log_density(self, values: Array) -> Array:
        """(n,) of cameras (n, 4)."""
        return np.sum([part.log_density(column) for part, column in zip(self.parts, values.T)], axis=0)

    def sample(self, shares: Array) -> Array:
        """(n, 4) cameras from points (n, 4) of the unit cube."""
        return np.stack([part.quantile(column) for part, column in zip(self.parts, shares.T)], axis=1)


def usual_focal(size: tuple[int, int]) -> Marginal:
    """The logarithm of the focal length in px of a picture of ``size`` (width, height) px, before one looks at it."""
    long, short = max(size), min(size)
    diagonal, shape = math.hypot(*size), long / short
    phones = 0.4 if 1.42 < shape < 1.58 else 0.65  # 3:2 is the shape of cameras' sensors
    cropped, extra = (_CROPPED, _CROPPED_SPREAD) if long < _SMALL_PX else (1.0, 0.0)
    parts = (
        (phones, math.log(_PHONE * _cut(shape) * cropped), math.hypot(_PHONE_SPREAD, extra)),
        (1.0 - phones, math.log(_LENS * cropped), math.hypot(_LENS_SPREAD, extra)),
    )
    low, high = (math.log(end) for end in _RANGE)
    about = Marginal.normals(low, high, parts)
    return Marginal(about.grid + math.log(diagonal), about.density)


def _cut(shape: float) -> float:
    """How much longer than at 4:3 a focal length is, in diagonals, once the picture was cut to sides of that ratio."""
    if shape >= 4 / 3:
        return 5.0 / math.hypot(4.0, 4.0 / shape)
    return 5.0 / math.hypot(3.0 * shape, 3.0)
