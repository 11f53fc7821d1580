"""What is doubtful about a photo itself reaches everybody who gets an estimate of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.image.reading import Photo
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from native_runtime.pipeline.requests import LookRequest

DOUBT = "The photo was cropped."


@pytest.fixture
def inference() -> Inference:
    return Inference("tests.support.fake_engine")


def cropped(name: str = "a.jpg") -> Photo:
    return Photo(np.zeros((40, 30, 3), np.uint8), Path(name), focal_px=50.0, lens_doubt=DOUBT)


@pytest.mark.parametrize(
    ("engine", "name"), [("landmarks", "a.jpg"), ("sam3d_body", "a.jpg"), ("sam3d_body", "three.jpg")]
)
def test_every_estimate_warns_of_the_lens(inference: Inference, engine: str, name: str) -> None:
    found = inference.look(cropped(name), LookRequest(photo=name, engine=engine), Silent())
    people = range(len(found.bboxes))
    warnings = [estimate.warnings for _, estimate in inference.estimates(found, people)]
    assert all(said[0] == DOUBT and len(said) > 1 for said in warnings)
    assert inference.pose(found, 0).warnings[0] == DOUBT


def test_a_lens_that_somebody_has_set_is_not_doubted(inference: Inference) -> None:
    found = inference.look(cropped(), LookRequest(photo="a.jpg", focal_px=60.0), Silent())
    assert DOUBT not in next(estimate for _, estimate in inference.estimates(found, [0])).warnings
