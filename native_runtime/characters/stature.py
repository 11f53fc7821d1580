"""How tall a character stands, from its sliders alone: no pose is evaluated. No Blender here.

In the rest pose a skeleton's lengths move joints, and with them the skin, in proportion to their sliders, and so do the
sliders of the shape. Only points of the crown and the soles can be the highest or the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .settings import parameters_of

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

#: How far below the highest point, and above the lowest one, points may come to take their place, cm.
_CROWN, _SOLES = 6.0, 3.0
_UP = 1


@dataclass(frozen=True)
class Stature:
    """What decides how tall a body stands.

    Attributes:
        crown: how many of the points belong to the crown; the others to the soles.
        heights: (N,) cm, of the points without any slider.
        by_parameter: (N, 204) cm for one unit of each model parameter; 0 for those that pose.
        by_identity: (N, n) cm for one unit of each coefficient.
    """

    crown: int
    heights: Array
    by_parameter: Array
    by_identity: Array

    @classmethod
    def of(cls, body: Body) -> Stature:
        """Measures a body once."""
        rest = np.asarray(body.vertices(np.zeros(len(body.parameter_names)))[:, _UP], dtype=np.float64)
        crown = np.flatnonzero(rest > rest.max() - _CROWN)
        points = np.concatenate([crown, np.flatnonzero(rest < rest.min() + _SOLES)])
        raised = _raised_joints(body)
        weights, joints = body.skin_weights[points], body.skin_indices[points]
        return cls(
            len(crown),
            rest[points],
            sum(weights[:, k, None] * raised[joints[:, k]] for k in range(weights.shape[1])),
            np.asarray(body.identity_basis[:, points, _UP].T, dtype=np.float64),
        )

    def height(self, parameters: ArrayLike, identity: ArrayLike) -> float:
        """From the soles to the crown, cm, of one who stands in the rest pose.

        Args:
            parameters: (204,); only the skeleton's matter.
            identity: (n,) coefficients.
        """
        ups = self.heights + self.by_parameter @ np.asarray(parameters) + self.by_identity @ np.asarray(identity)
        return float(ups[: self.crown].max() - ups[self.crown :].min())


def _raised_joints(body: Body) -> Array:
    """(J, 204) by how much one unit of each of the skeleton's parameters raises each joint in the rest pose, cm."""
    count = len(body.parameter_names)
    rest = body.pose(np.zeros(count)).translations[:, _UP]
    skeleton = np.flatnonzero(parameters_of(body, "skeleton"))
    raised = np.zeros((len(rest), count))
    raised[:, skeleton] = (body.pose(np.eye(count)[skeleton]).translations[..., _UP] - rest).T
    return raised
