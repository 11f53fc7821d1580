"""Light on people and things, and the shadows that they throw on the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.render.raster import NEAR, Surface

from .views import View

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

_LOWEST = 0.35
"""Radians: a light lower than this throws no shadow worth painting."""
_FINE, _DOTS = 1500, 0.03
"""A surface of more triangles is a body or hair, whose vertices are about so many metres apart."""


@dataclass(frozen=True)
class Lamp:
    """Light from one direction: the unit vector towards it, its colour, and how far it reaches around edges, 0..1."""

    towards: Array
    colour: Array
    reach: float


@dataclass(frozen=True)
class Lighting:
    """All light of a picture.

    Attributes:
        lamps: the main one first.
        above, below: (3,) light from everywhere above, and what the floor sends back.
        dark: how dark shadows on the floor are, 0..1; soft: how soft, m.
    """

    lamps: tuple[Lamp, ...]
    above: Array
    below: Array
    dark: float
    soft: float

    def on(self, normals: Floats) -> Floats:
        """(N, 3) light on surfaces with these unit normals (N, 3)."""
        share = (0.5 + 0.5 * normals[:, 2:]).astype(np.float32)
        light = share * self.above + (1 - share) * self.below
        for lamp in self.lamps:
            facing = np.clip((normals @ lamp.towards + lamp.reach) / (1 + lamp.reach), 0.0, None)
            light = light + facing[:, None] * lamp.colour
        return np.asarray(light, np.float32)


def random_lighting(rng: np.random.Generator, outdoors: bool) -> Lighting:
    """Light of a room, or of the sky."""

    def towards(low: float, high: float) -> Array:
        turn, height = rng.uniform(-np.pi, np.pi), rng.uniform(low, high)
        return np.array([np.cos(turn) * np.cos(height), np.sin(turn) * np.cos(height), np.sin(height)])

    warm = np.exp(rng.normal(0, 0.12) * np.array([1.0, 0.1, -1.0]))
    sunny = rng.random() < (0.6 if outdoors else 0.35)
    key = Lamp(towards(0.25, 1.35), warm * rng.uniform(0.6, 1.5), 0.05 if sunny else 0.4)
    fill = Lamp(towards(-0.2, 1.2), np.exp(rng.normal(0, 0.08, 3)) * rng.uniform(0.05, 0.4), 0.5)
    above = np.array([0.9, 1.0, 1.12] if outdoors else [1.0, 1.0, 1.0]) * rng.uniform(0.15, 0.5)
    below = above * rng.uniform(0.25, 0.8) * np.exp(rng.normal(0, 0.1, 3))
    dark = float(rng.uniform(0.4, 0.75) if sunny else rng.uniform(0.1, 0.4))
    soft = float(rng.uniform(0.01, 0.04) if sunny else rng.uniform(0.08, 0.3))
    return Lighting((key, fill), above, below, dark, soft)


def shadows(view: View, surfaces: Sequence[Surface], lighting: Lighting) -> Floats:
    """(H, W) by how much the floor at each pixel is lit: 1, less where something stands in the main light or near the
    floor.
    """
    width, height = view.size
    ahead = lighting.lamps[0].towards
    shade = np.zeros((height, width), np.float32)
    if np.arcsin(ahead[2]) < _LOWEST or view.place[2] <= 0:
        return 1.0 - shade
    drawn, dots = np.zeros((2, height, width), np.uint8)
    nearest = np.inf
    for surface in surfaces:
        places = surface.vertices - surface.vertices[:, 2:] / ahead[2] * ahead
        local = view.from_world(places)
        pixels = project(np.where(local[:, 2:] > NEAR, local, [0.0, 0.0, NEAR]), view.intrinsics)
        shown = local[:, 2] > NEAR
        if len(surface.triangles) > _FINE:  # so many that their corners alone draw the shadow
            x, y = np.round(pixels[shown]).astype(int).T
            kept = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            dots[y[kept], x[kept]] = 255
        else:
            lit = surface.normals[surface.triangles].mean(axis=1) @ ahead > 0
            keep = shown[surface.triangles].all(axis=1) & (lit | surface.two_sided)
            corners = np.round(np.clip(pixels, -4000, 4000) * 16).astype(np.int32)[surface.triangles[keep]]
            for triangle in corners:
                cv2.fillConvexPoly(drawn, triangle, 255, shift=4)
        if shown.any():
            nearest = min(nearest, float(np.median(local[shown, 2])))
    gap = max(round(_DOTS * view.intrinsics[0, 0] / max(nearest, 0.5)), 1)
    drawn |= cv2.morphologyEx(dots, cv2.MORPH_CLOSE, np.ones((2 * gap + 1, 2 * gap + 1), np.uint8))
    blur = float(np.clip(lighting.soft * view.intrinsics[0, 0] / max(nearest, 0.5), 0.5, 40.0))
    shade = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), blur)
    return np.asarray(1.0 - lighting.dark * shade, np.float32)
