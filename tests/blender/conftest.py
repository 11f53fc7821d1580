"""Bodies for the Blender tests: a small made-up one that reaches every joint, and the built default."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from native_runtime.mhr import Body
from native_runtime.mhr.rotations import matrix_to_quaternion, quaternion_to_matrix

if importlib.util.find_spec("bpy") is None:
    collect_ignore_glob = ["test_*.py"]


def _joint_tree(template: dict) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names, parents, offsets (cm, parent's frame) and prerotations (xyzw) of a stick figure on MHR's own rest
    axes.
    """
    names = [joint["name"] for joint in template["joints"]]
    parents = np.array([-1 if j["parent"] is None else names.index(j["parent"]) for j in template["joints"]], np.int32)
    # rest_axes lists the axes one by one; as columns they make the rotation, cleaned of the file's rounding
    axes = np.array([np.array(joint["rest_axes"]).T for joint in template["joints"]])
    left, _, right = np.linalg.svd(axes)
    axes = left @ right
    rng = np.random.default_rng(7)
    offsets = np.zeros((len(names), 3))
    prerotations = np.zeros((len(names), 4))
    for i, name in enumerate(names):
        local = axes[i] if parents[i] < 0 else axes[parents[i]].T @ axes[i]
        prerotations[i] = matrix_to_quaternion(local)
        if parents[i] >= 0:
            along = -1.0 if name.startswith("r_") else 1.0
            offsets[i] = (along * rng.uniform(4, 12), rng.uniform(-2, 2), rng.uniform(-2, 2))
    offsets[names.index("root")] = (0.0, 90.0, 0.0)
    for name in ("l_talocrural", "r_talocrural", "l_wrist", "r_wrist"):  # MHR has joints in the same place
        offsets[names.index(name)] = 0.0
    return names, parents, offsets, prerotations


def _joint_of(keypoint: dict) -> str:
    return str(keypoint.get("joint") or keypoint["nearest_joint"])


def _write_small_body(path: Path, templates: Path) -> None:
    """A body file whose mesh is one octahedron per joint, skinned to the joint and its parent."""
    template = json.loads((templates / "mhr" / "parameterisation.json").read_text())
    keypoints = json.loads((templates / "mhr" / "keypoints.json").read_text())["keypoints"]
    names, parents, offsets, prerotations = _joint_tree(template)
    parameters = [parameter["name"] for parameter in template["parameters"]]
    channels = ("tx", "ty", "tz", "rx", "ry", "rz", "sc")
    entries = [
        (names.index(target.split(".")[0]) * 7 + channels.index(target.split(".")[1]), parameters.index(source), value)
        for target, sources in template["transform"].items()
        for source, value in sources.items()
    ]
    limits = np.array([(p.get("min", -np.inf), p.get("max", np.inf)) for p in template["parameters"]], float)

    # joint positions at rest, by the convention of docs/architecture.md
    rotation = quaternion_to_matrix(prerotations)
    joints = np.tile(np.eye(4), (len(names), 1, 1))
    for i, parent in enumerate(parents):
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = rotation[i], offsets[i]
        joints[i] = local if parent < 0 else joints[parent] @ local

    octahedron = 1.5 * np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    corners = np.array(
        [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [1, 0, 5], [2, 1, 5], [3, 2, 5], [0, 3, 5]], np.int32
    )
    vertices = (joints[:, None, :3, 3] + octahedron).reshape(-1, 3)
    faces = (corners[None] + 6 * np.arange(len(names))[:, None, None]).reshape(-1, 3)
    owners = np.repeat(np.arange(len(names)), 6)
    skin_indices = np.stack([owners, np.maximum(parents[owners], 0)], axis=1)
    skin_weights = np.tile(np.array([0.75, 0.25], np.float32), (len(owners), 1))
    rng = np.random.default_rng(8)
    np.savez(
        path,
        format="sam3db-body/1",
        name="small",
        provenance=json.dumps({"sources": ["made by a test"]}),
        joint_names=np.array(names),
        joint_parents=parents,
        joint_offsets=offsets,
        joint_prerotations=prerotations,
        parameter_names=np.array(parameters),
        transform_rows=np.array([e[0] for e in entries], np.int32),
        transform_columns=np.array([e[1] for e in entries], np.int32),
        transform_values=np.array([e[2] for e in entries], float),
        limit_min=limits[:, 0],
        limit_max=limits[:, 1],
        limit_weight=np.ones(len(parameters)),
        rest_vertices=vertices.astype(np.float32),
        face_sizes=np.full(len(faces), 3, np.int32),
        face_vertices=faces.ravel().astype(np.int32),
        face_materials=(np.arange(len(faces)) % 2).astype(np.int32),
        material_names=np.array(["skin", "eyes"]),
        uvs=rng.uniform(0, 1, (faces.size, 2)).astype(np.float32),
        identity_basis=rng.normal(0, 1, (3, len(vertices), 3)).astype(np.float32),
        identity_names=np.array(["weight", "jaw", "palm"]),
        identity_groups=np.array(["body", "head", "hands"]),
        identity_min=np.full(3, -3.0),
        identity_max=np.full(3, 3.0),
        expression_basis=rng.normal(0, 0.5, (2, len(vertices), 3)).astype(np.float32),
        expression_names=np.array(["jawOpen", "mouthSmileLeft"]),
        skin_indices=skin_indices.astype(np.int32),
        skin_weights=skin_weights,
        keypoint_names=np.array([keypoint["name"] for keypoint in keypoints]),
        keypoint_rows=np.arange(70, dtype=np.int32),
        keypoint_columns=np.array([len(vertices) + names.index(_joint_of(point)) for point in keypoints], np.int32),
        keypoint_values=np.ones(70),
    )


