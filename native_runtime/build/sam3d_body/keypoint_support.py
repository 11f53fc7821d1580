"""The part of a body that the 70 keypoints need: a few hundred numbers instead of the mesh, exactly.

Every keypoint is a weighted sum of posed vertices and joint positions, and a vertex skinned linearly is a weighted sum
over joints. So

    keypoint_k = sum_j ( A_j X_kj + W_kj t_j ),

where joint j maps its own frame to the world by (A_j, t_j), X_kj gathers the weighted places of all vertices of the
keypoint in that frame, and most pairs (k, j) do not occur. X is linear in the identity coefficients and in the pose
correctives' hidden components, so both act on the pairs directly: a decoder that is evaluated after every layer never
sees a vertex.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr import Body, SparseRows
from native_runtime.mhr.correctives import PoseCorrectives
from native_runtime.mhr.points import PointSet
from native_runtime.mhr.sparse import sorted_rows
from native_runtime.models.sam3d_body_layout import KEYPOINTS

Array = NDArray[np.float32]


def keypoint_support(body: Body, keypoint_mapping: NDArray) -> dict[str, NDArray]:
    """The arrays by which a decoder goes from MHR's parameters to joints and keypoints.

    Args:
        body: MHR at the level of detail that the checkpoint was made with; its own keypoints are not looked at.
        keypoint_mapping: (>= 70, V + J) weights over posed vertices, then joints; the first 70 rows count.

    Returns:
        float32 unless said otherwise, with n pairs, f features and c components (each at least one), lengths in cm:

        * ``parameter_transform`` (P, J * 7): model parameters to joint parameters, to be multiplied from the left
        * ``joint_offsets`` (J, 3), ``joint_prerotations`` (J, 3, 3)
        * ``pair_joints`` (n,) int64; ``pair_sums`` (70, n): 1 where a pair belongs to a keypoint, otherwise 0
        * ``pair_weights`` (n, 1): W; ``pair_places`` (n * 3,): X at zero coefficients
        * ``pair_identity`` (n_id, n * 3): change of X per unit of each identity coefficient
        * ``corrective_features`` (f,) int64: the pose features that count (indices as in ``correctives.pose_features``)
        * ``corrective_activation`` (f, c), ``corrective_places`` (c, n * 3): X changes by
          relu(features @ activation) @ places

    Raises:
        ModelError: the mapping belongs to another mesh, or leaves a keypoint without a place.
    """
    width = body.vertex_count + len(body.joint_names)
    if keypoint_mapping.ndim != 2 or keypoint_mapping.shape[0] < KEYPOINTS or keypoint_mapping.shape[1] != width:
        raise ModelError(
            f"The checkpoint's keypoints are made of {keypoint_mapping.shape} weights, which does not match MHR's "
            f"{body.vertex_count} vertices and {len(body.joint_names)} joints. The checkpoint and mhr_model.pt must "
            "come from the same release."
        )
    weights = np.asarray(keypoint_mapping[:KEYPOINTS])
    if not np.isfinite(weights).all() or not weights.any(axis=1).all():
        raise ModelError("The checkpoint's keypoint weights are damaged. Download the checkpoint again.")
    rows, columns = np.nonzero(weights)
    return point_support(body, sorted_rows(KEYPOINTS, rows, columns, weights[rows, columns]))


def point_support(body: Body, rows: SparseRows) -> dict[str, NDArray]:
    """The same arrays for any K points instead of the 70 keypoints: weights over posed vertices, then joints."""
    part, part_rows = _needed(body, rows)
    pairs = PointSet.from_rows(part, part_rows)
    count = len(pairs.joints)
    basis = pairs.local_basis.transpose(1, 0, 2).reshape(-1, count * 3)
    features, activation, places = _correctives(body.correctives, basis[body.identity_count :])
    skeleton = body.skeleton
    return {
        "parameter_transform": np.ascontiguousarray(body.parameterisation.matrix.T, np.float32),
        "joint_offsets": skeleton.offsets.astype(np.float32),
        "joint_prerotations": skeleton.prerotation_matrices.astype(np.float32),
        "pair_joints": pairs.joints.astype(np.int64),
        "pair_sums": (pairs.points == np.arange(rows.row_count)[:, None]).astype(np.float32),
        "pair_weights": pairs.weights[:, None].astype(np.float32),
        "pair_places": pairs.local.reshape(-1).astype(np.float32),
        "pair_identity": np.ascontiguousarray(basis[: body.identity_count], np.float32),
        "corrective_features": features,
        "corrective_activation": activation,
        "corrective_places": places,
    }


def _needed(body: Body, rows: SparseRows) -> tuple[Body, SparseRows]:
    """The body cut down to the vertices of ``rows``, its correctives' components appended to its identity shapes."""
    used = np.unique(rows.columns[rows.columns < body.vertex_count])
    shapes = [body.identity_basis[:, used]]
    if body.correctives is not None:
        shapes.append(_restricted(body.correctives, used))
    part = replace(
        body,
        rest_vertices=body.rest_vertices[used],
        identity_basis=np.concatenate(shapes),
        expression_basis=body.expression_basis[:, used],
        skin_indices=body.skin_indices[used],
        skin_weights=body.skin_weights[used],
    )
    joints = rows.columns - body.vertex_count + len(used)
    columns = np.where(rows.columns < body.vertex_count, np.searchsorted(used, rows.columns), joints)
    return part, replace(rows, columns=columns.astype(np.int32))


def _restricted(correctives: PoseCorrectives, vertices: NDArray[np.int64]) -> Array:
    """The components' offsets (C, len(vertices), 3) of some vertices (rising), without ever unpacking the others."""
    out = np.zeros((correctives.component_count, len(vertices), 3), np.float32)
    start = 0
    for block in correctives.basis.blocks:
        stop = start + len(block.offsets)
        _, here, there = np.intersect1d(vertices, block.vertices, assume_unique=True, return_indices=True)
        out[start:stop, here] = block.offsets[:, there]
        start = stop
    return out


def _correctives(correctives: PoseCorrectives | None, places: NDArray) -> tuple[NDArray[np.int64], Array, Array]:
    """(features, activation, places) without what has no effect on the pairs; one idle component where none has any.

    A body without correctives gets the same graph as one with them, and not every runtime multiplies empty matrices.
    """
    if correctives is not None:
        components = np.flatnonzero(places.any(axis=1) & correctives.activation.any(axis=1))
        if len(components):
            activation = correctives.activation[components]
            features = np.flatnonzero(activation.any(axis=0))
            return features, np.ascontiguousarray(activation[:, features].T), places[components].astype(np.float32)
    return np.zeros(1, np.int64), np.zeros((1, 1), np.float32), np.zeros((1, places.shape[1]), np.float32)
