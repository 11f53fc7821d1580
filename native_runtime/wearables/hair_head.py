"""The head on which hair grows: its measures, its surface, and where on it hair ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.texture.anatomy import PAINTED, PARTS, anatomy_of

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

#: cm from the eyes up to the crown on a grown-up's head, for which all lengths here are given.
_USUAL_HEIGHT = 11.0
#: cm between points by which the surface is known.
_SPACING = 0.55
#: How far below the neck's joint hair may hang, cm of a grown-up.
_REACH = 45.0
_EAR_RADIUS = np.array([3.2, 3.1, 2.0])
#: Vertices of which the head moves less than this part would bend hair with the neck.
_HELD = 0.9
#: A skull has at least so many of them.
_FEWEST_POINTS = 100
#: Where the skull's surface turns further away from its middle than this (cosine), rays do not end.
_FACING = 0.25
#: Places whose nearest points are looked for at once, and every which point is looked at first.
_BLOCK, _FEW = 32, 40
#: cm2, more than what squares of distances lose in single precision.
_ROUNDING = 0.01


@dataclass(frozen=True, eq=False)
class Surface:
    """A body's outside as many points (S), each on a triangle.

    Attributes:
        points, normals: (S, 3) cm, unit.
        corners: (S, 3) the body's vertices of its triangle; shares: (S, 3) their weights.
    """

    points: Array
    normals: Array
    corners: Ints
    shares: Array

    @cached_property
    def _by_height(self) -> tuple[Ints, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """The order (S,) of the points by their heights, and in it the heights (S,), and what their distances are
        computed from: (3, S) and (S,).
        """
        order = np.argsort(self.points[:, 1], kind="stable")
        middle = (self.points - self.points.mean(axis=0))[order]
        columns, squares = (-2.0 * middle.T).astype(np.float32), (middle**2).sum(axis=1).astype(np.float32)
        return order, middle[:, 1].astype(np.float32), columns, squares

    def nearest(self, places: Array) -> Ints:
        """(N,) which point of the surface is nearest to each place (N, 3) cm.

        Compared are only the points of those heights at which one can lie that is nearer than the nearest of a few.
        """
        order, heights, columns, squares = self._by_height
        few, few_squares = np.ascontiguousarray(columns[:, ::_FEW]), squares[::_FEW]
        moved = (places - self.points.mean(axis=0)).astype(np.float32)
        found = np.empty(len(moved), np.int64)
        distances = np.empty(_BLOCK * len(squares), np.float32)
        by_height = np.argsort(moved[:, 1])
        for start in range(0, len(moved), _BLOCK):
            mine = by_height[start : start + _BLOCK]
            block = moved[mine]
            rough = (block @ few + few_squares).min(axis=1) + (block**2).sum(axis=1)
            reach = np.sqrt(np.maximum(rough, 0) + _ROUNDING)
            low = int(np.searchsorted(heights, (block[:, 1] - reach).min()))
            high = int(np.searchsorted(heights, (block[:, 1] + reach).max(), side="right"))
            here = distances[: len(block) * (high - low)].reshape(len(block), high - low)
            np.matmul(block, columns[:, low:high], out=here)
            here += squares[low:high]
            at = here.argmin(axis=1)
            found[mine] = order[low + at]
            nearest = here == here[np.arange(len(block)), at][:, None]
            if np.count_nonzero(nearest) > len(block):  # of several as near, as on both sides of the middle, the first
                rows, at = np.nonzero(nearest)
                np.minimum.at(found, mine[rows], order[low + at])
        return found

    def height(self, places: Array) -> tuple[Array, Array]:
        """How far places (N, 3) lie outside (negative: inside), cm (N,), and the unit directions outwards (N, 3)."""
        near = self.nearest(places)
        normals = self.normals[near]
        return np.einsum("nc,nc->n", places - self.points[near], normals), normals

    @staticmethod
    def of(parts: Sequence[Surface]) -> Surface:
        """Several as one; their corners are those of their own meshes."""
        return Surface(*(np.concatenate([getattr(part, name) for part in parts])
                         for name in ("points", "normals", "corners", "shares")))  # fmt: skip

    def part(self, chosen: NDArray[np.bool_]) -> Surface:
        """Some of its points (S,)."""
        return Surface(self.points[chosen], self.normals[chosen], self.corners[chosen], self.shares[chosen])


@dataclass(frozen=True, eq=False)
class Head:
    """A head, in the axes of its body, cm. Lengths of hair are a grown-up's times ``size``.

    Attributes:
        size: of the head; 1 for a grown-up's.
        centre: (3,) the middle of the skull.
        whorl: (3,) unit: from there to the place behind the crown from which hair grows in all directions.
        eyes: (3,) the middle between the eyes.
        ears: (2, 3) left and right.
        neck: (3,) the neck's joint.
        surface: of head, neck, shoulders and trunk, as far as hair may hang.
        skull: of the head without the ears.
        held: the part of the surface that the head alone moves, and not the neck: what hair hangs on.
    """

    size: float
    centre: Array
    whorl: Array
    eyes: Array
    ears: Array
    neck: Array
    surface: Surface
    skull: Surface
    held: Surface

    def azimuth(self, places: Array) -> Array:
        """(N,) degrees about the vertical: 0 to the front, 90 to either side, 180 behind."""
        away = places - self.centre
        return np.degrees(np.arctan2(np.abs(away[..., 0]), away[..., 2]))

    def away_from_whorl(self, places: Array) -> Array:
        """(N, 3) unit directions along the skull in which hair grows that nobody combs."""
        out = unit(places - self.centre)
        return unit(out * (out @ self.whorl)[..., None] - self.whorl)

    def within(self, places: Array, hairline: Sequence[tuple[float, float]]) -> Array:
        """(N,) cm, roughly: how far within the hairline places of the head lie; below 0 outside.

        Args:
            hairline: degrees (see ``azimuth``) and heights above the eyes in cm of a grown-up.
        """
        degrees, heights = np.array(hairline).T
        inside = (places[..., 1] - self.eyes[1]) / self.size - np.interp(self.azimuth(places), degrees, heights)
        return np.minimum(inside, from_ears(places, self.ears, self.size))

    def on_skin(self, directions: Array) -> Array:
        """(N, 3) where rays from the centre of the skull along unit directions leave it, ears aside."""
        near = self._bearings.nearest(directions)
        points, normals = self.skull.points[near], self.skull.normals[near]
        # the plane of the surface's point that lies nearest to the ray
        reach = np.einsum("nc,nc->n", points - self.centre, normals)
        reach /= np.maximum(np.einsum("nc,nc->n", directions, normals), 0.2)
        usual = np.linalg.norm(points - self.centre, axis=1)
        return np.asarray(self.centre + directions * np.clip(reach, 0.9 * usual, 1.1 * usual)[:, None])

    @cached_property
    def _bearings(self) -> Surface:
        return replace(self.skull, points=unit(self.skull.points - self.centre))


def head_of(body: Body, shape: NDArray, joints: Array) -> Head:
    """The head of a body whose vertices are at ``shape`` (V, 3) and whose joints are at ``joints`` (J, 3), cm.

    Raises:
        Sam3dbError: it has no head.
    """
    anatomy = anatomy_of(body)
    places = np.asarray(shape, np.float64)
    if not anatomy.head.any():
        raise Sam3dbError(f"The body '{body.name}' has no head on which hair could grow.")
    eyes = (joints[body.joint_index("l_eye")] + joints[body.joint_index("r_eye")]) / 2
    neck = joints[body.joint_index("c_neck")]
    head = places[anatomy.head]
    size = float((head[:, 1].max() - eyes[1]) / _USUAL_HEIGHT)
    skull = head[head[:, 1] > eyes[1] + 2.0 * size]
    low, high = skull.min(axis=0), skull.max(axis=0)
    centre = np.array([eyes[0], eyes[1] + 1.5 * size, (low[2] + high[2]) / 2])
    skin = _outside(body)
    part = anatomy.part[body.triangles]
    upper = np.isin(part, [PARTS.index(name) for name in ("head", "neck", "torso", "l_uparm", "r_uparm")]).all(axis=1)
    near = places[body.triangles][..., 1].min(axis=1) > neck[1] - _REACH * size
    of_head = (part == PARTS.index("head")).any(axis=1) | (part == PARTS.index("neck")).any(axis=1)
    ears = _ears(body, places, joints)
    skull = sampled(places, body.triangles[skin & of_head].astype(np.int64), _SPACING * size)
    outwards = np.einsum("sc,sc->s", unit(skull.points - centre), skull.normals) > _FACING
    skull = skull.part(outwards & (from_ears(skull.points, ears, size) > 0))
    surface = sampled(places, body.triangles[skin & upper & near].astype(np.int64), _SPACING * size)
    by_head = np.where(body.skin_indices == body.joint_index("c_head"), body.skin_weights, 0).sum(axis=1)
    held = (by_head[surface.corners] > _HELD).all(axis=1) & (surface.points[:, 1] > ears[:, 1].min())
    if min(len(skull.points), held.sum()) < _FEWEST_POINTS:
        raise Sam3dbError(f"The body '{body.name}' has no head on which hair could grow.")
    return Head(
        size=size,
        centre=centre,
        whorl=unit(np.array([0.07, 1.0, -0.38])),
        eyes=eyes,
        ears=ears,
        neck=neck,
        surface=surface,
        skull=skull,
        held=surface.part(held),
    )


def from_ears(places: Array, ears: Array, size: float) -> Array:
    """(N,) cm, roughly: how far places are from the ears (2, 3); below 0 on them."""
    away = [np.linalg.norm((places - ear) / (_EAR_RADIUS * size), axis=-1) - 1.0 for ear in ears]
    return np.asarray(np.minimum(*away) * _EAR_RADIUS.mean())


def unit(vectors: Array) -> Array:
    """Vectors (..., 3) of length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def _outside(body: Body) -> NDArray[np.bool_]:
    """(T,) which triangles are skin, and not eyes, teeth or the inside of the mouth."""
    painted = np.array([name in PAINTED for name in body.material_names])
    return painted[body.face_materials[body.triangle_faces]] if painted.any() else np.ones(len(body.triangles), bool)


