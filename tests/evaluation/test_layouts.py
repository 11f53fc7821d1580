"""Readers of data sets, on tiny look-alikes of what is published."""

from __future__ import annotations

import json
import pickle
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.errors import FileError, UsageError
from native_runtime.evaluation.layouts import LAYOUTS, read_truth
from native_runtime.evaluation.layouts.threedhp import pictures_of
from native_runtime.evaluation.smpl import SMPL_TO_MHR, SmplBodies, SmplJoints
from native_runtime.evaluation.truth import BODY_JOINTS
from tests.evaluation.lookalikes import (
    INTRINSICS,
    PARENTS,
    threedhp_arrays,
    write_3dpw,
    write_emdb,
    write_freihand,
    write_human36m,
    write_lspet,
    write_rich,
    write_smpl,
    write_spin,
)


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


@pytest.mark.parametrize("name", ["bbox", "keypoints"])
@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_annotations_of_coco_that_are_not_finite_are_refused(tmp_path: Path, name: str, number: str) -> None:
    person = {"id": 417, "image_id": 1, "bbox": [1, 2, 30, 40], "keypoints": [5, 6, 2] * 17}
    person[name] = ["number", *person[name][1:]]  # type: ignore[index]
    content = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [person]}
    (tmp_path / "a.json").write_text(json.dumps(content).replace('"number"', number))
    with pytest.raises(FileError, match=f"{name} of the annotation with the id 417 holds numbers that are not finite"):
        read_truth("coco", tmp_path / "a.json")


def test_a_message_says_in_words_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content, words in (
        (b"{}", "'images' is missing"),
        (b'{"images": ]', "it is no JSON: see line 1, column 12"),
        (b"\xff\xfe", "it is no text in UTF-8"),
        (b"[" * 9999, "it is nested too deeply"),
    ):
        path.write_bytes(content)
        with pytest.raises(FileError) as raised:
            read_truth("coco", path)
        assert str(raised.value).startswith(f"a.json cannot be read as COCO's annotations of keypoints ({words}).")
        assert "docs/evaluation.md" in str(raised.value)


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
    with pytest.raises(UsageError, match=r"SMPL_MALE\.npz or \.pkl is needed .*which folder"):
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


class _Select:
    """Stands where they have a part of an array of chumpy."""

    def __init__(self, whole: np.ndarray, numbers: np.ndarray) -> None:
        self.a, self.idxs, self.preferred_shape = _Chumpy(whole), numbers.ravel(), numbers.shape


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
    twice = np.concatenate([arrays["shapedirs"], arrays["shapedirs"]], axis=2)
    content = arrays | {
        "v_template": _Chumpy(arrays["v_template"]),
        "shapedirs": _Select(twice, np.arange(twice.size).reshape(twice.shape)[:, :, :10]),
        "J_regressor": _Sparse(arrays["J_regressor"]),
    }
    written = pickle.dumps(content, protocol=2)
    here = __name__.encode()
    written = written.replace(b"c%b\n_Chumpy\n" % here, b"cchumpy.ch\nCh\n")
    written = written.replace(b"c%b\n_Select\n" % here, b"cchumpy.reordering\nSelect\n")
    written = written.replace(b"c%b\n_Sparse\n" % here, b"cscipy.sparse.csc\ncsc_matrix\n")
    (tmp_path / "SMPL_FEMALE.pkl").write_bytes(written)
    own, plain = (SmplJoints.load(tmp_path / name) for name in ("SMPL_FEMALE.pkl", "SMPL_MALE.npz"))
    assert own.rest == pytest.approx(plain.rest)
    assert own.shapes == pytest.approx(plain.shapes)


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"rows", "3dhp"}))
def test_empty_folders_and_damaged_files_are_refused(tmp_path: Path, layout: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileError, match="empty"):
        read_truth(layout, empty, tmp_path)
    for content in (b"", b"hello", pickle.dumps({"sequence": "a"}), pickle.dumps([1])):
        damaged = tmp_path / "damaged_data.pkl"
        damaged.write_bytes(content)
        with pytest.raises(FileError, match=r"damaged_data\.pkl") as raised:
            read_truth(layout, damaged, tmp_path)
        assert not re.search(r"Error\b|allow_pickle|object is not", str(raised.value))


def test_rich_is_read_in_the_cameras_that_have_pictures(tmp_path: Path, rng: np.random.Generator) -> None:
    models, camera = write_rich(tmp_path, rng)
    truth = read_truth("rich", tmp_path, models)
    sequence = "Gym_010_pushup1"
    assert [p.name for p in truth.pictures] == [f"{sequence}/cam_01/{frame:05d}_01" for frame in (5, 6)]
    person = truth.pictures[0].people[0]
    assert person.keypoints_3d is not None
    body = pickle.loads((tmp_path / "bodies/test" / sequence / "00005" / "010.pkl").read_bytes())
    pose = np.concatenate([body["global_orient"], body["body_pose"]], axis=1).reshape(1, 22, 3)
    joints = SmplJoints.load(models / "SMPLX_FEMALE.npz").place(body["betas"][0], pose, body["transl"])[0]
    assert person.keypoints_3d[7] == pytest.approx(camera[:3, :3] @ joints[18] + camera[:3, 3])
    with pytest.raises(UsageError, match=r"SMPLX_FEMALE\.npz or \.pkl is needed .*smpl-x\.is\.tue\.mpg\.de"):
        read_truth("rich", tmp_path, tmp_path / "bodies")


