"""Bodies for tests: a small made-up one, and the real MHR mesh where the reference data is at hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from native_runtime.files.templates import load_json
from native_runtime.mhr import Body, Skeleton, SparseRows, load_rig_facts
from native_runtime.mhr.ages import AGE_GROUP, AgeTable
from native_runtime.mhr.rotations import matrix_to_quaternion

_IDENTITY = (("weight", "body"), ("jaw", "head"), ("palm", "hands"))
_EXPRESSION = ("jawOpen", "mouthSmileLeft")


def toy_body(
    identity_count: int = 3,
    expression_count: int = 2,
    seed: int = 0,
    name: str = "toy",
    keypoints_on_joints: bool = False,
) -> Body:
    """A cube around each of MHR's 127 joints: the real skeleton tree, frames and parameters on 1,016 vertices.

    Its first shapes have names and groups as a real body's. Keypoints are mixed from random points of the body, or lie
    on the joints that are nearest to the real ones.
    """
    facts = load_rig_facts()
    rng = np.random.default_rng(seed)
    parents, axes = facts.joint_parents, facts.rest_axes
    local = np.array([axes[i] if p < 0 else axes[p].T @ axes[i] for i, p in enumerate(parents)])
    side = np.array([-1.0 if name.startswith("r_") else 1.0 for name in facts.joint_names])
    offsets = np.stack([side * 8.0, rng.uniform(-1, 1, 127), rng.uniform(-1, 1, 127)], axis=1)
    offsets[0] = 0
    offsets[1] = (0, 90, 0)
    skeleton = Skeleton(facts.joint_names, parents, offsets, matrix_to_quaternion(local))
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float) * 2.0
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    rest = (skeleton.rest.translations[:, None] + corners).reshape(-1, 3)
    count = len(rest)
    faces = (np.arange(127)[:, None, None] * 8 + quads).reshape(-1, 4)
    joint = np.repeat(np.arange(127), 8)
    weight = rng.uniform(0.2, 0.8, count)
    keypoints = load_json("mhr", "keypoints.json")["keypoints"]
    names = tuple(keypoint["name"] for keypoint in keypoints)
    if keypoints_on_joints:
        near = np.array([facts.joint_names.index(k.get("joint") or k["nearest_joint"]) for k in keypoints])
        points = SparseRows(70, np.arange(70, dtype=np.int32), (count + near).astype(np.int32), np.ones(70))
    else:
        rows = np.repeat(np.arange(70), 3).astype(np.int32)
        columns = rng.integers(0, count + 127, 210).astype(np.int32)
        points = SparseRows(70, rows, columns, rng.dirichlet(np.ones(3), 70).ravel())
    identity = (*_IDENTITY, *((f"shape_{i}", "body") for i in range(identity_count)))[:identity_count]
    return Body(
        name=name,
        provenance="{}",
        skeleton=skeleton,
        parameterisation=facts.parameterisation,
        rest_vertices=rest.astype(np.float32),
        face_sizes=np.full(len(faces), 4, np.int32),
        face_vertices=faces.ravel().astype(np.int32),
        face_materials=(np.arange(len(faces)) % 2).astype(np.int32),
        material_names=("skin", "eyes"),
        uvs=rng.uniform(size=(faces.size, 2)).astype(np.float32),
        identity_basis=rng.normal(size=(identity_count, count, 3)).astype(np.float32),
        identity_names=tuple(shape for shape, _ in identity),
        identity_groups=tuple(group for _, group in identity),
        identity_min=np.full(identity_count, -3.0),
        identity_max=np.full(identity_count, 3.0),
        expression_basis=rng.normal(size=(expression_count, count, 3)).astype(np.float32),
        expression_names=(*_EXPRESSION, *(f"face_{i}" for i in range(expression_count)))[:expression_count],
        skin_indices=np.stack([joint, np.maximum(parents[joint], 0)], axis=1).astype(np.int32),
        skin_weights=np.stack([np.maximum(weight, 1 - weight), np.minimum(weight, 1 - weight)], axis=1).astype(
            np.float32
        ),
        keypoint_names=names,
        keypoint_rows=points,
        landmark_names=(),
        landmark_rows=SparseRows(0, np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0)),
    )


def reference_body(shared: Path) -> Body:
    """MHR's own mesh at LOD 3 with its own weights and shapes, from the reference data."""
    data = np.load(shared / "parity" / "rig_lod3_standin.npz")
    facts = load_rig_facts()
    names = json.loads((shared / "parity" / "rig_names.json").read_text())
    assert tuple(names["joint_names"]) == facts.joint_names
    count = len(data["base_shape"])
    dense = np.zeros((count, 127))
    dense[data["skin_vert_indices"], data["skin_joint_indices"]] = data["skin_weights"]
    indices = np.argsort(-dense, axis=1, kind="stable")[:, :4]
    keypoints = load_json("mhr", "keypoints.json")["keypoints"]
    near = [facts.joint_names.index(k.get("joint") or k["nearest_joint"]) for k in keypoints]
    return Body(
        name="mhr-lod3",
        provenance="{}",
        skeleton=Skeleton(
            facts.joint_names,
            facts.joint_parents,
            data["joint_translation_offsets"].astype(float),
            data["joint_prerotations_xyzw"].astype(float),
        ),
        parameterisation=facts.parameterisation,
        rest_vertices=data["base_shape"],
        face_sizes=np.full(len(data["faces"]), 3, np.int32),
        face_vertices=data["faces"].ravel().astype(np.int32),
        face_materials=np.zeros(len(data["faces"]), np.int32),
        material_names=("skin",),
        uvs=np.zeros((data["faces"].size, 2), np.float32),
        identity_basis=data["identity_shape_vectors"],
        identity_names=tuple(f"shape_{i}" for i in range(45)),
        identity_groups=("body",) * 20 + ("head",) * 20 + ("hands",) * 5,
        identity_min=np.full(45, -3.0),
        identity_max=np.full(45, 3.0),
        expression_basis=data["expression_shape_vectors"],
        expression_names=tuple(f"shape_{i}" for i in range(45, 117)),
        skin_indices=indices.astype(np.int32),
        skin_weights=np.take_along_axis(dense, indices, axis=1).astype(np.float32),
        keypoint_names=tuple(k["name"] for k in keypoints),
        keypoint_rows=SparseRows(70, np.arange(70, dtype=np.int32), count + np.array(near, np.int32), np.ones(70)),
        landmark_names=(),
        landmark_rows=SparseRows(0, np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0)),
    )


def aged(body: Body) -> Body:
    """A made-up body with a slider of childhood at the end, and a table of ages: children are shorter, men taller."""
    table = AgeTable(
        years=np.array([5.0, 20.0, 90.0]),
        statures=np.array([[110.0, 160.0, 150.0], [112.0, 175.0, 170.0]]),
        spreads=np.full((2, 3), 6.0),
        parameters=np.zeros((2, 3, len(body.parameter_names))),
        identity=np.zeros((2, 3, body.identity_count + 1)),
    )
    table.parameters[:, 0, body.parameter_index("scale_uplegs")] = -1.6, -1.5
    table.parameters[1, 1:, body.parameter_index("scale_uplegs")] = 0.2
    table.identity[:, 0, -1] = 1.0
    shape = -0.2 * (body.rest_vertices - body.rest_vertices.mean(axis=0))
    return replace(
        body,
        identity_basis=np.concatenate([body.identity_basis, shape[None].astype(np.float32)]),
        identity_names=(*body.identity_names, "childhood"),
        identity_groups=(*body.identity_groups, AGE_GROUP),
        identity_min=np.append(body.identity_min, -0.2),
        identity_max=np.append(body.identity_max, 1.2),
        ages=table,
    )
