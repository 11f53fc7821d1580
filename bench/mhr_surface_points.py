"""Derives where MHR's surface keypoints lie, from public outputs of SAM 3D Body.

    python -m bench.mhr_surface_points OUTPUTS --lod1 FILE --lod3 lod3.fbx --mapping lod1_to_lod3_mapping.npz [-o FILE]

Most of the 70 keypoints are joints. The others are weighted sums of vertices and joints which the released checkpoint
holds but no public file states. Each output gives one keypoint position together with all vertices (LOD 1) and joints
that it is a sum of; non-negative least squares over the nearest ones finds weights that reproduce it. The residual
that counts is the held-out one: weights found on all outputs but one, checked on that one.

For levels of detail other than LOD 1, each vertex also gets its place on the body at rest. LOD 1 at rest is not among
the data, so the place comes from LOD 3: the vertex's foot on the LOD 3 surface and its height above it, both taken from
the posed meshes, put onto LOD 3 at rest.

OUTPUTS is a folder of ``*.npz`` with pred_vertices, pred_joint_coords and pred_keypoints_3d; more subjects mean better
weights. --lod1 gives the triangles of LOD 1: the release's lod1.fbx, or mhr_face_mask.ply of the MHR repository.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from native_runtime.files.templates import load_json
from native_runtime.mhr import load_rig_facts
from native_runtime.mhr.official.fbx_rig import read_rig
from native_runtime.mhr.official.surface import closest_on_surface, vertex_normals

Array = NDArray[np.float64]

CANDIDATES = 60
"""Vertices nearest to a keypoint that may take part, per subject."""
JOINT_REACH = 12.0
"""cm: joints this near may take part."""
LEAST_WEIGHT = 1e-3

FACE_VERTICES = {"left_eye_inner": 1174, "left_eye_outer": 1486, "left_mouth": 1010}
"""LOD 1 vertices chosen by eye on a rendering; the mesh is symmetrical, so the right ones follow."""


@dataclass(frozen=True)
class Subject:
    """One output, in cm: vertices (18439, 3), joints (127, 3), keypoints (70, 3)."""

    vertices: Array
    joints: Array
    keypoints: Array


@dataclass(frozen=True)
class Combination:
    """A point as a weighted sum of LOD 1 vertices and joints; the weights sum to 1."""

    vertices: dict[int, float]
    joints: dict[int, float]

    def position(self, subject: Subject) -> Array:
        """(3,) cm"""
        total = np.zeros(3)
        for index, weight in self.vertices.items():
            total += weight * subject.vertices[index]
        for index, weight in self.joints.items():
            total += weight * subject.joints[index]
        return total


def read_subjects(folder: Path) -> list[Subject]:
    subjects = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            if "pred_keypoints_3d" in data.files:
                keys = ("pred_vertices", "pred_joint_coords", "pred_keypoints_3d")
                subjects.append(Subject(*(100.0 * data[key].astype(np.float64) for key in keys)))
    return subjects


def combination(keypoint: int, subjects: Sequence[Subject]) -> Combination:
    """The sum that best reproduces the keypoint in all subjects."""
    near: set[int] = set()
    for subject in subjects:
        distance = np.linalg.norm(subject.vertices - subject.keypoints[keypoint], axis=1)
        near |= set(np.argsort(distance)[:CANDIDATES].tolist())
    vertices = sorted(near)
    reach = np.linalg.norm(subjects[0].joints - subjects[0].keypoints[keypoint], axis=1)
    joints = np.flatnonzero(reach < JOINT_REACH).tolist()
    rows = [np.vstack([s.vertices[vertices], s.joints[joints]]) - s.keypoints[keypoint] for s in subjects]
    system = np.vstack([row.T for row in rows])
    # One heavy row asks for weights that sum to 1.
    weights, _ = nnls(
        np.vstack([system, np.full(system.shape[1], 1e3)]), np.append(np.zeros(len(system)), 1e3), maxiter=10_000
    )
    weights = np.where(weights < LEAST_WEIGHT, 0.0, weights)
    weights /= weights.sum()
    named = list(zip([*vertices, *joints], weights))
    return Combination(
        {v: float(w) for v, w in named[: len(vertices)] if w},
        {j: float(w) for j, w in named[len(vertices) :] if w},
    )


def residual(keypoint: int, found: Combination, subject: Subject) -> float:
    """mm"""
    return 10.0 * float(np.linalg.norm(found.position(subject) - subject.keypoints[keypoint]))


def read_triangles(path: Path) -> NDArray[np.int64]:
    """The triangles (T, 3) of LOD 1, from the release's FBX or a binary PLY of vertices and triangles."""
    if path.suffix == ".fbx":
        return read_rig(path.read_bytes(), path.name).face_vertices.reshape(-1, 3).astype(np.int64)
    data = path.read_bytes()
    start = data.index(b"end_header\n") + len(b"end_header\n")
    counts = {line.split()[1]: int(line.split()[2]) for line in data[:start].split(b"\n") if line[:7] == b"element"}
    face = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
    body = data[len(data) - counts[b"face"] * face.itemsize :]
    return np.frombuffer(body, face)["corners"].astype(np.int64)


