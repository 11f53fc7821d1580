"""A live preview of one dragged handle, quick enough for the window's own process.

The limb of the dragged keypoint follows as in the final answer (``refit``), by the same terms and from the same start;
only the solver stops sooner, as the next place of the mouse comes soon. Hips and the base of the neck hang on no limb:
for them the whole body follows, with hands and feet held in space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from .follow import Fixed, Follower, body_follower, limb_follower, limb_moves, limb_of
from .pins import Pin

Array = NDArray[np.float64]

REACHED = 0.003
"""Part of an adult's height, at the person's distance: a handle that is missed by more is out of reach."""

LIMB_STEPS, BODY_STEPS = 8, 3
"""Of the solver, at most: what fits into a few milliseconds."""


@dataclass(frozen=True)
class Preview:
    """Where the body is while a handle is dragged.

    Attributes:
        state: the body; its place is changed for hips and neck only.
        missed: px from the dragged keypoint to its handle.
        reached: whether that is next to nothing; if not, the limb is stretched towards the handle.
    """

    state: PlacedState
    missed: float
    reached: bool


class LiveDrag:
    """A drag of one keypoint: made when it begins (some milliseconds), asked whenever the mouse has moved.

    The same places in the same order always give the same answers.
    """

    def __init__(
        self,
        body: Body,
        intrinsics: NDArray,
        state: PlacedState,
        keypoint: str,
        pins: Sequence[Pin] = (),
        fixed: Fixed | None = None,
    ) -> None:
        """Prepare the drag.

        Args:
            body: the body model.
            intrinsics: (3, 3) px.
            state: the body as it stands.
            keypoint: the name of what is dragged.
            pins: other keypoints that are pinned, which stay. Of limbs other than the dragged one they do not matter.
            fixed: what stays as it is, because the artist set it by hand; None for nothing.

        Raises:
            KeyError: the body has no keypoint of that name.
        """
        others = [pin for pin in pins if pin.keypoint != keypoint]
        limb = limb_of(body, keypoint)
        same = [pin for pin in others if limb_of(body, pin.keypoint) == limb]
        follower = limb_follower(body, intrinsics, state, [keypoint, *(pin.keypoint for pin in same)], None, fixed)
        self._steps = LIMB_STEPS
        if follower is None or not limb_moves(body, keypoint):
            same, self._steps = others, BODY_STEPS
            follower = body_follower(body, intrinsics, state, [keypoint, *(pin.keypoint for pin in same)], None, fixed)
        self._follower: Follower = follower
        self._places = [np.asarray(pin.place, np.float64) for pin in same]
        self._last = state

    def to(self, place: NDArray) -> Preview:
        """Where the body is with the handle at a place (2,) px. The solver starts from the answer before."""
        followed = self._follower.to(np.array([place, *self._places]), self._last, steps=self._steps, patience=2)
        self._last = followed.state
        missed = float(followed.rests[0])
        return Preview(
            followed.state,
            missed,
            missed < REACHED * self._follower.size,
        )
