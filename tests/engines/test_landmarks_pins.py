"""Pins, silenced keypoints and hand-made edits in the landmarks engine, on a person that is seen exactly."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.bounds import PROMPT_ERROR
from native_runtime.camera import project
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.engines.details import DOUBTED, WHOLE_BODY
from native_runtime.engines.edits import Edits
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.landmarks.engine import LandmarksEngine, LandmarksReading
from native_runtime.engines.point_names import body_point
from native_runtime.engines.refit import keep_edits, refit_estimate
from native_runtime.errors import EmptyBoxError, PromptError
from native_runtime.fitting.hold import limbs_of
from native_runtime.fitting.pins import Pin
from native_runtime.fitting.problem import named_rows
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.prompts.prompt import keypoint_names

INTRINSICS = np.array([[1000.0, 0.0, 399.5], [0.0, 1000.0, 499.5], [0.0, 0.0, 1.0]])
NAMES = keypoint_names()
WRIST, ELBOW, ANKLE = (NAMES.index(name) for name in ("left_wrist", "left_elbow", "right_ankle"))


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


@pytest.fixture(scope="module")
def reading(body: Body) -> LandmarksReading:
    """A person in MHR's rest pose with bent elbows, 4 m away, whose right knee the networks see in a wrong place."""
    parameters = np.zeros(len(body.parameter_names))
    for side in "lr":
        parameters[body.parameter_index(f"{side}_elbow_bend")] = 0.7
    pose = body.pose(parameters)
    posed = np.concatenate([body.vertices(parameters), pose.translations])
    rows = named_rows(body, [name for point in BODY_POINTS if (name := body_point(body, point))])
    deep = rows.combine(posed) / 100 * [1, -1, -1] + [0.0, 0.9, 4.0]
    flat = project(deep, INTRINSICS)
    flat[BODY_POINTS.index("right_knee")] += [-30.0, 10.0]
    seen = PersonLandmarks(
        np.concatenate([flat.min(axis=0) - 20, flat.max(axis=0) + 20]), 0.9, flat,
        deep - deep[[23, 24]].mean(axis=0), np.ones(33), np.ones(33),
        np.ones((100, 80), np.float32), np.array([[0.1, 0, 0], [0, 0.1, 0]]),
    )  # fmt: skip
    photo = Photo(np.zeros((1000, 800, 3), np.uint8), Path("p.jpg"))
    return LandmarksReading(LandmarksEngine(body, None, None), photo, INTRINSICS, [seen], {})


def test_every_box_without_anybody_is_named(body: Body) -> None:
    class Networks:
        def people_in(self, rgb: np.ndarray, boxes: np.ndarray) -> list[object]:
            return [None, object(), None]

    engine = LandmarksEngine(body, None, None)
    vars(engine)["_networks"] = Networks()
    boxes = [[0, 0, 50, 90], [10, 0, 80, 90], [90, 0, 99, 9]]
    with pytest.raises(EmptyBoxError, match=r"\[0, 0, 50, 90\] and \[90, 0, 99, 9\]") as raised:
        engine.read(np.zeros((100, 100, 3), np.uint8), INTRINSICS, boxes)
    assert raised.value.numbers == (0, 2)


def shifted(estimate: Estimate, keypoint: int, x: float, y: float) -> tuple[int, float, float]:
    place = estimate.keypoints_2d[keypoint] + [x, y]
    return keypoint, float(place[0]), float(place[1])


