"""Shapes that hold what the bones of an exported file cannot."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.characters.exports.correcting import TOLERANCE, causes_of, pose_correctives, with_keys
from native_runtime.characters.exports.skinning import ShapeKey, Shown, blend
from native_runtime.mhr.rotations import rotation_about

FRAMES, VERTICES = 9, 60


@pytest.fixture
def bend():
    """A tube on two bones, of which one bends over some frames: (points, table (V, 2), motions (F, 2, 4, 4))."""
    rng = np.random.default_rng(5)
    points = np.column_stack([rng.uniform(-0.3, 0.3, VERTICES), rng.normal(0, 0.05, (VERTICES, 2))])
    upper = np.clip(0.5 + points[:, 0] / 0.2, 0.0, 1.0)
    motions = np.tile(np.eye(4), (FRAMES, 2, 1, 1))
    for frame in range(FRAMES):
        motions[frame, 1, :3, :3] = rotation_about(np.array([0.0, 0.0, 1.0]), 0.25 * frame)
    return points, np.column_stack([1.0 - upper, upper]), motions


def _shown(points, keys, table, motions) -> Shown:
    there = [blend(with_keys(points, keys, frame), table, motions[frame]) for frame in range(FRAMES)]
    return Shown(np.arange(FRAMES), np.array(there, np.float32))


def _off(points, keys, table, motions, shown) -> float:
    found = _shown(points, keys, table, motions).points
    return float(np.linalg.norm(found - shown.points, axis=2).max())


@pytest.fixture
def corrective(bend):
    """A shape that comes with the bend, and one that comes and goes beyond 0."""
    rng = np.random.default_rng(6)
    courses = (np.linspace(0.0, 1.5, FRAMES), np.sin(np.arange(FRAMES)))
    return tuple(ShapeKey(f"own {i}", rng.normal(0, 0.01, (VERTICES, 3)), 0.0, c) for i, c in enumerate(courses))


def test_bones_and_shapes_are_the_character(bend, corrective):
    points, table, motions = bend
    shown = _shown(points, corrective, table, motions)
    assert _off(points, (), table, motions, shown) > 0.01
    keys = pose_correctives(points, (), table, motions, shown, 50)
    assert _off(points, keys, table, motions, shown) < 1.2 * TOLERANCE
    assert 2 <= len(keys) <= 4
    for key in keys:  # what engines do not clamp
        assert key.value == 0.0
        assert key.values.min() >= 0.0
        assert key.values.max() == pytest.approx(1.0)


def test_the_first_frame_is_left_as_it_is(bend, corrective):
    """Where bones alone are right nothing is added: the rest pose stays what it is."""
    points, table, motions = bend
    shown = _shown(points, corrective, table, motions)
    keys = pose_correctives(points, (), table, motions, shown, 50)
    assert np.abs(with_keys(points, keys, 0) - points).max() < TOLERANCE
    same = _shown(points, (), table, motions)
    assert pose_correctives(points, (), table, motions, same, 50) == ()


def test_fewer_shapes_are_less_exact_and_never_more_than_asked(bend, corrective):
    points, table, motions = bend
    shown = _shown(points, corrective, table, motions)
    off = []
    for most in (0, 1, 2, 50):
        keys = pose_correctives(points, (), table, motions, shown, most, first=7)
        assert len(keys) <= most
        assert [key.name for key in keys] == [f"Pose Corrective {7 + i:02d}" for i in range(len(keys))]
        off.append(_off(points, keys, table, motions, shown))
    assert off == sorted(off, reverse=True)
    assert off[0] > off[2] > off[3]


def test_shapes_of_the_face_are_not_taken_for_faults(bend, corrective):
    points, table, motions = bend
    shown = _shown(points, corrective, table, motions)
    assert pose_correctives(points, corrective, table, motions, shown, 50) == ()


def test_frames_between_those_that_were_looked_at(bend, corrective):
    points, table, motions = bend
    shown = _shown(points, corrective[:1], table, motions)
    some = Shown(shown.frames[::4], shown.points[::4])
    keys = pose_correctives(points, (), table, motions, some, 50)
    assert all(len(key.values) == FRAMES for key in keys)
    assert _off(points, keys, table, motions, shown) < 2 * TOLERANCE  # its course is straight


def test_each_cause_by_itself(bend, corrective):
    points, table, motions = bend
    folded = np.column_stack([np.ones(VERTICES), np.zeros(VERTICES)])
    shown = _shown(points, corrective, table, motions)

    found = causes_of(points, (), corrective, table, motions, (table, table), motions, shown)
    largest = max(np.linalg.norm(with_keys(points, corrective, f) - points, axis=1).max() for f in range(FRAMES))
    assert found.correctives == pytest.approx(largest, rel=0.05)
    assert max(found.rest, found.folded, found.influences) < 1e-6

    plain = _shown(points, (), table, motions)
    found = causes_of(points, (), (), table, motions, (folded, folded), motions, plain)
    assert found.folded > 0.05
    assert max(found.correctives, found.rest, found.influences) < 1e-6
    found = causes_of(points, (), (), table, motions, (table, folded), motions, plain)
    assert found.influences > 0.05
    assert found.folded == 0.0
    elsewhere = Shown(plain.frames, plain.points + np.float32(0.02))
    found = causes_of(points, (), (), table, motions, (table, table), motions, elsewhere)
    assert found.rest == pytest.approx(0.02 * np.sqrt(3), abs=1e-5)
