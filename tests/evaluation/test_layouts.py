"""Readers of data sets, on tiny look-alikes of what is published."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.errors import FileError, UsageError
from native_runtime.evaluation.layouts import LAYOUTS, read_truth
from native_runtime.evaluation.smpl import SMPL_TO_MHR, SmplBodies, SmplJoints
from native_runtime.evaluation.truth import BODY_JOINTS
from tests.evaluation.lookalikes import INTRINSICS, PARENTS, write_3dpw, write_emdb, write_smpl


def test_3dpw_is_read(tmp_path: Path, rng: np.random.Generator) -> None:
    content = write_3dpw(tmp_path / "sequenceFiles" / "test" / "walk_00.pkl", rng)
    write_3dpw(tmp_path / "sequenceFiles" / "train" / "run_00.pkl", rng)
    truth = read_truth("3dpw", tmp_path)
    assert [(p.name, len(p.people), p.group) for p in truth.pictures] == [
        ("walk_00/image_00000.jpg", 1, "walk_00"),
        ("walk_00/image_00001.jpg", 2, "walk_00"),
        ("walk_00/image_00002.jpg", 2, "walk_00"),
    ]
    assert not truth.everybody
    person = truth.pictures[1].people[1]
    assert person.keypoints_3d is not None
    world = np.append(content["jointPositions"][1][1].reshape(24, 3)[16], 1.0)
    left_shoulder = (content["cam_poses"][1] @ world)[:3]
    assert person.keypoints_3d[5] == pytest.approx(left_shoulder)
    assert person.keypoints_2d[5] == pytest.approx(project(left_shoulder, INTRINSICS))
    assert np.flatnonzero(np.isfinite(person.keypoints_3d).all(axis=1)).tolist() == sorted(BODY_JOINTS)


def test_nobody_stands_behind_the_camera(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.pkl"
    cameras = np.stack([np.eye(4)] * 3)
    cameras[:, 2, 3] = -5.0
    write_3dpw(path, rng, cam_poses=cameras)
    assert read_truth("3dpw", path).pictures == []


def test_emdb_is_read_with_the_users_smpl(tmp_path: Path, rng: np.random.Generator) -> None:
    smpl = tmp_path / "models" / "smpl" / "SMPL_MALE.npz"
    write_smpl(smpl, rng)
    joints = write_emdb(tmp_path / "emdb", smpl, rng)
    truth = read_truth("emdb", tmp_path / "emdb", tmp_path / "models")
    assert [p.name for p in truth.pictures] == [f"P0/00_walk/{frame:05d}.jpg" for frame in (0, 2, 3)]
    person = truth.pictures[1].people[0]
    assert person.keypoints_3d is not None
    for smpl_number, number in SMPL_TO_MHR.items():
        assert person.keypoints_3d[number] == pytest.approx(joints[2, smpl_number])


def test_emdb_says_which_file_of_smpl_is_missing_or_wrong(tmp_path: Path, rng: np.random.Generator) -> None:
    smpl = tmp_path / "models" / "SMPL_MALE.npz"
    write_smpl(smpl, rng)
    write_emdb(tmp_path / "emdb", smpl, rng)
    with pytest.raises(UsageError, match=r"SMPL_MALE\.npz or \.pkl is needed .*--smpl"):
        read_truth("emdb", tmp_path / "emdb")
    write_smpl(smpl, rng)  # another body
    with pytest.raises(FileError, match=r"are seen \d+ px from where it says"):
        read_truth("emdb", tmp_path / "emdb", tmp_path / "models")
    smpl.write_bytes(b"nothing")
    with pytest.raises(FileError, match=r"SMPL_MALE\.npz cannot be read"):
        read_truth("emdb", tmp_path / "emdb", tmp_path / "models")


def test_other_sequences_of_emdb_do_not_count(tmp_path: Path, rng: np.random.Generator) -> None:
    smpl = tmp_path / "SMPL_MALE.npz"
    write_smpl(smpl, rng)
    write_emdb(tmp_path / "emdb", smpl, rng)
    second = tmp_path / "emdb" / "P1" / "10_run"
    second.mkdir(parents=True)
    first = next((tmp_path / "emdb" / "P0").rglob("*.pkl"))
    (second / "P1_10_run_data.pkl").write_bytes(pickle.dumps(pickle.loads(first.read_bytes()) | {"emdb1": False}))
    assert {p.group for p in read_truth("emdb", tmp_path / "emdb", tmp_path).pictures} == {"P0/00_walk"}


def test_joints_of_smpl_keep_their_distances_and_follow_the_root(tmp_path: Path, rng: np.random.Generator) -> None:
    write_smpl(tmp_path / "SMPL_NEUTRAL.npz", rng)
    body = SmplBodies(tmp_path).of("smpl", "neutral")
    betas, turns, moved = rng.normal(size=10), rng.normal(size=(2, 24, 3)), rng.normal(size=(2, 3))
    rest = body.place(betas, np.zeros((1, 24, 3)), np.zeros((1, 3)))[0]
    assert rest == pytest.approx(body.rest + body.shapes @ betas)
    placed = body.place(betas, turns, moved)
    lengths = np.linalg.norm(rest - rest[PARENTS], axis=1)
    assert np.linalg.norm(placed - placed[:, PARENTS], axis=2) == pytest.approx(np.stack([lengths] * 2))
    quarter = np.zeros((1, 24, 3))
    quarter[0, 0, 2] = np.pi / 2
    x, y, z = (rest - rest[0]).T
    assert body.place(betas, quarter, moved[:1])[0] == pytest.approx(np.stack([-y, x, z], 1) + rest[0] + moved[0])
    elbow = np.zeros((1, 24, 3))
    elbow[0, 18, 0] = 1.0
    bent = np.abs(body.place(betas, elbow, np.zeros((1, 3)))[0] - rest).max(axis=1) > 1e-9
    assert np.flatnonzero(bent).tolist() == [20, 22]  # what hangs on the left elbow


class _Chumpy:
    """Stands where SMPL's own pickles have an array of chumpy."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x


