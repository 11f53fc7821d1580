"""Oracles replace what they say by the truth and nothing else, and the figures are what they are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.accuracy import oracles
from bench.accuracy.oracles import COMPACT, ENGINE, FITS, PARTS, START, Case, Judged
from native_runtime.camera import Gravity, intrinsics_for, project
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.detection.lifting import POINTS, SEGMENTS, Lifted
from native_runtime.engines.evidence import gather_evidence
from native_runtime.engines.point_names import body_point
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_vector_to_matrix
from native_runtime.mhr.state import PlacedState
from tests.support import glimpsed
from tests.support.bodies import toy_body


@pytest.fixture(scope="module")
def body() -> Body:
    return toy_body()


@pytest.fixture
def true(rng: np.random.Generator) -> Lifted:
    return oracles.true_of(rng.normal(size=(33, 3)), np.eye(3))


def said_of(true: Lifted, rng: np.random.Generator) -> Lifted:
    vectors = true.vectors + rng.normal(0, 0.3, true.vectors.shape)
    return Lifted(vectors, true.vector_sigmas + 1, true.places + rng.normal(0, 0.3, (21, 3)), true.place_sigmas + 1)


def same(first: Lifted, second: Lifted, segments: NDArray[np.bool_], points: NDArray[np.bool_]) -> bool:
    return bool(
        np.array_equal(first.vectors[segments], second.vectors[segments])
        and np.array_equal(first.vector_sigmas[segments], second.vector_sigmas[segments])
        and np.array_equal(first.places[points], second.places[points])
        and np.array_equal(first.place_sigmas[points], second.place_sigmas[points])
    )


EVERY = np.ones(len(SEGMENTS), bool), np.ones(len(POINTS), bool)


class TestTruth:
    def test_parts_share_out_all_segments_and_points(self) -> None:
        for name in (*POINTS, *(end for _, end in SEGMENTS)):
            assert sum(name.endswith(ends) for ends in PARTS.values()) == 1

    @pytest.mark.parametrize("part", PARTS)
    def test_a_part_is_true_and_all_else_as_it_was(self, true: Lifted, rng: np.random.Generator, part: str) -> None:
        said = said_of(true, rng)
        found = oracles.with_parts(said, true, [part])
        segments = np.array([end.endswith(PARTS[part]) for _, end in SEGMENTS])
        points = np.array([name.endswith(PARTS[part]) for name in POINTS])
        assert same(found, true, segments, points)
        assert same(found, said, ~segments, ~points)

    def test_limbs_mirrored_in_depth_are_put_right(self, true: Lifted) -> None:
        thigh = SEGMENTS.index(("left_hip", "left_knee"))
        true.vectors[thigh] = 0.6, 0.0, 0.8
        vectors, places = true.vectors.copy(), true.places.copy()
        vectors[thigh, 2] *= -1
        below = [POINTS.index(f"left_{name}") for name in ("knee", "ankle", "heel", "foot_index")]
        places[below, 2] -= 2 * 0.42 * 0.8
        found = oracles.with_signs(replace(true, vectors=vectors, places=places), true)
        np.testing.assert_allclose(found.vectors, true.vectors)
        np.testing.assert_allclose(found.places, true.places)

    def test_signs_that_hardly_count_stay(self, true: Lifted) -> None:
        flat = replace(true, vectors=true.vectors * [1.0, 1.0, 0.1])
        turned = replace(flat, vectors=flat.vectors * [1.0, 1.0, -1.0])
        assert same(oracles.with_signs(turned, flat), turned, *EVERY)

    def test_the_nearer_one_is_chosen_part_by_part(self, true: Lifted, rng: np.random.Generator) -> None:
        said = said_of(true, rng)
        assert same(oracles.nearer(said, true, true), true, *EVERY)
        assert same(oracles.nearer(true, said, true), true, *EVERY)
        arms = oracles.with_parts(said, true, ["arms"])
        others = oracles.with_parts(said, true, ["trunk", "legs", "head"])
        assert same(oracles.nearer(arms, others, true), true, *EVERY)


class TestEvidence:
    @pytest.fixture
    def case(self, body: Body, rng: np.random.Generator) -> Case:
        who, photo = glimpsed.person(), Photo(np.zeros((640, 640, 3), np.uint8), Path("p.jpg"))
        intrinsics = intrinsics_for(photo.original_size)
        evidence = gather_evidence(who, photo, body, intrinsics)
        true = rng.normal(size=(33, 3)) * 0.4 + [0.0, 0.0, 4.0]
        lens = intrinsics * np.array([[1.2], [1.2], [1.0]])
        state = PlacedState(
            rng.normal(size=len(body.parameter_names)),
            np.ones(body.identity_count),
            np.ones(body.expression_count),
            np.array([0.0, 0.0, 4.0]),
        )
        return Case(who, evidence, intrinsics, Gravity(), 900.0, true, lens, state)

    def test_true_directions_and_places_reach_the_evidence_in_camera_axes(self, case: Case, body: Body) -> None:
        evidence = FITS["true directions and places"](case, body).evidence
        at = {body_point(body, name): place for name, place in zip(BODY_POINTS, case.true)}
        rows = {
            pair: row
            for row, pair in reversed(list(enumerate(zip(evidence.directions.starts, evidence.directions.ends))))
        }
        checked = 0
        for start, end in SEGMENTS:
            pair = body_point(body, start), body_point(body, end)
            if pair in rows:
                way = at[pair[1]] - at[pair[0]]
                np.testing.assert_allclose(
                    evidence.directions.vectors[rows[pair]], way / np.linalg.norm(way), atol=1e-9
                )
                np.testing.assert_allclose(evidence.directions.sigmas[rows[pair]], oracles.SIGMAS[0])
                checked += 1
        assert checked > 5
        placed = evidence.positions
        assert placed is not None
        middle = np.mean([at[name] for name in placed.about], axis=0)
        np.testing.assert_allclose(placed.positions, [at[name] - middle for name in placed.names], atol=1e-9)

    def test_what_the_engine_goes_by_is_what_it_gets_back(self, case: Case, body: Body) -> None:
        same_again = oracles.with_lifted(case.evidence, oracles.mapped(case), body)
        np.testing.assert_allclose(same_again.directions.vectors, case.evidence.directions.vectors, atol=0.02)
        assert same_again.positions is not None
        assert case.evidence.positions is not None
        np.testing.assert_allclose(same_again.positions.sigmas, case.evidence.positions.sigmas, rtol=0.1)

    def test_true_points_are_where_the_true_lens_shows_them(self, case: Case, body: Body) -> None:
        points = FITS["true points in the picture"](case, body).evidence.points
        pixels = project(case.true, case.true_intrinsics)
        for name, place in zip(points.names, points.positions):
            number = [body_point(body, one) for one in BODY_POINTS].index(name)
            np.testing.assert_allclose(place, pixels[number])
        np.testing.assert_array_equal(points.sigmas, case.evidence.points.sigmas)

    def test_a_start_at_the_truth_has_its_pose_and_place(self, case: Case, body: Body) -> None:
        given = FITS[START](case, body)
        assert given.start is not None
        np.testing.assert_array_equal(given.start.model_parameters, case.state.model_parameters)
        np.testing.assert_array_equal(given.start.camera_translation, case.state.camera_translation)
        assert not given.start.expression.any()
        assert given.evidence is case.evidence


class TestFigures:
    def test_what_is_left_of_an_error(self, rng: np.random.Generator) -> None:
        true = rng.normal(size=(21, 3))
        middle = true[[POINTS.index("left_hip"), POINTS.index("right_hip")]].mean(axis=0)
        turned = (true - middle) @ rotation_vector_to_matrix(np.array([0.1, -0.4, 0.2])).T
        assert oracles.mended(turned, true)["turned right"] == pytest.approx(0.0, abs=1e-9)
        assert oracles.mended(1.3 * true, true)["of the right size"] == pytest.approx(0.0, abs=1e-9)
        deeper = true + np.array([0.0, 0.0, 1.0]) * rng.normal(size=(21, 1))
        assert oracles.mended(deeper, true)["right in depth"] == pytest.approx(0.0, abs=1e-9)
        aside = true + np.array([1.0, 1.0, 0.0]) * rng.normal(size=(21, 1))
        assert oracles.mended(aside, true)["right across the view"] == pytest.approx(0.0, abs=1e-9)
        for wrong in (turned, 1.3 * true, deeper, aside):
            assert oracles.mended(wrong, true)["as it is"] == pytest.approx(oracles.mpjpe(wrong, true))
            assert oracles.mended(wrong, true)["as it is"] > 1.0

    def test_the_interval_of_a_ratio(self, rng: np.random.Generator) -> None:
        before = rng.uniform(20, 200, 60)
        assert oracles.ratio_interval(before, 0.8 * before) == pytest.approx((0.8, 0.8))
        low, high = oracles.ratio_interval(before, before * rng.uniform(0.8, 1.2, 60))
        assert low < 1.0 < high

    def test_the_better_of_two_fits_by_truth_and_by_cost(self, rng: np.random.Generator) -> None:
        people = []
        for number in range(4):
            true = rng.normal(size=(21, 3))
            good, bad = (true + rng.normal(0, spread, (21, 3)) for spread in (0.01, 0.1))
            fits = np.array([good if (name == ENGINE) == (number % 2 == 0) else bad for name in FITS])
            costs = np.array([float(name in (COMPACT, START)) for name in FITS])  # always for the engine's
            people.append(Judged(true, np.repeat(oracles.directions(true)[None], 2, axis=0), fits, costs))
        rows = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in oracles.table(people).split("\n")}
        assert rows["the better of both, by cost"][1:] == rows[ENGINE][1:]
        assert float(rows["the better of both, by truth"][3]) < 0.3 * float(rows[ENGINE][3])
        assert rows["arms"][1] == "0.0 (0)"