def rest_places(
    vertices: Sequence[int], subjects: Sequence[Subject], triangles: Array, mapping: Path, lod3: Path
) -> dict[int, Array]:
    """Where LOD 1 vertices lie at rest (3,) cm, by way of LOD 3."""
    rig = read_rig(lod3.read_bytes(), lod3.name)
    faces = rig.face_vertices.reshape(-1, 3)
    with np.load(mapping, allow_pickle=False) as data:
        corners, weights = triangles[data["triangle_ids"]], data["baryc_coords"]
    normals = vertex_normals(rig.vertices, faces)
    total = np.zeros((len(vertices), 3))
    for subject in subjects:
        posed = np.einsum("vkc,vk->vc", subject.vertices[corners], weights)
        wanted = subject.vertices[list(vertices)]
        face, share = closest_on_surface(wanted, posed, faces)
        foot = np.einsum("pk,pkc->pc", share, posed[faces[face]])
        up = np.einsum("pk,pkc->pc", share, vertex_normals(posed, faces)[faces[face]])
        up /= np.linalg.norm(up, axis=1, keepdims=True)
        height = np.sum((wanted - foot) * up, axis=1)
        rest_up = np.einsum("pk,pkc->pc", share, normals[faces[face]])
        rest_up /= np.linalg.norm(rest_up, axis=1, keepdims=True)
        total += np.einsum("pk,pkc->pc", share, rig.vertices[faces[face]]) + height[:, None] * rest_up
    return dict(zip(vertices, total / len(subjects)))


def mirror_partners(rest: Array) -> NDArray[np.int64]:
    """(V,) index of the vertex at the mirrored place; exact for MHR."""
    key = np.round(rest, 4)
    order = {tuple(p): i for i, p in enumerate(key + 0.0)}
    return np.array([order[tuple(p)] for p in key * [-1, 1, 1] + 0.0])


def heel_vertex(subject_rest: Array) -> int:
    """The vertex of the left foot that stands out farthest to the back, below the ankle."""
    foot = np.flatnonzero((subject_rest[:, 1] < 5.0) & (subject_rest[:, 0] > 0))
    return int(foot[np.argmin(subject_rest[foot, 2])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("outputs", type=Path)
    parser.add_argument("--lod1", type=Path, required=True)
    parser.add_argument("--lod3", type=Path, required=True)
    parser.add_argument("--mapping", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path)
    options = parser.parse_args()

    names = load_rig_facts().joint_names
    subjects = read_subjects(options.outputs)
    print(f"{len(subjects)} subjects")
    points: dict[str, dict[str, object]] = {}
    found: dict[str, Combination] = {}
    for entry in load_json("mhr", "keypoints.json")["keypoints"]:
        if "joint" in entry:
            continue
        index = entry["index"]
        held_out = [residual(index, combination(index, [s for s in subjects if s is not one]), one) for one in subjects]
        found[entry["name"]] = combination(index, subjects)
        worst = max(residual(index, found[entry["name"]], s) for s in subjects)
        points[entry["name"]] = {"held_out_mm": [round(v, 2) for v in held_out]}
        print(f"{entry['name']:20} fitted {worst:5.2f} mm, held out {np.max(held_out):5.2f} mm")

    symmetrical = read_symmetrical(options.lod1)
    partner = mirror_partners(symmetrical)
    single = {**FACE_VERTICES, "left_heel_back": heel_vertex(symmetrical)}
    for name, vertex in single.items():
        found[name] = Combination({vertex: 1.0}, {})
        found[name.replace("left", "right")] = Combination({int(partner[vertex]): 1.0}, {})

    used = sorted({v for c in found.values() for v in c.vertices})
    rest = rest_places(used, subjects, read_triangles(options.lod1), options.mapping, options.lod3)
    for name, c in found.items():
        entry = points.setdefault(name, {})
        entry["vertices"] = [[v, *np.round(rest[v], 3).tolist(), round(w, 5)] for v, w in c.vertices.items()]
        entry["joints"] = {names[j]: round(w, 5) for j, w in c.joints.items()}
    if options.out:
        options.out.write_text(to_json(points), encoding="utf-8")


def read_symmetrical(path: Path) -> Array:
    """The vertices (V, 3) of LOD 1 in a symmetrical pose, cm."""
    if path.suffix == ".fbx":
        return read_rig(path.read_bytes(), path.name).vertices
    data = path.read_bytes()
    start = data.index(b"end_header\n") + len(b"end_header\n")
    count = next(int(line.split()[2]) for line in data[:start].split(b"\n") if line.startswith(b"element vertex"))
    vertex = np.dtype([("place", "<f4", 3), ("colour", "u1", 4)])
    return np.frombuffer(data, vertex, count, start)["place"].astype(np.float64)


def to_json(points: dict[str, dict[str, object]]) -> str:
    """The file with one point a line."""
    head = {
        "source": "Derived by bench/mhr_surface_points.py from the four public outputs of SAM 3D Body in "
        "facebookresearch/MHR, tools/mhr_smpl_conversion/data (Apache-2.0). held_out_mm: for each of the four, the "
        "error of weights found on the other three.",
        "units": "vertices: LOD 1 vertex, its place at rest x y z (cm, MHR axes), weight; joints: weight by name",
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    body = ",\n".join(f"  {json.dumps(name)}: {json.dumps(points[name])}" for name in points)
    return "{\n" + "\n".join(lines) + '\n "points": {\n' + body + "\n }\n}\n"


if __name__ == "__main__":
    main()
