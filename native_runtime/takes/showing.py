"""Which frames of a take show the person best, together from as many sides as there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

from .take import Take

Array = NDArray[np.float64]

MOST = 3
"""Frames, at most: each further one brings seams, and the blur of a pose that is not quite the one in the picture."""
_FACE = 0.65
"""How much the first frame counts for showing the front: a face is looked at first, and its colours count for all."""
_SAME_SIDE, _OTHER_SIDE = np.radians(50.0), np.radians(110.0)
"""Between views from these angles apart a frame shows from nothing to everything that another one does not."""
_LEAST_GAIN = 0.2
"""What a further frame has to add, in parts of what the first one is worth."""
_BLUR = 0.02
"""Speed of the keypoints, in parts of the person's size a frame, at which a frame is worth half of a still one."""
_ENDS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


def best_frames(take: Take, body: Body, count: int = MOST) -> list[int]:
    """Positions in the take's arrays of the frames that show a person best, the most telling one first.

    A frame is the better, the more of the person is in the picture, the larger and the more clearly they are seen, and
    the less they move. The first one shows the front, if any does; each further one shows another side of the trunk.

    Args:
        body: the take's.
        count: how many there are at most.

    Returns:
        Fewer where the person shows no other side; none where nobody is seen in any frame.
    """
    worth = _clearness(take)
    views = _views(take, body)
    if not len(worth) or worth.max() <= 0.0:
        return []
    front = (1.0 + views[:, 2]) / 2.0
    chosen = [int(np.argmax(worth * (1.0 - _FACE + _FACE * front)))]
    while len(chosen) < count:
        nearest = np.min(np.arccos(np.clip(views @ views[chosen].T, -1.0, 1.0)), axis=1)
        gain = worth * np.clip((nearest - _SAME_SIDE) / (_OTHER_SIDE - _SAME_SIDE), 0.0, 1.0)
        best = int(np.argmax(gain))
        if gain[best] < _LEAST_GAIN * worth[chosen[0]]:
            break
        chosen.append(best)
    return chosen


def _clearness(take: Take) -> Array:
    """(F,) 0..1, how well each frame shows the person, from whichever side."""
    places = take.keypoints_2d
    known = np.isfinite(places).all(axis=2)
    inside = known & ((places >= -0.5) & (places <= take.image_size - 0.5)).all(axis=2)
    places = np.where(known[..., None], places, 0.0)
    middle = places.sum(axis=1) / np.maximum(known.sum(axis=1), 1)[:, None]
    filled = np.where(known[..., None], places, middle[:, None])
    sizes = np.maximum(np.linalg.norm(np.ptp(filled, axis=1), axis=1), 1e-6)
    steps = np.linalg.norm(np.diff(filled, axis=0), axis=2).mean(axis=1)
    # the faster of what comes before and after
    speed = np.maximum(np.append(steps, 0.0), np.append(0.0, steps)) / (sizes * take.footage.every)
    return np.asarray(take.seen * inside.mean(axis=1) * sizes / sizes.max() / (1.0 + speed / _BLUR))


def _views(take: Take, body: Body) -> Array:
    """(F, 3) unit vectors from the trunk to the camera: to the person's left, up, and to the front."""
    left_shoulder, right_shoulder, left_hip, right_hip = (
        take.keypoints_3d[:, body.keypoint_names.index(name)] for name in _ENDS
    )
    left = _unit(left_shoulder - right_shoulder + left_hip - right_hip)
    up = _unit(left_shoulder + right_shoulder - left_hip - right_hip)
    front = _unit(np.cross(left, up))
    up = np.cross(front, left)
    to_camera = _unit(-(left_shoulder + right_shoulder + left_hip + right_hip))
    return np.asarray(np.stack([np.sum(axis * to_camera, axis=1) for axis in (left, up, front)], axis=1))


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))
