"""Drivers that run without Python.

With "Auto Run Python Scripts" off (the default) Blender still evaluates drivers of type SUM and *simple expressions*:
variables, numbers, arithmetic and a few functions such as ``pow``. Nothing else is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from .. import compat

#: (factor, data path on the rig)
Term = tuple[float, str]

#: A driver's expression holds 256 bytes; longer sums would be cut.
_LONGEST_EXPRESSION = 255


def drive(
    rig: bpy.types.Object,
    owner: Any,
    path: str,
    terms: Sequence[Term],
    axis: int = -1,
    power_of_two: bool = False,
) -> None:
    """Makes ``owner.path[axis]`` the weighted sum of numbers on the rig, or 2 to the power of that.

    Args:
        owner: a data-block, bone, constraint or shape key.
        path, axis: its property, and the entry of it where it has several.
        terms: the factors and the data paths of the numbers.
    """
    curve = owner.driver_add(path, axis)
    compat.clear_curve(curve)
    driver = curve.driver
    for i, (_, source) in enumerate(terms):
        variable = driver.variables.new()
        variable.name = f"v{i}"
        variable.type = "SINGLE_PROP"
        target = variable.targets[0]
        target.id = rig
        target.data_path = source
    if not power_of_two and all(factor == 1.0 for factor, _ in terms):
        driver.type = "SUM"
        return
    driver.type = "SCRIPTED"
    total = " + ".join(f"{factor:.9g} * v{i}" for i, (factor, _) in enumerate(terms))
    expression = f"pow(2, {total})" if power_of_two else total
    if len(expression) > _LONGEST_EXPRESSION:
        raise ValueError(f"a driver on {path} needs {len(expression)} characters, Blender keeps {_LONGEST_EXPRESSION}")
    driver.expression = expression
