"""Observations of frames survive their way through a file, and an estimate makes one."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from native_runtime.engines.estimate import Estimate
from native_runtime.errors import NoPersonError, UsageError
from native_runtime.fitting.evidence import Silhouette
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.shape_prior import ShapePrior
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.observations import FrameObservation, observe_estimate
from native_runtime.takes.temporal import fit_take
from tests.support.bodies import toy_body

LENS = np.array([[1000.0, 0, 640], [0, 1000.0, 360], [0, 0, 1]])


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body(keypoints_on_joints=True)


def _estimate(body: Body) -> Estimate:
    state = _placed(body)
    return Estimate.from_state(
        body, state, LENS, image_size=np.array([1280, 720]), bbox=np.array([0.0, 0, 1280, 720]), engine="toy"
    )


def _placed(body: Body) -> PlacedState:
    zeros = np.zeros(len(body.parameter_names))
    return PlacedState(zeros, np.zeros(body.identity_count), np.zeros(body.expression_count), np.array([0, 1.0, 4.0]))


def test_everything_survives_a_file(body: Body) -> None:
    seen = observe_estimate(body, _estimate(body), 12)
    assert seen.evidence is not None
    mask = np.zeros((8, 8), np.float32)
    mask[2:6, 3:5] = 1.0
    evidence = replace(
        seen.evidence,
        silhouette=Silhouette(mask, np.array([[0.1, 0, 1], [0, 0.1, 2.0]])),
        shape=ShapePrior.plain(body),
        stature=170.0,
        unseen=("l_upleg",),
    )
    one = replace(seen, evidence=evidence, pins=(Pin("nose", np.array([3.0, 4.0])),))
    file = io.BytesIO()
    np.savez(file, **one.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        back = FrameObservation.from_arrays(dict(archive))
    assert back.frame == 12
    assert back.pins[0].keypoint == "nose"
    assert back.seen == one.seen
    assert back.start is not None
    assert back.evidence is not None
    assert back.evidence.silhouette is not None
    np.testing.assert_array_equal(back.start.camera_translation, [0, 1, 4])
    np.testing.assert_array_equal(back.spreads, one.spreads)
    np.testing.assert_array_equal(back.evidence.silhouette.mask, mask)
    assert back.evidence.unseen == ("l_upleg",)
    assert back.evidence.stature == 170.0
    assert back.evidence.shape is not None
    assert back.evidence.points.names == evidence.points.names
    assert back.evidence.arms == evidence.arms
    np.testing.assert_array_equal(back.evidence.points.positions, evidence.points.positions)
    assert back.evidence.positions is not None
    assert evidence.positions is not None
    np.testing.assert_array_equal(back.evidence.positions.sigmas, evidence.positions.sigmas)


def test_an_empty_observation_survives_too() -> None:
    back = FrameObservation.from_arrays(FrameObservation(3).to_arrays())
    assert (back.frame, back.evidence, back.start, back.pins, back.seen) == (3, None, None, (), 0.0)


def test_other_arrays_are_refused() -> None:
    with pytest.raises(UsageError, match="no observation"):
        FrameObservation.from_arrays({"points": np.zeros(3)})
    with pytest.raises(UsageError, match="no observation"):
        FrameObservation.from_arrays({"frame": np.array(1), "evidence.points.names": np.array(["nose"])})


def test_an_estimate_outside_the_picture_counts_little(body: Body) -> None:
    estimate = _estimate(body)
    aside = replace(estimate, keypoints_2d=estimate.keypoints_2d + [5000.0, 0])
    inside, outside = observe_estimate(body, estimate, 0), observe_estimate(body, aside, 0)
    assert outside.seen < 0.2 * inside.seen


def test_an_estimate_of_another_body_is_refused(body: Body) -> None:
    with pytest.raises(UsageError, match="of the body toy"):
        observe_estimate(toy_body(identity_count=2), _estimate(body), 0)


def test_nobody_and_frames_seen_twice_are_said(body: Body) -> None:
    with pytest.raises(NoPersonError):
        fit_take(body, [], LENS, 30.0)
    with pytest.raises(NoPersonError):
        fit_take(body, [FrameObservation(4)], LENS, 30.0)
    one = observe_estimate(body, _estimate(body), 5)
    with pytest.raises(UsageError, match="Frame 5"):
        fit_take(body, [one, one], LENS, 30.0)
