"""Somebody as the networks see them, made up but consistent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.crops import Crop
from native_runtime.detection.landmarks import COCO_IN_BODY, Glimpses, PersonLandmarks, SecondOpinion
from native_runtime.detection.pose import MIRRORED

WIDTH, FOCAL = 640, 900.0
COCO_MIRRORED = [COCO_IN_BODY.index(MIRRORED[number]) for number in COCO_IN_BODY]


def person(seed: int = 0, angle: float = 0.3, features: bool = True) -> PersonLandmarks:
    """Of about 200 px per metre, seen plain and mirrored through a window that is turned by an angle."""
    rng = np.random.default_rng(seed)
    window = Crop(320.0, 300.0, 480.0, angle)
    world = rng.uniform([-0.4, -0.9, -0.3], [0.4, 0.9, 0.3], (33, 3))
    points = 0.5 + world[:, :2] * 200 / window.size + rng.normal(0, 0.01, (33, 2))
    seen = rng.uniform(0.2, 1.0, (33, 2))
    flip = np.array([-1.0, 1.0])
    other = np.array([1.0, 0.0]) + points[MIRRORED] * flip
    glimpses = Glimpses(
        window, np.array([False, True]), np.stack([points, other]), np.stack([world[:, 2] / 2, world[MIRRORED, 2] / 2]),
        np.stack([world, (world * [-1, 1, 1])[MIRRORED]]), np.stack([seen, seen[MIRRORED]]),
        rng.normal(0, 1, (2, 64, 288)).astype(np.float16), rng.normal(0, 1, (2, 33, 192)).astype(np.float16),
    )  # fmt: skip
    flat = window.from_fractions(points)
    second = SecondOpinion(flat[list(COCO_IN_BODY)] + rng.normal(0, 4, (17, 2)), rng.uniform(0.3, 1.0, 17))
    space = np.column_stack([world[:, :2] @ window.axes.T, world[:, 2]])
    return PersonLandmarks(
        bbox=np.array([100.0, 60, 540, 560]), score=0.9, points_2d=flat, points_3d=space, visibility=seen[:, 0],
        presence=seen[:, 1], mask=np.ones((64, 64), np.float32),
        mask_from_photo=window.pixels_from_photo(64), second=second, glimpses=glimpses if features else None,
    )  # fmt: skip


def mirrored(who: PersonLandmarks) -> PersonLandmarks:
    """The person in the mirrored photo: what was the plain look is the mirrored one now."""
    seen, second = who.glimpses, who.second
    assert seen is not None
    assert second is not None
    window = Crop(WIDTH - 1 - seen.window.x, seen.window.y, seen.window.size, -seen.window.angle)
    turned = [values[::-1] for values in (seen.points, seen.depths, seen.world, seen.seen, seen.coarse, seen.fine)]

    def flipped(points: NDArray) -> NDArray:
        return points * [-1, 1] + [WIDTH - 1, 0]

    return replace(
        who, points_2d=flipped(who.points_2d)[MIRRORED], points_3d=(who.points_3d * [-1, 1, 1])[MIRRORED],
        visibility=who.visibility[MIRRORED], presence=who.presence[MIRRORED],
        second=SecondOpinion(flipped(second.points)[COCO_MIRRORED], second.scores[COCO_MIRRORED]),
        glimpses=Glimpses(window, seen.mirrored, *turned),
    )  # fmt: skip


def turned(who: PersonLandmarks, angle: float) -> PersonLandmarks:
    """The person in a photo that is turned about (10, 20)."""
    seen, second = who.glimpses, who.second
    assert seen is not None
    assert second is not None
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])

    def moved(points: NDArray) -> NDArray:
        return (points - [10, 20]) @ turn.T + [10, 20]

    x, y = moved(np.array([seen.window.x, seen.window.y]))
    window = Crop(float(x), float(y), seen.window.size, seen.window.angle + angle)
    return replace(
        who, points_2d=moved(who.points_2d), second=SecondOpinion(moved(second.points), second.scores),
        glimpses=replace(seen, window=window),
    )  # fmt: skip
