"""Tensors of a checkpoint that are projected as they are read (``native_runtime.proof.probes``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.proof.probes import probe

from .tensors import TensorSource


class Probed:
    """A source that remembers the projections of all that was read from it."""

    def __init__(self, source: TensorSource) -> None:
        self._source = source
        self._probes: dict[str, NDArray[np.float64]] = {}

    def names(self) -> tuple[str, ...]:
        return self._source.names()

    def shape(self, name: str) -> tuple[int, ...]:
        return self._source.shape(name)

    def read(self, name: str) -> NDArray[Any]:
        array = self._source.read(name)
        if name not in self._probes and array.size:
            self._probes[name] = probe(array)
        return array

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What the proof's file holds: ``names`` (N,) and ``probes`` (N, 5)."""
        names = sorted(self._probes)
        return {"names": np.array(names), "probes": np.array([self._probes[name] for name in names])}
