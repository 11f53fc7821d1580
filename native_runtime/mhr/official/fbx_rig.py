"""A skinned mesh with its skeleton and blend shapes, read from an FBX file of the MHR release.

FBX describes a scene as objects with ids and connections (child, parent) between them. Of all that it can say, this
reads what MHR uses and refuses the rest plainly rather than getting it wrong: joints are models of the kinds Root and
LimbNode placed by ``PreRotation`` and ``Lcl Translation``; one mesh in centimetres, y up, without a placement of its
own; one linear skin whose clusters hang on the joints; blend shapes with one target each.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr.rotations import euler_to_matrix, matrix_to_quaternion
from native_runtime.mhr.skeleton import Skeleton

from .fbx_nodes import FbxError, FbxNode, read_nodes

Array = NDArray[np.float64]

_JOINT_KINDS = ("Root", "LimbNode")
_SUM_TOLERANCE = 1e-3
_REST_TOLERANCE = 1e-2
"""cm. The released files agree with themselves within 1.2e-5 cm."""


@dataclass(frozen=True, eq=False)
class Rig:
    """What an FBX file holds, in MHR's units and axes (cm, y up).

    Attributes:
        skeleton: the joints (J), each parent before its children.
        vertices: (V, 3) cm, at rest.
        face_sizes, face_vertices: (F,), (L,) polygons.
        uvs: (L, 2) per face corner; zeros where the file has none.
        skin: (V, J) float32 weights; each row sums to 1.
        shapes: (S, V, 3) float32, cm per unit: ``shape_0``, ``shape_1``, ...
    """

    skeleton: Skeleton
    vertices: Array
    face_sizes: NDArray[np.int32]
    face_vertices: NDArray[np.int32]
    uvs: Array
    skin: NDArray[np.float32]
    shapes: NDArray[np.float32]


def read_rig(data: bytes, source: str) -> Rig:
    """Read a rigged mesh.

    Args:
        data: the content of a binary FBX file.
        source: what to call the file in messages.

    Raises:
        ModelError: the file is damaged, or is no rigged mesh of the kind described above.
    """
    try:
        return _Scene(read_nodes(data)).rig()
    except FbxError as fault:
        raise ModelError(f"{source} is damaged or not an MHR rig: {fault}. Take an undamaged copy of it.") from None
    except ModelError as error:
        raise ModelError(f"{source}: {error}") from None


class _Scene:
    """Objects by id, and who hangs on whom."""

    def __init__(self, root: FbxNode) -> None:
        objects, connections = root.first("Objects"), root.first("Connections")
        if objects is None or connections is None:
            raise FbxError("it has no objects or no connections")
        self._check_axes(root)
        self.objects: dict[int, FbxNode] = {}
        for node in objects.children:
            if len(node.properties) >= 3 and isinstance(node.properties[0], int):
                if node.properties[0] in self.objects:
                    raise FbxError("two objects have the same id")
                self.objects[node.properties[0]] = node
        # A dictionary keeps the order and drops repetitions: the released files write some connections twice.
        below: dict[int, dict[int, None]] = defaultdict(dict)
        for node in connections.all("C"):
            if len(node.properties) < 3 or node.properties[0] != b"OO":
                continue
            child, parent = node.properties[1:3]
            if not isinstance(child, int) or not isinstance(parent, int):
                raise FbxError("a connection is not between two ids")
            if child in self.objects:
                below[parent][child] = None
        self.children = {parent: tuple(children) for parent, children in below.items()}

    def rig(self) -> Rig:
        skeleton, joint_ids = self._skeleton()
        mesh_id = self._only("Geometry", "Mesh")
        mesh = self.objects[mesh_id]
        self._check_mesh_is_unplaced(mesh_id)
        vertices = mesh.array("Vertices", "f")
        if not len(vertices) or len(vertices) % 3:
            raise FbxError(f"its mesh has {len(vertices)} coordinates, which is not a number of points")
        vertices = vertices.reshape(-1, 3)
        sizes, corners = _polygons(mesh, len(vertices))
        return Rig(
            skeleton=skeleton,
            vertices=vertices,
            face_sizes=sizes,
            face_vertices=corners,
            uvs=_uvs(mesh, len(corners)),
            skin=self._skin(mesh_id, len(vertices), skeleton, joint_ids),
            shapes=self._shapes(mesh_id, len(vertices)),
        )

    def _check_axes(self, root: FbxNode) -> None:
        settings = root.first("GlobalSettings")
        if settings is None:
            return
        facts = _values(settings)
        expected = {
            "UpAxis": 1,
            "UpAxisSign": 1,
            "FrontAxis": 2,
            "FrontAxisSign": 1,
            "CoordAxis": 0,
            "CoordAxisSign": 1,
        }
        if any(name in facts and facts[name] != (value,) for name, value in expected.items()):
            raise FbxError("its axes are not those of MHR (y up, z to the front)")
        if facts.get("UnitScaleFactor", (1.0,)) != (1.0,):
            raise FbxError("its unit is not the centimetre")

    # finding objects

    def _kind(self, key: int) -> tuple[str, str]:
        node = self.objects[key]
        return node.name, _decode(node.properties[2])

    def _name(self, key: int) -> str:
        return _decode(self.objects[key].properties[1]).split("\x00")[0]

    def _below(self, key: int, name: str, *kinds: str) -> list[int]:
        return [c for c in self.children.get(key, ()) if self._kind(c)[0] == name and self._kind(c)[1] in kinds]

    def _only(self, name: str, kind: str) -> int:
        found = [key for key in self.objects if self._kind(key) == (name, kind)]
        if len(found) != 1:
            raise FbxError(f"it should have one {name} of kind {kind}, not {len(found)}")
        return found[0]

    # skeleton

    def _skeleton(self) -> tuple[Skeleton, dict[int, int]]:
        """The joints depth first, as Momentum numbers them, and the joint number of each object id."""
        joints = {k for k in self.objects if self._kind(k)[0] == "Model" and self._kind(k)[1] in _JOINT_KINDS}
        parent_of: dict[int, int] = {}
        for parent in joints:
            for child in self._below(parent, "Model", *_JOINT_KINDS):
                if child in parent_of:
                    raise FbxError(f"the joint {self._name(child)!r} has two parents")
                parent_of[child] = parent
        roots = [k for k in joints if k not in parent_of]
        if len(roots) != 1:
            raise FbxError(f"its skeleton has {len(roots)} roots instead of one")
        order: list[int] = []
        waiting = [roots[0]]
        while waiting:  # every joint has one parent, so nothing is visited twice
            key = waiting.pop()
            order.append(key)
            waiting.extend(reversed(self._below(key, "Model", *_JOINT_KINDS)))
        if len(order) != len(joints):
            raise FbxError("some joints form a cycle")
        number = {key: i for i, key in enumerate(order)}
        placed = [self._placement(key) for key in order]
        return (
            Skeleton(
                names=tuple(self._name(key) for key in order),
                parents=np.array([number[parent_of[k]] if k in parent_of else -1 for k in order], np.int32),
                offsets=np.array([offset for offset, _ in placed]),
                prerotations=matrix_to_quaternion(np.array([rotation for _, rotation in placed])),
            ),
            number,
        )

    def _placement(self, key: int) -> tuple[Array, Array]:
        """Translation (3,) cm and rotation (3, 3) of a joint at rest, in its parent's frame."""
        facts = _values(self.objects[key])

        def vector(name: str, default: float = 0.0) -> Array:
            value = facts.get(name, (default,) * 3)
            if len(value) != 3 or not all(isinstance(v, (int, float)) for v in value):
                raise FbxError(f"{name} of {self._name(key)!r} is not a vector")
            array = np.array(value, np.float64)
            if not np.all(np.isfinite(array)) or np.abs(array).max() > 1e5:
                raise FbxError(f"{name} of {self._name(key)!r} is not a plausible vector")
            return array

        if not np.allclose(vector("Lcl Scaling", 1.0), 1.0) or np.any(vector("PostRotation")):
            raise FbxError(f"the joint {self._name(key)!r} is scaled or rotated in a way that MHR does not use")
        if facts.get("RotationOrder", (0,)) != (0,):
            raise FbxError(f"the joint {self._name(key)!r} does not rotate in the order x, y, z")
        before, local = (euler_to_matrix(np.radians(vector(n))) for n in ("PreRotation", "Lcl Rotation"))
        return vector("Lcl Translation"), before @ local

    # mesh

    def _check_mesh_is_unplaced(self, mesh_id: int) -> None:
        for key in self.objects:
            if self._kind(key)[0] == "Model" and mesh_id in self.children.get(key, ()):
                offset, rotation = self._placement(key)
                if np.abs(offset).max() > 1e-6 or np.abs(rotation - np.eye(3)).max() > 1e-6:
                    raise FbxError("its mesh object is moved or rotated, unlike MHR's")

    def _skin(self, mesh_id: int, count: int, skeleton: Skeleton, joint_ids: dict[int, int]) -> NDArray[np.float32]:
        skins = self._below(mesh_id, "Deformer", "Skin")
        if len(skins) != 1:
            raise FbxError(f"its mesh has {len(skins)} skins instead of one")
        weights = np.zeros((count, len(skeleton.names)))
        for cluster in self._below(skins[0], "Deformer", "Cluster"):
            joints = [joint_ids[k] for k in self.children.get(cluster, ()) if k in joint_ids]
            if len(joints) != 1:
                raise FbxError(f"a part of its skin is bound to {len(joints)} joints instead of one")
            self._add_cluster(self.objects[cluster], joints[0], weights, skeleton)
        total = weights.sum(axis=1)
        if np.abs(total - 1.0).max() > _SUM_TOLERANCE:
            bad = int(np.sum(np.abs(total - 1.0) > _SUM_TOLERANCE))
            raise FbxError(f"the skin weights of {bad} vertices do not sum to 1")
        return (weights / total[:, None]).astype(np.float32)

    @staticmethod
    def _add_cluster(cluster: FbxNode, joint: int, weights: Array, skeleton: Skeleton) -> None:
        name = skeleton.names[joint]
        if cluster.first("TransformLink") is not None:
            link = cluster.array("TransformLink", "f")
            rest = skeleton.rest.joints[joint]
            # FBX writes matrices for row vectors, so that its rows are our columns.
            if len(link) != 16 or np.abs(link.reshape(4, 4).T - rest).max() > _REST_TOLERANCE:
                raise FbxError(f"the joint {name!r} is bound at a place other than its rest position")
        if cluster.first("Indexes") is None:
            return  # a joint that moves no vertex
        indices, values = cluster.array("Indexes", "i"), cluster.array("Weights", "f")
        if len(indices) != len(values):
            raise FbxError(f"the skin of {name!r} has {len(indices)} vertices but {len(values)} weights")
        _check_indices(indices, len(weights), f"the skin of {name!r}")
        if np.any(values < 0):
            raise FbxError(f"the skin of {name!r} has negative weights")
        np.add.at(weights[:, joint], indices, values)

    def _shapes(self, mesh_id: int, count: int) -> NDArray[np.float32]:
        found: dict[int, FbxNode] = {}
        for deformer in self._below(mesh_id, "Deformer", "BlendShape"):
            for channel in self._below(deformer, "Deformer", "BlendShapeChannel"):
                for key in self._below(channel, "Geometry", "Shape"):
                    match = re.fullmatch(r"shape_(\d{1,4})", self._name(key))
                    if match is None:
                        raise FbxError(f"it has a blend shape of the unexpected name {self._name(key)[:40]!r}")
                    if int(match[1]) in found:
                        raise FbxError(f"it has two blend shapes {match[0]}")
                    found[int(match[1])] = self.objects[key]
        missing = sorted(set(range(len(found))) - set(found))
        if missing:
            raise FbxError(f"the blend shape shape_{missing[0]} is missing")
        shapes = np.zeros((len(found), count, 3), np.float32)
        for number, node in found.items():
            indices, offsets = node.array("Indexes", "i"), node.array("Vertices", "f")
            if len(offsets) != 3 * len(indices):
                raise FbxError(f"shape_{number} moves {len(indices)} vertices but has {len(offsets)} coordinates")
            _check_indices(indices, count, f"shape_{number}")
            np.add.at(shapes[number], indices, offsets.reshape(-1, 3).astype(np.float32))
        return shapes


