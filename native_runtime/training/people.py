"""What is known of the people of a batch. What is not known is marked, so that it teaches nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class People(NamedTuple):
    """The truth about B people.

    Attributes:
        keypoints_2d: (B, 70, 2) in the crop, whose sides are at -0.5 and 0.5.
        keypoints_3d: (B, 70, 3) m, camera axes, from any origin: body and hands are compared each from its own.
        known_2d, known_3d: (B, 70) 0..1, how far each keypoint counts; 0 where it was not annotated.
        pose: (B, 266) global rotation and body pose, continuous (``models.sam3d_body_layout``).
        hands: (B, 108) components of the hands' poses.
        scale, shape: (B, 28), (B, 45).
        known_pose, known_hands, known_shape: (B,), (B, 2) left and right, (B,) 0 or 1; shape includes scale.
        hand_boxes: (B, 2, 4) left and right: centre and size in 0..1 of the crop.
        hand_seen: (B, 2) 1 where the hand is in the crop and visible, 0 where it is not, negative where nobody knows.
        vertices: (B, V, 3) m, camera axes, from the middle of the hips: the points of the surface that the model has
            (``surface.Surface``); None where the data have none.
        known_vertices: (B,) 0 or 1; None with ``vertices``.
    """

    keypoints_2d: Tensor
    keypoints_3d: Tensor
    known_2d: Tensor
    known_3d: Tensor
    pose: Tensor
    hands: Tensor
    scale: Tensor
    shape: Tensor
    known_pose: Tensor
    known_hands: Tensor
    known_shape: Tensor
    hand_boxes: Tensor
    hand_seen: Tensor
    vertices: Tensor | None = None
    known_vertices: Tensor | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> People:
        """The same of changed arrays: of some people, or on another device."""
        return People(*(None if array is None else change(array) for array in self))  # type: ignore[arg-type]
