"""How a camera turns from frame to frame, by what stands still behind the people.

A camera on a tripod, or one that is held and turned, keeps its place: then all that stands still moves in the picture
as rays turn, x' ~ K R K^-1 x, wherever it is in depth (Hartley and Zisserman, "Multiple View Geometry", 2nd ed.,
section 8.4.2). A camera that travels moves near things more than far ones; that is told, and not followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_WIDTH = 480
"""Px, the longer side of the pictures that are compared."""
_POINTS, _APART, _QUALITY = 300, 8, 0.01
_FEWEST = 24
"""Points of the background that are needed to tell anything."""
_WINDOW, _LEVELS = (21, 21), 4
_BACK = 0.7
"""Px by which a point may come back beside itself when it is followed there and back."""
_STILL = 0.12
"""Px: a background that moves less, in the median, stands still."""
_NEAR = 1.2
"""Px by which a point may lie beside where the rotation takes it."""
_TRIES = 64
_GROWN = 0.1
_TURNED = 4.0
"""Px by which a camera must have turned in all to count as one that moves."""
_TOLD, _MOSTLY = 0.5, 0.7
"""The part of points that must follow the rotation, and the part of the frames that move in which they must."""


@dataclass(frozen=True)
class Turn:
    """How the camera turned since the frame before.

    Attributes:
        rotation: (3, 3) takes directions in the axes of the frame before to those of this frame.
        share: 0..1, the part of the background's points that it explains; 1 where all stands still, 0 where too little
            is seen to tell.
    """

    rotation: Array
    share: float

    @staticmethod
    def none(share: float = 1.0) -> Turn:
        return Turn(np.eye(3), share)


@dataclass(frozen=True)
class CameraPath:
    """The camera over some frames.

    Attributes:
        to_world: (F, 4, 4) from each frame's camera axes to the first one's; None for a camera that stands still.
        travels: whether it also changes its place, which is not followed.
    """

    to_world: Array | None
    travels: bool = False


class TurnFinder:
    """Looks at frames in order.

    Args:
        intrinsics: (3, 3) px of the frames.
    """

    def __init__(self, intrinsics: Array) -> None:
        self._intrinsics = np.asarray(intrinsics, np.float64)
        self._before: NDArray[np.uint8] | None = None

    def turn(self, pixels: NDArray[np.uint8], people: Sequence[Array], scale: float = 1.0) -> Turn:
        """How the camera turned.

        Args:
            pixels: (H, W, 3) RGB.
            people: (4,) x0 y0 x1 y1 px of ``pixels``, where people were in the frame before: they do not stand still.
            scale: px of ``pixels`` per px of the frames.
        """
        small = min(_WIDTH / max(pixels.shape[:2]), 1.0)
        picture = cv2.resize(pixels, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        grey, before = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8), self._before
        self._before = grey
        if before is None or before.shape != grey.shape:
            return Turn.none()
        mask = np.full(grey.shape, 255, np.uint8)
        for box in people:
            margin = _GROWN * (box[2:] - box[:2])
            x0, y0 = np.maximum(np.floor((box[:2] - margin) * small), 0).astype(int)
            x1, y1 = np.ceil((box[2:] + margin) * small).astype(int)
            mask[y0 : max(y1, 0), x0 : max(x1, 0)] = 0
        points = cv2.goodFeaturesToTrack(before, _POINTS, _QUALITY, _APART, mask=mask)
        if points is None or len(points) < _FEWEST:
            return Turn.none(0.0)
        first, second = _followed(before, grey, np.asarray(points, np.float32))
        if len(first) < _FEWEST:
            return Turn.none(0.0)
        if float(np.median(np.linalg.norm(second - first, axis=1))) < _STILL:
            return Turn.none()
        matrix = self._intrinsics.copy()
        matrix[:2] *= small * scale
        return _rotation(_rays(first, matrix), _rays(second, matrix), _NEAR / float(matrix[0, 0]))


def path_of(turns: Sequence[Turn], intrinsics: Array, size: tuple[int, int]) -> CameraPath:
    """The camera's way over frames, from how it turned in each; the first one's turn does not count.

    Args:
        intrinsics: (3, 3) px; size: (width, height) px.
    """
    poses = [np.eye(3)]
    for turn in turns[1:]:
        poses.append(poses[-1] @ turn.rotation.T)
    axes = np.stack(poses)
    # how far the middle of the picture and its right side move
    aside = np.linalg.norm(axes[:, :, [0, 2]] - np.eye(3)[:, [0, 2]], axis=1).max(axis=1)
    scale = min(_WIDTH / max(size), 1.0)
    turned = float(aside.max()) * float(intrinsics[0, 0]) * scale >= _TURNED
    moving = [turn for turn in turns[1:] if turn.share < 1.0 or not np.array_equal(turn.rotation, np.eye(3))]
    told = [turn for turn in moving if turn.share >= _TOLD]
    travels = len(moving) > 0.2 * len(turns) and len(told) < _MOSTLY * len(moving)
    if not turned:
        return CameraPath(None, travels)
    to_world = np.tile(np.eye(4), (len(axes), 1, 1))
    to_world[:, :3, :3] = axes
    return CameraPath(to_world, travels)


def _followed(before: NDArray[np.uint8], grey: NDArray[np.uint8], points: NDArray[np.float32]) -> tuple[Array, Array]:
    """(n, 2) points that are found in the next picture, and where: followed there and back (Lucas and Kanade)."""
    # the places that are handed in are written over, so each call gets its own
    given = np.zeros_like(points), np.zeros_like(points)
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, grey, points, given[0], winSize=_WINDOW, maxLevel=_LEVELS)
    back, again, _ = cv2.calcOpticalFlowPyrLK(grey, before, there, given[1], winSize=_WINDOW, maxLevel=_LEVELS)
    first, second = points.reshape(-1, 2), there.reshape(-1, 2)
    apart = np.linalg.norm(back.reshape(-1, 2) - first, axis=1)
    kept = (found.ravel() == 1) & (again.ravel() == 1) & (apart < _BACK)
    return np.asarray(first[kept], np.float64), np.asarray(second[kept], np.float64)


def _rays(points: Array, matrix: Array) -> Array:
    """(n, 3) directions of length 1 of pixels (n, 2)."""
    rays = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ np.linalg.inv(matrix).T
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _rotation(first: Array, second: Array, near: float) -> Turn:
    """The rotation that most rays agree on (RANSAC over pairs), then the best of those that do."""
    rng = np.random.default_rng(0)
    pairs = np.stack([rng.permutation(len(first))[:2] for _ in range(_TRIES)])
    candidates = _best_rotations(first[pairs], second[pairs])
    off = np.linalg.norm(np.einsum("tij,nj->tni", candidates, first) - second, axis=2)
    rotation = candidates[int(np.argmax((off < near).sum(axis=1)))]
    for _ in range(3):
        inside = np.linalg.norm(first @ rotation.T - second, axis=1) < near
        if inside.sum() < 3:
            return Turn.none(0.0)
        rotation = _best_rotations(first[None, inside], second[None, inside])[0]
    share = float((np.linalg.norm(first @ rotation.T - second, axis=1) < near).mean())
    return Turn(rotation, share if share < 1.0 else 0.999) if share >= _TOLD else Turn.none(share)


def _best_rotations(first: Array, second: Array) -> Array:
    """(t, 3, 3) rotations that take directions (t, n, 3) to others in least squares (Kabsch, Acta Cryst. A32, 1976)."""
    u, _, v = np.linalg.svd(np.swapaxes(second, 1, 2) @ first)
    sign = np.ones((len(u), 3))
    sign[:, 2] = np.linalg.det(u @ v)
    return np.asarray((u * sign[:, None]) @ v)
