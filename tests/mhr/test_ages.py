"""How bodies follow age: the table, its curves, its place in a body file, and the default body's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.ages import AGE_GROUP, SEXES, AgeTable
from native_runtime.mhr.bodyfile import body_arrays, write_arrays
from tests.support.bodies import aged
from tests.support.correctives import limb_correctives


@pytest.fixture(scope="module")
def made_up(small_body: Body) -> Body:
    """A made-up body that knows ages."""
    return aged(small_body)


@pytest.fixture(scope="module")
def known(default_body_path: Path) -> tuple[Body, AgeTable]:
    """The default body and its table."""
    body = Body.load(default_body_path)
    if body.ages is None:
        pytest.skip("the default body was built before it knew ages: run `sam3db models build`")
    return body, body.ages


def test_curves_pass_through_the_table_and_never_beyond_it(made_up: Body):
    table = made_up.ages
    assert table is not None
    for k, years in enumerate(table.years):
        for row, sex in enumerate(SEXES):
            assert np.allclose(table.at(years, sex).parameters, table.parameters[row, k])
    for years in np.linspace(table.years[0], table.years[-1], 97):
        k = min(int(np.searchsorted(table.years, years, side="right")) - 1, len(table.years) - 2)
        ends = np.sort(table.identity[0, k : k + 2], axis=0)
        between = table.at(years, "female").identity
        assert (between >= ends[0] - 1e-9).all()
        assert (between <= ends[1] + 1e-9).all()
    women, men, neutral = (table.at(9.3, sex) for sex in ("female", "male", "neutral"))
    assert neutral.stature == pytest.approx((women.stature + men.stature) / 2)


@pytest.mark.parametrize("years", [4.9, 90.1, -3.0, float("nan"), float("inf")])
def test_ages_beyond_the_table_are_refused(made_up: Body, years: float):
    assert made_up.ages is not None
    with pytest.raises(UsageError, match="from 5 to 90 years"):
        made_up.ages.at(years)


def test_ages_go_through_a_body_file(made_up: Body, small_body: Body, tmp_path: Path):
    made_up.save(tmp_path / "body.npz")
    again = Body.load(tmp_path / "body.npz")
    assert again.hash == made_up.hash
    assert again.ages is not None
    assert np.array_equal(again.ages.identity, made_up.ages.identity)  # type: ignore[union-attr]
    assert list(again.ageless) == [group != AGE_GROUP for group in again.identity_groups]
    assert again.without_ages().hash == small_body.hash


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("age_years", np.array([5.0, 5.0, 90.0])),
        ("age_statures", np.zeros((2, 2))),
        ("age_parameters", np.zeros((2, 3, 7))),
        ("age_identity", np.full((2, 3, 1), np.nan)),
    ],
)
def test_damaged_ages_are_named(made_up: Body, tmp_path: Path, key: str, value: np.ndarray):
    write_arrays(tmp_path / "body.npz", {**body_arrays(made_up), key: value})
    with pytest.raises(ModelError, match=key):
        Body.load(tmp_path / "body.npz")


def test_people_grow_as_charts_say(known: tuple[Body, AgeTable]):
    """Bodies are as tall as the WHO's medians within 1 % and grow every half year up to 18; boys last."""
    body, table = known
    years = np.arange(5.0, 18.01, 0.5)
    measured = {}
    for sex in SEXES:
        people = [table.at(y, sex) for y in years]
        heights = [float(np.ptp(body.vertices(p.parameters, p.identity)[:, 1])) for p in people]
        assert np.allclose(heights, [p.stature for p in people], rtol=0.01)
        assert (np.diff(heights) > 0).all()
        measured[sex] = dict(zip(years.tolist(), heights, strict=True))
    # Published medians (WHO Reference 2007), not the recipe's own numbers.
    for sex, age, median in (
        ("male", 8.0, 127.3),
        ("female", 8.0, 126.6),
        ("male", 12.0, 149.1),
        ("female", 12.0, 151.2),
    ):
        assert measured[sex][age] == pytest.approx(median, abs=1.5)
    assert abs(measured["male"][6.0] - measured["female"][6.0]) < 2
    assert measured["female"][12.0] > measured["male"][12.0] + 0.5, "girls grow earlier"
    assert measured["male"][18.0] > measured["female"][18.0] + 11


def test_children_are_no_small_adults(known: tuple[Body, AgeTable]):
    """Measured from the crown to the nose, the head's part of the stature falls by more than a quarter from 5 to 25
    years; legs grow longer in the stature.
    """
    body, table = known
    index = body.keypoint_names.index("nose")
    heads, legs = [], []
    for years in (5, 8, 12, 16, 25):
        person = table.at(years, "neutral")
        pose = body.pose(person.parameters)
        vertices = body.vertices(person.parameters, person.identity)
        top, floor = vertices[:, 1].max(), vertices[:, 1].min()
        nose = body.keypoints(pose, vertices)[index, 1]
        heads.append((top - floor) / (top - nose))
        legs.append((pose.translations[body.joint_index("l_upleg"), 1] - floor) / (top - floor))
    assert (np.diff(heads[:4]) > 0).all()
    assert heads[-1] / heads[0] > 1.25
    assert (np.diff(legs[:3]) > 0.005).all()


def test_only_ages_use_their_sliders(known: tuple[Body, AgeTable]):
    body, table = known
    own = ~body.ageless
    assert own.any()
    assert list(body.identity_groups).index(AGE_GROUP) == int(body.ageless.sum()), "they come last"
    for sex in SEXES:
        assert not table.at(30, sex).identity[own].any()
        assert np.abs(table.at(7, sex).identity[own]).sum() > 0.8
    shown = np.abs(replace(body).identity_basis[own]).max()
    assert shown < 20, "cm: children's flesh, no unfolded mesh"


def test_pose_correctives_are_as_small_as_children_are(small_body: Body, rng: np.random.Generator) -> None:
    body = aged(replace(small_body, correctives=limb_correctives(small_body)))
    table = body.ages
    assert table is not None
    np.testing.assert_array_equal(body.corrective_sizes[body.ageless], 0.0)
    # a five-year-old's in proportion to the stature: 110 of 160 cm, 112 of 175
    assert 1.0 + body.corrective_sizes[-1] == pytest.approx((110.0 / 160.0 + 112.0 / 175.0) / 2)
    parameters = rng.uniform(-1.0, 1.0, 204) * (np.arange(204) < 136)
    pose, parts = body.pose(parameters), []
    people = np.zeros((3, body.identity_count))
    people[:, -1] = 0.0, 0.5, 1.0
    for identity in people:
        with_them, without = (body.posed_vertices(pose, identity, correctives=each) for each in (True, False))
        parts.append(np.abs(with_them - without).max())
    assert parts[0] > 0.1
    assert parts[1] == pytest.approx(parts[0] * (1.0 + 0.5 * body.corrective_sizes[-1]), rel=1e-2)
    assert parts[2] == pytest.approx(parts[0] * (1.0 + body.corrective_sizes[-1]), rel=1e-2)
    # each of several people has their own
    together = body.posed_vertices(body.pose(np.tile(parameters, (3, 1))), people)
    for one, identity in zip(together, people):
        np.testing.assert_allclose(one, body.posed_vertices(pose, identity), atol=1e-4)
    assert not small_body.corrective_sizes.any()
