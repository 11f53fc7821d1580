"""Rendered takes are what their truth says, and the measures over time notice what they are for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.takes import clips, metrics
from bench.takes.compare import chosen_frames, soles
from bench.takes.make import Scene, drawn, scene_of
from bench.takes.truth import TakeTruth
from native_runtime.camera import project
from native_runtime.mhr import SCALE, Body

FPS = 25.0


@pytest.fixture(scope="module")
def bodies(default_body_path: Path) -> tuple[Body, Body]:
    return Body.load(default_body_path), Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(scope="module")
def scene(bodies: tuple[Body, Body], shared: Path) -> Scene:
    if not (shared / "mocap" / "free.npz").is_file():
        pytest.skip("no motion capture beside the checkout")
    return scene_of(bodies[1], "tune", 3, seconds=1.0)


def _waving(frames: int = 60) -> np.ndarray:
    """(F, 3, 3) m of smooth motion."""
    phase = np.arange(frames)[:, None, None] / FPS
    offsets = np.arange(9).reshape(3, 3)
    return 0.3 * np.sin(2 * np.pi * (0.5 + 0.1 * offsets) * phase + offsets)


def test_planted_feet_stand_still_on_the_floor_and_the_skeleton_keeps_its_lengths(
    scene: Scene, bodies: tuple[Body, Body]
) -> None:
    truth = scene.truth
    points = soles(bodies[1], truth.model_parameters, truth.identity, truth.camera_translation)
    feet = truth.to_world(points[0])
    for stands in (feet, truth.to_world(points[1])):
        drift = metrics.drifts(stands, truth.contacts)
        assert len(drift) > 2
        assert drift.max() < 0.5
    assert np.abs((feet @ truth.ground[:3] + truth.ground[3])[truth.contacts]).max() < 0.001
    assert np.ptp(truth.model_parameters[:, SCALE], axis=0).max() == 0.0


def test_nothing_sinks_into_the_floor(scene: Scene, bodies: tuple[Body, Body]) -> None:
    truth = scene.truth
    for frame in range(0, len(truth.frames), 5):
        skin = truth.to_world(np.broadcast_to(truth.vertices(bodies[1], frame), (len(truth.frames), 1799, 3)))[frame]
        assert (skin @ truth.ground[:3] + truth.ground[3]).min() > -0.02


def test_a_take_moves_smoothly(scene: Scene) -> None:
    """No frame jumps away from where its neighbours say that it is."""
    world = scene.truth.to_world(scene.truth.joints)
    between = world[1:-1] - (world[:-2] + world[2:]) / 2
    assert np.linalg.norm(between, axis=-1).max() < 0.03


def test_a_take_is_the_same_again_and_reads_back(scene: Scene, bodies: tuple[Body, Body], tmp_path: Path) -> None:
    one, other = (scene_of(bodies[1], "tune", 4, seconds=0.5).truth for _ in range(2))
    # the last bits of BLAS hang on where arrays lie in memory
    np.testing.assert_allclose(one.model_parameters, other.model_parameters, atol=1e-8)
    scene.truth.save(tmp_path / "take.npz")
    read = TakeTruth.load(tmp_path / "take.npz")
    np.testing.assert_array_equal(read.contacts, scene.truth.contacts)
    assert read.about["clip"] == scene.truth.about["clip"]


def test_the_picture_shows_the_person_where_the_truth_says(scene: Scene, bodies: tuple[Body, Body]) -> None:
    frames = drawn(scene, bodies[1])
    first, second = next(frames).astype(float), next(frames).astype(float)
    changed = np.abs(second - first).max(axis=-1) > 60  # by the person's own motion alone: the camera is fixed
    rows, columns = np.nonzero(changed)
    low, high = scene.truth.bbox[:2, :2].min(axis=0) - 12, scene.truth.bbox[:2, 2:].max(axis=0) + 12
    inside = (columns > low[0]) & (columns < high[0]) & (rows > low[1]) & (rows < high[1])
    assert len(rows) > 50
    assert inside.mean() > 0.95
    np.testing.assert_allclose(
        project(scene.truth.keypoints_3d, scene.truth.intrinsics), scene.truth.keypoints_2d, atol=1e-6
    )


def test_no_clip_is_on_both_sides_of_the_split() -> None:
    assert not {(e.file, e.clip, e.source) for e in clips.TUNE} & {(e.file, e.clip, e.source) for e in clips.HELD_OUT}
    assert len(clips.HELD_OUT) >= 12
    recorded = [{tuple(map(int, e.clip.split("_"))) for e in side if e.clip.replace("_", "").isdigit()}
                for side in (clips.TUNE, clips.HELD_OUT)]  # fmt: skip
    assert not recorded[0] & recorded[1]


def test_the_error_of_accelerations_is_that_of_a_known_shake() -> None:
    true = _waving()
    shaken = true + 0.001 * np.where(np.arange(60) % 2, 1.0, -1.0)[:, None, None] * [1.0, 0.0, 0.0]
    # second difference of +-1 mm in turns: 4 mm a frame^2
    assert metrics.acceleration_error(shaken, true, FPS) == pytest.approx(4 * FPS**2)
    assert metrics.acceleration_error(true + 1.0, true, FPS) == pytest.approx(0.0, abs=1e-6)


def test_runs_of_frames_are_spread_over_a_take() -> None:
    chosen = chosen_frames(100, (3, 12))
    assert len(set(chosen.tolist())) == 36
    assert np.sum(np.diff(chosen) == 1) == 33
    assert chosen.min() > 10
    assert chosen.max() < 90
    np.testing.assert_array_equal(chosen_frames(20, (3, 12)), np.arange(20))
    np.testing.assert_array_equal(chosen_frames(20, None), np.arange(20))


def test_a_delay_is_told_in_frames() -> None:
    true = _waving()
    assert metrics.lag(true, true) == pytest.approx(0.0, abs=0.02)
    assert metrics.lag(true[:-3], true[3:]) == pytest.approx(3.0, abs=0.1)
    assert metrics.lag(true[2:], true[:-2]) == pytest.approx(-2.0, abs=0.1)


def test_drift_and_slide_are_of_contacts_alone() -> None:
    feet = np.zeros((20, 4, 3))
    feet[:, :, 0] = 0.01 * np.arange(20)[:, None]  # 10 mm a frame
    contacts = np.zeros((20, 4), bool)
    assert len(metrics.drifts(feet, contacts)) == 0
    assert np.isnan(metrics.slide(feet, contacts))
    contacts[5:10, 1] = True
    assert metrics.drifts(feet, contacts) == pytest.approx([20.0])
    assert metrics.slide(feet, contacts) == pytest.approx(10.0)


def test_contacts_may_begin_a_frame_late_and_no_more() -> None:
    true = np.zeros((20, 4), bool)
    true[5:15, 0] = True
    late = np.roll(true, 1, axis=0)
    assert metrics.precision_recall(late, true) == (1.0, 1.0)
    assert metrics.precision_recall(np.roll(true, 3, axis=0), true) == pytest.approx((0.8, 0.8))
    precision, recall = metrics.precision_recall(np.zeros_like(true), true)
    assert np.isnan(precision)
    assert recall == 0.0
