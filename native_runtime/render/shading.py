"""Light on a surface: colours, soft shadows and ambient occlusion, computed per pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .colour import roll_off
from .raster import NEAR, Hits, Surface, View, rasterise, seen_by

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

#: Pixels are drawn this many times finer along each side, then averaged.
_SUPERSAMPLING = 3
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
#: Sides of the shadow map, px: at most, and as a part of the height of the view.
_LARGEST_SHADOW, _SHADOW_PART = 768, 1.4
_SHADOW_BIAS = 0.014  # m
_PENUMBRA = 0.022  # m
_SHADOW_TAPS = 8
_OPENNESS_RADII = (0.012, 0.045)  # m
_OPENNESS_TURNS = 3
#: Cloth and skin in a photo have their gloss already: of what plain surfaces get, so much is added.
_PAINTED_SHEEN = np.float32(0.2)
#: The same of the dimness of hollows.
_PAINTED_HOLLOWS = np.float32(0.5)


@dataclass(frozen=True)
class Light:
    """A distant light: (3,) unit vector towards it (world), its linear colour, and how far it reaches around the
    form (0..1).
    """

    towards: Array
    colour: Array
    wrap: float


def render(surface: Surface, view: View, key: Light, others: list[Light], sky: Array, ground: Array) -> Floats:
    """Draws a surface: (H, W, 4) linear colour times coverage, and coverage.

    Args:
        key: the light that casts shadows.
        others: lights that do not.
        sky, ground: (3,) linear light from above and from below.
    """
    fine = view.supersampled(_SUPERSAMPLING)
    hits, local = seen_by(fine, surface)
    if len(hits.pixel) == 0:
        return np.zeros((view.height, view.width, 4), np.float32)

    corners = surface.triangles[hits.triangle]
    # linear on the screen is 1/z: with it the weights become linear on the surface
    weights = hits.weights / np.maximum(local[:, 2], NEAR)[corners].astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)

    def across(values: Array) -> Floats:
        single = values.astype(np.float32)
        first, second, third = (weights[:, k, None] * single[corners[:, k]] for k in range(3))
        return first + second + third

    place = across(surface.vertices)
    normal = _unit(across(surface.normals))
    towards_eye = _unit(fine.position.astype(np.float32) - place)
    behind = surface.two_sided[hits.triangle] & (np.einsum("nc,nc->n", normal, towards_eye) < 0)
    normal[behind] *= -1
    turns = _turns(hits, fine)
    open_sky = _openness(hits, across(local[:, 2:])[:, 0], fine, turns)
    if surface.paint is not None:
        open_sky = 1 - _PAINTED_HOLLOWS * (1 - open_sky)
    lit = _lit_by(surface, key, place, normal, turns, min(_LARGEST_SHADOW, round(_SHADOW_PART * view.height)))

    light = (0.5 + 0.5 * normal[:, 2:]) * (sky - ground).astype(np.float32) + ground.astype(np.float32)
    light *= open_sky[:, None]
    gloss = np.zeros(len(place), np.float32)
    for lamp, reach in [(key, lit), *((lamp, open_sky) for lamp in others)]:
        towards = lamp.towards.astype(np.float32)
        facing = np.clip((normal @ towards + lamp.wrap) / (1 + lamp.wrap), 0, None) * reach
        light += facing[:, None] * lamp.colour.astype(np.float32)
        shine = np.clip(np.einsum("nc,nc->n", normal, _unit(towards + towards_eye)), 0, None)
        gloss += shine**32 * reach * np.float32(lamp.colour.mean())
    paint = across(surface.colours)
    sheen = np.float32(1.0)
    if surface.paint is not None:
        sheen = _PAINTED_SHEEN
        surface.paint.lay(paint, hits.triangle, weights, _areas(fine.screen(local)[surface.triangles]))
    edge = (1 - np.clip(np.einsum("nc,nc->n", normal, towards_eye), 0, 1)) ** 3
    colour = paint * light + (sheen * (0.06 * gloss + 0.04 * edge * open_sky))[:, None]

    canvas = np.zeros((fine.height * fine.width, 4), np.float32)
    canvas[hits.pixel, :3] = roll_off(colour)
    canvas[hits.pixel, 3] = 1.0
    size = (view.width, view.height)
    return cv2.resize(canvas.reshape(fine.height, fine.width, 4), size, interpolation=cv2.INTER_AREA)


def _areas(corners: Array) -> Array:
    """(T,) of triangles (T, 3, 2)."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.sqrt(np.einsum("nc,nc->n", vectors, vectors)), 1e-9)[:, None]


