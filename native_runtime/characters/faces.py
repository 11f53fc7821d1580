"""How strongly a character shows the expression that was read from its photo."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.files.templates import load_json

Array = NDArray[np.float64]

_MOUTH = ("mouth", "jaw", "tongue")


def is_of_mouth(name: str) -> bool:
    """Whether an expression, by its ARKit name or the official body's, is one of mouth and jaw."""
    return name.startswith(_MOUTH) or name in _of_official_mouth()


@lru_cache(maxsize=1)
def _of_official_mouth() -> frozenset[str]:
    return frozenset(f"expression_{number}" for number in load_json("face", "mhr.json")["mouth"])


def strengthened(names: Sequence[str], expression: ArrayLike, strength: float, mouth: float) -> Array:
    """Coefficients (n_ex,) of a face that shows more or less; none leaves the range of its slider, 0 to 1, further
    than it did.

    Args:
        names: of the expressions.
        expression: (n_ex,) coefficients as they were read.
        strength: factor on all of them.
        mouth: further factor on those of mouth and jaw.
    """
    given = np.asarray(expression, np.float64)
    factors = np.array([strength * (mouth if is_of_mouth(name) else 1.0) for name in names])
    return np.asarray(np.clip(given * factors, np.minimum(given, 0.0), np.maximum(given, 1.0)))
