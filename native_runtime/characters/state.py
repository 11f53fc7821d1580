"""The current state of a character: the numbers of an estimate, and those beyond them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.state import PlacedState

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CharacterState(PlacedState):
    """What a character is, in the numbers of an estimate and those that an estimate cannot hold.

    Attributes:
        beyond: (J, 7) joint parameters (cm, radians, log2) that come on top of what the model parameters say.
    """

    beyond: Array

    @classmethod
    def of(cls, state: PlacedState, joints: int) -> CharacterState:
        """An estimate's numbers; nothing is beyond them."""
        nothing = np.zeros((joints, 7))
        return cls(state.model_parameters, state.identity, state.expression, state.camera_translation, nothing)

    def is_close(self, other: PlacedState) -> bool:
        """Whether an estimate of both is the same, but for what single precision makes of its numbers."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(PlacedState))
        return all(np.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in pairs)
