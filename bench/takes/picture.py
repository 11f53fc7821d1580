"""One frame of a take: a dressed person in a room, drawn by the project's own rasteriser."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb, roll_off
from native_runtime.render.raster import NEAR, Surface, View, rasterise, seen_by

from .look import Look
from .room import Room

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_FINER = 2
_SHADOW_CELL, _SHADOW_REACH = 0.02, 3.0
_MAP, _BIAS = 448, 0.02


@dataclass(frozen=True)
class Light:
    """A lamp far away: the unit vector towards it (world), its linear colour, the light from all around, and grain
    (standard deviation of sRGB values) of the camera."""

    towards: Array
    colour: Array
    ambient: Array
    grain: float


class Painter:
    """Draws the frames of one take; of a fixed camera the room is drawn once."""

    def __init__(self, look: Look, room: Room, light: Light) -> None:
        self.look, self.room, self.light = look, room, light
        triangles = look.anatomy.body.triangles
        self._triangles = triangles
        self._last: tuple[bytes, tuple[Floats, Floats]] | None = None

    def frame(self, vertices: Array, view: View, seed: int) -> Pixels:
        """(H, W, 3) sRGB.

        Args:
            vertices: (V, 3) m of the naked body, world.
            seed: of the grain.
        """
        outside = self.look.outside(vertices)
        count = len(self._triangles)
        surface = Surface(outside, self._triangles, np.zeros((0, 3)), np.zeros((count, 3), bool), np.zeros(count, bool))
        back, ground = self._room(view)
        canvas = back * (1 - self._shadow(surface, ground))[..., None]
        box = _box(view, outside)
        if box is not None:
            left, top, wide, tall = box
            layer = self._person(surface, _part(view, box))
            part = canvas[top : top + tall, left : left + wide]
            canvas[top : top + tall, left : left + wide] = layer[..., :3] + part * (1 - layer[..., 3:])
        rng = np.random.default_rng(seed)
        pixels = encode_srgb(cv2.GaussianBlur(canvas, (0, 0), 0.55)).astype(np.float32)
        noise = rng.standard_normal(pixels.shape[:2], dtype=np.float32) * np.float32(255 * self.light.grain)
        return np.asarray(np.clip(pixels + noise[..., None] + 0.5, 0, 255), np.uint8)

    def _room(self, view: View) -> tuple[Floats, Floats]:
        key = view.axes.tobytes() + view.position.tobytes()
        if self._last is None or self._last[0] != key:
            colours, ground = self.room.seen(view)
            lit = self.light.ambient + 0.55 * self.light.colour
            self._last = key, (roll_off(colours * lit.astype(np.float32)), ground)
        return self._last[1]

    def _person(self, surface: Surface, view: View) -> Floats:
        """(H, W, 4) linear colour times coverage, and coverage."""
        fine = view.supersampled(_FINER)
        hits, local = seen_by(fine, surface)
        canvas = np.zeros((fine.height * fine.width, 4), np.float32)
        if len(hits.pixel):
            corners = self._triangles[hits.triangle]
            weights = hits.weights / np.maximum(local[:, 2], NEAR)[corners].astype(np.float32)
            weights /= weights.sum(axis=1, keepdims=True)
            columns = np.concatenate([self.look.fields, surface.normals, surface.vertices], axis=1).astype(np.float32)
            across = np.einsum("nk,nkc->nc", weights, columns[corners])
            fields, normal, place = across[:, :-6], across[:, -6:-3], across[:, -3:]
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
            colour = self.look.colours(fields, self.look.material[hits.triangle])
            lit = self._lit(surface, place + 0.012 * normal)
            light = self.light
            facing = np.clip((normal @ light.towards.astype(np.float32) + 0.15) / 1.15, 0, None) * lit
            sky = 0.65 + 0.35 * normal[:, 2:]
            shade = sky * light.ambient.astype(np.float32) + facing[:, None] * light.colour.astype(np.float32)
            canvas[hits.pixel, :3] = roll_off(colour * shade)
            canvas[hits.pixel, 3] = 1.0
        shape = (fine.height, fine.width, 4)
        return cv2.resize(canvas.reshape(shape), (view.width, view.height), interpolation=cv2.INTER_AREA)

    def _lit(self, surface: Surface, places: Floats) -> Floats:
        """(N,) 0..1 by how much of the lamp places are reached: a shadow map, softened by filtering it."""
        towards = self.light.towards
        side = np.cross(towards, [0.0, 0.0, 1.0])
        side /= np.linalg.norm(side)
        axes = np.stack([side, np.cross(-towards, side), -towards], axis=1)
        points = surface.vertices @ axes
        low = points[:, :2].min(axis=0)
        scale = (_MAP - 8) / float(np.ptp(points[:, :2], axis=0).max())
        screen = (points[:, :2] - low) * scale + 4
        hits = rasterise(screen, -points[:, 2], np.ones(len(points), bool), surface, _MAP, _MAP)
        depth = np.full(_MAP**2, 1e3, np.float32)
        depth[hits.pixel] = np.einsum("nk,nk->n", hits.weights, points[surface.triangles[hits.triangle], 2])
        depth = depth.reshape(_MAP, _MAP)
        seen = places @ axes.astype(np.float32)
        x, y = ((seen[:, :2] - low.astype(np.float32)) * np.float32(scale) + 4).T
        total = np.zeros(len(places), np.float32)
        for dx, dy in ((-1.5, -0.5), (0.5, -1.5), (1.5, 0.5), (-0.5, 1.5)):
            columns = np.clip(x + dx + 0.5, 0, _MAP - 1).astype(np.int32)
            rows = np.clip(y + dy + 0.5, 0, _MAP - 1).astype(np.int32)
            total += depth[rows, columns] > seen[:, 2] - np.float32(_BIAS)
        return total / 4

    def _shadow(self, surface: Surface, ground: Floats) -> Floats:
        """(H, W) 0..1 by how much the person darkens the floor: a cast shadow, and a dark line under the feet."""
        height = np.maximum(surface.vertices[:, 2] - self.room.floor, 0.0)
        towards = self.light.towards
        cast = surface.vertices[:, :2] - towards[:2] / max(float(towards[2]), 0.3) * height[:, None]
        centre = surface.vertices[:, :2].mean(axis=0)
        low = centre - _SHADOW_REACH
        size = int(2 * _SHADOW_REACH / _SHADOW_CELL)
        out = np.zeros((size, size), np.float32)
        for places, weight, strength, spread, blur in (
            (cast, np.ones(len(cast)), 0.45, 5, 2.5),
            (surface.vertices[:, :2], np.exp(-height / 0.06), 0.65, 3, 1.5),
        ):
            cells = ((places - low) / _SHADOW_CELL).astype(int)
            inside = ((cells >= 0) & (cells < size)).all(axis=1)
            layer = np.zeros((size, size), np.float32)
            np.maximum.at(layer, (cells[inside, 1], cells[inside, 0]), weight[inside].astype(np.float32))
            layer = cv2.GaussianBlur(cv2.dilate(layer, np.ones((spread, spread), np.uint8)), (0, 0), blur)
            out = 1 - (1 - out) * (1 - strength * layer)
        where = np.nan_to_num((ground - low.astype(np.float32)) / np.float32(_SHADOW_CELL), nan=-1e4)
        return cv2.remap(out, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _box(view: View, points: Array) -> tuple[int, int, int, int] | None:
    """Left, top, width, height px of the part of a frame that shows points (N, 3), or None of none."""
    screen = view.screen(view.local(points))
    low = np.clip(np.floor(screen.min(axis=0)) - 2, 0, (view.width, view.height)).astype(int)
    high = np.clip(np.ceil(screen.max(axis=0)) + 3, 0, (view.width, view.height)).astype(int)
    if not (high > low).all():
        return None
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def _part(view: View, box: tuple[int, int, int, int]) -> View:
    matrix = view.intrinsics.copy()
    matrix[:2, 2] -= box[:2]
    return View(matrix, view.axes, view.position, box[2], box[3])
