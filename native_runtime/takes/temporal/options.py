"""How the temporal fit weighs what is seen against how people move."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TemporalOptions:
    """Settings of the temporal fit.

    Attributes:
        key_every: s between the frames that get a whole still fit where observations bring no starts of their own.
        most_keys: such frames at most.
        tracking_steps: of the solver in each frame, while the person is followed from frame to frame.
    """

    key_every: float = 2.0
    most_keys: int = 4
    tracking_steps: int = 4
