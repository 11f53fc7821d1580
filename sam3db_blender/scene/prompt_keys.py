"""One number for a keypoint on one of several photos: the keypoint's own (MHR-70) on the first."""

from __future__ import annotations

#: How many keypoints there are.
KEYPOINTS = 70


def key_of(keypoint: int, view: int) -> int:
    """The key of a keypoint on the photo of a view."""
    return keypoint + KEYPOINTS * view


def keypoint_at(key: int) -> int:
    """The keypoint of a key."""
    return key % KEYPOINTS


def view_at(key: int) -> int:
    """The number of the view of a key."""
    return key // KEYPOINTS