def _turns(hits: Hits, view: View) -> Floats:
    """By how much each fine pixel turns the pattern of its samples (N,), radians.

    Within a pixel each has another angle, so that a few samples do the work of many; all pixels have the same ones.
    """
    rows, columns = np.divmod(hits.pixel, view.width)
    number = rows % _SUPERSAMPLING * _SUPERSAMPLING + columns % _SUPERSAMPLING
    return (number * _GOLDEN_ANGLE).astype(np.float32)


def _lit_by(surface: Surface, light: Light, place: Floats, normal: Floats, turns: Floats, size: int) -> Floats:
    """How much of a distant light of some size reaches each place (N,): a shadow map of ``size`` px, softened."""
    side = np.cross(light.towards, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(-light.towards, side), -light.towards], axis=1)
    points = surface.vertices @ axes
    low = points[:, :2].min(axis=0)
    scale = (size - 8) / float((points[:, :2].max(axis=0) - low).max())
    screen = (points[:, :2] - low) * scale + 4
    everywhere = np.ones(len(points), bool)
    hits = rasterise(screen, -points[:, 2], everywhere, surface, size, size)
    depth = np.full(size**2, np.inf, np.float32)
    depth[hits.pixel] = np.einsum("nk,nk->n", hits.weights, points[surface.triangles[hits.triangle], 2])
    depth = depth.reshape(size, size)

    seen = (place + normal * _SHADOW_BIAS) @ axes.astype(np.float32)
    columns, rows = ((seen[:, :2] - low.astype(np.float32)) * np.float32(scale) + 4).T
    total = np.zeros(len(place), np.float32)
    reach = max(_PENUMBRA * scale, 1.5)
    for number in range(_SHADOW_TAPS):  # spread evenly over a disc
        radius, angle = reach * np.sqrt((number + 0.5) / _SHADOW_TAPS), turns + np.float32(number * _GOLDEN_ANGLE)
        x = np.clip(columns + np.float32(radius) * np.cos(angle) + 0.5, 0, size - 1).astype(np.int32)
        y = np.clip(rows + np.float32(radius) * np.sin(angle) + 0.5, 0, size - 1).astype(np.int32)
        total += depth[y, x] > seen[:, 2] - _SHADOW_BIAS
    return total / np.float32(_SHADOW_TAPS)


def _openness(hits: Hits, depths: Floats, view: View, turns: Floats) -> Floats:
    """How open the surroundings of each pixel are (N,), 0..1: neighbours that stand nearer to the eye shut out
    light.
    """
    depth = np.full(view.width * view.height, np.inf, np.float32)
    depth[hits.pixel] = depths
    depth = depth.reshape(view.height, view.width)
    rows, columns = np.divmod(hits.pixel.astype(np.int32), np.int32(view.width))
    shut = np.zeros(len(depths), np.float32)
    scale = view.intrinsics[0, 0] / float(np.median(depths))

    def rise(dx: NDArray[np.int32], dy: NDArray[np.int32], radius: float) -> Floats:
        x, y = np.clip(columns + dx, 0, view.width - 1), np.clip(rows + dy, 0, view.height - 1)
        return np.maximum(depths - depth[y, x], np.float32(-radius))

    for radius in _OPENNESS_RADII:
        for turn in range(_OPENNESS_TURNS):
            angle = turns + np.float32(turn * np.pi / _OPENNESS_TURNS)
            dx = np.round(np.float32(scale * radius) * np.cos(angle)).astype(np.int32)
            dy = np.round(np.float32(scale * radius) * np.sin(angle)).astype(np.int32)
            # opposite neighbours: a slanted plane stands out on one side as far as it falls back on the other
            slope = rise(dx, dy, radius) + rise(-dx, -dy, radius)
            # what stands far in front is another part of the body and does not touch this one
            near = np.clip(2 - slope / (3 * radius), 0, 1)
            shut += np.clip(slope / (2 * radius), 0, 1) * near
    return np.clip(1 - 1.6 * shut / (len(_OPENNESS_RADII) * _OPENNESS_TURNS), 0.25, 1)
