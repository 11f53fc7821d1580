"""Tiny data sets in the layouts in which public ones are published, of people whom the tests make up."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.evaluation.smpl import SmplJoints

Array = NDArray[np.float64]

INTRINSICS = np.array([[900.0, 0.0, 500.0], [0.0, 900.0, 400.0], [0.0, 0.0, 1.0]])
PARENTS = np.array([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21])
"""Of SMPL's 24 joints."""


def world_to_camera(rng: np.random.Generator, distance: float = 5.0) -> Array:
    """(4, 4) of a camera that stands anywhere and sees the origin at a distance."""
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = q * np.sign(np.linalg.det(q))
    matrix[:3, 3] = 0.0, 0.0, distance
    return matrix


def write_3dpw(
    path: Path, rng: np.random.Generator, frames: int = 3, people: int = 2, **changes: Any
) -> dict[str, Any]:
    """A sequence of 3DPW; the first frame of the last person has no camera. Returns what was written."""
    content = {
        "sequence": path.stem,
        "jointPositions": [rng.normal(scale=0.4, size=(frames, 72)) for _ in range(people)],
        "cam_poses": np.stack([world_to_camera(rng) for _ in range(frames)]),
        "campose_valid": [np.ones(frames, np.uint8) for _ in range(people)],
        "cam_intrinsics": INTRINSICS,
        "genders": ["m", "f"][:people],
        "betas": [np.zeros(10)] * people,
    }
    content["campose_valid"][-1][0] = 0
    content |= changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return content


def write_smpl(path: Path, rng: np.random.Generator, joints: int = 24) -> None:
    """A file of SMPL or SMPL-X with a few vertices: the first ones are the joints."""
    parents = np.append(PARENTS, np.full(max(joints - 24, 0), 15))[:joints].astype(np.uint32)
    parents[0] = 2**32 - 1
    template = rng.normal(scale=0.3, size=(joints + 6, 3))
    arrays = {
        "v_template": template,
        "shapedirs": rng.normal(scale=0.01, size=(joints + 6, 3, 10)),
        "J_regressor": np.eye(joints, joints + 6),
        "kintree_table": np.stack([parents, np.arange(joints, dtype=np.uint32)]),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def write_emdb(root: Path, smpl: Path, rng: np.random.Generator, frames: int = 4, **changes: Any) -> Array:
    """A sequence ``P0/00_walk`` of EMDB for a file of SMPL; the second frame is no good one. Returns the joints
    (N, 24, 3) m, camera axes.
    """
    poses, trans = rng.normal(scale=0.5, size=(frames, 24, 3)), rng.normal(scale=0.2, size=(frames, 3))
    betas = rng.normal(size=10)
    cameras = np.stack([world_to_camera(rng) for _ in range(frames)])
    world = SmplJoints.load(smpl).place(betas, poses, trans)
    joints = np.einsum("nij,nkj->nki", cameras[:, :3, :3], world) + cameras[:, None, :3, 3]
    pixels = project(joints, INTRINSICS)
    good = np.ones(frames, bool)
    good[1] = False
    content = {
        "gender": "male",
        "name": "P0_00_walk",
        "emdb1": True,
        "n_frames": frames,
        "good_frames_mask": good,
        "camera": {"intrinsics": INTRINSICS, "extrinsics": cameras, "width": 1000, "height": 800},
        "smpl": {
            "poses_root": poses[:, 0],
            "poses_body": poses[:, 1:].reshape(frames, 69),
            "trans": trans,
            "betas": betas,
        },
        "kp2d": pixels,
        "bboxes": {"bboxes": np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1), "invalid_idxs": [1]},
    }
    content |= changes
    path = root / "P0" / "00_walk" / "P0_00_walk_data.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))
    return joints


def write_lspet(folder: Path, rng: np.random.Generator, pictures: int = 3, compressed: bool = True) -> Array:
    """``joints.mat`` of LSPET; the last picture has one joint only. Returns the joints (14, 3, N)."""
    from scipy.io import savemat

    joints = np.concatenate([rng.uniform(50, 300, (14, 2, pictures)), np.ones((14, 1, pictures))], axis=1)
    joints[1:, 2, -1] = 0
    joints[2, :, 0] = 0
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / "joints.mat", {"about": "a text", "joints": joints}, do_compression=compressed)
    return joints


def write_freihand(folder: Path, rng: np.random.Generator, pictures: int = 2) -> Array:
    """The evaluation part of FreiHAND. Returns its points (N, 21, 3) m."""
    points = rng.normal(scale=0.04, size=(pictures, 21, 3)) + (0.0, 0.0, 0.6)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation_xyz.json").write_text(json.dumps(points.tolist()))
    (folder / "evaluation_K.json").write_text(json.dumps([INTRINSICS.tolist()] * pictures))
    return points


