"""The network itself, and its answer as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.detection.lifting import Lifted, averaged
from native_runtime.detection.pose import MIRRORED
from native_runtime.onnx.providers import CPU
from native_runtime.onnx.sessions import Network, open_network

from .inputs import Inputs, inputs_of

Array = NDArray[np.float64]

FILE = Path(__file__).parent / "compact.onnx"
"""Made by ``python -m bench.compact``; see ``model_card.md`` and ``data_card.md`` beside it."""


@dataclass(frozen=True)
class Told:
    """What the network says of a person.

    Attributes:
        lifted: directions and places in space, in axes that are not turned with the window.
        points: (33, 2) px of the picture that the landmarks' pixels are of: where BlazePose's points are.
        point_sigmas: (33,) px, standard deviations along each axis.
    """

    lifted: Lifted
    points: Array
    point_sigmas: Array


@dataclass(frozen=True)
class _Look:
    """An answer to one look, in the axes of the window as the network saw it: ``Told`` in fractions of the window."""

    lifted: Lifted
    points: Array
    point_sigmas: Array

    def mirrored(self) -> _Look:
        return _Look(
            self.lifted.mirrored(), (np.array([1.0, 0.0]) + self.points * _FLIP)[MIRRORED], self.point_sigmas[MIRRORED]
        )


class Compact:
    """The open network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @staticmethod
    @cache
    def load() -> Compact:
        """The network that comes with the project, on one thread of the processor: it is too small for more.

        Raises:
            ModelError: the file is damaged.
        """
        return Compact(open_network(FILE, [CPU], threads=1))

    def told(
        self,
        person: PersonLandmarks,
        focal_px: float | None = None,
        placed: Mapping[int, Sequence[float]] | None = None,
    ) -> Told | None:
        """What the network says of a person; None where the landmark network gave no features.

        Args:
            focal_px, placed: see ``inputs.inputs_of``.
        """
        inputs = inputs_of(person, focal_px, placed)
        if inputs is None or person.glimpses is None:
            return None
        window = person.glimpses.window
        looks = [
            look.mirrored() if flipped else look
            for look, flipped in zip(self._looks(inputs), person.glimpses.mirrored, strict=True)
        ]
        points, sigmas = (np.mean([getattr(look, name) for look in looks], axis=0) for name in _FLAT)
        spread = np.sqrt((sigmas**2).mean(axis=1))
        lifted = averaged([look.lifted for look in looks]).turned(window.axes)
        return Told(lifted, window.from_fractions(points), window.size * spread)

    def _looks(self, inputs: Inputs) -> list[_Look]:
        found = self._network.run(**inputs._asdict())
        told = [np.asarray(found[name], np.float64) for name in OUTPUTS]
        return [_Look(Lifted(*(v[row] for v in told[:4])), told[4][row], told[5][row]) for row in range(len(told[0]))]


OUTPUTS = ("vectors", "vector_sigmas", "places", "place_sigmas", "points_in_window", "point_sigmas")
"""Names of the network's outputs: those of ``Lifted``, in its order, and points as fractions of the window."""
_FLAT = "points", "point_sigmas"
_FLIP = np.array([-1.0, 1.0])
