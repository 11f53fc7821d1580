"""From what the networks see to what the fit is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.camera import Gravity, intrinsics_for
from native_runtime.detection.bent_knees import bent
from native_runtime.detection.landmarks import (
    BODY_POINTS,
    COCO_IN_BODY,
    COCO_POINTS,
    HandLandmarks,
    PersonLandmarks,
    SecondOpinion,
)
from native_runtime.detection.lifting import SEGMENTS, Lifting
from native_runtime.engines.evidence import TRUST, gather_evidence, pixels_per_metre
from native_runtime.engines.landmarks.engine import LandmarksEngine, LandmarksReading
from native_runtime.engines.point_names import body_point
from native_runtime.errors import NoPersonError, PromptError
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.problem import named_rows
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt, PromptKind
from tests.support.bodies import toy_body

Array = NDArray[np.float64]

SIZE = (800, 1000)


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body()


def photo(size: tuple[int, int] = SIZE, original: tuple[int, int] = (0, 0)) -> Photo:
    return Photo(np.zeros((size[1], size[0], 3), np.uint8), Path("p.jpg"), original_size=original)


def person(seed: int = 0, hands: bool = True) -> PersonLandmarks:
    """A person of 300 px per metre around the middle of the photo, every point in plain sight."""
    rng = np.random.default_rng(seed)
    points = rng.uniform([-0.4, -0.9, -0.3], [0.4, 0.9, 0.3], (33, 3))
    made = {
        side: HandLandmarks(rng.uniform(300, 500, (21, 2)), rng.normal(size=(21, 3)) * 0.05, 0.9, side)
        for side in ("left", "right")
    }
    for side, index in (("left", 15), ("right", 16)):
        made[side].points_2d[0] = points[index, :2] * 300 + [400, 500]
    return PersonLandmarks(
        bbox=np.array([280.0, 230, 520, 770]),
        score=0.9,
        points_2d=points[:, :2] * 300 + [400, 500],
        points_3d=points,
        visibility=np.ones(33),
        presence=np.ones(33),
        mask=np.ones((64, 64), np.float32),
        mask_from_photo=np.array([[0.08, 0, 0], [0, 0.064, 0]]),
        left_hand=made["left"] if hands else None,
        right_hand=made["right"] if hands else None,
    )


def gather(body: Body, who: PersonLandmarks, picture: Photo | None = None, **rest):
    picture = picture or photo()
    return gather_evidence(who, picture, body, intrinsics_for(picture.original_size), **rest)


def test_the_scale_comes_from_both_views_of_the_points() -> None:
    assert pixels_per_metre(person()) == pytest.approx(300, rel=0.02)


def test_every_name_is_a_point_of_the_body(body: Body) -> None:
    evidence = gather(body, person())
    names = [*evidence.points.names, *evidence.directions.starts, *evidence.directions.ends]
    assert named_rows(body, names).row_count == len(names)
    assert evidence.person_size == pytest.approx(1.7 * 300, rel=0.02)
    assert np.all(np.isfinite(evidence.points.positions))
    assert (np.linalg.norm(evidence.directions.vectors, axis=1) <= 1 + 1e-9).all()
    assert evidence.directions.whitening.shape == (len(evidence.directions.starts), 3, 3)


def test_a_hand_replaces_the_bodys_own_finger_points(body: Body) -> None:
    with_hands, without = gather(body, person()), gather(body, person(hands=False))
    assert "left_forefinger4" in with_hands.points.names
    assert "left_forefinger4" not in without.points.names
    assert "left_forefinger_third_joint" in without.points.names


def test_a_hand_far_from_its_arm_is_not_believed(body: Body) -> None:
    who = person()
    assert who.left_hand is not None
    who.left_hand.points_2d[0] += 40.0  # of a hand's 57 px
    names = gather(body, who).points.names
    assert "left_forefinger4" not in names
    assert "right_forefinger4" in names


def test_a_prompt_overrules_the_network(body: Body) -> None:
    evidence = gather(body, person(), keypoints=[(5, 123.0, 45.0)])
    slots = [i for i, name in enumerate(evidence.points.names) if name == "left_shoulder"]
    assert len(slots) == 1
    np.testing.assert_array_equal(evidence.points.positions[slots[0]], [123, 45])
    assert evidence.points.trusted[slots[0]]


@pytest.mark.parametrize("kind", ["ignore", "incorrect"])
def test_a_prompt_without_a_place_only_silences_the_network(body: Body, kind: PromptKind) -> None:
    shoulder: Prompt = (5, 123.0, 45.0, kind)
    names = gather(body, person(), keypoints=[shoulder]).points.names
    assert "left_shoulder" not in names
    assert set(gather(body, person()).points.names) == {*names, "left_shoulder"}


def test_depth_is_turned_onto_the_ray(body: Body) -> None:
    """A person at the right border is seen along a ray that leaves the optical axis: depth points along that ray, and
    so does what is least certain.
    """
    who = person(hands=False)
    pair = ("left_shoulder", "left_hip")
    lifted = bent(Lifting.load().of(who, intrinsics_for(SIZE)[0, 0]), who.visibility)
    row = SEGMENTS.index(pair)
    for left, expected in ((280.0, 0.0), (660.0, 380.0)):
        who.bbox = np.array([left, 380.0, left + 240, 620.0])
        seen = gather(body, who).directions
        there = list(zip(seen.starts, seen.ends)).index(pair)
        ray = np.array([expected + 0.5, 0.5, intrinsics_for(SIZE)[0, 0]])
        ray /= np.linalg.norm(ray)
        assert seen.vectors[there] @ ray == pytest.approx(lifted.vectors[row, 2], abs=1e-6)
        assert np.linalg.norm(seen.vectors[there]) == pytest.approx(np.linalg.norm(lifted.vectors[row]))
        deep = 1 / (TRUST.lifted * lifted.vector_sigmas[row, 2])
        np.testing.assert_allclose(seen.whitening[there] @ ray, [0, 0, deep], atol=1e-6)


def test_places_in_space_are_given_but_for_what_a_person_corrects(body: Body) -> None:
    who = person(hands=False)
    plain, pinned = gather(body, who).positions, gather(body, who, keypoints=[(62, 300.0, 400.0)]).positions
    assert plain is not None
    assert pinned is not None
    assert body.keypoint_names[62] == "left_wrist"
    assert set(plain.names) - set(pinned.names) == {"left_wrist"}
    hips = [plain.names.index(name) for name in plain.about]
    np.testing.assert_allclose(plain.positions[hips].mean(axis=0), 0, atol=0.02)
    assert (plain.sigmas[:, 2] >= plain.sigmas[:, 0]).mean() > 0.7  # depth is less certain


def test_points_beyond_the_picture_are_no_places_but_still_directions(body: Body) -> None:
    who = person(hands=False)
    who.points_2d[BODY_POINTS.index("left_wrist")] = -50, 300
    evidence = gather(body, who)
    assert "left_wrist" not in evidence.points.names
    weight = evidence.directions.weights[evidence.directions.ends.index("left_wrist")]
    assert 0 < weight < 0.5


def test_legs_that_nobody_sees_have_no_place_in_the_photo_but_a_guessed_direction(body: Body) -> None:
    who = person(hands=False)
    for index, name in enumerate(BODY_POINTS):
        if name.endswith(("knee", "ankle", "heel", "foot_index")):
            who.visibility[index] = 0.3
    assert "left_knee" in gather(body, who).points.names  # hidden, but the mask is sure of them
    who.mask = np.full((64, 64), 0.8, np.float32)
    evidence = gather(body, who)
    assert not any("knee" in name or "ankle" in name or "heel" in name for name in evidence.points.names)
    assert {"l_upleg", "r_lowleg"} <= set(evidence.unseen)
    assert any("left leg" in note for note in evidence.notes)
    directions = evidence.directions
    guessed = [weight for end, weight in zip(directions.ends, directions.weights) if "knee" in end or "ankle" in end]
    assert len(guessed) >= 4
    assert min(guessed) > 0
    # whoever asks for certain points alone, such as a fit after another network, is told nothing of them
    certain = gather(body, who, least=0.5)
    assert not any("knee" in end for end in certain.directions.ends)


@pytest.mark.parametrize("doubt", ["unsure", "elsewhere"])
def test_legs_say_nothing_where_not_even_the_hips_are_known(body: Body, doubt: str) -> None:
    who = person(hands=False)
    for joint, height in (("shoulder", 350), ("hip", 500)):
        for side, across in (("left", 450), ("right", 350)):
            who.points_2d[BODY_POINTS.index(f"{side}_{joint}")] = across, height
    legs = [k for k, name in enumerate(BODY_POINTS) if name.endswith(("knee", "ankle", "heel", "foot_index"))]
    who.visibility[legs] = 0.6
    scores = np.full(len(COCO_POINTS), 0.8)
    who.second = SecondOpinion(who.points_2d[list(COCO_IN_BODY)], scores)

    def told_of_legs() -> tuple[bool, bool]:
        evidence = gather(body, who)
        names = {body_point(body, BODY_POINTS[k]) for k in legs}
        seen = evidence.directions
        said = {end for end, spread in zip(seen.ends, seen.sigmas[:, 0]) if spread != TRUST.standing}
        return bool(names & set(evidence.points.names)), bool(names & said)

    assert told_of_legs() == (True, True)
    hips, joints = (
        [COCO_POINTS.index(f"{side}_{joint}") for side in ("left", "right") for joint in names]
        for names in (("hip",), ("knee", "ankle"))
    )
    scores[joints] = 0.1
    if doubt == "unsure":
        scores[hips] = 0.3
    else:
        who.second.points[hips] += (150, 0)
    assert told_of_legs() == (False, False)
    who.visibility[BODY_POINTS.index("left_ankle")] = 0.9  # a foot in plain sight is one
    assert told_of_legs() == (True, True)
    who.visibility[BODY_POINTS.index("left_ankle")] = 0.6
    who.points_2d = who.points_2d[:, ::-1].copy()  # somebody who lies has legs that no network knows well
    assert told_of_legs() == (True, True)


def test_whoever_is_hidden_up_to_the_chest_stands_unless_a_person_says_otherwise(body: Body) -> None:
    who = person(hands=False)
    for joint, height in (("shoulder", 350), ("hip", 500)):
        for side, across in (("left", 450), ("right", 350)):
            who.points_2d[BODY_POINTS.index(f"{side}_{joint}")] = across, height
    who.visibility[[k for k, name in enumerate(BODY_POINTS) if name.endswith(("knee", "ankle"))]] = 0.1
    who.second = SecondOpinion(who.points_2d[list(COCO_IN_BODY)], np.zeros(len(COCO_POINTS)))

    def standing(*prompts: Prompt) -> set[tuple[str, str]]:
        seen = gather(body, who, keypoints=prompts).directions
        which = seen.sigmas[:, 0] == TRUST.standing
        np.testing.assert_allclose(seen.vectors[which], np.tile([0.0, 1.0, 0.0], (which.sum(), 1)), atol=0.05)
        return {(seen.starts[k], seen.ends[k]) for k in np.flatnonzero(which)}

    hip, knee, ankle = (str(body_point(body, f"left_{joint}")) for joint in ("hip", "knee", "ankle"))
    assert {(hip, knee), (knee, ankle)} <= standing()
    placed = standing((body.keypoint_names.index("left_knee"), 300.0, 600.0))
    assert not placed & {(hip, knee), (knee, ankle)}
    assert len(placed) == len(standing()) - 2
    who.second.scores[[COCO_POINTS.index("left_hip"), COCO_POINTS.index("right_hip")]] = 0.9
    assert not standing()


def behind_a_table(lean: float) -> PersonLandmarks:
    """Somebody of whom nothing is seen below the chest. The network has the hips too near the shoulders, for which the
    trunk leans towards the camera.

    Args:
        lean: degrees by which the trunk leans across the view, to the right of the picture.
    """
    who = person(hands=False)
    across, along = np.sin(np.radians(lean)), np.cos(np.radians(lean))
    for side, out in (("left", 0.17), ("right", -0.17)):
        rows = [BODY_POINTS.index(f"{side}_{joint}") for joint in ("shoulder", "hip", "knee", "ankle")]
        who.points_3d[rows] = [
            [out + 0.5 * across, -0.5 * along, -0.35], [0.6 * out, 0, 0], [0.6 * out, 0.4, 0], [0.6 * out, 0.8, 0]
        ]  # fmt: skip
        who.points_2d[rows] = 300 * who.points_3d[rows, :2] * [1, 0.8] + [400, 500]
        who.visibility[rows] = [1.0, 0.95, 0.05, 0.02]
    who.mask = np.ones((64, 64), np.float32)
    who.mask[29:] = 0.0  # from 453 px down
    return who


def trunk_of(evidence: Evidence, body: Body, side: str) -> Array:
    """(3,) where the evidence has the trunk point, from hip to shoulder."""
    ends = body_point(body, f"{side}_shoulder"), body_point(body, f"{side}_hip")
    (row,) = [k for k, pair in enumerate(zip(evidence.directions.starts, evidence.directions.ends)) if pair == ends]
    return -evidence.directions.vectors[row]


@pytest.mark.parametrize("pitch", [0.0, 20.0])
@pytest.mark.parametrize("lean", [-25.0, 0.0, 25.0])
@pytest.mark.parametrize("why", ["behind something", "beyond the picture"])
def test_a_trunk_whose_hips_are_not_seen_is_upright_but_for_what_it_leans_across(
    body: Body, lean: float, pitch: float, why: str
) -> None:
    who, picture = behind_a_table(lean), photo()
    if why == "beyond the picture":
        who.mask, picture = np.ones_like(who.mask), photo((800, 460))
    up = np.array([0.0, -np.cos(np.radians(pitch)), -np.sin(np.radians(pitch))])
    evidence = gather(body, who, picture, gravity=Gravity(up))
    seen = gather(body, replace(who, mask=np.ones_like(who.mask)))
    away = np.cross(up, [1.0, 0.0, 0.0])
    for side in ("left", "right"):
        assert body_point(body, f"{side}_hip") not in evidence.points.names
        trunk = trunk_of(evidence, body, side)
        assert trunk @ away == pytest.approx(0.0, abs=0.03)
        assert trunk[0] == pytest.approx(trunk_of(seen, body, side)[0], abs=0.06)
    assert evidence.positions is None
    # the mask ends where the table or the picture does, and must not hold what is behind it
    hips = [k for k, name in enumerate(body.joint_names) if name == "root" or "upleg" in name]
    assert all(body.joint_names[k].startswith(evidence.unseen) for k in hips)


@pytest.mark.parametrize("sign", ["hips", "knee", "lying"])
def test_a_trunk_leans_as_the_network_says_where_hips_or_legs_are_seen(body: Body, sign: str) -> None:
    who = behind_a_table(0.0)
    if sign == "hips":
        who.mask = np.ones((64, 64), np.float32)
    elif sign == "knee":
        who.visibility[BODY_POINTS.index("left_knee")] = 0.4
    else:
        who.points_2d = (who.points_2d - [400, 500])[:, ::-1] + [400, 500]
    evidence, plain = gather(body, who, gravity=Gravity(np.array([0.0, -0.94, -0.34]))), gather(body, who)
    assert body_point(body, "left_hip") in evidence.points.names
    assert evidence.positions is not None
    assert not any("root".startswith(name) for name in evidence.unseen)
    np.testing.assert_array_equal(evidence.directions.vectors, plain.directions.vectors)


def test_evidence_of_a_reduced_photo_is_in_original_pixels(body: Body) -> None:
    reduced = photo(SIZE, (1600, 2000))
    full = gather(body, person())
    double = gather(body, person(), reduced)
    np.testing.assert_allclose(double.points.positions + 0.5, 2 * (full.points.positions + 0.5), atol=1e-9)
    assert double.person_size == pytest.approx(2 * full.person_size)
    assert double.silhouette is not None
    assert full.silhouette is not None
    place = np.array([200.0, 300.0, 1.0])
    there = np.array([2 * 200.5 - 0.5, 2 * 300.5 - 0.5, 1.0])
    np.testing.assert_allclose(double.silhouette.from_photo @ there, full.silhouette.from_photo @ place)


@pytest.fixture(scope="module")
def reading(body: Body) -> LandmarksReading:
    engine = LandmarksEngine(body, None, None)
    return LandmarksReading(engine, photo(), intrinsics_for(SIZE), [person()], {})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"person": 1}, NoPersonError),
        ({"person": -1}, NoPersonError),
        ({"keypoints": [(70, 1.0, 1.0)]}, PromptError),
        ({"keypoints": [(0, float("nan"), 1.0)]}, PromptError),
        ({"mask": np.ones((3, 3), bool)}, PromptError),
        ({"mask": np.zeros((1000, 800), bool)}, PromptError),
    ],
)
def test_wishes_that_cannot_be_met_say_so(reading: LandmarksReading, arguments: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        reading.estimate(**arguments)


def test_even_nonsense_evidence_gives_a_body_within_its_limits(reading: LandmarksReading, body: Body) -> None:
    """The made-up person's points are random: no body fits them, and none may be broken by them."""
    estimate = reading.estimate(0)
    assert not body.parameterisation.violation(estimate.model_parameters).any()
    assert np.all(np.isfinite(estimate.vertices))
    assert estimate.camera_translation[2] > 0


def test_a_person_of_whom_nothing_is_seen_is_refused_plainly(body: Body) -> None:
    who = person(hands=False)
    who.presence[:] = 0
    unseen = LandmarksReading(LandmarksEngine(body, None, None), photo(), intrinsics_for(SIZE), [who], {})
    with pytest.raises(NoPersonError, match="Too little"):
        unseen.estimate(0)
    assert unseen.estimate(0, keypoints=[(i, 300.0 + 10 * i, 400.0) for i in range(5, 11)]).prompts.keypoints