def test_pins_are_met_and_taken_away_again(reading: LandmarksReading) -> None:
    first = reading.estimate()
    pins = [shifted(first, WRIST, -20, -30), shifted(first, ANKLE, -15, -10)]
    pinned = reading.estimate(keypoints=pins)
    away = [np.linalg.norm(pinned.keypoints_2d[k] - [x, y]) for k, x, y in pins]
    assert max(away) < 0.003 * first.details["person_size_px"]
    assert pinned.details["pins_missed_px"] == pytest.approx(
        {NAMES[k]: a for (k, _, _), a in zip(pins, away)}, abs=0.01
    )
    assert pinned.details["pins_out_of_reach"] == []
    assert pinned.prompts.keypoints == tuple(pins)
    reading.estimate(keypoints=pins[:1])
    back = reading.estimate()
    for name in ("model_parameters", "identity", "camera_translation", "vertices", "keypoints_2d"):
        np.testing.assert_array_equal(getattr(back, name), getattr(first, name))
    again = reading.estimate(keypoints=pins[::-1])
    np.testing.assert_array_equal(again.model_parameters, pinned.model_parameters)


def test_a_pin_out_of_reach_is_told_of(reading: LandmarksReading) -> None:
    first = reading.estimate()
    far = reading.estimate(keypoints=[shifted(first, WRIST, 300, -350)])
    assert any("left wrist cannot reach" in text and "handle" not in text for text in far.warnings)
    assert far.details["pins_out_of_reach"] == ["left_wrist"]
    assert np.abs(far.keypoints_2d - first.keypoints_2d)[ANKLE].max() < 0.02 * first.details["person_size_px"]


def test_ignoring_a_wrong_keypoint_lets_the_limb_go(reading: LandmarksReading) -> None:
    knee = NAMES.index("right_knee")
    first = reading.estimate()
    truth = first.keypoints_2d[NAMES.index("left_knee")]  # the body is symmetric, and the camera stands before it
    mirrored = np.array([2 * INTRINSICS[0, 2] - truth[0], truth[1]])
    ignored = reading.estimate(keypoints=[(knee, 0.0, 0.0, "ignore")])
    away = [np.linalg.norm(e.keypoints_2d[knee] - mirrored) for e in (first, ignored)]
    assert away[1] < 0.7 * away[0]
    np.testing.assert_array_equal(reading.estimate().model_parameters, first.model_parameters)
    both = reading.estimate(keypoints=[(knee, 0.0, 0.0, "ignore"), shifted(ignored, WRIST, 0, -20)])
    np.testing.assert_allclose(both.keypoints_2d[knee], ignored.keypoints_2d[knee], atol=3.0)


def test_a_drag_is_answered_within_a_breath(reading: LandmarksReading) -> None:
    """Generous, for busy machines: a fit from the start takes several times as long."""
    first = reading.estimate()
    reading.estimate(keypoints=[shifted(first, WRIST, 1, 0)])
    spent = []
    for step in range(5):
        started = time.process_time()
        reading.estimate(keypoints=[shifted(first, WRIST, -5.0 * step, -4.0 * step)])
        spent.append(time.process_time() - started)
    assert np.median(spent) < 0.6


def bent(body: Body, estimate: Estimate, yielding: tuple[str, ...] = (), **angles: float) -> Edits:
    """Joints that an artist bent by hand from where an estimate has them."""
    indices = {name: body.parameter_index(name) for name in angles}
    return Edits(
        {indices[name]: float(estimate.model_parameters[indices[name]]) + angle for name, angle in angles.items()},
        yielding=frozenset(indices[name] for name in yielding),
    )


def differing(body: Body, one: Estimate, other: Estimate) -> set[str]:
    return {body.parameter_names[i] for i in np.flatnonzero(one.model_parameters != other.model_parameters)}


def test_edits_are_kept_to_the_number(reading: LandmarksReading, body: Body) -> None:
    """A pin elsewhere does not touch them; what the engine had in their place is told."""
    first = reading.estimate()
    edits = bent(body, first, head_twist=0.4, r_elbow_bend=0.2, spine_lean0=0.15)
    edits = replace(edits, identity={0: 1.5}, camera_translation=first.camera_translation + [0.3, -0.1, 0.2])
    kept = reading.estimate(edits=edits)
    assert differing(body, kept, first) == {"head_twist", "r_elbow_bend", "spine_lean0"}
    without = Edits.from_json(kept.details["without_edits"])
    assert without.model_parameters == {i: first.model_parameters[i] for i in edits.model_parameters}
    assert without.identity == {0: first.identity[0]}
    pinned = reading.estimate(keypoints=[shifted(kept, WRIST, -10, -25)], edits=edits)
    for index, value in edits.model_parameters.items():
        assert pinned.model_parameters[index] == value
    assert pinned.identity[0] == 1.5
    assert pinned.camera_translation == pytest.approx(edits.camera_translation, abs=1e-5)
    assert pinned.details["pins_missed_px"]["left_wrist"] < 1.5
    assert Edits.from_json(edits.to_json()).to_json() == edits.to_json()


