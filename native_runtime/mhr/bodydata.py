"""The numbers of a body, without the mathematics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ages import AgeTable
from .correctives import PoseCorrectives
from .parameterisation import Parameterisation
from .skeleton import Skeleton
from .sparse import SparseRows


@dataclass(frozen=True, eq=False)
class BodyData:
    """What a body file holds. All numbers are in MHR's units and axes: cm, y up, the character faces +z.

    Attributes:
        name: the body's name, e.g. ``default``.
        provenance: JSON text: where the data came from and under which licences.
        skeleton: the joint tree (J joints).
        parameterisation: the model parameters (P) and their limits.
        rest_vertices: (V, 3) float32 at zero parameters and zero coefficients.
        face_sizes, face_vertices: (F,), (L,) polygons, counter-clockwise from outside.
        face_materials, material_names: (F,), (M,).
        uvs: (L, 2) per face corner.
        identity_basis, identity_names, identity_groups: (n_id, V, 3), (n_id,), (n_id,) groups body, head, hands, age.
        identity_min, identity_max: (n_id,) slider ranges.
        expression_basis, expression_names: (n_ex, V, 3), (n_ex,).
        skin_indices, skin_weights: (V, K) joints and weights; weights sum to 1.
        keypoint_names, keypoint_rows: the 70 MHR keypoints as sums over posed vertices, then posed joint positions.
        landmark_names, landmark_rows: further named points in the same form; may be empty.
        correctives: pose correctives, or None.
        ages: how skeleton and shape follow age, or None.
    """

    name: str
    provenance: str
    skeleton: Skeleton
    parameterisation: Parameterisation
    rest_vertices: NDArray[np.float32]
    face_sizes: NDArray[np.int32]
    face_vertices: NDArray[np.int32]
    face_materials: NDArray[np.int32]
    material_names: tuple[str, ...]
    uvs: NDArray[np.float32]
    identity_basis: NDArray[np.float32]
    identity_names: tuple[str, ...]
    identity_groups: tuple[str, ...]
    identity_min: NDArray[np.float64]
    identity_max: NDArray[np.float64]
    expression_basis: NDArray[np.float32]
    expression_names: tuple[str, ...]
    skin_indices: NDArray[np.int32]
    skin_weights: NDArray[np.float32]
    keypoint_names: tuple[str, ...]
    keypoint_rows: SparseRows
    landmark_names: tuple[str, ...]
    landmark_rows: SparseRows
    correctives: PoseCorrectives | None = None
    ages: AgeTable | None = None
