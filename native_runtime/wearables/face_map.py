"""One half of a face as seen from the front: what skin lies at a place, and where the lids are open.

Found by the eyes' joints and the surface alone, so that it works for every body. Places are (x, y) cm from the eye's
centre at rest, x away from the middle of the face on either side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.render.raster import Surface, rasterise

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

#: cm a pixel; parts of the distance from the middle of the face to an eye that are looked at: inwards, outwards, below
#: and above the eye's centre.
_STEP = 0.015
_INWARDS, _OUTWARDS, _BELOW, _ABOVE = 1.0, 1.15, 0.75, 1.35
#: cm: what is so far behind the front of the eyeball is no lid.
_BEHIND = 0.3
#: Columns at least over which lids are open.
_FEWEST = 12
_EYE_PARTS = ("eyes", "iris", "pupil")


@dataclass(frozen=True, eq=False)
class Spot:
    """Places on the skin.

    Attributes:
        places: (N, 3) cm.
        normals: (N, 3) unit.
        anchors, shares: (N, 3) see ``Wearable``.
    """

    places: Array
    normals: Array
    anchors: Ints
    shares: Array


@dataclass(frozen=True, eq=False)
class FaceMap:
    """One half of a face.

    Attributes:
        side: 1 for the left half, -1 for the right.
        eye: (3,) cm, the centre of the eye.
        scale: cm, from the middle of the face to the eye.
        ball: cm, radius of the eyeball.
        depth: (H, W) cm along z of the skin at each pixel; not a number where there is none.
    """

    side: int
    eye: Array
    scale: float
    ball: float
    depth: Array
    _body: Body
    _normals: Array
    _triangle: Ints
    _weights: Array

    def at(self, places: Array) -> Spot:
        """The skin at places (N, 2), or at the nearest place that has some."""
        column, row = self._pixels(places)
        height, width = self.depth.shape
        chosen = np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)
        bare = self._triangle[chosen] < 0
        if bare.any():
            there = np.flatnonzero(self._triangle >= 0)
            if not len(there):
                raise Sam3dbError(f"'{self._body.name}' has no face around its eyes.")
            rows, columns = np.divmod(there, width)
            for number in np.flatnonzero(bare):
                away = (columns - column[number]) ** 2 + (rows - row[number]) ** 2
                chosen[number] = there[int(np.argmin(away))]
        anchors = self._body.triangles[self._triangle[chosen]].astype(np.int64)
        shares = self._weights[chosen]
        rest = self._body.rest_vertices.astype(np.float64)
        normals = np.einsum("nk,nkc->nc", shares, self._normals[anchors])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        return Spot(np.einsum("nk,nkc->nc", shares, rest[anchors]), normals, anchors, shares)

    def ridge(self, x: Array) -> Array:
        """(N,) y of the brow's ridge above places x: where the skin between lid and forehead stands out most."""
        heights = np.arange(0.38, 0.92, 0.02) * self.scale
        column, _ = self._pixels(np.stack([x, np.zeros_like(x)], axis=1))
        _, row = self._pixels(np.stack([np.zeros_like(heights), heights], axis=1))
        depth = self.depth[np.clip(row, 0, len(self.depth) - 1)[:, None], np.clip(column, 0, self.depth.shape[1] - 1)]
        return np.asarray(heights[np.argmax(np.where(np.isfinite(depth), depth, -np.inf), axis=0)])

    def lids(self, count: int) -> tuple[Array, Array]:
        """Places (count, 2) along the edge of the upper and of the lower lid, from the inner to the outer corner.

        Raises:
            Sam3dbError: the eye is not open.
        """
        height, width = self.depth.shape
        x = _STEP * np.arange(width) - _INWARDS * self.scale
        y = _ABOVE * self.scale - _STEP * np.arange(height)
        square = self.ball**2 - x**2 - y[:, None] ** 2
        # what is farther back than the eyeball's front is the back of its socket
        is_open = (square > 0) & ~(self.depth > self.eye[2] + np.sqrt(np.maximum(square, 0)) - _BEHIND)
        row = round(_ABOVE * self.scale / _STEP)
        reach = round(0.3 * self.scale / _STEP)
        window = np.zeros_like(is_open)
        window[row - reach : row + reach] = is_open[row - reach : row + reach]
        columns: list[int] = []
        upper, lower = [], []
        for column in range(width):
            rows = np.flatnonzero(window[:, column])
            if 2 <= len(rows) < 2 * reach - 2:
                columns.append(column)
                upper.append(rows[0] - 0.5)
                lower.append(rows[-1] + 0.5)
        run = _longest_run(columns)
        if len(run) < _FEWEST:
            raise Sam3dbError(f"'{self._body.name}' has no open eyes that lashes could be set around.")
        first = columns.index(run[0])
        there = slice(first, first + len(run))
        x = np.linspace(run[0], run[-1], count)
        edges = []
        for found in (upper[there], lower[there]):
            smooth = np.convolve(np.pad(np.array(found), 3, mode="edge"), np.full(7, 1 / 7), mode="valid")
            y = _ABOVE * self.scale - _STEP * np.interp(x, run, smooth)
            edges.append(np.stack([_STEP * x - _INWARDS * self.scale, y], axis=1))
        return edges[0], edges[1]

    def _pixels(self, places: Array) -> tuple[Ints, Ints]:
        column = np.round((places[:, 0] + _INWARDS * self.scale) / _STEP).astype(np.int64)
        row = np.round((_ABOVE * self.scale - places[:, 1]) / _STEP).astype(np.int64)
        return column, row