def test_a_later_pin_is_met_and_an_earlier_one_gives_way(reading: LandmarksReading, body: Body) -> None:
    first = reading.estimate()
    arm = {"l_elbow_bend": 0.4, "l_uparm_ry": 0.3, "l_uparm_rz": -0.3, "l_clavicle_rz": 0.1}
    pin = shifted(first, WRIST, -10, -25)
    later = reading.estimate(keypoints=[pin], edits=bent(body, first, tuple(arm), head_twist=0.4, **arm))
    assert later.details["pins_missed_px"]["left_wrist"] < 1.5
    head = body.parameter_index("head_twist")
    assert later.model_parameters[head] == first.model_parameters[head] + 0.4
    edits = bent(body, first, **arm)
    earlier = reading.estimate(keypoints=[pin], edits=edits)
    for index, value in edits.model_parameters.items():
        assert earlier.model_parameters[index] == value


def test_edits_of_another_body_are_refused(reading: LandmarksReading) -> None:
    with pytest.raises(PromptError, match="another body"):
        reading.estimate(edits=Edits(identity={4000: 1.0}))


def test_any_estimate_can_be_snapped(reading: LandmarksReading, body: Body) -> None:
    """Without evidence: as for an engine that only takes pins for hints."""
    first = reading.estimate()
    place = first.keypoints_2d[ELBOW] + [12.0, -9.0]
    snapped = refit_estimate(body, first, [Pin("left_elbow", place)])
    assert np.linalg.norm(snapped.keypoints_2d[ELBOW] - place) < 1.5
    away = np.linalg.norm(snapped.keypoints_2d - first.keypoints_2d, axis=1)
    assert away[[ANKLE, NAMES.index("right_wrist"), NAMES.index("nose")]].max() < 4.0
    assert refit_estimate(body, first, []) is first


def test_edits_of_a_pinned_limb_give_way_to_an_engine_that_knows_the_pin(reading: LandmarksReading, body: Body) -> None:
    first = reading.estimate()
    edits = bent(body, first, ("l_elbow_bend",), head_twist=0.4, l_elbow_bend=0.2)
    pin = Pin("left_wrist", first.keypoints_2d[WRIST])
    kept = keep_edits(body, first, [pin], edits, snap=False)
    assert differing(body, kept, first) == {"head_twist"}
    assert keep_edits(body, first, [pin], None, snap=False) is first


def test_a_bent_trunk_leaves_a_pinned_hand_where_the_engine_put_it(reading: LandmarksReading, body: Body) -> None:
    first = reading.estimate()
    pin = Pin("left_wrist", first.keypoints_2d[WRIST] + [3.0, 2.0])
    kept = keep_edits(body, first, [pin], bent(body, first, spine_lean0=0.1), snap=False)
    assert np.linalg.norm(kept.keypoints_2d[WRIST] - first.keypoints_2d[WRIST]) < 1.5
    assert kept.details["pins_missed_px"]["left_wrist"] == pytest.approx(13**0.5)


DRAGS = [("left_knee", 40.0), ("right_knee", 40.0), ("right_ankle", 60.0), ("left_wrist", 60.0), ("nose", 20.0)]
ENDS = {"left_knee": "l_foot", "right_knee": "r_foot", "right_ankle": "r_foot", "left_wrist": "l_wrist"}


