"""What the landmark networks see of the people of a photo, beside what an engine made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.detection.silhouettes import mask_on_photo
from native_runtime.engines.estimate import Estimate
from native_runtime.image.reading import Photo
from native_runtime.pipeline.boxes import overlap

Array = NDArray[np.float64]

_SAME_PERSON = 0.4
"""Boxes that overlap (intersection over union) by this much are of one person: an engine's box may be a whole body's,
the networks' one of what is seen."""


@dataclass(frozen=True)
class SeenPhoto:
    """A photo whose people the networks looked for.

    Attributes:
        photo: upright, as the estimates have it.
        people: everybody whom the networks see, the largest first.
    """

    photo: Photo
    people: Sequence[PersonLandmarks]

    @cached_property
    def boxes(self) -> list[Array]:
        """(4,) x0 y0 x1 y1 in original px of each of them."""
        return [self.photo.to_original(one.bbox.reshape(2, 2)).ravel() for one in self.people]

    def person(self, estimate: Estimate) -> PersonLandmarks | None:
        """Whom an estimate is of; None where the networks see nobody there."""
        shares = [overlap(box.tolist(), estimate.bbox.tolist()) for box in self.boxes]
        best = int(np.argmax(shares)) if shares else -1
        return self.people[best] if best >= 0 and shares[best] >= _SAME_PERSON else None

    def mask(self, person: PersonLandmarks) -> NDArray[np.bool_]:
        """(H, W) of the original photo: where somebody is."""
        return mask_on_photo(person, self.photo)


def look(photo: Photo, networks: LandmarkNetworks) -> SeenPhoto:
    """Look for the people of a photo; hands and faces are left out.

    Raises:
        ModelError: a network is missing or damaged.
    """
    return SeenPhoto(photo, networks.people(photo.pixels, with_hands=False))
