"""Short hairs as narrow ribbons of polygons: of brows and lashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .wearable import Wearable

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Strands:
    """Ribbons of R rows each, S of them.

    Attributes:
        points: (S, R, 3) cm, their middles from root to tip.
        sides: (S, R, 3) cm, from the middle to one edge.
        anchors, shares: (S, R, 3) of each row, see ``Wearable``.
    """

    points: Array
    sides: Array
    anchors: Ints
    shares: Array


def joined(parts: list[Strands]) -> Strands:
    """All of them, which have rows of the same number."""
    return Strands(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("points", "sides", "anchors", "shares"))
    )


def ribbons(name: str, kind: str, strands: Strands, colour: Colour | None) -> Wearable:
    """The wearable of ribbons; each is as long in v as the texture, and as wide in u."""
    count, rows = strands.points.shape[:2]
    vertices = np.stack([strands.points - strands.sides, strands.points + strands.sides], axis=2)  # S R 2 3
    first = (np.arange(count)[:, None] * rows + np.arange(rows - 1)) * 2
    quads = np.stack([first, first + 1, first + 3, first + 2], axis=-1).reshape(-1, 4)
    v = np.stack([np.arange(rows - 1), np.arange(rows - 1), np.arange(1, rows), np.arange(1, rows)], axis=1) / (
        rows - 1
    )
    uvs = np.stack([np.tile([0.0, 1.0, 1.0, 0.0], (rows - 1, 1)), v], axis=-1)
    return Wearable(
        name=name,
        kind=kind,
        vertices=vertices.reshape(-1, 3),
        anchors=np.repeat(strands.anchors, 2, axis=1).reshape(-1, 3),
        shares=np.repeat(strands.shares, 2, axis=1).reshape(-1, 3),
        face_sizes=np.full(len(quads), 4, np.int32),
        face_vertices=quads.ravel().astype(np.int32),
        face_materials=np.zeros(len(quads), np.int32),
        material_names=(kind,),
        uvs=np.tile(uvs.reshape(-1, 2), (count, 1)).astype(np.float32),
        colours={} if colour is None else {kind: colour},
    )
