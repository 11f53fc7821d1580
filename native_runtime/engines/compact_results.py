"""Results that hold SAM 3D Body's compact numbers alone, without MHR's 204 model parameters.

Programs around the model name and nest its outputs in their own ways. What a person is made of is always the same:
``global_rot`` (3), ``body_pose`` (133), ``hand`` (108), ``scale`` (28), ``shape`` (45). The constants by which they
become model parameters lie in the checkpoint; ``rig_templates/mhr/sam3d_body_numbers.json`` has those that follow from
published results, which are all but the components of finger lengths. These are solved from the result's own
keypoints: with the pose known, the places of joints are linear in the lengths of bones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_CAMERA
from native_runtime.files.templates import load_json
from native_runtime.mhr import Body

from .sam3d_body.parameters import model_parameters

Array = NDArray[np.float64]

COMPACT = {"global_rot": (3,), "body_pose_params": (133,), "hand_pose_params": (108,), "scale_params": (28,)}
"""The official names of what replaces ``mhr_model_params``."""

_OTHER_NAMES = {
    "body_pose": "body_pose_params",
    "hand": "hand_pose_params",
    "scale": "scale_params",
    "shape": "shape_params",
    "expression": "expr_params",
    "keypoints_3d": "pred_keypoints_3d",
    "keypoints_2d": "pred_keypoints_2d",
    "translation": "pred_cam_t",
    "vertices": "pred_vertices",
}
_NESTED = ("params", "camera", "mesh")
_FINGERS = slice(154, 204)
"""Model parameters: bone lengths of fingers."""


def people_of(content: Any) -> Any:
    """The list of people of a JSON result that has them under ``people``, with what is said once for all."""
    if not (isinstance(content, Mapping) and isinstance(content.get("people"), list)):
        return content
    shared = {name: content[name] for name in ("image_size", "focal_length") if name in content}
    return [{**shared, **person} if isinstance(person, Mapping) else person for person in content["people"]]


def official_names(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result with its fields on one level, under the official names."""
    flat: dict[str, Any] = {}
    for name, value in result.items():
        if name in _NESTED and isinstance(value, Mapping):
            flat |= official_names(value)
        else:
            flat.setdefault(_OTHER_NAMES.get(name, name), value)
    return flat


def expanded(fields: Mapping[str, Array], body: Body) -> tuple[Array, float | None]:
    """Model parameters (204,) of the compact numbers, and how far (m) joints of fingers lie from the result's keypoints
    with the lengths that were solved; None where the result has no keypoints in space and lengths stay MHR's own.

    Args:
        fields: those of ``COMPACT``; ``pred_keypoints_3d`` (70, 3) m, camera axes, without the camera's translation.
        body: MHR's.
    """
    parts = (np.asarray(fields[name], np.float64)[None] for name in COMPACT)
    parameters = model_parameters(_constants(), *parts)[0]
    points = fields.get("pred_keypoints_3d")
    if points is None:
        return parameters, None
    keypoints, joints = _on_joints(body)
    target = np.asarray(points, np.float64)[keypoints] @ MHR_TO_CAMERA * 100
    start = body.pose(parameters).translations[joints]
    numbers = np.arange(_FINGERS.start, _FINGERS.stop)
    one = np.tile(parameters, (len(numbers), 1))
    one[np.arange(len(numbers)), numbers] += 1.0
    columns = (body.pose(one).translations[:, joints] - start).reshape(len(numbers), -1).T
    parameters[numbers] += np.linalg.lstsq(columns, (target - start).ravel(), rcond=1e-6)[0]
    away = np.linalg.norm(body.pose(parameters).translations[joints] - target, axis=1)
    return parameters, float(away.max()) / 100


@cache
def _constants() -> dict[str, NDArray[Any]]:
    known = load_json("mhr", "sam3d_body_numbers.json")
    count = len(known["scale_mean"])
    components = np.zeros((28, 68))
    components[np.arange(count), np.arange(count)] = known["scale_deviation"]
    return {
        "hand_pose_mean": np.array(known["hand_pose_mean"]),
        "hand_pose_comps": np.eye(54),
        "hand_joint_idxs_left": np.array(known["hand_joint_idxs_left"]),
        "hand_joint_idxs_right": np.array(known["hand_joint_idxs_right"]),
        "scale_mean": np.concatenate([known["scale_mean"], np.zeros(68 - count)]),
        "scale_comps": components,
    }


def _on_joints(body: Body) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Keypoints of fingers that are joints of MHR: their numbers, and the joints'."""
    entries = load_json("mhr", "keypoints.json")["keypoints"]
    pairs = [
        (number, body.joint_index(entry["joint"]))
        for number, entry in enumerate(entries)
        if entry.get("joint") and 21 <= number <= 61 and number != 41
    ]
    return np.array([k for k, _ in pairs]), np.array([j for _, j in pairs])
