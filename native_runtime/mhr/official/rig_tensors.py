"""MHR at level of detail 1 from named tensors: the content of ``mhr_model.pt``, whatever file they lie in.

The names of the tensors and the parameter transform's padding (45 columns of zeros for the identity coefficients) are
those reported publicly for the released file; see ``docs/official_body.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.correctives import GROUP, PoseCorrectives
from native_runtime.mhr.parameterisation import RigFacts, load_rig_facts
from native_runtime.mhr.skeleton import Skeleton

from .fbx_rig import Rig
from .torch_archive import ArchiveError

_TRANSFORM_TOLERANCE = 1e-5


class RigTensors(Protocol):
    """Tensors by the attribute paths that they have in ``mhr_model.pt``."""

    def holds(self, *path: str) -> bool:
        """Whether there is something at a path."""

    def tensor(self, *path: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """The tensor at a path, finite, of a shape (None: any length).

        Raises:
            ArchiveError: it is not there, or not so.
        """


def rig_of(tensors: RigTensors) -> tuple[Rig, PoseCorrectives | None]:
    """The rig that tensors describe. Without texture coordinates among them, those of the rig are zero.

    Raises:
        ArchiveError: they do not describe MHR.
    """
    facts = load_rig_facts()
    rig = _rig(tensors, facts)
    return rig, _correctives(tensors, facts, len(rig.vertices))


def _rig(tensors: RigTensors, facts: RigFacts) -> Rig:
    joints, parameters = len(facts.joint_names), len(facts.parameterisation.names)
    character = "character_torch"

    parents = tensors.tensor(character, "skeleton", "joint_parents", shape=(joints,))
    if not np.array_equal(parents, facts.joint_parents):
        raise ArchiveError("its joints do not have MHR's hierarchy")
    transform = tensors.tensor(character, "parameter_transform", "parameter_transform", shape=(joints * 7, None))
    known = facts.parameterisation.matrix
    # The file names no parameters, so the numbers must show that they are the ones that this program expects.
    if transform.shape[1] < parameters or np.abs(transform[:, :parameters] - known).max() > _TRANSFORM_TOLERANCE:
        raise ArchiveError("its parameters are not MHR's")
    skeleton = Skeleton(
        facts.joint_names,
        facts.joint_parents,
        tensors.tensor(character, "skeleton", "joint_translation_offsets", shape=(joints, 3)).astype(np.float64),
        tensors.tensor(character, "skeleton", "joint_prerotations", shape=(joints, 4)).astype(np.float64),
    )

    vertices = tensors.tensor(character, "blend_shape", "base_shape", shape=(None, 3)).astype(np.float64)
    count = len(vertices)
    faces = tensors.tensor(character, "mesh", "faces", shape=(None, 3))
    _check_indices(faces, count, "a face")
    identity = tensors.tensor(character, "blend_shape", "shape_vectors", shape=(None, count, 3))
    expression = tensors.tensor("face_expressions_model", "shape_vectors", shape=(None, count, 3))
    return Rig(
        skeleton=skeleton,
        vertices=vertices,
        face_sizes=np.full(len(faces), 3, np.int32),
        face_vertices=faces.ravel().astype(np.int32),
        uvs=_uvs(tensors, len(faces)),
        skin=_skin(tensors, count, joints),
        shapes=np.concatenate([identity, expression]).astype(np.float32),
    )


def _uvs(tensors: RigTensors, faces: int) -> NDArray[np.float64]:
    """(3 F, 2) texture coordinates of the triangles' corners."""
    place = ("character_torch", "mesh")
    if not tensors.holds(*place, "texcoords"):
        return np.zeros((3 * faces, 2))
    texture = tensors.tensor(*place, "texcoords", shape=(None, 2))
    corners = tensors.tensor(*place, "texcoord_faces", shape=(faces, 3))
    _check_indices(corners, len(texture), "a texture coordinate")
    return texture[corners.ravel()].astype(np.float64)


def _skin(tensors: RigTensors, count: int, joints: int) -> NDArray[np.float32]:
    place = ("character_torch", "linear_blend_skinning")
    vertex = tensors.tensor(*place, "vert_indices_flattened", shape=(None,))
    joint = tensors.tensor(*place, "skin_indices_flattened", shape=vertex.shape)
    weight = tensors.tensor(*place, "skin_weights_flattened", shape=vertex.shape)
    _check_indices(vertex, count, "the skin")
    _check_indices(joint, joints, "the skin")
    skin = np.zeros((count, joints))
    np.add.at(skin, (vertex, joint), weight)
    total = skin.sum(axis=1)
    if np.any(weight < 0) or np.abs(total - 1).max() > 1e-3:
        raise ArchiveError("its skin weights do not sum to 1")
    return (skin / total[:, None]).astype(np.float32)


def _correctives(tensors: RigTensors, facts: RigFacts, count: int) -> PoseCorrectives | None:
    if not tensors.holds("pose_correctives_model"):
        return None
    layers = ("pose_correctives_model", "pose_dirs_predictor")
    indices = tensors.tensor(*layers, "0", "sparse_indices", shape=(2, None))
    weights = tensors.tensor(*layers, "0", "sparse_weight", shape=(indices.shape[1],))
    dense = tensors.tensor(*layers, "2", "weight", shape=(count * 3, None))
    features = 6 * (len(facts.joint_names) - 2)
    _check_indices(indices[0], dense.shape[1], "the pose correctives")
    _check_indices(indices[1], features, "the pose correctives")
    activation = np.zeros((dense.shape[1], features), np.float32)
    activation[indices[0], indices[1]] = weights

    def parts() -> Iterator[NDArray[Any]]:
        for start in range(0, dense.shape[1], GROUP):
            part = np.ascontiguousarray(dense[:, start : start + GROUP].T, np.float32)
            yield part.reshape(len(part), count, 3)

    return PoseCorrectives.from_parts(activation, parts(), count)


def _check_indices(indices: NDArray[Any], count: int, what: str) -> None:
    if indices.size and not (indices.dtype.kind in "iu" and indices.min() >= 0 and indices.max() < count):
        raise ArchiveError(f"{what} points outside 0..{count - 1}")
