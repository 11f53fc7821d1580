"""What a corrected character says as a row."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from native_runtime.corrections.person import ACCEPTED, PLACED, UNTOUCHED, CorrectedPerson
from native_runtime.dataset.rows import Row
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from tests.support import pictured

from .results import OFF, WRIST, corrected


@pytest.fixture
def estimate(small_body: Body, rng: np.random.Generator) -> Estimate:
    return pictured.seen(small_body, pictured.placed(small_body, rng))


def person(estimate: Estimate, **changes: object) -> CorrectedPerson:
    return replace(CorrectedPerson(estimate, estimate.prompts.keypoints), **changes)  # type: ignore[arg-type]


def test_placed_keypoints_are_where_the_artist_put_them(estimate: Estimate) -> None:
    row = person(corrected(estimate, (0, 1.0, 1.0, "incorrect"), (5, 0.0, 0.0, "ignore"))).row(
        "a.jpg", 0, 0, 1, pictured.SIZE
    )
    assert row.keypoints_2d[WRIST].tolist() == [*(estimate.keypoints_2d[WRIST] + (OFF, 0)), PLACED]
    assert row.keypoints_3d[WRIST, 3] == ACCEPTED  # nobody said how deep it is
    assert row.keypoints_2d[[0, 5], 2].tolist() == row.keypoints_3d[[0, 5], 3].tolist() == [0, 0]
    others = np.delete(np.arange(70), [0, 5, WRIST])
    inside = ((estimate.keypoints_2d >= 0) & (estimate.keypoints_2d < pictured.SIZE)).all(axis=1)
    assert np.array_equal(row.keypoints_2d[others, 2], np.where(inside, ACCEPTED, 0)[others])
    assert np.array_equal(row.keypoints_3d[:, :3], estimate.keypoints_3d)
    assert row.placed is not None
    assert np.array_equal(row.placed.parameters, estimate.model_parameters)
    assert not row.mhr_valid
    assert (row.box[:2] <= row.keypoints_2d[row.keypoints_2d[:, 2] > 0, :2].min(axis=0)).all()
    Row.of(row.columns())  # it is valid


def test_the_quality_tells_how_far_the_body_is_from_what_was_said(estimate: Estimate) -> None:
    side = (estimate.bbox[2:] - estimate.bbox[:2]).max()
    assert person(corrected(estimate)).quality() == pytest.approx(1 - OFF / (0.1 * side))
    x, y = estimate.keypoints_2d[3]
    assert person(estimate, prompts=((3, x, y),)).quality() == 1
    assert person(estimate, prompts=((3, x + side, y),)).quality() == 0
    assert person(estimate, edited=True).quality() == 1
    untouched = person(estimate)
    assert untouched.quality() == 0.5
    assert not untouched.corrected
    assert set(untouched.row("a.jpg", 0, 0, 1, pictured.SIZE).keypoints_2d[:, 2]) <= {0, UNTOUCHED}


def test_what_lies_outside_or_behind_counts_nothing(estimate: Estimate) -> None:
    flat = estimate.keypoints_2d.copy()
    flat[7], flat[8] = np.nan, (-5.0, 50.0)
    row = person(replace(corrected(estimate), keypoints_2d=flat)).row("a.jpg", 0, 0, 1, pictured.SIZE)
    assert row.keypoints_2d[[7, 8], 2].tolist() == [0, 0]
    assert np.isfinite(row.keypoints_2d).all()


@pytest.mark.parametrize("place", [(1e308, 1e308), (-1e308, 50.0), (5e5, 50.0), (-9.0, 50.0)])
@pytest.mark.filterwarnings("error")
def test_keypoints_placed_outside_of_the_photo_count_nothing(estimate: Estimate, place: tuple[float, float]) -> None:
    said = person(corrected(estimate, (3, *place)))
    row = said.row("a.jpg", 0, 0, 1, (160, 120))
    assert row.keypoints_2d[3, 2] == row.keypoints_3d[3, 3] == 0
    assert row.quality == person(corrected(estimate)).quality()
    assert said.placed.keys() == {WRIST}
    Row.of(row.columns())  # it is valid


def test_a_smaller_picture_has_smaller_pixels(estimate: Estimate) -> None:
    """What the row says at half the size is what one sees in the picture of half the size."""
    mask = pictured.mask(estimate)
    small = person(corrected(estimate), mask=mask).row("a.jpg", 0, 0, 1, (160, 120))
    large = person(corrected(estimate), mask=mask).row("a.jpg", 0, 0, 1, pictured.SIZE)
    reduced = cv2.resize(pictured.picture([estimate]), (160, 120), interpolation=cv2.INTER_AREA).astype(float)
    x, y = np.round(small.keypoints_2d[pictured.NOSE, :2]).astype(int)
    spot = reduced[y - 1 : y + 2, x - 1 : x + 2]
    assert (spot[..., 0] - spot[..., 1]).max() > 60
    assert small.mask is not None
    assert small.mask.shape == (120, 160)
    assert np.allclose(small.box, (large.box + 0.5) / 2 - 0.5)
    seen = small.keypoints_3d[:, :3] @ small.intrinsics.T
    assert np.allclose(seen[0, :2] / seen[0, 2], small.keypoints_2d[0, :2])


def test_the_official_body_fills_metas_columns(estimate: Estimate, rng: np.random.Generator) -> None:
    official = replace(corrected(estimate), body_name="mhr-lod1", identity=rng.normal(size=45))
    row = person(official).row("a.jpg", 0, 0, 1, pictured.SIZE)
    assert row.mhr_valid
    assert np.array_equal(row.model_parameters, official.model_parameters)
    assert np.array_equal(row.shape, official.identity)
