"""What faces are believed, and the shape that follows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.detection.landmarks import FaceReading
from native_runtime.engines.looks import BELIEF, NOT_LOOKED, Looks, check_sex, looks_of, probability_of_a_man
from native_runtime.errors import UsageError
from native_runtime.fitting.shape_prior import ShapePrior
from native_runtime.mhr import Body
from tests.support.bodies import toy_body


def face(man: float | list[float], size: float = 80.0, turn: float = 0.1, score: float = 0.93) -> FaceReading:
    male = np.full(6, man) if isinstance(man, float) else np.array(man)
    return FaceReading(np.zeros((6, 2)), size, score, turn, male, np.full(6, 41.0))


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def slider(prior: ShapePrior, body: Body, name: str) -> float:
    return float(prior.means[list(body.identity_names).index(name)])


def test_a_clear_face_gives_its_sex(body: Body) -> None:
    for man, sex, sign in ((0.99, "male", 1.0), (0.01, "female", -1.0)):
        looks = looks_of(face(man), body)
        assert looks.sex == sex
        assert looks.certainty == 1.0
        assert looks.why == ""
        assert looks.age == pytest.approx(41.0)
        prior = looks.prior(body)
        assert sign * slider(prior, body, "gender") > 0.8
        assert sign * slider(prior, body, "face_gender") > 0.2
        assert sign * slider(prior, body, "hand_gender") > 0.8


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (None, "No face"),
        (face(0.99, score=0.6), "No face"),
        (face(0.99, size=BELIEF.smallest - 1), "too small"),
        (face(0.99, turn=1.5), "turned"),
        (face([0.99, 0.1, 0.9, 0.3, 0.8, 0.95]), "clearly"),
        (face(0.6), "clearly"),
    ],
)
def test_a_doubtful_face_leaves_the_body_neutral_without_breasts(
    seen: FaceReading | None, why: str, body: Body
) -> None:
    looks = looks_of(seen, body)
    assert looks.certainty == 0.0
    assert why in looks.why
    assert looks.to_json()["sex"] == "unknown"
    prior = looks.prior(body)
    assert abs(slider(prior, body, "gender")) < 0.3
    assert slider(prior, body, "breasts") < -0.5
    # the silhouette does not decide it either
    spread = prior.deviations[list(body.identity_names).index("gender")]
    assert spread < 0.3


def test_a_doubtful_face_makes_the_frame_lean_to_what_is_likelier_but_no_breasts(body: Body) -> None:
    plain, man, woman = (
        ShapePrior.of(body) if share is None else looks_of(face(share), body).prior(body) for share in (None, 0.7, 0.3)
    )
    for name in ("gender", "face_gender", "hand_gender"):
        assert slider(woman, body, name) < slider(plain, body, name) < slider(man, body, name)
    assert slider(woman, body, "breasts") == slider(plain, body, "breasts")
    stated = looks_of(face(0.3), body, "neutral").prior(body)
    np.testing.assert_array_equal(stated.means, ShapePrior.of(body, age=41.0).means)


def test_missing_networks_are_no_missing_face(body: Body) -> None:
    looks = looks_of(None, body, looked=lambda: False)
    assert looks.why == NOT_LOOKED
    assert looks_of(face(0.99), body, looked=lambda: False).sex == "male"
    assert looks_of(None, body, "male", looked=lambda: False).why == ""


def test_doubt_grows_with_less_to_see() -> None:
    """The probability only comes nearer to a half: with smaller faces, turned ones, and crops that disagree."""
    sizes = [probability_of_a_man(face(0.97, size=size)) for size in (64.0, 50.0, 35.0, 25.0)]
    turns = [probability_of_a_man(face(0.97, turn=turn)) for turn in (0.6, 0.8, 1.0)]
    spread = [probability_of_a_man(face([0.97, 0.97, 0.97, 0.97, 0.97, last])) for last in (0.97, 0.7, 0.2)]
    for values in (sizes, turns, spread):
        numbers = np.array(values, float)
        assert (np.diff(numbers) < 0).all()
        assert (numbers > 0.5).all()
    woman, man = probability_of_a_man(face(0.1)), probability_of_a_man(face(0.9))
    assert woman is not None
    assert man is not None
    assert woman + man == pytest.approx(1.0)


def test_certainty_fades_the_shape_in(body: Body) -> None:
    shapes = [ShapePrior.of(body, "female", certainty) for certainty in (0.0, 0.5, 1.0)]
    gender = [slider(shape, body, "gender") for shape in shapes]
    breasts = [slider(shape, body, "breasts") for shape in shapes]
    assert gender[0] == 0.0
    assert gender[1] == pytest.approx(gender[2] / 2)
    assert breasts[0] < breasts[1] < breasts[2] == 0.0


def test_an_artist_overrules_the_face(body: Body) -> None:
    for sex in ("female", "male", "neutral"):
        looks = looks_of(face(0.99), body, check_sex(sex))
        assert looks.to_json() | {"sex": sex, "stated": True, "why": ""} == looks.to_json()
        assert looks.prior(body).means[list(body.identity_names).index("gender")] == pytest.approx(
            {"female": -0.9, "male": 0.9, "neutral": 0.0}[sex]
        )
    with pytest.raises(UsageError, match="'female'"):
        check_sex("woman")
    assert check_sex(None) is None


def test_age_moves_the_sliders_of_age(body: Body) -> None:
    old, adult, child, unknown = (ShapePrior.of(body, age=age) for age in (75.0, 28.0, 6.0, None))
    for name in ("age", "face_age"):
        assert slider(old, body, name) > 0.7
        assert slider(adult, body, name) == slider(unknown, body, name) == 0.0
        assert slider(child, body, name) < -0.2
    scattered = replace(face(0.99), ages=np.array([20.0, 60.0, 35.0, 80.0, 25.0, 50.0]))
    assert looks_of(scattered, body).age is None


def test_a_body_without_the_sliders_keeps_the_plain_prior() -> None:
    body = toy_body(identity_count=45)
    looks = looks_of(face(0.99), body)
    prior = looks.prior(body)
    np.testing.assert_array_equal(prior.means, 0.0)
    np.testing.assert_array_equal(prior.deviations, 1.0)
    assert looks.why == ""  # nothing to doubt
    assert "no sliders" in looks_of(face(0.99), body, "male").why


def test_means_lie_within_the_sliders(body: Body) -> None:
    for sex in ("female", "male", "neutral"):
        for age in (None, 0.0, 5.0, 50.0, 120.0):
            prior = ShapePrior.of(body, check_sex(sex) or "neutral", 1.0, age)
            assert (prior.means >= body.identity_min).all()
            assert (prior.means <= body.identity_max).all()
            assert (prior.deviations > 0).all()


def test_details_are_plain_json(body: Body) -> None:
    assert json.loads(json.dumps(looks_of(face(0.97), body).to_json()))["face_px"] == 80.0
    assert json.loads(json.dumps(Looks().to_json()))["sex"] == "unknown"
