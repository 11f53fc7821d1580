"""What prompts may be off by, on its way from a request to the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.engines.base import Capabilities
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.requests import EstimateRequest
from native_runtime.pipeline.support import require_supported
from native_runtime.proof.pictures import bundled_pictures
from tests.support.truth_engine import TruthEngine, TruthReading, moved


def test_a_request_carries_it() -> None:
    assert encode(decode(EstimateRequest, {"photo": "a.jpg", "prompt_error": 0.02}))["prompt_error"] == 0.02
    for error in (-0.01, 0.3, float("nan")):
        with pytest.raises(UsageError, match="error of prompts lies between"):
            decode(EstimateRequest, {"photo": "a.jpg", "prompt_error": error})


class Telling(TruthReading):
    """Keeps what it was told."""

    error = 0.0

    def estimate(self, *given: Any, prompt_error: float = 0.0, **said: Any) -> Any:
        self.error = prompt_error
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
    found, _ = found_by(default_body_path.with_name("default-lod2.npz"), Capabilities(boxes=True, fits=True))
    with pytest.raises(UsageError, match="does not support an error of prompts"):
        next(Inference().estimates(found, [0], prompt_error=0.02))


def test_the_engine_is_told_it(default_body_path: Path) -> None:
    can = Capabilities(boxes=True, fits=True, doubts_prompts=True)
    found, reading = found_by(default_body_path.with_name("default-lod2.npz"), can)
    next(Inference().estimates(found, [0], prompt_error=0.02))
    assert reading.error == 0.02
