"""How far a network's answer is believed, in the units of a body: what ``refine`` may change, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

from .follow import of_fingers
from .hold import HELD
from .prior import PosePrior

Array = NDArray[np.float64]

PUBLISHED_PA_MPJPE = 33.8
"""mm: SAM 3D Body on 3DPW (arXiv 2602.15989, table 2), for which the figures below stand."""

_ANGLES = {
    "spine": 0.05, "neck": 0.09, "head": 0.09, "clavicle": 0.07, "uparm": 0.13, "uparm_twist": 0.2, "elbow": 0.15,
    "lowarm": 0.3, "wrist": 0.2, "upleg": 0.08, "upleg_twist": 0.12, "knee": 0.11, "lowleg": 0.08, "foot": 0.15,
    "ball": 0.1,
}  # fmt: skip
"""Radians by which a network's angles are ordinarily off, by the parameter's part; the longest beginning decides."""

_ACROSS = {"c_": 0.018, "root": 0.01, "uparm": 0.02, "lowarm": 0.028, "wrist": 0.035, "upleg": 0.012, "lowleg": 0.025,
           "foot": 0.035, "eye": 0.025}  # fmt: skip
"""Metres across the view by which joints are off, from the root; what is not named is at a limb's end."""

_END = 0.04


@dataclass(frozen=True)
class NetworkTrust:
    """The ordinary errors (standard deviations) of a network.

    Attributes:
        parameters: (204,) of model parameters, in their units; 0 where a parameter stays.
        across, along: (J,) metres by which joints are off from the root, across the view and along it.
        turn: radians, of the whole body.
        place: metres across the view, of the whole body.
        depth: the same along it, as part of the distance.
        identity: of identity coefficients; 0: they stay.
    """

    parameters: Array
    across: Array
    along: Array
    turn: float = 0.08
    place: float = 0.04
    depth: float = 0.06
    identity: float = 0.3

    @staticmethod
    def of(
        body: Body, pa_mpjpe: float = PUBLISHED_PA_MPJPE, fingers: float = 0.25, scales: float = 0.25
    ) -> NetworkTrust:
        """From what a network's authors publish.

        How errors spread over joints is our own choice, checked with ``bench.refine``, as authors state no spread.

        Args:
            body: the body model.
            pa_mpjpe: mm, the mean error of joints after Procrustes alignment, to which all else is in proportion.
            fingers: radians, of the fingers' joints.
            scales: of bone lengths, as part of how people differ (``PosePrior``).
        """
        prior, share = PosePrior.load(body), pa_mpjpe / PUBLISHED_PA_MPJPE
        parameters = np.zeros(len(body.parameter_names))
        for index, deviation in zip(prior.parameters, prior.deviations, strict=True):
            name = body.parameter_names[index]
            if name.startswith("scale_"):
                parameters[index] = scales * deviation
            elif of_fingers(name):
                parameters[index] = min(fingers, deviation)
            else:
                parameters[index] = share * _angle(name)
        across = share * np.array([_place(name) for name in body.joint_names])
        return NetworkTrust(parameters, across, 1.8 * across, turn=0.08 * share)

    def scaled(self, factor: float) -> NetworkTrust:
        """All errors larger by a factor."""
        return NetworkTrust(**{name: factor * getattr(self, name) for name in self.__dataclass_fields__})


HELD_JOINTS = tuple(HELD)
"""Joints that stay near the network's."""


def _angle(parameter: str) -> float:
    name = parameter[2:] if parameter[:2] in ("l_", "r_") else parameter
    fits = [part for part in _ANGLES if name.startswith(part)]
    return _ANGLES[max(fits, key=len)] if fits else 0.1


def _place(joint: str) -> float:
    fits = [part for part in _ACROSS if joint.startswith(part) or joint[2:].startswith(part)]
    return _ACROSS[max(fits, key=len)] if fits else _END
