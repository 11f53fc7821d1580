"""Skinning in blocks against its definition, for weights of many kinds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.mhr.rotations import euler_to_matrix
from native_runtime.mhr.skinning import Skinning

JOINTS = 60


def _weights(rng: np.random.Generator, vertices: int, influences: int, reach: int) -> tuple[NDArray, NDArray]:
    """Joints and weights of vertices that each hang on joints of one stretch of ``reach``; some weights are zero."""
    first = rng.integers(0, JOINTS - reach + 1, vertices)
    indices = first[:, None] + rng.integers(0, reach, (vertices, influences))
    weights = rng.uniform(0.1, 1.0, indices.shape) * (rng.random(indices.shape) < 0.7)
    weights[:, 0] += 0.1
    return indices.astype(np.int32), (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _transforms(rng: np.random.Generator, *lead: int) -> NDArray[np.float64]:
    linear = euler_to_matrix(rng.uniform(-3, 3, (*lead, JOINTS, 3))) * rng.uniform(0.8, 1.2, (*lead, JOINTS, 1, 1))
    return np.concatenate([linear, rng.uniform(-100, 100, (*lead, JOINTS, 3, 1))], axis=-1)


def _defined(indices: NDArray, weights: NDArray, transforms: NDArray, shape: NDArray) -> NDArray[np.float64]:
    """v' = sum of weight (A v + t) over the influences, in double precision."""
    own = transforms[..., indices, :, :]  # pose, vertex, influence, 3, 4
    moved = np.einsum("...viab,...vb->...via", own[..., :3], shape.astype(np.float64)) + own[..., 3]
    return np.einsum("...via,vi->...va", moved, weights.astype(np.float64))


@pytest.mark.parametrize(
    ("vertices", "influences", "reach"),
    [
        (1, 1, 1),
        (7, 3, 4),
        (700, 4, 4),  # neighbours share their joints, as on a body
        (700, 4, JOINTS),  # each vertex has joints of its own: nothing to share
        (40, 200, JOINTS),  # more joints a vertex than most blocks may have
    ],
)
def test_blocks_give_what_the_definition_says(vertices: int, influences: int, reach: int) -> None:
    rng = np.random.default_rng(vertices + influences)
    indices, weights = _weights(rng, vertices, influences, reach)
    skinning = Skinning.of(indices, weights, JOINTS)
    shape = rng.uniform(-90, 90, (vertices, 3)).astype(np.float32)
    transforms = _transforms(rng)
    posed = skinning.skin(transforms, shape)
    assert posed.dtype == np.float32
    np.testing.assert_allclose(posed, _defined(indices, weights, transforms, shape), atol=2e-4)


def test_many_poses_share_a_shape_or_have_their_own() -> None:
    rng = np.random.default_rng(5)
    indices, weights = _weights(rng, 3000, 3, 5)
    skinning = Skinning.of(indices, weights, JOINTS)
    transforms = _transforms(rng, 7, 3)  # more than are worked on together
    shapes = rng.uniform(-90, 90, (7, 3, 3000, 3)).astype(np.float32)
    own = skinning.skin(transforms, shapes)
    np.testing.assert_allclose(own, _defined(indices, weights, transforms, shapes), atol=2e-4)
    np.testing.assert_array_equal(
        skinning.skin(transforms, shapes[0, 0]), skinning.skin(transforms, np.broadcast_to(shapes[0, 0], shapes.shape))
    )
    np.testing.assert_allclose(skinning.skin(transforms[2, 1], shapes[2, 1]), own[2, 1], atol=2e-4)
    assert skinning.skin(transforms[:0], shapes[0, 0]).shape == (0, 3, 3000, 3)


def test_what_is_given_is_left_alone() -> None:
    rng = np.random.default_rng(6)
    indices, weights = _weights(rng, 50, 3, 5)
    transforms, shape = _transforms(rng, 2), rng.uniform(-90, 90, (50, 3)).astype(np.float32)
    before = transforms.copy(), shape.copy()
    Skinning.of(indices, weights, JOINTS).skin(transforms, shape)
    np.testing.assert_array_equal(transforms, before[0])
    np.testing.assert_array_equal(shape, before[1])
