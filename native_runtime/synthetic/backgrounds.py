"""What is behind people: rooms, gardens, streets, or blurred colours, seen through the picture's own camera.

A background is found ray by ray, so that walls, floors and the horizon are where the camera sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .noise import sampled
from .palette import colour, foliage
from .views import View

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Texture = Callable[[Array, Array, Array], Array]
"""From places on a surface, m, and how far away they are, to colours (..., 3), linear."""

KINDS = {"room": 0.4, "garden": 0.22, "street": 0.18, "colours": 0.12, "studio": 0.08}
_COARSE = 0.7
"""Backgrounds are found in fewer pixels: they are softer than people in most photos."""


@dataclass(frozen=True)
class Background:
    """What is behind people.

    Attributes:
        kind: one of ``KINDS``.
        pixels: (H, W, 3) linear.
        floor: (H, W) where the floor is seen, 0..1.
    """

    kind: str
    pixels: Floats
    floor: Floats


def background(view: View, points: Array, rng: np.random.Generator) -> Background:
    """A random background.

    Args:
        points: (V, 3) m, people's vertices: a room is around them.
    """
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    rays = _rays(view)
    make = {"room": _room, "garden": _garden, "street": _street, "colours": _colours, "studio": _studio}[kind]
    pixels, floor = make(view, rays, points, rng)
    wanted = [
        cv2.resize(part.astype(np.float32), view.size, interpolation=cv2.INTER_LINEAR) for part in (pixels, floor)
    ]
    blur = float(rng.uniform(0.3, 0.7) if rng.random() < 0.7 else rng.uniform(0.8, 4.0))
    return Background(kind, np.clip(cv2.GaussianBlur(wanted[0], (0, 0), blur), 0.0, 4.0), wanted[1])


def _rays(view: View) -> Array:
    """(h, w, 3) directions in the world, with 1 along the camera's axis, of a somewhat coarser picture's pixels."""
    width, height = view.size
    columns, rows = round(width * _COARSE), round(height * _COARSE)
    x, y = np.meshgrid(
        (np.arange(columns) + 0.5) * width / columns - 0.5, (np.arange(rows) + 0.5) * height / rows - 0.5
    )
    local = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(view.intrinsics).T
    return np.asarray(local @ view.rotation)


def _floor_places(view: View, rays: Array) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """Where rays meet the floor: x, y, how far (H, W), and whether they do at all."""
    down = (rays[..., 2] < -1e-3) & (view.place[2] > 0)
    far = np.where(down, -view.place[2] / np.where(down, rays[..., 2], -1.0), 1e3)
    return view.place[0] + far * rays[..., 0], view.place[1] + far * rays[..., 1], far, down


def _room(view: View, rays: Array, points: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    everything = np.concatenate([points, view.place[None]])
    low, high = everything.min(axis=0) - rng.uniform(0.3, 3.0, 3), everything.max(axis=0) + rng.uniform(0.3, 3.0, 3)
    low[2], high[2] = 0.0, max(float(rng.uniform(2.4, 3.2)), float(everything[:, 2].max()) + 0.2)
    wall = _any_wall(rng)
    looks = [[wall, wall], [_any_wall(rng) if rng.random() < 0.2 else wall, wall], [_any_floor(rng), _ceiling(rng)]]
    things = [[_hung(rng, high[2]) for _ in range(2)] for _ in range(2)]
    nearest = np.full(rays.shape[:2], np.inf)
    pixels = np.zeros(rays.shape)
    floor = np.zeros(rays.shape[:2])
    for axis in range(3):
        for side, limit in enumerate((low[axis], high[axis])):
            with np.errstate(divide="ignore", invalid="ignore"):
                far = (limit - view.place[axis]) / rays[..., axis]
            mine = (far > 1e-3) & (far < nearest)
            if not mine.any():
                continue
            nearest[mine] = far[mine]
            place = view.place + far[mine][:, None] * rays[mine]
            u, v = place[:, [a for a in range(3) if a != axis]].T
            shades = looks[axis][side](u, v, far[mine])
            if axis < 2:
                shades = things[axis][side](u, v, shades)
                shades *= 0.85 + 0.15 * np.clip(v / 0.5, 0, 1)[:, None]
            pixels[mine] = shades * (0.9 + 0.1 * axis)
            floor[mine] = axis == 2 and side == 0
    return pixels * rng.uniform(0.5, 1.1), floor


def _garden(view: View, rays: Array, points: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    x, y, far, down = _floor_places(view, rays)
    ground = _any_ground(rng)(x, y, far)
    flat = np.maximum(np.hypot(rays[..., 0], rays[..., 1]), 1e-6)
    around, height = np.arctan2(rays[..., 1], rays[..., 0]) / (2 * np.pi), rays[..., 2] / flat
    pixels = np.where(down[..., None], ground, _sky(around, height, rng))
    for far_off in np.sort(rng.uniform(0.02, 0.9, int(rng.integers(1, 4))))[::-1]:  # from high hills to near bushes
        top = far_off * (0.5 + 0.35 * sampled(int(rng.integers(8)), 3 * around + rng.random(), np.zeros_like(around)))
        green, size = foliage(rng), 1.0 / rng.uniform(0.15, 0.8)
        kind = int(rng.integers(8))
        leaf = sampled(kind, 6 * size * around, size * height, 0.6) + 0.7 * sampled(kind + 1, 2 * around, 0.5 * height)
        mist = rng.uniform(0, 0.35)
        tree = green * np.exp(0.7 * leaf)[..., None] * (1 - mist) + mist * 0.5
        edge = top + 0.05 * far_off * leaf
        pixels = np.where(((height < edge) & (height > -0.05 * far_off) & ~(down & (far < 6)))[..., None], tree, pixels)
    return pixels, down.astype(np.float64)


def _street(view: View, rays: Array, points: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    x, y, far, down = _floor_places(view, rays)
    ground = _any_ground(rng, built=True)(x, y, far)
    flat = np.maximum(np.hypot(rays[..., 0], rays[..., 1]), 1e-6)
    around, height = np.arctan2(rays[..., 1], rays[..., 0]) / (2 * np.pi), rays[..., 2] / flat
    pixels = np.where(down[..., None], ground, _sky(around, height, rng))
    ahead = view.rotation[2, :2] / max(float(np.linalg.norm(view.rotation[2, :2])), 1e-6)
    beyond = float(((points[:, :2] - view.place[:2]) @ ahead).max()) + float(rng.uniform(1.0, 12.0))
    way = ahead + rng.normal(0, 0.35, 2)
    way /= np.linalg.norm(way)
    across = np.array([-way[1], way[0]])
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(rays[..., :2] @ way > 1e-3, beyond / (rays[..., :2] @ way), np.inf)
    u, v = reach * (rays[..., :2] @ across), view.place[2] + reach * rays[..., 2]
    top = rng.uniform(4, 20)
    wall = np.isfinite(reach) & (v > 0) & (v < top)
    look, pane = _any_wall(rng), colour(rng, 0.0) * 0.4
    shades = look(u[wall], v[wall], reach[wall])
    wide, tall, gap = rng.uniform(0.8, 2.0), rng.uniform(1.0, 2.0), rng.uniform(0.6, 1.6)
    inside = ((u[wall] / (wide + gap)) % 1 < wide / (wide + gap)) & ((v[wall] / (tall + gap)) % 1 < tall / (tall + gap))
    index = np.floor(u[wall] / (wide + gap)) * 7.0 + np.floor(v[wall] / (tall + gap)) * 13.0
    lit = (0.6 + 0.8 * np.modf(np.abs(np.sin(index * 12.9898)) * 43758.5453)[0])[:, None]
    pixels[wall] = np.where(inside[:, None], pane * lit + 0.05, shades)
    return pixels, (down & ~wall).astype(np.float64)


def _colours(view: View, rays: Array, points: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    height, width = rays.shape[:2]
    y, x = np.mgrid[:height, :width] / max(height, width) * rng.uniform(0.05, 0.9) + rng.random()
    share = [sampled(int(rng.integers(8)), x, y, rng.uniform(0.7, 1.6)) for _ in range(2)]
    a, b, c = colour(rng), colour(rng), colour(rng)
    first = 1 / (1 + np.exp(-2.5 * share[0]))[..., None]
    second = 1 / (1 + np.exp(-2.5 * share[1]))[..., None]
    return (a * first + b * (1 - first)) * second + c * (1 - second), np.zeros((height, width))


def _studio(view: View, rays: Array, points: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    _, _, far, down = _floor_places(view, rays)
    tone = colour(rng, 0.15)
    fall = np.exp(-np.clip(np.where(down, far, 12.0) / 12.0, 0, 1))[..., None]
    return tone * (0.75 + 0.4 * fall), np.asarray(down * np.clip(2.0 - far / 6.0, 0.0, 1.0), np.float64)


def _sky(around: Array, height: Array, rng: np.random.Generator) -> Array:
    low = np.array([0.75, 0.82, 0.9]) * rng.uniform(0.6, 1.2)
    high = np.array([0.2, 0.42, 0.85]) * rng.uniform(0.4, 1.1)
    if rng.random() < 0.4:  # overcast, or evening
        high = low * rng.uniform(0.7, 1.1) * np.exp(rng.normal(0, 0.15, 3))
    climb = np.clip(height / rng.uniform(0.4, 1.5), 0, 1)[..., None]
    sky = low * (1 - climb) + high * climb
    cloud = np.clip(sampled(int(rng.integers(8)), 2 * around, 0.5 * height, 1.3) - rng.uniform(-1, 1.5), 0, 1)
    return np.asarray(sky + (np.array([1.0, 1.0, 1.02]) * low.max() - sky) * 0.8 * cloud[..., None])


def _fading(far: Array, size: float) -> Array:
    """How far details of ``size`` m can be told at some distance, 0..1; (..., 1)."""
    return 1.0 / (1.0 + (far / (60.0 * size)) ** 2)[..., None]


def _plaster(rng: np.random.Generator, tone: Array) -> Texture:
    kind, strength, size = int(rng.integers(8)), float(rng.uniform(0.02, 0.15)), float(rng.uniform(1.0, 4.0))
    return lambda u, v, far: tone * np.exp(strength * sampled(kind, u / size, v / size))[..., None]


def _planks(rng: np.random.Generator) -> Texture:
    tone = np.array([0.4, 0.22, 0.11]) * rng.uniform(0.25, 1.4) * np.exp(rng.normal(0, 0.15, 3))
    width, kind = float(rng.uniform(0.07, 0.2)), int(rng.integers(8))

    def texture(u: Array, v: Array, far: Array) -> Array:
        board = np.floor(u / width)
        hue = np.modf(np.abs(np.sin(board * 78.233 + np.floor(v / 1.7 + board * 0.37) * 3.1)) * 43758.5453)[0]
        grain = sampled(kind, u / 0.5 + board * 0.31, v / 6.0)
        fade = _fading(far, width)
        return np.asarray(tone * (1 + fade * (0.5 * (hue - 0.5) + 0.14 * grain)[..., None]).clip(0.3)
                          * np.where((u / width % 1 < 0.04)[..., None], 1 - 0.5 * fade, 1.0))  # fmt: skip

    return texture


def _tiles(rng: np.random.Generator, brick: bool = False) -> Texture:
    tone = np.array([0.35, 0.13, 0.08]) * rng.uniform(0.5, 1.6) if brick else colour(rng, 0.1)
    joint = colour(rng, 0.0)
    wide = 0.24 if brick else float(rng.uniform(0.15, 0.8))
    tall = 0.08 if brick else wide
    kind, gap = int(rng.integers(8)), 0.12 if brick else 0.04

    def texture(u: Array, v: Array, far: Array) -> Array:
        row = np.floor(v / tall)
        across = u / wide + (0.5 * (row % 2) if brick else 0.0)
        hue = np.modf(np.abs(np.sin(np.floor(across) * 78.233 + row * 37.7)) * 43758.5453)[0] - 0.5
        fade = _fading(far, tall)
        body = tone * (1 + fade * (0.25 * hue + 0.08 * sampled(kind, u, v))[..., None])
        line = ((v / tall % 1 < gap) | (across % 1 < gap * tall / wide))[..., None] * fade
        return np.asarray(body * (1 - line) + joint * line)

    return texture


def _rough(rng: np.random.Generator, tone: Array, other: Array) -> Texture:
    """Grass, gravel, carpet, asphalt."""
    kind, fine, coarse = int(rng.integers(8)), float(rng.uniform(0.5, 1.5)), float(rng.uniform(4, 12))
    strength = float(rng.uniform(0.1, 0.6))

    def texture(u: Array, v: Array, far: Array) -> Array:
        small = sampled(kind, u / fine, v / fine, 0.4)[..., None] * _fading(far, 0.08)
        large = 1 / (1 + np.exp(-2 * sampled(kind + 1, u / coarse, v / coarse)))[..., None]
        return np.asarray((tone * large + other * (1 - large)) * np.exp(strength * small))

    return texture


def _any_wall(rng: np.random.Generator) -> Texture:
    kind = rng.random()
    if kind < 0.55:
        return _plaster(rng, np.clip(colour(rng, 0.1) * 0.6 + 0.25, 0, 1))
    if kind < 0.7:
        return _plaster(rng, colour(rng, 0.3))
    if kind < 0.85:
        return _tiles(rng, brick=True)
    if kind < 0.92:
        return _tiles(rng)
    first, second, width = colour(rng, 0.1), colour(rng, 0.1), float(rng.uniform(0.03, 0.2))
    return lambda u, v, far: np.where((u / width % 2 < 1)[..., None], first, 0.5 * first + 0.5 * second)


def _any_floor(rng: np.random.Generator) -> Texture:
    kind = rng.random()
    if kind < 0.45:
        return _planks(rng)
    if kind < 0.65:
        return _tiles(rng)
    tone = colour(rng, 0.15)
    return _rough(rng, tone, tone * rng.uniform(0.7, 1.2))


def _any_ground(rng: np.random.Generator, built: bool = False) -> Texture:
    kind = rng.random() + 0.5 * built
    if kind < 0.5:
        return _rough(rng, foliage(rng), foliage(rng))
    if kind < 0.8:
        tone = np.array([0.35, 0.27, 0.18]) * rng.uniform(0.3, 1.8)
        return _rough(rng, tone, foliage(rng) if rng.random() < 0.4 else tone * 0.7)
    if kind < 1.2:
        tone = np.full(3, rng.uniform(0.05, 0.45)) * np.exp(rng.normal(0, 0.04, 3))
        return _rough(rng, tone, tone * 0.8)
    return _tiles(rng)


def _ceiling(rng: np.random.Generator) -> Texture:
    return _plaster(rng, np.full(3, rng.uniform(0.5, 0.85)))


def _hung(rng: np.random.Generator, tall: float) -> Callable[[Array, Array, Array], Array]:
    """Windows, doors, pictures and shelves on a wall; a skirting board."""
    rectangles = []
    for _ in range(int(rng.integers(0, 7))):
        kind = rng.random()
        at = float(rng.uniform(-4, 4))
        if kind < 0.3:  # a window, which is bright
            wide, low, high = rng.uniform(0.5, 1.2), rng.uniform(0.6, 1.1), rng.uniform(1.8, 2.4)
            rectangles += [(at, wide + 0.06, low - 0.06, high + 0.06, np.full(3, 0.6)),
                           (at, wide, low, high, np.array([0.9, 1.0, 1.15]) * rng.uniform(0.4, 1.8))]  # fmt: skip
        elif kind < 0.5:
            rectangles.append((at, 0.45, 0.0, 2.05, colour(rng, 0.1)))
        elif kind < 0.8:
            wide, middle, high = rng.uniform(0.15, 0.6), rng.uniform(1.2, 1.8), rng.uniform(0.15, 0.5)
            rectangles += [(at, wide + 0.03, middle - high - 0.03, middle + high + 0.03, colour(rng, 0.0) * 0.5),
                           (at, wide, middle - high, middle + high, colour(rng, 0.4))]  # fmt: skip
        else:
            for shelf in range(int(rng.integers(2, 5))):
                rectangles.append((at, 0.5, 0.5 + 0.4 * shelf, 0.53 + 0.4 * shelf, np.array([0.2, 0.12, 0.06])))
                for book in range(int(rng.integers(3, 9))):
                    rectangles.append((at - 0.4 + 0.09 * book, 0.035, 0.53 + 0.4 * shelf,
                                       0.53 + 0.4 * shelf + rng.uniform(0.15, 0.3), colour(rng, 0.4)))  # fmt: skip
    skirting = float(rng.uniform(0.04, 0.15)) if rng.random() < 0.6 else 0.0
    board = colour(rng, 0.0)

    def over(u: Array, v: Array, shades: Array) -> Array:
        made = np.array(shades)
        for at, wide, low, high, tone in rectangles:
            made[(np.abs(u - at) < wide) & (v > low) & (v < min(high, tall))] = tone
        made[v < skirting] = board
        return made

    return over