@pytest.mark.parametrize("compressed", [True, False])
def test_lspet_is_read(tmp_path: Path, rng: np.random.Generator, compressed: bool) -> None:
    joints = write_lspet(tmp_path, rng, compressed=compressed)
    truth = read_truth("lspet", tmp_path)
    assert [p.name for p in truth.pictures] == ["im00001", "im00002"]
    first = truth.pictures[0].people[0]
    assert np.isnan(first.keypoints_2d[10]).all()  # the right hip, which is not marked
    assert first.keypoints_2d[14].tolist() == joints[0, :2, 0].tolist()  # the right ankle
    assert first.head == pytest.approx(np.linalg.norm(joints[12, :2, 0] - joints[13, :2, 0]))
    marked = joints[[0, 1, *range(3, 14)], :2, 0]
    size = np.ptp(marked, axis=0)
    assert first.box[2:] - first.box[:2] == pytest.approx(1.2 * size)


def test_freihand_is_read(tmp_path: Path, rng: np.random.Generator, repository: Path) -> None:
    points = write_freihand(tmp_path, rng)
    truth = read_truth("freihand", tmp_path)
    assert [p.name for p in truth.pictures] == ["00000000.jpg", "00000001.jpg"]
    names = [k["name"] for k in json.loads((repository / "rig_templates/mhr/keypoints.json").read_text())["keypoints"]]
    assert names[truth.joints.root[0]] == "right_wrist"
    second = truth.pictures[1].people[0]
    assert second.keypoints_3d is not None
    for number, name in ((4, "right_thumb4"), (5, "right_forefinger_third_joint"), (20, "right_pinky_finger4")):
        assert second.keypoints_3d[names.index(name)] == pytest.approx(points[1, number])
    (tmp_path / "evaluation_K.json").write_text("[]")
    with pytest.raises(FileError, match=r"evaluation_xyz\.json cannot be read"):
        read_truth("freihand", tmp_path)


def test_human36m_is_read(tmp_path: Path, rng: np.random.Generator) -> None:
    joints, camera = write_human36m(tmp_path / "annotations", rng)
    (picture,) = read_truth("h36m", tmp_path).pictures  # every 64th frame
    assert picture.name == "s_09_act_14_subact_01_ca_02_000001.jpg"
    person = picture.people[0]
    assert person.categories == ("walking",)
    assert person.box.tolist() == [300, 200, 550, 700]
    assert person.keypoints_3d is not None
    here = (camera[:3, :3] @ joints[13] + camera[:3, 3]) / 1000
    assert person.keypoints_3d[62] == pytest.approx(here)
    assert person.keypoints_2d[62] == pytest.approx(project(here, INTRINSICS))


def test_frames_of_3dhp_are_read(rng: np.random.Generator) -> None:
    arrays = threedhp_arrays(rng)
    first, third = pictures_of("TS2", arrays)
    assert (first.name, third.name, third.group) == ("TS2/img_000001.jpg", "TS2/img_000003.jpg", "TS2")
    person = third.people[0]
    assert person.categories == ("sports",)
    assert person.keypoints_3d is not None
    assert person.keypoints_3d[62] == pytest.approx(arrays["annot3"][2, 0, 7] / 1000)
    assert person.keypoints_2d[9].tolist() == arrays["annot2"][2, 0, 11].tolist()
    with pytest.raises(FileError, match=r"TS2/annot_data\.mat"):
        pictures_of("TS2", arrays | {"valid_frame": np.ones(9)})


def test_3dhp_is_read_from_its_files(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """By h5py, for which something stands here that opens NumPy's files."""
    stand_in = ModuleType("h5py")
    stand_in.File = lambda path, mode: np.load(path)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "h5py", stand_in)
    file = tmp_path / "TS1" / "annot_data.mat"
    file.parent.mkdir()
    with file.open("wb") as stream:
        np.savez(stream, **threedhp_arrays(rng))
    assert [p.name for p in read_truth("3dhp", tmp_path).pictures] == ["TS1/img_000001.jpg", "TS1/img_000003.jpg"]
    file.write_bytes(b"nothing")
    with pytest.raises(FileError, match=r"TS1/annot_data\.mat cannot be read"):
        read_truth("3dhp", tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UsageError, match="pip install h5py"):
        read_truth("3dhp", tmp_path)


def test_files_of_spin_are_read(tmp_path: Path, rng: np.random.Generator) -> None:
    names = [f"mpi_inf_3dhp_test_set/TS{k}/imageSequence/img_000001.jpg" for k in (1, 2)]
    names += ["S9_Directions_1.60457274_000001.jpg", "images/im1001.jpg"]
    part, space = write_spin(tmp_path / "a.npz", rng, names)
    pictures = {p.name: p for p in read_truth("spin", tmp_path / "a.npz").pictures}
    groups = {name: p.group for name, p in pictures.items()}
    assert groups == {
        "TS1/img_000001.jpg": "TS1",
        "TS2/img_000001.jpg": "TS2",
        names[2]: "S9_Directions",
        "im1001.jpg": "",
    }
    person = pictures["TS2/img_000001.jpg"].people[0]
    assert person.keypoints_3d is not None
    assert person.keypoints_3d[10].tolist() == space[1, 2, :3].tolist()
    assert person.keypoints_2d[10].tolist() == part[1, 2, :2].tolist()
    assert np.isnan(person.keypoints_3d[62]).all()
    assert person.box.tolist() == [100, 100, 400, 400]


def test_files_of_matlab_that_are_hostile_are_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    write_lspet(tmp_path, rng)
    path = tmp_path / "joints.mat"
    whole = path.read_bytes()
    damaged = [whole[:length] for length in (0, 100, 130, 200, len(whole) - 9)]
    damaged += [whole[:124] + b"\x00\x02IM" + whole[128:], whole[:126] + b"XX" + whole[128:]]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(FileError, match=r"joints\.mat"):
            read_truth("lspet", tmp_path)
