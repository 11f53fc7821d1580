"""What a faster inference costs is measured on every picture, kept, and never a reason to refuse a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.engines.estimate import Estimate
from native_runtime.models import manifest
from native_runtime.proof import prove
from native_runtime.proof.record import last_proof
from tests.support import truth_engine as stand_ins


@pytest.mark.parametrize(("millimetres", "holds"), [(7.0, True), (40.0, False)])
def test_the_loss_is_measured_in_millimetres(
    own_models: Path,
    install: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    millimetres: float,
    holds: bool,
) -> None:
    (own_models / "landmarks" / manifest.NAME).unlink()
    asked: list[Any] = []

    class Reading(stand_ins.TruthReading):
        def estimate(self, person: int = 0, *rest: Any, inference: Any = None, **more: Any) -> Estimate:
            asked.append(inference)
            estimate = super().estimate(person, *rest, **more)
            if inference != "fast":
                return estimate
            moved = np.zeros((70, 3))
            moved[np.arange(70) % 2 == 0, 1] = 2e-3 * millimetres  # half of the keypoints, twice as far
            moved[[9, 10]] = 0
            # a step of all of them in depth is no change of the pose
            return replace(estimate, keypoints_3d=estimate.keypoints_3d + moved + [0, 0, 0.5])

    monkeypatch.setattr(stand_ins, "TruthReading", Reading)
    engine = stand_ins.truth_engine("standin")
    monkeypatch.setattr(stand_ins, "TruthEngine", _with_kinds(stand_ins.TruthEngine))
    install(engine)
    report = prove(["standin"], own_models)
    found = [check for check in report.of("standin") if check.name == "fast"]
    assert len(found) == 2
    assert asked == [None, "fast"] * 2
    for check in found:
        assert check.measured == pytest.approx(millimetres * 68 / 70, rel=0.02)
        assert (check.passed, check.gate, check.unit) == (holds, False, "mm")
    assert report.passed
    kept = last_proof("standin", own_models)
    assert kept is None or kept.figures["fast"] == pytest.approx(found[0].measured, rel=0.02)


def _with_kinds(kind: type[stand_ins.TruthEngine]) -> Callable[..., stand_ins.TruthEngine]:
    def make(*arguments: Any) -> stand_ins.TruthEngine:
        engine = kind(*arguments)
        engine.capabilities = replace(engine.capabilities, inferences=("full", "fast"))
        return engine

    return make