def moved_in_space(body: Body, before: Estimate, after: Estimate, keypoint: str) -> float:
    """Metres: the farthest that a joint of a limb without the pin moved; of a pinned nose, hands and feet alone."""
    limbs = limbs_of(body)
    moved = np.linalg.norm(after.joints - before.joints, axis=1)
    ends = [body.joint_index(name) for name in ("l_wrist", "r_wrist", "l_foot", "r_foot")]
    if keypoint not in ENDS:
        return float(moved[ends].max())
    own = limbs[body.joint_index(ENDS[keypoint])]
    return float(moved[(limbs >= 0) & (limbs != own)].max())


@pytest.mark.parametrize(("keypoint", "length"), DRAGS)
def test_limbs_without_pins_stay_in_space(reading: LandmarksReading, body: Body, keypoint: str, length: float) -> None:
    """Not only in the photo, where a slide along the view is not seen; for the engine and for another one's answer."""
    first, at = reading.estimate(), NAMES.index(keypoint)
    for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        pin = shifted(first, at, length * x, length * y)
        assert moved_in_space(body, first, reading.estimate(keypoints=[pin]), keypoint) < 0.015
        snapped = keep_edits(body, first, [Pin(keypoint, np.array(pin[1:]))], None, snap=True)
        assert moved_in_space(body, first, snapped, keypoint) < 0.015


def test_prompts_that_may_be_off_are_no_pins(reading: LandmarksReading) -> None:
    """The body leans to them, and the answers with and without exact pins stay as they were."""
    plain, knee = reading.estimate(0), NAMES.index("right_knee")
    there = plain.keypoints_2d[knee] + [25.0, -5.0]
    prompts = [(knee, *map(float, there)), (WRIST, 0.0, 0.0, "ignore")]
    exact, doubted = reading.estimate(0, prompts), reading.estimate(0, prompts, prompt_error=0.02)
    silenced = reading.estimate(0, prompts[1:])
    missed = [float(np.linalg.norm(one.keypoints_2d[knee] - there)) for one in (silenced, doubted, exact)]
    assert missed[0] > missed[1] > missed[2] + 1.0
    assert doubted.prompts.keypoints == ((WRIST, 0.0, 0.0, "ignore"),)
    assert doubted.details["doubted_prompts"] == {"error": 0.02, "keypoints": [[knee, *map(float, there)]]}
    for before, prompted in ((plain, ()), (exact, prompts)):
        np.testing.assert_array_equal(reading.estimate(0, prompted).model_parameters, before.model_parameters)


def test_pins_from_which_the_whole_body_is_inferred_are_met(reading: LandmarksReading, body: Body) -> None:
    """All of it moves, not the limb alone; without places nothing does, and the order of pins does not count."""
    plain, knee = reading.estimate(0), NAMES.index("right_knee")
    pins = [(knee, *map(float, plain.keypoints_2d[knee] + [25.0, -5.0])), shifted(plain, WRIST, 20.0, 0.0)]
    exact, whole = reading.estimate(0, pins), reading.estimate(0, pins, prompt_error=0.02, snap=True)
    for keypoint, *place in pins:
        assert np.linalg.norm(whole.keypoints_2d[keypoint] - place) < 1.5
    assert whole.prompts.keypoints == tuple(pins)
    assert DOUBTED not in whole.details
    assert whole.details[WHOLE_BODY] == {"error": 0.02}
    assert WHOLE_BODY not in exact.details
    head = NAMES.index("nose")
    moved = [float(np.linalg.norm(one.keypoints_3d[head] - plain.keypoints_3d[head])) for one in (exact, whole)]
    assert moved[0] < 1e-3 < 5e-3 < moved[1]
    other_way = reading.estimate(0, pins[::-1], prompt_error=0.02, snap=True)
    np.testing.assert_array_equal(other_way.model_parameters, whole.model_parameters)
    none = reading.estimate(0, (), prompt_error=0.02, snap=True)
    np.testing.assert_array_equal(none.model_parameters, plain.model_parameters)


