"""Pictures of people of known kind, with what is true of them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.mhr import Body
from native_runtime.synthetic.backgrounds import background
from native_runtime.synthetic.looks import Looks
from native_runtime.synthetic.painting import paint
from native_runtime.synthetic.people import Standing, before, stand
from native_runtime.synthetic.pictures import photographed
from native_runtime.synthetic.views import View, about_z, look

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

SIDE = 420
"""Longer side, px."""


@dataclass(frozen=True)
class Difficulty:
    """What is hard about a picture.

    Attributes:
        yaw: radians, which way the person faces: 0 towards the camera.
        pitch: radians by which the camera looks up.
        fill: the person's longer side as a share of the picture's; above 1 the picture cuts them.
        blur: length of the motion blur as a share of the person's longer side.
        hidden: share of the box that something before the person covers.
        others: how many people stand around.
        small: px of the longer side to which the picture is reduced and enlarged again; 0 for none.
        dark: factor on the light.
    """

    yaw: float = 0.0
    pitch: float = -0.05
    fill: float = 0.8
    blur: float = 0.0
    hidden: float = 0.0
    others: int = 0
    small: int = 0
    dark: float = 1.0


@dataclass(frozen=True)
class Shot:
    """A picture (H, W, 3) sRGB and the true keypoints of its person.

    Attributes:
        keypoints: (70, 3) m, camera axes.
        pixels_of: (70, 2) px.
    """

    pixels: Pixels
    keypoints: Array
    pixels_of: Array


def shoot(body: Body, looks: Looks, parameters: Array, how: Difficulty, rng: np.random.Generator) -> Shot:
    """A picture of somebody in a pose (204,)."""
    standing = _facing(stand(body, parameters, rng), how.yaw)
    view = _view(standing.vertices, how, rng)
    people = [standing]
    for number in range(1, how.others + 1):  # beside, and a little behind
        side = -1.0 if number % 2 else 1.0
        spot = side * (0.45 * ((number + 1) // 2) + float(rng.uniform(0.0, 0.15))), float(rng.uniform(0.1, 1.0))
        people.append(stand(body, parameters, rng, spot))
    things = [thing for one in people for thing in looks.dressed(one.vertices, one.build, rng)]
    behind = background(view, np.concatenate([one.vertices for one in people]), rng)
    pixels = photographed(paint([thing.surface for thing in things], view), things, behind, rng)
    seen = before(body, standing, view).keypoints
    outline = project(view.from_world(standing.vertices), view.intrinsics)
    box = np.concatenate([outline.min(axis=0), outline.max(axis=0)])
    if how.hidden > 0:
        _cover(pixels, box, how.hidden, rng)
    if how.blur > 0:
        pixels = _smeared(pixels, how.blur * float(max(box[2] - box[0], box[3] - box[1])), rng)
    if how.small:
        size = (pixels.shape[1], pixels.shape[0])
        scale = how.small / max(size)
        low = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(cv2.resize(low, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    if how.dark != 1.0:
        noise = rng.normal(0, 6.0, pixels.shape)
        pixels = np.clip(pixels * how.dark + noise, 0, 255).astype(np.uint8)
    return Shot(pixels, seen, project(seen, view.intrinsics))


def save(shot: Shot, stem: Path, about: dict[str, Any]) -> None:
    """Write ``STEM.jpg`` and what is true of it beside it."""
    cv2.imwrite(f"{stem}.jpg", cv2.cvtColor(shot.pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    truth = stem.parent.parent / "truth"
    truth.mkdir(exist_ok=True)
    np.savez(truth / f"{stem.name}.npz", keypoints=shot.keypoints, pixels=shot.pixels_of, about=json.dumps(about))


def _facing(standing: Standing, yaw: float) -> Standing:
    """The same person turned to a heading, radians."""
    turn = about_z(yaw - standing.yaw).T
    return replace(standing, yaw=yaw, vertices=(standing.vertices - standing.root) @ turn + standing.root)


def _view(points: Array, how: Difficulty, rng: np.random.Generator) -> View:
    """A camera that sees world points (N, 3) as the difficulty says."""
    extent = np.ptp(points, axis=0)
    wide = extent[0] > extent[2] or how.others > 1
    size = (SIDE, round(0.75 * SIDE)) if wide else (round(0.75 * SIDE), SIDE)
    focal = float(rng.uniform(0.6, 1.1)) * math.hypot(*size)
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    rotation = look(how.pitch, float(rng.normal(0.0, 0.03)))
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    distance = 4.0
    for _ in range(10):
        pixels = project((points - middle) @ rotation.T + [0, 0, distance], intrinsics)
        share = float(np.max(np.ptp(pixels, axis=0) / np.array(size)))
        distance = max(distance * float(np.clip(share / how.fill, 0.6, 1.6)), 1.2)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    shift = (np.array(size) - 1) / 2 - (low + high) / 2
    if how.fill > 1:  # the top of the person stays, as in most pictures that cut somebody
        shift[1] += 0.06 * size[1] - (low[1] + shift[1])
    else:
        shift += rng.uniform(-0.35, 0.35, 2) * np.maximum(np.array(size) - (high - low), 0.0)
    offset = np.append(shift / focal, 0.0)
    return View(size, intrinsics, rotation, middle - rotation[2] * distance - rotation.T @ offset * distance)


def _cover(pixels: Pixels, box: Array, share: float, rng: np.random.Generator) -> None:
    """Put something before a part of the person: from below, from a side, or across."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    way = int(rng.integers(3))
    if way == 0:
        low, high = (x0 - 0.2 * width, y1 - share * height), (x1 + 0.2 * width, y1 + 0.1 * height)
    elif way == 1:
        edge = x0 + share * width if rng.random() < 0.5 else x1 - share * width
        left = edge > (x0 + x1) / 2 if share > 0.5 else edge < (x0 + x1) / 2
        low, high = (x0 - 0.2 * width if left else edge, y0 - 0.1 * height), (
            edge if left else x1 + 0.2 * width, y1 + 0.1 * height)  # fmt: skip
    else:
        top = y0 + float(rng.uniform(0.15, 0.9 - share)) * height if share < 0.75 else y0 + 0.15 * height
        low, high = (x0 - 0.2 * width, top), (x1 + 0.2 * width, top + share * height)
    colour = [int(value) for value in rng.integers(20, 235, 3)]
    corners = [tuple(int(value) for value in corner) for corner in (low, high)]
    cv2.rectangle(pixels, corners[0], corners[1], colour, -1)
    for _ in range(4):
        a, b = (rng.uniform(low, high) for _ in range(2))
        cv2.line(
            pixels, tuple(int(v) for v in a), tuple(int(v) for v in b), [int(v) for v in rng.integers(0, 255, 3)], 2
        )


def _smeared(pixels: Pixels, length: float, rng: np.random.Generator) -> Pixels:
    """Blurred along a random direction by a length in px, with the camera's grain on top."""
    size = max(3, math.ceil(length) | 1)
    angle = float(rng.uniform(0, math.pi))
    kernel = np.zeros((size, size), np.float32)
    half = size // 2
    reach = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    a, b = (tuple(round(half + sign * v) for v in reach) for sign in (-1, 1))
    cv2.line(kernel, a, b, 1.0, 1)
    blurred = cv2.filter2D(pixels.astype(np.float32), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.clip(blurred + rng.normal(0, 2.0, pixels.shape), 0, 255).astype(np.uint8)