def _longest_run(numbers: list[int]) -> list[int]:
    runs: list[list[int]] = [[]]
    for number in numbers:
        if runs[-1] and number != runs[-1][-1] + 1:
            runs.append([])
        runs[-1].append(number)
    return max(runs, key=len)


@lru_cache(maxsize=4)
def face_map(body: Body, side: int) -> FaceMap:
    """One half of a body's face at rest.

    Args:
        side: 1 for the left half, -1 for the right.

    Raises:
        Sam3dbError: the body has no eyes, or no skin around them.
    """
    name = "l_eye" if side > 0 else "r_eye"
    if name not in body.joint_names:
        raise Sam3dbError(f"'{body.name}' has no eyes, by which brows and lashes are placed.")
    eye = body.pose(np.zeros(len(body.parameter_names))).translations[body.joint_index(name)]
    scale = abs(float(eye[0]))
    rest = body.rest_vertices.astype(np.float64)
    triangles = body.triangles
    of_skin = _skin_triangles(body)
    skin = of_skin & (rest[triangles, 2].min(axis=1) > eye[2] - 1.5 * scale)
    chosen = np.flatnonzero(skin)
    surface = Surface(
        rest,
        triangles[chosen],
        rest,
        np.zeros((len(chosen), 3), bool),
        np.zeros(len(chosen), bool),
    )
    width = round((_INWARDS + _OUTWARDS) * scale / _STEP)
    height = round((_BELOW + _ABOVE) * scale / _STEP)
    # the right half is drawn as it is and turned over afterwards, so that triangles keep their sense
    x = rest[:, 0] - eye[0]
    screen = np.stack(
        [((_INWARDS if side > 0 else _OUTWARDS) * scale + x) / _STEP, (_ABOVE * scale - rest[:, 1] + eye[1]) / _STEP],
        axis=1,
    )
    hits = rasterise(screen, rest[:, 2], np.ones(len(rest), bool), surface, width, height)
    if not len(hits.pixel):
        raise Sam3dbError(f"'{body.name}' has no skin around its eyes, on which brows and lashes could lie.")
    triangle = np.full(width * height, -1)
    weights = np.zeros((width * height, 3))
    triangle[hits.pixel] = chosen[hits.triangle]
    shares = np.clip(hits.weights.astype(np.float64), 0, None)
    weights[hits.pixel] = shares / shares.sum(axis=1, keepdims=True)
    depth = np.full(width * height, np.nan)
    depth[hits.pixel] = np.einsum("nk,nk->n", weights[hits.pixel], rest[triangles[triangle[hits.pixel]], 2])
    if side < 0:
        order = np.arange(width * height).reshape(height, width)[:, ::-1].ravel()
        triangle, weights, depth = triangle[order], weights[order], depth[order]
    normals = Surface(rest, triangles, rest, surface.edges, surface.two_sided).normals
    away = np.linalg.norm(rest[np.unique(triangles[~of_skin])] - eye, axis=1)
    ball = float(np.median(away[away < 0.8 * scale])) if (away < 0.8 * scale).any() else 0.5 * scale
    return FaceMap(side, eye, scale, ball, depth.reshape(height, width), body, normals, triangle, weights)


def _skin_triangles(body: Body) -> NDArray[np.bool_]:
    """(T,) all but eyeballs: those of their parts, and what moves with the eyes' joints."""
    parts = np.array([name in _EYE_PARTS for name in body.material_names])
    skin = ~parts[body.face_materials[body.triangle_faces]]
    eyes = [body.joint_index(name) for name in ("l_eye", "r_eye") if name in body.joint_names]
    of_eye = np.where(np.isin(body.skin_indices, eyes), body.skin_weights, 0).sum(axis=1) > 0.5
    return np.asarray(skin & ~of_eye[body.triangles].all(axis=1))
