"""MHR as one TorchScript file (``mhr_model.pt``), as it comes with SAM 3D Body's checkpoints: LOD 1 with everything.

The names of its tensors and the parameter transform's padding (45 columns of zeros for the identity coefficients) are
those reported publicly for the released file; see ``docs/official_body.md``. PyTorch is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr.correctives import GROUP, PoseCorrectives
from native_runtime.mhr.parameterisation import RigFacts, load_rig_facts
from native_runtime.mhr.skeleton import Skeleton

from .fbx_rig import Rig
from .torch_archive import DAMAGE, ArchiveError, TorchArchive

_TRANSFORM_TOLERANCE = 1e-5


def read_torchscript(path: Path) -> tuple[Rig, PoseCorrectives | None]:
    """Read the file.

    Raises:
        ModelError: it is missing, damaged, or not MHR.
    """
    if not path.is_file():
        raise ModelError(f"There is no file {path}.")
    facts = load_rig_facts()
    try:
        with TorchArchive(path) as archive:
            rig = _rig(archive, facts)
            return rig, _correctives(archive, facts, len(rig.vertices))
    except DAMAGE as error:
        raise ModelError(f"{path.name} is damaged or not MHR's TorchScript file ({error}).") from error


def _rig(archive: TorchArchive, facts: RigFacts) -> Rig:
    joints, parameters = len(facts.joint_names), len(facts.parameterisation.names)
    character = "character_torch"

    parents = archive.tensor(character, "skeleton", "joint_parents", shape=(joints,))
    if not np.array_equal(parents, facts.joint_parents):
        raise ArchiveError("its joints do not have MHR's hierarchy")
    transform = archive.tensor(character, "parameter_transform", "parameter_transform", shape=(joints * 7, None))
    known = facts.parameterisation.matrix
    # The file names no parameters, so the numbers must show that they are the ones that this program expects.
    if transform.shape[1] < parameters or np.abs(transform[:, :parameters] - known).max() > _TRANSFORM_TOLERANCE:
        raise ArchiveError("its parameters are not MHR's")
    skeleton = Skeleton(
        facts.joint_names,
        facts.joint_parents,
        archive.tensor(character, "skeleton", "joint_translation_offsets", shape=(joints, 3)).astype(np.float64),
        archive.tensor(character, "skeleton", "joint_prerotations", shape=(joints, 4)).astype(np.float64),
    )

    vertices = archive.tensor(character, "blend_shape", "base_shape", shape=(None, 3)).astype(np.float64)
    count = len(vertices)
    faces = archive.tensor(character, "mesh", "faces", shape=(None, 3))
    _check_indices(faces, count, "a face")
    texture = archive.tensor(character, "mesh", "texcoords", shape=(None, 2))
    corners = archive.tensor(character, "mesh", "texcoord_faces", shape=(len(faces), 3))
    _check_indices(corners, len(texture), "a texture coordinate")
    identity = archive.tensor(character, "blend_shape", "shape_vectors", shape=(None, count, 3))
    expression = archive.tensor("face_expressions_model", "shape_vectors", shape=(None, count, 3))
    return Rig(
        skeleton=skeleton,
        vertices=vertices,
        face_sizes=np.full(len(faces), 3, np.int32),
        face_vertices=faces.ravel().astype(np.int32),
        uvs=texture[corners.ravel()].astype(np.float64),
        skin=_skin(archive, count, joints),
        shapes=np.concatenate([identity, expression]).astype(np.float32),
    )


def _skin(archive: TorchArchive, count: int, joints: int) -> NDArray[np.float32]:
    place = ("character_torch", "linear_blend_skinning")
    vertex = archive.tensor(*place, "vert_indices_flattened", shape=(None,))
    joint = archive.tensor(*place, "skin_indices_flattened", shape=vertex.shape)
    weight = archive.tensor(*place, "skin_weights_flattened", shape=vertex.shape)
    _check_indices(vertex, count, "the skin")
    _check_indices(joint, joints, "the skin")
    skin = np.zeros((count, joints))
    np.add.at(skin, (vertex, joint), weight)
    total = skin.sum(axis=1)
    if np.any(weight < 0) or np.abs(total - 1).max() > 1e-3:
        raise ArchiveError("its skin weights do not sum to 1")
    return (skin / total[:, None]).astype(np.float32)


def _correctives(archive: TorchArchive, facts: RigFacts, count: int) -> PoseCorrectives | None:
    if "pose_correctives_model" not in archive.content:
        return None
    layers = ("pose_correctives_model", "pose_dirs_predictor")
    indices = archive.tensor(*layers, "0", "sparse_indices", shape=(2, None))
    weights = archive.tensor(*layers, "0", "sparse_weight", shape=(indices.shape[1],))
    dense = archive.tensor(*layers, "2", "weight", shape=(count * 3, None))
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
