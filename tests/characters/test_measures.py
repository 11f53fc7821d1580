"""Height and measures: read from known shapes, whatever the pose, and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from native_runtime.camera import mhr_to_camera
from native_runtime.characters.measures.bounded import least_squares_within
from native_runtime.characters.measures.children import of_age_for, years_of_height
from native_runtime.characters.measures.definitions import MEASURES
from native_runtime.characters.measures.height import of_height, with_height
from native_runtime.characters.measures.measurer import Measurer
from native_runtime.characters.measures.section import tape
from native_runtime.characters.measures.typed import with_measures
from native_runtime.errors import UsageError
from native_runtime.fitting.problem import project
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from tests.support.bodies import aged

LENS = np.array([[2200.0, 0.0, 800.0], [0.0, 2200.0, 800.0], [0.0, 0.0, 1.0]])
ZERO = np.zeros(204)


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    """The coarsest default body: quick, and the hardest to measure."""
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture(scope="module")
def measurer(body: Body) -> Measurer:
    return Measurer(body)


def someone(body: Body, seed: int, amount: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Random proportions and shape within the sliders' ranges."""
    rng = np.random.default_rng(seed)
    free = (body.limit_max > body.limit_min) & np.char.startswith(np.array(body.parameter_names), "scale_")
    parameters = ZERO.copy()
    parameters[free] = amount * rng.uniform(body.limit_min[free], body.limit_max[free])
    return parameters, amount * rng.uniform(body.identity_min, body.identity_max)


