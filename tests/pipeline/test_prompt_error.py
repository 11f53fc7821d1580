"""What prompts may be off by, on its way from a request to the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.bounds import PROMPT_ERROR
from native_runtime.engines.base import Capabilities
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.requests import EstimateRequest, PoseRequest
from native_runtime.pipeline.support import require_supported
from native_runtime.proof.pictures import bundled_pictures
from tests.support.truth_engine import TruthEngine, TruthReading, moved


@pytest.mark.parametrize("kind", [EstimateRequest, PoseRequest])
def test_a_request_carries_it(kind: type) -> None:
    assert encode(decode(kind, {"photo": "a.jpg", "prompt_error": 0.02}))["prompt_error"] == 0.02
    for error in (-0.01, 0.3, float("nan")):
        with pytest.raises(UsageError, match="error of prompts lies between"):
            decode(kind, {"photo": "a.jpg", "prompt_error": error})


class Telling(TruthReading):
    """Keeps what it was told."""

    error, snap = 0.0, False

    def estimate(self, *given: Any, prompt_error: float = 0.0, snap: bool = False, **said: Any) -> Any:
        self.error, self.snap = prompt_error, snap
        return super().estimate(*given, **said)


def found_by(path: Path, can: Capabilities) -> tuple[ReadPhoto, Telling]:
    picture = next(iter(bundled_pictures()))
    engine = TruthEngine(Body.load(path), "standin", moved(lambda state, body: state), can)
    box = np.asarray(picture.box, np.float64)
    reading = Telling(picture.photo, np.asarray(picture.intrinsics), [box], engine)
    return ReadPhoto(picture.photo, reading, engine), reading


def test_an_engine_that_cannot_is_refused_and_another_named(default_body_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not support an error of prompts\. The engine 'landmarks' does"):
        require_supported(decode(EstimateRequest, {"photo": "a.jpg", "prompt_error": 0.02, "engine": "instanthmr"}))
    with pytest.raises(UsageError, match="does not support an error of prompts"):
        require_supported(decode(PoseRequest, {"photo": "a.jpg", "prompt_error": 0.02, "engine": "instanthmr"}))
    found, _ = found_by(default_body_path.with_name("default-lod2.npz"), Capabilities(boxes=True, fits=True))
    with pytest.raises(UsageError, match="does not support an error of prompts"):
        next(Inference().estimates(found, [0], prompt_error=0.02))
    with pytest.raises(UsageError, match="does not support an error of prompts"):
        Inference().pose(found, 0, prompt_error=0.02)


def test_exact_places_move_the_whole_body_before_they_are_met(default_body_path: Path) -> None:
    """Unless it is said that their limbs alone shall follow, or the engine cannot."""
    assert decode(EstimateRequest, {"photo": "a.jpg"}).prompt_error is None
    assert encode(decode(EstimateRequest, {"photo": "a.jpg", "prompt_error": 0.0}))["prompt_error"] == 0.0
    path = default_body_path.with_name("default-lod2.npz")
    place, silent = (7, 300.0, 200.0), (8, 0.0, 0.0, "ignore")
    for doubts in (True, False):
        found, reading = found_by(path, Capabilities(boxes=True, fits=True, doubts_prompts=doubts))
        for prompts, error, told in (
            ([place], None, (PROMPT_ERROR, True) if doubts else (0.0, False)),
            ([place, silent], None, (PROMPT_ERROR, True) if doubts else (0.0, False)),
            ([place], 0.0, (0.0, False)),
            ([silent], None, (0.0, False)),
            ([], None, (0.0, False)),
        ):
            next(Inference().estimates(found, [0], prompts, prompt_error=error))
            assert (reading.error, reading.snap) == told


def test_the_engine_is_told_it(default_body_path: Path) -> None:
    can = Capabilities(boxes=True, fits=True, doubts_prompts=True)
    found, reading = found_by(default_body_path.with_name("default-lod2.npz"), can)
    next(Inference().estimates(found, [0], prompt_error=0.02))
    assert reading.error == 0.02
    for snap in (True, False):
        Inference().pose(found, 0, snap=snap, prompt_error=0.01)
        assert (reading.error, reading.snap) == (0.01, snap)
    Inference().pose(found, 0, snap=True)
    assert (reading.error, reading.snap) == (0.0, False), "exact pins are the engine's own business"
