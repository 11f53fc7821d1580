"""Whether a written file contains what it should."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from native_runtime.errors import Sam3dbError

from .contents import FileContents, FileMesh

#: The largest difference of places, as a share of the size of what was written.
_SAME = 1e-4


@dataclass(frozen=True)
class Expected:
    """What a file is to hold.

    Attributes:
        title: what people call the format.
        contents: bones and meshes; how many frames there are; the shapes that have to arrive.
        influences: the most bones that may move one vertex.
        moves: whether the frames differ: where they do not, an exporter may keep fewer of them.
    """

    title: str
    contents: FileContents
    influences: int
    moves: bool

    def check(self, found: FileContents) -> None:
        """Raises Sam3dbError where a file that was read again does not hold it."""
        faults = [*self._bones(found), *self._meshes(found.meshes), *self._frames(found), *self._shapes(found)]
        if faults:
            raise Sam3dbError(
                f"The {self.title} file that Blender wrote does not match the character, so it was not kept: "
                f"{'; '.join(faults)}."
            )

    def _bones(self, found: FileContents) -> list[str]:
        wanted, there = ({re.sub(r"\W", "_", name) for name in names} for names in (self.contents.bones, found.bones))
        missing = sorted(wanted - there)
        return [f"the bone '{missing[0]}' is missing"] if missing else []

    def _meshes(self, found: Sequence[FileMesh]) -> list[str]:
        wanted = self.contents.meshes
        if len(found) != len(wanted):
            return [f"{len(wanted)} meshes were to be written and {len(found)} arrived"]
        faces, there = sum(mesh.faces for mesh in wanted), sum(mesh.faces for mesh in found)
        if faces != there:
            return [f"{faces} faces were to be written and {there} arrived"]
        faults = [] if _alike(wanted, found) else ["the meshes have another shape"]
        most = max((mesh.influences for mesh in found), default=0)
        if most > self.influences:
            faults.append(f"{most} bones move one vertex where {self.influences} were allowed")
        return faults

    def _frames(self, found: FileContents) -> list[str]:
        wanted = self.contents.frames
        if not self.moves or found.frames >= wanted:
            return []
        return [f"{wanted} frames were to be written and {found.frames} arrived"]

    def _shapes(self, found: FileContents) -> list[str]:
        wanted, there = (Counter(re.sub(r"\W", "_", name) for name in names.shapes) for names in (self.contents, found))
        missing = sorted(wanted - there)
        return [f"the shape key '{missing[0]}' is missing"] if missing else []


def _alike(wanted: Sequence[FileMesh], found: Sequence[FileMesh]) -> bool:
    """Whether the corners of all faces lie in the same places, whatever their order."""
    first, second = (_sorted_corners(meshes) for meshes in (wanted, found))
    if first.shape != second.shape:
        return False
    size = float(np.ptp(first, axis=0).max(initial=0.0)) if len(first) else 0.0
    return float(np.abs(first - second).max(initial=0.0)) <= _SAME * size


def _sorted_corners(meshes: Sequence[FileMesh]) -> np.ndarray:
    """(C, 3) each coordinate sorted on its own: no change of order shows, and rounding shows no larger than it is."""
    return np.sort(np.concatenate([np.zeros((0, 3)), *(mesh.corners for mesh in meshes)]), axis=0)