def tube(section: np.ndarray, height: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and edges of an upright tube with a section (n, 2)."""
    n = len(section)
    rings = [np.column_stack([section[:, 0], np.full(n, y), section[:, 1]]) for y in (0.0, height)]
    return np.concatenate(rings), np.stack([np.arange(n), np.arange(n) + n], axis=1)


class TestTape:
    def test_a_circle_an_ellipse_and_a_tilted_plane(self) -> None:
        angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        circle = 5.0 * np.column_stack([np.cos(angles), np.sin(angles)])
        vertices, edges = tube(circle)
        whole, middle = np.ones(len(vertices)), np.array([0.0, 5.0, 0.0])
        around = tape(vertices, edges, whole, middle, np.array([0.0, 1.0, 0.0]))
        assert around is not None
        assert around.length == pytest.approx(10 * np.pi, abs=0.01)
        tilted = np.array([np.sin(0.5), np.cos(0.5), 0.0])
        oval = tape(vertices, edges, whole, middle, tilted)
        assert oval is not None
        fine = np.linspace(0, 2 * np.pi, 200000)
        wide = np.hypot(5.0 / np.cos(0.5) * np.sin(fine), 5.0 * np.cos(fine))
        assert oval.length == pytest.approx(float(wide.mean() * 2 * np.pi), abs=0.02)

    def test_it_spans_hollows_and_leaves_other_parts_out(self) -> None:
        hollow = np.array([[0, 0], [10, 0], [10, 10], [5, 2], [0, 10]], float)
        beside = np.array([[30, 0], [31, 0], [31, 1]], float)
        one, edges = tube(hollow)
        other, more = tube(beside)
        vertices, edges = np.concatenate([one, other]), np.concatenate([edges, more + len(one)])
        share = np.repeat([1.0, 0.0], [len(one), len(other)])
        around = tape(vertices, edges, share, np.array([0.0, 5.0, 0.0]), np.array([0.0, 1.0, 0.0]))
        assert around is not None
        assert around.length == pytest.approx(40.0, abs=1e-6)

    def test_a_plane_that_misses(self) -> None:
        vertices, edges = tube(np.array([[0, 0], [1, 0], [1, 1]], float))
        assert tape(vertices, edges, np.ones(6), np.array([0.0, 20.0, 0.0]), np.array([0.0, 1.0, 0.0])) is None


class TestReading:
    def test_all_measures_are_there_and_a_persons(self, body: Body, measurer: Measurer) -> None:
        values = measurer.measured(ZERO, np.zeros(body.identity_count)).values
        assert list(values) == [measure.key for measure in MEASURES]
        for measure in MEASURES:
            assert measure.low < values[measure.key] < measure.high
        points = body.vertices(ZERO)
        assert values["stature"] == pytest.approx(float(np.ptp(points[:, 1])), abs=0.01)
        assert values["hip_girth"] > values["waist_girth"] > values["thigh_girth"] > values["neck_girth"]

    def test_a_body_made_larger_by_hand(self, body: Body, measurer: Measurer) -> None:
        larger = replace(
            body,
            rest_vertices=body.rest_vertices * np.float32(1.1),
            identity_basis=body.identity_basis * np.float32(1.1),
            skeleton=replace(body.skeleton, offsets=body.skeleton.offsets * 1.1),
        )
        _, identity = someone(body, 1)
        small, large = (one.measured(ZERO, identity).values for one in (measurer, Measurer(larger)))
        for key, value in small.items():
            assert large[key] == pytest.approx(1.1 * value, rel=1e-3), key

    def test_the_pose_does_not_matter(self, body: Body, measurer: Measurer) -> None:
        parameters, identity = someone(body, 2)
        posed = parameters.copy()
        posed[:136] += np.random.default_rng(3).normal(scale=0.6, size=136) * ~measurer.standing.skeleton[:136]
        assert measurer.measured(posed, identity).values == measurer.measured(parameters, identity).values

    def test_levels_of_detail(self, body: Body, measurer: Measurer, default_body_path: Path) -> None:
        finer = Measurer(Body.load(default_body_path.with_name("default-lod1.npz")))
        finest = Measurer(Body.load(default_body_path))
        for seed in (4, 5, 6):
            parameters, identity = someone(body, seed, 0.3)
            values, near, far = (one.measured(parameters, identity).values for one in (finest, finer, measurer))
            for key, value in values.items():
                assert near[key] == pytest.approx(value, abs=0.5), key
            for key in ("stature", "inside_leg", "arm_length", "shoulder_breadth", "foot_length", "wrist_girth"):
                assert far[key] == pytest.approx(values[key], abs=0.5), key

    def test_slopes_are_those_of_small_changes(self, body: Body, measurer: Measurer) -> None:
        parameters, identity = someone(body, 7, 0.2)
        lengths, rng = measurer.standing.lengths, np.random.default_rng(8)
        for measure in MEASURES:
            reading = measurer.read(measurer.standing.figure(parameters, identity), measure.key)
            assert reading is not None
            direction = rng.normal(size=len(lengths) + len(identity))
            ahead, behind = (
                measurer.measured(
                    parameters + np.bincount(lengths, by * direction[: len(lengths)], 204),
                    identity + by * direction[len(lengths) :],
                ).values[measure.key]
                for by in (1e-3, -1e-3)
            )
            expected = float(measurer.slopes(reading) @ direction)
            assert (ahead - behind) / 2e-3 == pytest.approx(expected, rel=0.01, abs=0.05), measure.key

    def test_a_made_up_body_measures_what_it_has(self, small_body: Body) -> None:
        values = Measurer(small_body).measured(ZERO, np.zeros(small_body.identity_count)).values
        assert "stature" in values
        assert all(np.isfinite(value) for value in values.values())


class TestTyped:
    @pytest.mark.parametrize(
        "wanted",
        [
            {"waist_girth": 88.0},
            {"inside_leg": 87.0},
            {"bust_girth": 104.0, "waist_girth": 82.0, "hip_girth": 108.0},
            {"neck_girth": 37.0, "wrist_girth": 15.5},
            {"arm_length": 58.0, "shoulder_breadth": 38.0},
            {"head_girth": 58.0, "thigh_girth": 52.0},
        ],
    )
    def test_values_are_met_and_the_rest_stays_near(
        self, body: Body, measurer: Measurer, wanted: Mapping[str, float]
    ) -> None:
        identity = np.zeros(body.identity_count)
        before = measurer.measured(ZERO, identity).values
        solved = with_measures(measurer, ZERO, identity, wanted)
        after = measurer.measured(solved.parameters, solved.identity).values
        assert not solved.missed
        for key, value in after.items():
            near = 0.5 if key in wanted else 0.06 * before[key] + 1.0
            assert value == pytest.approx(wanted.get(key, before[key]), abs=near), key
        kept = [i for i, name in enumerate(body.identity_names) if name in ("gender", "age", "face_gender")]
        assert not solved.identity[kept].any()
        assert (body.identity_min <= solved.identity + 1e-9).all()
        assert (solved.identity <= body.identity_max + 1e-9).all()

    def test_pose_is_kept_and_held_measures_too(self, body: Body, measurer: Measurer) -> None:
        parameters, identity = someone(body, 9, 0.3)
        parameters[20:60] += 0.2
        before = measurer.measured(parameters, identity).values
        goal = before["waist_girth"] + 8.0
        solved = with_measures(measurer, parameters, identity, {"waist_girth": goal}, ["hip_girth", "stature"])
        assert solved.values["waist_girth"] == pytest.approx(goal, abs=0.1)
        for key in ("hip_girth", "stature"):
            assert solved.values[key] == pytest.approx(before[key], abs=0.1)
        pose = ~measurer.standing.skeleton
        assert np.array_equal(solved.parameters[pose], parameters[pose])

    def test_the_nearest_value_is_named(self, body: Body, measurer: Measurer) -> None:
        solved = with_measures(measurer, ZERO, np.zeros(body.identity_count), {"waist_girth": 28.0})
        (missed,) = solved.missed
        assert missed.nearest == pytest.approx(solved.values["waist_girth"])
        assert missed.nearest > 28.5
        assert "Waist" in str(missed)
        assert f"{missed.nearest:.1f}" in str(missed)

    @pytest.mark.parametrize(
        "wanted", [{"nose": 3.0}, {"waist_girth": np.nan}, {"waist_girth": -5.0}, {"stature": 1e9}, {"hip_girth": 0.0}]
    )
    def test_nonsense_is_refused(self, body: Body, measurer: Measurer, wanted: Mapping[str, float]) -> None:
        with pytest.raises(UsageError):
            with_measures(measurer, ZERO, np.zeros(body.identity_count), wanted)


class TestHeight:
    @pytest.mark.parametrize(("height", "off"), [(162.0, 2.0), (185.0, 2.0), (130.0, 10.0)])
    def test_the_picture_stays(self, body: Body, measurer: Measurer, height: float, off: float) -> None:
        parameters, identity = someone(body, 10, 0.2)
        parameters[3:6] = 0.2, 0.6, -0.1
        parameters[20:60] += 0.1
        state = PlacedState(parameters, identity, np.zeros(body.expression_count), np.array([0.1, 0.9, 3.8]))
        tall = measurer.stature(parameters, identity)
        there, solved = of_height(measurer, state, LENS, height)
        assert not solved.missed
        assert measurer.stature(there.model_parameters, there.identity) == pytest.approx(height, abs=0.1)
        pose = ~measurer.standing.skeleton
        assert np.array_equal(there.model_parameters[pose], parameters[pose])
        before, after = (self.seen(body, one) for one in (state, there))
        per_thousand = 1000.0 / np.ptp(before[:, 1])
        assert per_thousand * np.linalg.norm(after - before, axis=1).mean() < off
        root = np.array([one.camera_translation for one in (state, there)]) + mhr_to_camera(
            body.pose(parameters).translations[1], np.zeros(3)
        )
        assert root[1, 2] / root[0, 2] == pytest.approx(height / tall, rel=0.03)

    @pytest.mark.parametrize(("height", "off"), [(162.0, 1.0), (190.0, 1.5), (150.0, 2.0)])
    def test_small_turns_bring_the_picture_back(
        self, body: Body, measurer: Measurer, height: float, off: float
    ) -> None:
        parameters, identity = someone(body, 10, 0.2)
        parameters[3:6] = 0.2, 0.6, -0.1
        parameters[20:60] += 0.1
        parameters = np.where(measurer.standing.skeleton, parameters, body.parameterisation.clamp(parameters))
        state = PlacedState(parameters, identity, np.zeros(body.expression_count), np.array([0.1, 0.9, 3.8]))
        kept, _ = of_height(measurer, state, LENS, height)
        there, solved = of_height(measurer, state, LENS, height, turning=True)
        assert measurer.stature(there.model_parameters, there.identity) == pytest.approx(height, abs=0.1)
        np.testing.assert_array_equal(there.identity, solved.identity)
        pose = ~measurer.standing.skeleton
        turned = there.model_parameters[pose] - parameters[pose]
        assert 0.0 < np.abs(turned).max() < np.radians(9.0)
        assert np.all(there.model_parameters[pose] >= body.limit_min[pose] - 1e-9)
        assert np.all(there.model_parameters[pose] <= body.limit_max[pose] + 1e-9)
        before = self.seen(body, state)
        per_thousand = 1000.0 / np.ptp(before[:, 1])
        near, far = (
            per_thousand * np.linalg.norm(self.seen(body, one) - before, axis=1).mean() for one in (there, kept)
        )
        assert near < off
        assert near < 0.7 * far
        # where the size does not change, nothing turns
        same, _ = of_height(measurer, state, LENS, measurer.stature(parameters, identity), turning=True)
        np.testing.assert_allclose(same.model_parameters, parameters, atol=2e-3)

    @staticmethod
    def seen(body: Body, state: PlacedState) -> np.ndarray:
        """Keypoints (70, 2), px."""
        pose = body.pose(state.model_parameters)
        points = body.keypoints(pose, body.posed_vertices(pose, state.identity, state.expression))
        return project(mhr_to_camera(points, state.camera_translation), LENS)

    def test_back_again(self, body: Body, measurer: Measurer) -> None:
        identity = np.zeros(body.identity_count)
        away = with_height(measurer, ZERO, identity, 186.0)
        back = with_height(measurer, away.parameters, away.identity, measurer.stature(ZERO, identity))
        first = measurer.measured(ZERO, identity).values
        for key, value in back.values.items():
            assert value == pytest.approx(first[key], abs=1.5), key

    @pytest.mark.parametrize("height", [50.0, 110.0, 250.0])
    def test_extremes_are_had_or_named(self, body: Body, measurer: Measurer, height: float) -> None:
        solved = with_height(measurer, ZERO, np.zeros(body.identity_count), height)
        reached = measurer.stature(solved.parameters, solved.identity)
        assert reached == pytest.approx(height, abs=0.5) or solved.missed[0].nearest == pytest.approx(reached)
        assert np.isfinite(body.vertices(solved.parameters, solved.identity)).all()

    @pytest.mark.parametrize("height", [0.0, 49.9, 250.1, -170.0, np.nan, np.inf])
    def test_nonsense_is_refused(self, body: Body, measurer: Measurer, height: float) -> None:
        with pytest.raises(UsageError, match="between 50 and 250 cm"):
            with_height(measurer, ZERO, np.zeros(body.identity_count), height)


class TestChildren:
    def test_the_child_who_is_so_tall(self, small_body: Body) -> None:
        table = aged(small_body).ages
        assert years_of_height(None, 110.0) is None
        assert years_of_height(table, 170.0) is None
        assert years_of_height(table, 40.0) == 5.0
        young, older = years_of_height(table, 115.0), years_of_height(table, 140.0)
        assert young is not None
        assert older is not None
        assert 5.0 < young < older < 20.0
        assert table is not None
        assert table.at(older).stature == pytest.approx(140.0, abs=0.5)

    def test_an_adult_becomes_a_child_and_grows_up_again(self, small_body: Body) -> None:
        body = aged(small_body)
        parameters, identity = np.zeros(204), np.zeros(body.identity_count)
        parameters[body.parameter_index("l_elbow_bend")] = 0.4
        child, shape = of_age_for(body, parameters, identity, 168.0, 115.0)
        assert child[body.parameter_index("scale_uplegs")] < -1.0
        assert child[body.parameter_index("l_elbow_bend")] == 0.4
        assert shape[-1] > 0.5
        adult, grown = of_age_for(body, child, shape, 115.0, 168.0)
        assert adult == pytest.approx(parameters)
        assert grown == pytest.approx(identity)
        same, own = of_age_for(body, parameters, identity, 168.0, 160.0)
        assert np.array_equal(same, parameters)
        assert np.array_equal(own, identity)


def test_least_squares_within_bounds() -> None:
    rng = np.random.default_rng(12)
    for _ in range(30):
        matrix, target = rng.normal(size=(30, 12)), rng.normal(size=30) * 3
        low, high = -rng.uniform(0, 0.3, 12), rng.uniform(0, 0.3, 12)
        low[0] = high[0] = 0.1
        ours = least_squares_within(matrix, target, low, high)
        low[0], high[0] = 0.1 - 1e-9, 0.1 + 1e-9
        theirs = lsq_linear(matrix, target, (low, high), tol=1e-12).x
        assert np.linalg.norm(matrix @ ours - target) <= np.linalg.norm(matrix @ theirs - target) + 1e-6
        assert np.abs(ours - theirs).max() < 1e-4
