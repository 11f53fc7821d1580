"""The numbers of a body: how it is posed and shaped, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from typing import Self

    from .body import Body

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BodyState:
    """How a body is posed and shaped.

    Attributes:
        model_parameters: (204,) MHR's, radians and its units.
        identity, expression: coefficients, as many as the body has.
    """

    model_parameters: Array
    identity: Array
    expression: Array

    @classmethod
    def neutral(cls, body: Body) -> Self:
        """Everything 0: the body's rest pose and mean shape."""
        return cls(np.zeros(len(body.parameter_names)), np.zeros(body.identity_count), np.zeros(body.expression_count))


@dataclass(frozen=True)
class PlacedState(BodyState):
    """A body before a camera.

    Attributes:
        model_parameters: (204,) the root's translation is 0.
        camera_translation: (3,) m: where MHR's origin lies in camera axes (x right, y down, z forward).
    """

    camera_translation: Array
