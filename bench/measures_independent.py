"""The other side of ``bench.measures``: runs with a Python of its own that has ``clad-body``, without this project.

    PYTHON bench/measures_independent.py BODIES.npz RESULT.json

Reads meshes, joints and levels; writes what clad-body (0.6.1) measures by its own definitions, and what its slicer
finds at the levels that are given.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import clad_body.measure as clad  # type: ignore[import-not-found]
import numpy as np
import trimesh  # type: ignore[import-not-found]
from clad_body.load.mhr import MhrBody  # type: ignore[import-not-found]
from clad_body.measure import mhr  # type: ignore[import-not-found]
from clad_body.measure._lengths import (  # type: ignore[import-not-found]
    measure_shoulder_width,
    measure_sleeve_length,
)
from clad_body.measure._slicer import (  # type: ignore[import-not-found]
    MeshSlicer,
    _perpendicular_limb_contour,
    torso_circumference_at_z,
)

_JOINTS = {
    "c7": "c_neck", "l_shoulder": "l_uparm", "r_shoulder": "r_uparm", "l_elbow": "l_lowarm", "r_elbow": "r_lowarm",
    "l_wrist": "l_wrist", "r_wrist": "r_wrist",
}  # fmt: skip
_OWN = {
    "stature": "height_cm", "inside_leg": "inseam_cm", "arm_length": "sleeve_length_cm",
    "shoulder_breadth": "shoulder_width_cm", "bust_girth": "bust_cm", "waist_girth": "waist_cm", "hip_girth": "hip_cm",
    "thigh_girth": "thigh_cm", "wrist_girth": "wrist_cm",
}  # fmt: skip
_WIDE = 0.6
"""Metres: a wider section of the torso has arms in it."""


def measured(entry: dict[str, Any], vertices: np.ndarray, triangles: np.ndarray) -> dict[str, dict[str, float]]:
    """Measures of one body, cm.

    Args:
        entry: ``joints`` and ``levels`` (heights, cm), ``neck``: a point and an axis, ``torso``: the triangles that
            are not of the arms.
        vertices: (V, 3) cm, MHR axes.
    """
    floor = vertices[:, 1].min()

    def there(points: Any) -> np.ndarray:
        """Metres, z up, the face towards -y, the floor at 0."""
        points = np.asarray(points, float)
        return np.stack([points[..., 0], -points[..., 2], points[..., 1] - floor], axis=-1) / 100.0

    mesh = trimesh.Trimesh(there(vertices), triangles, process=False)
    joints = {name: there(entry["joints"][own]) for name, own in _JOINTS.items()}
    groups = {clad.GROUP_A, clad.GROUP_B, clad.GROUP_C, clad.GROUP_D, clad.GROUP_E}
    own = mhr._measure_mhr(MhrBody(mesh, "bench", joints=joints), groups=groups)
    same = {
        "stature": own["height_cm"],
        "inside_leg": own["inseam_cm"],
        "wrist_girth": own["wrist_cm"],
        "arm_length": measure_sleeve_length({name: joints[name] for name in joints if name != "c7"}),
        "shoulder_breadth": measure_shoulder_width({name: joints[name] for name in joints if name != "c7"})[0],
    }
    levels = {key: (height - floor) / 100.0 for key, height in entry["levels"].items()}
    torso = trimesh.Trimesh(mesh.vertices, triangles[entry["torso"]], process=False)
    same["bust_girth"] = 100.0 * torso_circumference_at_z(torso, levels["bust_girth"], _WIDE, combine_fragments=True)
    for key in ("waist_girth", "hip_girth", "head_girth"):
        same[key] = 100.0 * torso_circumference_at_z(mesh, levels[key], max_x_extent=_WIDE)
    legs = MeshSlicer(mesh).limb_contours_at_z(levels["thigh_girth"])[:2]
    same["thigh_girth"] = 50.0 * (legs[0][0] + legs[1][0])
    point, axis = there(entry["neck"]["point"]), np.array(entry["neck"]["axis"])[[0, 2, 1]] * (1.0, -1.0, 1.0)
    around = _perpendicular_limb_contour(mesh, point, axis)
    same["neck_girth"] = 100.0 * float(np.linalg.norm(around - np.roll(around, 1, axis=0), axis=1).sum())
    return {
        "own": {key: float(own[name]) for key, name in _OWN.items()},
        "same": {key: float(value) for key, value in same.items()},
    }


def main() -> None:
    """Measure all bodies."""
    with np.load(sys.argv[1], allow_pickle=False) as archive:
        entries, triangles = json.loads(str(archive["entries"])), archive["triangles"]
        found = [measured(entry, mesh, triangles) for entry, mesh in zip(entries, archive["meshes"], strict=True)]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