@pytest.fixture(scope="session")
def small_body(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Body:
    """A made-up body with MHR's joints and parameters and a mesh that reaches every joint."""
    path = tmp_path_factory.mktemp("body") / "small.npz"
    _write_small_body(path, repository / "rig_templates")
    return Body.load(path)


@pytest.fixture(scope="session", params=["small", "default"])
def any_body(request: pytest.FixtureRequest) -> Body:
    """The made-up body, then the default body (skipped where it was not built)."""
    if request.param == "small":
        return request.getfixturevalue("small_body")
    return Body.load(request.getfixturevalue("default_body_path"))


@pytest.fixture(autouse=True)
def _factory(blender_factory: None) -> None:
    """Each test of this folder starts from an empty factory file."""


@pytest.fixture
def online() -> Iterator[None]:
    """A Blender that may use the network."""
    import bpy

    system = bpy.context.preferences.system
    before = system.use_online_access
    system.use_online_access = True
    yield
    system.use_online_access = before


_VALIDATE = """
require(process.argv[1]).validateBytes(new Uint8Array(require("fs").readFileSync(process.argv[2])))
  .then(report => console.log(JSON.stringify(report.issues.messages.filter(message => message.severity == 0))))
"""


@pytest.fixture(scope="session")
def gltf_problems() -> Callable[[Path], list[dict]] | None:
    """The errors that Khronos's validator finds in a file; None where it is not installed.

    It is the package gltf-validator of npm; SAM3DB_GLTF_VALIDATOR is the folder that it lies in.
    """
    folder = os.environ.get("SAM3DB_GLTF_VALIDATOR")
    if folder is None or shutil.which("node") is None:
        return None

    def problems(path: Path) -> list[dict]:
        done = subprocess.run(
            ["node", "-e", _VALIDATE, folder, str(path)], capture_output=True, text=True, check=True, timeout=60
        )
        return json.loads(done.stdout)

    return problems


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The add-on with an engine that is asked, but answers nothing; the names of the characters it was asked about."""
    import sam3db_blender
    from sam3db_blender.posing import watch

    names: list[str] = []
    monkeypatch.setattr(watch, "refresh", lambda rig: names.append(rig.name))
    sam3db_blender.register()
    yield names
    sam3db_blender.unregister()
