"""The fit's input about a person: where points lie in the photo, how limbs point, and the outline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .shape_prior import ShapePrior

Array = NDArray[np.float64]

TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
"""MHR-70 keypoints that hardly move against each other."""

_ARMS = {side[0]: (f"{side}_elbow", f"{side}_wrist") for side in ("left", "right")}


@dataclass(frozen=True)
class Points2D:
    """Named points of the body seen in the photo.

    Attributes:
        names: (n,) names among the body's landmarks or keypoints.
        positions: (n, 2) px.
        sigmas: (n,) px: how far off an ordinary observation is.
        weights: (n,) 0..1 confidence.
        trusted: (n,) bool: set by a person; never treated as an outlier.
    """

    names: tuple[str, ...]
    positions: Array
    sigmas: Array
    weights: Array
    trusted: NDArray[np.bool_]


@dataclass(frozen=True)
class Directions:
    """How segments between named points are oriented.

    Attributes:
        starts, ends: (m,) names.
        vectors: (m, 3) unit vectors from start to end, camera axes (x right, y down, z forward).
        sigmas: (m,) radians, roughly.
        weights: (m,) 0..1 confidence.
    """

    starts: tuple[str, ...]
    ends: tuple[str, ...]
    vectors: Array
    sigmas: Array
    weights: Array


@dataclass(frozen=True)
class Silhouette:
    """Where the person covers the photo.

    Attributes:
        mask: (h, w) float32 0..1.
        from_photo: (2, 3) affine, photo pixel to mask pixel.
    """

    mask: NDArray[np.float32]
    from_photo: Array

    @staticmethod
    def of_photo(mask: NDArray[np.bool_]) -> Silhouette:
        """From a mask (H, W) of the original photo."""
        return Silhouette(mask.astype(np.float32), np.array([[1.0, 0, 0], [0, 1.0, 0]]))

    @staticmethod
    def of_crop(mask: NDArray[np.float32], from_working: Array, scale: tuple[float, float]) -> Silhouette:
        """From a network's mask of a crop.

        Args:
            mask: (h, w) 0..1.
            from_working: (2, 3) affine, working pixel to mask pixel.
            scale: working pixels per original pixel along x and y (``Photo.scale``).
        """
        to_working = np.diag([*scale, 1.0])
        to_working[:2, 2] = 0.5 * np.array(scale) - 0.5
        return Silhouette(mask, (np.vstack([from_working, [0, 0, 1]]) @ to_working)[:2])


@dataclass(frozen=True)
class Evidence:
    """Everything about one person.

    Attributes:
        points, directions: observations.
        person_size: px, the unit of "far": about the person's height in the photo.
        silhouette: or None.
        unseen: beginnings of the names of joints that are not seen ("l_upleg"); their surface is not held to the
            silhouette.
        notes: what was left out and why, for the estimate's warnings.
        rigid: points that hardly move against each other, whose directions place the body.
        arms: "l" and "r" -> points of elbow and wrist, in turns.
        shape: what is known of the body's shape beforehand; None: nothing.
    """

    points: Points2D
    directions: Directions
    person_size: float
    silhouette: Silhouette | None = None
    unseen: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    rigid: tuple[str, ...] = TORSO
    arms: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _ARMS)
    shape: ShapePrior | None = None
