"""Tiny data sets in the layouts in which public ones are published, of people whom the tests make up."""

from __future__ import annotations

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
