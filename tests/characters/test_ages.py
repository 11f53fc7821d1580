"""The age of a character: typed, read, and what stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.characters import presets
from native_runtime.characters.ages import age_of, lengths_of, with_age
from native_runtime.characters.settings import CharacterSettings
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.ages import Sex


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    found = Body.load(default_body_path)
    if found.ages is None:
        pytest.skip("the default body was built before it knew ages: run `sam3db models build`")
    return found


def median(body: Body, years: float, sex: Sex) -> CharacterSettings:
    """The table's own person."""
    person = body.ages.at(years, sex)  # type: ignore[union-attr]
    return CharacterSettings(person.parameters, person.identity, np.zeros(body.expression_count))


@pytest.mark.parametrize("sex", ["female", "male", "neutral"])
@pytest.mark.parametrize("years", [5.0, 8.3, 12.0, 16.5, 33.0, 70.0, 90.0])
def test_what_is_typed_is_read_again(body: Body, years: float, sex: Sex) -> None:
    aged = with_age(body, median(body, 25, sex), years, sex)
    assert age_of(body, aged) == pytest.approx(years, abs=0.5 if years > 16 else 0.1)
    neutral = with_age(body, CharacterSettings.neutral(body), years, sex)
    assert age_of(body, neutral) == pytest.approx(years, abs=8 if years > 16 else 0.8), "tall for the age"


def test_pose_face_and_floor_stay(body: Body) -> None:
    settings = CharacterSettings.neutral(body)
    parameters = settings.model_parameters.copy()
    for name, value in (("l_knee_bend", 0.8), ("l_upleg_rz", -0.7), ("spine_bend0", 0.3), ("root_ry", 0.4)):
        parameters[body.parameter_index(name)] = value
    face = np.linspace(0, 0.3, body.expression_count)
    settings = replace(settings, model_parameters=parameters, expression=face)
    child = with_age(body, settings, 7, "male")
    moved = lengths_of(body.ages)  # type: ignore[arg-type]
    moved[[body.parameter_index(name) for name in ("root_tx", "root_ty", "root_tz")]] = True
    assert np.array_equal(child.model_parameters[~moved], parameters[~moved])
    assert np.array_equal(child.expression, face)
    low = [body.vertices(s.model_parameters, s.identity)[:, 1].min() for s in (settings, child)]
    assert low[0] == pytest.approx(low[1], abs=1e-3)


def test_what_is_somebodys_own_comes_back(body: Body) -> None:
    """There and back again, a character is what it was: ages add, they take nothing away."""
    rng = np.random.default_rng(3)
    start = presets.randomise(body, CharacterSettings.neutral(body), ["skeleton", "shape"], rng, 0.4)
    assert not start.identity[~body.ageless].any(), "no random grown-up has the flesh of a child"
    child = with_age(body, start, 9)
    again = with_age(body, child, age_of(body, start))
    assert np.allclose(again.identity, start.identity, atol=0.08)
    assert np.allclose(again.model_parameters, start.model_parameters, atol=0.08)
    tall = [float(np.ptp(body.vertices(s.model_parameters, s.identity)[:, 1])) for s in (start, child)]
    assert tall[1] < 0.85 * tall[0]


def test_no_age_is_refused(body: Body, small_body: Body) -> None:
    settings = CharacterSettings.neutral(body)
    for years in (4.0, 91.0, float("nan")):
        with pytest.raises(UsageError, match="from 5 to 90 years"):
            with_age(body, settings, years)
    with pytest.raises(UsageError, match="knows no ages"):
        with_age(small_body, CharacterSettings.neutral(small_body), 8)
