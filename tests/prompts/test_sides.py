"""The evidence that a prompt lies on the wrong side, and what is warned of by it, where predictions are off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.prompts.quality import Opinion, Prediction, check_quality
from native_runtime.prompts.quality.anatomy import mirrors
from native_runtime.prompts.quality.sides import wrong_side_evidence
from tests.support.stick_figure import INTRINSICS, NAMES, figure, outline, predicted, swung_arm

JOINTS = [i for i, n in enumerate(NAMES) if any(p in n for p in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"))]
WRIST, OTHER_WRIST = NAMES.index("left_wrist"), NAMES.index("right_wrist")
TRUTH = project(figure(), INTRINSICS)


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    return predicted(figure(), outline(figure()))


def test_what_speaks_for_one_side_speaks_as_much_against_the_other(
    prediction: Prediction, rng: np.random.Generator
) -> None:
    for keypoint in JOINTS:
        for place in TRUTH[keypoint] + 0.1 * prediction.size * rng.normal(size=(5, 2)):
            there, here = (wrong_side_evidence(prediction, k, place) for k in (keypoint, int(mirrors()[keypoint])))
            assert there == pytest.approx(-here, abs=1e-9)


def test_a_place_far_from_both_is_no_evidence(prediction: Prediction) -> None:
    nose = TRUTH[NAMES.index("nose")]
    for ankle in ("left_ankle", "right_ankle"):
        assert abs(wrong_side_evidence(prediction, NAMES.index(ankle), nose)) < 0.01
    assert wrong_side_evidence(prediction, WRIST, TRUTH[OTHER_WRIST]) > 3.0
    assert wrong_side_evidence(prediction, WRIST, TRUTH[WRIST]) < -3.0


def test_evidence_falls_with_the_distance_from_the_other_side(prediction: Prediction) -> None:
    away = np.linspace(0.0, 0.3, 30)[:, None] * prediction.size * [0.0, 1.0]
    found = [wrong_side_evidence(prediction, WRIST, TRUTH[OTHER_WRIST] + shift) for shift in away]
    assert np.all(np.diff(found) < 0)


def test_a_doubted_joint_is_less_evidence(prediction: Prediction) -> None:
    uncertainty = np.full(70, 0.2 * prediction.size)
    doubted = replace(prediction, uncertainty=uncertainty)
    for keypoint in JOINTS:
        place = TRUTH[mirrors()[keypoint]]
        assert 0.0 < wrong_side_evidence(doubted, keypoint, place) < wrong_side_evidence(prediction, keypoint, place)


def test_a_second_opinion_counts_for_both_sides(prediction: Prediction) -> None:
    """One that agrees strengthens the evidence, one with the sides exchanged weakens it; one that is silent is none."""
    spreads, place = np.full(70, 0.02), TRUTH[OTHER_WRIST]
    opinions = (TRUTH[mirrors()], np.full((70, 2), np.nan), TRUTH)
    found = [wrong_side_evidence(replace(prediction, second=Opinion(said, spreads)), WRIST, place) for said in opinions]
    assert 0.0 < found[0] < found[1] < found[2]
    assert found[1] == wrong_side_evidence(prediction, WRIST, place)
    with pytest.raises(ValueError, match="an opinion has shapes"):
        Opinion(TRUTH[:17], spreads)


def test_a_joint_behind_the_camera_is_no_evidence(prediction: Prediction) -> None:
    places = prediction.keypoints_2d.copy()
    places[OTHER_WRIST] = np.nan
    hidden = replace(prediction, keypoints_2d=places)
    assert np.isnan(wrong_side_evidence(hidden, WRIST, TRUTH[OTHER_WRIST]))
    kinds = [warning.kind for warning in check_quality([(WRIST, *map(float, TRUTH[OTHER_WRIST]))], hidden)]
    assert "swapped_sides" not in kinds


def swapped(keypoint: int, place: np.ndarray, prediction: Prediction) -> bool:
    warnings = check_quality([(keypoint, float(place[0]), float(place[1]))], prediction)
    return any(warning.kind == "swapped_sides" for warning in warnings)


def test_sides_are_told_apart_where_the_whole_prediction_is_off(
    prediction: Prediction, rng: np.random.Generator
) -> None:
    """By up to 6 % of the height, more than a place may be off that lies "where the other side is detected"."""
    wrong, right = [], []
    for _ in range(20):
        angle = rng.uniform(0, 2 * np.pi)
        shift = 0.06 * prediction.size * np.array([np.cos(angle), np.sin(angle)])
        off = replace(prediction, keypoints_2d=prediction.keypoints_2d + shift)
        wrong += [swapped(k, TRUTH[mirrors()[k]], off) for k in JOINTS]
        right += [swapped(k, TRUTH[k], off) for k in JOINTS]
    assert np.mean(wrong) > 0.8
    assert np.mean(right) < 0.02


@pytest.mark.parametrize("angle", [-110, -70, -40, 40, 70, 110])
def test_a_corrected_arm_is_not_the_other_one(angle: float) -> None:
    wrong = predicted(swung_arm(figure(), np.radians(angle)), outline(figure()))
    assert not any(swapped(k, TRUTH[k], wrong) for k in JOINTS)


def test_the_words_say_how_near_the_other_side_is(prediction: Prediction) -> None:
    there = TRUTH[OTHER_WRIST]
    for shift, words in ((0.0, "was placed where the right wrist is detected"), (0.05, "nearer to where the right")):
        x, y = there + [0.0, -shift * prediction.size]
        (warning,) = check_quality([(WRIST, float(x), float(y))], prediction)
        assert (warning.kind, warning.keypoint) == ("swapped_sides", WRIST)
        assert words in warning.message
        assert warning.fix is not None
        assert warning.fix.place == ((OTHER_WRIST, float(x), float(y)),)
