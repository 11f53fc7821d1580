"""A stated sex on its way from a request to the engine's body."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.engines import open_engine
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
def test_requests_carry_it(kind: type) -> None:
    asked = decode(kind, {"photo": "a.jpg", "sex": "female"})
    assert encode(asked)["sex"] == "female"
    assert "sex" not in encode(decode(kind, {"photo": "a.jpg"}))
    with pytest.raises(UsageError, match="one of neutral, female, male"):
        decode(kind, {"photo": "a.jpg", "sex": "woman"})


def test_an_engine_that_cannot_is_refused_and_another_named(default_body_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not support a choice of sex\. The engine 'landmarks' does"):
        require_supported(decode(EstimateRequest, {"photo": "a.jpg", "sex": "male", "engine": "instanthmr"}))
    body = Body.load(default_body_path.with_name("default-lod2.npz"))
    picture = next(iter(bundled_pictures()))
    engine = TruthEngine(body, "standin", moved(lambda state, body: state), Capabilities(boxes=True, fits=True))
    box = np.asarray(picture.box, np.float64)
    found = ReadPhoto(picture.photo, TruthReading(picture.photo, np.asarray(picture.intrinsics), [box], engine), engine)
    inference = Inference()
    with pytest.raises(UsageError, match="does not support a choice of sex"):
        next(inference.estimates(found, [0], sex="male"))
    with pytest.raises(UsageError, match="does not support a choice of sex"):
        inference.pose(found, 0, sex="male")


def test_the_body_shows_it(models: Path, default_body_path: Path) -> None:
    """One photo, fitted with each choice; the face's own answer comes back unharmed."""
    picture = next(iter(bundled_pictures()))
    engine = open_engine("landmarks", body=default_body_path.with_name("default-lod2.npz"))
    found = ReadPhoto(picture.photo, engine.read(picture.photo), engine)
    gender = list(engine.body.identity_names).index("gender")
    inference, shown = Inference(), {}
    for sex in (None, "female", "male", "neutral", None):
        ((_, estimate),) = inference.estimates(found, [0], sex=sex)
        assert estimate.details["looks"]["stated"] == (sex is not None)
        first = shown.setdefault(sex, estimate.identity)
        np.testing.assert_array_equal(first, estimate.identity)
        np.testing.assert_array_equal(inference.pose(found, 0, sex=sex).identity, estimate.identity)
    assert shown["female"][gender] < -0.5 < shown["neutral"][gender] < 0.5 < shown["male"][gender]
