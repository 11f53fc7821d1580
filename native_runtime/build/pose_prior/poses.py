"""A set of poses as MHR parameters, and its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.mhr.bodyfile import write_arrays

from .limbs import LimbSolver
from .mocap import Mocap

Array = NDArray[np.float64]

APART = 0.3
"""Radians between poses of a clip that count as distinct, see ``Mocap.distinct``."""

FORMAT = "sam3db-poses/1"


@dataclass(frozen=True)
class PoseSet:
    """Poses of people.

    Attributes:
        model_parameters: (n, 204) within MHR's limits; lengths and fingers are 0. The root's rotation is the person's
            own in a world whose +Y is up; its translation is 0.
        names: (n,) the clip (or the authored pose) that each is from.
        frames: (n,) the frame within the clip.
        motions: (n,) the kind of motion.
        held_out: (n,) bool, from a clip that nothing may be learnt from.
        learnt_from: (n,) bool, neither held out nor from another copy of a recording that is.
        weights: (n,) what each pose counts, so that kinds of motion with many frames do not outweigh the others; they
            are in proportion to 1 / sqrt(poses of that kind), and 1 on average.
        misses: (n,) radians, root mean square, by which MHR's limbs miss the directions that were wanted.
        worst: (n,) radians, the largest of them.
    """

    model_parameters: Array
    names: NDArray[np.str_]
    frames: NDArray[np.int64]
    motions: NDArray[np.str_]
    held_out: NDArray[np.bool_]
    learnt_from: NDArray[np.bool_]
    weights: Array
    misses: Array
    worst: Array

    @staticmethod
    def of_mocap(
        solver: LimbSolver,
        mocap: Mocap,
        apart: float = APART,
        tell: Callable[[int, int], None] = lambda done, all_: None,
    ) -> PoseSet:
        """The distinct poses of motion capture.

        Args:
            solver: of the body.
            mocap: the frames.
            apart: how far apart poses of one clip are at least, radians.
            tell: told how many are done, of how many.
        """
        chosen = mocap.distinct(apart)
        posed = []
        for count, index in enumerate(chosen):
            tell(count, len(chosen))
            posed.append(solver.solve(mocap.pose(int(index))))
        clip = mocap.clip_of[chosen]
        motions = np.array(mocap.motions())[clip]
        return PoseSet(
            np.stack([pose.model_parameters for pose in posed]),
            np.array([f"{mocap.sources[k]}/{mocap.clips[k]}" for k in clip]),
            mocap.frame[chosen],
            motions,
            mocap.held_out()[clip],
            mocap.learnt_from()[clip],
            balanced(motions),
            np.array([pose.miss for pose in posed]),
            np.array([max(pose.misses.values()) for pose in posed]),
        )

    def save(self, path: Path) -> None:
        """Write the ``.npz``; it appears whole or not at all."""
        write_arrays(path, {"format": np.array(FORMAT)} | {name: getattr(self, name) for name in _FIELDS})

    @staticmethod
    def load(path: Path) -> PoseSet:
        """Read a file.

        Raises:
            UsageError: it is none of this kind.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                if str(archive["format"]) != FORMAT:
                    raise UsageError(f"{path} has the format {archive['format']}; {FORMAT} is read")
                return PoseSet(**{name: archive[name] for name in _FIELDS})
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"{path} is no file of poses: {error}") from error


_FIELDS = tuple(PoseSet.__dataclass_fields__)


def balanced(motions: NDArray[np.str_]) -> Array:
    """(n,) weights in proportion to 1 / sqrt(how many are of the same kind), 1 on average."""
    _, kind, counts = np.unique(motions, return_inverse=True, return_counts=True)
    weights = 1.0 / np.sqrt(counts[kind])
    return np.asarray(weights / weights.mean())