class _Sparse:
    """Stands where they have SciPy's sparse matrix."""

    def __init__(self, matrix: np.ndarray) -> None:
        self._shape = matrix.shape
        rows, columns = np.nonzero(matrix.T)[::-1]
        self.data, self.indices = matrix[rows, columns], rows
        self.indptr = np.append(0, np.cumsum((matrix != 0).sum(axis=0)))


def test_smpls_own_pickles_are_read_without_their_libraries(tmp_path: Path, rng: np.random.Generator) -> None:
    write_smpl(tmp_path / "SMPL_MALE.npz", rng)
    with np.load(tmp_path / "SMPL_MALE.npz") as archive:
        arrays = dict(archive)
    content = arrays | {"shapedirs": _Chumpy(arrays["shapedirs"]), "J_regressor": _Sparse(arrays["J_regressor"])}
    written = pickle.dumps(content, protocol=2)
    here = __name__.encode()
    written = written.replace(b"c%b\n_Chumpy\n" % here, b"cchumpy.ch\nCh\n")
    written = written.replace(b"c%b\n_Sparse\n" % here, b"cscipy.sparse.csc\ncsc_matrix\n")
    (tmp_path / "SMPL_FEMALE.pkl").write_bytes(written)
    own, plain = (SmplJoints.load(tmp_path / name) for name in ("SMPL_FEMALE.pkl", "SMPL_MALE.npz"))
    assert own.rest == pytest.approx(plain.rest)
    assert own.shapes == pytest.approx(plain.shapes)


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"rows"}))
def test_empty_folders_and_damaged_files_are_refused(tmp_path: Path, layout: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileError, match="empty"):
        read_truth(layout, empty, tmp_path)
    for content in (b"", b"hello", pickle.dumps({"sequence": "a"}), pickle.dumps([1])):
        damaged = tmp_path / "damaged_data.pkl"
        damaged.write_bytes(content)
        with pytest.raises(FileError, match=r"damaged_data\.pkl"):
            read_truth(layout, damaged, tmp_path)
