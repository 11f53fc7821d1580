"""How the temporal fit weighs what is seen against how people move."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TemporalOptions:
    """Settings of the temporal fit.

    Attributes:
        joint: m/s^2 by which the trunk's joints ordinarily accelerate; ``smoothness.JOINTS`` says what others do.
        angle: rad/s^2 the same of rotations.
        give: in these: from where on an acceleration costs in proportion to its size.
        key_every: s between the frames that get a whole still fit where observations bring no starts of their own.
        most_keys: such frames at most.
        retry_every: s between the frames in which stuck limbs are tried from other positions.
        tracking_steps: of the solver in each frame, while the person is followed from frame to frame.
        outline_every: frames from one whose outline counts to the next; 0: none does.
        steps: of the solver over all frames, in each of its stages: loosely, strictly, with outlines and fingers.
        window: frames that are solved at once at most; longer takes are solved in windows that overlap.
        overlap: frames by which windows overlap.
        skeleton_frames: frames of a longer take from which the skeleton is found.
        carried: what the pose prior counts in frames without evidence.
        pin_fade: s over which a pin's correction fades in frames before and after it.
        stance: whether feet that stand are held still, and to the floor.
        repair: whether exchanged sides and jumps are looked for.
    """

    joint: float = 4.0
    angle: float = 20.0
    give: float = 2.0
    key_every: float = 2.0
    most_keys: int = 4
    retry_every: float = 0.5
    tracking_steps: int = 4
    outline_every: int = 3
    steps: tuple[int, int, int] = (5, 4, 4)
    window: int = 240
    overlap: int = 30
    skeleton_frames: int = 120
    carried: float = 0.1
    pin_fade: float = 0.4
    stance: bool = True
    repair: bool = True
