"""What the map of ``detection.lifting`` learns from people whose depth the network compresses in a known way."""

from __future__ import annotations

import numpy as np
import pytest

from bench.lifting.made import made
from bench.lifting.network import Recipe, train
from bench.lifting.stances import Example, vectors_of
from bench.lifting.training import calibrated, fit
from native_runtime.camera import project
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.detection.lifting import SEGMENTS
from native_runtime.synthetic.poses import FOLDS, MIXED, fold_of

INTRINSICS = np.array([[900.0, 0, 320], [0, 900, 320], [0, 0, 1]])
HIPS = [BODY_POINTS.index("left_hip"), BODY_POINTS.index("right_hip")]


def skeleton(rng: np.random.Generator) -> np.ndarray:
    """(33, 3) m: bones of fixed lengths that point anywhere about their usual way."""
    points = rng.normal(size=(33, 3)) * 0.01

    def set_off(name: str, parent: str, way: tuple[float, float, float]) -> None:
        bone = np.array(way) + rng.normal(size=3) * 0.6 * np.linalg.norm(way)
        bone *= np.linalg.norm(way) / np.linalg.norm(bone)
        points[BODY_POINTS.index(name)] = points[BODY_POINTS.index(parent)] + bone

    set_off("right_hip", "left_hip", (-0.2, 0.0, 0.0))
    for side, x in (("left", 0.05), ("right", -0.05)):
        set_off(f"{side}_shoulder", f"{side}_hip", (x, -0.5, 0.0))
        set_off(f"{side}_elbow", f"{side}_shoulder", (x, 0.3, 0.0))
        set_off(f"{side}_wrist", f"{side}_elbow", (0.0, 0.26, -0.05))
        set_off(f"{side}_knee", f"{side}_hip", (x, 0.4, -0.1))
        set_off(f"{side}_ankle", f"{side}_knee", (0.0, 0.4, 0.1))
        set_off(f"{side}_heel", f"{side}_ankle", (0.0, 0.05, 0.05))
        set_off(f"{side}_foot_index", f"{side}_heel", (x, 0.0, -0.2))
        set_off(f"{side}_ear", f"{side}_shoulder", (-x, -0.2, 0.0))
    set_off("nose", "left_ear", (-0.07, 0.0, -0.1))
    return points


def example(rng: np.random.Generator, noise: float) -> Example:
    """Somebody seen by a network whose depth is 0.64 of the true one and off by a part of what is hidden."""
    true = skeleton(rng) + [0, 0, 4.0]
    visibility = rng.uniform(0.2, 1.0, 33)
    space = true - true[HIPS].mean(axis=0)
    space[:, 2] = 0.64 * space[:, 2] + noise * (1 - visibility) * rng.normal(size=33)
    person = PersonLandmarks(
        bbox=np.array([270.0, 270, 370, 370]), score=1.0, points_2d=project(true, INTRINSICS), points_3d=space,
        visibility=visibility, presence=np.ones(33), mask=np.ones((4, 4), np.float32),
        mask_from_photo=np.eye(3)[:2],
    )  # fmt: skip
    return Example.of(person, true, INTRINSICS)


SMALL = Recipe(hidden=(32,), epochs=60, dropout=0.0, ridge=0.1)


def test_compressed_depth_is_put_right() -> None:
    rng = np.random.default_rng(0)
    found = fit([example(rng, 0.0) for _ in range(400)], recipe=SMALL)
    fresh = [example(rng, 0.0) for _ in range(60)]
    true, raw = (
        np.array(vectors)[..., 2]
        for vectors in ([one.stance.vectors for one in fresh], [vectors_of(one.sight.space) for one in fresh])
    )
    lifted = np.array([found.upright(one.sight).vectors for one in fresh])[..., 2]
    assert np.abs(lifted - true).mean() < np.abs(raw - true).mean()


def test_spreads_are_as_large_as_the_errors_and_larger_for_hidden_points() -> None:
    rng = np.random.default_rng(1)
    found = fit([example(rng, 0.3) for _ in range(500)], recipe=SMALL)
    found = calibrated(found, [example(rng, 0.3) for _ in range(150)])
    fresh = [example(rng, 0.3) for _ in range(150)]
    lifted = [found.upright(one.sight) for one in fresh]
    errors = np.array([a.vectors - b.stance.vectors for a, b in zip(lifted, fresh)])
    sigmas = np.array([one.vector_sigmas for one in lifted])
    assert errors.shape == (150, len(SEGMENTS), 3)
    known = sigmas < 0.06  # as good as certain
    assert 0.85 < float((errors / sigmas)[~known].std()) < 1.2
    assert float(np.abs(errors[known]).mean()) < 0.06
    assert sigmas[..., 2].mean() > sigmas[..., 0].mean()


def test_the_network_finds_what_a_linear_map_cannot() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(2000, 4)).astype(np.float32)
    targets = np.stack([features[:, 0] * features[:, 1], np.abs(features[:, 2]), features[:, 3]], axis=1)
    ones = np.ones(3, np.float32)
    learnt, fresh = slice(0, 1500), slice(1500, None)
    found = train(features[learnt], targets[learnt], ones, np.ones(1500), Recipe((32, 32), 40, dropout=0.0), 0)
    values = features[fresh]
    for weights, offsets in found.hidden:
        values = values @ weights + offsets
        values = values / (1 + np.exp(-values))
    linear = features[fresh] @ found.straight
    answer = linear + (values @ found.last[0] + found.last[1])[:, :3]
    error = np.abs(answer - targets[fresh]).mean(axis=0)
    assert (error < 0.3).all()
    assert (np.abs(linear - targets[fresh]).mean(axis=0)[:2] > 0.5).all()


def test_made_up_readings_err_as_the_pictures_do() -> None:
    rng = np.random.default_rng(3)
    seen = [example(rng, 0.2) for _ in range(300)]
    pictures = [*seen, *(one.mirrored() for one in seen)]
    others = [example(rng, 0.2) for _ in range(200)]
    answers = made(pictures, [one.stance for one in others], rng)
    assert all(answer.stance is other.stance for answer, other in zip(answers, others))

    def left(given: list[Example]) -> np.ndarray:
        return np.array([one.sight.space[:, 2] - 0.64 * one.stance.places[:, 2] for one in given])

    assert float(left(answers).std()) == pytest.approx(float(left(others).std()), rel=0.25)
    assert np.abs(np.array([a.sight.flat - o.sight.flat for a, o in zip(answers, others)])).mean() < 0.05
    visible = np.array([answer.sight.visibility for answer in answers])
    assert visible.min() >= 0
    assert visible.max() <= 1


def test_copies_of_a_recording_and_mixtures_belong_to_one_part() -> None:
    names = [f"cmu_amc/{subject:02d}_{trial:02d}" for subject in range(1, 9) for trial in range(1, 9)]
    assert {fold_of(name) for name in names} == set(range(FOLDS))
    for name in names[:8]:
        subject, trial = name.split("/")[1].split("_")
        assert fold_of(f"cmu_iclone/{int(subject):03d}_{trial}") == fold_of(name)
        assert fold_of(name + MIXED + "makehuman_cc0/fight") == fold_of(name)
