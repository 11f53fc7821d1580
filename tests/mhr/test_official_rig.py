"""Reading rigs from FBX: the release's files, a made-up scene, and scenes that are wrong in one way each."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError
from native_runtime.mhr import Body, load_rig_facts
from native_runtime.mhr.official import Rig, read_rig
from native_runtime.mhr.official.fbx_nodes import MAGIC, FbxNode, PackedArray, read_nodes
from native_runtime.mhr.official.surface import closest_on_surface
from tests.support.bodies import toy_body
from tests.support.official_release import fbx_bytes, fbx_tree, packed


@pytest.fixture(scope="module")
def toy() -> Body:
    return toy_body(3, 2)


@pytest.fixture(scope="module")
def toy_file(toy: Body) -> bytes:
    return fbx_bytes(fbx_tree(toy))


@pytest.mark.parametrize(("level", "vertices"), [(3, 4899), (4, 2461), (5, 971), (6, 595)])
def test_released_levels(shared: Path, level: int, vertices: int) -> None:
    facts = load_rig_facts()
    rig = read_rig((shared / "mhr" / f"lod{level}.fbx").read_bytes(), f"lod{level}.fbx")
    assert rig.skeleton.names == facts.joint_names
    np.testing.assert_array_equal(rig.skeleton.parents, facts.joint_parents)
    np.testing.assert_allclose(rig.skeleton.rest.rotations, facts.rest_axes, atol=1e-5)
    assert rig.vertices.shape == (vertices, 3)
    assert rig.shapes.shape == (117, vertices, 3)
    assert len(rig.uvs) == len(rig.face_vertices) == rig.face_sizes.sum()
    assert 0 <= rig.uvs.min() < rig.uvs.max() <= 1
    np.testing.assert_allclose(rig.skin.sum(axis=1), 1, atol=1e-6)


def test_lod3_equals_the_reference_rig(shared: Path) -> None:
    """The same file read by an independent probe."""
    rig = read_rig((shared / "mhr" / "lod3.fbx").read_bytes(), "lod3.fbx")
    known = np.load(shared / "parity" / "rig_lod3_standin.npz")
    np.testing.assert_array_equal(rig.vertices.astype(np.float32), known["base_shape"])
    np.testing.assert_array_equal(rig.shapes[:45], known["identity_shape_vectors"])
    np.testing.assert_array_equal(rig.shapes[45:], known["expression_shape_vectors"])
    np.testing.assert_array_equal(rig.skeleton.offsets.astype(np.float32), known["joint_translation_offsets"])
    quaternions = known["joint_prerotations_xyzw"]
    signs = np.sign(np.sum(quaternions * rig.skeleton.prerotations, axis=1, keepdims=True))
    np.testing.assert_allclose(rig.skeleton.prerotations * signs, quaternions, atol=1e-6)
    np.testing.assert_array_equal(rig.face_vertices.reshape(-1, 3), known["faces"])
    dense = np.zeros_like(rig.skin)
    dense[known["skin_vert_indices"], known["skin_joint_indices"]] = known["skin_weights"]
    np.testing.assert_allclose(rig.skin, dense, atol=1e-6)


@pytest.mark.parametrize("version", [7400, 7700])
def test_made_up_scene_round_trips(toy: Body, version: int) -> None:
    rig = read_rig(fbx_bytes(fbx_tree(toy), version), "toy.fbx")
    np.testing.assert_array_equal(rig.vertices.astype(np.float32), toy.rest_vertices)
    np.testing.assert_array_equal(rig.face_sizes, toy.face_sizes)
    np.testing.assert_array_equal(rig.face_vertices, toy.face_vertices)
    np.testing.assert_allclose(rig.uvs, toy.uvs)
    np.testing.assert_array_equal(rig.shapes, np.concatenate([toy.identity_basis, toy.expression_basis]))
    np.testing.assert_allclose(rig.skeleton.rest.joints, toy.skeleton.rest.joints, atol=1e-9)
    dense = np.zeros_like(rig.skin)
    np.add.at(dense, (np.arange(len(dense))[:, None], toy.skin_indices), toy.skin_weights)
    np.testing.assert_allclose(rig.skin, dense, atol=1e-6)


# scenes that are wrong


def find(root: FbxNode, kind: str, *path: str, subkind: bytes | None = None) -> FbxNode:
    """The first object of a kind, or the node below it at a path of names."""
    objects = root.first("Objects")
    assert objects is not None
    node = next(n for n in objects.all(kind) if subkind is None or n.properties[2] == subkind)
    for name in path:
        found = node.first(name)
        assert found is not None
        node = found
    return node


def set_array(node: FbxNode, values: np.ndarray) -> None:
    node.properties = (packed(values),)


def remove(root: FbxNode, kind: str, subkind: bytes) -> None:
    objects = root.first("Objects")
    assert objects is not None
    objects.children.remove(find(root, kind, subkind=subkind))


def connect(root: FbxNode, child: int, parent: int) -> None:
    connections = root.first("Connections")
    assert connections is not None
    connections.children.append(FbxNode("C", (b"OO", child, parent)))


def disconnect(root: FbxNode, child: int) -> None:
    connections = root.first("Connections")
    assert connections is not None
    connections.children = [c for c in connections.children if c.properties[1] != child]


def loop_of_joints(root: FbxNode) -> None:
    disconnect(root, 1010)
    connect(root, 1010, 1011)
    disconnect(root, 1011)
    connect(root, 1011, 1010)


def matrix(root: FbxNode) -> None:
    link = np.eye(4)
    link[3, 0] = 5.0
    cluster = find(root, "Deformer", subkind=b"Cluster")
    cluster.children.append(FbxNode("TransformLink", (packed(link.ravel()),)))


def scale_joint(root: FbxNode) -> None:
    table = find(root, "Model", "Properties70", subkind=b"LimbNode")
    table.children.append(FbxNode("P", (b"Lcl Scaling", b"", b"", b"A", 2.0, 2.0, 2.0)))


WRONG: dict[str, tuple[Callable[[FbxNode], object], str]] = {
    "no objects": (lambda r: r.children.pop(0), "no objects"),
    "no mesh": (lambda r: remove(r, "Geometry", b"Mesh"), "one Geometry of kind Mesh, not 0"),
    "no skin": (lambda r: remove(r, "Deformer", b"Skin"), "0 skins"),
    "two roots": (lambda r: disconnect(r, 1010), "2 roots"),
    "two parents": (lambda r: connect(r, 1010, 1050), "two parents"),
    "loop": (loop_of_joints, "form a cycle"),
    "scaled joint": (scale_joint, "scaled or rotated"),
    "bound elsewhere": (matrix, "bound at a place other"),
    "odd vertices": (lambda r: set_array(find(r, "Geometry", "Vertices"), np.zeros(3050)), "not a number of points"),
    "nan": (lambda r: set_array(find(r, "Geometry", "Vertices"), np.full(3048, np.nan)), "not finite"),
    "integers": (lambda r: set_array(find(r, "Geometry", "Vertices"), np.zeros(3048, np.int32)), "wrong type"),
    "few vertices": (lambda r: set_array(find(r, "Geometry", "Vertices"), np.zeros(300)), "outside 0..99"),
    "open polygon": (
        lambda r: set_array(find(r, "Geometry", "PolygonVertexIndex"), np.array([0, 1, 2], np.int32)),
        "not closed",
    ),
    "two corners": (
        lambda r: set_array(find(r, "Geometry", "PolygonVertexIndex"), np.array([0, -2], np.int32)),
        "fewer than three",
    ),
    "uv count": (
        lambda r: set_array(find(r, "Geometry", "LayerElementUV", "UVIndex"), np.zeros(5, np.int32)),
        "5 texture coordinates",
    ),
    "weights": (lambda r: set_array(find(r, "Deformer", "Weights", subkind=b"Cluster"), np.zeros(3)), "3 weights"),
    "shape size": (lambda r: set_array(find(r, "Geometry", "Vertices", subkind=b"Shape"), np.zeros(6)), "shape_0"),
    "no array": (lambda r: setattr(find(r, "Geometry", "Vertices"), "properties", (1,)), "no array Vertices"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_scenes_are_refused(toy: Body, case: str) -> None:
    spoil, message = WRONG[case]
    tree = fbx_tree(toy)
    spoil(tree)
    with pytest.raises(ModelError, match=rf"^toy\.fbx .*{message}"):
        read_rig(fbx_bytes(tree), "toy.fbx")


def huge(count: int, encoding: int = 1) -> PackedArray:
    real = packed(np.zeros(8))
    return PackedArray(real.dtype, count, encoding, real.data)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (huge(1 << 31), "claims"),
        (huge(9), "instead of 72"),
        (huge(3), "longer than it says"),
        (huge(8, encoding=7), "unknown encoding"),
        (PackedArray(np.dtype("<f8"), 8, 1, memoryview(b"not zlib")), "cannot be unpacked"),
        (PackedArray(np.dtype("<f8"), 8, 0, memoryview(bytes(63))), "63 bytes instead of 64"),
    ],
)
def test_arrays_that_lie_about_themselves(toy: Body, array: PackedArray, message: str) -> None:
    tree = fbx_tree(toy)
    find(tree, "Geometry", "Vertices").properties = (array,)
    with pytest.raises(ModelError, match=message):
        read_rig(fbx_bytes(tree), "toy.fbx")


def test_other_files_are_named_for_what_they_are() -> None:
    with pytest.raises(ModelError, match="text form"):
        read_rig(b"; FBX 7.4.0 project file\n", "a.fbx")
    with pytest.raises(ModelError, match="does not start"):
        read_rig(b"\x89PNG\r\n", "a.fbx")
    with pytest.raises(ModelError, match="version 6100"):
        read_rig(MAGIC + struct.pack("<I", 6100), "a.fbx")
    with pytest.raises(ModelError, match=r"a\.fbx is damaged"):
        read_rig(MAGIC, "a.fbx")


def test_deep_nesting_is_refused() -> None:
    header, depth = struct.Struct("<QQQB"), 2000
    start = MAGIC + struct.pack("<I", 7700)
    end = len(start) + depth * (header.size + 1)
    with pytest.raises(ModelError, match="too many nodes"):
        read_rig(start + (header.pack(end, 0, 0, 1) + b"N") * depth + bytes(header.size), "a.fbx")


def test_truncated_files_are_refused(toy_file: bytes) -> None:
    for cut in np.linspace(0, len(toy_file) - 26, 40).astype(int):
        with pytest.raises(ModelError):
            read_rig(toy_file[:cut], "toy.fbx")


def test_flipped_bytes_give_a_model_error_or_a_rig(toy_file: bytes) -> None:
    rng = np.random.default_rng(11)
    refused = 0
    for _ in range(60):
        spoiled = bytearray(toy_file)
        for position in rng.integers(23, len(spoiled), 12):
            spoiled[position] = rng.integers(256)
        try:
            assert isinstance(read_rig(bytes(spoiled), "toy.fbx"), Rig)
        except ModelError:
            refused += 1
    assert refused > 20


def test_nodes_survive_any_garbage_behind_the_header() -> None:
    rng = np.random.default_rng(12)
    for _ in range(200):
        garbage = MAGIC + struct.pack("<I", 7700) + rng.bytes(int(rng.integers(0, 400)))
        with contextlib.suppress(ModelError, ValueError):
            read_nodes(garbage)


def test_closest_points_on_a_surface(rng: np.random.Generator) -> None:
    """Against a dense sampling of every triangle."""
    vertices = rng.normal(size=(12, 3))
    triangles = np.array([[i, i + 1, i + 2] for i in range(10)])
    grid = np.array([(a, b, 30 - a - b) for a in range(31) for b in range(31 - a)]) / 30
    samples = np.einsum("sk,tkc->tsc", grid, vertices[triangles])
    points = rng.normal(size=(20, 3))
    faces, shares = closest_on_surface(points, vertices, triangles)
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    feet = np.einsum("pk,pkc->pc", shares, vertices[triangles[faces]])
    distance = np.linalg.norm(feet - points, axis=1)
    sampled = np.linalg.norm(samples.reshape(-1, 3) - points[:, None], axis=2).min(axis=1)
    assert np.all(distance <= sampled + 1e-9)
    assert np.all(distance > sampled - 0.15)
