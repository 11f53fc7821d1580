"""The camera of a photo: its focal length and which way is up, each with how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import Gravity, fov_from_focal, intrinsics_for

from .cameras import Cameras, pitch_and_roll
from .lines import LineEvidence
from .marginal import Marginal
from .posterior import LensEvidence, posterior
from .prior import CameraPrior, usual_focal
from .segments import find_segments
from .standing import StandingEvidence

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.image.reading import Photo

Array = NDArray[np.float64]

Source = Literal["set", "exif", "picture", "usual"]
"""What a focal length was taken from: somebody set it, the file says it, it is seen in the picture, or it is a guess at
what lenses usually are."""

_SET, _EXIF, _DOUBTFUL = 0.003, 0.02, 0.1
"""Relative errors of a focal length that somebody set, of EXIF's, and of EXIF's where it is doubtful."""
_SET_UP = math.radians(0.5)
"""How far a direction that somebody set is off."""
_UPRIGHT = math.radians(0.4)
"""How far what counts as vertical is from it: walls, frames and lenses are not perfect."""
_TOLD = (0.05, 0.95)
"""The field of view lies between what these parts of the samples lie below."""
_TELLING = 0.85
"""The picture shows the lens where it leaves at most this part of the spread that lenses usually have."""
_STRUCTURED = 0.97
"""Probability from which on the lines of a picture are said to speak; a picture without any is at 0.85."""
_NINE_IN_TEN = 1.645
"""Standard deviations of a normal distribution within which nine in ten of its values lie."""
_UNSURE = 0.2
"""Relative error of the focal length from which on artists are told."""


@dataclass(frozen=True)
class LensEstimate:
    """The camera of a photo.

    Attributes:
        intrinsics: (3, 3) px of the original photo.
        source: what the focal length was taken from.
        sigma: standard deviation of the focal length's logarithm: relative error.
        interval: px, between which the focal length lies nine times in ten.
        gravity: which way is up.
        evidence: what else spoke about the camera: "lines", "people".
    """

    intrinsics: Array
    source: Source
    sigma: float
    interval: tuple[float, float]
    gravity: Gravity
    evidence: tuple[str, ...] = ()

    @property
    def focal_px(self) -> float:
        return float(self.intrinsics[0, 0])

    def text(self, side: float) -> str | None:
        """One sentence for people where the lens is unsure, else None.

        Args:
            side: px, the photo's longer one.
        """
        below, above = self.interval
        # A posterior with two peaks may be narrow about its middle and still reach far.
        if self.sigma <= _UNSURE and math.log(above / below) <= 2 * _NINE_IN_TEN * _UNSURE:
            return None
        wide, narrow = (fov_from_focal(focal, side) for focal in self.interval)
        return (
            f"The lens is a guess: a field of view of {fov_from_focal(self.focal_px, side):.0f} degrees, which may be "
            f"anything from {narrow:.0f} to {wide:.0f}. Distances are that unsure; set the lens if you know it."
        )

    def details(self, size: tuple[int, int]) -> dict[str, Any]:
        """As an estimate's ``details["lens"]`` tell it; see ``docs/lens.md``.

        Args:
            size: (width, height) px of the photo.
        """
        side = max(size)
        wide, narrow = (fov_from_focal(focal, side) for focal in self.interval)
        pitch, roll = pitch_and_roll(self.gravity.up)
        return {
            "source": self.source,
            "evidence": list(self.evidence),
            "focal_px": self.focal_px,
            "focal_sigma": self.sigma,
            "fov_deg": fov_from_focal(self.focal_px, side),
            "fov_interval_deg": [narrow, wide],
            "up": [float(value) for value in self.gravity.up],
            "up_sigma_deg": math.degrees(self.gravity.sigma),
            "pitch_deg": math.degrees(pitch),
            "roll_deg": math.degrees(roll),
            "text": self.text(side),
        }


def estimate_lens(
    photo: Photo,
    people: Sequence[PersonLandmarks] = (),
    intrinsics: Array | None = None,
    up: ArrayLike | None = None,
) -> LensEstimate:
    """The camera of a photo.

    The focal length is the given one, else EXIF's, else what the picture and the usual lenses make likely (the median
    of the posterior).

    Args:
        people: found in the photo, in working pixels; the more of them stand, the better.
        intrinsics: (3, 3) px of the original photo, where somebody said them.
        up: (3,) against gravity, camera axes, where somebody said it.
    """
    found = _estimate(photo, people, intrinsics)
    if up is None:
        return found
    direction = np.asarray(up, np.float64)
    return replace(found, gravity=Gravity(direction / np.linalg.norm(direction), _SET_UP))


def _estimate(photo: Photo, people: Sequence[PersonLandmarks], intrinsics: Array | None) -> LensEstimate:
    size = photo.original_size
    usual = usual_focal(size)
    if intrinsics is not None:
        known = float(math.sqrt(intrinsics[0, 0] * intrinsics[1, 1])), _SET
    elif photo.focal_px is not None:
        focal = photo.focal_px * max(size) / max(photo.size)
        known = focal, _EXIF if photo.lens_doubt is None else _DOUBTFUL
    else:
        known = None
    log_focal = usual if known is None else Marginal.about(math.log(known[0]), known[1])
    lines = LineEvidence(find_segments(photo, people))
    standing = StandingEvidence.of(people, photo)
    found = summarise(CameraPrior.of(log_focal), lines, standing, size)
    if known is None:
        seen = found.sigma < _TELLING * usual.spread
        return LensEstimate(
            found.intrinsics, "picture" if seen else "usual", found.sigma, found.interval, found.gravity, found.evidence
        )
    exact = intrinsics if intrinsics is not None else intrinsics_for(size, focal_px=known[0])
    source: Source = "set" if intrinsics is not None else "exif"
    return LensEstimate(exact, source, found.sigma, found.interval, found.gravity, found.evidence)


def summarise(
    prior: CameraPrior,
    lines: LineEvidence,
    standing: StandingEvidence,
    size: tuple[int, int],
    further: Sequence[LensEvidence] = (),
) -> LensEstimate:
    """What all evidence together says about the camera of a picture of ``size`` (width, height) px.

    Args:
        further: whatever else is known, such as a height.
    """
    cameras, weights = posterior(prior, [lines, standing, *further])
    logs = cameras.values[:, 0]
    low, low_sigma, middle, high_sigma, high = _quantiles(logs, weights, [_TOLD[0], 0.16, 0.5, 0.84, _TOLD[1]])
    evidence = []
    if float(weights @ lines.structured(cameras)) > _STRUCTURED:
        evidence.append("lines")
    if len(standing):
        evidence.append("people")
    return LensEstimate(
        intrinsics_for(size, focal_px=math.exp(middle)),
        "picture",
        float(high_sigma - low_sigma) / 2,
        (math.exp(low), math.exp(high)),
        _gravity(cameras, weights),
        tuple(evidence),
    )


def _gravity(cameras: Cameras, weights: Array) -> Gravity:
    """The mean direction of samples, and how far they lie from it along each of the two ways across."""
    up = weights @ cameras.up
    up /= np.linalg.norm(up)
    angles = np.arccos(np.clip(cameras.up @ up, -1.0, 1.0))
    return Gravity(up, float(np.sqrt(weights @ angles**2 / 2 + _UPRIGHT**2)))


def _quantiles(values: Array, weights: Array, shares: Sequence[float]) -> Array:
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.interp(shares, below, values[order])
