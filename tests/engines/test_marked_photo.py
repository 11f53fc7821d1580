"""The default engine on a photo in which people marked the joints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from native_runtime.detection.landmarks import COCO_POINTS
from native_runtime.engines import engine_status, open_engine
from native_runtime.image.reading import read_photo


@pytest.mark.models
def test_every_point_of_the_skier_is_within_a_twentieth_of_the_box(photos: Path) -> None:
    status = engine_status("landmarks", providers=["cpu"])
    if not status.ready:
        pytest.skip(f"{status.text} Run `sam3db models build` (make models).")
    (marked,) = json.loads((photos / "skier.json").read_text(encoding="utf-8"))["people"]
    engine = open_engine("landmarks", providers=["cpu"])
    estimate = engine.read(read_photo(photos / "skier.jpg")).estimate()
    rows = [engine.body.keypoint_names.index(name) for name in COCO_POINTS]
    places = np.array([marked["points_px"][name][:2] for name in COCO_POINTS])
    away = np.linalg.norm(estimate.keypoints_2d[rows] - places, axis=1) / max(marked["box_xywh"][2:])
    assert away.max() < 0.05, dict(zip(COCO_POINTS, away.round(3), strict=True))
    # what MoveNet and BlazePose see differently is what the artist is asked to check
    assert any("two networks" in suggested["reason"] for suggested in estimate.details["suggested_keypoints"])
