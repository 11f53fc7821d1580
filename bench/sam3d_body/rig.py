"""A body of LOD 1's sizes around the made-up person, and the TorchScript file `mhr_model.pt` that holds it.

As in the release: 18,439 vertices, 36,874 triangles, 51,337 skin weights (at most four a vertex), 45 + 72 shapes, pose
correctives of 3,000 components with 53,136 activation weights, each component moving the surroundings of one joint.
The sizes are parameters, so that tests can make small ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr.correctives import FIRST_JOINT, GROUP

from .container import Module, Tensor, write_module
from .person import Person

KEYPOINTS = 308
_SUPPORT = 5
"""Vertices under each keypoint on the surface."""
_ROWS = 1 << 11
"""Vertices whose correctives are made at a time."""
_NEIGHBOURS = 3
"""Joints whose angles a corrective component looks at."""


@dataclass(frozen=True)
class Sizes:
    """How large the body is.

    Attributes:
        vertices, triangles, texture_points: of the mesh.
        skin_weights: all together.
        activations: weights of the correctives' first layer.
    """

    vertices: int = 18_439
    triangles: int = 36_874
    texture_points: int = 19_455
    skin_weights: int = 51_337
    activations: int = 53_136


@dataclass(frozen=True)
class Surface:
    """Vertices around the bones, and everything that lies near joints.

    Attributes:
        person: whose bones.
        sizes: how many of everything.
        seed: of all random numbers.
    """

    person: Person
    sizes: Sizes
    seed: int = 0

    def _rng(self, what: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, what])

    @cached_property
    def vertices(self) -> NDArray[np.float32]:
        """(V, 3) cm: rings around the way from a joint to its parent, thick in the trunk, thin in the fingers."""
        rng, joints = self._rng(0), self.person.joints
        parents = np.maximum(self.person.facts.joint_parents, 0)
        bone = np.sort(rng.integers(FIRST_JOINT, len(joints), self.sizes.vertices))
        start, end = joints[parents[bone]], joints[bone]
        length = np.linalg.norm(end - start, axis=1)
        radius = np.clip(0.35 * length, 0.6, 9.0)
        around = rng.normal(size=(len(bone), 3))
        around /= np.linalg.norm(around, axis=1, keepdims=True)
        along = rng.uniform(size=(len(bone), 1))
        return (start + along * (end - start) + radius[:, None] * around).astype(np.float32)

    @cached_property
    def triangles(self) -> NDArray[np.int64]:
        """(F, 3) strips over vertices that follow each other, hence lie near each other."""
        count = self.sizes.vertices
        first = np.arange(self.sizes.triangles) % count
        second = (np.arange(self.sizes.triangles) // count) + 1
        return np.stack([first, (first + second) % count, (first + second + 1) % count], axis=1)

    @cached_property
    def _nearest(self) -> NDArray[np.int64]:
        """(V, 4) joints, nearest first; of joints at the same place each vertex takes another."""
        distance = np.linalg.norm(self.vertices[:, None] - self.person.joints[None], axis=2)
        distance += self._rng(1).uniform(0, 0.5, distance.shape)
        distance[:, :FIRST_JOINT] = np.inf
        return np.argsort(distance, axis=1)[:, :4]

    @cached_property
    def skin(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """The triplets (vertex, joint, weight); a vertex's weights sum to 1."""
        count = self.sizes.vertices
        influences = np.full(count, self.sizes.skin_weights // count)
        influences[: self.sizes.skin_weights % count] += 1
        influences = self._rng(2).permutation(influences)
        weights = np.where(np.arange(4) < influences[:, None], 2.0 ** -np.arange(4), 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        vertex, slot = np.nonzero(weights)
        return vertex, self._nearest[vertex, slot].astype(np.int32), weights[vertex, slot].astype(np.float32)

    def shapes(self, count: int, joints: NDArray[np.int64], size: float, what: int) -> NDArray[np.float32]:
        """(count, V, 3) cm: every vertex goes with its two nearest joints, of which the named ones move at random."""
        moves = np.zeros((count, len(self.person.joints), 3), np.float32)
        moves[:, joints] = self._rng(what).normal(0, size, (count, len(joints), 3))
        return (moves[:, self._nearest[:, 0]] + moves[:, self._nearest[:, 1]]) / 2

    @cached_property
    def keypoint_mapping(self) -> NDArray[np.float32]:
        """(308, V + 127): 70 keypoints as MHR-70 has them, on a joint or on five vertices near one; the rest alike."""
        rng, count = self._rng(3), self.sizes.vertices
        mapping = np.zeros((KEYPOINTS, count + len(self.person.joints)), np.float32)
        known = load_json("mhr", "keypoints.json")["keypoints"]
        for row in range(KEYPOINTS):
            keypoint = known[row] if row < len(known) else {}
            if "joint" in keypoint:
                mapping[row, count + self.person.joint(keypoint["joint"])] = 1
                continue
            near = keypoint.get("nearest_joint")
            place = self.person.joints[self.person.joint(near) if near else rng.integers(FIRST_JOINT, 127)]
            order = np.argsort(np.linalg.norm(self.vertices - place, axis=1))
            mapping[row, order[:_SUPPORT]] = rng.dirichlet(np.full(_SUPPORT, 4.0))
        return mapping

    @cached_property
    def activation(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The correctives' first layer: places (2, n) of (component, feature), and values (n,)."""
        rng, joints = self._rng(4), self.person.joints[FIRST_JOINT:]
        apart = np.linalg.norm(joints[:, None] - joints[None], axis=2)
        near = np.argsort(apart, axis=1)[:, :_NEIGHBOURS]
        features = (near[:, :, None] * 6 + np.arange(6)).reshape(len(joints), -1)
        rows = np.repeat(np.arange(len(joints) * GROUP), features.shape[1])
        columns = np.repeat(features, GROUP, axis=0).ravel()
        kept = np.sort(rng.permutation(len(rows))[: self.sizes.activations])
        return np.stack([rows[kept], columns[kept]]), rng.normal(0, 0.5, len(kept)).astype(np.float32)

    def correctives(self) -> Iterator[NDArray[np.float32]]:
        """The second layer (3 V, 3000), cm, some vertices at a time; zero away from the component's joint."""
        rng = self._rng(5)
        joints = self.person.joints[FIRST_JOINT:]
        for start in range(0, self.sizes.vertices, _ROWS):
            part = self.vertices[start : start + _ROWS]
            distance = np.linalg.norm(part[:, None] - joints[None], axis=2)
            near = np.maximum(0, 1 - distance / 12).astype(np.float32)[:, None, :, None]
            values = rng.standard_normal((len(part), 3, len(joints), GROUP), np.float32)
            yield 0.05 * near * values


def write_rig(path: Path, surface: Surface, notice: str) -> None:
    """Write `mhr_model.pt`."""
    write_module(path, rig_module(surface), notice)


def rig_module(surface: Surface) -> Module:
    """What `mhr_model.pt` holds."""
    person, sizes = surface.person, surface.sizes
    head = np.array([i for i, name in enumerate(person.facts.joint_names) if _of_the_head(name)])
    hands = np.array([i for i, name in enumerate(person.facts.joint_names) if _of_a_hand(name)])
    everything = np.arange(FIRST_JOINT, len(person.joints))
    identity = [
        surface.shapes(20, everything, 0.8, 10),
        surface.shapes(20, head, 0.3, 11),
        surface.shapes(5, hands, 0.1, 12),
    ]
    matrix = person.facts.parameterisation.matrix.astype(np.float32)
    transform = np.concatenate([matrix, np.zeros((len(matrix), 45), np.float32)], axis=1)
    vertex, joint, weight = surface.skin
    places, values = surface.activation
    components = (len(person.joints) - FIRST_JOINT) * GROUP
    texture = surface.triangles % sizes.texture_points
    return {
        "training": False,
        "character_torch": {
            "skeleton": {
                "joint_translation_offsets": Tensor.of(person.skeleton.offsets.astype(np.float32)),
                "joint_prerotations": Tensor.of(person.skeleton.prerotations.astype(np.float32)),
                "joint_parents": Tensor.of(person.facts.joint_parents.astype(np.int32)),
            },
            "mesh": {
                "rest_vertices": Tensor.of(surface.vertices),
                "faces": Tensor.of(surface.triangles.astype(np.int32)),
                "texcoords": Tensor.of(
                    np.random.default_rng(surface.seed).random((sizes.texture_points, 2), np.float32)
                ),
                "texcoord_faces": Tensor.of(texture.astype(np.int32)),
            },
            "blend_shape": {
                "base_shape": Tensor.of(surface.vertices),
                "shape_vectors": Tensor.of(np.concatenate(identity)),
            },
            "parameter_transform": {"parameter_transform": Tensor.of(transform)},
            "linear_blend_skinning": {
                "vert_indices_flattened": Tensor.of(vertex),
                "skin_indices_flattened": Tensor.of(joint),
                "skin_weights_flattened": Tensor.of(weight),
            },
        },
        "face_expressions_model": {"shape_vectors": Tensor.of(surface.shapes(72, head, 0.2, 13))},
        "pose_correctives_model": {
            "pose_dirs_predictor": {
                "0": {"sparse_indices": Tensor.of(places), "sparse_weight": Tensor.of(values)},
                "1": {},
                "2": {"weight": Tensor("float32", (3 * sizes.vertices, components), surface.correctives)},
            }
        },
    }


def _of_the_head(name: str) -> bool:
    return name.startswith(("c_head", "c_jaw", "c_teeth", "c_tongue")) or "_eye" in name


def _of_a_hand(name: str) -> bool:
    return any(finger in name for finger in ("thumb", "index", "middle", "ring", "pinky"))