def _ears(body: Body, places: Array, joints: Array) -> Array:
    """(2, 3) left and right."""
    points = body.keypoint_rows.combine(np.concatenate([places, joints]))
    return np.stack([points[body.keypoint_names.index(name)] for name in ("left_ear", "right_ear")])


def sampled(places: Array, triangles: Ints, spacing: float) -> Surface:
    """Points over triangles (T, 3), about ``spacing`` apart."""
    normals = np.zeros_like(places)
    a, b, c = places[triangles].transpose(1, 0, 2)
    cross = np.cross(b - a, c - a)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], cross)
    normals = unit(normals)
    longest = np.max([np.linalg.norm(step, axis=1) for step in (b - a, c - b, a - c)], axis=0)
    parts = np.clip(np.ceil(longest / spacing), 1, 12).astype(np.int64)
    corners, shares = [], []
    for count in np.unique(parts):
        first, second = np.array([(i, j) for i in range(count) for j in range(count - i)]).T + 1 / 3
        weights = np.stack([1 - (first + second) / count, first / count, second / count], axis=1)
        mine = triangles[parts == count]
        corners.append(np.repeat(mine, len(weights), axis=0))
        shares.append(np.tile(weights, (len(mine), 1)))
    corner, share = np.concatenate(corners), np.concatenate(shares)
    points = np.einsum("sac,sa->sc", places[corner], share)
    # of several in one cell, as where a mesh is fine, one is enough
    cells = np.floor(points / (0.7 * spacing)).astype(np.int64)
    cells -= cells.min(axis=0)
    x, y, z = cells.T
    _, first = np.unique((x * (y.max() + 1) + y) * (z.max() + 1) + z, return_index=True)
    corner, share = corner[first], share[first]
    return Surface(points[first], unit(np.einsum("sac,sa->sc", normals[corner], share)), corner, share)
