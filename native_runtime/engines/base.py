"""What every engine offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt

from .estimate import Estimate


class FoundPerson(Protocol):
    """Somebody in a photo."""

    @property
    def bbox(self) -> NDArray[np.float64]:
        """(4,) x0 y0 x1 y1 in px of the original photo."""


class Reading(Protocol):
    """A photo that an engine has looked at. Detection and image features are done; estimates are cheap."""

    @property
    def people(self) -> Sequence[FoundPerson]:
        """Largest first."""

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """(3, 3) px of the original photo: the camera that estimates are made for."""

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
    ) -> Estimate:
        """One person's estimate.

        Args:
            person: number in ``people``.
            keypoints: hints (index in MHR-70, x, y) in px of the original photo; a fourth entry is the kind where it is
                not "place" (``prompts.PromptKind``).
            mask: (H, W) of the original photo: where this person is.

        An engine that can keep what an artist did to the body by hand also takes ``edits: Edits | None``
        (``engines.edits``); for others ``engines.refit.keep_edits`` does it afterwards.
        """


class Engine(Protocol):
    """An open engine."""

    name: str
    body: Body

    def read(self, photo: Photo | NDArray[np.uint8], intrinsics: NDArray[np.float64] | None = None) -> Reading:
        """Look at a photo.

        Args:
            photo: a photo, or its pixels (H, W, 3) uint8 RGB.
            intrinsics: (3, 3) in px of the original photo; None for the stated rule (``camera.intrinsics_for``).
        """
