"""Hundreds of random operations in one window: nothing is lost, nothing is left over, nothing grows."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

COUNT = 500
LIMIT_S = 3600.0
FLAT_MB = 40.0
"""By how much the worker may grow after the operations that filled its memory of photos."""
WARM = 15
"""Operations that a new worker needs for that."""


def test_random_operations_break_nothing(open_blender: Opener, photos: Path, tmp_path: Path) -> None:
    blender = open_blender(640, 480)
    blender.call("scene.empty")
    for photo, persons in (("bus.jpg", "all"), ("dancing.jpg", "largest")):
        before = len(blender.call("scene.rigs"))
        blender.call("scene.make_character", photo=str(photos / photo), persons=persons, body="default-lod2")
        blender.wait(lambda n=before: len(blender.call("scene.rigs")) > n, MAKING_S)
    blender.call("scene.look_plainly", handles=False)

    blender.call("operations.start", seed=20261122, count=COUNT, folder=str(tmp_path))
    end = time.monotonic() + LIMIT_S
    while (report := blender.call("operations.report"))["running"] and time.monotonic() < end:
        time.sleep(1.0)
    print({key: value for key, value in report.items() if key != "memory"}, growth(report["memory"]))
    assert report["problems"] == []
    assert report["done"] == COUNT
    assert set(report["seconds"]) == set(report["operations"])
    assert growth(report["memory"])
    assert max(growth(report["memory"])) < FLAT_MB
    assert blender.complaints == []
    assert blender.quit() == 0


def growth(memory: list[tuple[int, int, float]]) -> list[float]:
    """MB by which each worker that lived long enough grew, from its warm state to the median of its last operations."""
    out = []
    for process in {process for _, process, _ in memory}:
        sizes = [size for _, other, size in memory if other == process]
        if len(sizes) >= 2 * WARM:
            out.append(float(np.median(sizes[-5:]) - np.median(sizes[WARM : WARM + 5])))
    return out
