"""A stated height on its way from a request to where the person stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from native_runtime.characters.measures.measurer import Measurer
from native_runtime.engines.base import Capabilities
from native_runtime.engines.edits import TOGETHER, WITHOUT_EDITS, Edits
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.refit import pins_of, refit_estimate
from native_runtime.errors import UsageError
from native_runtime.mhr import Body
from native_runtime.pipeline.decoding import decode, encode
from native_runtime.pipeline.heights import HEIGHT, age_of_height, beyond_anybody, contradiction, one_each
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.requests import EstimateRequest, PoseRequest
from native_runtime.proof.pictures import bundled_pictures
from tests.support.bodies import aged
from tests.support.truth_engine import TruthEngine, TruthReading, moved


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


def read(body: Body, edits: bool = False, people: int = 1) -> ReadPhoto:
    """A bundled picture, read by an engine that answers what is in it."""
    picture = next(iter(bundled_pictures()))
    box = np.asarray(picture.box, np.float64)
    can = Capabilities(boxes=True, fits=True, agrees=True, edits=edits)
    engine = TruthEngine(body, "standin", moved(lambda state, body: state), can)
    return ReadPhoto(
        picture.photo, TruthReading(picture.photo, np.asarray(picture.intrinsics), [box] * people, engine), engine
    )


def stature(body: Body, estimate: Estimate) -> float:
    return Measurer(body).stature(estimate.model_parameters, estimate.identity)


def off(first: Estimate, second: Estimate) -> float:
    """Mean px by which keypoints moved, of somebody 1,000 px tall."""
    tall = np.ptp(first.keypoints_2d[:, 1])
    return float(1000.0 / tall * np.linalg.norm(second.keypoints_2d - first.keypoints_2d, axis=1).mean())


@pytest.mark.parametrize("kind", [EstimateRequest, PoseRequest])
def test_requests_carry_it(kind: type) -> None:
    asked = decode(kind, {"photo": "a.jpg", "height_cm": 172})
    assert encode(asked)["height_cm"] == 172.0
    assert "height_cm" not in encode(decode(kind, {"photo": "a.jpg"}))
    assert decode(kind, encode(decode(kind, {"photo": "a.jpg", "height_cm": [172, 160.5]}))).height_cm == (172, 160.5)
    for wrong in (49, 251, -170, float("nan"), float("inf"), [172, 20]):
        with pytest.raises(UsageError, match="between 50 and 250 cm"):
            decode(kind, {"photo": "a.jpg", "height_cm": wrong})
    for wrong in ("tall", [], [[170]], True, {}):
        with pytest.raises(UsageError, match="height_cm"):
            decode(kind, {"photo": "a.jpg", "height_cm": wrong})


def test_one_for_each_person() -> None:
    assert one_each(None, [0, 1]) == {}
    assert one_each(170.0, [2]) == {2: 170.0}
    assert one_each((170.0, 120.0), [0, 3]) == {0: 170.0, 3: 120.0}
    with pytest.raises(UsageError, match="One height is given for 2 people"):
        one_each(170.0, [0, 1])
    with pytest.raises(UsageError, match="3 heights are given for one person"):
        one_each((170.0, 120.0, 110.0), [0])
    with pytest.raises(UsageError, match=r"one person\. Give one height\. With several photos"):
        one_each((170.0, 120.0), [0])
    with pytest.raises(UsageError, match=r"2 people\. Give one for each of them, .* or choose one person\. With"):
        one_each((170.0,), [0, 1])


def test_the_size_changes_and_the_picture_stays(body: Body) -> None:
    found, inference = read(body), Inference()
    ((_, plain),) = inference.estimates(found, [0])
    tall = stature(body, plain) * 1.06
    ((_, sized),) = inference.estimates(found, [0], heights={0: tall})
    assert stature(body, sized) == pytest.approx(tall, abs=0.1)
    assert sized.details[HEIGHT]["reached"] == pytest.approx(tall, abs=0.1)
    assert off(plain, sized) < 2.0
    assert HEIGHT not in plain.details


def test_sizes_that_nobody_has_are_warned_of_and_leave_the_face_alone(body: Body) -> None:
    found, inference = read(body), Inference()
    ((_, plain),) = inference.estimates(found, [0])
    ((_, tiny),) = inference.estimates(found, [0], heights={0: 70.0})
    assert any("Nobody that this body was made for is so small (70 cm)" in text for text in tiny.warnings)
    ((_, huge),) = inference.estimates(found, [0], heights={0: 250.0})
    assert any("Nobody that this body was made for is so tall (250 cm)" in text for text in huge.warnings)
    ((_, child),) = inference.estimates(found, [0], heights={0: 112.0})
    assert not any("so small" in text for text in child.warnings)
    form = [
        place
        for place, (name, group) in enumerate(zip(body.identity_names, body.identity_groups))
        if group == "head" and not str(name).startswith("head_")
    ]
    assert len(form) > 5
    np.testing.assert_allclose(tiny.identity[form], plain.identity[form], atol=1e-9)


def test_a_childs_height_is_looked_for_from_the_start(small_body: Body) -> None:
    engine = SimpleNamespace(body=aged(small_body), capabilities=Capabilities(ages=True))
    age = age_of_height(engine, 118.0)
    assert age is not None
    assert 5.0 < age < 15.0
    assert age_of_height(engine, 168.0) is None
    assert age_of_height(SimpleNamespace(body=engine.body, capabilities=Capabilities()), 118.0) is None
    assert age_of_height(SimpleNamespace(body=small_body, capabilities=engine.capabilities), 118.0) is None


def test_an_age_is_named_only_where_the_body_knows_it(body: Body) -> None:
    class Aged(TruthReading):
        def estimate(self, *arguments: Any, age: float | None = None, **named: Any) -> Estimate:  # type: ignore[override]
            return super().estimate(*arguments, **named)

    found, inference = read(body), Inference()
    reading = Aged(found.photo, found.reading.intrinsics, found.reading.boxes, found.engine)
    can = replace(found.engine.capabilities, ages=True)
    knowing = replace(found, reading=reading, engine=replace(found.engine, capabilities=can))
    for height, named in ((112.0, True), (70.0, False), (180.0, False)):
        ((_, estimate),) = inference.estimates(knowing, [0], heights={0: height})
        assert any("Taken for a child" in text for text in estimate.warnings) == named


def test_only_what_hardly_anybody_is_counts_as_beyond_anybody(body: Body) -> None:
    assert [bool(beyond_anybody(body, height)) for height in (90.0, 105.0, 225.0, 235.0)] == [True, False, False, True]


def test_heights_that_do_not_go_with_an_age_are_spoken_of(small_body: Body) -> None:
    body = aged(small_body)
    (said,) = contradiction(body, 5.0, 190.0)
    assert "5 years are 80 to 142 cm tall, not 190 cm" in said
    assert contradiction(body, 40.0, 90.0)
    for age, height in ((5.0, 112.0), (5.0, 130.0), (30.0, 200.0), (30.0, 145.0)):
        assert contradiction(body, age, height) == ()
    assert contradiction(small_body, 5.0, 190.0) == ()  # it knows no ages
    with pytest.raises(UsageError, match="knows ages from"):
        contradiction(body, 3.0, 90.0)


def test_engines_that_take_a_height_are_told_it(body: Body) -> None:
    told: list[float | None] = []

    class Listening(TruthReading):
        def estimate(self, *arguments: Any, height: float | None = None, **named: Any) -> Estimate:  # type: ignore[override]
            told.append(height)
            return super().estimate(*arguments, **named)

    plain, inference = read(body, people=2), Inference()
    reading = Listening(plain.photo, plain.reading.intrinsics, plain.reading.boxes, plain.engine)
    for heights in (False, True):
        engine = replace(plain.engine, capabilities=replace(plain.engine.capabilities, heights=heights))
        found = replace(plain, reading=reading, engine=engine)
        estimates = dict(inference.estimates(found, [0, 1], heights={1: 172.0}))
        assert stature(body, estimates[1]) == pytest.approx(172.0, abs=0.1)
        inference.pose(found, 0, height=172.0)
        inference.pose(found, 0, edits=Edits({body.parameter_index("scale_uplegs"): 0.3}), height=172.0)
    assert told == [None] * 4 + [None, 172.0, 172.0, None]


def test_of_several_only_who_is_meant(body: Body) -> None:
    found, inference = read(body, people=2), Inference()
    plain = dict(inference.estimates(found, [0, 1]))
    sized = dict(inference.estimates(found, [0, 1], heights={1: 150.0}))
    np.testing.assert_array_equal(sized[0].model_parameters, plain[0].model_parameters)
    assert stature(body, sized[1]) == pytest.approx(150.0, abs=0.1)


def test_pins_are_met_at_the_stated_size(body: Body) -> None:
    found, inference = read(body), Inference()
    plain = inference.pose(found, 0)
    wrist = body.keypoint_names.index("left_wrist")
    x, y = plain.keypoints_2d[wrist] + (6.0, -8.0)
    sized = inference.pose(found, 0, [(wrist, x, y)], snap=True, height=158.0)
    assert stature(body, sized) == pytest.approx(158.0, abs=0.1)
    assert np.linalg.norm(sized.keypoints_2d[wrist] - (x, y)) < 1.0


def test_lengths_set_by_hand_come_first(body: Body) -> None:
    found, inference = read(body), Inference()
    thigh = body.parameter_index("scale_uplegs")
    by_hand = inference.pose(found, 0, edits=Edits({thigh: 0.3}), height=158.0)
    assert by_hand.model_parameters[thigh] == 0.3
    assert by_hand.details[HEIGHT] == {"stated": 158.0}
    bend = body.parameter_index("l_elbow_bend")
    posed = inference.pose(found, 0, edits=Edits({bend: 0.7}), height=158.0)
    assert posed.model_parameters[bend] == pytest.approx(0.7)
    assert stature(body, posed) == pytest.approx(158.0, abs=0.1)


@pytest.mark.parametrize("keeps", [False, True], ids=["edits kept for the engine", "the engine keeps edits"])
def test_the_engines_own_numbers_are_told_beside_edits_at_the_stated_size(body: Body, keeps: bool) -> None:
    """And what an artist did is done once: neither an edit nor a place among others counts twice."""

    class Keeping(TruthReading):
        def estimate(self, *arguments: Any, edits: Edits | None = None, **named: Any) -> Estimate:  # type: ignore[override]
            pins = pins_of(arguments[1] if len(arguments) > 1 else (), body)
            return refit_estimate(body, super().estimate(*arguments, **named), pins, edits if keeps else None)

    plain, inference = read(body, edits=keeps), Inference()
    reading = Keeping(plain.photo, plain.reading.intrinsics, plain.reading.boxes, plain.engine)
    found = replace(plain, reading=reading)
    bend, wrist = body.parameter_index("l_elbow_bend"), body.keypoint_names.index("right_wrist")
    sized = inference.pose(found, 0, height=158.0)
    here = inference.pose(found, 0, edits=Edits(along=0.4), height=158.0)
    assert np.linalg.norm(here.joints[1] - sized.joints[1]) == pytest.approx(0.4, abs=1e-6)
    assert here.details[TOGETHER] == 0.4
    place = sized.camera_translation + [0.1, 0.0, 0.0]
    edits = Edits({bend: 0.7}, camera_translation=place)
    pin = (wrist, *map(float, sized.keypoints_2d[wrist] + (30.0, -8.0)))
    for pins in ((), (pin,)):
        edited = inference.pose(found, 0, pins, edits=edits, height=158.0, snap=True)
        assert edited.model_parameters[bend] == 0.7
        np.testing.assert_array_equal(edited.camera_translation, place)
        without = Edits.from_json(edited.details[WITHOUT_EDITS])
        assert without.model_parameters[bend] == pytest.approx(sized.model_parameters[bend], abs=0.01)
        assert without.camera_translation == pytest.approx(sized.camera_translation, abs=0.02)
        assert stature(body, edited) == pytest.approx(158.0, abs=0.1)
        for _, *there in pins:
            assert np.linalg.norm(edited.keypoints_2d[wrist] - there) < 1.0
