"""Keypoints and landmarks as sparse combinations of vertices and joints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from native_runtime.build.default_body.geometry import IntArray, mirror_name
from native_runtime.mhr import SparseRows
from native_runtime.mhr.sparse import sorted_rows

Point = dict[str, float]
"""Weights by ``vertex INDEX`` (base mesh) or ``joint NAME``; they sum to one."""


def mirrored_point(point: Mapping[str, float], partner: IntArray) -> Point:
    """Return the mirror image of a point."""
    result: Point = {}
    for key, weight in point.items():
        kind, name = key.split(" ")
        other = str(int(partner[int(name)])) if kind == "vertex" else mirror_name(name)
        result[f"{kind} {other}"] = weight
    return result


def keypoints(recipe: Mapping, facts: Mapping, partner: IntArray) -> dict[str, Point]:
    """Return MHR's 70 keypoints in order.

    Args:
        recipe: the parsed ``default_body/points.json``.
        facts: the parsed ``mhr/keypoints.json``.
        partner: (N,) mirror vertex of each base vertex.
    """
    result: dict[str, Point] = {}
    for entry in facts["keypoints"]:
        name = entry["name"]
        if name in recipe["keypoints"]:
            result[name] = dict(recipe["keypoints"][name])
        elif mirror_name(name) in recipe["keypoints"]:
            result[name] = mirrored_point(recipe["keypoints"][mirror_name(name)], partner)
        else:
            result[name] = {f"joint {entry['joint']}": 1.0}
    return result


def landmarks(recipe: Mapping, partner: IntArray) -> dict[str, Point]:
    """Return ``blazepose_00..32`` and ``left_hand_0..20``, ``right_hand_0..20``."""
    result: dict[str, Point] = {}
    listed = dict(recipe["blazepose"])
    for number, (name, point) in enumerate(recipe["blazepose"]):
        chosen = point if point is not None else mirrored_point(listed[mirror_name(name)], partner)
        result[f"blazepose_{number:02d}"] = dict(chosen)
    for number, point in enumerate(recipe["hand"]):
        result[f"left_hand_{number}"] = dict(point)
    for number, point in enumerate(recipe["hand"]):
        result[f"right_hand_{number}"] = mirrored_point(point, partner)
    return result


def used_vertices(points: Mapping[str, Mapping[str, float]]) -> IntArray:
    """Return the base vertices which points refer to (a coarser mesh must keep them)."""
    found = {int(key.split(" ")[1]) for point in points.values() for key in point if key.startswith("vertex ")}
    return np.array(sorted(found), dtype=np.int32)


def sparse_rows(points: Mapping[str, Mapping[str, float]], origin: IntArray, joint_names: Sequence[str]) -> SparseRows:
    """Return the points as rows over a mesh's vertices, then the joints.

    Args:
        points: weights by base vertex or joint name.
        origin: (V,) base vertex of each vertex of the mesh.
        joint_names: all joints in order.
    """
    column_of = {int(vertex): column for column, vertex in enumerate(origin)}
    rows, columns, values = [], [], []
    for row, point in enumerate(points.values()):
        for key, weight in point.items():
            kind, name = key.split(" ")
            rows.append(row)
            columns.append(column_of[int(name)] if kind == "vertex" else len(origin) + list(joint_names).index(name))
            values.append(float(weight))
    return sorted_rows(
        len(points), np.array(rows, np.int32), np.array(columns, np.int32), np.array(values, dtype=np.float64)
    )
