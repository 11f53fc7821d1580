"""How near fitted expressions are to the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.faces import LEGIBLE
from native_runtime.fitting.face import FaceFit

from .learn import SILENT
from .truth import Case

Array = NDArray[np.float64]

STRONGEST = (
    "jawOpen", "mouthSmileLeft", "mouthSmileRight", "cheekPuff", "eyeBlinkLeft", "eyeBlinkRight", "mouthFunnel",
    "mouthLeft", "mouthRight", "mouthRollUpper", "mouthPucker", "mouthStretchLeft", "mouthStretchRight",
)  # fmt: skip
"""Those that move the mesh most (largest displacement, without ``cheekSquint``, which the network does not see)."""


def score(
    names: Sequence[str], cases: Sequence[Case], fits: Sequence[FaceFit | None], each: bool = False
) -> dict[str, Any]:
    """Figures of fitted heads, with what is too unsure left out as the engine does it.

    Args:
        names: of the expressions, as in ``Case.expression``.
        each: those of every expression as well.
    """
    pairs = [(case, fit) for case, fit in zip(cases, fits) if fit is not None and abs(fit.yaw) <= LEGIBLE.aside]
    true = np.stack([case.expression for case, _ in pairs])
    got = np.stack([_shown(names, fit) for _, fit in pairs])
    told = np.array([name not in SILENT for name in names])
    active = true.any(axis=1)
    figures: dict[str, Any] = {
        "heads": len(cases),
        "read": len(pairs),
        "neutral heads": int((~active).sum()),
        "mean absolute error": _rounded(np.abs(true - got)[active][:, told].mean()),
        "of a neutral guess": _rounded(np.abs(true)[active][:, told].mean()),
        "correlation": _rounded(_correlation(true[active][:, told].ravel(), got[active][:, told].ravel())),
        "neutral heads: mean": _rounded(got[~active].mean()) if (~active).any() else None,
        "neutral heads: share above 0.2": _rounded((got[~active] > 0.2).mean()) if (~active).any() else None,
        "yaw, degrees": _rounded(np.mean([abs(case.yaw - fit.yaw) for case, fit in pairs])),
        "strongest": {},
    }
    chosen = [name for name in names if name not in SILENT] if each else STRONGEST
    for name in chosen:
        column = list(names).index(name)
        on = true[:, column] > 0.2
        figures["strongest"][name] = {
            "correlation": _rounded(_correlation(true[:, column], got[:, column])),
            "recovered": _rounded((got[on, column] / true[on, column]).mean()) if on.any() else None,
            "where it is not": _rounded(got[true[:, column] == 0, column].mean()),
        }
    return figures


def _shown(names: Sequence[str], fit: FaceFit) -> Array:
    values = [
        fit.expression[name]
        if name in fit.expression
        and fit.information[name] >= LEGIBLE.information
        and fit.expression[name] >= LEGIBLE.faint
        else 0.0
        for name in names
    ]
    return np.array(values)


def _correlation(first: Array, second: Array) -> float:
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _rounded(value: float) -> float:
    return round(float(value), 3)
