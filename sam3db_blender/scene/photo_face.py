"""The expression that an engine read from a character's photo, whatever was done to the sliders since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.details import part_of
from native_runtime.engines.faces import FACE

from . import edits
from .provenance import Origin, read_origin

if TYPE_CHECKING:
    import bpy

    from native_runtime.mhr import Body


def read_of(origin: Origin) -> Mapping[str, Any]:
    """What an estimate says of its face (``engines.faces.ReadFace.to_json``); empty in older files and of engines that
    read none.
    """
    return part_of(origin.details["details"], FACE)


def photo_expression(rig: bpy.types.Object, body: Body) -> NDArray[np.float64]:
    """(n_ex,) coefficients as the engine has them: its last answer, without the artist's edits in it."""
    expression = np.array(read_origin(rig).arrays["expression"], np.float64)
    memory = edits.recall(rig, body)
    for index, slot in enumerate(memory.slots.expression):
        expression[index] = memory.engine.get(slot, expression[index])
    return expression
