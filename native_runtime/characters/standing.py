"""A character as it stands, in the numbers of an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.estimate import Estimate

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

_OF_ESTIMATES = ("parameters", "identity", "expression", "camera_translation")


@dataclass(frozen=True)
class Standing:
    """What a character is now, in the numbers of an estimate.

    Attributes:
        parameters: (204,) MHR model parameters; the root's translation is 0.
        identity, expression: coefficients.
        camera_translation: (3,) m, where MHR's origin lies in camera axes.
        beyond: (J, 7) joint parameters (cm, radians, log2) that come on top of what the model parameters say; an
            estimate cannot hold them.
    """

    parameters: Array
    identity: Array
    expression: Array
    camera_translation: Array
    beyond: Array

    @classmethod
    def recorded(cls, arrays: Mapping[str, Array], joints: int) -> Standing:
        """What a character was when it was last inferred, by the arrays of its record."""
        return cls.of(arrays, np.zeros((joints, 7)))

    @classmethod
    def of(cls, arrays: Mapping[str, Array], beyond: Array) -> Standing:
        """The numbers of an estimate's arrays."""
        names = ("model_parameters", "identity", "expression", "camera_translation")
        parameters, identity, expression, place = (np.asarray(arrays[name], np.float64) for name in names)
        return cls(parameters, identity, expression, place, beyond)

    def is_close(self, other: Standing) -> bool:
        """Whether an estimate of both is the same, but for what single precision makes of its numbers."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in _OF_ESTIMATES)
        return all(np.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in pairs)


def with_standing(body: Body, estimate: Estimate, standing: Standing) -> Estimate:
    """An estimate with other numbers, and what follows from them."""
    rest = {f.name: getattr(estimate, f.name) for f in fields(estimate)}
    for name in ("keypoints_2d", "keypoints_3d", "joints", "vertices", "body_name", "body_hash"):
        del rest[name]
    rest["model_parameters"] = standing.parameters
    for name in ("identity", "expression", "camera_translation"):
        rest[name] = getattr(standing, name)
    return Estimate.from_parameters(body, **rest)
