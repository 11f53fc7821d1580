"""Whether an estimate tells a person's sex, size, distance and lens as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

Array = NDArray[np.float64]

TOLD = 0.25
"""Of the slider ``gender`` from which on an estimate says woman or man; nearer to 0 it leaves that open."""
_BONES = (
    ("l_upleg", "l_lowleg"), ("r_upleg", "r_lowleg"), ("l_lowleg", "l_foot"), ("r_lowleg", "r_foot"),
    ("l_uparm", "l_lowarm"), ("r_uparm", "r_lowarm"), ("l_lowarm", "l_wrist"), ("r_lowarm", "r_wrist"),
    ("l_uparm", "r_uparm"), ("l_upleg", "c_spine1"), ("c_spine1", "c_neck"),
)  # fmt: skip


def gender_of(body: Body, identity: Array) -> float:
    """The slider: below 0 a woman, above 0 a man; NaN where the body has none."""
    if "gender" not in body.identity_names:
        return float("nan")
    return float(np.asarray(identity)[list(body.identity_names).index("gender")])


def sex_said(gender: float) -> str | None:
    """``female``, ``male``, or None: left open."""
    return None if not abs(gender) >= TOLD else "male" if gender > 0 else "female"


def separability(values: Array, positive: NDArray[np.bool_]) -> float:
    """The area under the ROC curve: how likely a value of the positive ones is the larger; NaN of one kind alone."""
    high, low = np.asarray(values)[positive], np.asarray(values)[~positive]
    if not len(high) or not len(low):
        return float("nan")
    wins = (high[:, None] > low[None]).mean() + 0.5 * (high[:, None] == low[None]).mean()
    return float(wins)


def size_ratio(body: Body, guessed: Array, true: Array) -> float:
    """How much longer the bones of joints (127, 3) are than the true ones', all together."""

    def total(joints: Array) -> float:
        index = [[body.joint_index(name) for name in pair] for pair in _BONES]
        return float(sum(np.linalg.norm(joints[a] - joints[b]) for a, b in index))

    return total(np.asarray(guessed, np.float64)) / total(np.asarray(true, np.float64))


def field_of_view(intrinsics: Array, size: Any) -> float:
    """Degrees across the picture's diagonal."""
    return float(np.degrees(2 * np.arctan(0.5 * np.hypot(*size) / float(intrinsics[0][0]))))


def told_sigma(details: dict[str, Any]) -> float | None:
    """The relative standard deviation of the focal length that an estimate's details tell, or None: not told."""
    value = details.get("lens", {}).get("focal_sigma")
    return float(value) if isinstance(value, int | float) else None


def told_up(details: dict[str, Any]) -> Array | None:
    """(3,) the unit vector up in camera axes that an estimate's details tell, or None: not told."""
    up = details.get("lens", {}).get("up")
    return None if up is None else np.asarray(up, np.float64)
