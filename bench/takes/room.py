"""The surroundings of a take: a floor and walls with textures, seen by a ray through each pixel."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.raster import View

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

_TEXELS = 100.0
"""A metre of floor or wall."""
_HIGH = 3.2


@dataclass
class Room:
    """A floor at height ``floor`` m, and four walls around; textures are linear colours.

    Attributes:
        low, high: (2,) m, the walls' x and y.
        floor_texture: (h, w, 3); walls: four textures, at -x, +x, -y, +y.
    """

    floor: float
    low: Array
    high: Array
    floor_texture: Floats
    walls: tuple[Floats, ...]
    ceiling: Array
    _rays: Floats | None = field(default=None, repr=False)

    def seen(self, view: View) -> tuple[Floats, Floats]:
        """(H, W, 3) linear colours, and (H, W, 2) m where each pixel sees the floor (NaN elsewhere)."""
        rows, columns = np.mgrid[0 : view.height, 0 : view.width].astype(np.float32)
        focal, centre = view.intrinsics[0, 0], view.intrinsics[:2, 2]
        x, y = (columns - centre[0]) / focal, (rows - centre[1]) / focal
        axes, eye = view.axes.astype(np.float32), view.position.astype(np.float32)
        rays = [axes[k, 0] * x + axes[k, 1] * y + axes[k, 2] for k in range(3)]
        planes = [(2, self.floor), (0, self.low[0]), (0, self.high[0]), (1, self.low[1]), (1, self.high[1]),
                  (2, self.floor + _HIGH)]  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.stack([(np.float32(place) - eye[axis]) / rays[axis] for axis, place in planes])
        reach[~(reach > 1e-4)] = np.inf
        nearest = reach.argmin(axis=0)
        distance = np.take_along_axis(reach, nearest[None], 0)[0]
        hit = [eye[k] + rays[k] * distance for k in range(3)]
        height = hit[2] - self.floor
        out = np.empty((view.height, view.width, 3), np.float32)
        out[:] = self.ceiling.astype(np.float32)
        sources = [(self.floor_texture, hit[0], hit[1])]
        for number, wall in enumerate(self.walls):
            sources.append((wall, hit[1] if number < 2 else hit[0], height))
        for number, (texture, u, v) in enumerate(sources):
            mask = nearest == number
            if not mask.any():
                continue
            top, bottom = np.flatnonzero(mask.any(axis=1))[[0, -1]]
            band = slice(int(top), int(bottom) + 1)
            scale = np.float32(_TEXELS)
            tall, wide = texture.shape[:2]
            across = np.mod(u[band] * scale, wide).astype(np.float32)
            down = np.mod(v[band] * scale, tall) if number == 0 else np.clip(tall - 1 - v[band] * scale, 0, tall - 1)
            part = cv2.remap(texture, across, down.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
            out[band] = np.where(mask[band][..., None], part, out[band])
        ground = np.stack([np.where(nearest == 0, hit[k], np.nan) for k in (0, 1)], axis=-1)
        return out, ground.astype(np.float32)


def furnished(low: Array, high: Array, floor: float, rng: np.random.Generator) -> Room:
    """A random room around the places ``low`` to ``high`` (2,) m: boards, tiles, carpet or lawn; pictures on walls."""
    margin = rng.uniform(1.0, 2.2, 4)
    corner, other = low - margin[:2], high + margin[2:]
    kind = str(rng.choice(["boards", "tiles", "carpet", "ground"]))
    walls = tuple(_wall(float(other[1 - k // 2] - corner[1 - k // 2]), rng) for k in range(4))
    texture = {"boards": _boards, "tiles": _tiles, "carpet": _carpet, "ground": _ground}[kind](rng)
    return Room(floor, corner, other, texture, walls, np.full(3, rng.uniform(0.5, 0.8)))


def _noise(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> Floats:
    """Smooth noise of unit strength that repeats; ``scale`` px are about one blot."""
    fy, fx = np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1]), indexing="ij")
    amplitude = 1.0 / (1.0 + (np.hypot(fx, fy) * scale) ** 2)
    amplitude[0, 0] = 0.0
    out = np.real(np.fft.ifft2(np.fft.fft2(rng.normal(size=shape)) * amplitude))
    return np.asarray(out / out.std(), np.float32)


def _tinted(shade: Floats, colour: Array) -> Floats:
    return np.clip(shade[..., None] * colour.astype(np.float32), 0, 1).astype(np.float32)


def _boards(rng: np.random.Generator) -> Floats:
    size, rows = 400, 32
    shade = np.ones((size, size), np.float32)
    for row in range(rows):
        band = slice(row * size // rows, (row + 1) * size // rows)
        cuts = np.sort(rng.integers(0, size, 4))
        for start, end in zip(cuts, np.append(cuts[1:], cuts[0] + size)):
            shade[band, np.arange(start, end) % size] = rng.uniform(0.7, 1.1)
            shade[band, start % size] *= 0.5
        shade[band.start] *= 0.55
    grain = cv2.resize(_noise((size, size // 8), 3.0, rng), (size, size))
    return _tinted(shade * (1 + 0.08 * grain), np.array([(0.36, 0.2, 0.1), (0.2, 0.1, 0.05), (0.5, 0.35, 0.2)]
                   [int(rng.integers(3))]))  # fmt: skip


def _tiles(rng: np.random.Generator) -> Floats:
    size, tile = 400, int(rng.choice([25, 40, 50]))
    shade = np.kron(rng.uniform(0.85, 1.05, (size // tile, size // tile)), np.ones((tile, tile))).astype(np.float32)
    shade[::tile] = shade[:, ::tile] = 0.45
    return _tinted(shade * (1 + 0.05 * _noise((size, size), 20.0, rng)), rng.uniform(0.25, 0.6) * np.ones(3))


def _carpet(rng: np.random.Generator) -> Floats:
    shade = 1 + 0.1 * _noise((400, 400), 2.0, rng) + 0.05 * _noise((400, 400), 60.0, rng)
    return _tinted(shade, rng.uniform(0.08, 0.4, 3))


def _ground(rng: np.random.Generator) -> Floats:
    shade = 1 + 0.22 * _noise((400, 400), 4.0, rng) + 0.12 * _noise((400, 400), 50.0, rng)
    return _tinted(shade, np.array([(0.09, 0.14, 0.05), (0.2, 0.19, 0.18), (0.28, 0.22, 0.15)][int(rng.integers(3))]))


def _wall(width: float, rng: np.random.Generator) -> Floats:
    """A painted or papered wall with pictures, a door, a window, a shelf."""
    tall, wide = int(_HIGH * _TEXELS), max(int(width * _TEXELS), 60)
    colour = rng.uniform(0.3, 0.75) * (1 + rng.normal(0, 0.12, 3))
    out = _tinted(1 + 0.02 * _noise((tall, wide), 30.0, rng), colour)
    out[-int(0.09 * _TEXELS) :] = np.float32(rng.uniform(0.05, 0.7))
    for _ in range(int(rng.integers(2, 7))):
        kind = str(rng.choice(["picture", "picture", "door", "window", "shelf"]))
        w, h = {"picture": rng.uniform((0.3, 0.3), (1.0, 0.8)), "door": (0.9, 2.05), "window": (1.3, 1.2),
                "shelf": (0.9, 1.8)}[kind]  # fmt: skip
        base = {"picture": rng.uniform(1.2, 1.9), "door": 0.0, "window": 0.95, "shelf": 0.0}[kind]
        x = int(rng.uniform(0, max(width - w, 0.01)) * _TEXELS)
        box = (slice(int((_HIGH - base - h) * _TEXELS), int((_HIGH - base) * _TEXELS)), slice(x, x + int(w * _TEXELS)))
        patch = out[box]
        if patch.size == 0:
            continue
        frame = np.float32(rng.uniform(0.03, 0.6))
        if kind == "picture":
            blots = [_noise(patch.shape[:2], rng.uniform(5, 60), rng) for _ in range(3)]
            patch[:] = np.clip(0.3 + 0.2 * np.stack(blots, axis=-1), 0.01, 0.9)
        elif kind == "window":
            patch[:] = np.linspace(0.95, 0.6, patch.shape[0], dtype=np.float32)[:, None, None] * (0.8, 0.9, 1.0)
            patch[:, patch.shape[1] // 2 - 2 : patch.shape[1] // 2 + 2] = frame
        elif kind == "door":
            patch[:] = rng.uniform(0.1, 0.6) * (1 + rng.normal(0, 0.15, 3)).astype(np.float32)
        else:
            patch[:] = 0.06
            for level in range(4, patch.shape[0] - 30, 40):
                at = 2
                while at < patch.shape[1] - 4:
                    thick, high_ = int(rng.integers(3, 8)), int(rng.integers(18, 34))
                    patch[level + 36 - high_ : level + 36, at : at + thick] = rng.uniform(0.02, 0.6, 3)
                    at += thick
        patch[[0, 1, -1]], patch[:, [0, 1, -2, -1]] = frame, frame
    return out
