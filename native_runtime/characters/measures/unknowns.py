"""What may change where measures are typed: lengths of the skeleton and coefficients of the shape, and how readily."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.sliders import parameter_sliders

from .standing import Standing

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_SECOND = "_flexible"
"""Ends the names of second parameters of one length, which MHR keeps for fitting."""
_EYES = "scale_eye_"
_WHO = ("gender", "age", "proportions", "ethnicity", "face_", "hand_gender")
"""Beginnings of the names of coefficients that say who somebody is, not how large some part is."""
_MARKED = {"breasts": 25.0, "weight_softness": 4.0}
"""Costs of coefficients that show more than a size."""
HEAD_SIZES = ("head_width", "head_height", "head_depth")
"""Coefficients that make the head larger and leave its form."""
_FARTHER = 2.5
"""How far beyond their range these may be typed."""
_READY = 0.4
"""Cm: a bone of 40 cm that becomes 10 % longer costs as much as a coefficient that changes by 1."""


@dataclass(frozen=True)
class Unknowns:
    """The numbers that may change, in one row: first lengths, then coefficients, as in ``Measurer.slopes``.

    Attributes:
        low, high: (n,) the sliders' ranges; equal where a number must not change.
        floor, ceiling: (n,) what can be typed.
        costs: (n,) of a change by 1, squared.
    """

    low: Array
    high: Array
    floor: Array
    ceiling: Array
    costs: Array

    @classmethod
    def of(cls, standing: Standing) -> Unknowns:
        """Those of a body."""
        body, count = standing.body, len(standing.lengths)
        n = count + body.identity_count
        low, high, floor, ceiling = (np.zeros(n) for _ in range(4))
        costs = np.ones(n)
        sliders = {slider.index: slider for slider in parameter_sliders(body)}
        sizes = _sizes(standing)
        for place, index in enumerate(standing.lengths.tolist()):
            slider, name = sliders[index], body.parameter_names[index]
            if name.endswith(_SECOND) or name.startswith(_EYES):
                continue
            low[place], high[place] = body.limit_min[index], body.limit_max[index]
            floor[place], ceiling[place] = slider.floor / slider.units, slider.ceiling / slider.units
            unit, length = sizes[place]
            costs[place] = unit**2 / (_READY * max(length, 1.0))
        costs[count:] = [_MARKED.get(str(name), 1.0) for name in body.identity_names]
        free = [not str(name).startswith(_WHO) for name in body.identity_names] & body.ageless
        for limits, ends in ((body.identity_min, (low, floor)), (body.identity_max, (high, ceiling))):
            for end in ends:
                end[count:] = np.where(free, limits, 0.0)
        sized = [count + place for place, name in enumerate(body.identity_names) if str(name) in HEAD_SIZES]
        floor[sized], ceiling[sized] = _FARTHER * floor[sized], _FARTHER * ceiling[sized]
        return cls(low, high, floor, ceiling, costs)


def _sizes(standing: Standing) -> list[tuple[float, float]]:
    """Of each length, how many cm one unit is, and how long what it lengthens is, cm."""
    transform, offsets = standing.body.parameterisation, standing.body.skeleton.offsets
    found = []
    for index in standing.lengths.tolist():
        own = transform.columns == index
        rows, values = transform.rows[own], transform.values[own]
        shifts = np.abs(values)
        there = np.abs(offsets[rows // 7, np.minimum(rows % 7, 2)])
        sides = 2.0 if any(standing.body.joint_names[row // 7].startswith("r_") for row in rows) and any(
            standing.body.joint_names[row // 7].startswith("l_") for row in rows
        ) else 1.0  # fmt: skip
        found.append((float(shifts.sum() / sides), float((there * (shifts > 0)).sum() / sides)))
    return found