def _polygons(mesh: FbxNode, count: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Face sizes (F,) and corners (L,); FBX marks the last corner of a polygon by writing -1 - index."""
    corners = mesh.array("PolygonVertexIndex", "i")
    ends = np.flatnonzero(corners < 0)
    if not len(corners) or not len(ends) or ends[-1] != len(corners) - 1:
        raise FbxError("its last polygon is not closed")
    corners = np.where(corners < 0, -1 - corners, corners)
    _check_indices(corners, count, "a polygon")
    sizes = np.diff(ends, prepend=-1)
    if sizes.min() < 3:
        raise FbxError("it has polygons of fewer than three corners")
    return sizes.astype(np.int32), corners.astype(np.int32)


def _uvs(mesh: FbxNode, corner_count: int) -> Array:
    layer = mesh.first("LayerElementUV")
    if layer is None:
        return np.zeros((corner_count, 2))
    mapping, reference = layer.text("MappingInformationType"), layer.text("ReferenceInformationType")
    if mapping != "ByPolygonVertex" or reference not in ("IndexToDirect", "Direct"):
        raise FbxError(f"its texture coordinates are given {mapping}, {reference}, which is not supported")
    values = layer.array("UV", "f")
    if len(values) % 2:
        raise FbxError("it has an odd number of texture coordinates")
    values = values.reshape(-1, 2)
    if reference == "IndexToDirect":
        indices = layer.array("UVIndex", "i")
        _check_indices(indices, len(values), "a texture coordinate")
        values = values[indices]
    if len(values) != corner_count:
        raise FbxError(f"it has {len(values)} texture coordinates for {corner_count} face corners")
    return values


def _check_indices(indices: NDArray[np.int64], count: int, what: str) -> None:
    if len(indices) and not (indices.min() >= 0 and indices.max() < count):
        raise FbxError(f"{what} points at a vertex outside 0..{count - 1}")


def _values(node: FbxNode) -> dict[str, tuple[Any, ...]]:
    """The properties of an object by name: what stands behind name, type, label and flags."""
    table = node.first("Properties70")
    if table is None:
        return {}
    return {_decode(p.properties[0]): p.properties[4:] for p in table.all("P") if len(p.properties) >= 4}


def _decode(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
