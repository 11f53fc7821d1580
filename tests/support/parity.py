"""Reads the recordings of SAM 3D Body's reference code (the folders of the fixtures ``parity_case`` and ``shared``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr import Body, Skeleton, SparseRows, load_rig_facts
from native_runtime.mhr.parameterisation import Parameterisation
from native_runtime.mhr.sparse import sorted_rows

DECODER_OUTPUTS = {
    "pose_raw": "pred_pose_raw",
    "global_rotation": "global_rot",
    "body_pose": "body_pose",
    "shape": "shape",
    "scale": "scale",
    "hand": "hand",
    "face": "face",
    "camera": "pred_cam",
    "camera_translation": "pred_cam_t",
    "keypoints_3d": "pred_keypoints_3d",
    "keypoints_2d": "pred_keypoints_2d",
    "model_parameters": "mhr_model_params",
    "joint_rotations": "joint_global_rots",
    "joint_coordinates": "pred_joint_coords",
    "hand_boxes": "hand_box",
    "hand_logits": "hand_logits",
}
"""Names of the decoders' outputs, and those of the recordings."""

KEYPOINTS = 70
"""The rows of the checkpoint's keypoint mapping (of 308) that the network uses."""


def recording(folder: Path, name: str) -> dict[str, NDArray]:
    """All arrays of the recording ``name`` (without ``.npz``) in ``folder``."""
    with np.load(folder / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def keypoint_rows(mapping: NDArray) -> SparseRows:
    """The first 70 rows of a checkpoint's ``keypoint_mapping`` (308, V + 127)."""
    rows, columns = np.nonzero(mapping[:KEYPOINTS])
    return sorted_rows(KEYPOINTS, rows, columns, mapping[rows, columns])


def standin_body(shared: Path, case: Path) -> Body:
    """The body that stood in for the released MHR model when the case was recorded.

    MHR's coarsest mesh (level 3) without pose correctives, with the keypoints of the case's weights.
    """
    rig = recording(shared / "parity", "rig_lod3_standin")
    mapping = recording(case, "weights")["head_pose.keypoint_mapping"]
    count, influences = len(rig["base_shape"]), int(np.bincount(rig["skin_vert_indices"]).max())
    skin = np.zeros((count, len(rig["joint_names"])))
    skin[rig["skin_vert_indices"], rig["skin_joint_indices"]] = rig["skin_weights"]
    skin_indices = np.argsort(-skin, axis=1, kind="stable")[:, :influences]
    skin_weights = np.take_along_axis(skin, skin_indices, axis=1)
    transform = rig["parameter_transform"].astype(np.float64)
    rows, columns = np.nonzero(transform)
    limits = load_rig_facts().parameterisation
    names = tuple(str(name) for name in rig["parameter_names"])
    if names != limits.names:
        raise ValueError("the stand-in rig is not parametrised as MHR")
    return Body(
        name="stand-in",
        provenance="{}",
        skeleton=Skeleton(
            tuple(str(name) for name in rig["joint_names"]),
            rig["joint_parents"].astype(np.int32),
            rig["joint_translation_offsets"].astype(np.float64),
            rig["joint_prerotations_xyzw"].astype(np.float64),
        ),
        parameterisation=Parameterisation(
            names,
            rows.astype(np.int32),
            columns.astype(np.int32),
            transform[rows, columns],
            limits.limit_min,
            limits.limit_max,
            limits.limit_weight,
            len(rig["joint_names"]),
        ),
        rest_vertices=rig["base_shape"],
        face_sizes=np.full(len(rig["faces"]), 3, np.int32),
        face_vertices=rig["faces"].ravel(),
        face_materials=np.zeros(len(rig["faces"]), np.int32),
        material_names=("skin",),
        uvs=np.zeros((rig["faces"].size, 2), np.float32),
        identity_basis=rig["identity_shape_vectors"],
        identity_names=tuple(f"shape_{i}" for i in range(45)),
        identity_groups=("body",) * 20 + ("head",) * 20 + ("hands",) * 5,
        identity_min=np.full(45, -3.0),
        identity_max=np.full(45, 3.0),
        expression_basis=rig["expression_shape_vectors"],
        expression_names=tuple(f"expression_{i}" for i in range(72)),
        skin_indices=np.where(skin_weights > 0, skin_indices, 0).astype(np.int32),
        skin_weights=skin_weights.astype(np.float32),
        keypoint_names=tuple(k["name"] for k in load_json("mhr", "keypoints.json")["keypoints"]),
        keypoint_rows=keypoint_rows(mapping),
        landmark_names=(),
        landmark_rows=SparseRows(0, np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0)),
    )