def write_human36m(folder: Path, rng: np.random.Generator) -> tuple[Array, Array]:
    """Frames 0 and 1 of subject 9, walking. Returns the joints (17, 3) mm of the first, world axes, and the camera
    (4, 4) in mm.
    """
    joints, camera = rng.normal(scale=400.0, size=(2, 17, 3)), world_to_camera(rng, 5000.0)
    images, annotations = [], []
    for frame in (0, 1):
        file = f"s_09_act_14_subact_01_ca_02/s_09_act_14_subact_01_ca_02_{frame + 1:06d}.jpg"
        place = {"subject": 9, "action_idx": 14, "subaction_idx": 1, "cam_idx": 2, "frame_idx": frame}
        images.append({"id": frame, "file_name": file, "width": 1000, "height": 1002, **place})
        annotations.append({"id": frame, "image_id": frame, "bbox": [300, 200, 250, 500]})
    (fx, _, cx), (_, fy, cy) = INTRINSICS[0], INTRINSICS[1]
    cameras = {"2": {"R": camera[:3, :3].tolist(), "t": camera[:3, 3].tolist(), "f": [fx, fy], "c": [cx, cy]}}
    folder.mkdir(parents=True, exist_ok=True)
    for part, content in {
        "data": {"images": images, "annotations": annotations},
        "camera": cameras,
        "joint_3d": {"14": {"1": {str(frame): joints[frame].tolist() for frame in (0, 1)}}},
    }.items():
        (folder / f"Human36M_subject9_{part}.json").write_text(json.dumps(content))
    return joints[0], camera


def threedhp_arrays(rng: np.random.Generator, frames: int = 3) -> dict[str, Array]:
    """What h5py reads of ``annot_data.mat``; the second frame is not valid."""
    valid = np.ones((frames, 1))
    valid[1] = 0
    return {
        "annot2": rng.uniform(100, 1800, (frames, 1, 17, 2)),
        "annot3": rng.normal(scale=500.0, size=(frames, 1, 17, 3)) + (0.0, 0.0, 4000.0),
        "valid_frame": valid,
        "activity_annotation": np.full((frames, 1), 6.0),
    }


def write_spin(path: Path, rng: np.random.Generator, names: list[str]) -> tuple[Array, Array]:
    """An ``.npz`` of SPIN. Returns ``part`` (N, 24, 3) and ``S`` (N, 24, 4)."""
    count = len(names)
    part = np.concatenate([rng.uniform(100, 400, (count, 24, 2)), np.ones((count, 24, 1))], axis=2)
    space = np.concatenate([rng.normal(size=(count, 24, 3)), np.ones((count, 24, 1))], axis=2)
    part[:, 11, 2] = space[:, 11, 3] = 0  # nobody knows left wrists
    centers, scales = np.full((count, 2), 250.0), np.full(count, 1.5)
    np.savez(path, imgname=names, center=centers, scale=scales, part=part, S=space)
    return part, space


def write_rich(root: Path, rng: np.random.Generator, frames: int = 2) -> tuple[Path, Array]:
    """A sequence of RICH with two cameras, of which one has pictures, and the bodies that it needs. Returns their
    folder, and the camera (4, 4).
    """
    models = root / "models"
    write_smpl(models / "SMPLX_FEMALE.npz", rng, joints=55)
    write_smpl(models / "SMPLX_MALE.npz", rng, joints=55)
    sequence = "Gym_010_pushup1"
    for frame in range(frames):
        folder = root / "bodies" / "test" / sequence / f"{frame + 5:05d}"
        folder.mkdir(parents=True)
        body = {
            "global_orient": rng.normal(size=(1, 3)),
            "body_pose": rng.normal(scale=0.3, size=(1, 63)),
            "betas": rng.normal(size=(1, 10)),
            "transl": rng.normal(scale=0.1, size=(1, 3)),
            "left_hand_pose": np.zeros((1, 12)),
        }
        (folder / "010.pkl").write_bytes(pickle.dumps({k: v.astype(np.float32) for k, v in body.items()}))
    (root / "images" / "test" / sequence / "cam_01").mkdir(parents=True)
    calibration = root / "scan_calibration" / "Gym" / "calibration"
    calibration.mkdir(parents=True)
    camera = world_to_camera(rng)
    for number in (0, 1):
        matrices = {"CameraMatrix": camera[:3], "Intrinsics": INTRINSICS, "Distortion": np.zeros(5)}
        text = "".join(
            f"<{n}><data>{' '.join(map(repr, m.ravel().tolist()))}</data></{n}>" for n, m in matrices.items()
        )
        (calibration / f"{number:03d}.xml").write_text(f"<?xml version='1.0'?><opencv_storage>{text}</opencv_storage>")
    return models, camera
