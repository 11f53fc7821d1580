"""Prompts that contradict the rest are noticed, and true ones are left alone, also where the model errs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.prompts.prompt import Prompt
from native_runtime.prompts.quality import Prediction, check_quality
from native_runtime.prompts.quality.anatomy import mirrors
from tests.support.stick_figure import INTRINSICS, NAMES, SIZE, figure, outline, predicted, swung_arm

LEFT_WRIST, RIGHT_WRIST = NAMES.index("left_wrist"), NAMES.index("right_wrist")
LEFT_ELBOW, LEFT_SHOULDER = NAMES.index("left_elbow"), NAMES.index("left_shoulder")
JOINTS = [i for i, n in enumerate(NAMES) if any(p in n for p in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"))]


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return project(figure(), INTRINSICS)


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    return predicted(figure(), outline(figure()))


def place(keypoint: int, pixel: np.ndarray) -> Prompt:
    return (keypoint, float(pixel[0]), float(pixel[1]))


def kinds(prompts: list[Prompt], prediction: Prediction) -> list[tuple[str, int]]:
    return [(warning.kind, warning.keypoint) for warning in check_quality(prompts, prediction)]


def test_true_places_are_quiet_alone_and_together(truth: np.ndarray, prediction: Prediction) -> None:
    everything = [place(k, truth[k]) for k in range(70)]
    assert check_quality(everything, prediction) == []
    assert [kinds([prompt], prediction) for prompt in everything] == [[]] * 70


@pytest.mark.parametrize("angle", [-70, -40, 40, 70])
def test_true_places_are_quiet_where_the_whole_arm_is_predicted_wrongly(angle: float, truth: np.ndarray) -> None:
    wrong = predicted(swung_arm(figure(), np.radians(angle)), outline(figure()))
    for keypoint in (LEFT_ELBOW, LEFT_WRIST):
        assert kinds([place(keypoint, truth[keypoint])], wrong) == []
    assert kinds([place(k, truth[k]) for k in (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST)], wrong) == []


def test_most_places_far_off_are_flagged(truth: np.ndarray, prediction: Prediction, rng: np.random.Generator) -> None:
    flagged = []
    for keypoint in JOINTS * 20:
        angle = rng.uniform(0, 2 * np.pi)
        off = 0.3 * prediction.size * np.array([np.cos(angle), np.sin(angle)])
        flagged.append(bool(kinds([place(keypoint, truth[keypoint] + off)], prediction)))
    assert np.mean(flagged) > 0.8


@pytest.mark.parametrize("keypoint", JOINTS)
def test_a_swapped_side_is_named_and_its_fix_is_right(keypoint: int, truth: np.ndarray, prediction: Prediction) -> None:
    other = int(mirrors()[keypoint])
    prompts = [place(keypoint, truth[other])]
    (warning,) = check_quality(prompts, prediction)
    assert (warning.kind, warning.keypoint) == ("swapped_sides", keypoint)
    assert warning.fix is not None
    assert warning.fix.applied(prompts) == [place(other, truth[other])]
    both = [place(keypoint, truth[other]), place(0, truth[0]), place(other, truth[keypoint])]
    warnings = check_quality(both, prediction)
    assert [w.kind for w in warnings] == ["swapped_sides"] * 2
    for warning in warnings:
        assert warning.fix is not None
        fixed = warning.fix.applied(both)
        assert sorted(fixed) == sorted(place(k, truth[k]) for k in (keypoint, other, 0))
        assert check_quality(fixed, prediction) == []


def test_a_model_that_takes_the_back_for_the_front_is_mentioned(truth: np.ndarray) -> None:
    turned = figure()[mirrors()]
    wrong = predicted(turned, outline(figure()))
    prompts = [place(k, truth[k]) for k in JOINTS]
    warnings = check_quality(prompts, wrong)
    assert len(warnings) == len(JOINTS)
    assert all("back for the front" in w.suggestion and w.severity == 0.5 for w in warnings)
    # one joint that stays on its own side speaks against it
    prompts[0] = place(prompts[0][0], wrong.keypoints_2d[prompts[0][0]])
    assert not any("back for the front" in w.suggestion for w in check_quality(prompts, wrong))


def test_limbs_may_be_foreshortened_but_not_overstretched(truth: np.ndarray, prediction: Prediction) -> None:
    loose = predicted(figure(), bbox=np.array([0, 0, *SIZE], float))  # nothing but the bones can speak
    shoulder, arm = truth[LEFT_SHOULDER], truth[LEFT_WRIST] - truth[LEFT_SHOULDER]
    pinned = place(LEFT_SHOULDER, shoulder)
    for share in (0.1, 0.3, 0.7, 1.0):
        assert kinds([pinned, place(LEFT_WRIST, shoulder + share * arm)], loose) == []
    assert kinds([pinned, place(LEFT_WRIST, shoulder + 1.7 * arm)], loose) == [("impossible_bone", LEFT_WRIST)]
    # without the second prompt the model's own trunk is the anchor
    assert kinds([place(LEFT_WRIST, shoulder + 1.7 * arm)], loose) == [("impossible_bone", LEFT_WRIST)]


def test_the_prompt_that_contradicts_the_others_is_blamed(truth: np.ndarray) -> None:
    loose = predicted(figure(), bbox=np.array([0, 0, *SIZE], float))
    fine = [place(k, truth[k]) for k in (LEFT_SHOULDER, LEFT_WRIST, NAMES.index("left_hip"))]
    assert kinds([*fine, place(LEFT_ELBOW, truth[LEFT_ELBOW] + [20, 130])], loose) == [
        ("contradicts_others", LEFT_ELBOW)
    ]


def test_a_place_beside_the_person_is_outside(truth: np.ndarray, prediction: Prediction) -> None:
    assert kinds([place(LEFT_WRIST, truth[LEFT_WRIST] + [30, -60])], prediction) == [("outside_person", LEFT_WRIST)]
    boxed = predicted(figure(), bbox=np.array([150.0, 20, 500, 460]))
    assert kinds([place(LEFT_ELBOW, np.array([620.0, 200]))], boxed) == [("outside_person", LEFT_ELBOW)]
    bare = predicted(figure())
    assert kinds([place(LEFT_ELBOW, np.array([620.0, 200]))], bare) == [("outside_person", LEFT_ELBOW)]


def test_different_joints_at_one_place(truth: np.ndarray, prediction: Prediction) -> None:
    knee = NAMES.index("left_knee")
    prompts = [place(NAMES.index("left_hip"), truth[knee] + 1), place(knee, truth[knee])]
    assert kinds(prompts, prediction) == [("coincident", NAMES.index("left_hip"))]


def test_a_place_very_far_from_a_sure_prediction(truth: np.ndarray) -> None:
    toe = NAMES.index("left_big_toe")
    everywhere = predicted(figure(), bbox=np.array([0, 0, *SIZE], float))
    target = truth[NAMES.index("nose")]
    sure = kinds([place(toe, target)], everywhere)
    assert sure == [("far_from_prediction", toe)]
    unsure = np.zeros(70)
    unsure[toe] = 200.0
    doubtful = predicted(figure(), bbox=np.array([0, 0, *SIZE], float), uncertainty=unsure)
    assert kinds([place(toe, target)], doubtful) == []


def test_only_places_are_judged_and_doubted_joints_are_no_anchors(truth: np.ndarray) -> None:
    loose = predicted(figure(), bbox=np.array([0, 0, *SIZE], float))
    far = truth[LEFT_SHOULDER] + 1.7 * (truth[LEFT_WRIST] - truth[LEFT_SHOULDER])
    assert kinds([(LEFT_WRIST, *map(float, far), "ignore")], loose) == []
    assert kinds([(LEFT_WRIST, *map(float, far), "incorrect")], loose) == []
    trunk = [NAMES.index(n) for n in ("nose", "left_shoulder", "right_shoulder", "left_hip", "right_hip")]
    doubted: list[Prompt] = [(k, 0.0, 0.0, "ignore") for k in trunk]
    assert kinds([place(LEFT_WRIST, far)], loose) == [("impossible_bone", LEFT_WRIST)]
    assert kinds([place(LEFT_WRIST, far), *doubted], loose) == []


def test_another_joint_is_offered_where_it_was_meant(truth: np.ndarray) -> None:
    loose = predicted(figure(), bbox=np.array([0, 0, *SIZE], float))
    ankle = NAMES.index("left_ankle")
    (warning,) = check_quality([place(LEFT_WRIST, truth[ankle])], loose)
    assert "left ankle" in warning.suggestion
    assert warning.fix is not None
    assert warning.fix.applied([place(LEFT_WRIST, truth[ankle])]) == [place(ankle, truth[ankle])]


def test_the_photo_s_size_and_handedness_do_not_matter(truth: np.ndarray, rng: np.random.Generator) -> None:
    points, box = figure(), np.array([150.0, 20, 500, 460])
    small = predicted(points, bbox=box)
    large = Prediction(3 * small.keypoints_2d, points, np.diag([3, 3, 1]) @ INTRINSICS, bbox=3 * box)
    flip = mirrors()
    turned = points[flip] * [-1, 1, 1]
    mirrored = predicted(turned, bbox=np.array([640 - box[2], box[1], 640 - box[0], box[3]]))
    for _ in range(60):
        chosen = rng.choice(JOINTS, 3, replace=False)
        prompts = [place(int(k), truth[k] + rng.normal(0, 60, 2)) for k in chosen]
        found = kinds(prompts, small)
        assert kinds([(k, 3 * x, 3 * y) for k, x, y in prompts], large) == found
        there = kinds([(int(flip[k]), 640 - x, y) for k, x, y in prompts], mirrored)
        assert sorted(there) == sorted((kind, int(flip[k])) for kind, k in found)


def test_nobody_before_the_camera_says_nothing() -> None:
    behind = figure() * [1, 1, -1]
    nowhere = Prediction(np.full((70, 2), np.nan), behind, INTRINSICS)
    assert check_quality([(5, 1.0, 2.0)], nowhere) == []


@pytest.mark.filterwarnings("error")
def test_people_who_reach_behind_the_camera_and_places_far_beyond_the_photo(rng: np.random.Generator) -> None:
    for number in range(40):
        points = figure()
        points[rng.choice(70, number, replace=False), 2] *= -1
        holes = predicted(points, bbox=np.array([0, 0, *SIZE], float))
        holes.keypoints_3d[rng.choice(70, 3)] = np.nan
        prompts = [place(int(k), rng.choice([10.0, 1e3, 1e8]) * rng.normal(size=2)) for k in rng.permutation(70)[:12]]
        for warning in check_quality(prompts, holes):
            assert 0.5 <= warning.severity <= 1.0
            assert "nan" not in warning.text
            assert "inf" not in warning.text


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="keypoints_2d"):
        Prediction(np.zeros((69, 2)), np.zeros((70, 3)), INTRINSICS)


@pytest.mark.parametrize("subject", ["img_subj00", "img_subj01"])
def test_real_people(subject: str, shared: Path, rng: np.random.Generator) -> None:
    """SAM 3D Body's own answers, without an outline: its keypoints agree with it, swapped ones do not."""
    file = shared / "mhr" / "sam3d_body_outputs" / f"{subject}.npz"
    if not file.is_file():
        pytest.skip(f"no {file}")
    with np.load(file) as data:
        flat, deep = data["pred_keypoints_2d"].astype(float), data["pred_keypoints_3d"] + data["pred_cam_t"]
        box = data["bbox"]
    slopes = deep[:, 0] / deep[:, 2]
    focal, centre_x = np.polyfit(slopes, flat[:, 0], 1)
    centre_y = float(np.mean(flat[:, 1] - focal * deep[:, 1] / deep[:, 2]))
    prediction = Prediction(flat, deep, np.array([[focal, 0, centre_x], [0, focal, centre_y], [0, 0, 1.0]]), bbox=box)
    assert check_quality([place(k, flat[k]) for k in range(70)], prediction) == []
    noisy = [place(k, flat[k] + rng.normal(0, 0.01, 2) * prediction.size) for k in JOINTS for _ in range(10)]
    assert np.mean([bool(kinds([prompt], prediction)) for prompt in noisy]) < 0.05
    apart = [k for k in JOINTS if np.linalg.norm(flat[k] - flat[mirrors()[k]]) > 0.06 * prediction.size]
    assert apart
    assert all(kinds([place(k, flat[mirrors()[k]])], prediction) == [("swapped_sides", k)] for k in apart)
