"""MHR's pose correctives as released: ``corrective_activation.npz`` and ``corrective_blendshapes_lodN.npz``.

The first holds the sparse layer from 750 pose features to 3,000 components (``posedirs_sparse_mask`` gives its shape,
``0.sparse_indices`` and ``0.sparse_weight`` its entries), the second what each component does to the mesh of one level
of detail (``corrective_blendshapes``, components x vertices x 3, cm). Source: facebookresearch/MHR, ``mhr/io.py``.
"""

from __future__ import annotations

from typing import IO

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr.correctives import FIRST_JOINT, GROUP, PoseCorrectives

from .npz_stream import NpzStream

BASIS = "corrective_blendshapes"


def read_activation(file: IO[bytes], source: str, joint_count: int) -> NDArray[np.float32]:
    """The first layer as a matrix (components, features).

    Raises:
        ModelError: the file is damaged or made for another skeleton.
    """
    data = NpzStream(file, source)
    features = 6 * (joint_count - FIRST_JOINT)
    mask = data.array("posedirs_sparse_mask", (None, features), "b")
    indices = data.array("0.sparse_indices", (2, None), "i")
    weights = data.array("0.sparse_weight", (indices.shape[1],))
    if indices.size and (indices.min() < 0 or np.any(indices.max(axis=1) >= mask.shape)):
        raise ModelError(f"{source} is damaged: an entry lies outside its {mask.shape[0]} x {mask.shape[1]} layer.")
    activation = np.zeros(mask.shape, np.float32)
    activation[indices[0], indices[1]] = weights
    return activation


def read_correctives(
    file: IO[bytes], source: str, activation: NDArray[np.float32], vertex_count: int
) -> PoseCorrectives | None:
    """Both layers together; None where the file holds no correctives, as it may.

    Raises:
        ModelError: the file is damaged or made for another mesh.
    """
    data = NpzStream(file, source)
    if BASIS not in data.keys:
        return None
    parts = data.parts(BASIS, (len(activation), vertex_count, 3), GROUP)
    return PoseCorrectives.from_parts(activation, parts, vertex_count)
