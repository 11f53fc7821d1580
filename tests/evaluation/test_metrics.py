"""The measures, by hand and by what must not change them."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.evaluation import metrics
from native_runtime.evaluation.intervals import bootstrap, mean, paired_difference


def _turn(rng: np.random.Generator) -> np.ndarray:
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_errors_are_seen_from_the_hips(rng: np.random.Generator) -> None:
    true = rng.normal(size=(12, 3))
    found = true + (1.0, 2.0, 3.0)
    assert metrics.joint_errors(found, true, (6, 7)).max() < 1e-9
    found[0] += (0.003, 0.004, 0.0)
    assert metrics.joint_errors(found, true, (6, 7))[0] == pytest.approx(5.0)


def test_alignment_takes_out_place_turn_and_size_but_no_mirror(rng: np.random.Generator) -> None:
    true = rng.normal(size=(12, 3))
    found = 0.7 * true @ _turn(rng).T + (3.0, -1.0, 2.0)
    assert metrics.aligned_errors(found, true).max() < 1e-9
    assert metrics.aligned_errors(found * (-1.0, 1.0, 1.0), true).mean() > 100


def test_unknown_joints_are_left_out(rng: np.random.Generator) -> None:
    true = rng.normal(size=(12, 3))
    some = true.copy()
    some[4] = np.nan
    errors = metrics.aligned_errors(true @ _turn(rng).T, some)
    assert np.isnan(errors[4])
    assert np.nanmax(errors) < 1e-9
    some[2:] = np.nan
    assert np.isnan(metrics.aligned_errors(true, some)).all()


def test_correct_keypoints_by_hand() -> None:
    true = np.array([[10.0, 10.0], [50.0, 50.0], [np.nan, np.nan]])
    found = np.array([[10.0, 19.0], [50.0, 61.0], [0.0, 0.0]])
    box = np.array([0.0, 0.0, 100.0, 200.0])  # 5 % of the longer side: 10 px
    assert metrics.correct_keypoints(found, true, box).tolist()[:2] == [1.0, 0.0]
    assert np.isnan(metrics.correct_keypoints(found, true, box)[2])


def test_area_under_the_curve_by_hand() -> None:
    shares = metrics.curve_shares(np.array([0.0, 1e9, 75.0, np.nan]))
    assert shares[:3] == pytest.approx([1.0, 0.0, 16 / 31])
    assert np.isnan(shares[3])


def test_overlap_by_hand() -> None:
    boxes = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0], [9.0, 9.0, 9.0, 9.0]])
    assert metrics.overlap(boxes, boxes)[0].tolist() == pytest.approx([1.0, 1 / 7, 0.0])


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        groups = [rng.normal(rng.normal(), 0.1, 4) for _ in range(40)]  # of one group, and so nearly alike
        low, high = bootstrap(groups)
        held += low <= 0.0 <= high
    assert 50 <= held <= 60
    assert all(np.isnan(bootstrap([])))
    assert all(np.isnan(bootstrap([np.arange(9.0)])))  # one group says nothing of how groups differ
    assert np.isnan(mean(np.array([np.nan])))


def test_one_by_one_would_look_too_certain() -> None:
    rng = np.random.default_rng(1)
    groups = [np.full(20, rng.normal()) for _ in range(15)]
    together = np.ptp(bootstrap(groups))
    apart = np.ptp(bootstrap([np.array([value]) for value in np.concatenate(groups)]))
    assert together > 2 * apart


def test_differences_of_the_same_groups_are_more_certain_than_figures(rng: np.random.Generator) -> None:
    hard = rng.normal(50.0, 20.0, 30)  # how hard each group is, for both
    one = {str(k): [level + rng.normal(0, 1, 8)] for k, level in enumerate(hard)}
    other = {name: [values[0] - 3.0 + rng.normal(0, 1, 8)] for name, values in one.items()}
    value, low, high = paired_difference(one, other)
    assert value == pytest.approx(3.0, abs=0.5)
    assert low < 3.0 < high
    assert high - low < 0.1 * np.ptp(bootstrap([values[0] for values in one.values()]))
    assert paired_difference(other, one)[0] == pytest.approx(-value)


def test_differences_are_of_groups_that_both_have() -> None:
    one = {"a": [np.array([1.0, np.nan])], "b": [np.array([99.0])]}
    other = {"a": [np.array([3.0])], "c": [np.array([7.0])]}
    value, low, high = paired_difference(one, other)
    assert value == -2.0
    assert np.isnan((low, high)).all()  # of one group
    assert all(np.isnan(paired_difference({}, other)))
    assert all(np.isnan(paired_difference({"a": [np.array([np.nan])]}, other)))
