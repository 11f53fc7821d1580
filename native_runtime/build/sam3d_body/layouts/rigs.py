"""MHR inside other programs' files: level of detail 1, without texture coordinates and without other levels.

* ``mhr.*`` in ComfyUI's file: 17 tensors, two of them with sizes alone
* ``sam3d_body_mhr_jit.safetensors``: 15 tensors beside slices

The triangles are in neither; the checkpoint's head has them. Names: Comfy-Org/ComfyUI,
``comfy/ldm/sam3d_body/model/mhr_rig.py``; lighttransport/gemm, ``ref/sam3d-body/dump_mhr_assets.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.build.sam3d_body.checkpoint import Checkpoint
from native_runtime.errors import ModelError
from native_runtime.mhr.correctives import PoseCorrectives
from native_runtime.mhr.official.fbx_rig import Rig
from native_runtime.mhr.official.rig_tensors import rig_of
from native_runtime.mhr.official.torch_archive import ArchiveError

_FACES = "character_torch.mesh.faces"
_SKIN = "character_torch.linear_blend_skinning"
_CORRECTIVES = "pose_correctives_model.pose_dirs_predictor"
_PATHS = {
    "character_torch.blend_shape.base_shape": ("mhr.base_shape", "blend_shape.base_shape"),
    "character_torch.blend_shape.shape_vectors": ("mhr.identity_basis", "blend_shape.shape_vectors"),
    "face_expressions_model.shape_vectors": ("mhr.expr_basis", "face_expressions.shape_vectors"),
    "character_torch.parameter_transform.parameter_transform": ("mhr.param_transform", "parameter_transform"),
    "character_torch.skeleton.joint_translation_offsets": (
        "mhr.skel_joint_translation_offsets",
        "skeleton.joint_translation_offsets",
    ),
    "character_torch.skeleton.joint_prerotations": ("mhr.skel_joint_prerotations", "skeleton.joint_prerotations"),
    "character_torch.skeleton.joint_parents": ("mhr.skel_joint_parents", "skeleton.joint_parents"),
    f"{_SKIN}.vert_indices_flattened": ("mhr.lbs_vert_indices", "lbs.vert_indices_flattened"),
    f"{_SKIN}.skin_indices_flattened": ("mhr.lbs_skin_indices", "lbs.skin_indices_flattened"),
    f"{_SKIN}.skin_weights_flattened": ("mhr.lbs_skin_weights", "lbs.skin_weights_flattened"),
    f"{_CORRECTIVES}.0.sparse_indices": ("mhr.pose_corr_sparse_indices", "pose_correctives.sparse_indices"),
    f"{_CORRECTIVES}.0.sparse_weight": ("mhr.pose_corr_sparse_weight", "pose_correctives.sparse_weight"),
    f"{_CORRECTIVES}.2.weight": ("mhr.pose_corr_weight", "pose_correctives.linear_weight"),
}
"""Path in ``mhr_model.pt`` -> name in ComfyUI's file, name beside slices."""


def read_stored_rig(
    checkpoint: Checkpoint, names: Sequence[str], faces: NDArray[np.int64], title: str
) -> tuple[Rig, PoseCorrectives | None]:
    """The rig that some of a checkpoint's tensors are.

    Args:
        names: of these tensors.
        faces: (F, 3) the triangles.
        title: what to call the file in messages.

    Raises:
        ModelError: they are not MHR, whole, and in float32.
    """
    found = {path: name for path, known in _PATHS.items() for name in names if any(_is(name, one) for one in known)}
    try:
        return rig_of(_Named(checkpoint, found, faces))
    except ArchiveError as error:
        raise ModelError(
            f"The rig in {title} is damaged or not MHR's ({error}). Take the file again, or name mhr_model.pt, which "
            "comes with Meta's checkpoints and with MHR's own release (assets.zip)."
        ) from error


def _is(name: str, known: str) -> bool:
    return name == known or name.endswith(f".{known}")


class _Named:
    """Tensors of a checkpoint at the paths of ``mhr_model.pt``."""

    def __init__(self, checkpoint: Checkpoint, names: Mapping[str, str], faces: NDArray[np.int64]) -> None:
        self._checkpoint, self._names, self._faces = checkpoint, names, faces

    def holds(self, *path: str) -> bool:
        place = ".".join(path)
        return any(name == place or name.startswith(f"{place}.") for name in (*self._names, _FACES))

    def tensor(self, *path: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        place = ".".join(path)
        if place == _FACES:
            return self._faces
        if place not in self._names:
            raise ArchiveError(f"there is no tensor {_PATHS[place][0] if place in _PATHS else place}")
        name = self._names[place]
        array = self._checkpoint.stored(name)
        if len(array.shape) != len(shape) or any(w is not None and w != f for w, f in zip(shape, array.shape)):
            raise ArchiveError(f"{name} has the shape {array.shape}, expected {shape}")
        if array.dtype.kind == "f":
            if self._checkpoint.kind(name) not in ("float32", "float64"):
                raise ArchiveError(f"{name} is stored in {self._checkpoint.kind(name)}; the rig needs float32")
            if not np.isfinite(array).all():
                raise ArchiveError(f"{name} holds values that are not finite")
        return array
