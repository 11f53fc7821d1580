"""What a face does, on MHR's official body, whose expressions are other shapes than the default body's.

The networks' response is measured on the default body's face alone. Each of its expressions is a sum of a few of the
official body's, found from the shapes of both meshes by ``python -m bench.faces transfer``
(``rig_templates/face/mhr.json``). All levels of detail have the same shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr import Body

Array = NDArray[np.float64]

OFFICIAL = "mhr-lod"
"""The beginning of the official body's names, one for each level of detail."""
_COUNT = 72


@dataclass(frozen=True)
class ExpressionTransfer:
    """One body's expressions as sums of another's.

    Attributes:
        names: (n,) of the expressions that are known.
        weights: (n, n_ex) coefficients of the other body for one unit of each.
    """

    names: tuple[str, ...]
    weights: Array

    def of(self, expression: Mapping[str, float]) -> Array:
        """(n_ex,) coefficients of the other body within 0 and 1; names that are not known count nothing."""
        values = np.array([expression.get(name, 0.0) for name in self.names])
        return np.asarray(np.clip(values @ self.weights, 0.0, 1.0))


def is_official(body: Body) -> bool:
    """Whether a body is MHR's own, in some level of detail."""
    return body.name.startswith(OFFICIAL) and body.expression_count == _COUNT


@lru_cache(maxsize=1)
def to_official() -> ExpressionTransfer:
    """From the default body's expressions to those of MHR's official one."""
    content = load_json("face", "mhr.json")["expression"]
    weights = np.zeros((len(content), _COUNT))
    for row, parts in zip(weights, content.values()):
        row[[int(number) for number in parts]] = list(parts.values())
    return ExpressionTransfer(tuple(content), weights)
