"""The map from what the landmark network says to how limbs point: what it must not depend on, and its mirror image."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.detection.lifting import (
    POINTS,
    SEGMENTS,
    Lifting,
    Sight,
    mirrored_points,
    mirrored_segments,
    window_axes,
)  # fmt: skip

WIDTH = 640
MIRROR = [
    BODY_POINTS.index(name.replace("left", "LEFT").replace("right", "left").replace("LEFT", "right"))
    for name in BODY_POINTS
]


FOCAL = 900.0


def person(seed: int = 0, angle: float = 0.0) -> PersonLandmarks:
    """Somebody of about 200 px per metre, seen through a window that is turned by an angle."""
    rng = np.random.default_rng(seed)
    space = rng.uniform([-0.4, -0.9, -0.3], [0.4, 0.9, 0.3], (33, 3))
    c, s = np.cos(angle), np.sin(angle)
    flat = space[:, :2] * 200 + rng.normal(0, 5, (33, 2)) + 300
    visibility = rng.uniform(0, 1, 33)
    return PersonLandmarks(
        bbox=np.array([100.0, 100, 300, 500]), score=0.9, points_2d=flat, points_3d=space,
        visibility=visibility, presence=np.ones(33), mask=np.ones((64, 64), np.float32),
        mask_from_photo=np.array([[c, s, 3.0], [-s, c, 5.0]]) * 0.2,
    )  # fmt: skip


def turned(who: PersonLandmarks, angle: float) -> PersonLandmarks:
    """The same person in a photo that is turned about (10, 20)."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    space = np.column_stack([who.points_3d[:, :2] @ turn.T, who.points_3d[:, 2]])
    linear = who.mask_from_photo[:, :2] @ turn.T
    return replace(
        who, points_2d=(who.points_2d - [10, 20]) @ turn.T + [10, 20], points_3d=space,
        mask_from_photo=np.column_stack([linear, who.mask_from_photo[:, 2]]),
    )  # fmt: skip


def mirrored(who: PersonLandmarks) -> PersonLandmarks:
    """The person in the mirrored photo, as a network without a favourite side would see them."""
    flip = np.array([-1.0, 1.0])
    linear = who.mask_from_photo[:, :2] * [[1, -1], [-1, 1]]
    return replace(
        who, points_2d=(who.points_2d * flip + [WIDTH - 1, 0])[MIRROR], points_3d=(who.points_3d * [-1, 1, 1])[MIRROR],
        visibility=who.visibility[MIRROR], mask_from_photo=np.column_stack([linear, who.mask_from_photo[:, 2]]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_left_and_right_are_treated_alike(seed: int) -> None:
    who = person(seed, 0.4)
    plain, other = Lifting.load().of(who, FOCAL), Lifting.load().of(mirrored(who), FOCAL)
    partners, signs = mirrored_segments()
    np.testing.assert_allclose(other.vectors, (plain.vectors * [-1, 1, 1] * signs[:, None])[partners], atol=1e-9)
    np.testing.assert_allclose(other.vector_sigmas, plain.vector_sigmas[partners], atol=1e-9)
    np.testing.assert_allclose(other.places, (plain.places * [-1, 1, 1])[mirrored_points()], atol=1e-9)
    np.testing.assert_allclose(other.place_sigmas, plain.place_sigmas[mirrored_points()], atol=1e-9)
    assert np.abs(plain.vectors - plain.vectors[partners]).max() > 0.1  # and yet they differ here


def test_place_and_size_in_the_photo_do_not_count() -> None:
    who = person()
    moved = replace(
        who, points_2d=who.points_2d * 3.0 + [50, -7], mask_from_photo=who.mask_from_photo / 3.0,
    )  # fmt: skip
    plain, other = Lifting.load().of(who, FOCAL), Lifting.load().of(moved, 3.0 * FOCAL)
    for field in fields(plain):
        np.testing.assert_allclose(getattr(other, field.name), getattr(plain, field.name), atol=1e-9)


@pytest.mark.parametrize("angle", [0.5, np.pi / 2, 3.0])
def test_directions_turn_with_the_photo(angle: float) -> None:
    who = person(1)
    plain, other = Lifting.load().of(who), Lifting.load().of(turned(who, angle))
    c, s = np.cos(angle), np.sin(angle)
    for before, after in ((plain.vectors, other.vectors), (plain.places, other.places)):
        np.testing.assert_allclose(after[:, :2], before[:, :2] @ [[c, s], [-s, c]], atol=1e-9)
        np.testing.assert_allclose(after[:, 2], before[:, 2], atol=1e-9)
    np.testing.assert_allclose(other.vector_sigmas, plain.vector_sigmas, atol=1e-9)
    np.testing.assert_allclose(other.place_sigmas, plain.place_sigmas, atol=1e-9)


def test_a_window_that_is_turned_is_looked_at_upright() -> None:
    who = person(2, angle=0.7)
    np.testing.assert_allclose(window_axes(who)[:, 0], [np.cos(0.7), np.sin(0.7)])
    upright = turned(who, -0.7)
    np.testing.assert_allclose(window_axes(upright), np.eye(2), atol=1e-12)
    np.testing.assert_allclose(Sight.of(who).features(), Sight.of(upright).features(), atol=1e-9)


def test_vectors_are_no_longer_than_one_and_spreads_are_above_zero() -> None:
    wild = replace(person(), points_3d=person().points_3d * 20)
    far = replace(person(), points_3d=np.zeros((33, 3)), points_2d=np.zeros((33, 2)))
    for who, focal in (
        (person(), FOCAL),
        (person(), None),
        (wild, 1e-3),
        (far, FOCAL),
    ):
        found = Lifting.load().of(who, focal)
        assert found.vectors.shape == found.vector_sigmas.shape == (len(SEGMENTS), 3)
        assert found.places.shape == found.place_sigmas.shape == (len(POINTS), 3)
        assert (np.linalg.norm(found.vectors, axis=1) <= 1 + 1e-9).all()
        assert (found.vector_sigmas > 0.03).all()
        assert (found.vector_sigmas < 1.6).all()
        assert (found.place_sigmas > 0.005).all()
        assert (np.abs(found.places) < 3.0).all()


def test_the_lens_counts() -> None:
    who = person(3)
    plain = Lifting.load().of(who, FOCAL)
    other = Lifting.load().of(who, 0.5 * FOCAL)
    assert np.abs(other.vectors - plain.vectors).max() > 1e-3


def test_the_file_holds_what_it_was_written_from() -> None:
    first = Lifting.load()
    second = Lifting.of_data(json.loads(json.dumps(first.data())))
    who = person(4)
    for field in fields(first.of(who, FOCAL)):
        np.testing.assert_array_equal(
            getattr(second.of(who, FOCAL), field.name), getattr(first.of(who, FOCAL), field.name)
        )
