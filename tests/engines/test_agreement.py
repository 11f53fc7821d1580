"""Two networks' points of one person: where they meet they are averaged and trusted, where they part they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from native_runtime.camera import intrinsics_for
from native_runtime.detection.landmarks import BODY_POINTS, COCO_IN_BODY, COCO_POINTS, PersonLandmarks, SecondOpinion
from native_runtime.engines.agreement import UNKNOWN, WIDE, agreement
from native_runtime.engines.evidence import STATURE, gather_evidence, pixels_per_metre
from native_runtime.engines.point_names import body_point
from native_runtime.mhr import Body
from tests.support.bodies import toy_body

from .test_evidence import person, photo

KNEE = BODY_POINTS.index("left_knee")
HEEL, ANKLE = BODY_POINTS.index("right_heel"), BODY_POINTS.index("right_ankle")


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body()


def judged(off: float = 0.0, name: str = "left_knee", score: float = 0.9, **facts: object) -> PersonLandmarks:
    """A person whose second opinion has one point `off` (parts of the size) to the right."""
    who = replace(person(hands=False), **facts)  # type: ignore[arg-type]
    points = who.points_2d[list(COCO_IN_BODY)].copy()
    points[COCO_POINTS.index(name), 0] += off * size_of(who)
    return replace(who, second=SecondOpinion(points, np.full(17, score)))


def size_of(who: PersonLandmarks) -> float:
    return STATURE * pixels_per_metre(who)


def test_without_a_second_opinion_nothing_changes() -> None:
    who = person()
    alone = agreement(who, size_of(who))
    np.testing.assert_array_equal(alone.places, who.points_2d)
    assert (alone.spread == 1).all()
    assert (alone.doubt == 0).all()
    assert (alone.rival_weights == 0).all()


def test_points_that_meet_are_averaged_and_trusted_more() -> None:
    who = judged(0.01)
    both = agreement(who, size_of(who))
    moved = both.places - who.points_2d
    assert 0.2 < moved[KNEE, 0] / (0.01 * size_of(who)) < 0.5
    assert np.abs(np.delete(moved, KNEE, axis=0)).max() < 1e-9
    assert both.spread[KNEE] < 1.0
    assert both.rival_weights[KNEE] < 0.05


def test_the_farther_apart_the_less_a_place_is_worth() -> None:
    spreads, doubts = [], []
    for off in (0.0, 0.02, 0.05, 0.09, 0.3):
        who = judged(off)
        both = agreement(who, size_of(who))
        spreads.append(both.spread[KNEE])
        doubts.append(both.doubt[KNEE])
    assert spreads == sorted(spreads)
    assert spreads[-1] == pytest.approx(3.0)
    assert doubts == pytest.approx([0.0, 0.02, 0.05, 0.09, WIDE])


def test_far_apart_both_places_are_offered(body: Body) -> None:
    who = judged(0.2)
    both = agreement(who, size_of(who))
    np.testing.assert_allclose(both.places[KNEE], who.points_2d[KNEE], atol=1e-3)
    assert both.rival_weights[KNEE] == pytest.approx(0.5)
    evidence = gather_evidence(who, photo(), body, intrinsics_for(photo().original_size))
    rows = [n for n, name in enumerate(evidence.points.names) if name == body_point(body, "left_knee")]
    offered = sorted(evidence.points.positions[rows, 0])
    assert offered == pytest.approx([who.points_2d[KNEE, 0], who.points_2d[KNEE, 0] + 0.2 * size_of(who)], abs=1.0)
    agreed = gather_evidence(judged(0.0), photo(), body, intrinsics_for(photo().original_size))
    (row,) = [n for n, name in enumerate(agreed.points.names) if name == body_point(body, "left_knee")]
    assert evidence.points.sigmas[rows[0]] > 3 * agreed.points.sigmas[row]


def test_what_movenet_is_unsure_of_is_in_doubt_and_offers_nothing() -> None:
    who = judged(0.2, score=0.15)
    both = agreement(who, size_of(who))
    assert both.doubt[list(COCO_IN_BODY)] == pytest.approx(np.full(17, UNKNOWN))
    assert (both.rival_weights == 0).all()
    np.testing.assert_array_equal(both.places, who.points_2d)


def test_the_foot_shares_its_ankles_doubt() -> None:
    who = judged(0.2, "right_ankle")
    both = agreement(who, size_of(who))
    assert both.doubt[HEEL] == both.doubt[ANKLE] == pytest.approx(WIDE)
    assert both.spread[HEEL] == both.spread[ANKLE]


def test_beyond_the_photo_nothing_is_offered() -> None:
    presence = np.ones(33)
    presence[KNEE] = 0.0
    who = judged(0.2, presence=presence)
    both = agreement(who, size_of(who))
    assert both.rival_weights[KNEE] == 0.0
    np.testing.assert_array_equal(both.places[KNEE], who.points_2d[KNEE])


def test_it_does_not_depend_on_the_size_of_the_picture() -> None:
    who = judged(0.03)
    assert who.second is not None
    large = replace(who, points_2d=3 * who.points_2d, second=SecondOpinion(3 * who.second.points, who.second.scores))
    small_one, large_one = agreement(who, size_of(who)), agreement(large, size_of(large))
    np.testing.assert_allclose(large_one.places, 3 * small_one.places, atol=1e-6)
    np.testing.assert_allclose(large_one.spread, small_one.spread, atol=1e-9)
