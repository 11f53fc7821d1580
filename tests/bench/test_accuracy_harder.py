"""The harder set is what its truth says, and its measures notice what they are for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.accuracy import angles, answers, children, likeness, mocap, readings
from bench.accuracy.contacts import contacts
from bench.accuracy.figures import Figure
from bench.accuracy.finding import Figure2D, sorted_out
from bench.accuracy.overlap import OverlapMeter, distances_to, winding_numbers
from bench.accuracy.plan import person_in
from bench.accuracy.positions import KINDS, random_position
from bench.accuracy.posture import SEGMENTS, Posture, retarget, segment_directions
from bench.accuracy.truth import Truth, split_of
from bench.accuracy.views import Placed, portrait_view
from native_runtime.camera import CM_PER_M
from native_runtime.detection.landmarks import HandLandmarks, PersonLandmarks
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.models import store
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.library import library, pose_parameters

CUBE = np.array([[x, y, z] for x in (0.0, 1) for y in (0.0, 1) for z in (0.0, 1)])
CUBE_FACES = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6],
                       [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]])  # fmt: skip


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


@pytest.fixture(scope="module")
def coarse(default_body_path: Path) -> Body:
    return Body.load(store.body_path("default-lod2"))


@pytest.fixture(scope="module")
def meter(coarse: Body) -> OverlapMeter:
    return OverlapMeter(coarse)


def posed(body: Body, pose: str, **turns: float) -> np.ndarray:
    values = pose_parameters(body, pose)
    for name, value in turns.items():
        values[body.parameter_index(name)] = value
    return np.asarray(body.vertices(values), np.float64) / CM_PER_M


class TestPosture:
    def test_the_body_takes_a_pose_back_from_its_directions(self, body: Body) -> None:
        for pose in ("running", "sitting_legs_crossed"):
            joints = body.pose(pose_parameters(body, pose)).translations
            segments = segment_directions(body, joints)
            met = retarget(body, Posture(segments, None, pose, ("upright",)))
            assert met.limbs < 3.0
            assert max(met.missed[name] for name in ("trunk", "hips")) < 5.0
            found = segment_directions(body, body.pose(met.parameters).translations)
            for name in SEGMENTS:  # what is reported is what the parameters do, the root's rotation included
                assert angles.angle_between(found[name], segments[name]) == pytest.approx(met.missed[name], abs=0.1)

    def test_limits_are_kept_and_the_impossible_is_reported(self, body: Body) -> None:
        segments = segment_directions(body, body.pose(pose_parameters(body, "standing")).translations)
        segments["l_shank"] = np.array([0.0, 0.0, 1.0])  # a knee bent forwards
        met = retarget(body, Posture(segments, None, "", ("upright",)))
        posed = np.arange(len(met.parameters)) >= 6
        assert (met.parameters[posed] >= body.limit_min[posed] - 1e-9).all()
        assert (met.parameters[posed] <= body.limit_max[posed] + 1e-9).all()
        assert met.missed["l_shank"] > 30.0

    def test_a_hand_reaches_what_it_is_told_to(self, body: Body) -> None:
        pose = body.pose(pose_parameters(body, "standing"))
        segments = segment_directions(body, pose.translations)
        for part in ("upper_arm", "forearm"):
            del segments[f"r_{part}"]
        goal = np.array([-25.0, 35.0, 30.0])
        met = retarget(body, Posture(segments, None, "", ("upright",)), {"r_wrist": goal})
        places = body.pose(met.parameters).translations
        reached = places[body.joint_index("r_wrist")] - places[body.joint_index("root")]
        assert np.linalg.norm(reached - goal) < 3.0

    @pytest.mark.parametrize("kind", sorted(KINDS))
    def test_positions_are_what_they_are_called(self, kind: str) -> None:
        rng = np.random.default_rng(4)
        standing = Posture({name: np.array([0.0, -1.0, 0.0]) for name in SEGMENTS}, None, "", ())
        for way, name in (([1.0, 0, 0], "hips"), ([0.0, 1, 0], "trunk"), ([1.0, 0, 0], "shoulders")):
            standing.segments[name][:] = way  # type: ignore[index]
        frame = np.diag([-1.0, 1.0, 1.0])[None]
        clip = mocap.Clip("still", np.zeros((1, 17, 3)), frame)
        clip.joints[0, [1, 9], 0], clip.joints[0, [2, 10], 0], clip.joints[0, 15, 1] = 0.1, -0.1, 0.5
        for _ in range(5):
            segments = random_position(kind, [clip], rng).segments
            level = abs(segments["trunk"][1]) < 0.4
            assert level == (kind in ("lying", "all fours"))
            thighs = [segments[f"{s}_thigh"][1] for s in "lr"]
            if kind in ("chair", "floor"):
                assert max(np.abs(thighs)) < 0.95
                assert min(thighs) > -0.6
            if kind == "all fours":
                assert max(thighs) < -0.8


class TestMocap:
    def test_no_held_out_clip_is_for_tuning(self, shared: Path) -> None:
        tune, held_out = mocap.clips("tune", shared / "mocap"), mocap.clips("held-out", shared / "mocap")
        with np.load(shared / "mocap" / "free.npz") as archive:
            names = [f"free {name}" for name in archive["clip"]]
        assert [clip.name for clip in tune] == [name for k, name in enumerate(names) if k % 5]
        assert {name for k, name in enumerate(names) if k % 5 == 0} <= {clip.name for clip in held_out}
        assert sum(clip.name.startswith("test") for clip in held_out) == 26

    def test_frames_between_unrelated_rotations_are_left_out(self) -> None:
        joints = np.zeros((60, 17, 3))
        joints[:, 15, 1] = 0.5
        joints[30:, 15] = [0.5, 0.05, 0.0]
        steady = mocap._steady(joints)
        assert steady[:19].all()
        assert not steady[20:].any()


class TestOverlap:
    def test_winding_numbers_tell_inside_from_outside(self) -> None:
        surface = CUBE[CUBE_FACES]
        points = np.array([[0.5, 0.5, 0.5], [0.01, 0.9, 0.1], [1.2, 0.5, 0.5], [0.5, -3.0, 0.5]])
        np.testing.assert_allclose(np.abs(winding_numbers(points, surface)), [1, 1, 0, 0], atol=1e-9)
        np.testing.assert_allclose(np.abs(winding_numbers(CUBE, surface)), 1 / 8, atol=1e-9)  # of its corners' rays

    def test_distances_to_faces_edges_and_corners(self) -> None:
        points = np.array([[0.5, 0.5, 0.9], [0.5, 1.5, 0.5], [0.5, 2.0, 2.0], [2.0, 2.0, 2.0]])
        expected = [0.1, 0.5, 2**0.5, 3**0.5]
        np.testing.assert_allclose(distances_to(points, CUBE[CUBE_FACES]), expected, atol=1e-9)

    def test_people_who_keep_apart_have_none(self, coarse: Body, meter: OverlapMeter) -> None:
        for pose in ("standing", "waving", "running", "warrior_two"):
            assert meter.within_itself(posed(coarse, pose)).depth < 0.005, pose

    def test_a_hand_within_the_hip_is_found_and_named(self, coarse: Body, meter: OverlapMeter) -> None:
        found = meter.within_itself(posed(coarse, "standing", l_uparm_rz=-0.75, l_elbow_bend=0.0))
        assert found.depth > 0.01
        assert "l_hand" in (found.first, found.second)

    def test_thighs_and_folded_knees_touch_by_nature(self, coarse: Body, meter: OverlapMeter) -> None:
        found = meter.within_itself(posed(coarse, "standing", l_knee_bend=2.0))
        assert found.depth < 0.01

    def test_two_people(self, coarse: Body, meter: OverlapMeter) -> None:
        one = posed(coarse, "standing")
        depths = [meter.between(one, one + [away, 0.0, 0.0]) for away in (0.3, 0.45, 1.0)]
        assert depths[0] > depths[1] > 0.01
        assert depths[2] == 0.0


class TestAngles:
    def test_flexion_is_the_bend_of_the_joint(self, body: Body) -> None:
        rest = angles.flexion(segment_directions(body, body.pose(np.zeros(204)).translations), "l", "knee")
        values = np.zeros(204)
        values[body.parameter_index("l_knee_bend")] = np.radians(70)
        bent = segment_directions(body, body.pose(values).translations)
        assert angles.flexion(bent, "l", "knee") - rest == pytest.approx(70, abs=6)
        assert angles.flexion(bent, "r", "knee") == pytest.approx(rest, abs=1)

    def test_camera_axes_do_not_exchange_ahead_and_behind(self, body: Body) -> None:
        values = np.zeros(204)
        values[body.parameter_index("l_upleg_rz")] = -1.2
        segments = segment_directions(body, body.pose(values).translations)
        ahead = angles.limb_angles(segments, "l", "leg")["raised ahead"]
        camera = body.pose(values).translations * [1, -1, -1] / CM_PER_M + [0.3, 0.2, 4.0]
        again = angles.limb_angles(angles.segments_of(body, camera), "l", "leg")["raised ahead"]
        assert again == pytest.approx(ahead, abs=1e-6)
        assert abs(ahead) > 40

    def test_a_leg_behind_the_head_is_beyond_what_people_do(self, body: Body, shared: Path) -> None:
        ranges = angles.Ranges.of_mocap()
        standing = segment_directions(body, body.pose(pose_parameters(body, "standing")).translations)
        assert ranges.beyond(standing, "l", "leg") == []
        assert ranges.beyond(standing, "r", "arm") == []
        flying = standing | {"l_thigh": np.array([0.0, 0.5, -0.85])}
        assert "raised ahead" in ranges.beyond(flying, "l", "leg")


class TestChildren:
    def test_statures_and_heads(self, body: Body) -> None:
        values = np.zeros(204)
        pose, vertices = body.pose(values), body.vertices(values)
        joints, surface = children.grown(body, pose, vertices, 1.0, 1.0)
        np.testing.assert_array_equal(surface, vertices)
        head = children.head_scale(4.0)
        joints, surface = children.grown(body, pose, vertices, 0.6, head)
        chin = joints[body.joint_index("c_head")][1]
        share = (surface[:, 1].max() - chin) / np.ptp(surface[:, 1])
        grown_up = vertices[:, 1].max() - pose.translations[body.joint_index("c_head")][1]
        assert share > 1.25 * grown_up / np.ptp(vertices[:, 1])
        knee = body.joint_index("l_lowleg")
        np.testing.assert_allclose(joints[knee], 0.6 * pose.translations[knee])

    def test_a_child_stands_where_the_camera_sees_it(self, body: Body) -> None:
        figure = Figure(
            pose_parameters(body, "waving"), np.zeros(body.identity_count), np.zeros(body.expression_count), "", (),
            0.62, 1.3, {"age": 6.0},
        )  # fmt: skip
        draft = Placed(figure, 0.7, np.array([0.4, 0.2, 0.0]))
        placed = Placed(figure, 0.7, np.array([0.4, 0.2, -float(draft.vertices(body)[:, 2].min())]))
        world = np.asarray(placed.vertices(body), np.float64)
        assert 1.0 < np.ptp(world[:, 2]) < 1.5  # the arm is raised
        view = portrait_view(world, (600, 800))
        person = person_in(body, placed, view, dict(figure.about))
        np.testing.assert_allclose(person.vertices, view.from_world(world), atol=2e-5)
        np.testing.assert_allclose(person.surface_of(body), person.vertices, atol=2e-5)
        scene = Truth(view.size, view.intrinsics, (person,), {}, np.full(4, np.nan))
        assert scene.inside(person.keypoints).all()


class TestContacts:
    def test_feet_stand_and_hands_hang(self, body: Body) -> None:
        anatomy = Anatomy(body)
        standing = posed(body, "standing")[:, [0, 2, 1]] * [1, -1, 1]  # to z up
        standing[:, 2] -= standing[:, 2].min()
        other = standing + [0.0, 3.0, 0.0]
        found = contacts(anatomy, [standing, other], 0.0, [None, None])
        on_floor = {entry["part"] for entry in found[0] if entry["with"] == "floor"}
        assert on_floor == {"l_foot", "r_foot"}
        assert not [entry for entry in found[0] if entry["with"].startswith("person")]
        lifted = contacts(anatomy, [standing + [0, 0, 0.2]], 0.0, [None])
        assert not [entry for entry in lifted[0] if entry["with"] == "floor"]

    def test_shoulders_that_touch(self, body: Body) -> None:
        anatomy = Anatomy(body)
        one = posed(body, "standing")[:, [0, 2, 1]] * [1, -1, 1]
        width = float(np.ptp(one[:, 0]))
        found = contacts(anatomy, [one, one + [width + 0.004, 0, 0]], one[:, 2].min(), [None, None])
        touching = [entry for entry in found[1] if entry["with"] == "person 0"]
        assert touching
        assert {entry["part"][2:] for entry in touching} <= {"hand", "forearm", "upper_arm"}


class TestFinding:
    @staticmethod
    def person(x: float, height: float = 200.0) -> Figure2D:
        rows = np.linspace(0, height, 21)
        points = np.stack([x + 20 * np.sin(np.arange(21)), rows], axis=1)
        return Figure2D(points, np.ones(21, bool), height)

    def test_each_is_found_once(self) -> None:
        true = [self.person(0), self.person(150), self.person(900)]
        found = [true[1].points + 3, true[0].points - 4, true[0].points + 12, true[2].points + [0, 600]]
        finding = sorted_out(true, found)
        assert finding.pairs == {0: 1, 1: 0}
        assert finding.duplicates == (2,)
        assert finding.false == (3,)
        assert finding.merged == ()

    def test_half_of_one_and_half_of_another_are_merged(self) -> None:
        true = [self.person(0), self.person(80)]
        mixed = np.where((np.arange(21) < 11)[:, None], true[0].points, true[1].points)
        assert sorted_out(true, [mixed]).merged == (0,)
        assert sorted_out(true, [true[1].points + 2]).merged == ()

    def test_nobody(self) -> None:
        assert sorted_out([], [self.person(0).points]).false == (0,)
        assert sorted_out([self.person(0)], []).pairs == {}


class TestLikeness:
    def test_sex_is_said_only_where_the_slider_says_something(self) -> None:
        assert [likeness.sex_said(value) for value in (-0.9, -0.1, 0.1, 0.9)] == ["female", None, None, "male"]
        assert likeness.sex_said(float("nan")) is None

    def test_separability(self) -> None:
        values, male = np.array([-1.0, -0.5, 0.2, 0.9]), np.array([False, True, False, True])
        assert likeness.separability(values, male) == 0.75
        assert np.isnan(likeness.separability(values, np.ones(4, bool)))

    def test_size_is_of_bones_whatever_the_pose(self, body: Body) -> None:
        one = body.pose(pose_parameters(body, "standing")).translations
        other = body.pose(pose_parameters(body, "running")).translations @ euler_to_matrix(np.array([0.3, 1.0, 0.2])).T
        assert likeness.size_ratio(body, 0.7 * other, one) == pytest.approx(0.7, abs=0.03)

    def test_field_of_view_is_of_the_diagonal(self) -> None:
        assert likeness.field_of_view(np.diag([500.0, 500, 1]), (600, 800)) == pytest.approx(90.0)


class TestReadings:
    @staticmethod
    def someone(rng: np.random.Generator) -> PersonLandmarks:
        hand = HandLandmarks(rng.normal(size=(21, 2)), rng.normal(size=(21, 3)), 0.8, "left")
        return PersonLandmarks(
            np.array([1.0, 2, 30, 40]), 0.9, rng.normal(size=(33, 2)), rng.normal(size=(33, 3)), rng.random(33),
            rng.random(33), rng.random((16, 16)).astype(np.float32), rng.normal(size=(2, 3)), hand, None,
        )  # fmt: skip

    def test_people_are_kept_and_read_again(self, tmp_path: Path, rng: np.random.Generator) -> None:
        people = [self.someone(rng), self.someone(rng)]
        readings.save_people(people, tmp_path / "0001.npz")
        again = readings.load_people(tmp_path / "0001.npz")
        assert len(again) == 2
        np.testing.assert_array_equal(again[1].points_3d, people[1].points_3d)
        np.testing.assert_allclose(again[0].mask, people[0].mask, atol=0.003)
        assert again[0].left_hand is not None
        assert (again[0].left_hand.side, again[0].right_hand) == ("left", None)
        assert again[0].score == pytest.approx(0.9)

    def test_what_a_cache_lacks_is_said(self, rng: np.random.Generator) -> None:
        arrays = answers.packed(self.someone(rng), "0")
        del arrays["0.visibility"]
        with pytest.raises(ValueError, match="visibility is missing"):
            readings.unpacked(PersonLandmarks, arrays, "0")

    def test_an_engine_that_finds_nobody_answers_so(self) -> None:
        class Blind:
            capabilities = SimpleNamespace(takes_camera=True)

            def read(self, photo: object, intrinsics: object, boxes: object) -> object:
                return SimpleNamespace(people=(), take_camera=lambda intrinsics, gravity: None)

        photo = Photo(np.full((64, 96, 3), 128, np.uint8), Path("grey.png"))
        found = answers.answer(Blind(), photo, None, False)
        assert json.loads(str(found["found"])) == []


def test_every_third_picture_is_for_tuning() -> None:
    assert [split_of(n, 3) for n in range(4)] == ["tune", "held-out", "held-out", "tune"]
    assert split_of(0, 0) == "held-out"
    assert "standing" in library()["poses"]
