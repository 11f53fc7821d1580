"""The vertices of people whose truth is MHR's own numbers, on the body that an estimate is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.dataset.rows import Row
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.models.store import load_body

Array = NDArray[np.float64]

#: Names of MHR's official bodies begin so; their 45 identity coefficients are those of the released data set.
_OFFICIAL = "mhr-lod"


class Surfaces:
    """Bodies of the models folder, each read once.

    Args:
        models: the folder; None for the usual one.
    """

    def __init__(self, models: Path | None = None) -> None:
        self._models = models
        self._bodies: dict[str, Body | None] = {}

    def vertices(self, row: Row, name: str) -> Array | None:
        """(V, 3) m, camera axes, of a row on the body called ``name``; None where the row is of another body, or that
        body is not there.
        """
        if row.placed is not None and row.placed.name == name:
            parameters, identity, translation = row.placed.parameters, row.placed.identity, row.placed.translation
        elif row.mhr_valid and name.startswith(_OFFICIAL):
            # how far away is of no consequence: vertices are compared from their roots
            parameters, identity, translation = row.model_parameters, row.shape, np.zeros(3)
        else:
            return None
        body = self._body(name)
        if body is None or body.identity_count != len(identity):
            return None
        vertices = body.posed_vertices(body.pose(parameters), identity, np.zeros(body.expression_count))
        return np.asarray(mhr_to_camera(vertices, translation))

    def _body(self, name: str) -> Body | None:
        if name not in self._bodies:
            try:
                self._bodies[name] = load_body(name, self._models)
            except Sam3dbError:
                self._bodies[name] = None
        return self._bodies[name]
