"""MHR's 70 keypoints and the landmarks of the default engine, as rows over any level of detail.

The data (``rig_templates/mhr``): ``keypoints.json`` says which keypoints are joints; ``surface_points.json`` holds the
others as weighted sums of LOD 1 vertices and joints, derived from public outputs by ``bench/mhr_surface_points.py``,
with each vertex's place at rest; ``landmarks.json`` builds the landmarks from both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr.body import Body
from native_runtime.mhr.sparse import SparseRows, sorted_rows

from .surface import closest_on_surface

LOD1_VERTEX_COUNT = 18_439
_SAME_PLACE = 0.5
"""cm: how far a vertex of LOD 1 may lie from where it is expected; the places came by way of LOD 3."""

Weights = dict[int, float]
"""Weights by column: vertices first, then joints."""


def with_points(body: Body) -> Body:
    """The same body with MHR's 70 keypoints and the landmarks ``blazepose_NN``, ``left_hand_N``, ``right_hand_N``."""
    joint = {name: body.vertex_count + i for i, name in enumerate(body.joint_names)}
    surface = _surface_points(body, joint)
    keypoints = {
        entry["name"]: {joint[entry["joint"]]: 1.0} if "joint" in entry else surface[entry["name"]]
        for entry in load_json("mhr", "keypoints.json")["keypoints"]
    }
    landmarks = _landmarks(surface, joint)
    return replace(
        body,
        keypoint_names=tuple(keypoints),
        keypoint_rows=_rows(keypoints),
        landmark_names=tuple(landmarks),
        landmark_rows=_rows(landmarks),
    )


def _landmarks(surface: Mapping[str, Weights], joint: Mapping[str, int]) -> dict[str, Weights]:
    data = load_json("mhr", "landmarks.json")

    def weights(recipe: Mapping[str, float], mirrored: bool) -> Weights:
        total: Weights = {}
        for key, share in recipe.items():
            kind, name = key.split(" ")
            name = _mirrored(name) if mirrored else name
            for column, weight in ({joint[name]: 1.0} if kind == "joint" else surface[name]).items():
                total[column] = total.get(column, 0.0) + share * weight
        return total

    listed = dict(data["blazepose"])
    found: dict[str, Weights] = {}
    for number, (name, recipe) in enumerate(data["blazepose"]):
        given = recipe is not None
        found[f"blazepose_{number:02d}"] = weights(recipe if given else listed[_mirrored(name)], not given)
    for side in ("left", "right"):
        for number, recipe in enumerate(data["hand"]):
            found[f"{side}_hand_{number}"] = weights(recipe, side == "right")
    return found


def _surface_points(body: Body, joint: Mapping[str, int]) -> dict[str, Weights]:
    """Every point of ``surface_points.json`` on this mesh."""
    data = load_json("mhr", "surface_points.json")["points"]
    anchors = {anchor[0]: np.array(anchor[1:4]) for point in data.values() for anchor in point["vertices"]}
    placed = _placed(anchors, body)
    found: dict[str, Weights] = {}
    for name, point in data.items():
        total: Weights = {joint[j]: float(weight) for j, weight in point["joints"].items()}
        for vertex, _, _, _, weight in point["vertices"]:
            for column, share in placed[vertex].items():
                total[column] = total.get(column, 0.0) + weight * share
        # The file's rounded weights sum to 1 but for the last digit.
        whole = sum(total.values())
        found[name] = {column: weight / whole for column, weight in total.items()}
    return found


def _placed(anchors: Mapping[int, NDArray], body: Body) -> dict[int, Weights]:
    """Vertices of LOD 1 as weights over this mesh: themselves on LOD 1, elsewhere the closest point of the surface."""
    places = np.array(list(anchors.values()))
    index = np.array(list(anchors))
    vertices, triangles = body.rest_vertices.astype(np.float64), body.triangles
    if len(vertices) == LOD1_VERTEX_COUNT:
        distance = np.linalg.norm(vertices[index] - places, axis=1)
        if distance.max() < _SAME_PLACE:
            return {int(vertex): {int(vertex): 1.0} for vertex in index}
    faces, shares = closest_on_surface(places, vertices, triangles)
    return {
        int(vertex): {int(corner): float(s) for corner, s in zip(triangles[face], share) if s > 0}
        for vertex, face, share in zip(index, faces, shares)
    }


def _rows(points: Mapping[str, Weights]) -> SparseRows:
    entries = [(row, column, w) for row, weights in enumerate(points.values()) for column, w in weights.items()]
    rows, columns, values = (np.array(part) for part in zip(*entries))
    return sorted_rows(len(points), rows, columns, values)


def _mirrored(name: str) -> str:
    """``left_ear`` to ``right_ear``, ``l_wrist`` to ``r_wrist``, and back; other names stay."""
    for one, other in (("left_", "right_"), ("l_", "r_")):
        if name.startswith(one):
            return other + name[len(one) :]
        if name.startswith(other):
            return one + name[len(other) :]
    return name
