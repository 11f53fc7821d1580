"""What the project's own network looks at: what it must not depend on, and what artists say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.compact.inputs import POINT_CHANNELS, inputs_of
from native_runtime.detection.crops import Crop
from native_runtime.detection.landmarks import BODY_POINTS, SecondOpinion
from native_runtime.detection.pose import MIRRORED
from tests.support.glimpsed import FOCAL, mirrored, person, turned

WRIST, OTHER = BODY_POINTS.index("left_wrist"), BODY_POINTS.index("right_wrist")


def test_nobody_without_features_is_looked_at() -> None:
    assert inputs_of(person(features=False), FOCAL) is None


def test_the_mirrored_photo_exchanges_the_two_looks() -> None:
    plain, other = inputs_of(person(3), FOCAL), inputs_of(mirrored(person(3)), FOCAL)
    assert plain is not None
    assert other is not None
    for values, exchanged in zip(plain, other, strict=True):
        np.testing.assert_allclose(values[::-1], exchanged, atol=2e-5)


def test_a_turned_photo_changes_only_where_down_is() -> None:
    plain, other = inputs_of(person(4), FOCAL), inputs_of(turned(person(4), 0.8), FOCAL)
    assert plain is not None
    assert other is not None
    np.testing.assert_allclose(plain.points, other.points, atol=1e-5)
    np.testing.assert_allclose(plain.view[:, :2], other.view[:, :2], atol=1e-5)
    assert np.abs(plain.view[:, 2:4] - other.view[:, 2:4]).max() > 0.3


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_the_size_of_the_photo_does_not_count(scale: float) -> None:
    who = person(5)
    assert who.glimpses is not None
    assert who.second is not None
    window = who.glimpses.window
    larger = replace(
        who,
        glimpses=replace(
            who.glimpses, window=Crop(window.x * scale, window.y * scale, window.size * scale, window.angle)
        ),
        second=SecondOpinion(who.second.points * scale, who.second.scores),
    )
    plain, other = inputs_of(who, FOCAL), inputs_of(larger, FOCAL * scale)
    assert plain is not None
    assert other is not None
    np.testing.assert_allclose(plain.points, other.points, atol=1e-5)
    np.testing.assert_allclose(plain.view, other.view, atol=1e-5)


def test_an_unknown_lens_is_marked() -> None:
    known, unknown = inputs_of(person(), FOCAL), inputs_of(person())
    assert known is not None
    assert unknown is not None
    assert known.view[0, 1] == 1.0
    assert unknown.view[0, :2].tolist() == [0.0, 0.0]


def test_a_second_network_that_is_sure_of_nothing_counts_as_none() -> None:
    who = person()
    assert who.second is not None
    unsure = replace(who, second=SecondOpinion(who.second.points, np.zeros(17)))
    first, second = inputs_of(unsure, FOCAL), inputs_of(replace(who, second=None), FOCAL)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.points, second.points)


def test_what_an_artist_says_is_where_they_say_it() -> None:
    who = person(6)
    assert who.glimpses is not None
    place = who.points_2d[WRIST] + [24.0, -12.0]
    found = inputs_of(who, FOCAL, {WRIST: place})
    assert found is not None
    assert found.points.shape[2] == POINT_CHANNELS
    for look, number in ((0, WRIST), (1, OTHER)):
        assert found.points[look, number, 16] == 1.0
        told = found.points[look, number, :2] + 0.5 + found.points[look, number, 14:16]
        if look:
            told = np.array([1.0, 0.0]) + told * [-1, 1]
        np.testing.assert_allclose(who.glimpses.window.from_fractions(told), place, atol=1e-2)
    assert found.points[..., 16].sum() == 2.0
    assert MIRRORED[WRIST] == OTHER
