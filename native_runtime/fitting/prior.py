"""The prior where nothing is seen: spreads of parameters, pairs that move together, and what poses people take."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.files.templates import load_json
from native_runtime.mhr import Body

from .pose_mixture import PoseMixture

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PosePrior:
    """Independent Gaussians on the free parameters, plus Gaussian couplings between pairs of them.

    Attributes:
        parameters: (n,) indices of the model parameters that the fit may move; all others stay at 0.
        means, deviations: (n,)
        coupled: (m, 2) positions within ``parameters``: x[first] should equal factor * x[second] + offset.
        factors, offsets, coupling_deviations: (m,)
        mixtures: what poses people take; used instead of the Gaussians and couplings of their parameters.
            Empty where only spreads are asked for.
        up: (3,) unit vector, which way is up in camera axes, for mixtures; None for a camera that is held level.
        skeleton: (204,) what the skeleton of an age has, by which MHR's limits move, too; None for an adult's.
    """

    parameters: NDArray[np.int64]
    means: Array
    deviations: Array
    coupled: NDArray[np.int64]
    factors: Array
    offsets: Array
    coupling_deviations: Array
    mixtures: tuple[PoseMixture, ...] = ()
    up: Array | None = None
    skeleton: Array | None = None

    @staticmethod
    def load(body: Body) -> PosePrior:
        """Read ``rig_templates/fit/pose_prior.json`` for a body, without mixtures; means are moved inside the body's
        limits."""
        data = load_json("fit", "pose_prior.json")
        entries = [
            (body.parameter_index(name), mean, deviation)
            for pattern, (mean, deviation) in data["parameters"].items()
            for name in _both_sides(pattern)
        ]
        entries.sort()
        parameters = np.array([index for index, _, _ in entries])
        means = np.clip([mean for _, mean, _ in entries], body.limit_min[parameters], body.limit_max[parameters])
        position = {int(index): slot for slot, index in enumerate(parameters)}
        coupled, factors, deviations = [], [], []
        for coupling in data["couplings"]:
            for first, second in zip(_both_sides(coupling["of"]), _both_sides(coupling["with"])):
                pair = (position[body.parameter_index(first)], position[body.parameter_index(second)])
                coupled.append(pair)
                factors.append(coupling["times"])
                deviations.append(coupling["sd"])
        return PosePrior(
            parameters,
            means,
            np.array([deviation for _, _, deviation in entries]),
            np.array(coupled, np.int64).reshape(-1, 2),
            np.array(factors, np.float64),
            np.zeros(len(factors)),
            np.array(deviations, np.float64),
        )

    def with_mixtures(self, body: Body, gravity: Gravity | None = None) -> PosePrior:
        """The same with the mixtures of ``rig_templates/fit/pose_mixtures.json``.

        Args:
            body: the body that this prior was loaded for.
            gravity: which way is up; None where nothing is known about it.
        """
        gravity = gravity or Gravity()
        entries = load_json("fit", "pose_mixtures.json")["mixtures"]
        mixtures = tuple(PoseMixture.read(entry, body, gravity.sigma) for entry in entries)
        return replace(self, mixtures=mixtures, up=gravity.up)

    @property
    def alone(self) -> NDArray[np.bool_]:
        """(n,) which parameters have a Gaussian of their own: those that no mixture is about."""
        about = [mixture.parameters for mixture in self.mixtures]
        return ~np.isin(self.parameters, np.concatenate(about) if about else [])

    def natural_parameters(self, body: Body) -> Array:
        """Model parameters (204,) of the natural pose: free parameters at their means, the rest as of `skeleton`."""
        out = np.zeros(len(body.parameter_names)) if self.skeleton is None else self.skeleton.copy()
        out[self.parameters] = self.means
        return out

    def around(self, model_parameters: NDArray) -> PosePrior:
        """The same spreads and couplings about a pose (204,): there is no likelier one, and no mixture."""
        means = np.asarray(model_parameters, np.float64)[self.parameters]
        first, second = self.coupled.T
        return replace(self, means=means, offsets=means[first] - self.factors * means[second], mixtures=())


def _both_sides(pattern: str) -> list[str]:
    return [pattern.replace("*_", f"{side}_") for side in "lr"] if "*_" in pattern else [pattern]
