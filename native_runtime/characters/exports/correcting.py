"""Shapes that hold what the bones of a file cannot: where linear skinning of the exported mesh misses the character.

A file holds one mesh in one rest pose, bones that move rigidly, and linear blend skinning. A character may also have
correctives that follow its pose; another rest pose than the bind pose makes skinning differ where several bones move a
vertex; bones are folded and influences dropped. Whatever the cause, at a frame it comes to offsets of the mesh at rest,
before skinning, which is what a morph target adds. The offsets of all frames are compressed into few shapes with one
weight a frame (principal components), as for the correctives of official bodies.

Pose space deformation after Lewis, Cordner and Fong, "Pose Space Deformation", SIGGRAPH 2000, section 4 (offsets in the
rest frame by the inverse of the skinning), its components as in Kry, James and Pai, "EigenSkin", SCA 2002, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.corrections import compress

from .skinning import ShapeKey, Shown, blend, blend_directions, unblend

Array = NDArray[np.float64]

#: What all keys of this module are called, with a number behind it.
NAME = "Pose Corrective"
#: How far (m) the skin may lie from the character's where there are shapes enough.
TOLERANCE = 2.5e-4
#: Smaller distances (m) are left alone: they are rounding.
_ROUNDING = 2e-5


@dataclass(frozen=True)
class Causes:
    """How far (m) a skin would lie from the character's at most, at the frames that were looked at, without shapes that
    correct it, each cause by itself.

    Attributes:
        correctives: that the character's own correctives follow its pose.
        rest: that the mesh is bound in another pose than the character's.
        folded: that bones are folded into others.
        influences: that the weakest influences are dropped.
    """

    correctives: float = 0.0
    rest: float = 0.0
    folded: float = 0.0
    influences: float = 0.0

    def largest(self, other: Causes) -> Causes:
        """The larger of each."""
        return Causes(
            max(self.correctives, other.correctives),
            max(self.rest, other.rest),
            max(self.folded, other.folded),
            max(self.influences, other.influences),
        )


def pose_correctives(
    points: Array, keys: Sequence[ShapeKey], table: Array, motions: Array, shown: Shown, most: int, first: int = 1
) -> tuple[ShapeKey, ...]:
    """The shapes that bring a file's skin to where Blender shows the character, with their weights at all frames.

    Args:
        points: (V, 3) m the file's mesh at rest without its shapes.
        keys: its shapes, with their values at all frames or none.
        table: (V, B) the shares of the file's bones.
        motions: (F, B, 4, 4) the bones' motions from rest at all frames.
        shown: where the character is.
        most: at most so many shapes.
        first: the number of the first: USD knows the shapes of a skeleton by their names alone, whatever the mesh.
    """
    moved = np.zeros(len(points), dtype=bool)
    found: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = []
    for number, there in zip(shown.frames.tolist(), shown.points):
        here = with_keys(points, keys, number)
        off = np.linalg.norm(blend(here, table, motions[number]) - there, axis=1)
        rows = np.flatnonzero(off > _ROUNDING)
        wanted = unblend(there[rows].astype(np.float64), table[rows], motions[number], here[rows])
        found.append((rows, (wanted - here[rows]).astype(np.float32)))
        moved[rows] = True
    columns = np.flatnonzero(moved)
    place = np.cumsum(moved) - 1
    offsets = np.zeros((len(found), len(columns), 3), np.float32)
    for row, (rows, values) in enumerate(found):
        offsets[row, place[rows]] = values
    shapes, weights = compress(offsets, TOLERANCE, most)
    made: list[ShapeKey] = []
    for number, (shape, course) in enumerate(_one_sided(shapes, weights)[:most], start=first):
        whole = np.zeros_like(points)
        whole[columns] = shape
        courses = np.interp(np.arange(len(motions)), shown.frames, course)
        made.append(ShapeKey(f"{NAME} {number:02d}", whole, 0.0, courses))
    return tuple(made)


def _one_sided(shapes: NDArray[np.float32], weights: Array) -> list[tuple[NDArray[np.float32], Array]]:
    """The shapes with weights between 0 and 1: engines and importers clamp others. What has both signs is split."""
    made = []
    for shape, course in zip(shapes, weights.T):
        for sign in (1.0, -1.0):
            part = np.maximum(sign * course, 0.0)
            reach = float(part.max())
            if reach > 0.0:
                made.append((np.float32(sign * reach) * shape, part / reach))
    return made


def with_keys(points: Array, keys: Sequence[ShapeKey], number: int) -> Array:
    """Points (V, 3) with shapes as they are at a frame, by its number."""
    result = points.copy()
    for key in keys:
        value = float(key.values[number]) if len(key.values) else key.value
        if value:
            result += value * key.offsets
    return result


def causes_of(
    points: Array,
    keys: Sequence[ShapeKey],
    corrections: Sequence[ShapeKey],
    weights: Array,
    joints: Array,
    tables: tuple[Array, Array],
    motions: Array,
    shown: Shown,
) -> Causes:
    """Why linear skinning misses the character, and by how much.

    Args:
        points: (V, 3) m the file's mesh at rest without its shapes; corrections are in it as they are now, or not.
        corrections: the character's correctives in the armature's bind pose, at rest in the file's axes, values at all
            frames, less what is in ``points``.
        weights: (V, N) of the joints.
        joints: (F, N, 4, 4) the joints' motions from the rest pose of the file.
        tables: (V, B) the shares of the file's bones, before and after influences were dropped.
        motions: (F, B, 4, 4) the bones' motions.
    """
    result = Causes()
    for number, there in _some(shown):
        here = with_keys(points, keys, number)
        corrected = with_keys(here, corrections, number)
        whole = blend(corrected, weights, joints[number])
        correcting = blend_directions(corrected - here, weights, joints[number])
        folded = blend(here, tables[0], motions[number])
        dropped = blend(here, tables[1], motions[number])
        result = result.largest(
            Causes(
                _largest(correcting),
                _largest(whole - there),
                _largest(blend(here, weights, joints[number]) - folded),
                _largest(folded - dropped),
            )
        )
    return result


def _some(shown: Shown, count: int = 12) -> Iterator[tuple[int, Array]]:
    """Some of the frames, evenly."""
    for row in np.unique(np.linspace(0, len(shown.frames) - 1, min(count, len(shown.frames))).round().astype(int)):
        yield int(shown.frames[row]), shown.points[row].astype(np.float64)


def _largest(offsets: Array) -> float:
    return float(np.linalg.norm(offsets, axis=1).max(initial=0.0))
