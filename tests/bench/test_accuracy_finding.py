"""Who is found is counted as it should be, and two versions are compared on the same pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.accuracy import gatherings, marked, versus
from bench.accuracy.compare import SCORED, figure_in, landmark_columns
from bench.accuracy.figures import Figure
from bench.accuracy.plan import person_in
from bench.accuracy.score import Found
from bench.accuracy.search import Tally, is_countable, tally
from bench.accuracy.truth import Truth
from bench.accuracy.views import Placed
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.synthetic.library import pose_parameters


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


def scene_of(body: Body, spots: list[tuple[float, float]]) -> Truth:
    """People who stand before a level camera, all seen."""
    view = gatherings._level_view((1000, 750), 0.7, 1.5, 0.0, 0.0)
    people = []
    for x, away in spots:
        figure = Figure(pose_parameters(body, "standing"), np.zeros(body.identity_count),
                        np.zeros(body.expression_count), "standing", ("upright",))  # fmt: skip
        low = float(Placed(figure, 0.0, np.zeros(3)).vertices(body)[:, 2].min())
        person = person_in(body, Placed(figure, 0.0, np.array([x, away, -low])), view, {})
        person.seen[:] = True
        people.append(person)
    return Truth(view.size, view.intrinsics, tuple(people), {})


def test_small_and_hidden_people_are_not_expected(body: Body) -> None:
    scene = scene_of(body, [(0.0, 5.0), (1.0, 30.0)])
    near, far = scene.people
    assert is_countable(scene, near, body)
    assert not is_countable(scene, far, body)  # 1.75 m at 30 m are 51 px
    near.seen[:] = False
    assert not is_countable(scene, near, body)


def test_a_picture_is_counted(body: Body) -> None:
    scene = scene_of(body, [(-1.0, 5.0), (1.0, 5.0), (3.0, 30.0)])
    places = [figure_in(scene, person, body).points for person in scene.people]
    counts = tally(scene, body, [places[0] + 2, places[0] + 9, places[2], places[1] + 400])
    assert counts == Tally(1, countable=2, found=1, others=1, false=1, duplicates=1, merged=0)
    assert (counts + counts).found == 2


def test_nobody_in_an_empty_room_is_false(body: Body) -> None:
    points, _ = landmark_columns(body)
    assert tally(Truth((10, 10), np.eye(3), (), {}), body, [np.zeros((len(SCORED), 2))]) == Tally(1, false=1)
    assert len(points) == 33


@pytest.mark.parametrize("number", [0, 9, 13, 16, 19, 22, 29])
def test_planned_crowds_are_as_tall_as_they_should_be(body: Body, number: int) -> None:
    plan = gatherings.crowd_plan(body, number, np.random.default_rng(number))
    kind = gatherings.CROWDS[number]
    assert len(plan.people) == 0 if kind in gatherings.EMPTY else len(plan.people) >= 1
    if kind == "crowd":
        assert len(plan.people) >= 10
    if kind in gatherings.EMPTY:
        assert plan.focus is not None
        return
    for placed in plan.people:
        person = person_in(body, placed, plan.view, {})
        scene = Truth(plan.view.size, plan.view.intrinsics, (person,), {})
        tall = float(np.ptp(scene.pixels(np.asarray(person.vertices, np.float64)), axis=0).max())
        if kind in ("crowd", "panorama"):
            assert 50 < tall < 520
            assert scene.inside(person.keypoints).mean() > 0.5  # an arm may reach beyond the border
        if kind == "small":
            assert 150 < tall < 270
        if kind == "upside down":
            up = plan.view.rotation @ [0.0, 0.0, 1.0]
            assert up[1] > 0.5  # the picture's y grows downwards


def test_the_lens_set_spans_short_and_long_lenses(body: Body) -> None:
    shares = []
    for number in range(gatherings.LENSES):
        view = gatherings.lens_plan(body, number, np.random.default_rng(number)).view
        shares.append(view.intrinsics[0, 0] / np.hypot(*view.size))
    assert min(shares) < 0.55
    assert max(shares) > 1.3


def someone(body: Body, away: float) -> Estimate:
    state = PlacedState(pose_parameters(body, "standing"), np.zeros(body.identity_count),
                        np.zeros(body.expression_count), np.array([0.0, 0.9, away]))  # fmt: skip
    size = np.array([640, 480])
    return Estimate.from_state(
        body, state, np.diag([600.0, 600.0, 1.0]), image_size=size, bbox=np.zeros(4), engine="", photo="", person=0
    )


def test_marked_points_are_judged_in_pixels_and_in_space(body: Body) -> None:
    estimate, truth = someone(body, 4.0), someone(body, 5.0)
    index = {name: k for k, name in enumerate(body.keypoint_names)}
    names = ("nose", *marked.LIMBS)
    person = marked.Marked(
        "0000",
        "",
        np.array([0.0, 0.0, 100.0, 200.0]),
        {name: estimate.keypoints_2d[index[name]] + [0.0, 9.0 if name != "nose" else 11.0] for name in names},
        {name: truth.keypoints_3d[index[name]] for name in marked.LIMBS},
    )
    found = marked.judge_marked(body, person, Found(None, estimate, {}))
    assert found["pck"] == pytest.approx(12 / 13)  # within 10 px but the nose
    assert found["mpjpe"] == pytest.approx(0.0, abs=1e-6)
    assert found["depth"] == pytest.approx(0.8, abs=0.02)
    assert marked.judge_marked(body, person, Found(None, None, {})) == {}


def test_a_photo_set_keeps_what_was_marked(tmp_path: Path, body: Body, default_body_path: Path) -> None:
    photo, points = tmp_path / "someone.jpg", tmp_path / "points.json"
    photo.write_bytes(b"a photo")
    entry = {"box_xywh": [1, 2, 3, 4], "points_px": {"nose": [5.0, 6.0, 2], "left_hip": [0.0, 0.0, 0]}}
    points.write_text(json.dumps({"people": [entry]}))
    marked.make_photo_set(photo, points, tmp_path / "set")
    (person,) = marked.marked_people(tmp_path / "set")
    assert list(person.pixels) == ["nose"]
    assert person.name == "someone"
    assert (tmp_path / "set" / "0000.jpg").read_bytes() == b"a photo"


def record(pa: float, found: bool = True) -> dict[str, Any]:
    return {"camera": "default", "found": found} | ({"fit": {"pa_mpjpe": pa, "mpjpe": 2 * pa}} if found else {})


def test_versions_are_compared_over_people_whom_both_found() -> None:
    def report(people: list[dict[str, Any]]) -> dict[str, Any]:
        group = {"people": 3, "found": 2, "fit": {"pa_mpjpe": 50.0, "mpjpe": 100.0}, "pve": None}
        return {"summary": {"default": {"all": group}}, "people": people, "false_people": 1, "duplicates": 0,
                "merged_people": 0}  # fmt: skip

    old, new = report([record(50), record(60), record(0, False)]), report([record(40), record(70), record(10)])
    both = versus._of_both(old, new)["default"]
    assert (both["people"], both["pa_better"], both["pa_change"]) == (2, 0.5, 0.0)
    assert both["pa_change_error"] == pytest.approx(10.0)
    lines: list[str] = []
    versus.side_by_side({"old": old, "new": new, "both": {"default": both}, "split": "tune"}, lines.append)
    assert "| PA-MPJPE, mm | 50.0 | 50.0 | 1.000 |" in "\n".join(lines)


def test_a_checkout_without_an_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no"):
        versus.ask_checkout(tmp_path, tmp_path, ["0000"], tmp_path / "out", "default")


def test_people_of_a_truth_without_anybody_are_read_again(tmp_path: Path) -> None:
    empty = Truth((64, 48), np.eye(3), (), {"number": 1, "split": "held-out"}, np.array([0.0, -1.0, 0.0, -1.5]))
    empty.save(tmp_path / "0001.npz")
    again = Truth.load(tmp_path / "0001.npz")
    assert again.people == ()
    np.testing.assert_array_equal(again.ground, [0.0, -1.0, 0.0, -1.5])
