"""Cheap pictures of people in known poses: good enough for a network's window of 256 px, at twenty a second."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.mhr import Body
from native_runtime.render.colour import encode_srgb

from .anatomy import Anatomy
from .backgrounds import background
from .looks import dressed
from .painting import Painted, paint
from .people import Person, before, stand
from .views import View, look

Array = NDArray[np.float64]

_LENSES = 0.5, 0.9
"""Focal lengths as shares of the picture's diagonal."""
_SMALL, _SMALLEST = 0.35, 2.5
"""The share of people who are small, as if their surroundings were cut out of a larger picture; how small."""
_PITCH = 0.61
"""Radians that a camera looks up or down at most."""
_HIDDEN = 0.15
"""The share of pictures in which something stands before the person."""
_SIDES = 240, 360
"""About the longer side of pictures, px: the network's own window has 256."""
_NEAREST = 1.4
"""Metres."""
_MASKED = 0.5
"""The part of a pixel that shows somebody where the pixel counts as theirs."""


@dataclass(frozen=True)
class Shot:
    """A picture and whom it shows.

    Attributes:
        pixels: (H, W, 3) sRGB.
        view: the camera.
        people: whoever is in it, the one that it is about first.
        masks: for each, (H, W) where they are seen.
    """

    pixels: NDArray[np.uint8]
    view: View
    people: tuple[Person, ...]
    masks: tuple[NDArray[np.bool_], ...]


def before_camera(body: Body, parameters: Array, rng: np.random.Generator) -> tuple[Person, View]:
    """A person of random build in a pose before a random camera.

    Args:
        parameters: (204,) model parameters of the pose.
    """
    standing = stand(body, parameters, rng)
    view = _view(standing.vertices, rng, int(rng.integers(*_SIDES)))
    return before(body, standing, view), view


def shoot(anatomy: Anatomy, parameters: Array, rng: np.random.Generator) -> Shot:
    """A picture of such a person, dressed. Arguments as ``before_camera``."""
    person, view = before_camera(anatomy.body, parameters, rng)
    painted = paint([dressed(anatomy, person.standing.vertices, rng)], view)
    pixels = _photo(painted, rng)
    mask = painted.share(0) > _MASKED
    if rng.random() < _HIDDEN:
        hidden = _put_before(pixels, project(view.from_world(person.standing.vertices), view.intrinsics), rng)
        mask &= ~hidden
    return Shot(pixels, view, (person,), (mask,))


def _put_before(pixels: NDArray[np.uint8], outline: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw something of one colour over a part of somebody whose vertices lie at `outline` (V, 2) px; (H, W) where."""
    extent = np.ptp(outline, axis=0)
    middle = outline[int(rng.integers(len(outline)))]
    half = extent * rng.uniform(0.08, 0.3, 2)
    low, high = (tuple(int(v) for v in middle + sign * half) for sign in (-1, 1))
    colour = [int(v) for v in rng.integers(0, 255, 3)]
    drawn = np.zeros(pixels.shape[:2], np.uint8)
    if rng.random() < 0.5:
        cv2.rectangle(drawn, low, high, 1, -1)
    else:
        cv2.ellipse(drawn, tuple(int(v) for v in middle), tuple(int(v) + 1 for v in half), float(rng.uniform(0, 180)),
                    0, 360, 1, -1)  # fmt: skip
    hidden = drawn > 0
    pixels[hidden] = colour
    return hidden


def _view(points: Array, rng: np.random.Generator, side: int) -> View:
    """A camera around world points (N, 3) near the origin: any heading is the person's own yaw; mostly level."""
    shape = float(rng.choice([0.66, 0.8, 1.0]))
    extent = np.ptp(points, axis=0)
    size = (round(side * shape), side) if extent[2] > max(extent[0], extent[1]) or shape == 1 else (
        side, round(side * shape))  # fmt: skip
    focal = math.exp(rng.uniform(*np.log(_LENSES))) * math.hypot(*size)
    if rng.random() < _SMALL:
        focal *= float(rng.uniform(1.0, _SMALLEST))
    intrinsics = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1.0]])
    level = rng.random() < 0.6
    pitch = float(np.clip(rng.normal(-0.08, 0.2) if level else rng.uniform(-_PITCH, _PITCH), -_PITCH, _PITCH))
    rotation = look(pitch, float(rng.normal(0.0, 0.06)))
    fill = float(rng.uniform(0.6, 0.92) if rng.random() > 0.12 else rng.uniform(1.05, 1.5))
    distance, middle = 4.0, (points.min(axis=0) + points.max(axis=0)) / 2
    for _ in range(8):
        pixels = project((points - middle) @ rotation.T + [0, 0, distance], intrinsics)
        share = float(np.max(np.ptp(pixels, axis=0) / np.array(size)))
        distance = max(distance * float(np.clip(share / fill, 0.6, 1.6)), _NEAREST)
    aside = rng.uniform(-0.5, 0.5, 2) * np.maximum(np.array(size) - np.ptp(pixels, axis=0), 0.0)
    offset = np.append(((np.array(size) - 1) / 2 - (pixels.min(axis=0) + pixels.max(axis=0)) / 2 + aside) / focal, 0.0)
    return View(size, intrinsics, rotation, middle - rotation[2] * distance - rotation.T @ offset * distance)


def _photo(painted: Painted, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The surfaces in a random light before a random background, with grain."""

    def towards(low: float, high: float) -> Array:
        turn, height = rng.uniform(-np.pi, np.pi), rng.uniform(low, high)
        return np.array([np.cos(turn) * np.cos(height), np.sin(turn) * np.cos(height), np.sin(height)])

    behind = encode_srgb(background(painted.view, rng)).astype(np.float32)
    normals = np.concatenate([surface.normals for surface in painted.surfaces])
    colours = np.concatenate([surface.colours for surface in painted.surfaces])
    light = np.zeros((len(normals), 3))
    for reach, strength in ((0.2, rng.uniform(0.4, 1.2)), (0.5, rng.uniform(0.1, 0.4))):
        facing = np.clip((normals @ towards(-0.2, 1.3) + reach) / (1 + reach), 0.0, None)
        light += facing[:, None] * strength * np.exp(rng.normal(0, 0.08, 3))
    light += rng.uniform(0.05, 0.2) + (0.5 + 0.5 * normals[:, 2:]) * rng.uniform(0.1, 0.3)
    shades = painted.interpolated(encode_srgb(np.clip(colours * light, 0, 1)).astype(np.float64))
    pixels = painted.over(shades, behind)
    if rng.random() < 0.4:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.4, 0.9)))
    return np.clip(pixels + rng.normal(0, rng.uniform(0.5, 5), pixels.shape), 0, 255).astype(np.uint8)
