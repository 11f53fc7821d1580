"""What a small network adds to the linear map, in the directions in which people depart from that most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Residual:
    """Two hidden layers of W units with x sigmoid(x) behind them, and a linear one.

    Attributes:
        first, first_bias: (numbers of one look, W), (W,).
        second, second_bias: (W, W), (W,).
        last, last_bias: (W, 595 * 2), (595 * 2,); of few directions, so of low rank.
    """

    first: Array
    first_bias: Array
    second: Array
    second_bias: Array
    last: Array
    last_bias: Array

    def of(self, numbers: Array) -> Array:
        """(N, 595 * 2) to be added, in the window's sides, for standardised numbers of one look."""
        hidden = _swish(numbers @ self.first + self.first_bias)
        return np.asarray(_swish(hidden @ self.second + self.second_bias) @ self.last + self.last_bias)

    def arrays(self) -> dict[str, Array]:
        """To be written into a file."""
        return {f"residual_{field.name}": getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def found_in(arrays: Mapping[str, Array]) -> Residual | None:
        """What ``arrays()`` gave, or None where there is none."""
        names = [field.name for field in fields(Residual)]
        if f"residual_{names[0]}" not in arrays:
            return None
        return Residual(*(arrays[f"residual_{name}"] for name in names))


def _swish(x: Array) -> Array:
    return np.asarray(x * (0.5 + 0.5 * np.tanh(0.5 * x)))
