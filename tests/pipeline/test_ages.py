"""A stated age on its way from a request to the engine's body."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.engines import open_engine
from native_runtime.engines.base import Capabilities
from native_runtime.engines.looks import stated_age
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.requests import EstimateRequest, PoseRequest
from native_runtime.pipeline.support import require_supported
from native_runtime.proof.pictures import bundled_pictures


@pytest.mark.parametrize("kind", [EstimateRequest, PoseRequest])
def test_requests_carry_it(kind: type) -> None:
    asked = decode(kind, {"photo": "a.jpg", "age": 8})
    assert encode(asked)["age"] == 8.0
    assert "age" not in encode(decode(kind, {"photo": "a.jpg"}))
    assert decode(kind, encode(decode(kind, {"photo": "a.jpg", "age": [8, 41.5]}))).age == (8, 41.5)
    for wrong in (4.9, 91, -8, float("nan"), float("inf"), [8, 2]):
        with pytest.raises(UsageError, match="between 5 and 90 years"):
            decode(kind, {"photo": "a.jpg", "age": wrong})
    for wrong in ("young", [], [[8]], True):
        with pytest.raises(UsageError):
            decode(kind, {"photo": "a.jpg", "age": wrong})


def test_an_engine_that_cannot_is_refused_and_another_named() -> None:
    assert not Capabilities().ages
    with pytest.raises(UsageError, match=r"does not support a stated age\. The engine 'landmarks' does"):
        require_supported(decode(EstimateRequest, {"photo": "a.jpg", "age": 8, "engine": "instanthmr"}))


def test_the_body_follows_it(models: Path, default_body_path: Path) -> None:
    """One photo, whoever is in it: as a child they are small and near, and look the same in the picture."""
    path = default_body_path.with_name("default-lod2.npz")
    body = Body.load(path)
    if body.ages is None:
        pytest.skip("the default body was built before it knew ages: run `sam3db models build`")
    picture = next(iter(bundled_pictures()))
    engine = open_engine("landmarks", body=path)
    found = ReadPhoto(picture.photo, engine.read(picture.photo, np.asarray(picture.intrinsics)), engine)
    inference = Inference()
    ((_, grown),) = inference.estimates(found, [0])
    ((_, child),) = inference.estimates(found, [0], ages={0: 7.0})
    assert stated_age(grown.details) is None
    assert stated_age(child.details) == 7.0
    thigh = [float(np.linalg.norm(e.joints[body.joint_index("l_upleg")] - e.joints[body.joint_index("l_lowleg")]))
             for e in (grown, child)]  # fmt: skip
    assert 0.55 < thigh[1] / thigh[0] < 0.8
    assert child.keypoints_3d[0, 2] < 0.85 * grown.keypoints_3d[0, 2], "nearer"
    tall = np.ptp(grown.keypoints_2d[:, 1])
    off = np.linalg.norm(child.keypoints_2d[:21] - grown.keypoints_2d[:21], axis=1)
    assert np.median(off) < 0.03 * tall, "in the same place of the picture"
    assert np.abs(child.identity[~body.ageless]).sum() > 0.7
    assert not grown.identity[~body.ageless].any(), "an adult has no childhood"
    ((_, again),) = inference.estimates(found, [0])
    np.testing.assert_array_equal(again.model_parameters, grown.model_parameters)
    np.testing.assert_array_equal(inference.pose(found, 0, age=7.0).model_parameters, child.model_parameters)
    with pytest.raises(UsageError, match="from 5 to 90"):
        inference.pose(found, 0, age=2.0)
