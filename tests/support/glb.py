"""A reader of glTF binaries after the specification (glTF 2.0), with NumPy alone, beside Blender's importer.

It knows what skinned characters are made of: nodes, one skin, meshes with morph targets, and an animation's first key.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
#: glTF's y up, facing +z, as Blender's z up, facing -y.
TO_BLENDER = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Glb:
    """A file's JSON and binary chunk."""

    content: dict[str, Any]
    binary: bytes

    @classmethod
    def read(cls, path: Path) -> Glb:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        start = 20 + size
        size, kind = struct.unpack_from("<I4s", data, start)
        assert kind == b"BIN\0"
        return cls(
            json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]]), data[start + 8 : start + 8 + size]
        )

    @property
    def joints(self) -> list[int]:
        """The nodes of the skin."""
        return self.content["skins"][0]["joints"]

    @property
    def joint_names(self) -> list[str]:
        return [self.content["nodes"][node]["name"] for node in self.joints]

    @cached_property
    def parents(self) -> list[int]:
        """The parent of each node, -1 where there is none."""
        parents = [-1] * len(self.content["nodes"])
        for i, node in enumerate(self.content["nodes"]):
            for child in node.get("children", []):
                parents[child] = i
        return parents

    def joint_parents(self) -> dict[str, str | None]:
        """Joint -> the joint above it; None for those that hang on no joint."""
        nodes, joints = self.content["nodes"], set(self.joints)
        above = {node: self.parents[node] for node in self.joints}
        return {nodes[n]["name"]: nodes[p]["name"] if p in joints else None for n, p in above.items()}

    def array(self, index: int) -> NDArray[Any]:
        """An accessor's values, (n,) or (n, width)."""
        accessor = self.content["accessors"][index]
        width = _WIDTHS[accessor["type"]]
        values = np.zeros((accessor["count"], width), _TYPES[accessor["componentType"]])
        if "bufferView" in accessor:
            values = self._view(accessor, accessor["count"], width)
        if "sparse" in accessor:
            sparse = accessor["sparse"]
            rows = self._view(sparse["indices"], sparse["count"], 1)[:, 0]
            values = values.copy()
            values[rows] = self._view(
                {**sparse["values"], "componentType": accessor["componentType"]}, len(rows), width
            )
        return values[:, 0] if width == 1 else values

    def _view(self, accessor: dict[str, Any], count: int, width: int) -> NDArray[Any]:
        view = self.content["bufferViews"][accessor["bufferView"]]
        assert "byteStride" not in view
        kind = np.dtype(_TYPES[accessor["componentType"]])
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        return np.frombuffer(self.binary, kind, count * width, start).reshape(count, width)

    def worlds(self, posed: bool) -> Array:
        """(nodes, 4, 4) of each node: as the file has it, or at the animation's first key."""
        nodes = [dict(node) for node in self.content["nodes"]]
        for node, path, value in self._keys() if posed else ():
            nodes[node][path] = value
        worlds = np.zeros((len(nodes), 4, 4))
        for i in self._parents_first():
            local = _matrix(nodes[i])
            worlds[i] = local if self.parents[i] < 0 else worlds[self.parents[i]] @ local
        return worlds

    def joint_places(self, posed: bool) -> dict[str, Array]:
        """Where each joint is (3,) m, Blender's axes."""
        worlds = self.worlds(posed)
        return {name: TO_BLENDER @ worlds[node, :3, 3] for name, node in zip(self.joint_names, self.joints)}

    def skinned(self, posed: bool) -> Array:
        """(V, 3) m, Blender's axes: all vertices of all primitives after morph targets and skin."""
        inverse = self.array(self.content["skins"][0]["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        motion = self.worlds(posed)[self.joints] @ inverse
        mesh = self.content["meshes"][0]
        shares = np.array(mesh.get("weights", []))
        for _, path, value in self._keys() if posed else ():
            shares = np.array(value) if path == "weights" else shares
        found = []
        for primitive in mesh["primitives"]:
            points = self.array(primitive["attributes"]["POSITION"]).astype(np.float64)
            for share, target in zip(shares, primitive.get("targets", [])):
                points = points + share * self.array(target["POSITION"])
            bones, weights = self.influences(primitive)
            matrices = np.einsum("vk,vkij->vij", weights, motion[bones])
            found.append(np.einsum("vij,vj->vi", matrices[:, :3, :3], points) + matrices[:, :3, 3])
        return np.concatenate(found) @ TO_BLENDER.T

    def influences(self, primitive: dict[str, Any]) -> tuple[NDArray[np.intp], Array]:
        """Joints and weights (V, K) of a primitive, all sets together."""
        attributes = primitive["attributes"]
        sets = [k for k in range(4) if f"JOINTS_{k}" in attributes]
        bones = np.concatenate([self.array(attributes[f"JOINTS_{k}"]) for k in sets], axis=1)
        return bones.astype(np.intp), np.concatenate([self.array(attributes[f"WEIGHTS_{k}"]) for k in sets], axis=1)

    def _keys(self) -> list[tuple[int, str, list[float]]]:
        """The first value of each animated channel: (node, path, value)."""
        keys = []
        for animation in self.content.get("animations", []):
            for channel in animation["channels"]:
                values = self.array(animation["samplers"][channel["sampler"]]["output"])
                count = len(self.array(animation["samplers"][channel["sampler"]]["input"]))
                target = channel["target"]
                keys.append((target["node"], target["path"], values.reshape(count, -1)[0].tolist()))
        return keys

    def _parents_first(self) -> list[int]:
        order = [i for i, parent in enumerate(self.parents) if parent < 0]
        for node in order:
            order += self.content["nodes"][node].get("children", [])
        return order


def _matrix(node: dict[str, Any]) -> Array:
    if "matrix" in node:
        return np.array(node["matrix"]).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= node.get("scale", (1.0, 1.0, 1.0))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix
