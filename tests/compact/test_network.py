"""The project's own small network as it ships."""

from __future__ import annotations

import json

import numpy as np
import pytest

from native_runtime.compact.network import FILE, Compact
from native_runtime.detection.landmarks import BODY_POINTS
from tests.support.glimpsed import FOCAL, MIRRORED, WIDTH, mirrored, person, turned


@pytest.fixture(scope="module")
def compact() -> Compact:
    return Compact.load()


def test_nothing_is_told_without_features(compact: Compact) -> None:
    assert compact.told(person(features=False), FOCAL) is None


def test_left_and_right_are_treated_alike(compact: Compact) -> None:
    plain, other = compact.told(person(1), FOCAL), compact.told(mirrored(person(1)), FOCAL)
    assert plain is not None
    assert other is not None
    reflected = plain.lifted.mirrored()
    np.testing.assert_allclose(other.lifted.vectors, reflected.vectors, atol=2e-3)
    np.testing.assert_allclose(other.lifted.places, reflected.places, atol=2e-3)
    flipped = (plain.points * [-1, 1] + [WIDTH - 1, 0])[MIRRORED]
    np.testing.assert_allclose(other.points, flipped, atol=0.5)


def test_vectors_are_no_longer_than_one_and_deviations_are_positive(compact: Compact) -> None:
    for seed in range(4):
        told = compact.told(person(seed), FOCAL)
        assert told is not None
        assert np.linalg.norm(told.lifted.vectors, axis=1).max() <= 1.0 + 1e-6
        for values in (told.lifted.vector_sigmas, told.lifted.place_sigmas, told.point_sigmas):
            assert values.min() > 0.0
            assert np.isfinite(values).all()


def test_a_turned_photo_turns_what_is_told(compact: Compact) -> None:
    """But for what the photo's own downward direction says."""
    angle = 0.2
    plain, other = compact.told(person(2), FOCAL), compact.told(turned(person(2), angle), FOCAL)
    assert plain is not None
    assert other is not None
    c, s = np.cos(angle), np.sin(angle)
    wanted = np.column_stack([plain.lifted.places[:, :2] @ np.array([[c, s], [-s, c]]), plain.lifted.places[:, 2]])
    assert np.linalg.norm(other.lifted.places - wanted, axis=1).mean() < 0.05


def test_a_place_that_an_artist_names_is_followed_and_better_known(compact: Compact) -> None:
    """Even of people who cannot be, whose features say nothing."""
    left = []
    for seed in range(3):
        for name in ("left_wrist", "right_wrist", "left_ankle"):
            who, number = person(seed), BODY_POINTS.index(name)
            wanted = who.points_2d[number] + [40.0, 0.0]
            before, after = compact.told(who, FOCAL), compact.told(who, FOCAL, {number: wanted})
            assert before is not None
            assert after is not None
            assert after.point_sigmas[number] < before.point_sigmas[number]
            far, near = (float(np.linalg.norm(told.points[number] - wanted)) for told in (before, after))
            left.append(near / far)
    assert np.mean(left) < 0.95


def test_the_file_is_small_and_comes_with_its_figures() -> None:
    assert FILE.stat().st_size < 12_000_000
    content = json.loads(FILE.with_name("training.json").read_text())
    assert content["held_out"]["degrees"] < 18.0
    assert content["difference_to_pytorch"] < 0.01
    for name in ("model_card.md", "data_card.md"):
        assert FILE.with_name(name).is_file()
