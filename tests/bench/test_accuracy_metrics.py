"""The accuracy bench measures what it says, and its people are what their truth says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bench.accuracy import metrics
from bench.accuracy.figures import Figure, random_figure
from bench.accuracy.score import table
from bench.accuracy.truth import Person, Truth, split_of
from bench.accuracy.views import placed_on_floor, random_view
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.synthetic.capsules import penetration, segment_distance
from native_runtime.synthetic.library import library, mirror, pose_parameters, turned
from tests.support.bodies import toy_body


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body()


@pytest.fixture(scope="module")
def default_body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


class TestAlignment:
    def test_finds_scale_rotation_and_shift(self, rng: np.random.Generator) -> None:
        source = rng.normal(size=(21, 3))
        rotation = euler_to_matrix(np.array([0.4, -1.1, 2.5]))
        target = 1.7 * source @ rotation.T + [3.0, -2.0, 5.0]
        scale, found, shift = metrics.similarity(source, target)
        assert scale == pytest.approx(1.7)
        np.testing.assert_allclose(found, rotation, atol=1e-12)
        np.testing.assert_allclose(shift, [3.0, -2.0, 5.0], atol=1e-12)

    def test_a_mirrored_pose_is_not_turned_into_the_right_one(self, rng: np.random.Generator) -> None:
        source = rng.normal(size=(21, 3))
        mirrored = source * [-1, 1, 1]
        assert metrics.distances(metrics.aligned(mirrored, source), source).mean() > 100

    def test_aligned_error_never_exceeds_what_a_shift_alone_leaves(self, rng: np.random.Generator) -> None:
        source, target = rng.normal(size=(2, 21, 3))
        centred = source - source.mean(axis=0) + target.mean(axis=0)
        best = metrics.aligned(source, target)
        assert ((best - target) ** 2).sum() <= ((centred - target) ** 2).sum() + 1e-12

    def test_without_scale_the_size_stays(self, rng: np.random.Generator) -> None:
        source = rng.normal(size=(21, 3))
        moved = metrics.aligned(source, 3.0 * source + 1.0, scaled=False)
        assert np.ptp(moved, axis=0) == pytest.approx(np.ptp(source, axis=0))

    def test_points_that_coincide_are_only_shifted(self) -> None:
        moved = metrics.aligned(np.zeros((5, 3)), np.ones((5, 3)))
        np.testing.assert_allclose(moved, 1.0)


def test_distances_are_millimetres() -> None:
    assert metrics.distances(np.zeros((1, 3)), np.array([[0.003, 0.004, 0.0]])) == pytest.approx([5.0])


def test_pck_counts_points_within_half_a_head() -> None:
    true = np.zeros((4, 2))
    found = np.array([[0.0, 0.0], [4.9, 0.0], [0.0, 5.1], [30.0, 40.0]])
    assert metrics.pck(found, true, unit=10.0) == 0.5
    assert math.isnan(metrics.pck(found[:0], true[:0], unit=10.0))


def test_head_size_is_six_tenths_of_the_diagonal() -> None:
    assert metrics.head_size(np.array([[10.0, 10.0], [40.0, 50.0], [20.0, 30.0]])) == pytest.approx(30.0)


def test_overlaps() -> None:
    a, b = np.array([0.0, 0, 10, 10]), np.array([5.0, 0, 15, 10])
    assert metrics.box_overlap(a, b) == pytest.approx(1 / 3)
    assert metrics.box_overlap(a, b + 100) == 0.0
    mask = np.zeros((4, 4), bool)
    assert math.isnan(metrics.mask_overlap(mask, mask))
    mask[:2] = True
    assert metrics.mask_overlap(mask, np.ones((4, 4), bool)) == 0.5


def test_match_takes_the_least_total_and_leaves_strangers_alone() -> None:
    costs = np.array([[0.1, 0.15], [0.12, 0.9], [0.8, 0.7]])
    assert metrics.match(costs, limit=0.25) == [(0, 1), (1, 0)]
    assert metrics.match(np.full((1, 1), np.inf), limit=0.25) == []
    # somebody far from everybody is not brought nearer at the expense of who matches
    assert metrics.match(np.array([[0.01, 0.3], [5.0, 9.0]]), limit=0.25) == [(0, 0)]
    assert metrics.match(np.zeros((2, 0)), limit=0.25) == []


def test_segment_distance() -> None:
    def point(*values: float) -> np.ndarray:
        return np.array(values)

    x0, x1 = point(0, 0, 0), point(1, 0, 0)
    assert segment_distance(x0, x1, point(0.5, 1, -1), point(0.5, 1, 1)) == pytest.approx(1.0)  # crossing
    assert segment_distance(x0, x1, point(3, 4, 0), point(3, 9, 0)) == pytest.approx(math.hypot(2, 4))  # end to end
    assert segment_distance(x0, x1, point(0.2, 2, 0), point(0.7, 2, 0)) == pytest.approx(2.0)  # parallel


class TestFigures:
    def test_every_pose_names_parameters_within_their_limits(self, body: Body) -> None:
        for name in library()["poses"]:
            values = pose_parameters(body, name)
            limited = np.arange(len(values)) >= 6
            outside = limited & ((values < body.limit_min - 1e-9) | (values > body.limit_max + 1e-9))
            assert not outside.any(), (name, [body.parameter_names[i] for i in np.flatnonzero(outside)])

    def test_the_mirrored_pose_is_the_mirror_image(self, default_body: Body) -> None:
        names = default_body.joint_names
        other = [names.index({"l_": "r_", "r_": "l_"}.get(n[:2], n[:2]) + n[2:]) for n in names]
        for name in ("contrapposto", "lying_side", "dance_low"):
            values = pose_parameters(default_body, name)
            places = default_body.pose(values).translations
            image = default_body.pose(mirror(default_body, values)).translations[other] * [-1, 1, 1]
            np.testing.assert_allclose(image, places, atol=1e-6)

    def test_turned_turns_the_whole_body_about_its_root(self, default_body: Body) -> None:
        values = pose_parameters(default_body, "running")
        rotation = euler_to_matrix(np.array([0.3, -2.2, 1.0]))
        places, root = default_body.pose(values).translations[1:], default_body.joint_index("root") - 1
        moved = default_body.pose(turned(default_body, values, rotation)).translations[1:]
        np.testing.assert_allclose(moved, (places - places[root]) @ rotation.T + places[root], atol=1e-6)

    def test_random_figures_keep_to_the_limits_and_to_themselves(self, default_body: Body) -> None:
        rng = np.random.default_rng(5)
        for _ in range(10):
            figure = random_figure(default_body, rng)
            values = figure.parameters
            posed = np.arange(len(values)) >= 6
            assert (values[posed] >= default_body.limit_min[posed] - 1e-9).all()
            assert (values[posed] <= default_body.limit_max[posed] + 1e-9).all()
            assert np.abs(figure.identity).max() <= 1.0
            assert penetration(default_body, default_body.pose(values)) < 9.0

    def test_crossing_arms_are_noticed(self, default_body: Body) -> None:
        through_the_chest = pose_parameters(default_body, "standing")
        for side in "lr":
            through_the_chest[default_body.parameter_index(f"{side}_uparm_ry")] = -1.0
            through_the_chest[default_body.parameter_index(f"{side}_uparm_rz")] = 1.2
        assert penetration(default_body, default_body.pose(through_the_chest)) > 2.0
        standing = default_body.pose(pose_parameters(default_body, "standing"))
        assert penetration(default_body, standing) < 0.5


class TestTruth:
    @pytest.mark.parametrize("cut", [False, True])
    def test_parameters_put_the_body_where_the_camera_sees_it(self, default_body: Body, cut: bool) -> None:
        body = default_body
        for seed in range(4):
            rng = np.random.default_rng(seed)
            figure = Figure(
                pose_parameters(body, "dance_low"), 0.3 * rng.normal(size=body.identity_count),
                np.zeros(body.expression_count), "dance_low", ("balance",),
            )  # fmt: skip
            placed = placed_on_floor(body, figure, rng, np.array([0.4, -0.3]))
            world = np.asarray(placed.vertices(body), np.float64)
            assert world[:, 2].min() == pytest.approx(0.0, abs=1e-5)
            view = random_view(world, rng, cut)
            parameters, translation = placed.in_camera(body, view)
            assert not parameters[:3].any()
            person = Person.of(body, parameters, figure.identity, figure.expression, translation, {})
            np.testing.assert_allclose(person.vertices, view.from_world(world), atol=2e-5)
            np.testing.assert_allclose(view.to_world(view.from_world(world)), world, atol=1e-9)
            if not cut:
                scene = Truth(view.size, view.intrinsics, (person,), {})
                assert scene.inside(np.asarray(person.vertices, np.float64)).mean() > 0.98

    def test_saved_and_read_again(self, body: Body, tmp_path: Path) -> None:
        zero = np.zeros(204)
        person = Person.of(body, zero, np.ones(3), np.zeros(2), np.array([0.0, 1.0, 4.0]), {"pose": "rest"})
        scene = Truth((640, 480), np.diag([500.0, 500.0, 1.0]), (person, person), {"number": 3})
        scene.save(tmp_path / "0003.npz")
        again = Truth.load(tmp_path / "0003.npz")
        assert again.size == (640, 480)
        assert again.about["number"] == 3
        assert [p.about for p in again.people] == [{"pose": "rest"}] * 2
        np.testing.assert_array_equal(again.people[1].vertices, person.vertices)

    def test_half_of_the_pictures_are_held_out(self) -> None:
        assert [split_of(n) for n in range(4)] == ["tune", "held-out", "tune", "held-out"]


def test_the_table_shows_an_engine_without_networks() -> None:
    parts = dict.fromkeys(("head", "torso", "arms", "legs", "feet"), 1.0)
    hands = {"left": None, "right": 2.0}
    fit = {"mpjpe": 40.0, "pa_mpjpe": 30.0, "median_pa_mpjpe": 29.0, "pck": 0.9, "parts": parts, "pa_parts": parts,
           "hands": hands, "pa_hands": hands}  # fmt: skip
    group = {"people": 2, "found": 1, "fit": fit, "pve": 50.0, "pa_pve": 40.0, "iou": 0.9, "place_mm": 100.0}
    report = {"summary": {"default": {"all": group, "whole": {"people": 0, "found": 0}}}, "false_people": 0}
    lines = table(report).splitlines()
    assert "| people found, % | 50.0 |" in lines
    assert "| PA-MPJPE, mm | 30.0 |" in lines
