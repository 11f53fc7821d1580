"""Touch: hands that lie on the body in the photo lie on it in space.

Along the view the networks are off by more than a hand's thickness. So where a hand that is in sight covers another
part of the body in the photo, or another hand, and is only a few centimetres before it in space, it very likely touches
it: its surface is drawn to the other one, softly and robustly, so that what is seen prevails. An arm that hangs down
stays as it is. The body is the spheres and capsules of ``volume``; where parts lie in each other, ``collision`` pays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body, Pose
from native_runtime.mhr.state import PlacedState

from .collision import Gaps, gap_jacobian, gaps
from .problem import Problem, SeenPoints
from .solver import Linearised, Residuals
from .volume import BodyVolume

Array = NDArray[np.float64]

_TARGETS = (
    ("trunk", "pelvis"), ("head",), ("@_thigh", "@_knee"), ("!_thigh", "!_knee"), ("@_shank",), ("!_shank",),
    ("!_hand",), ("!_fore",), ("!_upper",),
)  # fmt: skip
"""What a hand may touch, as one thing each; "@" is its own side."""


@dataclass(frozen=True)
class ContactSettings:
    """When hands touch.

    Attributes:
        reach: metres to the body from which a hand in front of it is taken to touch it.
        hands: metres between two hands that cover each other in the photo, for the same.
        overlap: metres by which the hand must cover the part in the photo.
        bent: radians: an arm that is straighter than this hangs.
        sigma: metres by which surfaces that touch are ordinarily apart.
        outlier: in sigmas, Geman-McClure.
        spheres: of a hand, so many are drawn.
    """

    reach: float = 0.03
    hands: float = 0.06
    overlap: float = 0.01
    bent: float = 0.7
    sigma: float = 0.03
    outlier: float = 4.0
    spheres: int = 2


class ContactTerm:
    """Draws hands to what they touch."""

    def __init__(
        self, body: Body, sight: Mapping[str, int], state: PlacedState, settings: ContactSettings | None = None
    ) -> None:
        """Find what touches.

        Args:
            body: the body model.
            sight: see ``collision.in_sight``.
            state: the body so far.
            settings: when hands touch.
        """
        self.settings, self.volume = settings or ContactSettings(), BodyVolume.of(body)
        self._seen = SeenPoints(self.volume.points)
        pose = body.pose(state.model_parameters)
        centres = self._seen.camera(pose, state)
        pairs: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
        for side, other in (("l", "r"), ("r", "l")):
            if sight.get(f"{side}_hand", 0) <= 0 or self._bend(body, pose, side) < self.settings.bent:
                continue
            spheres = self.volume.spheres_of((f"{side}_hand",))
            for names in _TARGETS:
                parts = tuple(name.replace("@", side).replace("!", other) for name in names)
                reach = self.settings.hands if parts == (f"{other}_hand",) else self.settings.reach
                pairs.append(self._touching(centres, state, spheres, self.volume.capsules_of(parts), reach))
        self.pairs = np.concatenate(pairs)

    @staticmethod
    def _bend(body: Body, pose: Pose, side: str) -> float:
        shoulder, elbow, wrist = (
            pose.translations[body.joint_index(f"{side}_{name}")] for name in ("uparm", "lowarm", "wrist")
        )
        upper, lower = elbow - shoulder, wrist - elbow
        cosine = upper @ lower / max(float(np.linalg.norm(upper) * np.linalg.norm(lower)), 1e-9)
        return float(np.arccos(np.clip(cosine, -1.0, 1.0)))

    def _touching(
        self, centres: Array, state: PlacedState, spheres: NDArray[np.int64], capsules: NDArray[np.int64], reach: float
    ) -> NDArray[np.int64]:
        """(k, 2) the pairs of nearest spheres and capsules, if they touch."""
        pairs = np.stack(np.meshgrid(spheres, capsules, indexing="ij"), axis=-1).reshape(-1, 2)
        gap = self._gaps(centres, state, pairs).gap
        # seen from the camera: everything moved to one depth along the rays
        flat = centres * (centres[spheres, 2].mean() / np.maximum(centres[:, 2:], 0.1))
        covered = self._gaps(flat, state, pairs).gap < -self.settings.overlap
        gap = np.where(covered, gap, np.inf)
        nearest = gap.reshape(len(spheres), len(capsules)).min(axis=1)
        best = gap.reshape(len(spheres), len(capsules)).argmin(axis=1)
        order = np.argsort(nearest, kind="stable")[: self.settings.spheres]
        order = order[np.abs(nearest[order]) < reach]
        return np.stack([spheres[order], capsules[best[order]]], axis=1)

    def _gaps(self, centres: Array, state: PlacedState, pairs: NDArray[np.int64]) -> Gaps:
        radii, ends = self.volume.radii_of(state.identity), self.volume.capsules[pairs[:, 1]]
        return gaps(centres[pairs[:, 0]], radii[pairs[:, 0]], centres[ends], radii[ends])

    def _robust(self, found: Gaps) -> tuple[Array, Array, float]:
        residual, limit = found.gap / self.settings.sigma, self.settings.outlier**2
        ratio = limit / (limit + residual**2)
        return residual, ratio**2, float(0.5 * np.sum(residual**2 * ratio))

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """See ``problem.Term``."""
        if not len(self.pairs):
            return 0.0
        return self._robust(self._gaps(self._seen.camera(pose, state), state, self.pairs))[2]

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``problem.Term``."""
        if not len(self.pairs):
            return ()
        found = self._gaps(self._seen.camera(pose, state), state, self.pairs)
        residual, weight, cost = self._robust(found)
        slope = gap_jacobian(problem, self.volume, self.pairs, found, np.arange(len(self.pairs)), pose, state)
        return (Residuals(cost, residual, slope / self.settings.sigma, weight),)
