"""Which keypoint to look at next, and both answers in one call."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from native_runtime.prompts.prompt import keypoint_titles
from native_runtime.prompts.quality import (
    combined_uncertainty,
    judge,
    of_decoder,
    of_flip,
    of_rounds,
    person_size,
    rank_keypoints,
)
from native_runtime.prompts.quality.anatomy import bones, mirrors, reaches, spoken
from tests.support.stick_figure import INTRINSICS, NAMES, SIZE, figure, outline, predicted

WRIST, KNEE, FINGERTIP = NAMES.index("left_wrist"), NAMES.index("right_knee"), NAMES.index("left_forefinger4")


def only(**values: float) -> np.ndarray:
    row = np.zeros(70)
    for name, value in values.items():
        row[NAMES.index(name)] = value
    return row


def test_the_least_certain_comes_first_and_says_why() -> None:
    sources = {"confidence": only(left_wrist=10, right_knee=30), "residual": only(left_wrist=25)}
    first, second = rank_keypoints(sources)
    assert (first.keypoint, second.keypoint) == (KNEE, WRIST)
    assert first.score == pytest.approx(30)
    assert second.score == pytest.approx(np.hypot(10, 25))
    assert "right knee" in first.reason
    assert "hardly visible" in first.reason
    assert "left wrist" in second.reason
    assert "does not reach" in second.reason


def test_what_little_hangs_on_counts_little() -> None:
    ranked = rank_keypoints({"layers": only(left_forefinger4=60, left_wrist=20)})
    assert [s.keypoint for s in ranked] == [WRIST, FINGERTIP]


def test_pinned_ones_are_left_out_and_the_list_may_be_short(rng: np.random.Generator) -> None:
    sources = {"layers": rng.uniform(1, 9, 70), "flip": rng.uniform(1, 9, 70)}
    everything = [s.keypoint for s in rank_keypoints(sources)]
    assert sorted(everything) == list(range(70))
    pinned = everything[:3]
    assert [s.keypoint for s in rank_keypoints(sources, pinned, most=4)] == everything[3:7]
    assert rank_keypoints(sources, range(70)) == []
    assert rank_keypoints({}) == []


def test_unknown_values_add_nothing_and_odd_sources_are_refused() -> None:
    holes = np.full(70, np.nan)
    holes[KNEE] = 5
    assert [s.keypoint for s in rank_keypoints({"rounds": holes})] == [KNEE]
    with pytest.raises(ValueError, match="unknown sources"):
        rank_keypoints({"hunch": np.ones(70)})
    with pytest.raises(ValueError, match="shape"):
        combined_uncertainty({"flip": np.ones(69)})


def test_depth_does_not_excuse_a_place_in_the_photo() -> None:
    known = {"residual": only(left_wrist=3), "confidence": only(left_wrist=4)}
    assert combined_uncertainty(known)[WRIST] == pytest.approx(5)
    assert combined_uncertainty(known | {"space": only(left_wrist=100)})[WRIST] == pytest.approx(5)


def test_layers_that_agree_are_silent_and_moves_are_measured() -> None:
    flat, deep = np.tile(predicted(figure()).keypoints_2d, (4, 1, 1)), np.tile(figure(), (4, 1, 1))
    size = person_size(figure(), INTRINSICS)
    flat[0] += 300  # the first layer has hardly looked
    deep += np.arange(4)[:, None, None]  # the whole person moves: that is the camera's, not a joint's
    quiet = of_decoder(flat, deep, size)
    assert np.allclose(quiet["layers"], 0)
    assert np.allclose(quiet["space"], 0)
    flat[1, WRIST] += (30, 40)
    deep[2, KNEE, 2] += 0.2
    moved = of_decoder(flat, deep, size)
    assert moved["layers"][WRIST] == pytest.approx(25)
    assert np.count_nonzero(moved["layers"]) == 1
    assert moved["space"][KNEE] == pytest.approx(0.1 * 1000 / 4, rel=0.05)
    assert int(np.argmax(moved["space"])) == KNEE
    with pytest.raises(ValueError, match="layers"):
        of_decoder(flat[:1], deep[:1], size)


def test_a_mirrored_pass_that_agrees_is_silent() -> None:
    straight = predicted(figure()).keypoints_2d + [13, 0]
    flipped = straight[mirrors()] * [-1, 1] + [SIZE[0] - 1, 0]
    assert np.allclose(of_flip(straight, flipped, SIZE[0])["flip"], 0)
    flipped[NAMES.index("right_wrist")] += (0, 7)  # the left wrist in the mirror
    assert of_flip(straight, flipped, SIZE[0])["flip"][WRIST] == pytest.approx(7)
    assert of_rounds(straight, straight + [3, 4])["rounds"] == pytest.approx(np.full(70, 5.0))


def test_one_call_gives_both_as_json() -> None:
    prediction = predicted(figure(), outline(figure()))
    place = prediction.keypoints_2d[mirrors()[WRIST]]
    prompts = [(WRIST, float(place[0]), float(place[1])), (KNEE, 0.0, 0.0, "ignore")]
    judgement = judge(prompts, prediction, {"confidence": np.ones(70)})
    assert [w.kind for w in judgement.warnings] == ["swapped_sides"]
    assert "left wrist" in judgement.texts[0]
    assert "Swap" in judgement.texts[0]
    suggested = [s.keypoint for s in judgement.suggestions]
    assert suggested
    assert not {WRIST, KNEE} & set(suggested)
    details = json.loads(json.dumps(judgement.details))
    assert details["prompt_warnings"][0]["fix"]["place"][0][0] == mirrors()[WRIST]
    assert [s["keypoint"] for s in details["suggested_keypoints"]] == suggested


def test_a_swapped_pair_is_told_once() -> None:
    prediction = predicted(figure(), outline(figure()))
    other = int(mirrors()[WRIST])
    a, b = prediction.keypoints_2d[[WRIST, other]].tolist()
    judgement = judge([(WRIST, *b), (other, *a)], prediction, {})
    assert len(judgement.warnings) == 2
    assert len(judgement.texts) == 1


def test_the_bones_join_everything_and_are_the_same_on_both_sides() -> None:
    pairs = {frozenset((a, b)) for a, b, _ in bones()}
    assert {frozenset(int(mirrors()[k]) for k in pair) for pair in pairs} == pairs
    ways = reaches(figure())
    assert np.isfinite(ways).all()
    assert np.allclose(ways, ways.T)
    apart = np.linalg.norm(figure()[:, None] - figure(), axis=-1)
    assert np.all(ways >= apart - 1e-9)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    assert np.allclose(reaches(figure() @ turn.T + 5), ways)


def test_names_are_spoken_as_people_say_them() -> None:
    assert spoken(WRIST) == "left wrist"
    assert spoken(FINGERTIP) == "left index finger tip"
    assert spoken(NAMES.index("right_thumb_third_joint")) == "right thumb base"
    assert len({spoken(k) for k in range(70)}) == 70


def test_every_keypoint_has_words_that_artists_know() -> None:
    titles = keypoint_titles()
    assert len(set(titles)) == len(titles) == len(NAMES)
    odd = re.compile(r"_|\d|forefinger|pinky|olecranon|cubital|fossa|acromion", re.IGNORECASE)
    assert [title for title in titles if odd.search(title) or title != title.title()] == []
