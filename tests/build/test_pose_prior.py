"""Making the pose prior: limbs in, MHR angles out; what is learnt from what; and the mixture's arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.pose_prior import independent_log_likelihood, mixture_log_likelihood
from native_runtime.build.pose_prior.authored import authored_poses, limb_pose
from native_runtime.build.pose_prior.limbs import LIMBS, LimbPose, LimbSolver
from native_runtime.build.pose_prior.mixture import MixtureRecipe, fit_mixture
from native_runtime.build.pose_prior.mocap import Mocap, motion, recording
from native_runtime.build.pose_prior.poses import PoseSet, balanced
from native_runtime.errors import UsageError
from native_runtime.fitting.prior import PosePrior
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import euler_to_matrix

NAMES = ["pelvis", "lhip", "rhip", "lknee", "rknee", "lankle", "rankle", "ltoe", "rtoe", "lshoulder", "rshoulder"]
NAMES += ["lelbow", "relbow", "lwrist", "rwrist", "neck", "head"]


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path)


@pytest.fixture(scope="module")
def solver(body: Body) -> LimbSolver:
    return LimbSolver(body)


def limbs_of(body: Body, angles: dict[str, float], turn: tuple[float, float, float]) -> tuple[LimbPose, np.ndarray]:
    """The directions of a posed body, and its keypoints."""
    parameters = np.zeros(204)
    for name, value in angles.items():
        parameters[body.parameter_index(name)] = value
    parameters[3:6] = turn
    pose = body.pose(parameters)
    points = dict(zip(body.keypoint_names, body.keypoints(pose, body.vertices(parameters)), strict=True))
    pairs = {**LIMBS, "hips": ("right_hip", "left_hip"), "shoulders": ("right_shoulder", "left_shoulder")}
    vectors = {part: points[end] - points[start] for part, (start, end) in pairs.items()}
    middle = [(points[f"left_{joint}"] + points[f"right_{joint}"]) / 2 for joint in ("hip", "shoulder")]
    vectors["trunk"] = middle[1] - middle[0]
    rest = body.pose(np.zeros(204)).linear[body.joint_index("c_head")]
    head = pose.linear[body.joint_index("c_head")] @ rest.T
    return LimbPose({part: v / np.linalg.norm(v) for part, v in vectors.items()}, head), parameters


@pytest.mark.parametrize(
    ("angles", "turn"),
    [
        ({}, (0.0, 0.0, 0.0)),
        (
            {"l_upleg_rz": -1.4, "r_upleg_rz": -1.3, "l_knee_bend": 1.5, "r_knee_bend": 1.2, "l_elbow_bend": 1.2},
            (0.0, 2.5, 0.0),
        ),
        (
            {"l_uparm_rz": 1.2, "l_elbow_bend": 0.8, "r_uparm_ry": 0.8, "spine_bend0": 0.5, "neck_twist": 0.5},
            (1.4, 0.3, 0.0),
        ),
    ],
)
def test_the_limbs_of_a_posed_body_give_its_limbs_back(
    body: Body, solver: LimbSolver, angles: dict[str, float], turn: tuple[float, float, float]
) -> None:
    pose, parameters = limbs_of(body, angles, turn)
    posed = solver.solve(pose)
    assert max(posed.misses.values()) < np.radians(3)
    assert not body.parameterisation.violation(posed.model_parameters).any()
    turned = euler_to_matrix(posed.model_parameters[3:6]).T @ euler_to_matrix(parameters[3:6])
    assert (
        np.degrees(np.arccos(np.clip((np.trace(turned) - 1) / 2, -1, 1))) < 20
    )  # no limb tells the pelvis from the spine
    for name in ("l_knee_bend", "r_knee_bend", "l_elbow_bend"):
        slot = body.parameter_index(name)
        assert posed.model_parameters[slot] == pytest.approx(parameters[slot], abs=0.15), name


def test_authored_poses_are_many_and_mhr_can_take_them(body: Body, solver: LimbSolver) -> None:
    poses = authored_poses()
    assert len(poses) >= 40
    assert {"standing", "sitting", "floor", "kneeling", "squatting", "lying", "yoga"} <= {entry.kind for entry in poses}
    for entry in poses[::3]:
        posed = solver.solve(entry.pose)
        assert np.degrees(posed.miss) < 8, entry.name
        assert not body.parameterisation.violation(posed.model_parameters).any(), entry.name


def test_an_authored_pose_says_what_is_wrong_with_it() -> None:
    with pytest.raises(UsageError, match="thigs"):
        limb_pose("typing", {"tags": ["sitting"], "thigs": [0, 0, 1]})
    with pytest.raises(UsageError, match="trunk"):
        limb_pose("nowhere", {"tags": ["sitting"], "trunk": [0, 0, 0]})


def test_one_line_of_an_authored_pose_stands_for_both_sides() -> None:
    pose = limb_pose("both", {"tags": ["sitting"], "thighs": [0.3, 0.0, 1.0], "right_shank": [0.5, -1.0, 0.0]})
    np.testing.assert_allclose(pose.vectors["left_thigh"] * [-1, 1, 1], pose.vectors["right_thigh"])
    assert pose.vectors["right_shank"][0] < -0.4  # outwards, to the right


def write_mocap(path: Path, clips: list[np.ndarray], sources: list[str], names: list[str]) -> Path:
    joints = np.concatenate(clips)
    np.savez(
        path,
        source=np.array(sources),
        clip=np.array(names),
        frames=np.array([len(frames) for frames in clips]),
        joints=joints.astype(np.float32),
        head=np.repeat(np.eye(3)[None], len(joints), axis=0),
        joint_names=np.array(NAMES),
    )
    return path


def figure(bend: float) -> np.ndarray:
    """17 joints of a person who stands and lifts the left thigh by an angle."""
    place = {
        "pelvis": (0, 1, 0), "lhip": (0.09, 0.95, 0), "rhip": (-0.09, 0.95, 0), "neck": (0, 1.48, 0),
        "head": (0, 1.6, 0.02), "rknee": (-0.1, 0.53, 0), "rankle": (-0.1, 0.1, -0.02), "rtoe": (-0.12, 0.05, 0.12),
        "lshoulder": (0.18, 1.45, 0), "lelbow": (0.25, 1.17, 0), "lwrist": (0.27, 0.9, 0.08),
        "rshoulder": (-0.18, 1.45, 0), "relbow": (-0.25, 1.17, 0), "rwrist": (-0.27, 0.9, 0.08),
    }  # fmt: skip
    joints = {name: np.array(where, float) for name, where in place.items()}
    joints["lknee"] = joints["lhip"] + 0.42 * np.array([0, -np.cos(bend), np.sin(bend)])
    joints["lankle"] = joints["lknee"] + [0, -0.43, -0.02]
    joints["ltoe"] = joints["lankle"] + [0.02, -0.05, 0.14]
    return np.array([joints[name] for name in NAMES])


def test_mocap_is_thinned_and_its_held_out_recordings_are_not_learnt_from(tmp_path: Path, solver: LimbSolver) -> None:
    still = np.array([figure(0.0)] * 5)
    lifting = np.array([figure(b) for b in np.linspace(0, 1.5, 40)])
    clips = [still, lifting, still, still, still, lifting]
    sources = ["cmu_amc", "cmu_iclone", "cmu_amc", "cmu_iclone", "cmu_expmap", "cmu_amc"]
    names = ["01_02", "001_02", "02_03", "002_04", "test_jumping_jumping_1", "03_04"]
    mocap = Mocap.load(write_mocap(tmp_path / "m.npz", clips, sources, names), solver.foot_pitch)
    assert mocap.held_out().tolist() == [True, False, False, False, False, True]
    assert mocap.learnt_from().tolist() == [False, False, True, True, True, False]  # the second is the first one's copy
    poses = PoseSet.of_mocap(solver, mocap, apart=0.1)
    counts = [int(np.sum(poses.names == f"{s}/{n}")) for s, n in zip(sources, names, strict=True)]
    assert counts[0] == counts[2] == 1
    assert 3 <= counts[1] < 15
    assert np.degrees(poses.misses).max() < 2
    bends = poses.model_parameters[poses.names == "cmu_iclone/001_02"]
    assert np.ptp(bends[:, 60:63], axis=0).max() > 1.2  # the left thigh goes up
    poses.save(tmp_path / "poses.npz")
    again = PoseSet.load(tmp_path / "poses.npz")
    np.testing.assert_array_equal(again.model_parameters, poses.model_parameters)
    np.testing.assert_array_equal(again.learnt_from, poses.learnt_from)


def test_files_that_are_no_mocap_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", joints=np.zeros((3, 17, 3)))
    path = write_mocap(tmp_path / "broken.npz", [np.array([figure(0.0)])], ["cmu_amc"], ["01_01"])
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["joints"][0, 0, 0] = np.nan
    np.savez(tmp_path / "nan.npz", **arrays)
    for name in ("text.npz", "other.npz", "nan.npz", "missing.npz"):
        with pytest.raises(UsageError):
            Mocap.load(tmp_path / name, 0.3)
        with pytest.raises(UsageError):
            PoseSet.load(tmp_path / name)


def test_held_out_motion_is_likelier_than_under_independent_angles(
    body: Body, solver: LimbSolver, shared: Path
) -> None:
    mocap = Mocap.load(shared / "mocap" / "free.npz", solver.foot_pitch)
    held = np.flatnonzero(mocap.held_out()[mocap.clip_of] & mocap.sound())[::180]
    poses = np.array([solver.solve(mocap.pose(int(index))).model_parameters for index in held])
    prior = PosePrior.load(body).with_mixtures(body)
    for number, mixture in enumerate(prior.mixtures):
        values = poses[:, mixture.parameters]
        alone = independent_log_likelihood(prior, mixture.parameters, values).mean()
        assert mixture_log_likelihood(body, values, number).mean() > alone + 3


def test_names_of_clips_tell_recordings_and_motions() -> None:
    assert recording("cmu_iclone", "001_08") == recording("cmu_amc", "01_08") == "1_8"
    assert recording("cmu_amc", "fm_tests_data_01_01.amc") == "1_1"
    assert recording("cmu_expmap", "test_walking_extra_walking_10") is None
    assert motion("cmu_expmap", "train_basketball_signal_basketball_signal_1") == "basketball_signal"
    assert motion("cmu_expmap", "test_walking_extra_walking_10") == "walking"
    assert motion("cmu_amc", "02_05") == "subject 2"
    weights = balanced(np.array(["many"] * 9 + ["few"]))
    assert weights[9] == pytest.approx(3 * weights[0])
    assert weights.mean() == pytest.approx(1.0)


def test_a_mixture_finds_the_groups_on_both_sides_and_is_symmetric() -> None:
    rng = np.random.default_rng(0)
    recipe = MixtureRecipe(
        ("spine_twist0", "l_knee_bend", "r_knee_bend"), False, components=2, floor=0.02, shrinkage=2.0
    )
    bent = np.concatenate([rng.normal((0.3, 1.5, 0.1), 0.1, (300, 3)), rng.normal((0.0, 0.0, 0.0), 0.05, (200, 3))])
    found = fit_mixture(recipe, bent, np.ones(500))
    near = [np.abs(np.concatenate([found.means, found.mirrored(found.means)]) - m).max(axis=1).min() for m in
            ([0.3, 1.5, 0.1], [-0.3, 0.1, 1.5], [0, 0, 0])]  # fmt: skip
    assert max(near) < 0.05
    points = rng.normal(0, 1, (20, 3))
    np.testing.assert_allclose(found.log_likelihood(points), found.log_likelihood(found.mirrored(points)), rtol=1e-9)
    again = fit_mixture(recipe, bent, np.ones(500))
    np.testing.assert_array_equal(found.means, again.means)
    # a density: it integrates to one
    grid = np.stack(np.meshgrid(*[np.arange(-2, 3, 0.1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    assert np.exp(found.log_likelihood(grid)).sum() * 1e-3 == pytest.approx(1.0, abs=0.05)
