"""What is known about the body of a set, by which people are judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body

from .angles import Ranges
from .overlap import OverlapMeter
from .truth import COARSE_FILE


@dataclass(frozen=True)
class Judge:
    """What is needed to judge people of one body."""

    body: Body
    coarse: OverlapMeter | None
    head: NDArray[np.int64]
    ranges: Ranges | None

    @staticmethod
    def of_set(folder: Path, body: Body) -> Judge:
        """For the pictures of a folder; joint ranges need ``../shared/mocap``."""
        coarse = folder / COARSE_FILE
        meter = OverlapMeter(Body.load(coarse)) if coarse.is_file() else None
        on_head = (body.skin_weights * (body.skin_indices == body.joint_index("c_head"))).sum(axis=1)
        return Judge(body, meter, np.flatnonzero(on_head > 0.7), _ranges())


@cache
def _ranges() -> Ranges | None:
    try:
        return Ranges.of_mocap()
    except SystemExit:
        return None
