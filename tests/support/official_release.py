"""A made-up MHR release: the files that `sam3db models import` reads, with a toy body's content."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import CHANNELS, Body, load_rig_facts
from native_runtime.mhr.official.fbx_nodes import MAGIC, FbxNode, PackedArray
from native_runtime.mhr.rotations import matrix_to_euler
from tests.support.bodies import toy_body

# FBX


def packed(values: NDArray, compress: bool = True) -> PackedArray:
    """An array property."""
    raw = np.ascontiguousarray(values).tobytes()
    return PackedArray(values.dtype, values.size, int(compress), memoryview(zlib.compress(raw) if compress else raw))


def fbx_bytes(root: FbxNode, version: int = 7700) -> bytes:
    """A binary FBX file of the tree; the inverse of ``read_nodes``."""
    header = struct.Struct("<QQQB" if version >= 7500 else "<IIIB")
    out = bytearray(MAGIC + struct.pack("<I", version))
    for node in root.children:
        _write(out, node, header)
    out += bytes(header.size)
    return bytes(out)


def _write(out: bytearray, node: FbxNode, header: struct.Struct) -> None:
    start, name = len(out), node.name.encode()
    properties = b"".join(_property(value) for value in node.properties)
    out += bytes(header.size) + name + properties
    for child in node.children:
        _write(out, child, header)
    if node.children:
        out += bytes(header.size)
    header.pack_into(out, start, len(out), len(node.properties), len(properties), len(name))


def _property(value: object) -> bytes:
    if isinstance(value, PackedArray):
        letter = {"f4": b"f", "f8": b"d", "i8": b"l", "i4": b"i", "i1": b"b"}[value.dtype.str[1:]]
        return letter + struct.pack("<III", value.count, value.encoding, len(value.data)) + bytes(value.data)
    if isinstance(value, bytes):
        return b"S" + struct.pack("<I", len(value)) + value
    if isinstance(value, bool):
        return b"C" + struct.pack("<?", value)
    if isinstance(value, int):
        return b"L" + struct.pack("<q", value)
    assert isinstance(value, float)
    return b"D" + struct.pack("<d", value)


def _object(kind: str, key: int, name: str, subkind: str, *children: FbxNode) -> FbxNode:
    label = b"Deformer" if kind == "Deformer" else kind.encode()
    return FbxNode(kind, (key, name.encode() + b"\x00\x01" + label, subkind.encode()), list(children))


def _array(name: str, values: NDArray) -> FbxNode:
    return FbxNode(name, (packed(values),))


def _settings(**vectors: Iterable[float]) -> FbxNode:
    rows = [
        FbxNode("P", (name.replace("_", " ").encode(), b"Vector", b"", b"A", *map(float, value)))
        for name, value in vectors.items()
    ]
    return FbxNode("Properties70", (), rows)


def fbx_tree(body: Body) -> FbxNode:
    """The scene of a body's mesh, joints, skin and shapes, in the release's structure."""
    objects, connections = FbxNode("Objects", ()), FbxNode("Connections", ())

    def add(node: FbxNode, parent: int | None) -> None:
        objects.children.append(node)
        if parent is not None:
            connections.children.append(FbxNode("C", (b"OO", node.properties[0], parent)))

    skeleton, joint_key, mesh, skin, blend = body.skeleton, 1000, 1, 2, 3
    degrees = np.degrees(matrix_to_euler(skeleton.prerotation_matrices))
    for joint, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents)):
        facts = _settings(PreRotation=degrees[joint], Lcl_Translation=skeleton.offsets[joint])
        kind = "Root" if parent < 0 else "LimbNode"
        add(_object("Model", joint_key + joint, name, kind, facts), joint_key + int(parent) if parent >= 0 else 0)

    ends = np.cumsum(body.face_sizes) - 1
    corners = body.face_vertices.astype(np.int32).copy()
    corners[ends] = -1 - corners[ends]
    layer = FbxNode(
        "LayerElementUV",
        (0,),
        [
            FbxNode("MappingInformationType", (b"ByPolygonVertex",)),
            FbxNode("ReferenceInformationType", (b"IndexToDirect",)),
            _array("UV", body.uvs.astype(np.float64).ravel()),
            _array("UVIndex", np.arange(len(corners), dtype=np.int32)),
        ],
    )
    vertices = _array("Vertices", body.rest_vertices.astype(np.float64).ravel())
    add(_object("Geometry", mesh, "mesh", "Mesh", vertices, _array("PolygonVertexIndex", corners), layer), None)
    add(_object("Deformer", skin, "skin", "Skin"), mesh)
    for joint in range(len(skeleton.names)):
        vertex, slot = np.nonzero((body.skin_indices == joint) & (body.skin_weights > 0))
        key = 2000 + joint
        parts = [
            _array("Indexes", vertex.astype(np.int32)),
            _array("Weights", body.skin_weights[vertex, slot].astype(np.float64)),
        ]
        add(_object("Deformer", key, f"cluster_{joint}", "Cluster", *(parts if len(vertex) else [])), skin)
        connections.children.append(FbxNode("C", (b"OO", joint_key + joint, key)))
    add(_object("Deformer", blend, "shapes", "BlendShape"), mesh)
    for number, shape in enumerate(np.concatenate([body.identity_basis, body.expression_basis])):
        moved = np.flatnonzero(shape.any(axis=1)).astype(np.int32)
        add(_object("Deformer", 3000 + number, f"channel_{number}", "BlendShapeChannel"), blend)
        parts = [_array("Indexes", moved), _array("Vertices", shape[moved].astype(np.float64).ravel())]
        add(_object("Geometry", 4000 + number, f"shape_{number}", "Shape", *parts), 3000 + number)
    return FbxNode("", (), [objects, connections])


# the other files


def model_text() -> str:
    """A model definition of MHR's parameters; those of one joint channel stand on one line."""
    facts = load_rig_facts()
    transform = facts.parameterisation
    lines = ["Momentum Model Definition V1.0", "", "[ParameterTransform]"]
    # Parameters are numbered as they appear, so they are introduced in order; repeated channels add up.
    order = np.argsort(transform.columns, kind="stable")
    for row, column, value in zip(transform.rows[order], transform.columns[order], transform.values[order]):
        joint, channel = facts.joint_names[row // 7], CHANNELS[row % 7]
        lines.append(f"{joint}.{channel} = {float(value)!r} * {transform.names[column]}  # a comment")
    lines += ["", "[ParameterSets]"]
    lines += [f"parameterset {name} {' '.join(members)}" for name, members in facts.parameter_sets.items()]
    lines += ["", "[Limits]"]
    for name, low, high, weight in zip(
        transform.names, transform.limit_min, transform.limit_max, transform.limit_weight
    ):
        if np.isfinite(low):
            lines.append(f"limit {name} minmax [{float(low)!r}, {float(high)!r}] {float(weight)!r}")
    lines += ["", "[PoseConstraints]", f"poseconstraints tpose {transform.names[6]}=0.0"]
    return "\n".join(lines) + "\n"


def write_correctives(folder: Path, level: int, vertex_count: int, components: int = 48) -> tuple[NDArray, NDArray]:
    """The two files of made-up pose correctives; returns activation (C, 750) and basis (C, V, 3)."""
    rng = np.random.default_rng(5)
    mask = rng.random((components, 750)) < 0.02
    rows, columns = np.nonzero(mask)
    weights = rng.normal(size=len(rows)).astype(np.float32)
    np.savez(
        folder / "corrective_activation.npz",
        **{"posedirs_sparse_mask": mask, "0.sparse_indices": np.stack([rows, columns]), "0.sparse_weight": weights},
    )
    basis = np.zeros((components, vertex_count, 3), np.float32)
    for start in range(0, components, 24):
        near = rng.permutation(vertex_count)[: vertex_count // 10]
        basis[start : start + 24, near] = rng.normal(size=(min(24, components - start), len(near), 3)) * 0.2
    np.savez_compressed(folder / f"corrective_blendshapes_lod{level}.npz", corrective_blendshapes=basis)
    activation = np.zeros(mask.shape, np.float32)
    activation[rows, columns] = weights
    return activation, basis


def torchscript_content(body: Body, folder: Path) -> dict[str, Any]:
    """The released file's tensors, by attribute path, with a body's numbers; triangles instead of its quads."""
    transform = np.zeros((889, 249), np.float32)
    transform[:, :204] = load_rig_facts().parameterisation.matrix
    vertex, slot = np.nonzero(body.skin_weights)
    activation, basis = write_correctives(folder, 1, body.vertex_count)
    rows, columns = np.nonzero(activation)
    triangles = body.triangles
    return {
        "training": False,
        "character_torch": {
            "skeleton": {
                "joint_translation_offsets": body.skeleton.offsets.astype(np.float32),
                "joint_prerotations": body.skeleton.prerotations.astype(np.float32),
                "joint_parents": body.joint_parents,
                "_pmi_buffer_sizes": [65, 56],
            },
            "mesh": {
                "rest_vertices": body.rest_vertices,
                "faces": triangles,
                "texcoords": body.uvs,
                "texcoord_faces": (np.arange(triangles.size) % len(body.uvs)).reshape(-1, 3).astype(np.int32),
            },
            "blend_shape": {"base_shape": body.rest_vertices, "shape_vectors": body.identity_basis},
            "parameter_transform": {"parameter_transform": transform, "rigid_parameters": np.zeros(249, bool)},
            "linear_blend_skinning": {
                "vert_indices_flattened": vertex.astype(np.int64),
                "skin_indices_flattened": body.skin_indices[vertex, slot],
                "skin_weights_flattened": body.skin_weights[vertex, slot],
            },
        },
        "face_expressions_model": {"shape_vectors": body.expression_basis},
        "pose_correctives_model": {
            "pose_dirs_predictor": {
                "0": {
                    "sparse_indices": np.stack([rows, columns]).astype(np.int64),
                    "sparse_weight": activation[rows, columns],
                },
                "1": {},
                "2": {"weight": np.ascontiguousarray(basis.reshape(len(basis), -1).T)},
            }
        },
    }


def write_release(folder: Path, levels: Iterable[int] = (3, 6)) -> Body:
    """The release's files without pose correctives; every level has the same mesh, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    body = toy_body(45, 72)
    data = fbx_bytes(fbx_tree(body))
    for level in levels:
        (folder / f"lod{level}.fbx").write_bytes(data)
    (folder / "compact_v6_1.model").write_text(model_text())
    return body


def zip_folder(folder: Path, archive: Path, prefix: str = "assets/") -> Path:
    """All files of the folder in a compressed archive, as the release has them."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            file.write(path, prefix + path.name)
    return archive