def test_what_an_artist_did_elsewhere_stays_where_the_whole_body_is_inferred(
    reading: LandmarksReading, body: Body
) -> None:
    plain, knee = reading.estimate(0), NAMES.index("right_knee")
    pins = [(knee, *map(float, plain.keypoints_2d[knee] + [25.0, -5.0]))]
    edits = bent(body, plain, l_elbow_bend=0.3, r_elbow_bend=-0.2)
    edited = reading.estimate(0, pins, edits=edits, prompt_error=0.02, snap=True)
    for index, value in edits.model_parameters.items():
        assert edited.model_parameters[index] == value
    assert np.linalg.norm(edited.keypoints_2d[knee] - pins[0][1:]) < 1.5
    free = reading.estimate(0, pins, prompt_error=0.02, snap=True)
    for index in edits.model_parameters:
        told = edited.details["without_edits"]["model_parameters"][str(index)]
        assert told != edits.model_parameters[index]
        assert told == pytest.approx(free.model_parameters[index], abs=0.05)


def test_a_prompted_estimate_goes_on_where_it_is(reading: LandmarksReading, body: Body) -> None:
    """What a drag asks for the same pins is the pose that was estimated, and a pixel more moves it by little."""
    photo = Photo(np.zeros((1000, 800, 3), np.uint8), Path("p.jpg"))
    found = ReadPhoto(photo, reading, LandmarksEngine(body, None, None))
    plain, inference, knee = reading.estimate(0), Inference(), NAMES.index("right_knee")
    x, y = map(float, plain.keypoints_2d[knee] + [25.0, -5.0])
    ((_, made),) = inference.estimates(found, [0], [(knee, x, y)], prompt_error=None)
    assert made.details[WHOLE_BODY] == {"error": PROMPT_ERROR}
    assert np.linalg.norm(made.keypoints_2d[knee] - [x, y]) < 1.5
    again = inference.pose(found, 0, [(knee, x, y)], snap=True, prompt_error=PROMPT_ERROR)
    np.testing.assert_array_equal(again.model_parameters, made.model_parameters)
    dragged = inference.pose(found, 0, [(knee, x + 1.0, y)], snap=True, prompt_error=PROMPT_ERROR)
    moved = np.linalg.norm(dragged.keypoints_3d - made.keypoints_3d, axis=1).max()
    limb = inference.pose(found, 0, [(knee, x, y)])
    jump = np.linalg.norm(limb.keypoints_3d - made.keypoints_3d, axis=1).max()
    assert moved < 0.5 * jump


def test_observations_stay_beside_later_pins(reading: LandmarksReading, body: Body) -> None:
    """With no pins the pose stays as it was; a pin moves its limb alone; one of the same name comes first."""
    plain, knee = reading.estimate(0), NAMES.index("right_knee")
    seen = (knee, *map(float, plain.keypoints_2d[knee] + [25.0, -5.0]))
    made = reading.estimate(0, [seen], prompt_error=0.02)
    told = {"observed": [seen], "observed_error": 0.02}
    again = reading.estimate(0, **told)
    np.testing.assert_array_equal(again.model_parameters, made.model_parameters)
    assert again.details[DOUBTED] == made.details[DOUBTED]
    pin = shifted(made, WRIST, 20.0, 0.0)
    pinned = reading.estimate(0, [pin], **told)
    assert np.linalg.norm(pinned.keypoints_2d[WRIST] - pin[1:]) < 1.5
    assert moved_in_space(body, made, pinned, "left_wrist") < 2e-3
    assert pinned.prompts.keypoints == (pin,)
    assert pinned.details[DOUBTED] == made.details[DOUBTED]
    exact = reading.estimate(0, [seen])
    np.testing.assert_array_equal(reading.estimate(0, [seen], **told).model_parameters, exact.model_parameters)
    np.testing.assert_array_equal(reading.estimate(0, observed=[seen]).model_parameters, plain.model_parameters)
