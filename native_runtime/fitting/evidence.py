"""The fit's input about a person: where points lie in the photo, how limbs point, and the outline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.ages import AgedBody

from .shape_prior import ShapePrior

Array = NDArray[np.float64]

TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
"""MHR-70 keypoints that hardly move against each other."""

_ARMS = {side[0]: (f"{side}_elbow", f"{side}_wrist") for side in ("left", "right")}
_LEGS = {side[0]: (f"{side}_knee", f"{side}_ankle") for side in ("left", "right")}


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
        vectors: (m, 3) the expected unit vector from start to end, camera axes (x right, y down, z forward): of unit
            length where it is certain, the shorter the less is known.
        sigmas: (m,) standard deviations of a unit vector's components, about radians; or (m, 3) along ``axes``.
        weights: (m,) 0..1 confidence.
        axes: (3, 3) camera axes to those of the sigmas: depth is less certain than what lies across the view.
    """

    starts: tuple[str, ...]
    ends: tuple[str, ...]
    vectors: Array
    sigmas: Array
    weights: Array
    axes: Array = field(default_factory=lambda: np.eye(3))

    @property
    def whitening(self) -> Array:
        """(m, 3, 3): turns a difference from ``vectors`` into standard deviations."""
        sigmas = self.sigmas if self.sigmas.ndim == 2 else np.repeat(self.sigmas[:, None], 3, axis=1)
        return self.axes / sigmas[:, :, None]


@dataclass(frozen=True)
class Positions3D:
    """Where named points are in space, from the middle of others.

    Attributes:
        names: (n,) names among the body's landmarks or keypoints.
        positions: (n, 3) m, camera axes, from the mean of the points ``about``.
        sigmas: (n, 3) m, standard deviations along ``axes``.
        weights: (n,) 0..1 confidence.
        about: names of the points that the positions are relative to.
        axes: (3, 3) camera axes to those of the sigmas.
    """

    names: tuple[str, ...]
    positions: Array
    sigmas: Array
    weights: Array
    about: tuple[str, ...]
    axes: Array

    @property
    def whitening(self) -> Array:
        """(n, 3, 3): turns a difference from ``positions`` into standard deviations."""
        return self.axes / self.sigmas[:, :, None]


@dataclass(frozen=True)
class HeadDistance:
    """How far a head is from the camera.

    Attributes:
        names: names of points among the body's landmarks or keypoints whose middle lies there.
        metres: along the optical axis.
        sigma: of its logarithm.
    """

    names: tuple[str, ...]
    metres: float
    sigma: float


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
        positions: of points in space; None where nothing estimates them.
        person_size: px, the unit of "far": about the person's height in the photo.
        silhouette: or None.
        unseen: beginnings of the names of joints that are not seen ("l_upleg"); their surface is not held to the
            silhouette.
        notes: what was left out and why, for the estimate's warnings.
        rigid: points that hardly move against each other, whose directions place the body.
        arms: "l" and "r" -> points of elbow and wrist, in turns.
        shape: what is known of the body's shape beforehand; None: nothing.
        aged: the median person of the age that is known; None: an adult, of no age in particular.
        stature: cm, how tall somebody like this is on average; None: as the body is by itself.
        head: how far the head is; None where no face says it.
    """

    points: Points2D
    directions: Directions
    person_size: float
    silhouette: Silhouette | None = None
    unseen: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    rigid: tuple[str, ...] = TORSO
    arms: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _ARMS)
    legs: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _LEGS)
    shape: ShapePrior | None = None
    aged: AgedBody | None = None
    positions: Positions3D | None = None
    stature: float | None = None
    head: HeadDistance | None = None
